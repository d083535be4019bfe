/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Threads that close descriptors received from peers (vmm-sys-util/foreign.h).
 * The program starts several, so that a blocked close delays no other. They run until
 * the program ends, and the program does not wait for them.
 *
 * A second set closes host files that belong to a file server (FUSE, network), for
 * devices that open such files. The sets are independent.
 *
 * Threads: the main thread.
 */
#ifndef PROGRAMS_CLOSER_H
#define PROGRAMS_CLOSER_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/*
 * Allows threads: each set starts with its first use. Call it after the program
 * has confined itself, because confinement applies only to existing threads and to
 * threads that these create later.
 */
int prog_closer_allow(struct vsu_error *err);

/* Call before the first peer; allows threads as well. Idempotent. */
int prog_closer_start(struct vsu_error *err);

/* The closer for session configurations; NULL before prog_closer_start(). */
struct vsu_closer *prog_closer(void);

/* The closer for files, created by the first call. */
int prog_file_closer(struct vsu_closer **out, struct vsu_error *err);

/*
 * Call in the program's loop; returns the milliseconds until the next call is due,
 * or -1. Logs once how many files wait if none could be closed for ten seconds.
 */
int prog_file_closer_look(void);

/*
 * Call before the program ends: logs how many files of each set could not be closed.
 * Linux keeps the process until they are closed.
 */
void prog_closer_end(void);

#endif
