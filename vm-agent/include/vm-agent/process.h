/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process of a container in a guest, with its streams.
 *
 *	vagent_process_prepare()
 *	vagent_guest_dispatch()     until vagent_process_state() is VAGENT_PREPARED
 *	vagent_process_start()
 *	vagent_guest_dispatch()     until vagent_process_state() is VAGENT_FINISHED
 *	vagent_process_end()
 *
 * Threads: confined, as its guest is.
 */
#ifndef VM_AGENT_PROCESS_H
#define VM_AGENT_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-agent/attributes.h>
#include <vm-agent/end.h>
#include <vm-agent/guest.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct sock_filter;	/* of <linux/filter.h> */
struct vagent_process;

/* Fixed layout. A limit of setrlimit(2). */
struct vagent_limit {
	unsigned int resource;	/* RLIMIT_* of the guest's Linux */
	uint64_t soft, hard;	/* UINT64_MAX: unlimited */
};

/* Indexes of capability sets, each a bit mask. */
enum vagent_capability_set {
	VAGENT_BOUNDING, VAGENT_EFFECTIVE, VAGENT_INHERITABLE, VAGENT_PERMITTED, VAGENT_AMBIENT, VAGENT_CAPABILITY_SETS,
};

/* All is borrowed during the call. Members other than size, and command or request, may be zero. */
struct vagent_process_config {
	size_t size;		/* sizeof(struct vagent_process_config); not 0 */
	const char *const *command; /* words, looked up in PATH of environment; a NULL ends them; not empty */
	/*
	 * NAME=VALUE; a NULL ends them; NULL: none. Without HOME, it is that of the user in /etc/passwd of the container, or "/".
	 */
	const char *const *environment;
	const char *folder;	/* absolute, in the container; NULL: "/" */
	uint32_t user, group;
	const uint32_t *groups;	/* further ones */
	unsigned int ngroups;
	bool has_umask;		/* false: 022 */
	unsigned int umask;
	const uint64_t *capabilities; /* VAGENT_CAPABILITY_SETS masks; NULL: all, or none of a user other than 0 */
	const struct vagent_limit *limits;
	unsigned int nlimits;
	bool no_new_privileges;
	const struct sock_filter *filter; /* instructions of a program for seccomp(2), or NULL */
	unsigned int nfilter;	/* at most 4096 */
	unsigned int filter_flags; /* SECCOMP_FILTER_FLAG_* */
	bool has_oom_score_adj;
	int oom_score_adj;	/* -1000 to 1000 */
	bool terminal;		/* streams 0 and 1 are a terminal in the container; 2 is not used */
	unsigned int rows, columns; /* of the terminal; 0: 24 and 80 */
	/* Three descriptors, which are duplicated: input, output, errors. -1: no input, or output is discarded. NULL: none. */
	const int *streams;
	/*
	 * The records of a command, as of vagent_request_add_command(), in place of command, environment, folder and
	 * terminal with its size. Its further records, such as U of the user, replace those of the other members. NULL: none.
	 */
	const struct vagent_request *request;
};

enum vagent_process_state {
	VAGENT_PREPARING,
	VAGENT_WAITING,		/* prepared: vagent_process_start() is possible */
	VAGENT_STARTING,
	VAGENT_EXECUTED,	/* it runs, or its output is not complete */
	VAGENT_FINISHED,
};

/*
 * Prepares a process in a container, or in VAGENT_ITSELF: the guest makes the container's mounts for its first process, and finds
 * the program. The first process has PID 1 of the container, and its end ends the others. A program that is missing
 * finishes here, with VAGENT_END_NOT_FOUND. -EAGAIN: the guest is not ready; -ENOENT: no such container; -EINVAL: a
 * member; -EBADF: a stream; -E2BIG: the texts exceed VAGENT_MAX_REQUEST; -ENOBUFS: the agent does not read; -ENOMEM.
 */
VAGENT_API int vagent_process_prepare(struct vagent_guest *g, unsigned int container,
			const struct vagent_process_config *config, struct vagent_process **out,
			struct vsu_error *err) VSU_NODISCARD;
VAGENT_API enum vagent_process_state vagent_process_state(const struct vagent_process *p) VSU_NODISCARD;
/* Executes the program of a process that waits. -EAGAIN: it does not wait; -ENOBUFS: the agent does not read. */
VAGENT_API int vagent_process_start(struct vagent_process *p, struct vsu_error *err) VSU_NODISCARD;
/*
 * Sends a signal to a process, or to all of its container. A signal that the agent cannot read yet waits until the
 * process is prepared and the agent reads, in vagent_guest_dispatch(). Signals of one number that wait are sent once, as
 * by the kernel. -EAGAIN: the process has ended; -EINVAL: no signal.
 */
VAGENT_API int vagent_process_signal(struct vagent_process *p, int signo, bool all, struct vsu_error *err)
			VSU_NODISCARD;
/* Sets the size of the terminal; the last one waits as a signal does. -EAGAIN: as above; -ENOTTY: it has no terminal; -EINVAL: a size over 65535. */
VAGENT_API int vagent_process_resize(struct vagent_process *p, unsigned int rows, unsigned int columns,
			struct vsu_error *err) VSU_NODISCARD;
/* Returns the process ID in the guest's first PID namespace; 0: it was not prepared. */
VAGENT_API uint32_t vagent_process_id(const struct vagent_process *p) VSU_NODISCARD;
/*
 * Sets *end to how a finished process ended, and *why to a sentence unless it exited. -EAGAIN: it has not
 * finished.
 */
VAGENT_API int vagent_process_end(const struct vagent_process *p, struct vagent_end *end, struct vsu_error *why)
			VSU_NODISCARD;
/* Kills the process if it runs, and frees it. p may be NULL. */
VAGENT_API void vagent_process_free(struct vagent_process *p);

VSU_END_DECLS

#endif
