/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Impersonation: one thread acts as a user of the guest. The C library's functions
 * would change all threads of the process; the system calls change one.
 */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fs/capability.h"
#include "fs/priv.h"

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

static int set_user(uint32_t uid)
{
	return syscall(SETRESUID, SAME, uid, SAME) < 0 ? -errno : 0;
}

static int set_group(uint32_t gid)
{
	return syscall(SETRESGID, SAME, gid, SAME) < 0 ? -errno : 0;
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
	if (fs->uid)
		return 0;
	if (n <= 0)
		return 0;
	fs->groups = calloc((size_t)n, sizeof(*fs->groups));
	if (!fs->groups)
		return -ENOMEM;
	n = getgroups(n, fs->groups);
	fs->ngroups = n > 0 ? (size_t)n : 0;
	return 0;
}

void virtdev_priv_fs_user_fini(struct fs *fs)
{
	free(fs->groups);
}

/* Translates the user's IDs to the host. */
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
	rc = fs->ngroups || c->ngroups ? set_groups(c->groups, c->ngroups) : 0;
	if (rc >= 0)
		rc = set_group(c->gid);
	if (rc >= 0)
		rc = set_user(c->uid);
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
	set_user(fs->uid);
	set_group(fs->gid);
	if (fs->ngroups || c->ngroups)
		set_groups(fs->groups, fs->ngroups);
}

/* Whether no squash rule maps the UID or GID to a shared ID. */
static bool has_own_numbers(const struct fs_call *c)
{
	return virtdev_priv_fs_idmap_to_guest(&c->fs->uids, c->uid) == c->in.uid &&
	       virtdev_priv_fs_idmap_to_guest(&c->fs->gids, c->gid) == c->in.gid;
}

/*
 * A driver that does not send supplementary groups has checked the directory's
 * permissions with them; the host can only check without them.
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
	raised = virtdev_priv_fs_capability_set(CAP_DAC_OVERRIDE, true);
	if (raised <= 0)
		return rc;
	rc = make(c);
	virtdev_priv_fs_capability_set(CAP_DAC_OVERRIDE, false);
	return rc;
}

int virtdev_priv_fs_outsider_begin(const struct fs_call *c)
{
	int rc;

	if (c->fs->uid)
		return 0;
	if (c->in.gid == SAME)
		return -EINVAL;
	rc = set_group(c->in.gid);
	return rc < 0 ? rc : virtdev_priv_fs_fsetid_drop();
}

void virtdev_priv_fs_outsider_end(const struct fs_call *c, int begun)
{
	virtdev_priv_fs_killpriv_end(begun);
	if (!c->fs->uid)
		set_group(c->fs->gid);
}
