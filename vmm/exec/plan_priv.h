/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared by the files of a plan. */
#ifndef VMM_EXEC_PLAN_PRIV_H
#define VMM_EXEC_PLAN_PRIV_H

#include "exec/plan.h"

static inline bool vmm_plan_is_clone(const struct vmm_plan *p)
{
	return p->template.lock_fd >= 0;
}

/* plan_words.c: adds a word of "cvmm run". -E2BIG: more than VMM_PLAN_MAX_WORDS; -ENOMEM. */
int vmm_plan_add_word(struct vmm_plan *p, struct vsu_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Also there: the last word, of which rc is the result, has the number of a descriptor. Returns rc. */
int vmm_plan_mark_own(struct vmm_plan *p, int rc);

/* plan_folders.c: the root, and the other folders; r receives the records of both. */
int vmm_plan_share_folders(struct vmm_plan *p, struct vmm_request *r,
			   const struct cvmm_exec_config *c, struct vsu_error *err);
/* Also there: devices of a clone, or of its template, without a folder. */
int vmm_plan_add_spare_folder(struct vmm_plan *p, const char *template, const char *tag,
			      struct vsu_error *err);
/* From the number first on, up to n. */
int vmm_plan_add_spare_folders(struct vmm_plan *p, const char *template, unsigned int first,
			       unsigned int n, struct vsu_error *err);

/*
 * plan_network.c: the card of a network, or of a clone without one: it has the card of its
 * template. r receives the record of the network.
 */
int vmm_plan_add_network(struct vmm_plan *p, struct vmm_request *r,
			 const struct cvmm_exec_network *n, struct vsu_error *err);
/* A card without a network: nothing reads the other end of its link. open_card comes first. */
int vmm_plan_open_card(struct vmm_plan *p, struct vsu_error *err);
int vmm_plan_add_unused_card(struct vmm_plan *p, struct vsu_error *err);

#endif
