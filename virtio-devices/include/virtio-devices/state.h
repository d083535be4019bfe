/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a device as bytes: consecutive little-endian fields without padding.
 * Models use it in state_save and state_load (device.h).
 *
 *   writer   grows up to VIRTDEV_STATE_MAX; after a failure all further calls have
 *            no effect, and virtdev_state_take() returns the error
 *   reader   reads 0 beyond the end, which virtdev_state_end() reports
 *
 *	static void save(void *self, struct virtdev_state_writer *w)
 *	{
 *		virtdev_state_put_u64(w, ((struct model *)self)->seen);
 *	}
 *
 *	static int load(void *self, uint32_t version,
 *			struct virtdev_state_reader *r, struct vsu_error *err)
 *	{
 *		const uint64_t seen = virtdev_state_get_u64(r);
 *		int rc = virtdev_state_end(r, err);
 *
 *		if (!rc && seen > MAX_SEEN)
 *			rc = vsu_error_set(err, -EBADMSG, "...");
 *		if (!rc)
 *			((struct model *)self)->seen = seen;
 *		return rc;
 *	}
 *
 * Threads: confined.
 */
#ifndef VIRTIO_DEVICES_STATE_H
#define VIRTIO_DEVICES_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev;
struct virtdev_transport;
struct virtdev_state_reader;
struct virtdev_state_writer;

VIRTDEV_API void virtdev_state_put_u8(struct virtdev_state_writer *w,
				      uint8_t value);
VIRTDEV_API void virtdev_state_put_u16(struct virtdev_state_writer *w,
				       uint16_t value);
VIRTDEV_API void virtdev_state_put_u32(struct virtdev_state_writer *w,
				       uint32_t value);
VIRTDEV_API void virtdev_state_put_u64(struct virtdev_state_writer *w,
				       uint64_t value);
VIRTDEV_API void virtdev_state_put_bytes(struct virtdev_state_writer *w,
					 const void *bytes, size_t len);

/*
 * Fails the save: the device's current state cannot be transferred. code is a negative
 * errno; why is one sentence that names cause and remedy, copied.
 */
VIRTDEV_API void virtdev_state_refuse(struct virtdev_state_writer *w, int code,
				      const char *why);

VIRTDEV_API uint8_t virtdev_state_get_u8(struct virtdev_state_reader *r);
VIRTDEV_API uint16_t virtdev_state_get_u16(struct virtdev_state_reader *r);
VIRTDEV_API uint32_t virtdev_state_get_u32(struct virtdev_state_reader *r);
VIRTDEV_API uint64_t virtdev_state_get_u64(struct virtdev_state_reader *r);
/* Reads len bytes. If fewer remain, all are 0. */
VIRTDEV_API void virtdev_state_get_bytes(struct virtdev_state_reader *r,
					 void *bytes, size_t len);

/* 0: no read exceeded the state, and all its bytes were read; else -EBADMSG. */
VIRTDEV_API int virtdev_state_end(const struct virtdev_state_reader *r,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * For models whose driver sets more than the configuration space, by requests or
 * connections: the state stays in memory that outlives the process, and a vhost-user
 * server that replaces a killed one continues with it by ops->state_load. Without such a
 * state, the driver's settings end with the process, although its queues continue.
 * Front-ends of libvirtio-devices then request a reset from the driver; others do not.
 *
 * set_keeps: call it before the device has a server; state_save may then be called while
 * the device runs. keep: the driver has changed the state; call it on the thread that has
 * changed it, before the request is complete; two calls must not overlap. A state of more
 * than 8000 bytes is not kept. keep has no effect with another server, or if the front-end
 * has no in-flight area.
 */
VIRTDEV_API void virtdev_set_keeps(struct virtdev *dev);
VIRTDEV_API void virtdev_keep(struct virtdev *dev);

/*
 * For the owner of a device: virtdev_state_load() (device.h) in bounded turns, so that a
 * large state does not block a loop. 1: call virtdev_state_load_turn(); 0: loaded; or an
 * error as of virtdev_state_load(). Until the result is not 1, the bytes must remain
 * valid and no queue can start (-EBUSY). A reset or virtdev_state_load_stop() cancels
 * the load.
 */
VIRTDEV_API int virtdev_state_load_begin(struct virtdev *dev, const void *bytes,
					 size_t len, struct vsu_error *err)
	VSU_NODISCARD;
VIRTDEV_API int virtdev_state_load_turn(struct virtdev *dev,
					struct vsu_error *err) VSU_NODISCARD;
VIRTDEV_API void virtdev_state_load_stop(struct virtdev *dev);

VSU_END_DECLS

#endif
