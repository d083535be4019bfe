/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the log of a daemon. */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "log.h"
#include "common/spawn/log_reader.h"

/* Reads per turn of the loop, and at the end of a daemon. */
#define READS 4
#define LAST_READS 256

void vmm_log_reader_init(struct vmm_log_reader *r, struct vsu_loop *loop, const char *name)
{
	unsigned int i;

	r->loop = loop;
	for (i = 0; i < 2; i++) {
		r->pipes[i].reader = r;
		r->pipes[i].fd = -1;
	}
	snprintf(r->name, sizeof(r->name), "%s", name);
}

static bool is_current(const struct vmm_log_pipe *p)
{
	return p == &p->reader->pipes[p->reader->current];
}

/* The daemon filters by level, so all lines are logged. */
static void take_line(struct vmm_log_pipe *p)
{
	struct vmm_log_reader *r = p->reader;

	p->line[p->len] = '\0';
	p->len = 0;
	if (is_current(p) && !r->have_pid) {
		r->pid = atoi(p->line);
		r->have_pid = true;
		return;
	}
	if (!p->line[0])
		return;
	if (is_current(p))
		snprintf(r->last, sizeof(r->last), "%s", p->line);
	if (!r->silent || !is_current(p))
		prog_log(prog_log_says(VSU_LOG_WARNING) ? VSU_LOG_WARNING : VSU_LOG_ERROR,
			 "daemon", "%s: %s", r->name, p->line);
}

static void take_bytes(struct vmm_log_pipe *p, const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\n')
			take_line(p);
		else if (p->len < sizeof(p->line) - 1)
			p->line[p->len++] = (unsigned char)bytes[i] < ' ' ? '?' : bytes[i];
	}
}

static void close_pipe(struct vmm_log_pipe *p)
{
	if (p->fd < 0)
		return;
	vsu_io_stop(&p->readable);
	vsu_fd_close(&p->fd);
	if (p->len)
		take_line(p);
}

/* Reads what has arrived, and does not wait. */
static void read_some(struct vmm_log_pipe *p, unsigned int reads)
{
	char bytes[1024];
	ssize_t n = 1;

	while (p->fd >= 0 && n > 0 && reads--) {
		n = read(p->fd, bytes, sizeof(bytes));
		if (n > 0)
			take_bytes(p, bytes, (size_t)n);
		else if (n == 0)
			close_pipe(p);
	}
}

static void on_readable(void *opaque)
{
	read_some(opaque, READS);
}

static void finish_pipe(struct vmm_log_pipe *p)
{
	read_some(p, LAST_READS);
	close_pipe(p);
}

void vmm_log_reader_start(struct vmm_log_reader *r, int fd)
{
	struct vmm_log_pipe *p = &r->pipes[!r->current];

	finish_pipe(p);
	r->current = !r->current;
	p->fd = fd;
	r->pid = 0;
	r->have_pid = false;
	r->last[0] = '\0';
	vsu_io_init(&p->readable, on_readable, p, fd, VSU_IO_READ);
	vsu_io_start(r->loop, &p->readable);
}

pid_t vmm_log_reader_pid(struct vmm_log_reader *r)
{
	if (!r->have_pid)
		read_some(&r->pipes[r->current], READS);
	return r->pid;
}

const char *vmm_log_reader_finish(struct vmm_log_reader *r)
{
	r->silent = true;
	read_some(&r->pipes[r->current], LAST_READS);
	r->silent = false;
	return r->last;
}

void vmm_log_reader_fini(struct vmm_log_reader *r)
{
	finish_pipe(&r->pipes[!r->current]);
	finish_pipe(&r->pipes[r->current]);
}
