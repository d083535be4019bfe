/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of the machine as AML, the content of the DSDT. */
#ifndef VMM_ACPI_DSDT_H
#define VMM_ACPI_DSDT_H

#include "acpi/aml.h"
#include "arch/x86/acpi/tables.h"

void vmm_acpi_dsdt(const struct vmm_board *machine,
		   struct vmm_aml *aml);

#endif
