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

static int write_file(const char *path, mode_t mode, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

	if (!f) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	fputs(text, f);
	return fclose(f) ? -errno : 0;
}

/*
 * Makes a file, unless the root has a file or link of that name. Failures are printed on the console only,
 * as the command may not need the file.
 */
static void make_missing(const char *path, mode_t mode, const char *text)
{
	int rc;

	if (!agent_is_in_memory(path))
		return;
	rc = write_file(path, mode, text);
	if (rc < 0 && rc != -EEXIST)
		dprintf(STDERR_FILENO, "cvmm-init: cannot make %s: %s\n", path, strerror(-rc));
}

/* Returns NULL for anything but a regular file, which might block. */
static FILE *open_regular(const char *path)
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

/* Prints a password that nothing matches for each user whose password is in the missing file (shadow(5)). */
static void print_locked(FILE *to, FILE *passwd)
{
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, passwd) > 0) {
		const size_t len = strcspn(line, ":");

		if (len && !strncmp(line + len, ":x:", 3))
			fprintf(to, "%.*s:*:::::::\n", (int)len, line);
	}
	free(line);
}

/* Returns the lines of the missing file, "" if no user needs one; NULL: no memory. The caller frees them. */
static char *locked_passwords(void)
{
	FILE *passwd = open_regular(PASSWD), *f;
	char *text = NULL;
	size_t len = 0;

	f = open_memstream(&text, &len);
	if (f && passwd)
		print_locked(f, passwd);
	if (passwd)
		fclose(passwd);
	if (f && !fclose(f))
		return text;
	free(text);
	return NULL;
}

void agent_make_accounts(void)
{
	char *passwords = locked_passwords();

	if (passwords && *passwords)
		make_missing(SHADOW, 0600, passwords);
	free(passwords);
	if (!access(SUDO, X_OK))
		make_missing(SUDOERS, 0440, RULE);
}
