/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared folders of a plan. Threads: confined. */
#ifndef VMM_EXEC_PLAN_FOLDERS_H
#define VMM_EXEC_PLAN_FOLDERS_H

#include "plan_words.h"

/* The root, and the other folders; r receives the records of both. */
int vmm_plan_share_folders(struct vmm_plan *p, struct vagent_request *r,
			   const struct cvmm_exec_config *c, struct vsu_error *err);
/* Devices of a clone, or of its template, without a folder. */
int vmm_plan_add_spare_folder(struct vmm_plan *p, const char *template, const char *tag,
			      struct vsu_error *err);
/* From the number first on, up to n. */
int vmm_plan_add_spare_folders(struct vmm_plan *p, const char *template, unsigned int first,
			       unsigned int n, struct vsu_error *err);

#endif
