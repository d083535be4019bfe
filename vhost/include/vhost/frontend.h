/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The front-end side of vhost-user: one session with one back-end, for a VMM
 * or for any program that wants to use a device that somebody else serves.
 *
 * The session is a state machine that is driven by its descriptor. Calls
 * queue messages and return at once; answers arrive through the owner's ops
 * in the order of the calls. Messages of one call are written together and
 * their acknowledgements checked as they come, one by one.
 *
 *   NEGOTIATING  the handshake runs; ops->ready is called at its end
 *   READY        features are known; configuration may be read; memory and
 *                rings may be set
 *   STARTING     vhost_user_frontend_start() runs; ops->started at its end
 *   RUNNING      the back-end serves the rings
 *   STOPPING     vhost_user_frontend_stop() runs; ops->stopped at its end
 *   DEAD         the peer hung up, answered wrongly, or not in time;
 *                ops->failed was called, once; only free is left, and no
 *                memory is held any more
 *   AWAY         only with ops->connect: the back-end was lost. Connections
 *                are tried, and the handshake and the start are repeated, until
 *                ops->back says that there is one again. Memory and call
 *                descriptors may be set meanwhile, rings that ran may be
 *                stopped, and the device may then be reset; nothing else
 *
 * The user addresses that are sent are guest addresses plus a fixed base: no
 * pointer of this process leaves it. Nothing that the back-end writes is
 * trusted.
 *
 * Waiting: vhost_user_frontend_fd() is an epoll descriptor that never changes;
 * when it is readable, call vhost_user_frontend_dispatch(), which never
 * blocks.
 *
 * This part of the library knows nothing of virtqueues: rings are plain
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

/* Called from dispatch only, but for shmem. None may free the session. */
struct vhost_user_frontend_ops {
	size_t size;		/* sizeof(struct vhost_user_frontend_ops) */
	void (*ready)(void *opaque);
	void (*started)(void *opaque);
	/* bases[i]: where ring i stands, as vq_base(); n rings. */
	void (*stopped)(void *opaque, const uint32_t *bases, unsigned int n);
	/* Answer to get_config: len bytes at off, or len 0: refused. */
	void (*config)(void *opaque, uint32_t off, const void *buf,
		       uint32_t len);
	/* The back-end says that its configuration changed. */
	void (*config_changed)(void *opaque);
	/* The session is dead; err names the request and the peer. */
	void (*failed)(void *opaque, const struct vsu_error *err);
	/*
	 * A change of memory while RUNNING is complete. err NULL: the back-end
	 * has dropped what left the map. Otherwise it refused, and has the
	 * former map again.
	 */
	void (*memory)(void *opaque, const struct vsu_error *err);
	/*
	 * Something was refused and the session goes on; err names it. The
	 * back-end refused set_config, set_call or reset; or a request of the
	 * back-end was refused here, or its channel broke and is closed. A
	 * hostile back-end can cause any number of these: whoever writes them
	 * to a log has to limit the rate.
	 */
	void (*refused)(void *opaque, const struct vsu_error *err);
	/*
	 * Mappings in the device's shared memory regions come or go (shmem.h);
	 * each change gets its result here. Without it the device has no such
	 * regions. Called from reset and free too, for what they take away.
	 */
	void (*shmem)(void *opaque, struct vhost_user_shmem_change *changes,
		      unsigned int n);
	/*
	 * Makes a session that was READY once outlive its back-end: a new
	 * connection to who serves the device now, whose ownership moves to
	 * the session, or a negative errno. Called at once when the back-end is
	 * lost, and again after a pause. Must not block. A back-end that comes back has to offer all
	 * that the first one did; one that does not is refused, and the
	 * attempts go on. INFLIGHT_SHMFD is agreed on where it is offered.
	 */
	int (*connect)(void *opaque, struct vsu_error *err);
	/* The back-end is gone, for the reason in err; the session is AWAY. */
	void (*lost)(void *opaque, const struct vsu_error *err);
	/*
	 * A back-end is there again. Rings that ran are served from where the
	 * former one came to, unless rings_lost: without an in-flight area or
	 * the feature IN_ORDER (of split rings) nobody knows which requests it
	 * finished. Then the session is READY, and the driver has to be told
	 * that the device needs a reset.
	 */
	void (*back)(void *opaque, bool rings_lost);
	/*
	 * A change of the log while RUNNING is complete: from now on all that
	 * the back-end stores is marked, or nothing any more.
	 */
	void (*log)(void *opaque);
	/* The answer to open_session: its number, or a negative errno. */
	void (*session)(void *opaque, int64_t id);
	/*
	 * The answer to move_state: 0, or a negative errno. fd not -1: the
	 * back-end's own, borrowed, to be used in place of the one it was given:
	 * a pipe, a socket, memory or a file without a file server.
	 */
	void (*state_moves)(void *opaque, int result, int fd);
	/* The answer to check_state: 0, or a negative errno. */
	void (*state_moved)(void *opaque, int result);
	/* For what only some devices ask (frontend_device.h); copied; or NULL. */
	const struct vhost_user_frontend_device_ops *device;
};

