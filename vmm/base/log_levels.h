/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Levels of log lines, and rows of an option table that select one.
 *
 * Threads: no state.
 */
#ifndef VMM_BASE_LOG_LEVELS_H
#define VMM_BASE_LOG_LEVELS_H

#include <vmm-sys-util/option.h>

enum prog_log_level {
	PROG_LOG_ERROR,		/* data or a device was lost */
	PROG_LOG_WARNING,	/* a request of a peer or guest was rejected,
				   or the host fails a device */
	PROG_LOG_INFO,		/* a peer connected or disconnected */
	PROG_LOG_DEBUG,		/* every step */
};

/* The names of the levels, in order, for a VSU_OPTION_CHOICE. */
extern const char *const vmm_level_names[];

/* Rows of an option table: --log-level=LEVEL and --verbose. */
#define VMM_LOG_LEVEL_OPTION						\
	{ .name = "log-level", .kind = VSU_OPTION_CHOICE,		\
	  .preset = "warning",						\
	  .help = "lines on standard error",				\
	  .choices = vmm_level_names }
#define VMM_LOG_VERBOSE_OPTION						\
	{ .name = "verbose", .kind = VSU_OPTION_FLAG,			\
	  .help = "the same as --log-level=info" }

#endif
