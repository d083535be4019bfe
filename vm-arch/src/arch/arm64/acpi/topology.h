/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The PPTT: one package, in which each CPU is a core, and their caches. */
#ifndef VARCH_ARM64_ACPI_TOPOLOGY_H
#define VARCH_ARM64_ACPI_TOPOLOGY_H

#include "acpi/block.h"
#include "arch/arm64/caches.h"

void varch_arm64_add_pptt(struct varch_acpi_block *b, unsigned int ncpus, const struct varch_arm64_caches *caches,
			struct varch_acpi_table *table);

#endif
