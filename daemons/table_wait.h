/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Waits for a file that a killed process keeps locked until its last thread has
 * ended.
 */
#ifndef DAEMONS_TABLE_WAIT_H
#define DAEMONS_TABLE_WAIT_H

/*
 * Waits up to five seconds until the file is not locked; the caller's own
 * attempt to lock it shows the result. NULL: does nothing. For a
 * single-threaded program that does not use SIGALRM.
 */
void table_wait(const char *path);

#endif
