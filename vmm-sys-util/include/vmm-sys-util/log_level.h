/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Levels of log lines, and rows of an option table that select one.
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_LOG_LEVEL_H
#define VMM_SYS_UTIL_LOG_LEVEL_H

#include <stddef.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/option.h>

VSU_BEGIN_DECLS

enum vsu_log_level {
	VSU_LOG_ERROR,		/* data or a device was lost */
	VSU_LOG_WARNING,	/* a request of a peer or guest was rejected,
				   or the host fails a device */
	VSU_LOG_INFO,		/* a peer connected or disconnected */
	VSU_LOG_DEBUG,		/* every step */
};

/* Initializers of an array of names by level, with NULL at its end. */
#define VSU_LOG_LEVEL_NAMES "error", "warning", "info", "debug", NULL

/* Returns the name of a level, or NULL for other numbers. */
VSU_API const char *vsu_log_level_name(unsigned int level);

/* Rows of an option table at file scope: --log-level=LEVEL and --verbose. */
#define VSU_LOG_LEVEL_OPTION						\
	{ .name = "log-level", .kind = VSU_OPTION_CHOICE,		\
	  .preset = "warning",						\
	  .help = "lines on standard error",				\
	  .choices = (const char *const[]){ VSU_LOG_LEVEL_NAMES } }
#define VSU_LOG_VERBOSE_OPTION						\
	{ .name = "verbose", .kind = VSU_OPTION_FLAG,			\
	  .help = "the same as --log-level=info" }

VSU_END_DECLS

#endif
