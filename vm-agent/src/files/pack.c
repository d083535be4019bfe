/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes files as a stream. */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/pack.h"

struct writer {
	int to;
	unsigned int depth;
	struct vagent_priv_pack_failure *why;
	char bytes[PACK_MAX_PIECE];
};

int vagent_priv_pack_fail(struct vagent_priv_pack_failure *why, int rc, const char *fmt, ...)
{
	va_list ap;
	char *at;

	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	for (at = why->text; *at; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
	return rc;
}

static int fail_file(const struct writer *w, const char *what, const char *name, int rc)
{
	return vagent_priv_pack_fail(w->why, rc, "cannot %s '%s': %s", what, name, strerror(-rc));
}

static int send_bytes(const struct writer *w, const void *bytes, size_t len)
{
	const char *at = bytes;
	ssize_t n;

	while (len) {
		n = write(w->to, at, len);
		if (n < 0 && errno != EINTR)
			return vagent_priv_pack_fail(w->why, -errno, "the files were not received: %s", strerror(errno));
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int send_entry(const struct writer *w, enum vagent_priv_pack_type type, const struct stat *st, const char *name, const char *target)
{
	struct vagent_priv_pack_entry e = {
		.type = type, .name_len = (uint32_t)strlen(name), .target_len = (uint32_t)strlen(target),
	};
	int rc;

	if (st) {
		e.mode = st->st_mode & 07777;
		e.seconds = st->st_mtim.tv_sec;
		e.nanoseconds = (uint32_t)st->st_mtim.tv_nsec;
	}
	rc = send_bytes(w, &e, sizeof(e));
	rc = rc < 0 ? rc : send_bytes(w, name, e.name_len);
	return rc < 0 ? rc : send_bytes(w, target, e.target_len);
}

/* The size that the file system states differs for files of /proc and /sys, and for those that change. */
static int send_content(struct writer *w, int fd, const char *name)
{
	uint32_t len;
	ssize_t n;
	int rc;

	do {
		do
			n = read(fd, w->bytes, sizeof(w->bytes));
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return fail_file(w, "read", name, -errno);
		len = (uint32_t)n;
		rc = send_bytes(w, &len, sizeof(len));
		rc = rc < 0 ? rc : send_bytes(w, w->bytes, len);
	} while (!rc && len);
	return rc;
}

static int send_file(struct writer *w, int folder, const char *path, const char *name)
{
	const int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		rc = fail_file(w, "read", name, errno ? -errno : -EINVAL);
	} else {
		rc = send_entry(w, PACK_FILE, &st, name, "");
		rc = rc < 0 ? rc : send_content(w, fd, name);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

static int send_link(struct writer *w, int folder, const char *path, const char *name, const struct stat *st)
{
	char target[PACK_MAX_TARGET + 1];
	const ssize_t n = readlinkat(folder, path, target, PACK_MAX_TARGET);

	if (n < 0)
		return fail_file(w, "read", name, -errno);
	target[n] = '\0';
	return send_entry(w, PACK_LINK, st, name, target);
}

static int send_any(struct writer *w, int folder, const char *path, const char *name);

static int send_list(struct writer *w, DIR *list)
{
	const struct dirent *d;
	int rc = 0;

	while (!rc && (d = readdir(list)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = send_any(w, dirfd(list), d->d_name, d->d_name);
	return rc;
}

static int send_folder(struct writer *w, int folder, const char *path, const char *name, const struct stat *st)
{
	const int fd = openat(folder, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!list)
		return fail_file(w, "read", name, -errno);
	rc = ++w->depth > PACK_MAX_DEPTH ? fail_file(w, "copy so deep a folder as", name, -ELOOP) : send_entry(w, PACK_FOLDER, st, name, "");
	rc = rc < 0 ? rc : send_list(w, list);
	rc = rc < 0 ? rc : send_entry(w, PACK_UP, NULL, "", "");
	w->depth--;
	closedir(list);
	return rc;
}

/* Links are not followed. */
static int send_any(struct writer *w, int folder, const char *path, const char *name)
{
	struct stat st;

	if (fstatat(folder, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail_file(w, "read", name, -errno);
	if (S_ISREG(st.st_mode))
		return send_file(w, folder, path, name);
	if (S_ISLNK(st.st_mode))
		return send_link(w, folder, path, name, &st);
	if (S_ISDIR(st.st_mode))
		return send_folder(w, folder, path, name, &st);
	return vagent_priv_pack_fail(w->why, -EINVAL, "'%s' is a device, a socket or a FIFO, which cannot be copied", name);
}

char *vagent_priv_pack_last_part(char *path)
{
	size_t len;
	char *slash;

	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* The last part of a path; that of "." and ".." is a name. */
static int find_name(const char *path, char name[PATH_MAX])
{
	char whole[PATH_MAX];
	const char *last;

	snprintf(name, PATH_MAX, "%s", path);
	last = vagent_priv_pack_last_part(name);
	if (!*last || !strcmp(last, ".") || !strcmp(last, "..")) {
		if (!realpath(path, whole))
			return -errno;
		last = strrchr(whole, '/') + 1;
	}
	memmove(name, last, strlen(last) + 1);
	return *name ? 0 : -EINVAL;
}

int vagent_priv_pack_write(int to, const char *path, struct vagent_priv_pack_failure *why)
{
	struct writer *w = malloc(sizeof(*w));
	char name[PATH_MAX];
	int rc = w ? find_name(path, name) : -ENOMEM;

	if (rc < 0) {
		free(w);
		return vagent_priv_pack_fail(why, rc, "cannot copy '%s': %s", path, rc == -EINVAL ? "name a folder below the root" : strerror(-rc));
	}
	w->to = to;
	w->depth = 0;
	w->why = why;
	rc = send_any(w, AT_FDCWD, path, name);
	rc = rc < 0 ? rc : send_entry(w, PACK_END, NULL, "", "");
	free(w);
	return rc;
}
