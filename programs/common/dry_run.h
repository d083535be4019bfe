/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A report of a machine, for people or for programs. */
#ifndef VMM_COMMON_DRY_RUN_H
#define VMM_COMMON_DRY_RUN_H

#include <stdbool.h>
#include <stdio.h>

#include <cvmm/status.h>
#include <vm-memory/block.h>

#include "common/program_options.h"

/* One line for a block that no machine has yet. */
void vmm_report_block(const struct vmem_block *block, FILE *to, bool json);

/* As lines, or as JSON with the command line that makes this machine. */
void vmm_report(struct cvmm_machine *m, const struct vmm_program_options *process, FILE *to);

#endif
