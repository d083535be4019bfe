/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"

static int host[VAGENT_PORTS];
static pid_t process;

/* Closes descriptors of the test program, which the first process of a guest does not have. */
static void close_others(void)
{
	unsigned int i;
	int fd;

	for (fd = 3; fd < 256; fd++) {
		for (i = 0; i < VAGENT_PORTS && vagent_priv_ports[i] != fd; i++)
			;
		if (i == VAGENT_PORTS)
			close(fd);
	}
}

static void run(agent_part *part, const char *records, size_t len)
{
	char *copy = malloc(len + 1);
	sigset_t child;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
	memcpy(copy, records, len);
	copy[len] = '\0';
	part(copy, len);
	_exit(99);
}

void agent_rig_start(agent_part *part, const char *records, size_t len)
{
	unsigned int i;
	int pair[2];

	for (i = 0; i < VAGENT_PORTS; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
		host[i] = pair[0];
		vagent_priv_ports[i] = pair[1];
		ck_assert_int_eq(fcntl(pair[1], F_SETFL, O_RDWR | O_NONBLOCK), 0);
	}
	process = fork();
	ck_assert_int_ge(process, 0);
	if (!process) {
		close_others();
		run(part, records, len);
	}
	for (i = 0; i < VAGENT_PORTS; i++)
		close(vagent_priv_ports[i]);
}

void agent_rig_end(void)
{
	unsigned int i;

	if (process > 0) {
		kill(process, SIGKILL);
		waitpid(process, NULL, 0);
		for (i = 0; i < VAGENT_PORTS; i++)
			close(host[i]);
	}
	process = 0;
}

pid_t agent_rig_process(void)
{
	return process;
}

void host_writes(enum vagent_port port, const void *bytes, size_t len)
{
	ck_assert_int_eq(send(host[port], bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void host_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };

	host_writes(VAGENT_CONTROL, &h, sizeof(h));
	if (len)
		host_writes(VAGENT_CONTROL, payload, len);
}

void host_reads(enum vagent_port port, void *bytes, size_t len)
{
	ck_assert_int_eq(recv(host[port], bytes, len, MSG_WAITALL), (ssize_t)len);
}

void agent_sent(uint32_t type)
{
	struct vagent_header h;

	host_reads(VAGENT_CONTROL, &h, sizeof(h));
	ck_assert_uint_eq(h.type, type);
	ck_assert_uint_eq(h.len, 0);
}

const char *agent_failed(void)
{
	static char why[VAGENT_MAX_MESSAGE + 1];
	struct vagent_header h;

	host_reads(VAGENT_CONTROL, &h, sizeof(h));
	ck_assert_uint_eq(h.type, VAGENT_FAILURE);
	ck_assert_uint_le(h.len, VAGENT_MAX_MESSAGE);
	memset(why, 0, sizeof(why));
	host_reads(VAGENT_CONTROL, why, h.len);
	return why;
}
