/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The back-end side of vhost-user: one session with one front-end.
 *
 * The session speaks the protocol, keeps the guest's memory as a vmem_space
 * and its rings as virtqueues, and tells its owner when a ring may be served
 * and when it must be left alone. It knows no device: what depends on one is
 * asked through the owner's ops.
 *
 *   run      a ring is started, enabled and in memory: look at it at once,
 *            then whenever its kick descriptor is readable
 *   quiesce  leave rings alone, because a message is about to change what
 *            their thread reads. The owner answers with
 *            vhost_user_backend_done(); the message takes effect after that,
 *            its reply is sent, and run is called again for rings that may
 *            still be served
 *   drain    a quiesce that also asks for every chain popped so far to be
 *            pushed and published before the answer
 *   gone     the session has ended, nothing is outstanding: it may be freed
 *
 * While a quiesce is unanswered no further message of the front-end is read,
 * and no other question is asked. With everything on one thread the answer is
 * given inside the callback. Asked are rings that were told to run; to drain,
 * also those that were left alone since without draining.
 *
 * Messages: a malformed or illegal one is refused, with the protocol's negative
 * acknowledgement where one was asked for, and with an answer without payload
 * where the message has an answer of its own; nothing changes, and the session
 * goes on. It ends when the stream cannot be followed any more, when the peer
 * stalls, and at the 16th message with descriptors that it does not take.
 * A ring that is started and enabled and cannot run yet (its memory or its
 * addresses are missing or wrong, or its size, base or addresses were refused)
 * waits, and runs when it can. The owner hears of refusals and of rings that
 * wait through refused.
 *
 * Behind an IOMMU (config->iotlb_entries, ACCESS_PLATFORM) addresses of rings are
 * I/O addresses. The session keeps what the front-end says about them and asks it
 * for more over the back-end channel. Nobody waits: a ring whose own areas are not
 * known starts later, and a chain at such an address stays in the ring until run
 * is called again; the owner only says so by vhost_user_backend_missed() of
 * backend_device.h. Entries that are invalidated are used no more when the
 * front-end has its answer: rings are drained first. Of too many entries all are
 * forgotten, and asked for again.
 *
 * Waiting: vhost_user_backend_fd() is an epoll descriptor that never changes;
 * when it is readable, call vhost_user_backend_dispatch(), which never blocks
 * and does a bounded amount of work. Kick descriptors are not in it: they are
 * for the thread that serves the ring.
 *
 * Threads: the session is confined to one thread (the one that dispatches).
 * Between run and the answer to quiesce, a ring's virtqueue and
 * vhost_user_backend_call() of it belong to the thread that serves the ring.
 * vhost_user_backend_done() may be called from any thread, and
 * vhost_user_backend_shmem_post() by the threads of rings.
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

/* In place of a ring index: all rings, or none in particular. */
#define VHOST_USER_ALL_RINGS UINT32_MAX

/* In place of a request: none of the front-end's messages. */
#define VHOST_USER_NO_REQUEST 0u

/*
 * Operations of the owner. All are called on the session's thread, from dispatch
 * only. NULL means that the device lacks it. A negative answer refuses the
 * message (the front-end gets a nack where it asked) and changes nothing.
 */
struct vhost_user_backend_ops {
	size_t size;		/* sizeof(struct vhost_user_backend_ops) */

	/* The driver's features, a subset of what is offered. */
	int (*set_features)(void *opaque, uint64_t features);

	/* len bytes of configuration at off; both lie within config_size. */
	int (*get_config)(void *opaque, uint32_t off, void *buf, uint32_t len);
	int (*set_config)(void *opaque, uint32_t off, const void *buf,
			  uint32_t len, bool migration);

	/* See above. ring may be VHOST_USER_ALL_RINGS for quiesce. */
	void (*run)(void *opaque, uint32_t ring);
	void (*quiesce)(void *opaque, uint32_t ring, bool drain,
			uint64_t token);

	/* The device returns to its initial state; all rings are quiet. */
	void (*reset)(void *opaque);

	/* The VIRTIO status byte that the front-end set; a hint only. */
	void (*set_status)(void *opaque, uint8_t status);

	/*
	 * The session ended: err says why; code -ECONNRESET is the ordinary
	 * hang-up of the peer. May free the session.
	 */
	void (*gone)(void *opaque, const struct vsu_error *err);

	/*
	 * The answer to vhost_user_backend_shmem_map() or _unmap(): 0,
	 * -EREMOTEIO or -ECANCELED (see shmem.h). Needed for shared memory
	 * regions. May also be called by vhost_user_backend_close().
	 */
	void (*shmem_result)(void *opaque, uint64_t cookie, int result);

