/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Functions of the owner, with the arguments that the machine's parts have. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/fd.h>

#include "owner/owner.h"

#define MAX_LINE 1024

void vmm_log(const struct vmm_log *log, enum cvmm_log_level level, const char *cause,
	     const char *fmt, ...)
{
	char text[MAX_LINE];
	va_list ap;

	if (!log || !log->line)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log->line(log->opaque, level, cause, text);
}

static void begin_other(void *opaque)
{
	const struct cvmm_host *owner = opaque;

	(void)owner->begin_thread(owner->opaque, CVMM_THREAD_OTHER, NULL);
}

static struct vsu_closer *closer_of_peers(void *opaque, struct vsu_error *err)
{
	const struct cvmm_host *owner = opaque;

	return owner->closer ? owner->closer(owner->opaque, CVMM_CLOSER_PEERS, err) : NULL;
}

static struct vsu_closer *closer_of_files(void *opaque, struct vsu_error *err)
{
	const struct cvmm_host *owner = ((const struct vmm_process *)opaque)->owner;

	return owner->closer ? owner->closer(owner->opaque, CVMM_CLOSER_FILES, err) : NULL;
}

static void on_warning(void *opaque, const char *cause, const char *text)
{
	const struct vmm_process *p = opaque;

	vmm_log(&p->log, CVMM_LOG_WARNING, cause, "%s", text);
}

void vmm_process_init(struct vmm_process *p, const struct cvmm_host *owner)
{
	void *opaque = (void *)(uintptr_t)owner;

	*p = (struct vmm_process){
		.owner = owner, .log = { .line = owner->log, .opaque = owner->opaque },
		.closer = { .get = closer_of_peers, .opaque = opaque },
		.host = { .opaque = p, .warn = on_warning, .file_closer = closer_of_files },
		.in_fd = owner->stdio ? owner->stdio[0] : -1,
		.out_fd = owner->stdio ? owner->stdio[1] : -1,
	};
	if (owner->begin_thread)
		p->threads = (struct vsu_threads){ .begin = begin_other, .opaque = opaque };
	if (owner->sockets)
		p->sockets = (struct devkind_socket_access){ .given = true, .access = *owner->sockets };
}

int vmm_owner_pagemap(const struct cvmm_host *owner)
{
	int fd;

	if (owner->pagemap)
		return vsu_fd_dup(*owner->pagemap);
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
