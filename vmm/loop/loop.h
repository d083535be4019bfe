/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Events that a machine waits for: descriptors, times, and the end of a turn.
 *
 * One descriptor stands for all of them: the owner of a machine polls it in an event loop
 * and calls vmm_loop_dispatch() when it is readable. A watcher is a member of its user's
 * struct. Any callback, also the watcher's own, may start, stop and free it. Stopping a
 * watcher that is zeroed or not active has no effect.
 *
 * Threads: that of the machine's owner. Time is that of vsu_now_ns().
 */
#ifndef VMM_LOOP_H
#define VMM_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

struct vmm_loop;

int vmm_loop_new(struct vmm_loop **out, struct vsu_error *err);

/* No watcher may be active. */
void vmm_loop_free(struct vmm_loop *l);

/* Readable when a turn has something to do. The loop owns it, and it never changes. */
int vmm_loop_fd(const struct vmm_loop *l);

/*
 * One turn: calls the watchers of ready descriptors, at most 32, then expired timers, then
 * the watchers of the turn's end. Never blocks. False after vmm_loop_end().
 */
bool vmm_loop_dispatch(struct vmm_loop *l);

/* The owner should not wait any longer. */
void vmm_loop_end(struct vmm_loop *l);

/* ------------------------------------------------------------- descriptors */

enum vmm_io_events { VMM_IO_READ = 1, VMM_IO_WRITE = 4 };	/* EPOLLIN, EPOLLOUT */

struct vmm_io {
	void (*fn)(void *opaque);
	void *opaque;
	int fd;
	enum vmm_io_events events;
	/* private */
	enum { VMM_IO_IDLE, VMM_IO_WATCHED, VMM_IO_POLLED } state;
	struct vmm_loop *loop;
	struct vmm_io *next;	/* of those that epoll refused */
};

/* fn is called in each turn in which fd is ready, or broken. */
void vmm_io_init(struct vmm_io *w, void (*fn)(void *opaque), void *opaque, int fd,
		 enum vmm_io_events events);

/*
 * Each descriptor has one active watcher at most; stop it before closing fd. One that is
 * active already remains so. A regular file is always ready.
 */
void vmm_io_start(struct vmm_loop *l, struct vmm_io *w);
void vmm_io_stop(struct vmm_io *w);

/* -------------------------------------------------------------------- times */

struct vmm_timer {
	void (*fn)(void *opaque);
	void *opaque;
	/* private */
	bool active;
	uint64_t at_ns, repeat_ns;
	uint64_t turn;		/* in which it was started */
	struct vmm_loop *loop;
	struct vmm_timer *prev, *next;
};

void vmm_timer_init(struct vmm_timer *w, void (*fn)(void *opaque), void *opaque);

/*
 * Calls fn once after that time, and then each repeat_ns, unless that is 0. 0 is the next
 * turn. One that is active already remains so.
 */
void vmm_timer_start(struct vmm_loop *l, struct vmm_timer *w, uint64_t after_ns,
		     uint64_t repeat_ns);
void vmm_timer_stop(struct vmm_timer *w);

/* ------------------------------------------------------------ end of a turn */

struct vmm_turn {
	void (*fn)(void *opaque);
	void *opaque;
	/* private */
	bool active;
	struct vmm_loop *loop;
	struct vmm_turn *next;
};

void vmm_turn_init(struct vmm_turn *w, void (*fn)(void *opaque), void *opaque);

/* fn is called at the end of each turn; the first one comes at once. One that is active already remains so. */
void vmm_turn_start(struct vmm_loop *l, struct vmm_turn *w);
void vmm_turn_stop(struct vmm_turn *w);

#endif
