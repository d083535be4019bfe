/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of the machine as AML, the content of the DSDT. */
#ifndef VMM_ARM64_ACPI_DSDT_H
#define VMM_ARM64_ACPI_DSDT_H

#include <vm-arch/board.h>

#include "acpi/aml.h"

void vmm_arm64_dsdt(const struct vmm_board *board, struct vmm_aml *aml);

#endif
