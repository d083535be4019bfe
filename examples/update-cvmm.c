/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Replaces cvmm under a running guest, for example after an update of its package: runs
 * a machine with a card on a tap interface, and at SIGHUP moves the guest to a new
 * process of the program. Memory and tap interface are handed over by descriptor, so
 * the guest stops for milliseconds.
 *
 *	update-cvmm CVMM TAP CONTROL ARG...
 *
 * ARG... are arguments of "cvmm run"; memory needs backend=memfd to be handed over. At
 * SIGTERM the guest ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <net/if.h>
#include <linux/if_tun.h>

#define MAX_ARGS 256

static const char *program;
static char control[80], control_next[88], move[88], card[32];

/* All processes of the machine inherit the descriptor under its number. */
static int tap_open(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ? -1 : fd;
}

static pid_t spawn(const char *const *args)
{
	const pid_t pid = fork();
	sigset_t none;

	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(program, (char *const *)(uintptr_t)args);
	perror(program);
	_exit(127);
}

static pid_t start(int argc, char **argv)
{
	static char with_control[96];
	const char *args[MAX_ARGS] = { "cvmm", "run", with_control, card };
	int i;

	snprintf(with_control, sizeof(with_control), "--control=%s", control);
	for (i = 0; i < argc && i < MAX_ARGS - 5; i++)
		args[4 + i] = argv[i];
	return spawn(args);
}

/* Its arguments come from the machine that moves. */
static pid_t start_next(void)
{
	char incoming[104], with_control[104];
	const char *args[] = { "cvmm", "run", incoming, with_control, NULL };

	snprintf(incoming, sizeof(incoming), "--incoming=unix:%s", move);
	snprintf(with_control, sizeof(with_control), "--control=%s", control_next);
	return spawn(args);
}

/* Waits at most 10 seconds. */
static int waits_for_machine(void)
{
	const struct timespec ms = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < 10000 && access(move, F_OK) < 0; i++)
		nanosleep(&ms, NULL);
	return i < 10000;
}

static int migrate(void)
{
	char address[96];
	const char *args[] = { "cvmm", "ctl", control, "migrate", address, NULL };
	int status;
	pid_t pid;

	snprintf(address, sizeof(address), "unix:%s", move);
	pid = spawn(args);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0 ? 0 : -1;
}

/* The process that has the guest: after a failure the old one, which continues it. */
static pid_t update(pid_t old)
{
	pid_t next;

	unlink(move);
	next = start_next();
	if (next < 0)
		return old;
	if (!waits_for_machine() || migrate() < 0) {
		fprintf(stderr, "update-cvmm: the guest stays in process %d\n", (int)old);
		kill(next, SIGKILL);
		waitpid(next, NULL, 0);
		return old;
	}
	waitpid(old, NULL, 0);
	if (rename(control_next, control) < 0)
		perror(control);
	fprintf(stderr, "update-cvmm: the guest is in process %d\n", (int)next);
	return next;
}

/* Until the machine ends; its exit status. */
static int serve(pid_t machine)
{
	sigset_t set;
	int sig, status;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	while (sigwait(&set, &sig) == 0) {
		if (sig == SIGHUP)
			machine = update(machine);
		else if (sig != SIGCHLD)
			kill(machine, SIGTERM);
		if (waitpid(machine, &status, WNOHANG) == machine)
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return 1;
}

int main(int argc, char **argv)
{
	sigset_t all;
	int tap;

	if (argc < 5 || strlen(argv[3]) >= sizeof(control)) {
		fprintf(stderr, "usage: update-cvmm CVMM TAP CONTROL ARG...\n");
		return 2;
	}
	tap = tap_open(argv[2]);
	if (tap < 0) {
		perror(argv[2]);
		return 1;
	}
	program = argv[1];
	snprintf(control, sizeof(control), "%s", argv[3]);
	snprintf(control_next, sizeof(control_next), "%s.next", control);
	snprintf(move, sizeof(move), "%s.move", control);
	snprintf(card, sizeof(card), "--net=fd=%d", tap);
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	return serve(start(argc - 4, argv + 4));
}
