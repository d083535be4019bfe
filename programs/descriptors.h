/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors that reach programs which this process starts. Descriptors that it received, such
 * as a control socket or a tap, have no FD_CLOEXEC.
 */
#ifndef PROGRAMS_DESCRIPTORS_H
#define PROGRAMS_DESCRIPTORS_H

/* Calls fn for each open descriptor except the standard streams. */
void prog_descriptors_each(void (*fn)(const void *opaque, int fd), const void *opaque);

/*
 * In the new process, before it executes the program: except for the standard streams, only
 * these reach it.
 */
void prog_descriptors_pass(const int *fds, unsigned int n);

#endif
