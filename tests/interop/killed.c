/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A command that is killed and restarted. */
#include <config.h>

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "killed.h"

void killed_start(struct killed *k)
{
	k->pid = fork();
	if (k->pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	execvp(k->command[0], k->command);
	_exit(127);
}

void killed_end(struct killed *k, int number)
{
	k->when_ns = vsu_now_ns();
	kill(k->pid, number);
	waitpid(k->pid, NULL, 0);
}

bool killed_ended(const struct killed *k)
{
	return waitpid(k->pid, NULL, WNOHANG) != 0;
}

bool killed_listens(const struct killed *k, const char *socket)
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
