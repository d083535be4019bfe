/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end side of vhost-user: one session with one back-end, for a VMM or
 * any other program that uses a device served by another process.
 *
 * The session is a state machine driven by its descriptor. Calls queue messages
 * and return immediately; replies arrive through the owner's ops in the order
 * of the calls. Messages of one call are sent together, and each
 * acknowledgement is checked on arrival.
 *
 *   NEGOTIATING  handshake in progress; ops->ready is called at its end
 *   READY        features are known; configuration may be read; memory and
 *                rings may be set
 *   STARTING     after vhost_user_frontend_start(); ops->started at its end
 *   RUNNING      the back-end serves the rings
 *   STOPPING     after vhost_user_frontend_stop(); ops->stopped at its end
 *   DEAD         the peer disconnected, sent an invalid reply, or timed out;
 *                ops->failed was called, once; memory is released, and only
 *                free is possible
 *   AWAY         only with ops->connect: the back-end has disconnected.
 *                Connection, handshake and start are repeated until ops->back
 *                reports success. Allowed meanwhile: set memory and call
 *                descriptors, stop the rings that ran, reset the device after
 *                that stop
 *
 * User addresses are guest addresses plus a fixed base, never pointers of this
 * process. Data from the back-end is not trusted.
 *
 * Waiting: when vhost_user_frontend_fd(), an epoll descriptor that never changes, is readable, call
 * vhost_user_frontend_dispatch(), which never blocks and ignores what the owner adds to the fd.
 *
 * This part of the library does not depend on virtqueues: rings are plain
 * descriptions.
 *
 * Threads: confined to one thread.
 */
#ifndef VHOST_FRONTEND_H
#define VHOST_FRONTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_frontend;
struct vhost_user_frontend_device_ops;
struct vhost_user_shmem_change;
struct vmem_sigbus;
struct vsu_closer;

enum vhost_user_frontend_state {
	VHOST_USER_FRONTEND_NEGOTIATING,
	VHOST_USER_FRONTEND_READY,
	VHOST_USER_FRONTEND_STARTING,
	VHOST_USER_FRONTEND_RUNNING,
	VHOST_USER_FRONTEND_STOPPING,
	VHOST_USER_FRONTEND_DEAD,
	VHOST_USER_FRONTEND_AWAY,
};

/* Called only from dispatch, except shmem. Must not free the session. */
struct vhost_user_frontend_ops {
	size_t size;		/* sizeof(struct vhost_user_frontend_ops) */
	void (*ready)(void *opaque);
	void (*started)(void *opaque);
	/*
	 * bases[i]: the position of ring i, as vq_base(); n rings. If the back-end was lost
	 * before the stop was complete: that of the used ring if this session can read it,
	 * else that of the last start; requests in flight continue only in this session.
	 */
	void (*stopped)(void *opaque, const uint32_t *bases, unsigned int n);
	/* Result of get_config: len bytes at off; len 0: refused. */
	void (*config)(void *opaque, uint32_t off, const void *buf,
		       uint32_t len);
	/* The back-end reports a change of its configuration. */
	void (*config_changed)(void *opaque);
	/* The session is DEAD; err names the request and the peer. */
	void (*failed)(void *opaque, const struct vsu_error *err);
	/*
	 * A change of memory while RUNNING is complete. err NULL: the back-end
	 * has released the removed regions. Else the back-end has refused the
	 * change, and uses the previous map again.
	 */
	void (*memory)(void *opaque, const struct vsu_error *err);
	/*
	 * A request was refused, and the session continues; err names it. Either
	 * the back-end refused set_config, a kept write, set_call or reset; or
	 * this session refused a request of the back-end, closed its failed
	 * channel, or did not send ROM. A hostile back-end can cause any number of reports, so limit
	 * the rate of log lines.
	 */
	void (*refused)(void *opaque, const struct vsu_error *err);
	/*
	 * Mappings are added to or removed from the device's shared memory
	 * regions (shmem.h); set each change's result. Required for such
	 * regions. Also called from reset and free, which remove all mappings.
	 */
	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
		      unsigned int n);
	/*
	 * Reconnects after a disconnection in READY or a later state; NULL: a disconnection
	 * ends the session. Returns a socket connected to the replacement back-end, which
	 * moves to the session, or a negative errno. Called immediately after a
	 * disconnection, then after pauses. Must not block. A replacement that does not
	 * offer everything that the first back-end offered is refused, and attempts
	 * continue. INFLIGHT_SHMFD is negotiated if offered.
	 */
	int (*connect)(void *opaque, struct vsu_error *err);
	/* The back-end has disconnected, for the reason in err; the session is AWAY. */
	void (*lost)(void *opaque, const struct vsu_error *err);
	/*
	 * A replacement back-end is connected. Rings that ran continue where the previous
	 * one stopped, unless rings_lost: without an in-flight area or IN_ORDER (split
	 * rings) the completed requests are unknown. Then the session is READY, and the
	 * device requires a reset by the driver.
	 */
	void (*back)(void *opaque, bool rings_lost);
	/*
	 * A change of the dirty log while RUNNING is complete: the back-end logs
	 * all of its stores from now on, or no longer logs.
	 */
	void (*log)(void *opaque);
	/* Result of open_session: its number, or a negative errno. */
	void (*session)(void *opaque, int64_t id);
	/*
	 * Result of move_state: 0, or a negative errno. If fd is not -1, the
	 * back-end sent this descriptor, borrowed, to be used instead of the one
	 * passed to move_state. It is a pipe, a socket, memory or a local file.
	 * Bytes that are queued in a socket after this call are discarded, also for a
	 * duplicate of it.
	 */
	void (*state_moves)(void *opaque, int result, int fd);
	/* Result of check_state: 0, or a negative errno. */
	void (*state_moved)(void *opaque, int result);
	/*
	 * Operations of particular devices (frontend_device.h), copied; or
	 * NULL.
	 */
	const struct vhost_user_frontend_device_ops *device;
};

