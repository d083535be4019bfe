/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Serves a device behind a vhost-user socket, to one front-end after another.
 *
 * By default one thread does everything: the server's descriptor is readable for the
 * listener, the session, kicks, and host descriptors of the queues.
 *
 * If threaded is set, the caller runs one thread per queue as long as the server
 * exists. Each queue has its own descriptor and dispatch function. The server assigns a
 * queue to its thread while the front-end runs the queue.
 *
 * For migration, a front-end transfers the device's state (state.h) through a
 * descriptor. The server ends a transfer that makes no progress for silence_ns.
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
struct vhost_user_postcopy_guard;
struct vsu_closer;

struct virtdev_vhost_user_server_config {
	size_t size;		/* sizeof this struct */
	struct virtdev *dev;	/* borrowed; outlives the server */
	struct vmem_sigbus *sigbus; /* table for memory of front-ends, or NULL */
	bool threaded;		/* queues are dispatched on their own threads */
	/* Called once at the end of each session, with the reason; may be NULL. */
	void (*session_ended)(void *opaque, const struct vsu_error *err);
	void *opaque;
	/*
	 * Called when a message is refused or a ring waits, and the session continues,
	 * as refused of struct vhost_user_backend_ops; may be NULL.
	 */
	void (*refused)(void *opaque, uint32_t request, uint32_t ring,
			const struct vsu_error *err);
	struct vsu_closer *closer; /* closes descriptors of front-ends (foreign.h);
				   or NULL */
	bool served_files;	/* accept memory in files of FUSE and network
				   file systems */
	/*
	 * Time-out of a state transfer without progress; and of a front-end that has
	 * connected but negotiated nothing, if another one waits (idle_ns of
	 * vhost/server.h). 0: 10 seconds.
	 */
	uint64_t silence_ns;
	uint32_t iotlb_entries;	/* supports an IOMMU if not 0; as in struct
				   vhost_user_backend_config */
	bool postcopy;		/* support post-copy migration, and do not offer
				   memory slots. A front-end can block this
				   process at a missing page; see postcopy_guard */
	/*
	 * virtdev_vhost_user_server_wait() and _queue_wait() busy-wait up to this time
	 * before they sleep, if the last sleep was shorter. This saves wake-up latency.
	 * Meanwhile drivers are not asked to kick, so such a caller waits only by these
	 * functions, not by the descriptor of the server or of a queue.
	 * ns, at most VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT; 0: never.
	 */
	uint64_t poll_max_ns;
	/* With postcopy: wakes threads that wait for a page when the front-end has
	   disconnected (vhost/postcopy.h); borrowed; or NULL */
	struct vhost_user_postcopy_guard *postcopy_guard;
};

#define VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT 1000000u

/*
 * fd is a listening socket, whose clients are served one after another, or a connected
 * socket. The server duplicates it. When the peer of a connected socket disconnects,
 * dispatch returns -ECONNRESET. -EBUSY: the device has another server, which is unchanged.
 */
VIRTDEV_API int virtdev_vhost_user_server_new(
		const struct virtdev_vhost_user_server_config *config, int fd,
		struct virtdev_vhost_user_server **out,
		struct vsu_error *err) VSU_NODISCARD;

VIRTDEV_API int virtdev_vhost_user_server_fd(
		const struct virtdev_vhost_user_server *s);

/*
 * Does a bounded amount of work without blocking; call it when the server's descriptor
 * is readable. 1: more work is pending; 0: no work is pending; negative: the server has
 * failed. The descriptor remains readable after 1, so an event loop need not distinguish
 * 0 and 1.
 */
VIRTDEV_API int virtdev_vhost_user_server_dispatch(
		struct virtdev_vhost_user_server *s);

/*
 * Waits for the server or for fd (-1: none), at most timeout_ms (-1: no limit), and
 * dispatches. It saves one system call over a loop around dispatch. 1: fd is readable;
 * 0: call again; negative: the server has failed.
 */
VIRTDEV_API int virtdev_vhost_user_server_wait(
		struct virtdev_vhost_user_server *s, int fd, int timeout_ms)
	VSU_NODISCARD;

/* These functions for one queue, if threaded; call them on the queue's thread. */
VIRTDEV_API int virtdev_vhost_user_server_queue_fd(
		const struct virtdev_vhost_user_server *s, uint32_t queue);
VIRTDEV_API int virtdev_vhost_user_server_queue_dispatch(
		struct virtdev_vhost_user_server *s, uint32_t queue);
VIRTDEV_API int virtdev_vhost_user_server_queue_wait(
		struct virtdev_vhost_user_server *s, uint32_t queue, int fd,
		int timeout_ms) VSU_NODISCARD;

/*
 * Ends the session and accepts no other. -EAGAIN: queues are still draining; continue
 * to dispatch (also on the queues' threads) and call again until it returns 0.
 */
VIRTDEV_API int virtdev_vhost_user_server_stop(
		struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/*
 * True while the end of a session, or the stop of a ring, waits for requests in flight.
 * A waiting front-end is not served until the session has ended; a program may log a
 * long wait. Call it on the dispatch thread.
 */
VIRTDEV_API bool virtdev_vhost_user_server_is_draining(
		const struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/*
 * True if the server is draining and the front-end has disconnected: no front-end
 * receives the results. See virtdev_fs_detach(). Call it on the dispatch thread.
 */
VIRTDEV_API bool virtdev_vhost_user_server_is_disconnected(
		const struct virtdev_vhost_user_server *s) VSU_NODISCARD;

/* Call it after stop has returned 0 and the queues' threads have ended. */
VIRTDEV_API void virtdev_vhost_user_server_free(
		struct virtdev_vhost_user_server *s);

/*
 * A complete server for programs without a loop: listens at path and serves one
 * front-end after another with dev on this thread, until stop_fd is readable
 * (-1: never) and requests in flight have finished. Removes the socket at the
 * end. 0, or a negative errno as vsu_sock_listen() or dispatch.
 *
 * report gets a message for each rejected request of a front-end, for each
 * session that failed, and for each report of the device (it becomes the
 * device's virtdev_set_report()). Print it: front-ends rarely log why their
 * device does not work. NULL: no reports. A front-end cannot fill a log: after ten reports
 * in ten seconds, further ones are only counted, and one report has their number.
 */
VIRTDEV_API int virtdev_vhost_user_serve(struct virtdev *dev, const char *path,
		int stop_fd,
		void (*report)(void *opaque, struct virtdev *dev,
			       const struct vsu_error *what),
		void *opaque, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
