/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A new process of the starter becomes a daemon. */
#define _GNU_SOURCE
#include <config.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/error.h>

#include "child/program.h"
#include "descriptors.h"
#include "log.h"
#include "common/spawn/starter.h"

struct inherited {
	const struct vmm_starter_setup *setup;
	int sock;
};

static void close_if_unused(const void *opaque, int fd)
{
	const struct inherited *i = opaque;
	const struct vmm_starter_command *c = i->setup->commands;
	const char *word;

	for (; c < i->setup->commands + i->setup->n; c++) {
		word = NULL;
		while ((word = vmm_spawn_words_next(&c->words, word)))
			if (vmm_spawn_fd_of(c->kind, word, NULL) == fd)
				return;
	}
	if (fd != i->sock)
		close(fd);
}

void vmm_starter_close_others(const struct vmm_starter_setup *setup, int sock)
{
	const struct inherited i = { setup, sock };

	prog_descriptors_each(close_if_unused, &i);
}

/* A descriptor has another number here than in the process that passed it. */
static void word_add(struct prog_program *p, const struct devkind *kind, const char *word, const int **passed)
{
	const char *digits;
	int fd = vmm_spawn_fd_of(kind, word, &digits);

	if (fd >= 0 && *passed) {
		fd = *(*passed)++;
		prog_program_add(p, "%.*s%d%s", (int)(digits - word), word, fd, digits + strcspn(digits, ":"));
	} else {
		prog_program_add(p, "%s", word);
	}
	if (fd >= 0)
		prog_program_pass(p, fd);
}

_Noreturn void vmm_starter_exec(const struct vmm_starter_setup *setup,
				const struct devkind *kind,
				const struct vmm_starter_request *request,
				const int *fds, unsigned int nfds)
{
	const int *passed = nfds > VMM_STARTER_FDS ? fds + VMM_STARTER_FDS : NULL;
	char path[PATH_MAX + 64], failure[sizeof(path) + 64];
	struct prog_program p = {
		.path = path, .failure = failure,
		.remedy = "; install cvmm's daemons, or name their folder by --daemon-path",
	};
	const char *word = NULL;
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
	while ((word = vmm_spawn_words_next(&request->words, word)))
		word_add(&p, kind, word, &passed);
	dprintf(fds[VMM_STARTER_LOG], "%d\n", (int)getpid());
	prog_program_become(&p, fds[VMM_STARTER_LOG]);
}
