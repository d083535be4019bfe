/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Exported twins of what other headers define inline only, for languages and
 * tools that call a library but cannot compile its headers. C and C++ have
 * no use for them. Each does what the function of its name without _call
 * does; numbers in a chain are read and written as bytes.
 */
#ifndef VIRTIO_QUEUE_CALLS_H
#define VIRTIO_QUEUE_CALLS_H

#include <virtio-queue/cursor.h>
#include <virtio-queue/queue.h>

VSU_BEGIN_DECLS

VQ_API uint32_t vq_cursor_left_call(const struct vq_cursor *cursor);
VQ_API uint32_t vq_cursor_done_call(const struct vq_cursor *cursor);
VQ_API bool vq_cursor_write_exact_call(struct vq_cursor *cursor,
				       const void *buf, uint32_t len)
	VSU_NODISCARD;
VQ_API uint32_t vq_initial_base_call(uint64_t features);

VSU_END_DECLS

#endif
