/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Landlock by system calls: its headers are newer than some hosts. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "confine/landlock.h"
#include "confine/privileges.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

/* from linux/landlock.h */
#define ASK_VERSION 1u
#define RULE_BENEATH 1u

#define READ_FILE (UINT64_C(1) << 2)
#define WRITE_FILE (UINT64_C(1) << 1)
#define READ_FOLDER (UINT64_C(1) << 3)
#define REMOVE_FILE (UINT64_C(1) << 5)
#define MAKE_SOCKET (UINT64_C(1) << 9)
#define FIRST_RIGHTS ((UINT64_C(1) << 13) - 1)	/* including execution of programs */
#define RUN_FILE (UINT64_C(1) << 0)
#define MOVE (UINT64_C(1) << 13)		/* rename to another folder */
#define CUT (UINT64_C(1) << 14)
#define USE_DEVICE (UINT64_C(1) << 15)		/* ioctl() */
/* Rights that a file's rule may have. */
#define FILE_RIGHTS (RUN_FILE | WRITE_FILE | READ_FILE | CUT | USE_DEVICE)
#define ALL_PORTS UINT64_C(3)
#define ALL_SCOPES UINT64_C(3)			/* abstract sockets, signals */

struct ruleset {
	uint64_t files, ports, scopes;
};

/* Packed: the kernel's struct has twelve bytes. */
struct beneath {
	uint64_t rights;
	int32_t place;		/* a folder, or a file */
} __attribute__((packed));

/* The newest version that both this program and the kernel support. */
static struct ruleset rights_of(int version)
{
	struct ruleset r = { .files = FIRST_RIGHTS | MOVE };

	if (version >= 3)
		r.files |= CUT;
	if (version >= 4)
		r.ports = ALL_PORTS;
	if (version >= 5)
		r.files |= USE_DEVICE;
	if (version >= 6)
		r.scopes = ALL_SCOPES;
	return r;
}

/* The subset of the kernel's rights that a use requires. */
static uint64_t rights_for(enum landlock_use use, uint64_t all)
{
	switch (use) {
	case LANDLOCK_FULL:
		return all & ~(RUN_FILE | USE_DEVICE);
	case LANDLOCK_READ:
		return READ_FILE | READ_FOLDER;
	case LANDLOCK_READ_FILE:
		return READ_FILE | (all & USE_DEVICE);
	case LANDLOCK_REMOVE:
		return REMOVE_FILE;
	case LANDLOCK_DEVICE:
		return READ_FILE | WRITE_FILE | (all & USE_DEVICE);
	case LANDLOCK_FILE:
		return READ_FILE | WRITE_FILE | (all & (CUT | USE_DEVICE));
	case LANDLOCK_SOCKETS:
		return READ_FOLDER | MAKE_SOCKET | REMOVE_FILE;
	case LANDLOCK_PROGRAMS:
		return RUN_FILE | READ_FILE | READ_FOLDER;
	case LANDLOCK_NAMES:
		return 0;
	}
	return 0;
}

/* EBADFD: the file is on a file system that no name reaches, such as a pipe. */
static int rule_add(int rules, const struct landlock_rule *rule, uint64_t all)
{
	struct beneath beneath = { rights_for(rule->use, all), rule->place };
	struct stat st;

	if (rule->place < 0)
		return 0;
	if (fstat(rule->place, &st) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode))
		beneath.rights &= FILE_RIGHTS;
	return beneath.rights &&
	       syscall(SYS_landlock_add_rule, rules, RULE_BENEATH, &beneath,
		       0) < 0 && errno != EBADFD ? -errno : 0;
}

/* Version 1 forbids all renames between folders, so it is not used. */
static int find_version(void)
{
#ifdef UNDER_SANITIZER
	return 0;
#else
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0,
			    ASK_VERSION);
#endif
}

int landlock_narrow(const struct landlock_rule *rules, unsigned int n,
		    bool connects)
{
	const int version = find_version();
	struct ruleset all;
	int set, rc = 0;
	unsigned int i;

	if (version < 2)
		return -EOPNOTSUPP;
	all = rights_of(version);
	if (connects)
		all.ports = 0;
	set = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof(all), 0);
	if (set < 0)
		return -errno;
	for (i = 0; rc >= 0 && i < n; i++)
		rc = rule_add(set, &rules[i], all.files);
	if (rc >= 0 && syscall(SYS_landlock_restrict_self, set, 0) < 0)
		rc = -errno;
	vsu_fd_close(&set);
	return rc;
}
