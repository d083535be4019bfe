/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine whose guest runs containers and processes, in the caller's process.
 *
 *	const struct cvmm_exec_folder folder = { .path = "/srv/images", .at = "/share" };
 *	const struct cvmm_guest_config config = { .size = sizeof(config), .folders = &folder, .nfolders = 1 };
 *
 *	rc = cvmm_guest_new(&config, NULL, &g, &err);
 *	rc = cvmm_guest_start(g, &err);
 *	while (cvmm_guest_dispatch(g) && !vagent_guest_is_ready(cvmm_guest_agent(g)))
 *		poll(&(struct pollfd){ cvmm_guest_fd(g), POLLIN, 0 }, 1, -1);
 *	rc = vagent_guest_add_container(cvmm_guest_agent(g), &container, &number, &err);
 *	rc = vagent_process_prepare(cvmm_guest_agent(g), number, &process, &p, &err);
 *
 * <vm-agent/guest.h> and <vm-agent/process.h> describe containers and processes. Folders are shared as they
 * are: no file of them is hidden. The machine is one of <cvmm/machine.h>, whose rules for threads,
 * callbacks, SIGBUS and the process hold, as do the rules of <cvmm/exec.h> for waiting and confinement.
 *
 * Threads: confined to one thread, as the machine is.
 */
#ifndef CVMM_GUEST_H
#define CVMM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cvmm/attributes.h>
#include <cvmm/exec.h>
#include <cvmm/exec_plan.h>
#include <cvmm/machine.h>
#include <vm-agent/guest.h>
#include <vm-agent/process.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_guest;

/* Fixed layout. A network card of the machine, and its configuration in the guest. */
struct cvmm_guest_card {
	const char *card;	/* as option "net" of a machine: "tap=tap0", "fd=5,mtu=65520" */
	struct vagent_interface interface;
};

/* All other members may be zero. All is borrowed during cvmm_guest_new(). */
struct cvmm_guest_config {
	size_t size;		/* sizeof(struct cvmm_guest_config); not 0 */
	/*
	 * Folders of the host, each mounted for the agent at its path "at", which is not "/". Containers have none of
	 * them by themselves: their roots and binds name paths below these. Mount points of the host below one are
	 * mount points of a guest with Linux 5.10 or newer.
	 */
	const struct cvmm_exec_folder *folders;
	unsigned int nfolders;	/* at most CVMM_EXEC_MAX_FOLDERS */
	const struct cvmm_guest_card *cards;
	unsigned int ncards;	/* at most VAGENT_MAX_INTERFACES; of a clone: at most those of its template */
	const char *from;	/* these have the meaning of struct cvmm_exec_config */
	const char *kernel;
	const char *modules;
	const char *init;
	const char *append;
	const char *log;
	const char *memory;
	unsigned int cpus;
	const char *const *options;
	uint64_t timeout_ms;	/* from cvmm_guest_new() until the agent serves containers; 0: none */
};

/*
 * Makes a guest and its machine, which does not run. host may be NULL, and is as that of cvmm_machine_new(). Errors
 * of cvmm_exec_new() and vagent_guest_new().
 */
CVMM_API int cvmm_guest_new(const struct cvmm_guest_config *config, const struct cvmm_host *host,
			    struct cvmm_guest **out, struct vsu_error *err) VSU_NODISCARD;
/* Starts the machine; once. On failure the object can only be freed. */
CVMM_API int cvmm_guest_start(struct cvmm_guest *g, struct vsu_error *err) VSU_NODISCARD;

/* Returns a descriptor that is readable when dispatch has work; owned by the object. */
CVMM_API int cvmm_guest_fd(const struct cvmm_guest *g);
/*
 * Serves the machine, the agent and all streams once. False: the machine has ended, and readers have taken the output
 * that had arrived, unless the program has ended the machine. A connection to the agent that failed ends it. A process
 * that is killed after the end of the machine waits for its reader no more.
 */
CVMM_API bool cvmm_guest_dispatch(struct cvmm_guest *g);

/* Returns the connection to the agent, which the object dispatches and frees; its processes are freed before. */
CVMM_API struct vagent_guest *cvmm_guest_agent(struct cvmm_guest *g);
/*
 * Returns the machine, for requests, statistics and cvmm_machine_kill(). The object dispatches and frees it. Saves and
 * migrations are refused (cvmm_machine_refuse_copies()): the connection to the agent would not continue.
 */
CVMM_API struct cvmm_machine *cvmm_guest_machine(struct cvmm_guest *g);

/*
 * Returns the status of the machine after its end, of enum vsu_exit, and sets *why to a sentence: that of the agent's
 * failure, if it has one. -EAGAIN: the machine has not ended.
 */
CVMM_API int cvmm_guest_status(const struct cvmm_guest *g, struct vsu_error *why) VSU_NODISCARD;

/*
 * Plans the machine of a guest, for a program that runs it in a loop and confinement of its own, or in another VMM:
 * <cvmm/exec_plan.h>. Its parts have the connection to the agent in place of a session. Errors of cvmm_exec_plan_new() and vagent_guest_new().
 */
CVMM_API int cvmm_exec_plan_new_guest(const struct cvmm_guest_config *config, struct cvmm_exec_plan **out,
				      struct vsu_error *err) VSU_NODISCARD;

/* Ends the machine in any state. g may be NULL. */
CVMM_API void cvmm_guest_free(struct cvmm_guest *g);

VSU_END_DECLS

#endif
