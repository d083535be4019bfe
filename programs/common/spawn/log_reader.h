/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The log of a daemon: a pipe whose lines become lines of cvmm's log. The first line is
 * the process id, which the starter writes; the rest is text of a process that may be
 * compromised, so its lines are truncated, and limited in number like all log lines.
 */
#ifndef VMM_SPAWN_LOG_READER_H
#define VMM_SPAWN_LOG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <vmm-sys-util/loop.h>

struct vmm_log_pipe {
	struct vmm_log_reader *reader;
	int fd;			/* -1: none */
	struct vsu_io readable;
	char line[512];		/* received without its end so far */
	size_t len;
};

struct vmm_log_reader {
	struct vsu_loop *loop;
	char name[64];		/* of the device */
	struct vmm_log_pipe pipes[2];
	unsigned int current;	/* the pipe of the daemon; the other is of the one before */
	pid_t pid;
	bool have_pid;
	bool silent;		/* keeps the last line, logs none */
	char last[512];		/* the last complete line of the daemon */
};

void vmm_log_reader_init(struct vmm_log_reader *r, struct vsu_loop *loop, const char *name);

/*
 * Owns fd, the pipe of the next daemon. The pipe of the previous one is read until its end,
 * where the starter reports how that process ended, or until there is a third.
 */
void vmm_log_reader_start(struct vmm_log_reader *r, int fd);

/* The process id of the first line; 0: not received yet. Does not wait. */
pid_t vmm_log_reader_pid(struct vmm_log_reader *r);

/* The last line of a daemon that ended: reads the rest without logging it. */
const char *vmm_log_reader_finish(struct vmm_log_reader *r);

void vmm_log_reader_fini(struct vmm_log_reader *r);

#endif
