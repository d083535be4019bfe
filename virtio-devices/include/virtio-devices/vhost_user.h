/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device whose queues are somebody else's: what a VMM shows its guest, with
 * a vhost-user back-end behind it. Any device id.
 *
 *   remote     the session and what was learned about the device; opaque
 *   device     a struct virtdev with the back-end's features and a copy of
 *              its configuration space, for a transport; its queues cannot be
 *              started in this process
 *   start      gives the queues, as the driver set them up, to the back-end
 *   stop       takes them back; ops->stopped says when the back-end has
 *              finished what it fetched
 *
 * A session that died leaves a device that shows its last configuration and
 * can be stopped (at once) but not started.
 *
 * With ops->connect a session outlives its back-end, as <vhost/frontend.h>
 * says: while it is away the device shows its last configuration, and its
 * queues can be stopped but not started.
 *
 * Waiting: virtdev_vhost_user_fd() never changes; when it is readable, call
 * virtdev_vhost_user_dispatch(), which never blocks.
 *
 * Threads: confined to one thread, the reading of the device's configuration
 * space by a transport included.
 */
#ifndef VIRTIO_DEVICES_VHOST_USER_H
#define VIRTIO_DEVICES_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <vhost/shmem.h>
#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_vhost_user;
struct vsu_closer;

struct virtdev_vhost_user_config {
	size_t size;		/* sizeof(struct virtdev_vhost_user_config) */
	uint32_t id;		/* VIRTIO device id */
	uint32_t nqueues;	/* 0: what its kind has */
	uint32_t queue_size_max;	/* largest size of a queue; 0: 256 */
	uint32_t config_size;	/* bytes of configuration; 0: of its kind */
	const char *peer;	/* for sentences: the socket's path */
	struct vmem_sigbus *sigbus; /* table for what the back-end maps */
	struct vsu_closer *closer; /* closes what the back-end sends, so that
				   nobody waits for it (foreign.h); or NULL */
	bool served_files;	/* it may map files of FUSE and of network file
				   systems */
	/* as those of struct vhost_user_frontend_config */
	uint64_t max_shmem;	/* bytes of all shared memory regions */
	uint32_t max_shmem_maps; /* mappings in them at once */
	uint64_t reconnect_ns;	/* the first pause between attempts */
	bool read_only_regions;	/* the back-end is told of ROM, too */
	const void *space;	/* config_size bytes, copied: the configuration of
				   kinds that leave it to the front-end, such as
				   file systems; or NULL: the back-end's */
	uint64_t max_shmem_mapped; /* bytes mapped in those regions at once */
};

/*
 * The device id of a kind by its name: "net", "fs"; len bytes of it. 0: no such
 * kind is known.
 */
VIRTDEV_API uint32_t virtdev_vhost_user_id_of(const char *name, size_t len);

/* Called from dispatch only. NULL: nothing. None may free the remote. */
struct virtdev_vhost_user_ops {
	size_t size;		/* sizeof(struct virtdev_vhost_user_ops) */
	/* The handshake is done: the device can be shown to a guest. */
	void (*ready)(void *opaque);
	/* The queues are the caller's again. */
	void (*stopped)(void *opaque);
	/* The session is dead. Queues that ran are the caller's again. */
	void (*failed)(void *opaque, const struct vsu_error *err);
	/*
	 * A map given to set_memory while queues ran is in effect: the
	 * back-end dropped what left it; or err says why it did not.
	 */
	void (*memory)(void *opaque, const struct vsu_error *err);
	/*
	 * The back-end changed what is mapped in the device's shared memory
	 * regions (see <vhost/shmem.h>). NULL: the device has none.
	 */
	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
		      unsigned int n);
	/*
	 * Something was refused, by either side, and the session goes on: as
	 * refused of struct vhost_user_frontend_ops, with its limits.
	 */
	void (*refused)(void *opaque, const struct vsu_error *err);
	/* As those of struct vhost_user_frontend_ops. */
	int (*connect)(void *opaque, struct vsu_error *err);
	void (*lost)(void *opaque, const struct vsu_error *err);
	void (*back)(void *opaque, bool rings_lost);
	/*
	 * The device's state, moved by vhost_user_frontend_move_state() and
	 * _check_state() of the session; likewise.
	 */
	void (*state_moves)(void *opaque, int result, int fd);
	void (*state_moved)(void *opaque, int result);
	/* A reset of a queue is done: see virtdev_vhost_user_reset_queue(). */
	void (*queue_reset)(void *opaque, uint32_t queue);
};

/* On a connected socket, whose ownership moves here on success. */
VIRTDEV_API int virtdev_vhost_user_new_take_fd(int sock,
		const struct virtdev_vhost_user_config *config,
		const struct virtdev_vhost_user_ops *ops, void *opaque,
		struct virtdev_vhost_user **out, struct vsu_error *err)
	VSU_NODISCARD;

/* The device is freed with it. */
VIRTDEV_API void virtdev_vhost_user_free(struct virtdev_vhost_user *r);

VIRTDEV_API int virtdev_vhost_user_fd(const struct virtdev_vhost_user *r);

/*
 * 1: there is more, and the fd stays readable until it is done, so that a loop
 * may ignore this; 0: wait for the fd; negative: the session is dead.
 */
VIRTDEV_API int virtdev_vhost_user_dispatch(struct virtdev_vhost_user *r);

/* NULL until ready. Borrowed. */
VIRTDEV_API struct virtdev *virtdev_vhost_user_device(
		const struct virtdev_vhost_user *r);

/* The session behind it, for what is not said here. Borrowed. */
VIRTDEV_API struct vhost_user_frontend *virtdev_vhost_user_frontend(
		const struct virtdev_vhost_user *r);

/* The guest's memory, now and whenever it changes. */
VIRTDEV_API int virtdev_vhost_user_set_memory(struct virtdev_vhost_user *r,
					      struct vmem_map *map,
					      struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts queues as the driver set them up: n of them, rings[i] queue i; a ring
 * of size 0 was not set up. The descriptors are duplicated.
 */
VIRTDEV_API int virtdev_vhost_user_start(struct virtdev_vhost_user *r,
					 uint64_t features,
					 const struct vhost_user_ring *rings,
					 uint32_t n, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * 0: ops->stopped follows; 1: nothing ran, or the session is dead: there is
 * nothing to wait for.
 */
VIRTDEV_API int virtdev_vhost_user_stop(struct virtdev_vhost_user *r)
	VSU_NODISCARD;

/*
 * Resets one queue of a device that runs, for VQ_F_RING_RESET; and starts it
 * again, described anew (the descriptors are borrowed until it runs). The
 * back-end, which need not know of that, finishes what it fetched and goes on
 * with the others where they stood.
 *
 *   0        ops->queue_reset follows; a start needs nothing more
 *   1        reset: nothing ran, there is nothing to wait for
 *   -EINVAL  no such queue
 *   -EAGAIN  the back-end is away: only a reset of the device helps
 */
VIRTDEV_API int virtdev_vhost_user_reset_queue(struct virtdev_vhost_user *r,
					       uint32_t queue) VSU_NODISCARD;
VIRTDEV_API int virtdev_vhost_user_start_queue(struct virtdev_vhost_user *r,
					       uint32_t queue,
					       const struct vhost_user_ring *ring,
					       struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