struct vhost_user_frontend_config {
	size_t size;		/* sizeof(struct vhost_user_frontend_config) */
	const char *peer;	/* name in messages: the socket's path */
	uint64_t protocol_features; /* requested; 0: all that ops permit, but those that must be
				       named: docs/vhost-user.md has the table. Named
				       INFLIGHT_SHMFD requires no ops->connect */
	uint64_t required_protocol_features; /* the handshake fails if the back-end lacks one; the
					        creation fails if this library does (CROSS_ENDIAN) */
	uint64_t timeout_ns;	/* time-out of each reply, and of a stop; 0: 10 seconds */
	uint64_t max_shmem;	/* total length of shared memory regions; 0: 2^40 */
	uint32_t max_shmem_maps; /* maximum number of mappings in them; 0: 256 */
	struct vmem_sigbus *sigbus; /* table of mappings in them */
	struct vsu_closer *closer; /* closes descriptors of the back-end, so that no thread blocks
				      (foreign.h); or NULL */
	bool served_files;	/* accept mappings of files on FUSE and network file systems, whose
				   server can block a thread that accesses them */
	uint64_t reconnect_ns;	/* first pause between attempts to connect; later up to 32 times as
				   long; 0: 0.1 seconds; maximum: one hour */
	bool read_only_regions;	/* announce ROM, too; see vhost_user_frontend_set_memory() */
	uint32_t shmem_bit;	/* bit of SHMEM in older drafts, 20 or 21, for tests; 0: 22 */
	uint64_t max_shmem_mapped; /* total length of mappings; 0: length of the regions */
};

/* A ring as the back-end receives it. Fixed layout. */
struct vhost_user_ring {
	uint32_t size;
	uint32_t base;		/* start position, as vq_base(); initially vq_initial_base(), which
				   is 0 if split */
	uint64_t desc_gpa, driver_gpa, device_gpa;
	int kick_fd;		/* signalled by the driver; -1: the back-end polls */
	int call_fd;		/* signalled by the back-end; -1: the driver polls */
	int err_fd;		/* or -1 */
};

/*
 * Creates a session on a connected socket, which it owns on success, and starts
 * the handshake.
 */
