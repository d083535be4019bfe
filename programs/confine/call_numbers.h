/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The numbers of system calls by name. libseccomp compares a name with all that it knows:
 * the 300 names of the filters of one machine took 0.2 ms at each start.
 */
#ifndef PROGRAMS_CALL_NUMBERS_H
#define PROGRAMS_CALL_NUMBERS_H

#define CALL_ABSENT (-1)	/* this architecture has no such call */
#define CALL_UNKNOWN (-2)	/* the list of names lacks it */

/* The number of a call on this architecture, CALL_ABSENT or CALL_UNKNOWN. */
int call_number(const char *name);

#endif
