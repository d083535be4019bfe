/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs a machine on libev, with the signals of the process.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMON_RUN_H
#define VMM_COMMON_RUN_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct cvmm_machine;

/* A task in the loop of a machine, which may end it. All zero: none. */
struct vmm_beside {
	void *opaque;
	int fd;			/* readable when turn has work */
	void (*begin)(void *opaque, struct cvmm_machine *m); /* the machine runs; or NULL */
	bool (*turn)(void *opaque);	/* false: the machine ends, with status 0 */
	bool (*signal)(void *opaque, int signo);	/* false: it ends the machine */
	void (*resize)(void *opaque);	/* the terminal has another size */
	void (*suspend)(void *opaque);	/* before this process stops; NULL: without a terminal */
	void (*resume)(void *opaque);	/* after it is continued; NULL: likewise */
	/*
	 * The process ends without its machine, which is stuck: returns its exit status in place of
	 * that of the machine, and replaces the sentence; any thread. NULL: those of the machine.
	 */
	int (*abandon)(void *opaque, int status, struct vsu_error *err);
};

/*
 * Runs a machine that was made to its end; returns the exit status, with a message if any.
 * beside may be NULL.
 */
int vmm_run(struct cvmm_machine *m, const struct vmm_beside *beside, struct vsu_error *err);

#endif
