/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text in memory: the stream hands its bytes to a buffer that grows. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/text.h>

#define FIRST_ROOM 512u

/* Room for len more bytes, and the NUL. */
static bool has_room(struct vsu_text *t, size_t len)
{
	size_t room = t->room ? t->room : FIRST_ROOM;
	char *bytes;

	while (room - t->len <= len)
		room *= 2;
	if (room == t->room)
		return true;
	bytes = realloc(t->bytes, room);
	if (!bytes)
		return false;
	t->bytes = bytes;
	t->room = room;
	return true;
}

/* An error of a stream does not stay in all cases; is_lost does. */
static ssize_t take_bytes(void *opaque, const char *bytes, size_t len)
{
	struct vsu_text *t = opaque;

	if (t->is_lost || !has_room(t, len)) {
		t->is_lost = true;
		return 0;
	}
	memcpy(t->bytes + t->len, bytes, len);
	t->len += len;
	return (ssize_t)len;
}

int vsu_text_open(struct vsu_text *t)
{
	*t = (struct vsu_text){ .to = NULL };
	t->to = fopencookie(t, "w", (cookie_io_functions_t){ .write = take_bytes });
	return t->to ? 0 : -ENOMEM;
}

int vsu_text_close(struct vsu_text *t)
{
	bool is_whole = !fclose(t->to);

	is_whole = is_whole && !t->is_lost && has_room(t, 0);
	t->to = NULL;
	if (is_whole) {
		t->bytes[t->len] = '\0';
		return 0;
	}
	free(t->bytes);
	t->bytes = NULL;
	return -ENOMEM;
}

void vsu_text_drop(struct vsu_text *t)
{
	if (!vsu_text_close(t))
		free(t->bytes);
}