VHOST_USER_API int vhost_user_frontend_new_take_fd(int sock,
		const struct vhost_user_frontend_config *config,
		const struct vhost_user_frontend_ops *ops, void *opaque,
		struct vhost_user_frontend **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Call it at any time, except inside a callback. */
VHOST_USER_API void vhost_user_frontend_free(struct vhost_user_frontend *f);

VHOST_USER_API int vhost_user_frontend_fd(const struct vhost_user_frontend *f);

/*
 * 1: more work is left, and the fd stays readable, so a loop may ignore this
 * result; 0: wait for the fd; negative: DEAD.
 */
VHOST_USER_API int vhost_user_frontend_dispatch(struct vhost_user_frontend *f);

/*
 * For programs without a loop: blocks and dispatches until all requests so far
 * are answered, including handshake, start and stop. Callbacks are called
 * meanwhile. timeout_ns 0: until each reply times out. Not inside a callback.
 * Fastest with timeout_ns 0 and without the protocol feature BACKEND_REQ (see
 * protocol_features): it then waits in the read of the reply, without a poll().
 *
 *   0           all are answered; see vhost_user_frontend_state()
 *   -ETIMEDOUT  not within timeout_ns; the session continues
 *   other       DEAD, for the reason in err
 */
VHOST_USER_API int vhost_user_frontend_wait(struct vhost_user_frontend *f,
				       uint64_t timeout_ns,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Fails the session for a reason of the owner, also inside a callback: the fd
 * becomes readable, the next dispatch calls ops->failed with why, and the
 * session is DEAD.
 */
VHOST_USER_API void vhost_user_frontend_fail(struct vhost_user_frontend *f,
					const struct vsu_error *why);

VHOST_USER_API enum vhost_user_frontend_state vhost_user_frontend_state(
		const struct vhost_user_frontend *f);

/* Offers and limits of the back-end, and negotiated features. From READY. */
VHOST_USER_API uint64_t vhost_user_frontend_features(
		const struct vhost_user_frontend *f);
VHOST_USER_API uint64_t vhost_user_frontend_offered_protocol_features(
		const struct vhost_user_frontend *f);
VHOST_USER_API uint64_t vhost_user_frontend_protocol_features(
		const struct vhost_user_frontend *f);
VHOST_USER_API uint32_t vhost_user_frontend_queue_num(
		const struct vhost_user_frontend *f);
VHOST_USER_API uint32_t vhost_user_frontend_max_mem_slots(
		const struct vhost_user_frontend *f);

/*
 * Request or set configuration bytes; ops->config reports the requested ones.
 * -EOPNOTSUPP without the protocol feature CONFIG. These functions, set_call and
 * reset return -EAGAIN while too many requests are unanswered.
 */
VHOST_USER_API int vhost_user_frontend_get_config(struct vhost_user_frontend *f,
					     uint32_t off, uint32_t len,
					     struct vsu_error *err)
	VSU_NODISCARD;
VHOST_USER_API int vhost_user_frontend_set_config(struct vhost_user_frontend *f,
					     uint32_t off, const void *buf,
					     uint32_t len, bool migration,
					     struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Sets the guest's memory: all regions of the map that are not ROM. The map is
 * referenced. Before start it is stored; while RUNNING the difference is sent,
 * and ops->memory reports the result. If a region of the new map differs from the old
 * one only by its dirty bitmap, it is not sent again.
 *
 * With config->read_only_regions, shared ROM with an fd is sent too, by
 * read-only descriptors, if CONFIGURE_MEM_SLOTS and REPLY_ACK are negotiated
 * and slots are left. The device can read it and not write it. If the back-end refuses
 * ROM, or this process cannot open its file for reading, as in a sandbox, ops->refused
 * reports this once, and it is not sent. Off by default, because some back-ends end if
 * they cannot map memory writable. Back-ends made with this library support it.
 *
 *   -EINVAL  a region, which is named, has no fd or is a private mapping; or it
 *            is beyond the end of the dirty log
 *   -ENOSPC  the back-end has too few slots
 *   -EFAULT  a running ring would be outside the memory
 *   -EBUSY   another change, a start or a stop is in progress
 */
VHOST_USER_API int vhost_user_frontend_set_memory(struct vhost_user_frontend *f,
					     struct vmem_map *map,
					     struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Describes the ring with this index (below 256); the fds are duplicated. In
 * READY. The device determines the number of rings. Do not derive it from
 * vhost_user_frontend_queue_num(): some back-ends count pairs of rings. A ring of the same size,
 * addresses and reported position continues requests that a lost back-end left, except after reset.
 */
VHOST_USER_API int vhost_user_frontend_set_ring(struct vhost_user_frontend *f,
					   uint32_t index,
					   const struct vhost_user_ring *ring,
					   struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts all described rings with these device features (without protocol
 * bits), a subset of the offered ones. Each ring's kick descriptor is signalled
 * once.
 *
 *   -EINVAL  no ring was described, or features that were not offered
 *   -EFAULT  a ring is outside the memory
 *   -EPROTO  not READY
 */
VHOST_USER_API int vhost_user_frontend_start(struct vhost_user_frontend *f,
					uint64_t features,
					struct vsu_error *err)
	VSU_NODISCARD;

/* Replaces the call descriptor of a ring, also while RUNNING. */
VHOST_USER_API int vhost_user_frontend_set_call(struct vhost_user_frontend *f,
					   uint32_t index, int call_fd,
					   struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Stops all rings; the back-end completes requests in flight. Descriptions are
 * kept for the next start, with the position of each ring. While RUNNING.
 */
VHOST_USER_API int vhost_user_frontend_stop(struct vhost_user_frontend *f,
				       struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Resets the device: features, rings and mappings in its shared memory regions
 * are dropped, memory is kept. In READY. A back-end without a message for this
 * is not notified: for it, a reset equals a stop and a start.
 */
VHOST_USER_API int vhost_user_frontend_reset(struct vhost_user_frontend *f,
					struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
