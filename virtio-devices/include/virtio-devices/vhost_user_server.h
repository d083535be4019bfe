/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A device at home behind a vhost-user socket: serves one front-end after
 * another with the same device.
 *
 * With one thread, the server's descriptor is all there is to wait
 * for: it covers the listener, the session, the kicks and the host sides of
 * the queues.
 *
 * With threaded set, each queue has a descriptor and a dispatch of its own,
 * for a thread that the caller runs for as long as the server lives. The
 * server hands a queue to its thread and takes it back by itself.
 *
 * A front-end that moves its guest has the device's state of device.h through
 * a descriptor, the same bytes as in every other home. One that moves none of
 * it for silence_ns has ended the transfer.
 *
 * Threads: the server is confined to one thread; the dispatch of a queue
 * belongs to the thread of that queue.
 */
#ifndef VIRTIO_DEVICES_VHOST_USER_SERVER_H
#define VIRTIO_DEVICES_VHOST_USER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_vhost_user_server;
struct vsu_closer;

struct virtdev_vhost_user_server_config {
	size_t size;		/* sizeof this struct */
	struct virtdev *dev;	/* borrowed; outlives the server */
	struct vmem_sigbus *sigbus; /* table for what peers share, or NULL */
	bool threaded;		/* queues are dispatched on their own threads */
	/* Told once per session that ended, with the reason; may be NULL. */
	void (*session_ended)(void *opaque, const struct vsu_error *err);
	void *opaque;
	/*
	 * Something was refused or waits, and the session goes on: as refused
	 * of struct vhost_user_backend_ops, with its limits; may be NULL.
	 */
	void (*refused)(void *opaque, uint32_t request, uint32_t ring,
			const struct vsu_error *err);
	struct vsu_closer *closer; /* closes what front-ends send, so that nobody
				   waits for it (foreign.h); or NULL */
	bool served_files;	/* memory may be files of FUSE and of network
				   file systems */
	/*
	 * A front-end that connected and negotiated nothing for so long (see
	 * idle_ns of vhost/server.h) gives way to the next one, as soon as
	 * there is one; 0: 10 seconds.
	 */
	uint64_t silence_ns;
	uint32_t iotlb_entries;	/* a guest may have the device behind an IOMMU;
				   as in struct vhost_user_backend_config */
	bool postcopy;		/* a front-end may bring the guest's memory
				   behind the guest, and so stop this process
				   where a page is missing; memory slots are
				   not offered beside it */
	/*
	 * Before a wait sleeps (virtdev_vhost_user_server_wait() and
	 * _queue_wait()) it looks for so long whether there is something to do,
	 * if the last sleep was shorter: one that ends soon costs more than the
	 * looks. ns, at most VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT; 0: it sleeps.
	 */
	uint64_t poll_max_ns;
};

#define VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT 1000000u

/*
 * Serves whoever connects to a listening socket, one after the other, or the
 * peer of a connected one; the socket is duplicated. When the peer of a
 * connected one hangs up, dispatch says -ECONNRESET.
 */
VIRTDEV_API int virtdev_vhost_user_server_new(
		const struct virtdev_vhost_user_server_config *config, int fd,
		struct virtdev_vhost_user_server **out,
		struct vsu_error *err) VSU_NODISCARD;

VIRTDEV_API int virtdev_vhost_user_server_fd(
		const struct virtdev_vhost_user_server *s);

/*
 * One bounded amount of work, without waiting: to be called when the server's
 * descriptor is readable. 1: there is more, and the descriptor stays readable
 * until it is done, so that a loop may ignore this; 0: wait for the descriptor;
 * negative: it cannot serve any more.
 */
VIRTDEV_API int virtdev_vhost_user_server_dispatch(
		struct virtdev_vhost_user_server *s);

/*
 * For a thread that has nothing else to wait for: waits for the server, for at
 * most timeout_ms (-1: for ever), and for fd, the caller's (-1: none),
 * and dispatches. That is one system call where a loop and its dispatch need
 * two. 1: fd is readable; 0: go on; negative: it cannot serve any more.
 */
VIRTDEV_API int virtdev_vhost_user_server_wait(
		struct virtdev_vhost_user_server *s, int fd, int timeout_ms)
	VSU_NODISCARD;

/* The queue's own descriptor, dispatch and wait, when threaded; as the server's. */
VIRTDEV_API int virtdev_vhost_user_server_queue_fd(
		const struct virtdev_vhost_user_server *s, uint32_t queue);
VIRTDEV_API int virtdev_vhost_user_server_queue_dispatch(
		struct virtdev_vhost_user_server *s, uint32_t queue);
VIRTDEV_API int virtdev_vhost_user_server_queue_wait(
		struct virtdev_vhost_user_server *s, uint32_t queue, int fd,
		int timeout_ms) VSU_NODISCARD;

/*
 * Ends the session and takes no other; -EAGAIN until queues have been drained:
 * go on dispatching (and the queues' threads, too) until it says 0.
 */
VIRTDEV_API int virtdev_vhost_user_server_stop(
		struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/*
 * Whether the end of a session, or of a ring, waits for requests that the device has
 * begun. Nobody else is served before: a program may say so when it lasts. From the
 * thread of dispatch.
 */
VIRTDEV_API bool virtdev_vhost_user_server_is_draining(
		const struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/*
 * Whether that session's front-end is gone, so that nobody hears the answers: who
 * can do without them may tell the device so (virtdev_fs_leave()). From the thread of
 * dispatch.
 */
VIRTDEV_API bool virtdev_vhost_user_server_is_left(
		const struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/* After stop said 0 and the queues' threads have ended. */
VIRTDEV_API void virtdev_vhost_user_server_free(
		struct virtdev_vhost_user_server *s);

/*
 * The whole life of a server for programs without a loop: listens at path,
 * serves one front-end after another with dev on this thread, and waits in
 * between, until stop_fd is readable (-1: for ever) and requests under way have
 * finished. The socket is removed at the end. 0, or the error that kept it from
 * serving: as vsu_sock_listen(), or as dispatch.
 */
VIRTDEV_API int virtdev_vhost_user_serve(struct virtdev *dev, const char *path,
					 int stop_fd, struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
