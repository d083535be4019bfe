/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tables of the system calls of devices, for call_filter_load(). */
#ifndef PROGRAMS_CALL_TABLES_H
#define PROGRAMS_CALL_TABLES_H

#include "confine/call_filter.h"

/* calls of any device that serves a front-end or a guest */
extern const struct call_table call_table_serving;

/* further calls of a shared folder */
extern const struct call_table call_table_folder;

/* further calls of a disk or network card that connects to a server again */
extern const struct call_table call_table_connecting;

/* calls of a userfaultfd */
extern const struct call_table call_table_faults;

/*
 * Rows of a table: the modes of a terminal, by TCGETS, TCSETS, TCSETSW, TCSETSF and by TCGETS2,
 * TCSETS2, TCSETSW2, TCSETSF2, which glibc uses from 2.42 on; TCFLSH, and TIOCGPGRP. A C library does not
 * name all.
 */
#define CALLS_OF_TERMINAL_MODES							\
	CALL_IF_INT("ioctl", 1, 0x5401), CALL_IF_INT("ioctl", 1, 0x5402),	\
	CALL_IF_INT("ioctl", 1, 0x5403), CALL_IF_INT("ioctl", 1, 0x5404),	\
	CALL_IF_INT("ioctl", 1, 0x802c542a), CALL_IF_INT("ioctl", 1, 0x402c542b), \
	CALL_IF_INT("ioctl", 1, 0x402c542c), CALL_IF_INT("ioctl", 1, 0x402c542d), \
	CALL_IF_INT("ioctl", 1, 0x540b), CALL_IF_INT("ioctl", 1, 0x540f)

#endif
