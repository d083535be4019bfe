/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Permissions: owners, groups, sticky folders, and mode bits that a write
 * clears.
 */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <grp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static bool owned_by(const char *name, uid_t uid, gid_t gid)
{
	struct stat st;

	return !lstat(name, &st) && st.st_uid == uid && st.st_gid == gid;
}

/* A folder that all users may write to. */
static int home_open(void)
{
	CLAIM(mkdir("d", 0755) == 0 && chmod("d", 0777) == 0);
	CLAIM(chdir("d") == 0);
	return VERDICT_OK;
}

static int user_makes(void)
{
	CLAIM(file_make("f", "text") == 0 && owned_by("f", USER, USER));
	CLAIM(mkdir("m", 0750) == 0 && owned_by("m", USER, USER));
	CLAIM(symlink("x", "l") == 0 && owned_by("l", USER, USER));
	CLAIM(mkfifo("p", 0640) == 0 && owned_by("p", USER, USER));
	CLAIM((mode_of("m") & 07777) == 0750 && (mode_of("p") & 07777) == 0640);
	REFUSED(mknod("n", S_IFCHR | 0644, 0x103), EPERM);
	return VERDICT_OK;
}

static int user_owns(void)
{
	int verdict = home_open();

	return verdict != VERDICT_OK ? verdict : run_as(USER, USER, user_makes);
}

static int user_is_kept_out(void)
{
	REFUSED(open("secret", O_RDONLY), EACCES);
	REFUSED(open("shown", O_WRONLY), EACCES);
	REFUSED(open("shown", O_RDONLY | O_TRUNC), EACCES);
	REFUSED(open("shown", O_RDONLY | O_NOATIME), EPERM);
	REFUSED(truncate("shown", 0), EACCES);
	REFUSED(open("new", O_CREAT | O_WRONLY, 0644), EACCES);
	REFUSED(mkdir("new", 0755), EACCES);
	REFUSED(unlink("shown"), EACCES);
	REFUSED(rename("shown", "new"), EACCES);
	REFUSED(symlink("x", "new"), EACCES);
	REFUSED(chmod("shown", 0666), EPERM);
	REFUSED(chown("shown", USER, USER), EPERM);
	REFUSED(utimensat(AT_FDCWD, "shown", NULL, 0), EACCES);
	REFUSED(open("closed/f", O_RDONLY), EACCES);
	REFUSED(access("secret", R_OK), EACCES);
	CLAIM(file_holds("shown", "text") && access("shown", R_OK) == 0);
	return VERDICT_OK;
}

static int others_are_kept_out(void)
{
	CLAIM(file_make("secret", "x") == 0 && chmod("secret", 0600) == 0);
	CLAIM(file_make("shown", "text") == 0 && mkdir("closed", 0700) == 0);
	CLAIM(file_make("closed/f", "x") == 0);
	return run_as(USER, USER, user_is_kept_out);
}

static int owner_changes(void)
{
	CLAIM(chmod("mine", 0600) == 0 && (mode_of("mine") & 07777) == 0600);
	CLAIM(utimensat(AT_FDCWD, "mine", NULL, 0) == 0);
	CLAIM(chown("mine", (uid_t)-1, USER) == 0 && owned_by("mine", USER, USER));
	REFUSED(chown("mine", OTHER, (gid_t)-1), EPERM);
	REFUSED(chown("mine", (uid_t)-1, OTHER), EPERM);
	CLAIM(owned_by("mine", USER, USER));
	return VERDICT_OK;
}

static int owner_may(void)
{
	CLAIM(file_make("mine", "x") == 0 && chown("mine", USER, OTHER) == 0);
	return run_as(USER, USER, owner_changes);
}

static int user_in_sticky(void)
{
	REFUSED(unlink("theirs"), EPERM);
	REFUSED(rename("theirs", "x"), EPERM);
	CLAIM(file_make("mine", "x") == 0);
	REFUSED(rename("mine", "theirs"), EPERM);
	REFUSED(rmdir("folder"), EPERM);
	CLAIM(rename("mine", "still-mine") == 0 && unlink("still-mine") == 0);
	return VERDICT_OK;
}

