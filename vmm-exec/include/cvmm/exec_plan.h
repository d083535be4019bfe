/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine of a command before it is made, for a program that runs it in a loop and confinement
 * of its own, as "cvmm exec" does, or in another VMM. <cvmm/exec.h> is for all others.
 *
 *	rc = cvmm_exec_plan_new(&config, &plan, &err);
 *	parts = cvmm_exec_plan_get_parts(plan);
 *	rc = cvmm_machine_new(parts->options, &host, &m, &err);
 *	cvmm_exec_plan_close_given(plan);
 *	rc = cvmm_machine_start(m, &err);
 *	... vagent_session_dispatch(parts->session) and cvmm_machine_dispatch(m) in one loop
 *	cvmm_exec_plan_get_end(plan, cvmm_machine_status(m, &why), "a log", &end, &why);
 *	cvmm_machine_free(m);
 *	cvmm_exec_plan_free(plan);
 *
 * A plan opens the initrd's files, the sockets of the session and the template with the rights of
 * the process, but neither the kernel nor the folders.
 *
 * Threads: confined, as the machine is.
 */
#ifndef CVMM_EXEC_PLAN_H
#define CVMM_EXEC_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include <cvmm/attributes.h>
#include <cvmm/exec.h>
#include <cvmm/options.h>
#include <cvmm/template.h>
#include <vm-agent/end.h>
#include <vm-agent/session.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_exec_plan;
struct vagent_guest;
struct vagent_request;

/* Fixed layout. A folder of the host that a device of file systems shares. */
struct cvmm_exec_share {
	char *path;		/* on the host, without links */
	char tag[16];		/* of the device */
	bool writable, nosuid, nodev;
	bool hides_private;	/* hides files that others may not read */
	bool submounts;		/* mount points below are those of the guest, too */
	char *hidden;		/* names that the guest does not see, as "hide" of the device; or NULL */
};

/* The parts of a plan, which owns them. The library allocates the struct, and may add members at its end. */
struct cvmm_exec_parts {
	/* For a machine of <cvmm/machine.h>. They name descriptors of the plan. */
	const struct cvmm_options *options;
	struct vagent_session *session;	/* with the guest's agent, unless that serves containers */
	const struct cvmm_template *template_of; /* the machine is a clone of it; NULL: it boots */
	/* The rest is for other VMMs, whose machine boots. */
	const char *kernel, *cmdline;
	int initrd_fd;		/* -1: the kernel has no initrd */
	const struct cvmm_exec_share *shares;
	unsigned int nshares;
	struct vagent_guest *guest; /* in place of a session: of a plan of <cvmm/guest.h>, or a shared one; or NULL */
	const struct vagent_request *command; /* of a shared plan, for a process of VAGENT_ITSELF */
};

/*
 * Plans the machine of a command. -ENOENT and others: kernel, modules or template; -E2BIG: more folders
 * than the template has, or too many rules for hidden files; others of cvmm_exec_new().
 */
CVMM_API int cvmm_exec_plan_new(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
				struct vsu_error *err) VSU_NODISCARD;

/*
 * Plans a machine whose session waits for its command: vagent_session_release_ports() passes its
 * ports to another process, which has a plan with the command. Errors are the same.
 */
CVMM_API int cvmm_exec_plan_new_waiting(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
					struct vsu_error *err) VSU_NODISCARD;

/*
 * Plans the machine of a command beside which others run. In place of a session its parts have a guest
 * (<vm-agent/guest.h>), whose VAGENT_ITSELF has the root, folders and network of the configuration, and the records of
 * the command for vagent_process_prepare(). Terminal and streams are those of that process; timeout_ms limits the
 * time until the agent serves. Errors are the same.
 */
CVMM_API int cvmm_exec_plan_new_shared(const struct cvmm_exec_config *config, struct cvmm_exec_plan **out,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Plans the machine that is saved as a template, which was begun. It has no command, and its session
 * ends when the guest's agent waits: then save it. Errors are the same.
 */
CVMM_API int cvmm_exec_plan_new_template(const struct cvmm_exec_config *config, const struct cvmm_template *t,
					 struct cvmm_exec_plan **out, struct vsu_error *err) VSU_NODISCARD;

CVMM_API const struct cvmm_exec_parts *cvmm_exec_plan_get_parts(const struct cvmm_exec_plan *p);

/*
 * Describes the machine as bytes, which the caller frees. They are equal for two plans if both make the
 * same machine with the same folders; networks are not compared. -ENOMEM.
 */
CVMM_API int cvmm_exec_plan_describe(const struct cvmm_exec_plan *p, char **bytes, size_t *len,
				     struct vsu_error *err) VSU_NODISCARD;

/* Closes the descriptors that the options name, after the machine was made, which has duplicates. */
CVMM_API void cvmm_exec_plan_close_given(struct cvmm_exec_plan *p);

/*
 * Determines the end of the command, after its machine has ended with status, of enum vsu_exit, and perhaps
 * a sentence in *why. If the session has ended, or the connection to the guest has failed, its sentence replaces that one. hint: a part of a sentence,
 * how to keep the kernel's messages.
 */
CVMM_API void cvmm_exec_plan_get_end(const struct cvmm_exec_plan *p, int status, const char *hint,
				     struct vagent_end *end, struct vsu_error *why);

/* p may be NULL. The devices of a machine use the plan's sockets: free the machine first. */
CVMM_API void cvmm_exec_plan_free(struct cvmm_exec_plan *p);

VSU_END_DECLS

#endif
