/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A container in a guest of QEMU, by libvm-agent alone: its first process runs while further commands are
 * executed in it, one after the other, with the three streams of this program. Prints the status of each, and
 * ends with the last one.
 *
 *	qemu-containers KERNEL MODULES INIT SOCKET COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...
 *
 * The operands are those of qemu-exec.c; the root of the container is the shared folder, read-only. -t: the
 * command has a terminal.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <vm-agent/process.h>

#include "qemu-machine.h"

#define SHARE "/share"

static struct vagent_guest *guest;
static struct qemu machine = QEMU_NONE;
static struct vsu_error err;
static unsigned int container;

/* Serves the guest until a condition holds. -ECANCELED: the machine has ended; errors of the connection. */
static int serve_until(bool (*is_done)(const struct vagent_process *p), const struct vagent_process *p)
{
	struct pollfd ready[] = {
		{ .fd = vagent_guest_fd(guest), .events = POLLIN }, { .fd = machine.alive, .events = POLLIN },
	};

	while (!is_done(p)) {
		if (!vagent_guest_dispatch(guest))
			return vagent_guest_failure(guest, &err);
		if (ready[1].revents)
			return vsu_error_set(&err, -ECANCELED, "the machine has ended");
		if (!is_done(p))
			poll(ready, 2, -1);
	}
	return 0;
}

static bool is_ready(const struct vagent_process *p)
{
	(void)p;
	return vagent_guest_is_ready(guest);
}

static bool is_prepared(const struct vagent_process *p)
{
	return vagent_process_state(p) != VAGENT_PREPARING;
}

static bool is_finished(const struct vagent_process *p)
{
	return vagent_process_state(p) == VAGENT_FINISHED;
}

static int add_container(void)
{
	static const struct vagent_mount mounts[] = {
		{ "proc", NULL, "/proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, false },
		{ "sysfs", NULL, "/sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, false },
		{ "tmpfs", NULL, "/dev", "mode=0755,size=64k", MS_NOSUID, false },
		{ "devpts", NULL, "/dev/pts", "newinstance,ptmxmode=0666,mode=0620", MS_NOSUID | MS_NOEXEC, false },
		{ "tmpfs", NULL, "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, false },
	};
	static const struct vagent_device devices[] = {
		{ "/dev/null", 'c', 1, 3, 0666, 0, 0 }, { "/dev/zero", 'c', 1, 5, 0666, 0, 0 },
		{ "/dev/tty", 'c', 5, 0, 0666, 0, 0 },
	};
	const struct vagent_container c = {
		.size = sizeof(c), .root = SHARE, .hostname = "box", .mounts = mounts, .devices = devices,
		.nmounts = sizeof(mounts) / sizeof(mounts[0]), .ndevices = sizeof(devices) / sizeof(devices[0]),
		.namespaces = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
	};
	int rc = serve_until(is_ready, NULL);

	return rc < 0 ? rc : vagent_guest_add_container(guest, &c, &container, &err);
}

/* Prepares and starts a process; one that was not prepared has finished. */
static int start_process(char **words, const int *streams, struct vagent_process **p)
{
	static const char *const environment[] = { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TERM=linux", NULL };
	const bool terminal = !strcmp(words[0], "-t");
	const struct vagent_process_config c = {
		.size = sizeof(c), .command = (const char *const *)words + terminal, .environment = environment,
		.streams = streams, .terminal = terminal,
	};
	int rc = vagent_process_prepare(guest, container, &c, p, &err);

	if (!rc)
		rc = serve_until(is_prepared, *p);
	return rc < 0 || is_finished(*p) ? rc : vagent_process_start(*p, &err);
}

static int run_command(char **words)
{
	static const int streams[] = { 0, 1, 2 };
	struct vagent_process *p = NULL;
	struct vagent_end end;
	int rc = start_process(words, streams, &p);

	if (!rc)
		rc = serve_until(is_finished, p);
	if (!rc)
		rc = vagent_process_end(p, &end, &err);
	if (!rc && err.msg[0])
		fprintf(stderr, "qemu-containers: %s\n", err.msg);
	vsu_error_clear(&err);
	vagent_process_free(p);
	return rc < 0 ? rc : vagent_end_status(&end);
}

/* The words up to "--", which becomes NULL; the next ones, or NULL. */
static char **split_words(char **words)
{
	for (; *words; words++)
		if (!strcmp(*words, "--")) {
			*words = NULL;
			return words + 1;
		}
	return NULL;
}

static int run_commands(char **words)
{
	static const int streams[] = { -1, 2, 2 };
	char **next = split_words(words);
	struct vagent_process *first = NULL;
	int rc = add_container();

	if (!rc)
		rc = start_process(words, streams, &first);
	while (rc >= 0 && (words = next)) {
		next = split_words(words);
		rc = run_command(words);
		printf("status %d\n", rc);
		fflush(stdout);
	}
	vagent_process_free(first);
	return rc;
}

static int run(char **argv)
{
	const struct vagent_share share = { VAGENT_ROOT_TAG, SHARE, true };
	const struct vagent_guest_config config = {
		.size = sizeof(config), .shares = &share, .nshares = 1, .timeout_ms = 120000,
	};
	struct qemu_config c = { .kernel = argv[1], .modules = argv[2], .init = argv[3], .socket = argv[4] };
	int i, rc = vagent_guest_new(&guest, &config, &err);

	if (rc < 0)
		return rc;
	for (i = 0; i < VAGENT_PORTS; i++)
		c.ports[i] = vagent_guest_port(guest, (enum vagent_port)i);
	rc = qemu_start(&machine, &c, &err);
	vagent_guest_close_ports(guest);
	if (!rc)
		rc = run_commands(argv + 5);
	qemu_end(&machine);
	vagent_guest_free(guest);
	return rc;
}

int main(int argc, char **argv)
{
	int rc;

	if (argc < 6) {
		fprintf(stderr, "usage: qemu-containers KERNEL|host MODULES|none INIT SOCKET COMMAND [WORD...] [-- [-t] COMMAND [WORD...]]...\n");
		return VAGENT_STATUS_FAILED;
	}
	signal(SIGPIPE, SIG_IGN);
	rc = run(argv);
	if (rc >= 0)
		return rc;
	fprintf(stderr, "qemu-containers: %s\n", err.msg);
	return VAGENT_STATUS_FAILED;
}
