/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Every call of the library that may fail and that a constructor makes, made
 * to fail in turn. The linker puts faults.c between (see Makefile.am).
 *
 * Left out are calls that cannot fail (getpid, sysconf, text functions), calls
 * that release something (munmap, unlink, shm_unlink, free), and stat() and
 * fstat(), which are not symbols in every libc and whose failure only means
 * "unknown".
 */
#ifndef VMEM_TESTS_FAULTS_H
#define VMEM_TESTS_FAULTS_H

#include <stdbool.h>

/* The kernel has no MADV_POPULATE_*, the file system no O_TMPFILE. */
extern bool faults_old_kernel;

typedef int (*faults_make_fn)(void);

/*
 * Runs make() with its first call failing, then its second, until all
 * calls succeed; returns the number of calls. make() returns 0 or a negative
 * errno and releases what it allocated; assertions are not allowed in it, because
 * Check allocates memory. No descriptor, mapping or heap block may remain. make()
 * may succeed although a call fails, for at most forgiven calls, because the
 * library does not depend on them.
 */
int faults_each(faults_make_fn make, int forgiven);

/* Calls make() with call number n failing, without a check for leaks. */
int faults_one(faults_make_fn make, int n);

#endif