static int sticky_folder(void)
{
	CLAIM(home_open() == VERDICT_OK && chmod(".", 01777) == 0);
	CLAIM(file_make("theirs", "x") == 0 && chown("theirs", OTHER, OTHER) == 0);
	CLAIM(mkdir("folder", 0777) == 0 && (mode_of(".") & 07777) == 01777);
	return run_as(USER, USER, user_in_sticky);
}

static int user_in_group_folder(void)
{
	CLAIM(file_make("f", "x") == 0 && owned_by("f", USER, OTHER));
	CLAIM(mkdir("m", 0755) == 0 && owned_by("m", USER, OTHER));
	CLAIM((mode_of("m") & 07777) == 02755);
	/* a user outside the group cannot set SGID */
	CLAIM(chmod("f", 02755) == 0 && (mode_of("f") & 07777) == 0755);
	return VERDICT_OK;
}

static int group_is_inherited(void)
{
	CLAIM(home_open() == VERDICT_OK && chown(".", 0, OTHER) == 0);
	CLAIM(chmod(".", 02777) == 0);
	return run_as(USER, USER, user_in_group_folder);
}

static int user_writes(void)
{
	int fd;

	CLAIM((fd = open("suid", O_WRONLY)) >= 0);
	CLAIM((mode_of("suid") & 07777) == 06777);
	CLAIM(write(fd, "x", 1) == 1 && (mode_of("suid") & 07777) == 0777);
	CLAIM((fd = open("cut", O_WRONLY)) >= 0 && ftruncate(fd, 1) == 0);
	CLAIM((mode_of("cut") & 07777) == 0777);
	CLAIM(open("anew", O_WRONLY | O_TRUNC) >= 0);
	CLAIM((mode_of("anew") & 07777) == 0777);
	return VERDICT_OK;
}

static int write_takes_privileges(void)
{
	static const char *const names[] = { "suid", "cut", "anew" };
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		CLAIM(file_make(names[i], "text") == 0 &&
		      chmod(names[i], 06777) == 0);
	return run_as(USER, USER, user_writes);
}

static int chown_takes_privileges(void)
{
	CLAIM(file_make("f", "text") == 0 && chmod("f", 06777) == 0);
	CLAIM(chown("f", USER, USER) == 0 && (mode_of("f") & 07777) == 0777);
	CLAIM(chmod("f", 02767) == 0 && chown("f", OTHER, OTHER) == 0);
	/* SGID without the group's x means mandatory locks, and may stay */
	CLAIM((mode_of("f") & 05777) == 0767 && owned_by("f", OTHER, OTHER));
	return VERDICT_OK;
}

/* Permission by a supplementary group. */
static int second_group(void)
{
	const gid_t more[] = { OTHER };
	int fd;

	CLAIM(mkdir("d", 0755) == 0 && chown("d", 0, OTHER) == 0);
	CLAIM(chmod("d", 0770) == 0 && file_make("d/f", "text") == 0);
	CLAIM(chown("d/f", 0, OTHER) == 0 && chmod("d/f", 0660) == 0);
	CLAIM(setgroups(1, more) == 0 && setresgid(USER, USER, USER) == 0);
	CLAIM(setresuid(USER, USER, USER) == 0);
	CLAIM((fd = open("d/f", O_RDWR)) >= 0 && write(fd, "T", 1) == 1);
	CLAIM(file_make("d/g", "new") == 0 && owned_by("d/g", USER, USER));
	CLAIM(mkdir("d/m", 0755) == 0 && rename("d/g", "d/m/g") == 0);
	CLAIM(mkfifo("d/p", 0640) == 0 && owned_by("d/p", USER, USER));
	CLAIM(mknod("d/s", S_IFSOCK | 0640, 0) == 0 && owned_by("d/s", USER, USER));
	CLAIM(link("d/m/g", "d/h") == 0 && symlink("g", "d/l") == 0);
	CLAIM(unlink("d/h") == 0 && unlink("d/m/g") == 0 && rmdir("d/m") == 0);
	return VERDICT_OK;
}

