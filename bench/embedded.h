/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine of libcvmm in the process of the benchmark. */
#ifndef EMBEDDED_H
#define EMBEDDED_H

/*
 * Makes a machine, runs it to the first byte of its guest, and frees it. Returns the
 * milliseconds from its options to the byte, or 0 after a failure, which is printed.
 */
double embedded_start_ms(void);

#endif
