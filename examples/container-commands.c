/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Commands in one container of a guest. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>

#include <vm-agent/process.h>

#include "container-commands.h"

#define MINIMAL (MS_NOSUID | MS_NODEV | MS_NOEXEC)

static bool is_ready(const struct container_host *h, const struct vagent_process *p)
{
	(void)p;
	return vagent_guest_is_ready(h->guest);
}

static bool is_prepared(const struct container_host *h, const struct vagent_process *p)
{
	(void)h;
	return vagent_process_state(p) != VAGENT_PREPARING;
}

static bool is_finished(const struct container_host *h, const struct vagent_process *p)
{
	(void)h;
	return vagent_process_state(p) == VAGENT_FINISHED;
}

/* Serves the guest until a condition holds. */
static int serve_until(const struct container_host *h, bool (*is_done)(const struct container_host *, const struct vagent_process *),
		       const struct vagent_process *p, struct vsu_error *err)
{
	while (!is_done(h, p))
		if (!h->serve(h->opaque, err))
			return err->code < 0 ? err->code : vsu_error_set(err, -ECANCELED, "the machine has ended");
	return 0;
}

static int add_container(const struct container_host *h, unsigned int *number, struct vsu_error *err)
{
	static const struct vagent_mount mounts[] = {
		{ "proc", NULL, "/proc", NULL, MINIMAL, false },
		{ "sysfs", NULL, "/sys", NULL, MINIMAL | MS_RDONLY, false },
		{ "tmpfs", NULL, "/dev", "mode=0755,size=64k", MS_NOSUID, false },
		{ "devpts", NULL, "/dev/pts", "newinstance,ptmxmode=0666,mode=0620", MS_NOSUID | MS_NOEXEC, false },
		{ "tmpfs", NULL, "/tmp", "mode=1777", MS_NOSUID | MS_NODEV, false },
	};
	static const struct vagent_device devices[] = {
		{ "/dev/null", 'c', 1, 3, 0666, 0, 0 }, { "/dev/zero", 'c', 1, 5, 0666, 0, 0 },
		{ "/dev/tty", 'c', 5, 0, 0666, 0, 0 },
	};
	const struct vagent_container c = {
		.size = sizeof(c), .root = CONTAINER_ROOT, .hostname = "box", .mounts = mounts, .devices = devices,
		.nmounts = sizeof(mounts) / sizeof(mounts[0]), .ndevices = sizeof(devices) / sizeof(devices[0]),
		.namespaces = CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET,
	};
	int rc = serve_until(h, is_ready, NULL, err);

	return rc < 0 ? rc : vagent_guest_add_container(h->guest, &c, number, err);
}

/* Prepares and starts a process; one that was not prepared has finished. */
static int start_process(const struct container_host *h, unsigned int container, char **words, const int *streams,
			 struct vagent_process **p, struct vsu_error *err)
{
	static const char *const environment[] = { "PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TERM=linux", NULL };
	const bool terminal = words[0] && !strcmp(words[0], "-t");
	const struct vagent_process_config c = {
		.size = sizeof(c), .command = (const char *const *)words + terminal, .environment = environment,
		.streams = streams, .terminal = terminal,
	};
	int rc = vagent_process_prepare(h->guest, container, &c, p, err);

	if (!rc)
		rc = serve_until(h, is_prepared, *p, err);
	return rc < 0 || is_finished(h, *p) ? rc : vagent_process_start(*p, err);
}

static int run_command(const struct container_host *h, unsigned int container, char **words, struct vsu_error *err)
{
	static const int streams[] = { 0, 1, 2 };
	struct vsu_error why = VSU_ERROR_INIT;
	struct vagent_process *p = NULL;
	struct vagent_end end;
	int rc = start_process(h, container, words, streams, &p, err);

	if (!rc)
		rc = serve_until(h, is_finished, p, err);
	if (!rc)
		rc = vagent_process_end(p, &end, &why);
	if (!rc && why.msg[0])
		fprintf(stderr, "%s\n", why.msg);
	vagent_process_free(p);
	return rc < 0 ? rc : vagent_end_status(&end);
}

/* Ends the words at "--", and returns those behind it, or NULL. */
static char **split_words(char **words)
{
	for (; *words; words++)
		if (!strcmp(*words, "--")) {
			*words = NULL;
			return words + 1;
		}
	return NULL;
}

int run_commands(const struct container_host *h, char **words, struct vsu_error *err)
{
	static const int streams[] = { -1, 2, 2 };
	char **next = split_words(words);
	struct vagent_process *first = NULL;
	unsigned int container;
	int rc = add_container(h, &container, err);

	if (!rc)
		rc = start_process(h, container, words, streams, &first, err);
	while (rc >= 0 && (words = next)) {
		next = split_words(words);
		rc = run_command(h, container, words, err);
		printf("status %d\n", rc);
		fflush(stdout);
	}
	vagent_process_free(first);
	return rc;
}