struct vhost_user_frontend_config {
	size_t size;		/* sizeof(struct vhost_user_frontend_config) */
	const char *peer;	/* what sentences call it: the socket's path */
	uint64_t protocol_features; /* wanted; 0: all this library speaks but
				   GPA_ADDRESSES, which is to be named here */
	uint64_t required_protocol_features; /* or the handshake fails; with
				   one that no front-end of this library serves
				   (CROSS_ENDIAN), already the making */
	uint64_t timeout_ns;	/* longest wait for one answer, and for a stop
				   as a whole; 0: 10 seconds */
	uint64_t max_shmem;	/* bytes of all shared memory regions; 0: 2^40 */
	uint32_t max_shmem_maps; /* mappings in them at once; 0: 256 */
	struct vmem_sigbus *sigbus; /* table for what is mapped there */
	struct vsu_closer *closer; /* closes what the back-end sends, so that
				   nobody waits for it (foreign.h); or NULL */
	bool served_files;	/* the back-end may map files of FUSE and of
				   network file systems, whose server can stop
				   whoever touches them */
	uint64_t reconnect_ns;	/* the least time between two attempts to
				   connect; up to 32 times as long later;
				   0: 0.1 seconds; an hour at most */
	bool read_only_regions;	/* the back-end is told of ROM, too; see
				   vhost_user_frontend_set_memory() */
	uint32_t shmem_bit;	/* for tests with peers of former drafts: 20 or 21,
				   where those have SHMEM, in place of that
				   bit's meaning of today; 0: 22 */
	uint64_t max_shmem_mapped; /* bytes mapped in them at once; 0: as many
				   as they have room for */
};

/* A ring as the back-end is told about it. Frozen. */
struct vhost_user_ring {
	uint32_t size;
	uint32_t base;		/* where to go on, as vq_base(); at first
				   vq_initial_base(), which is 0 if split */
	uint64_t desc_gpa, driver_gpa, device_gpa;
	int kick_fd;		/* the back-end waits for it; -1: it polls */
	int call_fd;		/* the back-end signals it; -1: we poll */
	int err_fd;		/* or -1 */
};

/*
 * A session on a connected socket, whose ownership moves here on success; the
 * handshake begins.
 */
VHOST_USER_API int vhost_user_frontend_new_take_fd(int sock,
		const struct vhost_user_frontend_config *config,
		const struct vhost_user_frontend_ops *ops, void *opaque,
		struct vhost_user_frontend **out, struct vsu_error *err)
	VSU_NODISCARD;

/* At any time but from inside a callback. */
VHOST_USER_API void vhost_user_frontend_free(struct vhost_user_frontend *f);

VHOST_USER_API int vhost_user_frontend_fd(const struct vhost_user_frontend *f);

/*
 * 1: there is more, and the fd stays readable until it is done, so that a loop
 * may ignore this; 0: wait for the fd; negative: DEAD.
 */
