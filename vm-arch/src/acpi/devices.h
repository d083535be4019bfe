/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Devices that the DSDT of every architecture has, in the open scope \_SB: the power button, the VM
 * Generation ID, events, virtio-mmio transports, and the PCI bus with its slots. Interrupts and
 * addresses are those of <vm-arch/layout.h>.
 *
 * Threads: no state.
 */
#ifndef VARCH_ACPI_DEVICES_H
#define VARCH_ACPI_DEVICES_H

#include <vm-arch/board.h>

#include "acpi/aml.h"

/* Names of a device, after varch_aml_device(). */
void varch_acpi_uid(struct varch_aml *aml, unsigned int uid);
void varch_acpi_string_id(struct varch_aml *aml, const char *id);
void varch_acpi_eisa_id(struct varch_aml *aml, const char *id);
/* Its resources; descriptors follow, then varch_aml_end(). */
void varch_acpi_begin_resources(struct varch_aml *aml);
/* The descriptor of an interrupt by its number in the layout. */
void varch_acpi_interrupt(struct varch_aml *aml, uint32_t irq);

/* "PWRB", which remains open. */
void varch_acpi_begin_button(struct varch_aml *aml);
void varch_acpi_generation(struct varch_aml *aml, uint64_t gpa);
/* take: a method to call when the button was pressed, before its driver is notified; or NULL. */
void varch_acpi_events(struct varch_aml *aml, const struct varch_board *board, const char *take);
void varch_acpi_transports(struct varch_aml *aml, const struct varch_board *board);
/* "PCI0", if the board has a bus; it remains open. */
void varch_acpi_begin_bus(struct varch_aml *aml, const struct varch_board *board);
/* Descriptors of windows and configuration space, which have no driver. */
void varch_acpi_reserved(struct varch_aml *aml, const struct varch_board *board);

#endif