	/*
	 * Something was refused, or a ring waits, and nothing else would tell a
	 * person why: err has the sentence and, where there is one, the remedy.
	 * Its code is -EBADMSG for malformed data, -EPROTO for what is illegal
	 * now, -EINVAL for a request of the owner's that another thread made,
	 * and else that of the host or of the owner's own refusal.
	 *
	 *   a message of the front-end was refused: request is its number
	 *   (VHOST_USER_SET_VRING_NUM), ring the ring that it names, or
	 *   VHOST_USER_ALL_RINGS
	 *
	 *   a ring that is started and enabled cannot run: VHOST_USER_NO_REQUEST
	 *   and the ring; told once per cause, until the ring runs
	 *
	 *   the back-end channel or a request on it failed:
	 *   VHOST_USER_NO_REQUEST and VHOST_USER_ALL_RINGS
	 *
	 * The session goes on. A hostile front-end can cause any number of
	 * these: whoever writes them to a log has to limit the rate. Must not
	 * close or free the session.
	 */
	void (*refused)(void *opaque, uint32_t request, uint32_t ring,
			const struct vsu_error *err);

	/*
	 * Network devices. announce: the guest has moved here and does not say
	 * so itself; the device sends a RARP frame from its address, 6 bytes.
	 * set_mtu: the largest frame that the guest is told of.
	 */
	int (*announce)(void *opaque, const unsigned char *mac);
	int (*set_mtu)(void *opaque, uint16_t mtu);

	/*
	 * Crypto devices: a session of the algorithms and keys in parameters,
	 * as struct vhost_user_crypto_session has them (pointers among them
	 * mean nothing). *id is its number, 0 or more.
	 */
	int (*open_session)(void *opaque, uint64_t op_code,
			    const void *parameters, uint32_t len, int64_t *id);
	int (*close_session)(void *opaque, uint64_t id);

	/* A GPU's socket to who displays; it moves to the owner on success. */
	int (*take_gpu_socket)(void *opaque, int fd);

	/* The object with this name of 16 bytes; *fd moves to the session. */
	int (*get_shared_object)(void *opaque, const unsigned char *uuid,
				 int *fd);

	/*
	 * State that moves to another back-end, or comes from one, through fd
	 * (a pipe as a rule; it moves to the owner on success). No ring is
	 * started. The transfer goes on after the return, up to the end of the
	 * stream, and must not block the session's thread.
	 *
	 * check_state asks how it went; vhost_user_backend_state_done() says
	 * so when it is finished. Nothing is read of the front-end until then.
	 */
	int (*take_state_fd)(void *opaque, bool load, int fd);
	void (*check_state)(void *opaque, uint64_t token);

	/*
	 * The answer to a request of backend_device.h, with its cookie. fd: the
	 * object of a lookup, which moves to the owner; or -1. May also be
	 * called by vhost_user_backend_close().
	 */
	void (*answered)(void *opaque, uint64_t cookie, int result, int fd);

	/*
	 * The front-end stops a ring without having it drained: after a quiesce
	 * that asked for no draining, and with the virtqueue disabled. The
	 * owner gives up what it popped and did not push: it ends the work on
	 * that and pushes it, which notes nothing. Whoever the ring is started
	 * with next finds it in the in-flight area and does it again. No
	 * memory of it is touched after the return.
	 */
	void (*park)(void *opaque, uint32_t ring);

	/*
	 * Postcopy: on if the front-end begins it, which a negative errno refuses;
	 * off if all memory has arrived or the session ends. In between a thread
	 * that accesses a page of the guest, also in dispatch, waits until the
	 * front-end has placed the page: see postcopy.h. The front-end is refused
	 * if no userfaultfd can be made (it requires CAP_SYS_PTRACE or
	 * /dev/userfaultfd). Memory slots are not offered beside it.
	 */
	int (*postcopy)(void *opaque, bool on);
};

struct vhost_user_backend_config {
	size_t size;		/* sizeof(struct vhost_user_backend_config) */
	uint64_t features;	/* of the device, offered to the driver; the
				   protocol's own bits are added */
	uint64_t protocol_features; /* offered, of those this library speaks and
				   the ops allow; 0: all of them but
				   GPA_ADDRESSES and INBAND_NOTIFICATIONS, which
				   are to be named here */
	uint32_t nrings;	/* 1..256 */
	uint32_t queue_size_max;	/* largest size of a ring; 0: 32768 */
	uint32_t max_chain;	/* see vq_config; 0: size of the ring */
	uint32_t config_size;	/* bytes of device configuration space */
	uint32_t max_slots;	/* memory slots; 0: 509 */
	uint64_t max_memory;	/* sum of all regions; 0: no limit */
	uint64_t stall_ns;	/* how long a peer may stop inside a message, or
				   leave replies unread; 0: 5 seconds */
	struct vmem_sigbus *sigbus; /* table for everything that is mapped */
	const uint64_t *shmem_sizes; /* bytes of each shared memory region, by
				   shmid; 0: there is none of that id; copied */
	uint32_t nshmem;	/* how many of them, up to 256 */
	struct vsu_closer *closer; /* closes what the front-end sends, so that
				   nobody waits for it (foreign.h); or NULL */
	bool served_files;	/* memory may be files of FUSE and of network
				   file systems, whose server can stop this
				   process */
	uint32_t shmem_bit;	/* for tests with peers of former drafts: 20 or 21,
				   where those have SHMEM, in place of that
				   bit's meaning of today; 0: 22 */
	uint32_t iotlb_entries;	/* ACCESS_PLATFORM is offered, and so many are
				   kept, up to 65536; 0: behind no IOMMU */
	struct vhost_user_postcopy_guard *postcopy_guard; /* borrowed; or NULL */
};

