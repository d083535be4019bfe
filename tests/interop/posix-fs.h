/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tables of file system checks. Each check is a process of its own in an empty
 * folder, and runs as root unless it changes its user.
 */
#ifndef INTEROP_POSIX_FS_H
#define INTEROP_POSIX_FS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum verdict { VERDICT_OK, VERDICT_WRONG, VERDICT_SKIP };

struct check {
	const char *name;
	int (*run)(void);	/* an enum verdict */
};

struct suite {
	const char *name;
	const struct check *checks;
	size_t n;
};

extern const struct suite suite_refusals, suite_names, suite_files,
	suite_maps, suite_space, suite_folders, suite_users, suite_times, suite_races,
	suite_xattrs;

/* Two users without privileges. */
#define USER 1234u
#define OTHER 4321u

/* Both print the reason and return a verdict. */
int is_wrong(int line, const char *claim);
int is_skipped(const char *why);

#define CLAIM(x)                                         \
	do {                                             \
		errno = 0;                               \
		if (!(x))                                \
			return is_wrong(__LINE__, #x);   \
	} while (0)
#define REFUSED(call, error) CLAIM((call) < 0 && errno == (error))

/* Creates a file with these bytes; 0, or a negative errno. */
int file_make(const char *name, const char *bytes);

/* True if the file has exactly this content. */
bool file_holds(const char *name, const char *bytes);

mode_t mode_of(const char *name);
nlink_t links_of(const char *name);
off_t size_of(const char *name);
bool is_there(const char *name);

/* Changes to this user and group permanently, without supplementary groups. */
bool become(uid_t uid, gid_t gid);

/* Runs it in a child as that user; returns its verdict. */
int run_as(uid_t uid, gid_t gid, int (*run)(void));

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#endif
