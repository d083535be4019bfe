/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The log of a daemon: a pipe whose lines become lines of cvmm's log. The first line is
 * the process id, which the starter writes; the rest is text of a process that may be
 * compromised, so its lines are truncated, and limited in number like all log lines.
 */
#ifndef VMM_SPAWN_LOG_READER_H
#define VMM_SPAWN_LOG_READER_H

#include "loop/loop.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct vmm_log_reader {
	struct vmm_loop *loop;
	char name[64];		/* of the device */
	int fd;			/* -1: none */
	struct vmm_io readable;
	pid_t pid;
	bool have_pid;
	bool silent;		/* keeps the last line, logs none */
	char line[512];		/* received without its end so far */
	size_t len;
	char last[512];		/* the last complete line */
};

void vmm_log_reader_init(struct vmm_log_reader *r, struct vmm_loop *loop, const char *name);

/* Owns fd, which replaces a previous pipe. */
void vmm_log_reader_start(struct vmm_log_reader *r, int fd);

/* The process id of the first line; 0: not received yet. Does not wait. */
pid_t vmm_log_reader_pid(struct vmm_log_reader *r);

/* The last line of a daemon that ended: reads the rest without logging it. */
const char *vmm_log_reader_finish(struct vmm_log_reader *r);

void vmm_log_reader_fini(struct vmm_log_reader *r);

#endif
