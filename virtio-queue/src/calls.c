/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The inline functions of the headers as symbols. */
#include <config.h>

#include <virtio-queue/calls.h>

uint32_t vq_cursor_left_call(const struct vq_cursor *cursor)
{
	return vq_cursor_left(cursor);
}

uint32_t vq_cursor_done_call(const struct vq_cursor *cursor)
{
	return vq_cursor_done(cursor);
}

bool vq_cursor_write_exact_call(struct vq_cursor *cursor, const void *buf,
				uint32_t len)
{
	return vq_cursor_write_exact(cursor, buf, len);
}

uint32_t vq_initial_base_call(uint64_t features)
{
	return vq_initial_base(features);
}
