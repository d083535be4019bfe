/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pollable counters and timers: eventfd and timerfd.
 *
 * All descriptors are close-on-exec and non-blocking.
 *
 * Threads: any thread.
 */
#ifndef VMM_SYS_UTIL_EVENT_H
#define VMM_SYS_UTIL_EVENT_H

#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* A new eventfd with counter 0, or a negative errno. */
VSU_API int vsu_event_new(void) VSU_NODISCARD;

/*
 * Adds one to a counter that a peer may share. A full counter counts as signalled. Two
 * system calls: the eventfd is polled before it is written, so that the call does not
 * block after a peer has set blocking mode and filled the counter. A peer that does so
 * between the two system calls can still block the caller; Linux has no write to an
 * eventfd that prevents it.
 */
VSU_API int vsu_event_signal(int fd);

/*
 * Adds one in one system call, to an eventfd that no untrusted peer can switch to
 * blocking mode: private to this process, or shared with a trusted peer.
 */
VSU_API int vsu_event_signal_own(int fd);

/*
 * Resets the counter to 0 and stores its previous value, possibly 0; count may be
 * NULL. Never blocks, even if a peer has set blocking mode. -EBADMSG: fd returned more
 * or fewer than 8 bytes, so it is no counter; -EBADF.
 *
 * The kind of fd is not checked, because that would cost as much as the read: up to 16
 * bytes of a socket, pipe or file are consumed, and exactly 8 count as a counter. Check a
 * descriptor of a peer once, before its first use: vsu_foreign_is_event().
 */
VSU_API int vsu_event_drain(int fd, uint64_t *count);

/* A new timer on the monotonic clock, or a negative errno. */
VSU_API int vsu_timer_new(void) VSU_NODISCARD;

/* Fires once, ns from now; 0 disarms, as vsu_timer_disarm() does. */
VSU_API int vsu_timer_arm(int fd, uint64_t ns) VSU_NODISCARD;

/*
 * Disarms the timer. If that fails, the timer becomes readable once, which
 * vsu_timer_drain() handles.
 */
VSU_API void vsu_timer_disarm(int fd);

/* Reads the number of expirations, 0 if none; count may be NULL. */
VSU_API int vsu_timer_drain(int fd, uint64_t *count);

/* The current time of the monotonic clock. */
VSU_API uint64_t vsu_now_ns(void);

/*
 * Waits for events of poll(2) on fd, which may be -1. -ECANCELED: cancel_fd is readable, -1: none;
 * -ETIMEDOUT: until_ns, in the time of vsu_now_ns(), has passed, 0: no limit.
 */
VSU_API int vsu_wait(int fd, short events, int cancel_fd, uint64_t until_ns,
		     struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
