/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Runs a machine on libev, with the signals of the process.
 *
 * Threads: the main thread.
 */
#ifndef VMM_COMMON_MACHINE_LOOP_H
#define VMM_COMMON_MACHINE_LOOP_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

struct confine_plan;
struct cvmm_host;
struct cvmm_machine;
struct vsu_loop;
struct vsu_terminal;

/* A task in the loop of a machine, which may end it. All zero: none. */
struct vmm_beside {
	void *opaque;
	int fd;			/* readable when turn has work */
	void (*begin)(void *opaque, struct cvmm_machine *m); /* the machine runs; or NULL */
	bool (*turn)(void *opaque);	/* false: the machine ends, with status 0 */
	bool (*signal)(void *opaque, int signo);	/* false: it ends the machine */
	/*
	 * The machine has ended by itself. True: turn has still work, such as output that awaits its reader, and the
	 * loop ends when turn returns false, or by a signal. NULL: it has none.
	 */
	bool (*outlive)(void *opaque);
	void (*resize)(void *opaque);	/* the terminal has another size */
	struct vsu_terminal *terminal;	/* not used while this process is stopped, or in its background; NULL: none */
	/*
	 * The process ends without its machine, which is stuck: returns its exit status in place of
	 * that of the machine, and replaces the sentence; any thread. NULL: those of the machine.
	 */
	int (*abandon)(void *opaque, int status, struct vsu_error *err);
};

/* Interval between checks whether a process in the background is in the foreground, which shells do not report. */
#define VMM_FOREGROUND_MS 500

/* Whether it is in the background of its terminal. */
bool vmm_beside_is_in_background(const struct vmm_beside *b);
/* After this process was continued, or is in the foreground, perhaps; input that waits is read in the next turn. */
void vmm_beside_resume(const struct vmm_beside *b);

/* Companions of a machine while it runs. All members may be zero. */
struct vmm_machine_loop_config {
	/* The owner's function "stuck" is called, too, if the loop does not handle a signal in time. */
	const struct cvmm_host *owner;
	const struct confine_plan *plan; /* of the process: narrows the thread that receives signals */
	struct vsu_loop *served;	/* of the machine's clients: turns with it */
	const struct vmm_beside *beside;
};

/* Runs a machine that was made to its end; returns the exit status, with a message if any. */
int vmm_machine_loop_run(struct cvmm_machine *m, const struct vmm_machine_loop_config *config, struct vsu_error *err);

#endif
