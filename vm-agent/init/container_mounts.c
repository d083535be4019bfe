/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Mounts of a container, by its first process. Paths of the container are resolved with its root as that of the
 * process, so that a link leads nowhere else; each becomes a descriptor, and the mount is made on that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "init/guest.h"

#define PROPAGATION ((unsigned long)(MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE))
/* Flags of a mount that a bind of it keeps; statvfs() and mount() have the same bits. */
#define KEPT ((unsigned long)(MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC))

static int agent_root = -1;	/* descriptor of the root of the agent */

static void __attribute__((noreturn)) fail_step(const char *what, const char *path)
{
	vagent_priv_child_fail(VAGENT_FAILED, "cannot %s %.300s: %s", what, path, strerror(errno));
}

/* ----------------------------------------------------------------------- paths */

static void enter_root(const struct guest_container *c)
{
	if (chroot(c->root) < 0 || chdir("/") < 0)
		fail_step("enter the root", c->root);
}

static void leave_root(void)
{
	if (fchdir(agent_root) < 0 || chroot(".") < 0)
		fail_step("leave", "the root of a container");
}

/* A path in the root of the container, as one of the agent. The descriptor is -1 if it does not exist. */
struct place {
	int fd;
	char path[32];
};

static struct place place_of(int fd)
{
	struct place p = { .fd = fd };

	snprintf(p.path, sizeof(p.path), "/proc/self/fd/%d", fd);
	return p;
}

static struct place find_place(const struct guest_container *c, const char *path)
{
	int fd;

	enter_root(c);
	fd = vagent_priv_child_open_place(path);
	leave_root();
	return place_of(fd);
}

/* A missing path becomes an empty file, or a folder. */
static struct place require_place(const struct guest_container *c, const char *path, bool is_folder)
{
	int fd;

	enter_root(c);
	fd = vagent_priv_child_make_target(path, is_folder);
	leave_root();
	errno = -fd;
	if (fd < 0)
		fail_step("make", path);
	return place_of(fd);
}

/* ---------------------------------------------------------------------- mounts */

/* Changes flags of the mount at a path, which was made after the path was resolved before. */
static void change_mount(const struct guest_container *c, const char *path, unsigned long flags)
{
	const struct place p = find_place(c, path);
	struct statvfs fs;

	if (p.fd < 0 || fstatvfs(p.fd, &fs) < 0)
		fail_step("find", path);
	if (flags & MS_BIND)
		flags |= (unsigned long)fs.f_flag & KEPT;
	if (mount(NULL, p.path, NULL, flags, NULL) < 0)
		fail_step("change the mount at", path);
	close(p.fd);
}

static bool is_folder(const char *source)
{
	struct stat st;

	if (!source || stat(source, &st) < 0)
		fail_step("mount", source ? source : "nothing");
	return S_ISDIR(st.st_mode);
}

static void bind_path(const struct guest_container *c, const struct guest_mount *m)
{
	const unsigned long flags = m->flags & ~(PROPAGATION | MS_REC | MS_BIND);
	const struct place p = require_place(c, m->target, is_folder(m->source));

	if (mount(m->source, p.path, NULL, MS_BIND | (m->flags & MS_REC), NULL) < 0)
		fail_step("mount at", m->target);
	close(p.fd);
	if (flags)
		change_mount(c, m->target, MS_REMOUNT | MS_BIND | flags);
}

/* name: with its equals sign */
static bool has_option(const struct guest_mount *m, const char *name)
{
	const char *at = m->data;

	while (at && strncmp(at, name, strlen(name)) != 0)
		at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL;
	return at != NULL;
}

/* Options of the mount are preferred to the attributes of the folder that it hides. */
static int copy_attributes(const struct guest_mount *m, int before, int to)
{
	struct stat st;

	if (fstat(before, &st) < 0)
		return -errno;
	if (fchown(to, has_option(m, "uid=") ? (uid_t)-1 : st.st_uid, has_option(m, "gid=") ? (gid_t)-1 : st.st_gid) < 0)
		return -errno;
	return !has_option(m, "mode=") && fchmod(to, st.st_mode & 07777) < 0 ? -errno : 0;
}

