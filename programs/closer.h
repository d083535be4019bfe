/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Threads that close what peers sent (vmm-sys-util/foreign.h): some of them,
 * so that a close that takes an hour holds up no other. They last as long as
 * the program, whose end does not wait for them.
 */
#ifndef PROGRAMS_CLOSER_H
#define PROGRAMS_CLOSER_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

/* Once in a program, before it has a peer. */
int prog_closer_start(struct vsu_error *err);

/* For the configuration of sessions; NULL where it was not started. */
struct vsu_closer *prog_closer(void);

#endif
