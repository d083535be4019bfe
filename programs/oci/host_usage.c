/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads what processes have used. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/host_usage.h"
#include "oci/state.h"

#define NS_PER_SECOND UINT64_C(1000000000)
/* QEMU and daemons are children, and some have children that keep rights for them. */
#define MAX_DEPTH 4

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -1 : vsu_fd_read_full(fd, text, size - 1);

	vsu_fd_close(&fd);
	text[n < 0 ? 0 : n] = '\0';
	return n > 0;
}

static void add_group(const char *cgroup, struct oci_host_usage *u)
{
	char path[OCI_STATE_PATH + 32], text[1024], *at;

	snprintf(path, sizeof(path), "%s/memory.current", cgroup);
	if (read_text(path, text, sizeof(text)))
		u->memory = strtoull(text, NULL, 10);
	snprintf(path, sizeof(path), "%s/cpu.stat", cgroup);
	at = read_text(path, text, sizeof(text)) ? strstr(text, "usage_usec ") : NULL;
	if (at)
		u->cpu_ns = strtoull(at + strlen("usage_usec "), NULL, 10) * 1000;
}

/* Names may contain all characters. After the last bracket, the times are the 12th and 13th words. */
static void add_process(pid_t pid, struct oci_host_usage *u)
{
	unsigned long user = 0, system = 0, pages = 0;
	char path[64], text[1024], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	at = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
	if (at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) == 2)
		u->cpu_ns += (user + system) * NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK);
	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	if (read_text(path, text, sizeof(text)) && sscanf(text, "%*u %lu", &pages) == 1)
		u->memory += (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void add_family(pid_t pid, unsigned int depth, struct oci_host_usage *u)
{
	char path[64], text[4096], *word, *rest = text;

	add_process(pid, u);
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (depth == MAX_DEPTH || !read_text(path, text, sizeof(text)))
		return;
	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
		add_family((pid_t)atoi(word), depth + 1, u);
}

struct oci_host_usage oci_host_usage(const char *cgroup, pid_t monitor)
{
	struct oci_host_usage u = { .memory = 0 };

	if (*cgroup)
		add_group(cgroup, &u);
	else if (monitor)
		add_family(monitor, 0, &u);
	return u;
}
