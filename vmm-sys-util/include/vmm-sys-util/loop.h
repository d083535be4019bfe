/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A loop behind one descriptor: descriptors, times and the end of a turn, for an object
 * that its owner dispatches from an event loop of any kind.
 *
 * The owner polls the loop's descriptor and calls vsu_loop_dispatch() when it is readable.
 * A watcher is a member of its user's struct; the sizes of these structs are part of the
 * ABI. Any callback, also the watcher's own, may start, stop and free a watcher, but not
 * free the loop. Stopping a watcher that is zeroed or not active has no effect.
 *
 * Threads: one thread at a time uses a loop and its watchers. Time is that of vsu_now_ns().
 */
#ifndef VMM_SYS_UTIL_LOOP_H
#define VMM_SYS_UTIL_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vsu_loop;

/* Creates a loop without watchers. -ENOMEM, or the errno of the descriptors' creation. */
VSU_API int vsu_loop_new(struct vsu_loop **out, struct vsu_error *err) VSU_NODISCARD;

/* No watcher may be active. NULL is ignored. */
VSU_API void vsu_loop_free(struct vsu_loop *l);

/* Readable when a turn has something to do. The loop owns it, and it never changes. */
VSU_API int vsu_loop_fd(const struct vsu_loop *l);

/*
 * One turn: calls the watchers of ready descriptors, at most 32, then expired timers, then
 * the watchers of the turn's end. Never blocks. False after vsu_loop_end(). Within a callback of
 * the loop it does nothing and returns true.
 */
VSU_API bool vsu_loop_dispatch(struct vsu_loop *l);

/* Makes vsu_loop_dispatch() return false, so that the owner stops waiting. */
VSU_API void vsu_loop_end(struct vsu_loop *l);

/* ------------------------------------------------------------- descriptors */

enum vsu_io_events { VSU_IO_READ = 1, VSU_IO_WRITE = 4 };	/* EPOLLIN, EPOLLOUT */

struct vsu_io {
	void (*fn)(void *opaque);
	void *opaque;
	int fd;
	enum vsu_io_events events;
	/* private */
	enum { VSU_IO_IDLE, VSU_IO_WATCHED, VSU_IO_POLLED } state;
	struct vsu_loop *loop;
	struct vsu_io *next;	/* in the list of watchers that epoll refused */
};

/* fn is called in each turn in which fd is ready or has an error. */
VSU_API void vsu_io_init(struct vsu_io *w, void (*fn)(void *opaque), void *opaque, int fd,
			 enum vsu_io_events events);

/*
 * Each descriptor has one active watcher at most; stop it before closing fd.
 * Starting an active watcher has no effect. A regular file is always ready.
 */
VSU_API void vsu_io_start(struct vsu_loop *l, struct vsu_io *w);
VSU_API void vsu_io_stop(struct vsu_io *w);

/* -------------------------------------------------------------------- times */

struct vsu_alarm {
	void (*fn)(void *opaque);
	void *opaque;
	/* private */
	bool active;
	uint64_t at_ns, repeat_ns;
	uint64_t turn;		/* the turn in which it was started */
	struct vsu_loop *loop;
	struct vsu_alarm *prev, *next;
};

VSU_API void vsu_alarm_init(struct vsu_alarm *w, void (*fn)(void *opaque), void *opaque);

/*
 * Calls fn once after after_ns (0: in the next turn), and then each repeat_ns, unless that is
 * 0. Starting an active watcher has no effect.
 */
VSU_API void vsu_alarm_start(struct vsu_loop *l, struct vsu_alarm *w, uint64_t after_ns,
			     uint64_t repeat_ns);
VSU_API void vsu_alarm_stop(struct vsu_alarm *w);

/* ------------------------------------------------------------ end of a turn */

struct vsu_turn {
	void (*fn)(void *opaque);
	void *opaque;
	/* private */
	bool active;
	struct vsu_loop *loop;
	struct vsu_turn *next;
};

VSU_API void vsu_turn_init(struct vsu_turn *w, void (*fn)(void *opaque), void *opaque);

/*
 * Calls fn at the end of each turn. The first of these turns does not wait for a descriptor or
 * a time. Starting an active watcher has no effect.
 */
VSU_API void vsu_turn_start(struct vsu_loop *l, struct vsu_turn *w);
VSU_API void vsu_turn_stop(struct vsu_turn *w);

VSU_END_DECLS

#endif
