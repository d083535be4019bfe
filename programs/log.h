/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Log lines of a running program: each event is one line on standard error that
 * begins with the program's name. Repeated events are counted instead, so that no
 * peer can fill a disk. Logging does not wait for a reader: lines for which a pipe, a socket, a
 * terminal or the journal has no room are lost, and a line reports their number as soon as there
 * is room. Flags of standard error, which other processes may share, are not changed.
 *
 *	prog_log(VSU_LOG_WARNING, "refused", "ring %u: %s", ring, err->msg);
 *
 * Errors that end a program are not events: prog_complain() always prints them.
 *
 * Threads: any, after prog_log_init().
 */
#ifndef PROGRAMS_LOG_H
#define PROGRAMS_LOG_H

#include <stdbool.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/log_level.h>
#include <vmm-sys-util/option_place.h>

/* Sets the level if place is that of a row of the level, or returns false. */
bool vmm_log_take(const struct vsu_place *place, const struct vsu_option_value *value);

/* name precedes each line and is kept by reference. Initial level: WARNING. */
void prog_log_init(const char *name);

/*
 * Sends all further lines to syslog (/dev/log, facility "daemon") instead of standard
 * error. If the connection fails, lines stay on standard error, and one reports this. The
 * socket stays open, so that a program may change its root afterwards.
 */
void prog_log_to_syslog(void);

/*
 * If standard error is the systemd journal, sends all further lines to it by its socket,
 * with the fields PRIORITY and CVMM_EVENT (the cause). Otherwise, or if the connection
 * fails, lines stay on standard error. The socket stays open as above.
 */
void prog_log_to_journal(const char *socket);

/* Logs lines of this level and of more severe ones. */
void prog_log_set_level(enum vsu_log_level level);

enum vsu_log_level prog_log_get_level(void);

/* Whether lines of this level are logged, to skip expensive formatting. */
bool prog_log_says(enum vsu_log_level level);

/*
 * Logs one line. cause is the kind of event ("refused", "session ended"). Each kind is
 * logged at most ten times in ten seconds; further lines are counted, and the first line
 * after that time includes the count. NULL: no limit. Control characters become '?'.
 */
void prog_log(enum vsu_log_level level, const char *cause, const char *fmt,
	      ...) VSU_PRINTF(3, 4);

/* Logs a line that the operator requested, at any level. */
void prog_log_answer(const char *line);

/* Logs the remaining counts of both kinds; call at the end of the program. */
void prog_log_flush(void);

/* Prints the final line of a program; waits for the reader. */
void prog_complain(const struct vsu_error *err);

#endif
