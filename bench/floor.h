/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common functions of the floors, which use bare system calls and no protocol.
 */
#ifndef BENCH_FLOOR_H
#define BENCH_FLOOR_H

#include <stddef.h>
#include <stdnoreturn.h>

noreturn void floor_die(const char *what);

/* Sends len bytes, 4096 at most, with these descriptors. */
void floor_give(int sock, size_t len, const int *fds, unsigned int nfds);

#endif
