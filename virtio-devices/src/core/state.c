/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes and reads fields of a device's state. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/state_priv.h"

#define FIRST_ROOM 256u

/* Reserves len more bytes; false: out of memory or beyond max. */
static bool make_room(struct virtdev_state_writer *w, size_t len)
{
	size_t room = w->room ? w->room : FIRST_ROOM;
	unsigned char *bytes;

	if (w->error)
		return false;
	if (len > w->max - w->len) {
		w->error = -EFBIG;
		return false;
	}
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

void virtdev_state_put_bytes(struct virtdev_state_writer *w, const void *bytes,
			     size_t len)
{
	if (!len || !make_room(w, len))
		return;
	memcpy(w->bytes + w->len, bytes, len);
	w->len += len;
}

void virtdev_state_refuse(struct virtdev_state_writer *w, int code,
			  const char *why)
{
	if (!w->error)
		w->error = vsu_error_set(w->err, code, "%s", why);
}

static void put_value(struct virtdev_state_writer *w, uint64_t value,
		      size_t len)
{
	unsigned char bytes[8];
	size_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	virtdev_state_put_bytes(w, bytes, len);
}

void virtdev_state_put_u8(struct virtdev_state_writer *w, uint8_t value)
{
	put_value(w, value, sizeof(value));
}

void virtdev_state_put_u16(struct virtdev_state_writer *w, uint16_t value)
{
	put_value(w, value, sizeof(value));
}

void virtdev_state_put_u32(struct virtdev_state_writer *w, uint32_t value)
{
	put_value(w, value, sizeof(value));
}

void virtdev_state_put_u64(struct virtdev_state_writer *w, uint64_t value)
{
	put_value(w, value, sizeof(value));
}

const unsigned char *virtdev_priv_state_take(struct virtdev_state_reader *r,
					     size_t len)
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

void virtdev_state_get_bytes(struct virtdev_state_reader *r, void *bytes,
			     size_t len)
{
	const unsigned char *at = len ? virtdev_priv_state_take(r, len) : NULL;

	if (at)
		memcpy(bytes, at, len);
	else if (len)
		memset(bytes, 0, len);
}

static uint64_t get_value(struct virtdev_state_reader *r, size_t len)
{
	const unsigned char *at = virtdev_priv_state_take(r, len);
	uint64_t value = 0;

	for (; at && len > 0; len--)
		value = value << 8 | at[len - 1];
	return value;
}

uint8_t virtdev_state_get_u8(struct virtdev_state_reader *r)
{
	return (uint8_t)get_value(r, 1);
}

uint16_t virtdev_state_get_u16(struct virtdev_state_reader *r)
{
	return (uint16_t)get_value(r, 2);
}

uint32_t virtdev_state_get_u32(struct virtdev_state_reader *r)
{
	return (uint32_t)get_value(r, 4);
}

uint64_t virtdev_state_get_u64(struct virtdev_state_reader *r)
{
	return get_value(r, 8);
}

void virtdev_priv_state_put_part(struct virtdev_state_writer *w,
				 struct virtdev_state_writer *part)
{
	virtdev_state_put_u32(w, (uint32_t)part->len);
	virtdev_state_put_bytes(w, part->bytes, part->len);
	if (!w->error)
		w->error = part->error;
	free(part->bytes);
	part->bytes = NULL;
	part->len = part->room = 0;
}

struct virtdev_state_reader virtdev_priv_state_get_part(
		struct virtdev_state_reader *r)
{
	struct virtdev_state_reader part = { 0 };
	const uint32_t len = virtdev_state_get_u32(r);

	part.at = virtdev_priv_state_take(r, len);
	part.left = part.at ? len : 0;
	part.truncated = !part.at;
	return part;
}

size_t virtdev_priv_state_left(const struct virtdev_state_reader *r)
{
	return r->truncated ? 0 : r->left;
}

int virtdev_state_end(const struct virtdev_state_reader *r,
		      struct vsu_error *err)
{
	if (r->truncated)
		return vsu_error_set(err, -EBADMSG,
				     "the state ends within a field");
	if (r->left)
		return vsu_error_set(err, -EBADMSG,
				     "the state has %zu bytes after its last field",
				     r->left);
	return 0;
}
