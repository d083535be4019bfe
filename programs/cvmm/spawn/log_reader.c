/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the log of a daemon. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "log.h"
#include "spawn/log_reader.h"

/* Reads per turn of the loop, and at the end of a daemon. */
#define READS 4
#define LAST_READS 256

void vmm_log_reader_init(struct vmm_log_reader *r, struct vmm_loop *loop, const char *name)
{
	r->loop = loop;
	r->fd = -1;
	snprintf(r->name, sizeof(r->name), "%s", name);
}

/* The daemon filters by level, so all lines are logged. */
static void take_line(struct vmm_log_reader *r)
{
	r->line[r->len] = '\0';
	r->len = 0;
	if (!r->have_pid) {
		r->pid = atoi(r->line);
		r->have_pid = true;
		return;
	}
	if (!r->line[0])
		return;
	snprintf(r->last, sizeof(r->last), "%s", r->line);
	if (!r->silent)
		prog_log(prog_log_says(PROG_LOG_WARNING) ? PROG_LOG_WARNING : PROG_LOG_ERROR,
			 "daemon", "%s: %s", r->name, r->line);
}

static void take_bytes(struct vmm_log_reader *r, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			take_line(r);
		else if (r->len < sizeof(r->line) - 1)
			r->line[r->len++] = (unsigned char)bytes[i] < ' ' ? '?' : bytes[i];
	}
}

static void close_pipe(struct vmm_log_reader *r)
{
	if (r->fd < 0)
		return;
	vmm_io_stop(&r->readable);
	vsu_fd_close(&r->fd);
	if (r->len)
		take_line(r);
}

/* Reads what has arrived, and does not wait. */
static void read_some(struct vmm_log_reader *r, unsigned int reads)
{
	char bytes[1024];
	ssize_t n = 1;

	while (r->fd >= 0 && n > 0 && reads--) {
		n = read(r->fd, bytes, sizeof(bytes));
		if (n > 0)
			take_bytes(r, bytes, (size_t)n);
		else if (n == 0)
			close_pipe(r);
	}
}

static void on_readable(void *opaque)
{
	read_some(opaque, READS);
}

void vmm_log_reader_start(struct vmm_log_reader *r, int fd)
{
	read_some(r, LAST_READS);
	close_pipe(r);
	r->fd = fd;
	r->pid = 0;
	r->have_pid = false;
	r->last[0] = '\0';
	vmm_io_init(&r->readable, on_readable, r, fd, VMM_IO_READ);
	vmm_io_start(r->loop, &r->readable);
}

pid_t vmm_log_reader_pid(struct vmm_log_reader *r)
{
	if (!r->have_pid)
		read_some(r, READS);
	return r->pid;
}

const char *vmm_log_reader_finish(struct vmm_log_reader *r)
{
	r->silent = true;
	read_some(r, LAST_READS);
	r->silent = false;
	return r->last;
}

void vmm_log_reader_fini(struct vmm_log_reader *r)
{
	read_some(r, LAST_READS);
	close_pipe(r);
}