/* A FIFO of USER and OTHER's group: each class of users has one permission. */
static int fifo_by_owner(void)
{
	CLAIM(open("p", O_RDONLY | O_NONBLOCK) >= 0);
	REFUSED(open("p", O_RDWR | O_NONBLOCK), EACCES);
	REFUSED(access("p", W_OK), EACCES);
	return VERDICT_OK;
}

static int fifo_by_group(void)
{
	REFUSED(open("p", O_RDONLY | O_NONBLOCK), EACCES);
	/* no reader: permission was granted */
	REFUSED(open("p", O_WRONLY | O_NONBLOCK), ENXIO);
	return VERDICT_OK;
}

static int fifo_by_others(void)
{
	CLAIM(open("p", O_RDWR | O_NONBLOCK) >= 0 && access("s", R_OK) == 0);
	REFUSED(open("q", O_RDONLY | O_NONBLOCK), EACCES);
	REFUSED(open("c", O_RDONLY), EACCES);
	CLAIM(open("z", O_RDONLY) >= 0);
	return VERDICT_OK;
}

static int special_files_have_modes(void)
{
	int verdict;

	CLAIM(mkfifo("p", 0) == 0 && chown("p", USER, OTHER) == 0);
	CLAIM(chmod("p", 0426) == 0 && mkfifo("q", 0600) == 0);
	CLAIM(mknod("s", S_IFSOCK | 0644, 0) == 0);
	CLAIM(mknod("z", S_IFCHR | 0644, 0x105) == 0);
	CLAIM(mknod("c", S_IFCHR | 0600, 0x105) == 0);
	verdict = run_as(USER, USER, fifo_by_owner);
	if (verdict == VERDICT_OK)
		verdict = run_as(OTHER, OTHER, fifo_by_group);
	return verdict != VERDICT_OK ? verdict :
	       run_as(OTHER + 1, OTHER + 1, fifo_by_others);
}

/* An ACL as the kernel stores it: version 2, then tag, permissions and id. */
static const struct {
	uint32_t version;
	struct { uint16_t tag, rights; uint32_t id; } entries[5];
} user_reads_and_writes = {
	2, { { 1, 6, UINT32_MAX }, { 2, 6, USER }, { 4, 0, UINT32_MAX },
	     { 16, 6, UINT32_MAX }, { 32, 0, UINT32_MAX } },
};

static int user_in_list(void)
{
	int fd;

	CLAIM((fd = open("d/f", O_RDWR)) >= 0 && write(fd, "T", 1) == 1);
	REFUSED(open("d/g", O_RDONLY), EACCES);
	return VERDICT_OK;
}

static int user_not_in_list(void)
{
	REFUSED(open("d/f", O_RDONLY), EACCES);
	return VERDICT_OK;
}

/* A default ACL replaces the creator's umask. */
static int lists_are_obeyed(void)
{
	CLAIM(home_open() == VERDICT_OK && mkdir("d", 0711) == 0);
	if (setxattr("d", "system.posix_acl_default", &user_reads_and_writes,
		     sizeof(user_reads_and_writes), 0) < 0)
		return errno == EOPNOTSUPP ? is_skipped("no lists") :
					     is_wrong(__LINE__, "setxattr");
	umask(077);
	CLAIM(open("d/f", O_CREAT | O_WRONLY, 0666) >= 0);
	CLAIM((mode_of("d/f") & 07777) == 0660);
	CLAIM(open("d/g", O_CREAT | O_WRONLY, 0600) >= 0);
	CLAIM((mode_of("d/g") & 07777) == 0600);
	CLAIM(run_as(OTHER, OTHER, user_not_in_list) == VERDICT_OK);
	CLAIM(run_as(USER, USER, user_in_list) == VERDICT_OK);
	CLAIM(removexattr("d/f", "system.posix_acl_access") == 0);
	return run_as(USER, USER, user_not_in_list);
}

