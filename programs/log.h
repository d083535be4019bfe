/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The lines that a program says while it runs: one event is one line on
 * standard error, which begins with the program's name. An event that
 * repeats is counted instead, so that no peer can fill a disk with lines, and
 * a reader of standard error that does not read makes nobody wait.
 *
 *	prog_log(PROG_LOG_WARNING, "refused", "ring %u: %s", ring, err->msg);
 *
 * The errors that end a program are not events: they are always said, by
 * prog_complain().
 *
 * Threads: any, after prog_log_init().
 */
#ifndef PROGRAMS_LOG_H
#define PROGRAMS_LOG_H

#include <stdbool.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

enum prog_log_level {
	PROG_LOG_ERROR,		/* somebody lost something */
	PROG_LOG_WARNING,	/* a peer or guest was refused something,
				   or the host fails a device */
	PROG_LOG_INFO,		/* somebody came or went */
	PROG_LOG_DEBUG,		/* every step */
};

/* The names of the levels, in their order, for a VSU_OPTION_CHOICE. */
extern const char *const prog_log_levels[];

/* Rows of an option table: --log-level=LEVEL and --verbose. */
#define PROG_LOG_LEVEL_OPTION						\
	{ .name = "log-level", .kind = VSU_OPTION_CHOICE, .arg = "LEVEL", \
	  .help = "say error, warning (default), info or debug and worse", \
	  .choices = prog_log_levels }
#define PROG_LOG_VERBOSE_OPTION						\
	{ .name = "verbose", .kind = VSU_OPTION_FLAG,			\
	  .help = "the same as --log-level=info" }

/* name stands in front of each line and is kept. The level is WARNING. */
void prog_log_init(const char *name);

/* Says lines of this level and of those above it, which are worse. */
void prog_log_set_level(enum prog_log_level level);

/* True when lines of this level are said, for those that cost something. */
bool prog_log_says(enum prog_log_level level);

/*
 * Says one line. cause names the kind of event ("refused", "session ended"):
 * of each kind at most ten lines in ten seconds are said, the others are
 * counted, and the count is said with the first line after that time. NULL:
 * never counted. Control characters of a peer become '?'.
 */
void prog_log(enum prog_log_level level, const char *cause, const char *fmt,
	      ...) VSU_PRINTF(3, 4);

/* Says what was counted and not said yet; for the end of the program. */
void prog_log_flush(void);

/* The line that a program ends with; waits for its reader. */
void prog_complain(const struct vsu_error *err);

#endif
