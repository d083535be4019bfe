/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A file that a process which was killed has locked until its last thread is gone. */
#ifndef DAEMONS_TABLE_WAIT_H
#define DAEMONS_TABLE_WAIT_H

/*
 * Until nobody has the file locked, for five seconds at most; whoever opens it sees
 * whether that helped. NULL: nothing. For a program with one thread, which has no use for SIGALRM.
 */
void table_wait(const char *path);

#endif
