/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Makes a template: a machine whose agent waits for a request is saved. The machine runs in a
 * child, which confines itself; this process waits, and publishes the template or removes it.
 *
 *	vmm_template_maker_prepare()
 *	vmm_template_maker_fork()      in the child: runs the machine, and returns
 *	vmm_template_maker_status()    the status of the child
 *	vmm_template_maker_end()       in the parent, with the status of the child
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_TEMPLATE_MAKER_H
#define VMM_EXEC_TEMPLATE_MAKER_H

#include <cvmm/template.h>

#include "exec/exec_machine.h"
#include "exec/template_command.h"

struct vmm_template_maker {
	struct vmm_exec_machine exec;
	struct cvmm_template *template;
	int fds[CVMM_TEMPLATE_FILES];
	struct cvmm_machine *machine;	/* while it runs */
	enum { VMM_MAKER_BOOTS, VMM_MAKER_SAVES, VMM_MAKER_SAVED, VMM_MAKER_FAILED } state;
	struct vsu_error why;		/* of a save that failed */
};

/* Makes the folder, as an incomplete template, and what the machine needs. */
int vmm_template_maker_prepare(struct vmm_template_maker *t, const struct vmm_template_command *c,
			       struct vsu_error *err);

/*
 * Returns in both processes: in the parent after the end of the child, whose exit status is in
 * *status. Signals for the parent end the child.
 */
int vmm_template_maker_fork(bool *in_child, int *status, struct vsu_error *err);

/* The session and the save, for the loop of the machine. */
struct vmm_beside vmm_template_maker_beside(struct vmm_template_maker *t);

/* The status of the child, as of vmm_exec_machine_status(), with a sentence for each failure. */
int vmm_template_maker_status(const struct vmm_template_maker *t, int status,
			      struct vsu_error *err);

/* Publishes it if the status is 0. The status, or VAGENT_STATUS_FAILED. Frees everything. */
int vmm_template_maker_end(struct vmm_template_maker *t, int status, struct vsu_error *err);

#endif
