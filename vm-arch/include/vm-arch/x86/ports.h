/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Ports of the machine that several parts use.
 *
 * Threads: no state.
 */
#ifndef VARCH_X86_PORTS_H
#define VARCH_X86_PORTS_H

#include <vm-arch/layout.h>

#define VARCH_PORT_SERIAL		VARCH_SERIAL_AT
#define VARCH_PORT_SERIAL_LEN	VARCH_SERIAL_REGISTERS_LEN
#define VARCH_PORT_PANIC		0x505	/* pvpanic: a panic of the guest's kernel */

/* The machine's own ports, in one block. */
#define VARCH_PORT_POWER		0x600	/* of boot_protocol.h */
#define VARCH_PORT_SLEEP_CONTROL	0x620	/* ACPI: bits 2-4 state, bit 5 go */
#define VARCH_PORT_SLEEP_STATUS	0x621
#define VARCH_PORT_RESET		0x622	/* ACPI: VARCH_RESET_VALUE resets */
#define VARCH_PORT_PLUG		VARCH_PLUG_AT
#define VARCH_PORT_PLUG_LEN	VARCH_PLUG_LEN
#define VARCH_PORT_CPU_PLUG	VARCH_CPU_PLUG_AT
#define VARCH_PORT_CPU_PLUG_LEN	VARCH_CPU_PLUG_LEN
#define VARCH_PORT_MACHINE_LEN	0x40
#define VARCH_RESET_VALUE		0x01

#endif
