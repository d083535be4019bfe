/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A new process of the starter becomes a daemon. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "descriptors.h"
#include "log.h"
#include "common/spawn/starter.h"

#define EXIT_NOT_STARTED 127

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

/* Restores signals that the starter ignores or handles. */
static void reset_signals(void)
{
	static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGCHLD, SIGPIPE };
	sigset_t none;
	size_t i;

	for (i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		signal(numbers[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void print_failure(const struct devkind *kind, const char *path, int cause)
{
	dprintf(STDERR_FILENO, "cvmm-vhost-user-%s: %s cannot be started: %s; install cvmm's daemons, or name their folder by --daemon-path\n",
		kind->name, path, strerror(cause));
}

/* execv() does not change its arguments. */
static char *as_argument(const char *word)
{
	return (char *)(uintptr_t)word;
}

/* The arguments of a start. */
struct start {
	const struct devkind *kind;
	const int *passed;	/* for the words, in their order, or NULL */
	int kept[VMM_SPAWN_MAX_WORDS + 1];	/* descriptors */
	unsigned int nkept;
	char *argv[VMM_SPAWN_MAX_WORDS + VMM_STARTER_COMMON + 4];
	unsigned int argc;
};

/* A descriptor has another number here than in the process that passed it. */
static char *with_number(const char *word, const char *digits, int fd)
{
	char *text;

	if (asprintf(&text, "%.*s%d%s", (int)(digits - word), word, fd,
		     digits + strcspn(digits, ":")) < 0)
		_exit(EXIT_NOT_STARTED);
	return text;
}

static void word_add(struct start *s, const char *word)
{
	const char *digits;
	int fd = vmm_spawn_fd_of(s->kind, word, &digits);

	if (fd >= 0 && s->passed) {
		fd = *s->passed++;
		s->argv[s->argc++] = with_number(word, digits, fd);
	} else {
		s->argv[s->argc++] = as_argument(word);
	}
	if (fd >= 0)
		s->kept[s->nkept++] = fd;
}

_Noreturn void vmm_starter_exec(const struct vmm_starter_setup *setup,
				const struct devkind *kind,
				const struct vmm_starter_request *request,
				const int *fds, unsigned int nfds)
{
	char path[PATH_MAX + 64], fd[32], level[32];
	struct start s = {
		.kind = kind, .argv = { path, fd, level }, .argc = 3,
		.passed = nfds > VMM_STARTER_FDS ? fds + VMM_STARTER_FDS : NULL,
		.kept = { fds[VMM_STARTER_SOCKET] }, .nkept = 1,
	};
	const char *word = NULL;
	unsigned int i;

	dup2(fds[VMM_STARTER_LOG], STDOUT_FILENO);
	dup2(fds[VMM_STARTER_LOG], STDERR_FILENO);
	snprintf(path, sizeof(path), "%s/cvmm-vhost-user-%s", setup->folder, kind->name);
	snprintf(fd, sizeof(fd), "--fd=%d", fds[VMM_STARTER_SOCKET]);
	snprintf(level, sizeof(level), "--log-level=%s", vsu_log_level_name(request->level));
	for (i = 0; i < VMM_STARTER_COMMON; i++)
		if (setup->common[i][0])
			s.argv[s.argc++] = as_argument(setup->common[i]);
	while ((word = vmm_spawn_words_next(&request->words, word)))
		word_add(&s, word);
	/* the connection, and the descriptors of its options */
	prog_descriptors_pass(s.kept, s.nkept);
	reset_signals();
	dprintf(STDERR_FILENO, "%d\n", (int)getpid());
	execv(path, s.argv);
	print_failure(kind, path, errno);
	_exit(EXIT_NOT_STARTED);
}