/* Copies the files that a mount hides. */
static void copy_files(const struct guest_container *c, const struct guest_mount *m, int before)
{
	const struct place p = find_place(c, m->target);
	const int to = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = to < 0 ? -errno : vagent_priv_child_copy_folder(before, to);

	rc = rc < 0 ? rc : copy_attributes(m, before, to);
	errno = -rc;
	if (rc < 0)
		fail_step("copy the files of", m->target);
	close(to);
	close(p.fd);
	close(before);
}

/* Guests have the second version of control groups. */
static const char *type_of(const struct guest_mount *m)
{
	return !m->type ? "" : !strcmp(m->type, "cgroup") ? "cgroup2" : m->type;
}

/* Without a namespace of control groups, the file system has those of all containers: a container sees its own. */
static bool bind_own_group(const struct guest_container *c, const struct guest_mount *m)
{
	struct guest_mount own = *m;
	char group[64];

	snprintf(group, sizeof(group), CONTAINER_GROUP, c->number);
	if (c->flags & CLONE_NEWCGROUP || strcmp(type_of(m), "cgroup2") != 0 || access(group, F_OK) < 0)
		return false;
	own.source = group;
	bind_path(c, &own);
	return true;
}

static unsigned long flags_of(const struct guest_mount *m)
{
	return m->flags & ~(PROPAGATION | MS_REC);
}

/* The files of a file system in memory, and the targets of mounts in it, are made before it is read-only. */
static bool is_sealed_later(const struct guest_mount *m)
{
	return !(m->flags & MS_BIND) && m->flags & MS_RDONLY && !strcmp(type_of(m), "tmpfs");
}

