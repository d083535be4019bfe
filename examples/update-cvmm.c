/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Replaces a program with a machine under its running guest, for example after an update of
 * libcvmm: a supervisor runs the machine in a process of its own, and at SIGHUP moves the
 * guest to a new process of the program. Memory and a tap interface are passed by
 * descriptor, so the guest stops for milliseconds.
 *
 *	update-cvmm TAP OPTION...
 *
 * OPTION... are those of "cvmm run"; memory needs backend=memfd to be passed. SIGTERM
 * presses the guest's power button.
 */
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <net/if.h>
#include <linux/if_tun.h>

#include <cvmm/machine.h>
#include <cvmm/requests.h>
#include <vmm-sys-util/sock.h>

#define MAX_ARGS 256

/* ------------------------------------------- the process of a machine: --machine LINK OPTION... */

static int supervisor;	/* sends a socket for a migration, or a byte alone; the end kills the guest */

static void on_log(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)opaque;
	(void)level;
	(void)cause;
	fprintf(stderr, "update-cvmm: %s\n", text);
}

/* After success the machine ends, which closes the link. */
static void on_migrated(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	if (why) {
		fprintf(stderr, "update-cvmm: %s\n", why->msg);
		(void)!write(supervisor, "", 1);
	} else {
		fprintf(stderr, "update-cvmm: %" PRIu64 " bytes sent; the guest was stopped for %" PRIu64 " us\n",
			answer->sent, answer->downtime_us);
	}
}

static void on_request(struct cvmm_machine *m)
{
	struct cvmm_migration g = { .size = sizeof(g), .passes_memory = true };
	struct vsu_error err = VSU_ERROR_INIT;
	struct iovec byte = { (char[1]){ 0 }, 1 };
	unsigned int n = 1;

	if (vsu_sock_recv(supervisor, &byte, 1, &g.sock, &n) <= 0) {
		cvmm_machine_kill(m);
	} else if (!n) {
		if (cvmm_machine_press_power(m, &err) < 0)
			cvmm_machine_kill(m);
	} else {
		if (cvmm_machine_migrate(m, &g, on_migrated, NULL, &err) < 0)
			on_migrated(NULL, &err, NULL);
		close(g.sock);
	}
}

static int run_machine(size_t n, const char *const *words)
{
	const struct cvmm_host host = {
		.size = sizeof(host), .log = on_log, .stdio = (const int[]){ 0, 1 },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_machine *m = NULL;
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err), status = VSU_EXIT_DATA;

	if (!rc)
		rc = cvmm_options_add_words(o, n, words, &err);
	if (!rc)
		rc = cvmm_machine_new(o, &host, &m, &err);
	if (!rc)
		rc = cvmm_machine_start(m, &err);
	while (!rc && cvmm_machine_dispatch(m)) {
		struct pollfd ready[] = { { cvmm_machine_fd(m), POLLIN, 0 }, { supervisor, POLLIN, 0 } };

		if (poll(ready, 2, -1) > 0 && ready[1].revents)
			on_request(m);
	}
	if (!rc)
		status = cvmm_machine_status(m, &err);
	if (err.msg[0])
		fprintf(stderr, "update-cvmm: %s\n", err.msg);
	cvmm_machine_free(m);
	return status;
}

/* ------------------------------------------------------------------------- the supervisor */

struct process {
	pid_t pid;
	int link;
};

/* Machines inherit the descriptor under its number. */
static int tap_open(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR);

	strncpy(request.ifr_name, name, IFNAMSIZ - 1);
	return fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0 ? -1 : fd;
}

/* The program may be another one by now. Its machine inherits inherited; -1: none. */
static struct process start(const char *program, int n, char *const *options, int inherited)
{
	char *args[MAX_ARGS] = { (char *)(uintptr_t)program, (char[]){ "--machine" } };
	struct process p = { -1, -1 };
	char number[12];
	int i, links[2];

	if (vsu_sock_pair(links) < 0)
		return p;
	snprintf(number, sizeof(number), "%d", links[1]);
	args[2] = number;
	for (i = 0; i < n && i < MAX_ARGS - 4; i++)
		args[3 + i] = options[i];
	p.pid = fork();
	p.link = links[0];
	if (p.pid == 0) {
		fcntl(links[1], F_SETFD, 0);
		fcntl(inherited, F_SETFD, 0);
		execvp(program, args);
		perror(program);
		_exit(127);
	}
	close(links[1]);
	return p;
}

/* The machine that moves brings its options. */
static struct process start_next(const char *program, int sock)
{
	char incoming[32];

	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", sock);
	return start(program, 1, (char *[]){ incoming }, sock);
}

static void send_request(const struct process *p, const int *fds, unsigned int nfds)
{
	const struct iovec byte = { (char[1]){ 0 }, 1 };

	(void)!vsu_sock_send(p->link, &byte, 1, fds, nfds);
}

/* True: the machine's process ends, and closes its link; false: the guest continues there. */
static bool is_left(const struct process *old, int sock)
{
	struct pollfd ready = { old->link, POLLIN, 0 };
	char byte;

	send_request(old, &sock, 1);
	while (poll(&ready, 1, -1) < 0 && errno == EINTR)
		;
	return read(old->link, &byte, 1) <= 0;
}

/* Replaces *p by the process that has the guest; the status of a machine that ended otherwise, or -1. */
static int update(const char *program, struct process *p)
{
	struct process next;
	int status = -1, pair[2];

	if (vsu_sock_pair(pair) < 0)
		return -1;
	next = start_next(program, pair[1]);
	close(pair[1]);
	if (next.pid > 0 && is_left(p, pair[0]) && waitpid(p->pid, &status, 0) == p->pid &&
	    WIFEXITED(status) && WEXITSTATUS(status) == VSU_EXIT_MIGRATED) {
		close(p->link);
		*p = next;
		status = -1;
		fprintf(stderr, "update-cvmm: the guest is in process %d\n", (int)next.pid);
	} else if (next.pid > 0) {
		kill(next.pid, SIGKILL);
		waitpid(next.pid, NULL, 0);
		close(next.link);
		if (status < 0)
			fprintf(stderr, "update-cvmm: the guest stays in process %d\n", (int)p->pid);
	}
	close(pair[0]);
	return status;
}

/* Until the machine ends; its exit status. */
static int serve(const char *program, struct process machine)
{
	int sig, status = -1;
	sigset_t set;

	sigfillset(&set);
	while (status < 0 && sigwait(&set, &sig) == 0) {
		if (sig == SIGHUP)
			status = update(program, &machine);
		else if (sig == SIGTERM || sig == SIGINT)
			send_request(&machine, NULL, 0);
		if (status < 0 && waitpid(machine.pid, &status, WNOHANG) != machine.pid)
			status = -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	char card[32];
	sigset_t all;
	int tap;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (argc > 3 && !strcmp(argv[1], "--machine")) {
		supervisor = atoi(argv[2]);
		fcntl(supervisor, F_SETFD, FD_CLOEXEC);
		return run_machine((size_t)argc - 3, (const char *const *)argv + 3);
	}
	if (argc < 3) {
		fprintf(stderr, "usage: update-cvmm TAP OPTION...\n");
		return 2;
	}
	tap = tap_open(argv[1]);
	if (tap < 0) {
		perror(argv[1]);
		return 1;
	}
	snprintf(card, sizeof(card), "--net=fd=%d", tap);
	argv[1] = card;		/* before the other options */
	return serve(argv[0], start(argv[0], argc - 1, argv + 1, -1));
}
