/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared folders of a plan. Threads: confined. */
#ifndef CVMM_PRIV_PLAN_FOLDERS_H
#define CVMM_PRIV_PLAN_FOLDERS_H

#include "cvmm/guest.h"
#include "plan.h"

/* The root, and the other folders; r receives the records of both. */
int cvmm_priv_plan_share_folders(struct cvmm_exec_plan *p, struct vagent_request *r,
				 const struct cvmm_exec_config *c, struct vsu_error *err);

/*
 * Shares folders of a guest with containers as they are: no file is hidden. shares has room for all, and refers to
 * texts of the plan and of the configuration. The first one has the device of the root.
 */
int cvmm_priv_plan_share_as_is(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
			       struct vagent_share *shares, struct vsu_error *err);

/* Adds a device of a clone, or of its template at the path template, without a folder. */
int cvmm_priv_plan_add_spare_folder(struct cvmm_exec_plan *p, const char *template, const char *tag,
				    struct vsu_error *err);

/* Adds such devices from the number first on, up to n, whose drivers attach although no folder is shared. */
int cvmm_priv_plan_add_spare_folders(struct cvmm_exec_plan *p, const char *template, unsigned int first,
				     unsigned int n, struct vsu_error *err);

#endif
