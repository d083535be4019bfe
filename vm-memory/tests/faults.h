/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Every call of the library that may fail and that a constructor makes, made
 * to fail in turn. The linker puts faults.c between (see Makefile.am).
 *
 * Not among them: what has no failure (getpid, sysconf, text functions), what
 * gives back (munmap, unlink, shm_unlink, free), and stat() and fstat(), which
 * are no symbols everywhere and whose failure only means "not known".
 */
#ifndef VMEM_TESTS_FAULTS_H
#define VMEM_TESTS_FAULTS_H

#include <stdbool.h>

/* The kernel has no MADV_POPULATE_*, the file system no O_TMPFILE. */
extern bool faults_old_kernel;

typedef int (*faults_make_fn)(void);

/*
 * Runs make() with its first call failing, then its second, until there is
 * none left to fail; returns how many there were. make() returns 0 or a
 * negative errno and gives back what it made; it asserts nothing, because Check
 * allocates. However it ends, no descriptor, mapping or heap block may be left.
 * Of at most so many calls a failure may be forgiven, because the library does
 * without them.
 */
int faults_each(faults_make_fn make, int forgiven);

/* Calls make() with call number n failing, without a check for leaks. */
int faults_one(faults_make_fn make, int n);

#endif
