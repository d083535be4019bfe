/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process that keeps a program and ends it: this process may not be permitted to do so later,
 * because a filter denies signals to other processes, or the user has changed. It is no child of
 * this process, has rights for nothing else, and ends with the program.
 *
 * Threads: call before any thread is started.
 */
#ifndef PROGRAMS_CHILD_LEASH_H
#define PROGRAMS_CHILD_LEASH_H

#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "child/program.h"

struct prog_leash {
	int fd;			/* to the process; -1: nothing is kept */
	pid_t pid;		/* of the program, which is the process's child; 0: not started */
};

#define PROG_LEASH_INIT { .fd = -1 }

/*
 * Starts the program as a child of the process, which kills it patience_ms after leash->fd was
 * closed, explicitly or by the end of this process. The program prints into messages.
 */
int prog_leash_start(struct prog_leash *leash, struct prog_program *p, int messages, int patience_ms,
		     struct vsu_error *err) VSU_NODISCARD;

/* From now on, the end of the program is a line on standard error that begins with p->lost. */
int prog_leash_report(const struct prog_leash *leash);

/* Waits for the end of the program, at most ms by the clock. False: it runs, or its status is lost. */
bool prog_leash_await(const struct prog_leash *leash, int ms, int *status);

/* As if leash->fd were closed, and waits for the end. False: the status is lost. */
bool prog_leash_end(struct prog_leash *leash, int *status);

/*
 * Only kills: a child of this process, which waits for it, patience_ms after *fd was closed. *fd
 * is -1 if this host has no descriptors of processes (before Linux 5.3), because a signal by number
 * could reach another process. The child must not have been waited for.
 */
int prog_leash_tie(pid_t child, int patience_ms, int *fd, struct vsu_error *err) VSU_NODISCARD;

#endif
