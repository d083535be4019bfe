/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The network card of a plan. Threads: confined. */
#ifndef CVMM_PRIV_PLAN_NETWORK_H
#define CVMM_PRIV_PLAN_NETWORK_H

#include "card.h"
#include "cvmm/guest.h"
#include "plan.h"

/*
 * The card of a network, or of a clone without one, which has the card of its template. r receives
 * the record of the network. -EOPNOTSUPP: a network of a clone whose template has no card.
 */
int cvmm_priv_plan_add_network(struct cvmm_exec_plan *p, struct vagent_request *r,
			       const struct cvmm_exec_network *n, struct vsu_error *err);

/*
 * Adds the cards of a guest with containers, and to a clone further ones up to those of its template; each interface
 * becomes that of a card. addresses has room for ncards, and interfaces of a clone refer to it. -E2BIG: more cards
 * than the template has.
 */
int cvmm_priv_plan_add_cards(struct cvmm_exec_plan *p, const struct cvmm_guest_config *c,
			     struct cvmm_priv_card *addresses, struct vagent_interface *interfaces,
			     struct vsu_error *err);

/* A card without a network: no process reads the other end of its link. */
int cvmm_priv_plan_add_spare_card(struct cvmm_exec_plan *p, struct vsu_error *err);

#endif
