/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Makes files of accounts that a root lacks because the host's are hidden: without them, su(1) and sudo(8)
 * refuse to execute anything for root. The files are in the guest's memory only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "init/agent.h"

#define PASSWD "/etc/passwd"
#define SHADOW "/etc/shadow"
#define SUDO "/usr/bin/sudo"
#define SUDOERS "/etc/sudoers"
#define RULE "root ALL=(ALL:ALL) NOPASSWD: ALL\n"

FILE *vagent_priv_open_regular(const char *path)
{
	const int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	FILE *f = NULL;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode))
		f = fdopen(fd, "r");
	if (!f && fd >= 0)
		close(fd);
	return f;
}

/* Prints a file that the root lacks; to NULL: only counts its lines. Negative errno. */
typedef int (*print_fn)(FILE *to);

/* Prints a password that nothing matches for each user whose password is in the missing file (shadow(5)). */
static int print_locked(FILE *to)
{
	FILE *passwd = vagent_priv_open_regular(PASSWD);
	char *line = NULL;
	size_t room = 0;
	int n = 0;

	while (passwd && getline(&line, &room, passwd) > 0) {
		const size_t len = strcspn(line, ":");

		if (!len || strncmp(line + len, ":x:", 3) != 0)
			continue;
		n++;
		if (to)
			fprintf(to, "%.*s:*:::::::\n", (int)len, line);
	}
	free(line);
	if (passwd && !feof(passwd))
		n = -EIO;
	if (passwd)
		fclose(passwd);
	return n;
}

static int print_rule(FILE *to)
{
	if (to)
		fputs(RULE, to);
	return 1;
}

/* A part of the file would lock out the users that it lacks: it is removed. */
static int write_file(const char *path, mode_t mode, print_fn print)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int rc;

	if (!f) {
		rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = print(f);
	if (fclose(f) && rc >= 0)
		rc = -errno;
	if (rc < 0)
		unlink(path);
	return rc;
}

/*
 * Makes a file that has lines, unless the root has a file or link of that name. Failures are printed on the console
 * only, as the command may not need the file.
 */
static void make_missing(const char *path, mode_t mode, print_fn print)
{
	int rc;

	if (!vagent_priv_is_in_memory(path))
		return;
	rc = print(NULL);
	if (rc > 0)
		rc = write_file(path, mode, print);
	if (rc < 0 && rc != -EEXIST)
		dprintf(STDERR_FILENO, "cvmm-init: cannot make %s: %s\n", path, strerror(-rc));
}

void vagent_priv_make_accounts(void)
{
	make_missing(SHADOW, 0600, print_locked);
	if (!access(SUDO, X_OK))
		make_missing(SUDOERS, 0440, print_rule);
}
