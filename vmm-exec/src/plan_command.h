/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The command of a plan: its request, and the session that sends it.
 *
 * Threads: confined.
 */
#ifndef CVMM_PRIV_PLAN_COMMAND_H
#define CVMM_PRIV_PLAN_COMMAND_H

#include "plan.h"

/* The command of the configuration, whose texts it refers to. */
struct vagent_command cvmm_priv_plan_command_of(const struct cvmm_exec_config *c);

/* Called after the records of the machine were added: makes the guest of PLAN_SHARED, and the records of its first process. */
int cvmm_priv_plan_make_guest(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c, struct vsu_error *err);

/* Called after the records of the machine were added: makes the session of other plans. */
int cvmm_priv_plan_make_session(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
				struct vsu_error *err);

/*
 * The command of a plan that waits, as the session does: command, environment, folder, host name,
 * terminal, streams and timeout. -EINVAL, -E2BIG: of the request, without an effect; errors of
 * vagent_session_request().
 */
int cvmm_priv_plan_request(struct cvmm_exec_plan *p, const struct cvmm_exec_config *c,
			   struct vsu_error *err);

#endif
