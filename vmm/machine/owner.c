/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine leaves its end to its owner. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>

#include <vmm-sys-util/fd.h>

#include "machine/machine.h"
#include "machine/owner.h"

void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why)
{
	if (m->console)
		vmm_console_restore(m->console);
	vmm_stdio_restore(m->stdio);
	if (m->owner.abandon)
		m->owner.abandon(m->owner.opaque, status, why);
}

int vmm_owner_pagemap(const struct vmm_owner *owner)
{
	int fd;

	if (owner->pagemap_fd >= 0)
		return vsu_fd_dup(owner->pagemap_fd);
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
