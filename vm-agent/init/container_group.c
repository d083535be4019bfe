/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The control group of a container: its limits, and what it has used. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/guest.h"

void vagent_priv_child_write_text(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot write %.300s: %s", path, strerror(errno));
	close(fd);
}

/* A kernel may lack some, whose files the group then lacks. The first process of a system owns its groups. */
void vagent_priv_container_enable_controllers(void)
{
	static const char *const controllers[] = { "+cpu", "+io", "+memory", "+pids" };
	const int fd = getpid() == 1 ? open(CONTAINER_GROUPS "/cgroup.subtree_control", O_WRONLY | O_CLOEXEC) : -1;
	unsigned int i;

	for (i = 0; fd >= 0 && i < sizeof(controllers) / sizeof(controllers[0]); i++)
		(void)!write(fd, controllers[i], strlen(controllers[i]));
	if (fd >= 0)
		close(fd);
}

static void set_limits(const struct guest_container *c)
{
	char path[320], **limit;
	size_t len;

	for (limit = c->limits; *limit; limit++) {
		len = strcspn(*limit, "=");
		if (!(*limit)[len] || strchr(*limit, '/'))
			vagent_priv_child_fail(VAGENT_FAILED, "invalid limit %.200s", *limit);
		snprintf(path, sizeof(path), CONTAINER_GROUP "/%.*s", c->number, (int)len, *limit);
		vagent_priv_child_write_text(path, *limit + len + 1);
	}
}

/* A file that does not exist is read as empty. */
static void read_file(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

static int enter_by(const char *group)
{
	char path[PATH_MAX + 64];
	int fd, rc;

	snprintf(path, sizeof(path), CONTAINER_GROUPS "%s/cgroup.procs", group);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rc = write(fd, "0", 1) < 0 ? -errno : 0;
	close(fd);
	return rc;
}

/* A container that has controllers for groups of its own has its processes there. */
static int enter_as_first(const struct guest_container *c, const char *group)
{
	const size_t len = strlen(group);
	char path[64], text[PATH_MAX], *at;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)c->first);
	read_file(path, text, sizeof(text));
	at = strstr(text, "0::");
	if (!at || strncmp(at + 3, group, len) || at[3 + len] != '/')
		return -EBUSY;
	at[strcspn(at, "\n")] = '\0';
	return enter_by(at + 3);
}

/* The group exists only if the kernel has control groups. */
void vagent_priv_child_enter_group(const struct guest_container *c)
{
	char path[80], *group = path + strlen(CONTAINER_GROUPS);
	int rc;

	snprintf(path, sizeof(path), CONTAINER_GROUP, c->number);
	(void)mkdir(path, 0755);
	if (c->state == CONTAINER_NEW)
		set_limits(c);
	rc = enter_by(group);
	if (rc == -EBUSY && c->first)
		rc = enter_as_first(c, group);
	if (rc < 0 && !access(CONTAINER_GROUPS "/cgroup.procs", F_OK))
		vagent_priv_child_fail(VAGENT_FAILED, "cannot enter the control group of the container: %s", strerror(-rc));
}

/* ----------------------------------------------------------------------- usage */

static void read_group(const struct guest_container *c, const char *name, char *text, size_t size)
{
	char path[80];

	snprintf(path, sizeof(path), CONTAINER_GROUP "/%s", c->number, name);
	read_file(path, text, size);
}

static uint64_t read_number(const struct guest_container *c, const char *name)
{
	char text[32];

	read_group(c, name, text, sizeof(text));
	return strtoull(text, NULL, 10);
}

/* A line of cpu.stat, which begins with the one of the sum. */
static uint64_t find_number(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

void vagent_priv_container_measure(const struct guest_container *c, struct vagent_measured *m)
{
	char text[512];

	m->memory = read_number(c, "memory.current");
	m->max_memory = read_number(c, "memory.peak");
	read_group(c, "cpu.stat", text, sizeof(text));
	m->cpu = find_number(text, "usage_usec ");
	m->user = find_number(text, "user_usec ");
	m->system = find_number(text, "system_usec ");
}

void vagent_priv_container_remove_group(const struct guest_container *c)
{
	char path[64];

	snprintf(path, sizeof(path), CONTAINER_GROUP, c->number);
	(void)rmdir(path);
}
