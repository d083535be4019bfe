/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes and reads fields of a device's state. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "core/state_priv.h"

void virtdev_state_put_bytes(struct virtdev_state_writer *w, const void *bytes,
			     size_t len)
{
	vsu_fields_put(&w->out, bytes, len);
}

void virtdev_state_refuse(struct virtdev_state_writer *w, int code,
			  const char *why)
{
	if (!w->out.error)
		w->out.error = vsu_error_set(w->err, code, "%s", why);
}

void virtdev_state_put_u8(struct virtdev_state_writer *w, uint8_t value)
{
	vsu_fields_put_le(&w->out, value, sizeof(value));
}

void virtdev_state_put_u16(struct virtdev_state_writer *w, uint16_t value)
{
	vsu_fields_put_le(&w->out, value, sizeof(value));
}

void virtdev_state_put_u32(struct virtdev_state_writer *w, uint32_t value)
{
	vsu_fields_put_le(&w->out, value, sizeof(value));
}

void virtdev_state_put_u64(struct virtdev_state_writer *w, uint64_t value)
{
	vsu_fields_put_le(&w->out, value, sizeof(value));
}

void virtdev_state_get_bytes(struct virtdev_state_reader *r, void *bytes,
			     size_t len)
{
	vsu_fields_get(&r->in, bytes, len);
}

uint8_t virtdev_state_get_u8(struct virtdev_state_reader *r)
{
	return (uint8_t)vsu_fields_get_le(&r->in, 1);
}

uint16_t virtdev_state_get_u16(struct virtdev_state_reader *r)
{
	return (uint16_t)vsu_fields_get_le(&r->in, 2);
}

uint32_t virtdev_state_get_u32(struct virtdev_state_reader *r)
{
	return (uint32_t)vsu_fields_get_le(&r->in, 4);
}

uint64_t virtdev_state_get_u64(struct virtdev_state_reader *r)
{
	return vsu_fields_get_le(&r->in, 8);
}

void virtdev_priv_state_put_part(struct virtdev_state_writer *w,
				 struct virtdev_state_writer *part)
{
	virtdev_state_put_u32(w, (uint32_t)part->out.len);
	virtdev_state_put_bytes(w, part->out.bytes, part->out.len);
	if (!w->out.error)
		w->out.error = part->out.error;
	free(part->out.bytes);
	part->out.bytes = NULL;
	part->out.len = part->out.room = 0;
}

struct virtdev_state_reader virtdev_priv_state_get_part(
		struct virtdev_state_reader *r)
{
	struct virtdev_state_reader part = { 0 };
	const uint32_t len = virtdev_state_get_u32(r);

	part.in.at = vsu_fields_view(&r->in, len);
	part.in.left = part.in.at ? len : 0;
	part.in.truncated = !part.in.at;
	return part;
}

size_t virtdev_priv_state_left(const struct virtdev_state_reader *r)
{
	return r->in.truncated ? 0 : r->in.left;
}

int virtdev_state_end(const struct virtdev_state_reader *r,
		      struct vsu_error *err)
{
	if (r->in.truncated)
		return vsu_error_set(err, -EBADMSG,
				     "the state ends within a field");
	if (r->in.left)
		return vsu_error_set(err, -EBADMSG,
				     "the state has %zu bytes after its last field",
				     r->in.left);
	return 0;
}
