/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads files from a stream of a peer that is not trusted. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/pack.h"

struct reader {
	int from;
	mode_t modes;
	const char *top;	/* the name of the first entry; NULL: that of the stream, by a trusted writer */
	unsigned int depth;	/* folders that are open below the first */
	uint32_t entries;
	struct level {
		int fd;
		bool is_new;
		struct vagent_priv_pack_entry entry;	/* of the folder; not of the first level, which existed */
	} levels[PACK_MAX_DEPTH + 1];
	struct vagent_priv_pack_entry entry;
	char name[PACK_MAX_NAME + 1], target[PACK_MAX_TARGET + 1];
	char part[32];		/* the name of a file or link that is not complete */
	struct vagent_priv_pack_failure *why;
	char bytes[PACK_MAX_PIECE];
};

static int refuse_stream(const struct reader *r, const char *what)
{
	return vagent_priv_pack_fail(r->why, -EBADMSG, "the files are not received further: %s", what);
}

static int fail_entry(const struct reader *r, const char *what, const char *name)
{
	const int code = errno;

	return vagent_priv_pack_fail(r->why, -code, "cannot %s '%s': %s", what, name, strerror(code));
}

static int receive_bytes(const struct reader *r, void *bytes, size_t len)
{
	char *at = bytes;
	ssize_t n;

	while (len) {
		n = read(r->from, at, len);
		if (n < 0 && errno != EINTR)
			return vagent_priv_pack_fail(r->why, -errno, "cannot receive files: %s", strerror(errno));
		if (!n)
			return refuse_stream(r, "the stream ended early");
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* ---------------------------------------------------------------------- entries */

static bool is_name(const char *name, size_t len)
{
	return len && strlen(name) == len && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int check_entry(const struct reader *r)
{
	const struct vagent_priv_pack_entry *e = &r->entry;
	const bool has_name = e->type == PACK_FILE || e->type == PACK_LINK || e->type == PACK_FOLDER;

	if (e->type >= PACK_TYPES)
		return refuse_stream(r, "an unknown kind of file");
	if (e->name_len > PACK_MAX_NAME || e->target_len > PACK_MAX_TARGET || e->nanoseconds > 999999999 || e->mode > 07777 ||
	    (!!e->target_len != (e->type == PACK_LINK)) || (!!e->name_len != has_name))
		return refuse_stream(r, "an invalid entry");
	return 0;
}

static int receive_entry(struct reader *r)
{
	int rc = ++r->entries > PACK_MAX_ENTRIES ? refuse_stream(r, "too many files") : receive_bytes(r, &r->entry, sizeof(r->entry));

	rc = rc < 0 ? rc : check_entry(r);
	rc = rc < 0 ? rc : receive_bytes(r, r->name, r->entry.name_len);
	rc = rc < 0 ? rc : receive_bytes(r, r->target, r->entry.target_len);
	if (rc < 0)
		return rc;
	r->name[r->entry.name_len] = r->target[r->entry.target_len] = '\0';
	if ((r->entry.name_len && !is_name(r->name, r->entry.name_len)) || strlen(r->target) != r->entry.target_len)
		return refuse_stream(r, "a name that is a path");
	return 0;
}

/* The name of the entry in its folder. */
static const char *name_of(const struct reader *r)
{
	return !r->depth && r->top ? r->top : r->name;
}

static int folder_of(const struct reader *r)
{
	return r->levels[r->depth].fd;
}

static void fill_times(const struct vagent_priv_pack_entry *e, struct timespec times[2])
{
	times[0] = times[1] = (struct timespec){ (time_t)e->seconds, (long)e->nanoseconds };
}

/* File systems may not have the times. */
static int finish_fd(const struct reader *r, int fd, const struct vagent_priv_pack_entry *e)
{
	struct timespec times[2];

	fill_times(e, times);
	if (fchmod(fd, (mode_t)e->mode & r->modes) < 0)
		return -errno;
	(void)futimens(fd, times);
	return 0;
}

static int receive_piece(struct reader *r, uint32_t *len)
{
	const int rc = receive_bytes(r, len, sizeof(*len));

	if (rc < 0)
		return rc;
	return *len > sizeof(r->bytes) ? refuse_stream(r, "too long a piece of a file") : receive_bytes(r, r->bytes, *len);
}

static int receive_content(struct reader *r, int fd)
{
	uint32_t len;
	ssize_t n;
	int rc;

	do {
		rc = receive_piece(r, &len);
		if (rc < 0)
			return rc;
		n = write(fd, r->bytes, len);
		if (n != (ssize_t)len) {
			errno = n < 0 ? errno : ENOSPC;
			return fail_entry(r, "write", name_of(r));
		}
	} while (len);
	return 0;
}

/* A file or link of this name will be replaced, not followed or changed. */
static int begin_part(struct reader *r)
{
	uint64_t number;
	struct stat st;

	if (fstatat(folder_of(r), name_of(r), &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return fail_entry(r, "replace", name_of(r));
	} else if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) {
		return vagent_priv_pack_fail(r->why, -EEXIST, "cannot replace '%s', which is neither a file nor a link", name_of(r));
	}
	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
		return fail_entry(r, "choose a name for", name_of(r));
	snprintf(r->part, sizeof(r->part), ".cvmm-cp-%016" PRIx64, number);
	return 0;
}

static int end_part(const struct reader *r, int rc)
{
	if (!rc && renameat(folder_of(r), r->part, folder_of(r), name_of(r)) < 0)
		rc = fail_entry(r, "replace", name_of(r));
	if (rc < 0)
		(void)unlinkat(folder_of(r), r->part, 0);
	return rc;
}

static int receive_file(struct reader *r)
{
	int fd, rc = begin_part(r);

	if (rc < 0)
		return rc;
	fd = openat(folder_of(r), r->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail_entry(r, "make", name_of(r));
	rc = receive_content(r, fd);
	if (!rc && finish_fd(r, fd, &r->entry) < 0)
		rc = fail_entry(r, "change the mode of", name_of(r));
	close(fd);
	return end_part(r, rc);
}

static int receive_link(struct reader *r)
{
	struct timespec times[2];
	const int rc = begin_part(r);

	if (rc < 0)
		return rc;
	if (symlinkat(r->target, folder_of(r), r->part) < 0)
		return fail_entry(r, "make", name_of(r));
	fill_times(&r->entry, times);
	(void)utimensat(folder_of(r), r->part, times, AT_SYMLINK_NOFOLLOW);
	return end_part(r, 0);
}

/* A link to a folder is not followed. */
static int begin_folder(struct reader *r)
{
	bool is_new;
	int fd;

	if (r->depth == PACK_MAX_DEPTH)
		return refuse_stream(r, "a folder that is too deep");
	is_new = !mkdirat(folder_of(r), name_of(r), 0700);
	if (!is_new && errno != EEXIST)
		return fail_entry(r, "make", name_of(r));
	fd = openat(folder_of(r), name_of(r), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail_entry(r, "enter", name_of(r));
	r->levels[++r->depth] = (struct level){ fd, is_new, r->entry };
	return 0;
}

/* A folder that existed keeps its mode. */
static int end_folder(struct reader *r)
{
	struct level *l = &r->levels[r->depth];
	int rc = 0;

	if (!r->depth)
		return refuse_stream(r, "the end of a folder that did not begin");
	if (l->is_new)
		rc = finish_fd(r, l->fd, &l->entry);
	close(l->fd);
	r->depth--;
	errno = -rc;
	return rc < 0 ? fail_entry(r, "change the mode of", "a folder") : 0;
}

static int receive_any(struct reader *r)
{
	if (r->entry.type == PACK_FILE)
		return receive_file(r);
	if (r->entry.type == PACK_LINK)
		return receive_link(r);
	if (r->entry.type == PACK_FOLDER)
		return begin_folder(r);
	return r->entry.type == PACK_UP ? end_folder(r) : refuse_stream(r, "the stream ended early");
}

/* One entry of the first level, with all that is in it, and the end. */
static int receive_all(struct reader *r)
{
	int rc;

	do {
		rc = receive_entry(r);
		rc = rc < 0 ? rc : receive_any(r);
	} while (!rc && r->depth);
	rc = rc < 0 ? rc : receive_entry(r);
	return rc < 0 || r->entry.type == PACK_END ? rc : refuse_stream(r, "more than one file at the end");
}

/* ------------------------------------------------------------------ destination */

static int open_folder(struct reader *r, const char *path, int flags)
{
	r->levels[0].fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
	return r->levels[0].fd < 0 ? fail_entry(r, "enter", path) : 0;
}

/* The reader keeps the name of the entry in *copy. */
static int open_existing(struct reader *r, const char *path, const char *source, char copy[PATH_MAX])
{
	if (source) {
		snprintf(copy, PATH_MAX, "%s", source);
		r->top = vagent_priv_pack_last_part(copy);
		if (!is_name(r->top, strlen(r->top)))
			return vagent_priv_pack_fail(r->why, -EINVAL, "'%s' has no name for a copy in the folder '%s'; name a destination that does not exist", source, path);
	}
	return open_folder(r, path, O_NOFOLLOW);
}

/* The folder of a new name, which the reader keeps in *copy. */
static int open_parent(struct reader *r, const char *path, char copy[PATH_MAX])
{
	char *last;

	if (snprintf(copy, PATH_MAX, "%s", path) >= PATH_MAX || !*path)
		return vagent_priv_pack_fail(r->why, -EINVAL, "the destination is empty or too long");
	r->top = last = vagent_priv_pack_last_part(copy);
	if (!is_name(last, strlen(last)))
		return vagent_priv_pack_fail(r->why, -EINVAL, "the destination '%s' does not exist", path);
	if (last == copy)
		return open_folder(r, ".", 0);
	last[-1] = '\0';
	return open_folder(r, *copy ? copy : "/", 0);
}

/* A link can be of an earlier copy; the kernel follows one with a slash at its end. */
static int open_destination(struct reader *r, const char *path, const char *source, char copy[PATH_MAX])
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return open_parent(r, path, copy);
	if (S_ISLNK(st.st_mode))
		return vagent_priv_pack_fail(r->why, -ELOOP, "the destination '%s' is a link; end it with '/' to copy into its folder", path);
	return S_ISDIR(st.st_mode) ? open_existing(r, path, source, copy) : open_parent(r, path, copy);
}

int vagent_priv_pack_read(int from, const char *path, const char *source, mode_t modes, struct vagent_priv_pack_failure *why)
{
	struct reader *r = calloc(1, sizeof(*r));
	char copy[PATH_MAX];
	int rc;

	if (!r)
		return vagent_priv_pack_fail(why, -ENOMEM, "no memory for files");
	r->from = from;
	r->modes = modes;
	r->why = why;
	rc = open_destination(r, path, source, copy);
	if (!rc) {
		rc = receive_all(r);
		for (;; r->depth--) {
			close(r->levels[r->depth].fd);
			if (!r->depth)
				break;
		}
	}
	free(r);
	return rc;
}
