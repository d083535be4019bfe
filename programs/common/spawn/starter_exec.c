/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A new process of the starter becomes a daemon. */
#define _GNU_SOURCE
#include <config.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/error.h>

#include "child/program.h"
#include "confine/confine.h"
#include "log.h"
#include "common/spawn/starter.h"

/* The lowest descriptor from a number on that a device refers to, or sock; -1: there is none. */
static int next_used(const struct vmm_starter_setup *setup, int sock, int from)
{
	int next = sock >= from ? sock : -1;
	unsigned int i;

	for (i = 0; i < setup->n; i++) {
		struct vmm_daemon_value v = { .next = 0 };

		while (vmm_daemon_next_fd(&setup->devices[i], &v))
			if (v.fd >= from && (next < 0 || v.fd < next))
				next = v.fd;
	}
	return next;
}

void vmm_starter_close_others(const struct vmm_starter_setup *setup, int sock)
{
	int first = STDERR_FILENO + 1, used;

	while ((used = next_used(setup, sock, first)) >= 0) {
		confine_close_range((unsigned int)first, (unsigned int)used - 1);
		first = used + 1;
	}
	confine_close_range((unsigned int)first, ~0u);
}

/*
 * A descriptor that was passed has another number here than in the process that passed it.
 * more: an option of a replacement, unless the device has it; or NULL.
 */
static void add_properties(struct prog_program *p, const struct vmm_daemon_spec *spec, const int *passed,
			   const char *more)
{
	struct vmm_daemon_value v = { .next = 0 };
	char option[VMM_DAEMON_OPTION_MAX];
	int fd;

	while (vmm_daemon_next(spec, &v)) {
		fd = v.fd >= 0 && passed ? *passed++ : v.fd;
		prog_program_add(p, "%s", vmm_daemon_option(&v, fd, option));
		if (fd >= 0)
			prog_program_pass(p, fd);
		if (more && !strcmp(more, option))
			more = NULL;
	}
	if (spec->queues)
		prog_program_add(p, "--num-queues=%" PRIu32, spec->queues);
	if (spec->queue_size)
		prog_program_add(p, "--queue-size=%" PRIu32, spec->queue_size);
	if (more)
		prog_program_add(p, "%s", more);
}

_Noreturn void vmm_starter_exec(const struct vmm_starter_setup *setup,
				const struct vmm_starter_request *request,
				const int *fds, unsigned int nfds)
{
	const struct devkind *kind = devkind_get(request->spec.kind);
	const int *passed = nfds > VMM_STARTER_FDS ? fds + VMM_STARTER_FDS : NULL;
	char path[PATH_MAX + 64], failure[sizeof(path) + 64];
	struct prog_program p = {
		.path = path, .failure = failure,
		.remedy = "; install cvmm's daemons, or name their folder by --daemon-path",
	};
	unsigned int i;

	snprintf(path, sizeof(path), "%s/cvmm-vhost-user-%s", setup->folder, kind->name);
	snprintf(failure, sizeof(failure), "cvmm-vhost-user-%s: %s cannot be started", kind->name, path);
	prog_program_add(&p, "%s", path);
	prog_program_add(&p, "--fd=%d", fds[VMM_STARTER_SOCKET]);
	prog_program_pass(&p, fds[VMM_STARTER_SOCKET]);
	prog_program_add(&p, "--log-level=%s", vsu_log_level_name(request->level));
	for (i = 0; i < VMM_STARTER_COMMON; i++)
		if (setup->common[i][0])
			prog_program_add(&p, "%s", setup->common[i]);
	add_properties(&p, &request->spec, passed, request->continues ? kind->replacement : NULL);
	dprintf(fds[VMM_STARTER_LOG], "%d\n", (int)getpid());
	prog_program_become(&p, fds[VMM_STARTER_LOG]);
}