/*
 * A session on a connected socket, whose ownership moves here on success.
 * ops and config are copied.
 */
VHOST_USER_API int vhost_user_backend_new_take_fd(int sock,
		const struct vhost_user_backend_config *config,
		const struct vhost_user_backend_ops *ops, void *opaque,
		struct vhost_user_backend **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Ends the session: rings that run are drained through quiesce, then gone is
 * called (within this call when every answer is given inside the callback).
 */
VHOST_USER_API void vhost_user_backend_close(struct vhost_user_backend *b);

/* Frees a session that is gone. */
VHOST_USER_API void vhost_user_backend_free(struct vhost_user_backend *b);

VHOST_USER_API int vhost_user_backend_fd(const struct vhost_user_backend *b);

/*
 * Handles what is ready. 1: there is more, and the fd stays readable until it
 * is done, so that a loop may ignore this; 0: wait for the fd; a negative
 * errno: the session has ended and gone was or will be called. The session may
 * have been freed by gone when this returns negative.
 */
VHOST_USER_API int vhost_user_backend_dispatch(struct vhost_user_backend *b);

/* The answer to quiesce. Any thread, also from inside the callback. */
VHOST_USER_API void vhost_user_backend_done(struct vhost_user_backend *b,
				       uint64_t token);

/* The answer to check_state: 0, or a negative errno. Any thread, likewise. */
VHOST_USER_API void vhost_user_backend_state_done(struct vhost_user_backend *b,
					     uint64_t token, int result);

/* The ring's virtqueue, borrowed; valid as long as the session. */
VHOST_USER_API struct vq *vhost_user_backend_vq(struct vhost_user_backend *b,
					   uint32_t ring);

/*
 * Descriptor that is readable when the ring was kicked, borrowed, from run to
 * the answer to quiesce (or longer: vhost_user_backend_keep_kick()); drain it by
 * vsu_event_drain(). -1: the front-end gave none and the ring must be polled. One
 * that is the session's tells of kicks in band (INBAND_NOTIFICATIONS).
 */
VHOST_USER_API int vhost_user_backend_kick_fd(const struct vhost_user_backend *b,
					 uint32_t ring);

/* Tells the driver that the ring has used buffers. On the ring's thread. */
VHOST_USER_API void vhost_user_backend_call(struct vhost_user_backend *b,
				       uint32_t ring);

/* Tells the front-end that the ring is broken (once). On the ring's thread. */
VHOST_USER_API void vhost_user_backend_ring_error(struct vhost_user_backend *b,
					     uint32_t ring);

/* Features that were negotiated so far. */
VHOST_USER_API uint64_t vhost_user_backend_features(
		const struct vhost_user_backend *b);
VHOST_USER_API uint64_t vhost_user_backend_protocol_features(
		const struct vhost_user_backend *b);

/* The guest's memory, by I/O addresses where it is behind an IOMMU. */
VHOST_USER_API struct vmem_space *vhost_user_backend_space(
		struct vhost_user_backend *b);

/*
 * True when a file of the front-end was cut short under the guest's memory, the
 * dirty log or the in-flight area (vm-memory/sigbus.h): what is stored there goes nowhere,
 * so that the session has to be closed. To be asked when the descriptor of the
 * SIGBUS table is readable.
 */
VHOST_USER_API bool vhost_user_backend_memory_failed(
		const struct vhost_user_backend *b);

/* True from the loss of the front-end on: what is drained is answered to nobody. */
VHOST_USER_API bool vhost_user_backend_is_ending(
		const struct vhost_user_backend *b);

/*
 * Configuration changed: tells the front-end over the back-end channel, when
 * there is one and a ring runs. Several changes make one message.
 */
VHOST_USER_API int vhost_user_backend_config_changed(struct vhost_user_backend *b);

VSU_END_DECLS

#endif