VHOST_USER_API int vhost_user_frontend_dispatch(struct vhost_user_frontend *f);

/*
 * For programs without a loop: blocks and dispatches until everything that was
 * asked for so far is answered, the handshake, a start or a stop included. The
 * callbacks are called meanwhile. timeout_ns 0: as long as each answer may
 * take. Not from inside a callback.
 *
 *   0           all is answered; vhost_user_frontend_state() says the rest
 *   -ETIMEDOUT  not within timeout_ns; the session goes on
 *   other       DEAD, for the reason in err
 */
VHOST_USER_API int vhost_user_frontend_wait(struct vhost_user_frontend *f,
				       uint64_t timeout_ns,
				       struct vsu_error *err) VSU_NODISCARD;

/*
 * Ends the session for a reason of the owner's, also from inside a callback:
 * the next dispatch, which the fd asks for, calls ops->failed with why, and the
 * session is DEAD.
 */
VHOST_USER_API void vhost_user_frontend_fail(struct vhost_user_frontend *f,
					const struct vsu_error *why);

VHOST_USER_API enum vhost_user_frontend_state vhost_user_frontend_state(
		const struct vhost_user_frontend *f);

/* The back-end's offers and limits, and the agreed protocol features. From READY. */
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
 * Asks for configuration bytes; ops->config answers. -EOPNOTSUPP without the
 * protocol feature CONFIG. These and set_call are refused with -EAGAIN while
 * very many requests are unanswered.
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
 * The guest's memory: all regions of the map that are not ROM. The map is
 * referenced. Before start it is recorded; while RUNNING the difference is sent
 * and ops->memory answers.
 *
 * With config->read_only_regions, shared ROM with an fd is sent as well, with
 * descriptors that only allow reading, to back-ends with the protocol features
 * CONFIGURE_MEM_SLOTS and REPLY_ACK, as far as they have slots left. A device
 * there can read it, as the guest can, and write nothing. A back-end that
 * refuses is not asked again, which ops->refused tells once; but there are
 * some that end themselves because they cannot map it for writing, which is
 * why it has to be asked for. Those of this library take it.
 *
 *   -EINVAL  a region has no fd or is a private mapping, which is named; or it
 *            lies above the dirty log that is in force
 *   -ENOSPC  the back-end has too few slots
 *   -EFAULT  a ring that runs would no longer be in memory
 *   -EBUSY   another change, a start or a stop is under way
 */
VHOST_USER_API int vhost_user_frontend_set_memory(struct vhost_user_frontend *f,
					     struct vmem_map *map,
					     struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Describes ring index (below 256); the fds are duplicated. In READY. How many
 * rings the device has is the owner's to know: what a back-end says by
 * vhost_user_frontend_queue_num() is pairs of rings for some, rings for others.
 */
VHOST_USER_API int vhost_user_frontend_set_ring(struct vhost_user_frontend *f,
					   uint32_t index,
					   const struct vhost_user_ring *ring,
					   struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Starts all described rings with these device features (without the
 * protocol's own bits), a subset of what was offered. Each ring's kick
 * descriptor is signalled once.
 *
 *   -EINVAL  no ring was described, or features that were not offered
 *   -EFAULT  a ring that lies in no memory
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
 * Stops all rings; the back-end finishes what it fetched. Their descriptions
 * stay, with the base where each stopped, for the next start. While RUNNING.
 */
VHOST_USER_API int vhost_user_frontend_stop(struct vhost_user_frontend *f,
				       struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Back to the initial state of the device: features, rings and what is mapped
 * in its shared memory regions are forgotten, memory stays. In READY. A
 * back-end that has no message for it is not told: to it, stopped rings that
 * start anew are all there is.
 */
VHOST_USER_API int vhost_user_frontend_reset(struct vhost_user_frontend *f,
					struct vsu_error *err)
	VSU_NODISCARD;

VSU_END_DECLS

#endif
