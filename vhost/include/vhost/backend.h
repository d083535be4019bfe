/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end side of vhost-user: one session with one front-end.
 *
 * The session implements the protocol, keeps the guest's memory as a vmem_space
 * and its rings as virtqueues, and notifies its owner when a ring may be served
 * and when it must not be used. It depends on no device: operations of the
 * owner implement the device's part.
 *
 *   run      a ring is started and enabled, and its areas are mapped: serve it
 *            immediately, then whenever its kick descriptor is readable
 *   quiesce  stop using rings, because a message is about to change their
 *            state or memory. The owner answers with vhost_user_backend_done().
 *            Then the message takes effect, its reply is sent, and run is
 *            called again for rings that may still be served
 *   drain    a quiesce that also requires that all popped chains are pushed
 *            and published before the answer
 *   gone     the session has ended, nothing is outstanding: it may be freed
 *
 * While a quiesce is unanswered, the session reads no further message of the
 * front-end and makes no second quiesce call. A single-threaded owner answers
 * inside the callback. quiesce is called for running rings only. Exception: if a
 * ring was quiesced without drain, a later message can require its drain.
 *
 * Messages: a malformed or illegal message is refused. It changes nothing, and
 * the session continues. The refusal is a negative acknowledgement if one was
 * requested, or an empty reply if the message has a reply of its own. The session
 * ends if the boundaries of messages are lost, if the peer stalls, and at the
 * 16th message with unexpected descriptors. A started and enabled ring waits
 * while its memory or addresses are missing or invalid, or after its size, base
 * or addresses were refused. ops->refused reports refused messages and waiting
 * rings to the owner.
 *
 * Behind an IOMMU (config->iotlb_entries, ACCESS_PLATFORM) ring addresses are
 * I/O addresses. The session stores translations of the front-end, and requests
 * missing ones over the back-end channel. No thread blocks: a ring starts when its
 * own areas are mapped, and a chain with an unmapped address stays
 * in the ring until run is called again. The owner only reports a miss by
 * vhost_user_backend_missed() of backend_device.h. Rings are drained before an
 * invalidation is acknowledged. When the table of translations is full, all are
 * dropped, and requested again when needed.
 *
 * Waiting: vhost_user_backend_fd() is an epoll descriptor that never changes.
 * When it is readable, call vhost_user_backend_dispatch(), which never blocks
 * and does a bounded amount of work. It does not include kick descriptors:
 * these belong to the thread that serves the ring.
 *
 * Threads: the session is confined to the thread that dispatches. Between run
 * and the answer to quiesce, a ring's virtqueue and vhost_user_backend_call()
 * belong to the thread that serves the ring. vhost_user_backend_done() may be
 * called from any thread, and vhost_user_backend_shmem_post() from the threads
 * of rings.
 */
#ifndef VHOST_BACKEND_H
#define VHOST_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <virtio-queue/queue.h>
#include <vm-memory/sigbus.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_backend;

/* In place of a ring index: all rings in quiesce, no particular ring in refused. */
#define VHOST_USER_ALL_RINGS UINT32_MAX

/* In place of a request: not a message of the front-end. */
#define VHOST_USER_NO_REQUEST 0u

/*
 * Operations of the owner, called from dispatch and close on the session's thread. run,
 * quiesce and gone are required; another NULL: the device does not support it. If an operation returns a
 * negative errno, the message is refused and changes nothing.
 */
struct vhost_user_backend_ops {
	size_t size;		/* sizeof(struct vhost_user_backend_ops) */

	/* The driver's features, a subset of the offered ones. */
	int (*set_features)(void *opaque, uint64_t features);

	/*
	 * Read or write len bytes of the configuration at off, within
	 * config_size. migration: written by a migration, not by the driver.
	 */
	int (*get_config)(void *opaque, uint32_t off, void *buf, uint32_t len);
	int (*set_config)(void *opaque, uint32_t off, const void *buf,
			  uint32_t len, bool migration);

	/* See above. quiesce: ring may be VHOST_USER_ALL_RINGS. */
	void (*run)(void *opaque, uint32_t ring);
	void (*quiesce)(void *opaque, uint32_t ring, bool drain,
			uint64_t token);

	/* Resets the device to its initial state; all rings are quiet. */
	void (*reset)(void *opaque);

	/* The VIRTIO status byte, as a hint only. */
	void (*set_status)(void *opaque, uint8_t status);

	/*
	 * The session has ended with err; code -ECONNRESET: the peer
	 * disconnected normally. May free the session.
	 */
	void (*gone)(void *opaque, const struct vsu_error *err);

