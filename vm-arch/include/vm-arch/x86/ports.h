/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Ports of the machine that several parts use.
 *
 * Threads: no state.
 */
#ifndef VARCH_X86_PORTS_H
#define VARCH_X86_PORTS_H

#include <vm-arch/layout.h>

#define VMM_PORT_SERIAL		VMM_SERIAL_AT
#define VMM_PORT_SERIAL_LEN	VMM_SERIAL_LEN
#define VMM_PORT_PANIC		0x505	/* pvpanic: a panic of the guest's kernel */

/* The machine's own ports, in one block. */
#define VMM_PORT_POWER		0x600	/* of arch/boot_protocol.h */
#define VMM_PORT_SLEEP_CONTROL	0x620	/* ACPI: bits 2-4 state, bit 5 go */
#define VMM_PORT_SLEEP_STATUS	0x621
#define VMM_PORT_RESET		0x622	/* ACPI: VMM_RESET_VALUE resets */
#define VMM_PORT_PLUG		VMM_PLUG_AT
#define VMM_PORT_PLUG_LEN	VMM_PLUG_LEN
#define VMM_PORT_CPU_PLUG	VMM_CPU_PLUG_AT
#define VMM_PORT_CPU_PLUG_LEN	VMM_CPU_PLUG_LEN
#define VMM_PORT_MACHINE_LEN	0x40
#define VMM_RESET_VALUE		0x01

#endif
