/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes and reads consecutive numbers and bytes. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fields.h>

#define FIRST_ROOM 256u

/* Reserves len more bytes; false: out of memory or beyond max. */
static bool make_room(struct vsu_fields_writer *w, size_t len)
{
	size_t room = w->room ? w->room : FIRST_ROOM;
	unsigned char *bytes;

	if (!w->error && len > w->max - w->len)
		w->error = -EFBIG;
	if (w->error)
		return false;
	while (room - w->len < len)
		room *= 2;
	if (room == w->room)
		return true;
	bytes = realloc(w->bytes, room);
	if (!bytes) {
		w->error = -ENOMEM;
		return false;
	}
	w->bytes = bytes;
	w->room = room;
	return true;
}

void vsu_fields_put(struct vsu_fields_writer *w, const void *bytes, size_t len)
{
	if (!len || !make_room(w, len))
		return;
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

void vsu_fields_put_le(struct vsu_fields_writer *w, uint64_t value, size_t len)
{
	unsigned char bytes[8];

	vsu_le_store(bytes, value, len);
	vsu_fields_put(w, bytes, len);
}

const unsigned char *vsu_fields_view(struct vsu_fields_reader *r, size_t len)
{
	const unsigned char *at = r->at;

	if (r->truncated || len > r->left) {
		r->truncated = true;
		return NULL;
	}
	r->at += len;
	r->left -= len;
	return at;
}

void vsu_fields_get(struct vsu_fields_reader *r, void *bytes, size_t len)
{
	const unsigned char *at = len ? vsu_fields_view(r, len) : NULL;

	if (at)
		memcpy(bytes, at, len);
	else if (len)
		memset(bytes, 0, len);
}

uint64_t vsu_fields_get_le(struct vsu_fields_reader *r, size_t len)
{
	const unsigned char *at = vsu_fields_view(r, len);

	return at ? vsu_le_load(at, len) : 0;
}