static int user_in_fifo_list(void)
{
	CLAIM(open("p", O_RDWR | O_NONBLOCK) >= 0);
	return VERDICT_OK;
}

static int user_not_in_fifo_list(void)
{
	REFUSED(open("p", O_RDONLY | O_NONBLOCK), EACCES);
	return VERDICT_OK;
}

static int fifo_lists_are_obeyed(void)
{
	char names[200];
	int verdict;

	CLAIM(mkfifo("p", 0600) == 0);
	if (setxattr("p", "system.posix_acl_access", &user_reads_and_writes,
		     sizeof(user_reads_and_writes), 0) < 0)
		return errno == EOPNOTSUPP ? is_skipped("no lists") :
					     is_wrong(__LINE__, "setxattr");
	CLAIM(getxattr("p", "system.posix_acl_access", NULL, 0) ==
	      sizeof(user_reads_and_writes));
	CLAIM(listxattr("p", names, sizeof(names)) > 0);
	verdict = run_as(USER, USER, user_in_fifo_list);
	return verdict != VERDICT_OK ? verdict :
	       run_as(OTHER, OTHER, user_not_in_fifo_list);
}

static int mask_is_applied(void)
{
	umask(027);
	CLAIM(open("f", O_CREAT | O_WRONLY, 0777) >= 0 && mkdir("m", 0777) == 0);
	CLAIM(mkfifo("p", 0666) == 0 && (mode_of("f") & 07777) == 0750);
	CLAIM((mode_of("m") & 07777) == 0750 && (mode_of("p") & 07777) == 0640);
	umask(0777);
	CLAIM(open("g", O_CREAT | O_RDWR, 0777) >= 0);
	CLAIM((mode_of("g") & 07777) == 0);
	return VERDICT_OK;
}

static int modes_are_kept(void)
{
	mode_t mode;

	CLAIM(file_make("f", "") == 0 && mkdir("m", 0755) == 0);
	for (mode = 0; mode <= 07777; mode += 0137) {
		CLAIM(chmod("f", mode) == 0 && (mode_of("f") & 07777) == mode);
		CLAIM(chmod("m", mode) == 0 && (mode_of("m") & 07777) == mode);
	}
	return VERDICT_OK;
}

static int owners_are_kept(void)
{
	CLAIM(file_make("f", "") == 0 && symlink("f", "l") == 0);
	CLAIM(chown("l", 5, 6) == 0 && owned_by("f", 5, 6));
	CLAIM(owned_by("l", 0, 0) && lchown("l", 7, 8) == 0);
	CLAIM(owned_by("l", 7, 8) && owned_by("f", 5, 6));
	CLAIM(chown("f", (uid_t)-1, 9) == 0 && owned_by("f", 5, 9));
	CLAIM(chown("f", 4000000000u, (gid_t)-1) == 0);
	CLAIM(owned_by("f", 4000000000u, 9));
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "a user owns the files it creates", user_owns },
	{ "other users are refused", others_are_kept_out },
	{ "permissions of the owner", owner_may },
	{ "sticky folder", sticky_folder },
	{ "SGID folder", group_is_inherited },
	{ "a write clears SUID and SGID", write_takes_privileges },
	{ "a new owner clears them", chown_takes_privileges },
	{ "permissions of a supplementary group", second_group },
	{ "modes of special files", special_files_have_modes },
	{ "access control lists", lists_are_obeyed },
	{ "access control list of a FIFO", fifo_lists_are_obeyed },
	{ "umask", mask_is_applied },
	{ "each mode", modes_are_kept },
	{ "owners of files and of links", owners_are_kept },
};

const struct suite suite_users = { "users", checks, COUNT(checks) };
