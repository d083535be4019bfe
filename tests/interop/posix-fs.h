/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks of a file system, in tables. Each runs as a process of its own, in an
 * empty folder of its own, as root unless it becomes somebody else.
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

/* Who is not root, and another one. */
#define USER 1234u
#define OTHER 4321u

/* They tell the parent why, and return a verdict. */
int is_wrong(int line, const char *claim);
int is_skipped(const char *why);

#define CLAIM(x)                                         \
	do {                                             \
		errno = 0;                               \
		if (!(x))                                \
			return is_wrong(__LINE__, #x);   \
	} while (0)
#define REFUSED(call, error) CLAIM((call) < 0 && errno == (error))

/* A file of these bytes; 0, or a negative errno. */
int file_make(const char *name, const char *bytes);

/* Whether it holds exactly that. */
bool file_holds(const char *name, const char *bytes);

mode_t mode_of(const char *name);
nlink_t links_of(const char *name);
off_t size_of(const char *name);
bool is_there(const char *name);

/* Gives root up for good, and all groups but gid. */
bool become(uid_t uid, gid_t gid);

/* Runs it in a child that is that user; its verdict, told to the parent. */
int run_as(uid_t uid, gid_t gid, int (*run)(void));

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

#endif