	/*
	 * Result of vhost_user_backend_shmem_map() or _unmap(): 0, -EREMOTEIO
	 * or -ECANCELED (see shmem.h). Required for shared memory regions.
	 * vhost_user_backend_close() may also call it.
	 */
	void (*shmem_result)(void *opaque, uint64_t cookie, int result);

	/*
	 * A message was refused, or a ring waits. err contains a sentence and,
	 * if one is known, the remedy. Its code is -EBADMSG for malformed data,
	 * -EPROTO for an illegal state, -EINVAL for an invalid request that
	 * another thread posted, else the error of the host or of the owner.
	 *
	 *   a message of the front-end was refused: request is the message's
	 *   number, such as VHOST_USER_SET_VRING_NUM; ring is the ring that the
	 *   message names, or VHOST_USER_ALL_RINGS
	 *
	 *   a started and enabled ring cannot run: VHOST_USER_NO_REQUEST and the
	 *   ring; reported once per cause, until the ring runs
	 *
	 *   the back-end channel or a request on it failed:
	 *   VHOST_USER_NO_REQUEST and VHOST_USER_ALL_RINGS
	 *
	 * The session continues. A hostile front-end can cause any number of
	 * reports, so limit the rate of log lines. Must not close or free the
	 * session.
	 */
	void (*refused)(void *opaque, uint32_t request, uint32_t ring,
			const struct vsu_error *err);

	/*
	 * Network devices. announce: the guest has migrated here and does not
	 * announce itself; the device sends a RARP frame from mac, 6 bytes.
	 * set_mtu: the MTU that the driver sees.
	 */
	int (*announce)(void *opaque, const unsigned char *mac);
	int (*set_mtu)(void *opaque, uint16_t mtu);

	/*
	 * Crypto devices: opens a session with the algorithms and keys in
	 * parameters, formatted as struct vhost_user_crypto_session (its
	 * pointers are invalid). *id: number of the session, 0 or more.
	 */
	int (*open_session)(void *opaque, uint64_t op_code,
			    const void *parameters, uint32_t len, int64_t *id);
	int (*close_session)(void *opaque, uint64_t id);

	/* The GPU's socket to the display; the owner closes it, on success. */
	int (*take_gpu_socket)(void *opaque, int fd);

	/*
	 * Exports the object with this UUID of 16 bytes; *fd moves to the
	 * session.
	 */
	int (*get_shared_object)(void *opaque, const unsigned char *uuid,
				 int *fd);

	/*
	 * Starts to save the device's state to fd, or to load it from fd,
	 * usually a pipe. Called while no ring is started. On success the owner
	 * closes fd at the end of the stream. The transfer must not block the
	 * session's thread.
	 *
	 * check_state requests the result, which the owner reports by
	 * vhost_user_backend_state_done(). No message is read until then.
	 */
	int (*take_state_fd)(void *opaque, bool load, int fd);
	void (*check_state)(void *opaque, uint64_t token);

	/*
	 * Result of a request of backend_device.h, with its cookie. fd: the
	 * object that a lookup found, which the owner closes; else -1.
	 * vhost_user_backend_close() may also call it.
	 */
	void (*answered)(void *opaque, uint64_t cookie, int result, int fd);

	/*
	 * The front-end stops a ring without draining. Called after a quiesce
	 * without drain, with the virtqueue disabled. The owner cancels popped
	 * requests and pushes their chains. The push only frees a chain here: the
	 * in-flight area still lists its request, and the next back-end executes
	 * it again. Do not access guest memory after the return.
	 */
	void (*park)(void *opaque, uint32_t ring);

	/*
	 * Postcopy migration. on true: the front-end starts it; a negative errno
	 * refuses. on false: all memory has arrived, or the session ends. In
	 * between, any thread that accesses a page of the guest, including the
	 * one in dispatch, waits until the front-end has provided it: postcopy.h.
	 * Requires a userfaultfd (CAP_SYS_PTRACE or /dev/userfaultfd), else the
	 * session refuses. A session with this operation does not offer
	 * CONFIGURE_MEM_SLOTS.
	 */
	int (*postcopy)(void *opaque, bool on);
	/* Memory that the replacement of this process receives, see backend_device.h. */
	void (*kept)(void *opaque, void *bytes, size_t len);
};

