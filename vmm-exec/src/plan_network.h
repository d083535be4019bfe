/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The network card of a plan. Threads: confined. */
#ifndef VMM_EXEC_PLAN_NETWORK_H
#define VMM_EXEC_PLAN_NETWORK_H

#include "plan_words.h"

/* -EOPNOTSUPP: a clone of a template without a network card. */
int vmm_plan_check_network(const struct vmm_plan *p, struct vsu_error *err);

/*
 * The card of a network, or of a clone without one: it has the card of its
 * template. r receives the record of the network.
 */
int vmm_plan_add_network(struct vmm_plan *p, struct vagent_request *r,
			 const struct cvmm_exec_network *n, struct vsu_error *err);
/* A card without a network: nothing reads the other end of its link. open_card comes first. */
int vmm_plan_open_card(struct vmm_plan *p, struct vsu_error *err);
int vmm_plan_add_unused_card(struct vmm_plan *p, struct vsu_error *err);

#endif
