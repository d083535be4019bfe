/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The confinement of a process: a plan that a program makes from its options, and its
 * execution in phases by one table of steps (execute.c). Each phase is permanent.
 *
 *	struct confine_plan plan = CONFINE_PLAN_INIT;
 *	... set members, of the next phase at least ...
 *	rc = confine_execute(&plan, CONFINE_SEPARATE, err);
 *	...
 *	confine_plan_end(&plan);
 *
 * Threads: before others are started, except CONFINE_FILTER and CONFINE_SETTLE.
 */
#ifndef PROGRAMS_CONFINE_CONFINE_H
#define PROGRAMS_CONFINE_CONFINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/sock.h>

#include "confine/call_tables.h"
#include "confine/keeper.h"
#include "confine/landlock.h"
#include "confine/privileges.h"
#include "log.h"

enum confine_phase {
	CONFINE_SEPARATE = 1,	/* own processes, and a keeper outside */
	CONFINE_STAGE = 2,	/* own mounts, among them a folder that becomes the root */
	CONFINE_CLOSE = 4,	/* the root; networks, capabilities and files that remain */
	CONFINE_FILTER = 8,	/* the system calls of all threads */
	CONFINE_SETTLE = 16,	/* drops rights that were required only to open everything; may
				   be repeated */
};

enum confine_root {
	CONFINE_ROOT_HOST,	/* the root remains */
	CONFINE_ROOT_CHROOT,	/* the folder; requires root */
	/* Own mounts, processes, network, IPC and host names; without root also users. */
	CONFINE_ROOT_FOLDER,	/* own mounts, processes, network, IPC and host names; without
				   root also users */
	CONFINE_ROOT_FILES,	/* likewise; a read-only file system in memory with the files
				   of the plan */
};

/* what CONFINE_CLOSE drops */
enum confine_drop {
	CONFINE_DROP_GROUPS = 1, /* root's supplementary groups */
	CONFINE_DROP_RIGHTS = 2, /* capabilities and files, except those of the plan */
	CONFINE_DROP_TRACING = 4, /* no core dump, and not traced by other processes of its user */
};

/* the reaction if this host cannot restrict files */
enum confine_landlock {
	CONFINE_LANDLOCK_WANTED, /* a log line */
	CONFINE_LANDLOCK_USED,	/* an error if the host refuses; a log line if the kernel or
				   the build lacks it */
	CONFINE_LANDLOCK_NEEDED, /* an error */
};

/*
 * The later root is mounted here until CONFINE_CLOSE. The folder exists on every host and
 * is not used between the phases, unlike /proc, /dev, or the folder of a socket.
 */
#define CONFINE_STAGED "/sys"

#define CONFINE_FILES 256u
#define CONFINE_THREADS 2u	/* kinds with a filter of their own */

struct confine_file {
	struct landlock_rule rule;	/* owns its descriptor */
	char *name;		/* owned; the name in the root of the host; NULL: open already */
};

struct confine_plan {
	/* the root, from CONFINE_SEPARATE to CONFINE_CLOSE */
	enum confine_root root;
	const char *folder;	/* for ROOT_CHROOT and ROOT_FOLDER; CONFINE_STAGE replaces it */
	bool read_only;		/* the folder cannot be modified */
	const struct confine_keeping *keeping;
	const char *option, *remedy;	/* begin and end of the messages of refusals */

	/* the user, with its primary group only (confine_user_find()) */
	struct {
		const char *name;	/* NULL: unchanged */
		uid_t id;
		gid_t group;
		enum confine_phase when;
	} user;

	unsigned int drops;	/* enum confine_drop */

	/* rights that remain after CONFINE_CLOSE */
	uint64_t capabilities;	/* 1 << CAP_... */
	uint64_t own_capabilities; /* instead, if the process has its own user namespace */
	uint64_t making_capabilities; /* of this thread until CONFINE_SETTLE */
	bool made_again;	/* making_capabilities are required later, too */
	bool connects;		/* TCP ports can be used */
	struct confine_file files[CONFINE_FILES];	/* confine_add() */
	unsigned int nfiles;
	const char *any_file;	/* the reason why files are not restricted, or NULL */
	enum confine_landlock landlock;
	enum vsu_log_level complaint;	/* level of log lines about what this host lacks */
	const char *complaint_prefix;

	/* the filter */
	enum call_filter_action action;
	const struct call_table *calls[8];	/* ends with NULL */
	const struct call_table *thread_calls[CONFINE_THREADS]; /* narrower filters that are made with this one,
						     for confine_thread() */
	const char *filter_option, *filter_remedy; /* for messages: a host without filters is
						      an error; NULL: it is not */
	enum vsu_log_level filter_complaint;

	uint32_t spare_fds;	/* descriptors that may be opened after CONFINE_SETTLE; 0: no
				   limit */

	/* private to execute.c */
	int leash, own_files;
	bool own_users, filtered;
	struct call_filter *thread_filters[CONFINE_THREADS];
	bool closed;		/* the host's files are out of reach, also for exit handlers */
};

#define CONFINE_PLAN_INIT { .leash = -1, .own_files = -1, .complaint_prefix = "" }

/*
 * Executes the steps of one phase. -EPERM: this host does not permit the plan to this user.
 * Other errors concern a file or an option, which the message names.
 */
int confine_execute(struct confine_plan *plan, enum confine_phase phase, struct vsu_error *err);

/* Whether CONFINE_CLOSE has restricted files to those of the plan. */
bool confine_has_closed(const struct confine_plan *plan);

/*
 * Frees the list of files and the filters of threads, and closes the descriptors that CONFINE_CLOSE has kept. Does not
 * undo any step.
 */
void confine_plan_end(struct confine_plan *plan);

/* ----------------------------------------------------------------------- files */

/*
 * Adds a file to the plan, and owns its descriptor place, also after a failure; a negative
 * place is ignored. name may be NULL. -E2BIG, -ENOMEM.
 */
int confine_add(struct confine_plan *plan, int place, const char *name, enum landlock_use use,
		struct vsu_error *err);
/*
 * Adds a file by its path. Call it after CONFINE_STAGE, if the file belongs to a root of
 * files. A file that does not exist is ignored. The file is not opened for use, because it
 * may be a FIFO or a device.
 */
int confine_add_path(struct confine_plan *plan, const char *path, enum landlock_use use,
		     struct vsu_error *err);
/* Adds the folder of a path. */
int confine_add_parent(struct confine_plan *plan, const char *path, enum landlock_use use,
		       struct vsu_error *err);
/* Adds /proc/self, to be read: the kinds of a peer's descriptors, statistics. */
int confine_add_own(struct confine_plan *plan, struct vsu_error *err);

/*
 * Call it for a socket that the process has created. 1: the keeper removes it. 0: the
 * process removes it, which the plan then permits; otherwise errors of confine_add().
 */
int confine_leave_socket(struct confine_plan *plan, const struct vsu_sock_path *where,
			 struct vsu_error *err);

/* --------------------------------------------------------------------- threads */

/*
 * Installs a narrower filter for the calling thread. No effect unless CONFINE_FILTER has
 * installed one.
 */
int confine_thread(const struct confine_plan *plan, const struct call_table *calls,
		   struct vsu_error *err);

/* ------------------------------------------------------------------------ user */

/*
 * Fills in plan->user while the names of users can be read. -ENOENT: no such user; -EPERM:
 * this process may not change its user; errors of getpwnam(). NULL: unchanged.
 */
int confine_user_find(struct confine_plan *plan, const char *name, enum confine_phase when,
		      struct vsu_error *err);

#endif
