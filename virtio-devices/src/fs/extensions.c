/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Extensions at the end of requests that create a file: the user's supplementary group
 * that matches the directory's, and a security label. Ignores unknown extensions.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fs/priv.h"

/* Maximum per request; there are two kinds. */
#define MAX_EXTENSIONS 16u

static int pass_over(struct fs_call *c, uint32_t len)
{
	return vq_cursor_skip(&c->from, len) == len ? 0 : -EINVAL;
}

/* Parses len bytes: the number of groups, then the groups. */
static int read_groups(struct fs_call *c, uint32_t len)
{
	uint32_t n;

	if (c->ngroups || len < sizeof(n) || !vq_cursor_read_obj(&c->from, &n))
		return -EINVAL;
	len -= (uint32_t)sizeof(n);
	if (n > FS_GROUPS || n > len / sizeof(c->groups[0]) ||
	    !vq_cursor_read_exact(&c->from, c->groups,
				  n * (uint32_t)sizeof(c->groups[0])))
		return -EINVAL;
	c->ngroups = n;
	return pass_over(c, len - n * (uint32_t)sizeof(c->groups[0]));
}

/* Parses n labels in len bytes: size of the value, name, NUL, value, padding. */
static int read_label(struct fs_call *c, uint32_t n, uint32_t len)
{
	char *room = (char *)c->queue->text + FS_LABEL_AT;
	struct fs_label_head head;
	size_t name;

	if (!n)
		return pass_over(c, len);
	if (n > 1 || c->label.name || len < sizeof(head) ||
	    !vq_cursor_read_obj(&c->from, &head))
		return -EINVAL;
	len -= (uint32_t)sizeof(head);
	if (len > FS_VALUE_MAX || c->text_len > FS_LABEL_AT)
		return -E2BIG;
	if (!vq_cursor_read_exact(&c->from, room, len))
		return -EINVAL;
	name = strnlen(room, len);
	if (name == len || name > FS_NAME_MAX || head.size > len - name - 1)
		return -EINVAL;
	c->label = (struct fs_label){ room, room + name + 1, head.size };
	return strncmp(room, "security.", 9) ? -EOPNOTSUPP : 0;
}

static int read_extension(struct fs_call *c, const struct fs_extension *e)
{
	if (e->type == FS_EXTENSION_GROUPS)
		return read_groups(c, e->size);
	return e->type <= FS_EXTENSION_LABELS &&
	       virtdev_priv_fs_agreed(c->fs, FS_SECURITY_CTX) ?
	       read_label(c, e->type, e->size) : pass_over(c, e->size);
}

int virtdev_priv_fs_extensions_read(struct fs_call *c)
{
	uint32_t left = fs_extensions(&c->in), i;
	struct fs_extension e;
	int rc = 0;

	for (i = 0; rc >= 0 && left; i++) {
		if (i == MAX_EXTENSIONS || left < sizeof(e) ||
		    !vq_cursor_read_obj(&c->from, &e) || e.size < sizeof(e) ||
		    e.size > left || e.size % FS_EXTENSION_ALIGN)
			return -EINVAL;
		left -= e.size;
		e.size -= (uint32_t)sizeof(e);
		rc = read_extension(c, &e);
	}
	return rc;
}
