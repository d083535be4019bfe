/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that is killed and restarted. */
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "killed.h"

void killed_start(struct killed *k)
{
	k->pid = fork();
	if (k->pid < 0) {
		perror("fork");
		exit(EXIT_FAILURE);
	}
	if (k->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(k->command[0], k->command);
	_exit(127);
}

void killed_end(struct killed *k, int number)
{
	k->when_ns = vsu_now_ns();
	if (!k->pid)
		return;
	kill(k->pid, number);
	waitpid(k->pid, NULL, 0);
	k->pid = 0;
}

bool killed_ended(struct killed *k)
{
	if (k->pid && waitpid(k->pid, NULL, WNOHANG) != 0)
		k->pid = 0;
	return !k->pid;
}

bool killed_listens(struct killed *k, const char *socket)
{
	int sock = -1;

	while (sock < 0 && !killed_ended(k)) {
		sock = vsu_sock_connect(socket, NULL);
		if (sock < 0)
			poll(NULL, 0, 1);
	}
	if (sock >= 0)
		close(sock);
	return sock >= 0;
}
