/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Containers and their namespaces. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/guest.h"

static const struct {
	const char *name;
	unsigned int flag;
} kinds[NAMESPACES] = {
	[NS_CGROUP] = { "cgroup", CLONE_NEWCGROUP },
	[NS_IPC] = { "ipc", CLONE_NEWIPC },
	[NS_UTS] = { "uts", CLONE_NEWUTS },
	[NS_NET] = { "net", CLONE_NEWNET },
	[NS_PID] = { "pid", CLONE_NEWPID },
	[NS_MNT] = { "mnt", CLONE_NEWNS },
};

/* ------------------------------------------------------------------------ life */

struct guest_container *vagent_priv_container_new(uint32_t number, char *payload, size_t head, size_t len)
{
	struct guest_container *c = calloc(1, sizeof(*c));

	if (!c)
		vagent_init_fail("the guest has no memory for a container");
	c->number = number;
	c->payload = payload;
	memset(c->namespaces, -1, sizeof(c->namespaces));
	vagent_priv_container_enable_controllers();
	vagent_priv_container_read(c, payload + head, len - head);
	return c;
}

void vagent_priv_container_free(struct guest_container *c)
{
	int i;

	for (i = 0; i < NAMESPACES; i++)
		if (c->namespaces[i] >= 0)
			close(c->namespaces[i]);
	vagent_priv_container_remove_group(c);
	vagent_priv_container_fini(c);
	free(c->payload);
	free(c);
}

/* ------------------------------------------------------------------ namespaces */

/* A kernel may lack some that the container does not require. */
int vagent_priv_container_open_namespaces(struct guest_container *c)
{
	const unsigned int required = c->flags | CLONE_NEWPID | CLONE_NEWNS;
	char path[64];
	int i;

	for (i = 0; i < NAMESPACES; i++) {
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)c->first, kinds[i].name);
		c->namespaces[i] = open(path, O_RDONLY | O_CLOEXEC);
		if (c->namespaces[i] < 0 && (required & kinds[i].flag))
			return -errno;
	}
	return 0;
}

/* Whether a process has the PID namespace of a file. */
static bool is_in(const char *pid, const struct stat *namespace)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/pid", pid);
	return !stat(path, &st) && st.st_ino == namespace->st_ino && st.st_dev == namespace->st_dev;
}

void vagent_priv_container_walk(const struct guest_container *c, bool (*f)(void *opaque, pid_t pid), void *opaque)
{
	const struct dirent *d;
	struct stat namespace;
	DIR *all;

	if (c->state != CONTAINER_READY || fstat(c->namespaces[NS_PID], &namespace) < 0)
		return;
	all = opendir("/proc");
	while (all && (d = readdir(all)))
		if (isdigit((unsigned char)d->d_name[0]) && is_in(d->d_name, &namespace) && !f(opaque, (pid_t)atoi(d->d_name)))
			break;
	if (all)
		closedir(all);
}

/* The namespace of the agent's further children is its own again. */
static pid_t fork_within(const struct guest_container *c)
{
	const int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	pid_t pid = -1;
	int code;

	if (own < 0)
		return -1;
	if ((c->state == CONTAINER_NEW ? unshare(CLONE_NEWPID) : setns(c->namespaces[NS_PID], CLONE_NEWPID)) == 0)
		pid = fork();
	code = errno;
	if (pid && setns(own, CLONE_NEWPID) < 0)
		vagent_init_fail("cannot leave the PID namespace of a container: %s", strerror(errno));
	close(own);
	errno = code;
	return pid;
}

pid_t vagent_priv_container_fork(const struct guest_container *c)
{
	return c->number == VAGENT_ITSELF ? fork() : fork_within(c);
}

/* ----------------------------------------------------------------- the process */

/* As sysctl(8): names are separated by dots, or by slashes if the first separator is one. */
static void set_sysctl(const char *setting)
{
	const char *value = strchr(setting, '=');
	const bool has_slashes = setting[strcspn(setting, "./")] == '/';
	char path[320], *at;

	if (!value || value - setting > 255)
		vagent_priv_child_fail(VAGENT_FAILED, "invalid sysctl %.300s", setting);
	snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(value - setting), setting);
	for (at = path + strlen("/proc/sys/"); *at && !has_slashes; at++)
		*at = *at == '.' ? '/' : *at == '/' ? '.' : *at;
	vagent_priv_child_write_text(path, value + 1);
}

static void make_namespaces(const struct guest_container *c)
{
	char **setting;

	vagent_priv_child_filter_devices(c);
	if (unshare((int)(CLONE_NEWNS | c->flags)) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot make the namespaces 0x%x: %s", CLONE_NEWNS | c->flags, strerror(errno));
	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot make mounts private: %s", strerror(errno));
	if (c->hostname && sethostname(c->hostname, strlen(c->hostname)) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot set the host name %.64s: %s", c->hostname, strerror(errno));
	if (c->flags & CLONE_NEWNET)
		vagent_priv_raise_loopback();
	for (setting = c->sysctls; *setting; setting++)
		set_sysctl(*setting);
}

static void join_namespaces(const struct guest_container *c)
{
	int i;

	for (i = 0; i < NAMESPACES; i++)
		if (i != NS_PID && c->namespaces[i] >= 0 && setns(c->namespaces[i], (int)kinds[i].flag) < 0)
			vagent_priv_child_fail(VAGENT_FAILED, "cannot join the %s namespace of a container: %s", kinds[i].name, strerror(errno));
}

void vagent_priv_child_enter_container(const struct guest_container *c)
{
	if (c->number == VAGENT_ITSELF)
		return;
	vagent_priv_child_enter_group(c);
	if (c->state == CONTAINER_READY) {
		join_namespaces(c);
		return;
	}
	make_namespaces(c);
	vagent_priv_child_mount_container(c);
}
