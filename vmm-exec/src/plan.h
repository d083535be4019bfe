/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A plan while it is made: the options of the machine, the folders and the records of its request.
 *
 * Threads: confined.
 */
#ifndef CVMM_PRIV_PLAN_H
#define CVMM_PRIV_PLAN_H

#include <stdbool.h>

#include <vm-agent/initrd.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/error.h>

#include "cvmm/exec_plan.h"
#include "hidden.h"

struct cvmm_exec_plan {
	struct cvmm_exec_parts parts;
	struct cvmm_options *options;
	char kernel[VAGENT_KERNEL_PATH];
	char *cmdline;
	struct cvmm_exec_share shares[CVMM_EXEC_MAX_FOLDERS + 1]; /* the root is the first */
	const char *places[CVMM_EXEC_MAX_FOLDERS + 1];	/* of shares in the guest; valid while the plan is made */
	struct cvmm_priv_hidden *hidden;
	struct cvmm_template *template; /* of which the machine is a clone; NULL: it boots */
	bool may_lack_modules;	/* it is unknown whether the kernel can load its compressed modules */
	int unused[2];		/* sockets; the first is hvc0 of the guest */
	int card[2];		/* sockets; the first is of a network card without a network; -1: no such card */
	struct vagent_request records; /* of the folders, the root and the network */
	enum {
		PLAN_COMMAND,
		PLAN_WAITS,	/* the command is that of cvmm_priv_plan_request() */
		PLAN_SHARED,	/* processes of the guest itself run in the machine of the command */
	} kind;
	struct vagent_request command; /* of PLAN_SHARED */
};

/* The template of a clone; NULL: the machine boots. */
static inline const struct cvmm_template_info *cvmm_priv_plan_template(const struct cvmm_exec_plan *p)
{
	return p->template ? cvmm_template_get_info(p->template) : NULL;
}

/* As cvmm_exec_plan_get_end(), for a machine that ended before its command. */
void cvmm_priv_plan_get_machine_end(const struct cvmm_exec_plan *p, int status, const char *hint,
				    struct vagent_end *end, struct vsu_error *why);

/* Adds an option of the machine with a value. -EINVAL: the value is refused; -ENOMEM. */
int cvmm_priv_plan_add(struct cvmm_exec_plan *p, struct vsu_error *err, const char *name, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
