/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Lines and words of text files. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>

#include "initrd/lines.h"

static int lines_fill(struct vagent_priv_lines *lines, int fd, const char *name, struct vsu_error *err)
{
	uint64_t size;
	ssize_t n;
	int rc = vsu_fd_kind(fd) == VSU_FD_REGULAR ? vsu_fd_size(fd, &size) : -EBADMSG;

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s'", name);
	if (size > VAGENT_LINES_MAX)
		return vsu_error_set(err, -EFBIG, "'%s' has %" PRIu64 " bytes; the limit is %u", name, size, VAGENT_LINES_MAX);
	lines->bytes = malloc((size_t)size + 1);
	if (!lines->bytes)
		return vsu_error_set(err, -ENOMEM, "no memory for '%s'", name);
	n = vsu_fd_read_full(fd, lines->bytes, (size_t)size);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "cannot read '%s'", name);
	lines->len = (size_t)n;
	return 0;
}

int vagent_priv_lines_read_take_fd(struct vagent_priv_lines *lines, int fd, const char *name, struct vsu_error *err)
{
	int rc = fd < 0 ? vsu_error_sys(err, fd, "cannot open '%s'", name) : 0;

	*lines = (struct vagent_priv_lines){ NULL, 0 };
	if (!rc)
		rc = lines_fill(lines, fd, name, err);
	vsu_fd_close(&fd);
	if (rc < 0)
		vagent_priv_lines_free(lines);
	return rc;
}

void vagent_priv_lines_free(struct vagent_priv_lines *lines)
{
	free(lines->bytes);
	*lines = (struct vagent_priv_lines){ NULL, 0 };
}

bool vagent_priv_lines_next(const struct vagent_priv_lines *lines, size_t *at, struct vagent_priv_slice *line)
{
	const char *end;

	if (*at >= lines->len)
		return false;
	line->at = lines->bytes + *at;
	end = memchr(line->at, '\n', lines->len - *at);
	line->len = end ? (size_t)(end - line->at) : lines->len - *at;
	*at += line->len + 1;
	return true;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool vagent_priv_slice_word(struct vagent_priv_slice *text, struct vagent_priv_slice *word)
{
	while (text->len && is_blank(text->at[0])) {
		text->at++;
		text->len--;
	}
	word->at = text->at;
	for (word->len = 0; word->len < text->len && !is_blank(word->at[word->len]);)
		word->len++;
	text->at += word->len;
	text->len -= word->len;
	return word->len;
}

bool vagent_priv_slice_last_word(struct vagent_priv_slice *text, struct vagent_priv_slice *word)
{
	while (text->len && is_blank(text->at[text->len - 1]))
		text->len--;
	for (word->len = 0; text->len && !is_blank(text->at[text->len - 1]); word->len++)
		text->len--;
	word->at = text->at + text->len;
	return word->len;
}

bool vagent_priv_slice_is(struct vagent_priv_slice s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.at, text, s.len);
}

bool vagent_priv_slice_same(struct vagent_priv_slice a, struct vagent_priv_slice b)
{
	return a.len == b.len && !memcmp(a.at, b.at, a.len);
}

struct vagent_priv_slice vagent_priv_slice_module(struct vagent_priv_slice path)
{
	const char *slash = memrchr(path.at, '/', path.len), *suffix;

	if (slash) {
		path.len -= (size_t)(slash + 1 - path.at);
		path.at = slash + 1;
	}
	suffix = memmem(path.at, path.len, ".ko", 3);
	if (suffix)
		path.len = (size_t)(suffix - path.at);
	return path;
}

bool vagent_priv_slice_same_module(struct vagent_priv_slice a, struct vagent_priv_slice b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (a.at[i] != b.at[i] && !(strchr("-_", a.at[i]) && strchr("-_", b.at[i])))
			return false;
	return true;
}
