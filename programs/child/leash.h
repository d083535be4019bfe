/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A process that ends a child of this one, which may not be permitted to do so later: a filter
 * denies signals to other processes, and the user may have changed.
 */
#ifndef PROGRAMS_CHILD_LEASH_H
#define PROGRAMS_CHILD_LEASH_H

#include <sys/types.h>

#include <vmm-sys-util/error.h>

/*
 * Forks a process that kills the child patience_ms after *leash was closed, explicitly or by the
 * end of this process. The forked process ends with the child, and has rights for nothing else.
 *
 * *leash is -1 if this host has no descriptors of processes (before Linux 5.3), because a
 * signal by number could reach another process. The child must not have been waited for.
 * Threads: call before any thread is started.
 */
int prog_leash_make(pid_t child, int patience_ms, int *leash, struct vsu_error *err);

#endif