struct vhost_user_backend_config {
	size_t size;		/* sizeof(struct vhost_user_backend_config) */
	uint64_t features;	/* of the device, offered to the driver; protocol bits are added */
	uint64_t protocol_features; /* offered, as far as the library and the ops support them; 0: all
				       supported except GPA_ADDRESSES and INBAND_NOTIFICATIONS */
	uint32_t nrings;	/* 1..256 */
	uint32_t queue_size_max;	/* maximum size of a ring; 0: 32768 */
	uint32_t max_chain;	/* see vq_config; 0: the ring's size */
	uint32_t config_size;	/* length of the configuration space */
	uint32_t max_slots;	/* maximum number of memory slots; 0: 509 */
	uint64_t max_memory;	/* sum of all regions; 0: no limit */
	uint64_t stall_ns;	/* time-out for a peer that stops inside a message or does not read
				   replies; 0: 5 seconds */
	struct vmem_sigbus *sigbus; /* table in which the session registers its mappings */
	const uint64_t *shmem_sizes; /* length of each shared memory region, by shmid; 0: does not
				        exist; copied */
	uint32_t nshmem;	/* length of that array, up to 256 */
	struct vsu_closer *closer; /* closes descriptors of the front-end, so that no thread blocks
				      (foreign.h); or NULL */
	bool served_files;	/* accept memory in files on FUSE and network file systems, whose
				   server can block this process */
	uint32_t shmem_bit;	/* bit of SHMEM in older drafts, 20 or 21, for tests; 0: 22 */
	uint32_t iotlb_entries;	/* number of translations, up to 65536; 0: do not offer
				   ACCESS_PLATFORM */
	struct vhost_user_postcopy_guard *postcopy_guard; /* borrowed; or NULL */
	uint32_t kept_size;	/* bytes of that memory; 0: none */
};

/*
 * Creates a session on a connected socket, which it owns on success. ops and
 * config are copied.
 */
VHOST_USER_API int vhost_user_backend_new_take_fd(int sock,
		const struct vhost_user_backend_config *config,
		const struct vhost_user_backend_ops *ops, void *opaque,
		struct vhost_user_backend **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Ends the session: drains running rings through quiesce, then calls gone
 * (within this call if every answer is given inside the callback).
 */
VHOST_USER_API void vhost_user_backend_close(struct vhost_user_backend *b);

/* Frees a session after gone. */
VHOST_USER_API void vhost_user_backend_free(struct vhost_user_backend *b);

VHOST_USER_API int vhost_user_backend_fd(const struct vhost_user_backend *b);

/*
 * Handles available events. 1: more work is left, and the fd stays readable, so
 * a loop may ignore this result; 0: wait for the fd; a negative errno: the
 * session has ended, and gone was or will be called. gone may have freed the
 * session in this case.
 */
VHOST_USER_API int vhost_user_backend_dispatch(struct vhost_user_backend *b);

/* Answers quiesce. Any thread, also inside the callback. */
VHOST_USER_API void vhost_user_backend_done(struct vhost_user_backend *b,
				       uint64_t token);

/*
 * Answers check_state: 0, or a negative errno. Any thread, also inside the
 * callback.
 */
VHOST_USER_API void vhost_user_backend_state_done(struct vhost_user_backend *b,
					     uint64_t token, int result);

/* The ring's virtqueue, borrowed; valid as long as the session. */
VHOST_USER_API struct vq *vhost_user_backend_vq(struct vhost_user_backend *b,
					   uint32_t ring);

/*
 * The ring's kick descriptor, borrowed, from run to the answer to quiesce (or
 * longer: vhost_user_backend_keep_kick()); drain it by vsu_event_drain(). -1:
 * the ring must be polled. With INBAND_NOTIFICATIONS it may be the session's
 * own eventfd.
 */
VHOST_USER_API int vhost_user_backend_kick_fd(const struct vhost_user_backend *b,
					 uint32_t ring);

/* Notifies the driver of used buffers. On the ring's thread. */
VHOST_USER_API void vhost_user_backend_call(struct vhost_user_backend *b,
				       uint32_t ring);

/* Reports a broken ring to the front-end (once). On the ring's thread. */
VHOST_USER_API void vhost_user_backend_ring_error(struct vhost_user_backend *b,
					     uint32_t ring);

/* The features negotiated so far. */
VHOST_USER_API uint64_t vhost_user_backend_features(
		const struct vhost_user_backend *b);

/*
 * True if the front-end truncated a file of guest memory, the dirty log or the
 * in-flight area (vm-memory/sigbus.h). Stores there are lost, so close the
 * session. Call it when the descriptor of the SIGBUS table is readable.
 */
VHOST_USER_API bool vhost_user_backend_memory_failed(
		const struct vhost_user_backend *b);

/*
 * True when the session is ending, because the front-end has disconnected, the session
 * has failed, or it was closed: results of drained requests reach no front-end.
 */
VHOST_USER_API bool vhost_user_backend_is_ending(
		const struct vhost_user_backend *b);

/*
 * The configuration changed: notifies the front-end, if a back-end channel
 * exists and a ring runs. One message may report several changes.
 */
VHOST_USER_API int vhost_user_backend_config_changed(struct vhost_user_backend *b);

VSU_END_DECLS

#endif
