/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors of this process and of programs which it starts. Descriptors that it received, such
 * as a control socket or a tap, have no FD_CLOEXEC; those that it has opened have it.
 */
#ifndef PROGRAMS_DESCRIPTORS_H
#define PROGRAMS_DESCRIPTORS_H

/* Calls fn for each open descriptor except the standard streams. Returns the error of a host without /proc. */
int prog_descriptors_each(void (*fn)(const void *opaque, int fd), const void *opaque);

/*
 * In the new process, before it executes the program: except for the standard streams, only
 * these reach it. Returns the error of an old kernel without /proc: then others may reach it.
 */
int prog_descriptors_pass(const int *fds, unsigned int n);

/*
 * Closes folders that this process received, before its root changes: by such a descriptor, a path would lead out of
 * the new root. A standard stream becomes /dev/null. Returns the error of a host without /proc.
 */
int prog_descriptors_close_folders(void);

#endif
