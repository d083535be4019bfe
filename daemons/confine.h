/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A daemon gives this up once it has its socket, its device and its loop, so
 * that a guest or front-end that takes it over can do no more than it can.
 *
 * Threads: the calls are for all threads of the process, unless they say else.
 */
#ifndef DAEMONS_CONFINE_H
#define DAEMONS_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A sanitizer's runtime takes system calls and files of which the program knows nothing. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif

/* How system calls are filtered, in the order of confine_filter_names. */
enum confine_filter {
	CONFINE_ON,	/* others fail with EPERM */
	CONFINE_KILL,	/* they end the program */
	CONFINE_OFF,
	CONFINE_PRESET,	/* on, where the program was built for it */
};

extern const char *const confine_filter_names[];

/*
 * Becomes that user, with its group and no others, for good. -ENOENT: there is
 * no such user; -EPERM: this process may not.
 */
int confine_user(const char *name, struct vsu_error *err);

/* None for this thread, its later ones, and programs that it executes. */
int confine_new_privileges(struct vsu_error *err);

/*
 * No capabilities but these, bits by their numbers, as far as this process has
 * them now; no program that it executes gets others either. The calling thread
 * alone: before there are others. No new privileges.
 */
int confine_capabilities(uint64_t keep, struct vsu_error *err);

/* System calls that one daemon needs besides those of all. */
struct confine_needs {
	const char *const *calls;	/* names, ended by NULL; or NULL */
	bool postcopy;			/* a userfaultfd */
};

/*
 * Drops privileges of later programs, and all system calls but those that serving
 * takes. Rings of io_uring have to exist by then: their operations are system calls
 * that no filter sees, so no daemon makes or changes one after it.
 * -EOPNOTSUPP: not built for it, or not on this host.
 */
int confine_calls(enum confine_filter how, const struct confine_needs *needs,
		  struct vsu_error *err);

#endif
