/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine of "cvmm exec": the options and this process's folder, environment and terminal
 * become a plan (<cvmm/exec_plan.h>).
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_MACHINE_H
#define VMM_EXEC_MACHINE_H

#include <cvmm/exec_plan.h>
#include <vmm-sys-util/terminal.h>

#include "exec/exec_options.h"
#include "common/image_server.h"
#include "common/passt.h"
#include "common/program_options.h"

struct vmm_named;

struct vmm_exec_machine {
	struct cvmm_exec_plan *plan;	/* NULL: it is not made */
	const struct cvmm_exec_parts *parts; /* of the plan */
	struct vagent_session *session;	/* of the plan; NULL: the machine has a name */
	struct vmm_named *named; /* in place of the session; or NULL */
	struct vmm_program_options process; /* that runs the machine */
	struct vmm_passt passt;
	struct vmm_image_server server;	/* of the image with the root */
	unsigned int signals;	/* that were passed to the command */
	int ended_by;		/* the signal that ended the machine, or 0 */
	int control_fd;		/* the guest's end of the session's port while the machine runs; -1: none */
	bool is_outlived;	/* the machine has ended before its session */
	int out_fd, err_fd;	/* standard streams, opened again if that is possible; -1: not */
	bool on_terminal;
	struct vsu_terminal terminal;
};

/*
 * Called before the process is confined. -ENOENT and others: kernel, modules, a folder. Freed in each case
 * by vmm_exec_machine_free().
 */
int vmm_exec_machine_make(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			  struct vsu_error *err);

/* Makes a machine whose session waits: another process takes its ports. Errors are the same. */
int vmm_exec_machine_make_waiting(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
				  struct vsu_error *err);

/* Any machine that was initialized is freed, also one that was not made. */
void vmm_exec_machine_init(struct vmm_exec_machine *m);
void vmm_exec_machine_free(struct vmm_exec_machine *m);

/* After init: see cvmm_exec_plan_new_template(). */
int vmm_exec_machine_make_template(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
				   const struct cvmm_template *t, struct vsu_error *err);

/*
 * A text that is equal for machines that do not differ for a command, except for networks. The caller frees
 * it. -ENOMEM.
 */
int vmm_exec_machine_describe(const struct vmm_exec_machine *m, char **text, size_t *len);

#endif
