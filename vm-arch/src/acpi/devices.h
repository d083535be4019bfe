/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices that the DSDT of every architecture has, in the open scope \_SB: the power button, the VM
 * Generation ID, events, virtio-mmio transports, and the PCI bus with its slots. Interrupts and
 * addresses are those of target/layout.h.
 *
 * Threads: no state.
 */
#ifndef VMM_ACPI_DEVICES_H
#define VMM_ACPI_DEVICES_H

#include <vm-arch/board.h>

#include "acpi/aml.h"

/* Names of a device, after vmm_aml_device(). */
void vmm_acpi_uid(struct vmm_aml *aml, unsigned int uid);
void vmm_acpi_string_id(struct vmm_aml *aml, const char *id);
void vmm_acpi_eisa_id(struct vmm_aml *aml, const char *id);
/* Its resources; descriptors follow, then vmm_aml_end(). */
void vmm_acpi_begin_resources(struct vmm_aml *aml);
/* The descriptor of an interrupt by its number in the layout. */
void vmm_acpi_interrupt(struct vmm_aml *aml, uint32_t irq);

/* "PWRB", which remains open. */
void vmm_acpi_begin_button(struct vmm_aml *aml);
void vmm_acpi_generation(struct vmm_aml *aml, uint64_t gpa);
/* take: a method to call when the button was pressed, before its driver is notified; or NULL. */
void vmm_acpi_events(struct vmm_aml *aml, const struct vmm_board *board, const char *take);
void vmm_acpi_transports(struct vmm_aml *aml, const struct vmm_board *board);
/* "PCI0", if the board has a bus; it remains open. */
void vmm_acpi_begin_bus(struct vmm_aml *aml, const struct vmm_board *board);
/* Descriptors of windows and configuration space, which have no driver. */
void vmm_acpi_reserved(struct vmm_aml *aml, const struct vmm_board *board);

#endif
