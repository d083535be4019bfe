/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A plan while it is made: the words of "cvmm run", the folders and the records of its request.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_PLAN_WORDS_H
#define VMM_EXEC_PLAN_WORDS_H

#include <stdbool.h>

#include <vm-agent/initrd.h>
#include <vm-agent/request.h>
#include <vm-agent/session.h>
#include <vmm-sys-util/error.h>

#include "cvmm/exec.h"
#include "hidden.h"
#include "template.h"

#define VMM_PLAN_MAX_WORDS 96

/* A folder that the guest mounts. */
struct vmm_plan_folder {
	char *path;		/* on the host */
	char tag[16];
	const char *place;	/* in the guest; valid while the plan is made */
	bool writable, nosuid, nodev;
	bool hides_private;	/* files that others may not read */
	char *hidden;		/* names that do not exist for it, or NULL */
};

struct vmm_plan {
	char kernel[VAGENT_KERNEL_PATH];
	char *cmdline;
	struct vmm_plan_folder folders[CVMM_EXEC_MAX_FOLDERS + 1]; /* the root is the first */
	unsigned int nfolders;
	struct cvmm_priv_hidden *hidden;
	char *words[VMM_PLAN_MAX_WORDS]; /* of "cvmm run", from "run" on */
	int nwords;
	bool is_own[VMM_PLAN_MAX_WORDS]; /* a word with a descriptor of this process */
	struct cvmm_template *template; /* of which the machine is a clone; NULL: it boots */
	int initrd_fd;		/* -1: a clone, or a built-in kernel */
	bool may_lack_modules;	/* it is unknown whether the kernel can load its compressed modules */
	int unused[2];		/* sockets; the first is hvc0 of the guest */
	int card[2];		/* likewise of a network card without a network; -1: none */
	struct vagent_request parts; /* records of the folders, the root and the network */
	bool waits;		/* set before make: the command is that of vmm_plan_request() */
	struct vagent_session *session;
};

static inline bool vmm_plan_is_clone(const struct vmm_plan *p)
{
	return p->template != NULL;
}

/* The template of a clone. */
static inline const struct cvmm_template_info *vmm_plan_template(const struct vmm_plan *p)
{
	return cvmm_template_get_info(p->template);
}

/* Adds a word of "cvmm run". -E2BIG: more than VMM_PLAN_MAX_WORDS; -ENOMEM. */
int vmm_plan_add_word(struct vmm_plan *p, struct vsu_error *err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* The last word, of which rc is the result, has the number of a descriptor. Returns rc. */
int vmm_plan_mark_own(struct vmm_plan *p, int rc);

#endif
