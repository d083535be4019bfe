/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The entry of a local APIC (ACPI 6.4, section 5.2.12.2), in the MADT and as _MAT of a CPU.
 */
#ifndef VARCH_X86_ACPI_MADT_H
#define VARCH_X86_ACPI_MADT_H

#define VARCH_ACPI_LAPIC_LEN 8
#define VARCH_ACPI_LAPIC_ENABLED 1
#define VARCH_ACPI_LAPIC_ONLINE_CAPABLE 2	/* absent, and may be added */

/* The bytes of CPU number, whose APIC id is its number. */
#define VARCH_ACPI_LAPIC(number, flags) \
	{ 0, VARCH_ACPI_LAPIC_LEN, (unsigned char)(number), (unsigned char)(number), (flags), 0, 0, 0 }

#endif