static void mount_type(const struct guest_container *c, const struct guest_mount *m)
{
	const char *type = type_of(m);
	const struct place p = require_place(c, m->target, true);
	const int before = m->copies ? open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	const unsigned long sealing = is_sealed_later(m) ? MS_RDONLY : 0;

	if (mount(m->source ? m->source : type, p.path, type, flags_of(m) & ~sealing, m->data) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot mount %.64s at %.300s: %s", type, m->target, strerror(errno));
	close(p.fd);
	if (before >= 0)
		copy_files(c, m, before);
}

static void make_mount(const struct guest_container *c, const struct guest_mount *m)
{
	if (m->flags & MS_BIND)
		bind_path(c, m);
	else if (!bind_own_group(c, m))
		mount_type(c, m);
	if (m->flags & PROPAGATION)
		change_mount(c, m->target, m->flags & (PROPAGATION | MS_REC));
}

static bool is_at_or_below(const char *target, const char *folder)
{
	const size_t len = strlen(folder);

	return !strncmp(target, folder, len) && (!target[len] || target[len] == '/');
}

static bool is_hidden(const struct guest_container *c, unsigned int i)
{
	const char *target = c->mounts[i].target;

	while (++i < c->nmounts)
		if (is_at_or_below(target, c->mounts[i].target))
			return true;
	return false;
}

static void seal_mounts(const struct guest_container *c)
{
	unsigned int i;

	for (i = 0; i < c->nmounts; i++)
		if (is_sealed_later(&c->mounts[i]) && !is_hidden(c, i))
			change_mount(c, c->mounts[i].target, MS_REMOUNT | MS_BIND | flags_of(&c->mounts[i]));
}

/* --------------------------------------------------------------------- devices */

struct owner {
	uid_t user;
	gid_t group;
};

/* Changes the owner of the node that was just made: another container can replace the name on a shared volume. */
static int own_node(int above, const char *name, mode_t mode, dev_t device, struct owner owner)
{
	const int node = openat(above, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int rc = 0;

	if (node < 0 || fstat(node, &st) < 0)
		rc = -errno;
	else if ((st.st_mode & S_IFMT) != (mode & S_IFMT) || (!S_ISFIFO(mode) && st.st_rdev != device))
		rc = -EEXIST;
	else if (fchownat(node, "", owner.user, owner.group, AT_EMPTY_PATH) < 0)
		rc = -errno;
	if (node >= 0)
		close(node);
	return rc;
}

/* Replaces a file. */
static int make_node(const char *path, mode_t mode, dev_t device, struct owner owner)
{
	char name[NAME_MAX + 1];
	const int above = vagent_priv_child_make_above(path, name);
	const mode_t mask = umask(0);
	int rc = above < 0 ? above : 0;

	if (!rc)
		(void)unlinkat(above, name, 0);
	if (!rc && mknodat(above, name, mode, device) < 0)
		rc = -errno;
	umask(mask);
	if (!rc)
		rc = own_node(above, name, mode, device, owner);
	if (above >= 0)
		close(above);
	return rc;
}

/* "c|b|p MAJOR:MINOR MODE USER GROUP PATH" */
static void make_device(const char *text)
{
	unsigned int major, minor, mode, user, group;
	int at = 0, rc;
	char type;

	if (sscanf(text, "%c %u:%u %o %u %u %n", &type, &major, &minor, &mode, &user, &group, &at) != 6 || text[at] != '/')
		vagent_priv_child_fail(VAGENT_FAILED, "invalid device %.300s", text);
	text += at;
	mode |= type == 'c' ? S_IFCHR : type == 'b' ? S_IFBLK : S_IFIFO;
	rc = make_node(text, mode, makedev(major, minor), (struct owner){ user, group });
	errno = -rc;
	if (rc < 0)
		fail_step("make the device", text);
}

static bool mounts_dev(const struct guest_container *c)
{
	unsigned int i;

	for (i = 0; i < c->nmounts; i++)
		if (!strcmp(c->mounts[i].target, "/dev"))
			return true;
	return false;
}

static void make_devices(const struct guest_container *c)
{
	static const char *const links[][2] = {
		{ "/proc/self/fd", "fd" }, { "/proc/self/fd/0", "stdin" }, { "/proc/self/fd/1", "stdout" },
		{ "/proc/self/fd/2", "stderr" }, { "/proc/kcore", "core" }, { "pts/ptmx", "ptmx" },
	};
	int folder;
	char **device;
	unsigned int i;

	enter_root(c);
	for (device = c->devices; *device; device++)
		make_device(*device);
	folder = mounts_dev(c) ? vagent_priv_child_open_place("/dev") : -1;
	for (i = 0; folder >= 0 && i < sizeof(links) / sizeof(links[0]); i++)
		if (symlinkat(links[i][0], folder, links[i][1]) < 0 && errno != EEXIST)
			fail_step("make the link /dev", links[i][1]);
	if (folder >= 0)
		close(folder);
	leave_root();
}

/* ----------------------------------------------------------------------- paths */

static void mask_path(const struct guest_container *c, const char *path)
{
	const struct place p = find_place(c, path);
	struct stat st;
	int rc;

	if (p.fd < 0)
		return;
	if (fstat(p.fd, &st) == 0 && S_ISDIR(st.st_mode))
		rc = mount("tmpfs", p.path, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "nr_inodes=2,mode=0555");
	else
		rc = mount("/dev/null", p.path, NULL, MS_BIND, NULL);
	if (rc < 0)
		fail_step("hide", path);
	close(p.fd);
}

static void make_readonly(const struct guest_container *c, const char *path)
{
	const struct place p = find_place(c, path);

	if (p.fd < 0)
		return;
	if (mount(p.path, p.path, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail_step("mount at", path);
	close(p.fd);
	change_mount(c, path, MS_REMOUNT | MS_BIND | MS_RDONLY);
}

/* The root of the agent disappears with its last descriptor. */
static void pivot_root_to(const struct guest_container *c)
{
	if (chdir(c->root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		fail_step("enter the root", c->root);
	close(agent_root);
}

void vagent_priv_child_seal_root(const struct guest_container *c)
{
	if (c->readonly_root && mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
		fail_step("make read-only", "the root");
}

void vagent_priv_child_mount_container(const struct guest_container *c)
{
	unsigned int i;
	char **path;

	agent_root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (agent_root < 0 || mount(c->root, c->root, NULL, MS_BIND | MS_REC, NULL) < 0)
		fail_step("mount the root", c->root);
	for (i = 0; i < c->nmounts; i++)
		make_mount(c, &c->mounts[i]);
	make_devices(c);
	seal_mounts(c);
	for (path = c->readonly; *path; path++)
		make_readonly(c, *path);
	for (path = c->masked; *path; path++)
		mask_path(c, *path);
	pivot_root_to(c);
}
