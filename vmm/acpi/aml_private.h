/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Functions shared by the files of the AML writer. */
#ifndef VMM_ACPI_AML_PRIVATE_H
#define VMM_ACPI_AML_PRIVATE_H

#include "acpi/aml.h"

void vmm_aml_append_byte(struct vmm_aml *aml, uint8_t byte);
/* The low n bytes of value, the lowest first. */
void vmm_aml_append_le(struct vmm_aml *aml, uint64_t value, unsigned int n);

#endif
