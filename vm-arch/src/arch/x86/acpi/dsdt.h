/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The devices of the machine as AML, the content of the DSDT. */
#ifndef VARCH_ACPI_DSDT_H
#define VARCH_ACPI_DSDT_H

#include <vm-arch/board.h>

#include "acpi/aml.h"

void varch_acpi_dsdt(const struct varch_board *machine,
		   struct varch_aml *aml);

#endif
