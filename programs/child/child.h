/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A child of this process: a fork of it, or a program that it executes (child/program.h). The
 * kernel kills it when this process ends, unless it changes its user.
 *
 * Threads: the main thread.
 */
#ifndef PROGRAMS_CHILD_CHILD_H
#define PROGRAMS_CHILD_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

struct prog_child {
	/*
	 * 0: no child. The number belongs to the child until it has been waited for, so that a
	 * signal reaches no other process.
	 */
	pid_t pid;
	uint64_t deadline_ns;	/* of its end, as vsu_now_ns(); 0: none */
	uint32_t sent;		/* signals from this process, as 1 << number */
};

/* Forks. 1: this is the child. */
int prog_child_fork(struct prog_child *c, struct vsu_error *err) VSU_NODISCARD;

/* Sends a signal, also to a child that is stopped, which has the time ns to end. */
void prog_child_end(struct prog_child *c, int number, uint64_t ns);

/* Whether this process has sent the signal. */
bool prog_child_was_sent(const struct prog_child *c, int number);

/* Whether the deadline is over. */
bool prog_child_is_late(const struct prog_child *c);

/* The milliseconds until its deadline, if that is before ms; otherwise ms. -1: no limit. */
int prog_child_wait_ms(const struct prog_child *c, int ms);

#endif
