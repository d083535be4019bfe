/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Threads that close what peers sent (vmm-sys-util/foreign.h): some of them,
 * so that a close that takes an hour holds up no other. They last as long as
 * the program, whose end does not wait for them.
 *
 * Others close files of the host that have a server, for a device that opens such:
 * what a peer sends does not wait behind them, nor they behind that.
 */
#ifndef PROGRAMS_CLOSER_H
#define PROGRAMS_CLOSER_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/* Once in a program, before it has a peer. */
int prog_closer_start(struct vsu_error *err);

/* For the configuration of sessions; NULL where it was not started. */
struct vsu_closer *prog_closer(void);

/*
 * That of files, which is made when it is first asked for; its threads begin with
 * those of the other one.
 */
int prog_file_closer(struct vsu_closer **out, struct vsu_error *err);

/*
 * In the program's loop: for how long to wait before this is asked again, in
 * milliseconds, or -1. Says once how many files wait when none could be closed for
 * ten seconds.
 */
int prog_file_closer_look(void);

/*
 * The program is about to end: says how many files of either kind their servers have
 * not let go of, for which Linux keeps the process.
 */
void prog_closer_end(void);

#endif
