/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Progress of a save and of a migration, as members of the status and of events: "saving" and
 * "migration".
 *
 * Threads: any.
 */
#ifndef VMM_MACHINE_PROGRESS_H
#define VMM_MACHINE_PROGRESS_H

#include "cvmm/status.h"
#include "base/json.h"

void vmm_progress_write_save(const struct cvmm_progress *p, struct prog_json *to);
/* Nothing without a migration. */
void vmm_progress_write_migration(const struct cvmm_progress *p, struct prog_json *to);

#endif
