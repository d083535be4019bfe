/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Impersonation: one thread acts as a user of the guest. The functions of the C library
 * would change all threads of the process; the system calls change one.
 */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/users/users.h"

/* ------------------------------------------------------------- capabilities */

/*
 * Raises or drops one of the first 32 capabilities. 1: changed; 0: unchanged; or a
 * negative errno. -EPERM: not in the thread's permitted set.
 */
static int capability_set(unsigned int capability, bool raised)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];
	const uint32_t bit = UINT32_C(1) << capability;

	if (syscall(SYS_capget, &header, sets) < 0)
		return -errno;
	if (!(sets[0].effective & bit) == !raised)
		return 0;
	sets[0].effective ^= bit;
	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 1;
}

/*
 * A user without CAP_FSETID who changes the content of a file clears its SUID and SGID.
 * The host's kernel does that under the file's lock for a thread that has dropped the
 * capability.
 */
static int fsetid_drop(void)
{
	return capability_set(CAP_FSETID, false);
}

/* SGID without group execute permission grants nothing. */
static bool has_privileges(int fd)
{
	const uint32_t group = S_ISGID | S_IXGRP;
	struct statx st;

	return virtdev_priv_fs_stat(fd, "", &st) >= 0 &&
	       S_ISREG(st.stx_mode) && (st.stx_mode & S_ISUID ||
					(st.stx_mode & group) == group);
}

int virtdev_priv_fs_killpriv_begin(const struct fs *fs, bool kills, int fd)
{
	return (kills || fs->config.nosuid) && has_privileges(fd) ? fsetid_drop() : 0;
}

void virtdev_priv_fs_killpriv_end(int begun)
{
	if (begun > 0)
		capability_set(CAP_FSETID, true);
}

int virtdev_priv_fs_reopen_killing(const struct fs *fs, struct fs_inode *inode,
				   int flags, bool kills)
{
	const int begun = flags & O_TRUNC ?
			  virtdev_priv_fs_killpriv_begin(fs, kills, inode->fd) : 0;
	int fd = begun < 0 ? begun : virtdev_priv_fs_reopen(fs, inode, flags);

	virtdev_priv_fs_killpriv_end(begun);
	return fd;
}

/* ------------------------------------------------------------ impersonation */

#ifdef SYS_setgroups32
#define SETGROUPS SYS_setgroups32
#else
#define SETGROUPS SYS_setgroups
#endif
#ifdef SYS_setresuid32
#define SETRESUID SYS_setresuid32
#define SETRESGID SYS_setresgid32
#else
#define SETRESUID SYS_setresuid
#define SETRESGID SYS_setresgid
#endif

/* setresuid() ignores this value; it is not a UID. */
#define SAME UINT32_MAX

/* The effective ID of the thread; call is SETRESUID or SETRESGID. */
static int set_id(long call, uint32_t id)
{
	return syscall(call, SAME, id, SAME) < 0 ? -errno : 0;
}

static int set_groups(const gid_t *groups, size_t n)
{
	return syscall(SETGROUPS, n, groups) < 0 ? -errno : 0;
}

/* Without root the device does not impersonate. */
static bool is_same(const struct fs_call *c)
{
	return c->fs->uid || (c->uid == 0 && c->gid == c->fs->gid);
}

/* Reads the umask from /proc: umask() would change it for other threads. */
static uint32_t read_umask(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	unsigned int mask = 022;

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "Umask: %o", &mask) == 1)
			break;
	if (status)
		fclose(status);
	return mask;
}

/* Root's supplementary groups are dropped during impersonation; keep them. */
int virtdev_priv_fs_user_init(struct fs *fs)
{
	int n = getgroups(0, NULL);

	fs->uid = geteuid();
	fs->gid = getegid();
	fs->umask = read_umask();
	if (fs->uid || n <= 0)
		return 0;
	fs->groups.ids = calloc((size_t)n, sizeof(*fs->groups.ids));
	if (!fs->groups.ids)
		return -ENOMEM;
	n = getgroups(n, fs->groups.ids);
	fs->groups.n = n > 0 ? (size_t)n : 0;
	return 0;
}

void virtdev_priv_fs_user_fini(struct fs *fs)
{
	free(fs->groups.ids);
}

static int find_user(struct fs_call *c)
{
	const struct fs *fs = c->fs;
	uint32_t i;
	int rc = virtdev_priv_fs_idmap_to_host(&fs->uids, c->in.uid, &c->uid);

	if (rc >= 0)
		rc = virtdev_priv_fs_idmap_to_host(&fs->gids, c->in.gid,
						   &c->gid);
	for (i = 0; rc >= 0 && i < c->ngroups; i++)
		rc = virtdev_priv_fs_idmap_to_host(&fs->gids, c->groups[i],
						   &c->groups[i]);
	return rc;
}

int virtdev_priv_fs_user_enter(struct fs_call *c)
{
	const struct fs *fs = c->fs;
	int rc = find_user(c);

	if (rc < 0 || is_same(c))
		return rc;
	rc = fs->groups.n || c->ngroups ? set_groups(c->groups, c->ngroups) : 0;
	if (rc >= 0)
		rc = set_id(SETRESGID, c->gid);
	if (rc >= 0)
		rc = set_id(SETRESUID, c->uid);
	if (rc < 0)
		virtdev_priv_fs_user_leave(c);
	return rc;
}

/* Cannot fail: the saved UID is still root. */
void virtdev_priv_fs_user_leave(const struct fs_call *c)
{
	const struct fs *fs = c->fs;

	if (is_same(c))
		return;
	set_id(SETRESUID, fs->uid);
	set_id(SETRESGID, fs->gid);
	if (fs->groups.n || c->ngroups)
		set_groups(fs->groups.ids, fs->groups.n);
}

/* Whether no squash rule maps the UID or GID to a shared ID. */
static bool has_own_numbers(const struct fs_call *c)
{
	return virtdev_priv_fs_idmap_to_guest(&c->fs->uids, c->uid) == c->in.uid &&
	       virtdev_priv_fs_idmap_to_guest(&c->fs->gids, c->gid) == c->in.gid;
}

/*
 * A driver that sends no supplementary groups has checked the folder's permissions with
 * them; the host can only check without them.
 */
static bool is_checked_by_guest(const struct fs_call *c)
{
	return !virtdev_priv_fs_agreed(c->fs, FS_CREATE_SUPP_GROUP) &&
	       !is_same(c) && has_own_numbers(c);
}

int virtdev_priv_fs_user_make(const struct fs_call *c,
			      int (*make)(const struct fs_call *c))
{
	int rc = make(c), raised;

	if (rc != -EACCES || !is_checked_by_guest(c))
		return rc;
	raised = capability_set(CAP_DAC_OVERRIDE, true);
	if (raised <= 0)
		return rc;
	rc = make(c);
	capability_set(CAP_DAC_OVERRIDE, false);
	return rc;
}

int virtdev_priv_fs_outsider_begin(const struct fs_call *c)
{
	int rc;

	if (c->fs->uid)
		return 0;
	if (c->in.gid == SAME)
		return -EINVAL;
	rc = set_id(SETRESGID, c->in.gid);
	return rc < 0 ? rc : fsetid_drop();
}

void virtdev_priv_fs_outsider_end(const struct fs_call *c, int begun)
{
	virtdev_priv_fs_killpriv_end(begun);
	if (!c->fs->uid)
		set_id(SETRESGID, c->fs->gid);
}
