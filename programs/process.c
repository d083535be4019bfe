/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Standard descriptors, signals and the masks of threads. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "journal.h"
#include "log.h"
#include "process.h"
#include "supervisor.h"

/* Read by the signal handler; set once, before it is installed. */
static struct vmem_sigbus *sigbus_table;

static void fill_standard_descriptors(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

void prog_begin(const char *name)
{
	fill_standard_descriptors();
	signal(SIGCHLD, SIG_DFL);
	prog_log_init(name);
	prog_log_to_journal(PROG_JOURNAL_SOCKET);
	prog_supervisor_begin();
}

int prog_end(int status)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const bool failed = fflush(stdout) != 0 || ferror(stdout);

	prog_supervisor_end();
	if (status != VSU_EXIT_OK || !failed)
		return status;
	vsu_error_sys(&err, -errno, "cannot write standard output");
	prog_complain(&err);
	return VSU_EXIT_HOST;
}

void prog_raise_fd_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool (*ask_first)(const void *siginfo);

void prog_ask_first(bool (*fn)(const void *siginfo))
{
	__atomic_store_n(&ask_first, fn, __ATOMIC_RELEASE);
}

static bool is_dealt_with(const siginfo_t *info)
{
	bool (*first)(const void *) = __atomic_load_n(&ask_first,
						      __ATOMIC_ACQUIRE);

	return (first && first(info)) || vmem_sigbus_fix(sigbus_table, info);
}

static void on_sigbus(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* unknown address: the instruction faults again and ends the program */
	if (!is_dealt_with(info))
		signal(number, SIG_DFL);
}

int prog_handle_signals(unsigned int mappings, struct vmem_sigbus **table,
			struct vsu_error *err)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };
	int rc = vmem_sigbus_new(mappings, &sigbus_table, err);

	if (rc < 0)
		return rc;
	action.sa_sigaction = on_sigbus;
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, &action, NULL) < 0)
		return vsu_error_sys(err, -errno, "cannot handle SIGBUS");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	*table = sigbus_table;
	return 0;
}

void *prog_loop_memory(void *old, long size)
{
	struct vsu_error err = VSU_ERROR_INIT;
	void *memory;

	if (!size) {
		free(old);
		return NULL;
	}
	memory = realloc(old, (size_t)size);
	if (!memory) {
		vsu_error_sys(&err, -ENOMEM, "the event loop");
		prog_complain(&err);
		exit(VSU_EXIT_HOST);
	}
	return memory;
}

static struct vsu_threads threads;

void prog_thread_set_begin(void (*begin)(void *opaque))
{
	threads.begin = begin;
}

const struct vsu_threads *process_threads(void)
{
	return &threads;
}
