/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The owner of a machine, in the forms in which its parts use it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vmm-sys-util/fd.h>

#include "machine/machine.h"
#include "machine/owner.h"

static void begin_other(void *opaque)
{
	const struct vmm_machine *m = opaque;

	(void)m->owner.begin_thread(m->owner.opaque, CVMM_THREAD_OTHER, NULL);
}

static struct vsu_closer *closer_of_peers(void *opaque, struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;

	return m->owner.closer ? m->owner.closer(m->owner.opaque, CVMM_CLOSER_PEERS, err) : NULL;
}

static struct vsu_closer *closer_of_files(void *opaque, struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;

	return m->owner.closer ? m->owner.closer(m->owner.opaque, CVMM_CLOSER_FILES, err) : NULL;
}

static void on_warning(void *opaque, const char *cause, const char *text)
{
	const struct vmm_machine *m = opaque;

	vmm_log(&m->process.log, CVMM_LOG_WARNING, cause, "%s", text);
}

void vmm_machine_set_owner(struct vmm_machine *m, const struct cvmm_host *owner)
{
	static const struct cvmm_host none = { .size = sizeof(none) };

	m->owner = owner ? *owner : none;
	m->process.in_fd = m->owner.stdio ? m->owner.stdio[0] : -1;
	m->process.out_fd = m->owner.stdio ? m->owner.stdio[1] : -1;
	m->process.log = (struct vmm_log){ .line = m->owner.log, .opaque = m->owner.opaque };
	m->process.closer = (struct vmm_closer){ .get = closer_of_peers, .opaque = m };
	m->process.host = (struct devkind_host){
		.opaque = m, .warn = on_warning, .file_closer = closer_of_files,
	};
	if (m->owner.begin_thread)
		m->process.threads = (struct vsu_threads){ .begin = begin_other, .opaque = m };
	if (m->owner.sockets)
		m->process.sockets = (struct devkind_socket_access){ .given = true, .access = *m->owner.sockets };
	m->events = m->owner.event ? m->owner.events : 0;
}

void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why)
{
	if (m->console)
		vmm_console_restore(m->console);
	vmm_stdio_restore(m->stdio);
	if (m->owner.stuck)
		m->owner.stuck(m->owner.opaque, status, why);
}

int vmm_owner_pagemap(const struct cvmm_host *owner)
{
	int fd;

	if (owner->pagemap)
		return vsu_fd_dup(*owner->pagemap);
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
