/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Searches the content of an Image in order, by a window that keeps what may be a message's begin. */
#define _GNU_SOURCE
#include <config.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "decompress/decompress.h"
#include "decompress/image_version.h"

/* Constants of an Image (Documentation/arch/arm64/booting.rst), and of Linux's first message. */
#define MAGIC_AT 56u
#define MAGIC "ARM\x64"
#define BANNER "Linux version "
#define SEARCHED (UINT64_C(1) << 28)
#define WINDOW 16384u
#define MESSAGE (strlen(BANNER) + VARCH_KERNEL_VERSION - 1)

struct search {
	int fd;
	struct varch_decompressor *decompressor; /* NULL: read from fd */
	uint64_t at;		/* bytes that were read */
	bool ended;
	char window[WINDOW];
	size_t len;
};

static ssize_t read_content(struct search *s, char *buf, size_t len, struct vsu_error *err)
{
	ssize_t n;

	if (s->decompressor)
		return varch_decompressor_read(s->decompressor, buf, len, err);
	n = vsu_fd_pread_full(s->fd, buf, len, s->at);
	return n < 0 ? vsu_error_sys(err, (int)n, "cannot be read") : n;
}

/* Replaces all bytes but the last ones, in which a message may begin. */
static int next_window(struct search *s, struct vsu_error *err)
{
	const size_t kept = s->len < MESSAGE ? s->len : MESSAGE, room = sizeof(s->window) - kept;
	ssize_t n;

	memmove(s->window, s->window + s->len - kept, kept);
	n = read_content(s, s->window + kept, room, err);
	if (n < 0)
		return (int)n;
	s->at += (size_t)n;
	s->len = kept + (size_t)n;
	s->ended = (size_t)n < room;
	return 0;
}

/* NULL: not in the window with all of its version. */
static const char *find_message(const struct search *s)
{
	const char *text = memmem(s->window, s->len, BANNER, strlen(BANNER));

	return text && (s->ended || (size_t)(s->window + s->len - text) >= MESSAGE) ? text : NULL;
}

static int search_image(struct search *s, char version[VARCH_KERNEL_VERSION], struct vsu_error *err)
{
	const char *text = NULL;
	int rc = next_window(s, err);

	if (!rc && (s->len < MAGIC_AT + strlen(MAGIC) || memcmp(s->window + MAGIC_AT, MAGIC, strlen(MAGIC)) != 0))
		return 0;
	while (!rc && !(text = find_message(s)) && !s->ended && s->at < SEARCHED)
		rc = next_window(s, err);
	if (rc < 0 || !text)
		return rc;
	text += strlen(BANNER);
	return varch_version_copy(text, (size_t)(s->window + s->len - text), version);
}

bool varch_version_copy(const char *text, size_t len, char version[VARCH_KERNEL_VERSION])
{
	snprintf(version, VARCH_KERNEL_VERSION, "%.*s", (int)len, text);
	version[strcspn(version, " \n")] = '\0';
	return version[0];
}

int varch_image_version(int fd, char version[VARCH_KERNEL_VERSION], struct vsu_error *err)
{
	struct varch_compressed c = { .fd = fd };
	struct search s = { .fd = fd };
	int rc = vsu_fd_size(fd, &c.size);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot be read");
	if (varch_is_compressed(&c))
		rc = varch_decompressor_new(&s.decompressor, &c, err);
	if (!rc)
		rc = search_image(&s, version, err);
	varch_decompressor_free(s.decompressor);
	return rc;
}
