/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end's side of a device that a vhost-user back-end serves: a struct
 * virtdev that a VMM shows to its guest. Every VIRTIO device id is supported.
 *
 *   remote     the session and properties of the device; opaque
 *   device     a struct virtdev for a transport, with the back-end's features
 *              and a copy of its configuration space; its queues cannot be
 *              started in this process
 *   server     the back-end behind that transport: see vhost_user_transport.h
 *
 * After a session has failed, the device keeps its last configuration, and its queues cannot
 * be started. With ops->connect a session reconnects to a replacement back-end (see
 * <vhost/frontend.h>). Until the replacement is connected, the device keeps its last
 * configuration.
 *
 * Waiting: virtdev_vhost_user_fd() never changes; when it is readable, call
 * virtdev_vhost_user_dispatch(), which never blocks.
 *
 * Threads: confined to one thread, including reads of the device's configuration
 * space by a transport.
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
	uint32_t nqueues;	/* 0: number of the device's kind */
	uint32_t queue_size_max;	/* entries; 0: 256 */
	uint32_t config_size;	/* bytes of configuration; 0: size of the device's kind */
	const char *peer;	/* for messages: path of the socket */
	struct vmem_sigbus *sigbus; /* table for mappings of the back-end */
	/*
	 * closes descriptors of the back-end without blocking the caller
	 * (foreign.h); or NULL
	 */
	struct vsu_closer *closer;
	/* allow the back-end to map files on FUSE and network file systems */
	bool served_files;
	/* three members of struct vhost_user_frontend_config */
	uint64_t max_shmem;	/* bytes of all shared memory regions */
	uint32_t max_shmem_maps; /* maximum concurrent mappings in them */
	uint64_t reconnect_ns;	/* initial interval between attempts */
	/* report read-only regions (ROM) to the back-end as well */
	bool read_only_regions;
	/*
	 * configuration space of config_size bytes, copied, for devices whose
	 * back-end has none, such as file systems; NULL: read it from the
	 * back-end
	 */
	const void *space;
	uint64_t max_shmem_mapped; /* maximum bytes mapped in those regions */
	/* the back-end in messages about a device behind a transport; NULL: its peer */
	const char *who;
	/* the guest may run before its memory has arrived: negotiate PAGEFAULT */
	bool postcopy;
};

/*
 * The device id of a kind; name has len bytes, such as "net" or "fs". 0:
 * unknown.
 */
VIRTDEV_API uint32_t virtdev_vhost_user_id_of(const char *name, size_t len);

/* Called from dispatch only. NULL: no callback. A callback must not free the remote. */
struct virtdev_vhost_user_ops {
	size_t size;		/* sizeof(struct virtdev_vhost_user_ops) */
	/* The handshake is complete: the device can be shown to a guest. */
	void (*ready)(void *opaque);
	/* The back-end has released the queues. */
	void (*stopped)(void *opaque);
	/* The session has failed, and the back-end has released the queues. */
	void (*failed)(void *opaque, const struct vsu_error *err);
	/*
	 * Result of set_memory while queues run. err NULL: the back-end uses the
	 * new map and has unmapped removed regions; else err is the reason of
	 * the failure.
	 */
	void (*memory)(void *opaque, const struct vsu_error *err);
	/*
	 * The back-end changed mappings in the device's shared memory regions
	 * (see <vhost/shmem.h>). NULL: the device has no such regions.
	 */
	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
		      unsigned int n);
	/*
	 * The front-end or the back-end rejected a message, and the session
	 * continues. See refused of struct vhost_user_frontend_ops: limit the rate
	 * of log lines.
	 */
	void (*refused)(void *opaque, const struct vsu_error *err);
	/* See struct vhost_user_frontend_ops. */
	int (*connect)(void *opaque, struct vsu_error *err);
	void (*lost)(void *opaque, const struct vsu_error *err);
	void (*back)(void *opaque, bool rings_lost);
	/*
	 * A reset of a queue is complete.
	 */
	void (*queue_reset)(void *opaque, uint32_t queue);
};

/* sock is connected; its ownership moves to the remote on success. */
VIRTDEV_API int virtdev_vhost_user_new_take_fd(int sock,
		const struct virtdev_vhost_user_config *config,
		const struct virtdev_vhost_user_ops *ops, void *opaque,
		struct virtdev_vhost_user **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Frees its device as well. */
VIRTDEV_API void virtdev_vhost_user_free(struct virtdev_vhost_user *r);

VIRTDEV_API int virtdev_vhost_user_fd(const struct virtdev_vhost_user *r);

/*
 * 1: more work is pending, and the fd stays readable until it is done, so a
 * loop may ignore the result; 0: wait for the fd; negative: the session has
 * failed.
 */
VIRTDEV_API int virtdev_vhost_user_dispatch(struct virtdev_vhost_user *r);

/* NULL until ready. Borrowed. */
VIRTDEV_API struct virtdev *virtdev_vhost_user_device(
		const struct virtdev_vhost_user *r);

/* The session, for functions that this header does not have. Borrowed. */
VIRTDEV_API struct vhost_user_frontend *virtdev_vhost_user_frontend(
		const struct virtdev_vhost_user *r);

/* Sets the guest's memory, initially and after each change. */
VIRTDEV_API int virtdev_vhost_user_set_memory(struct virtdev_vhost_user *r,
					      struct vmem_map *map,
					      struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
