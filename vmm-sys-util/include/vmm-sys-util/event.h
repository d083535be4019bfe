/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Counters and timers that can be waited for: eventfd and timerfd.
 *
 * All descriptors are close-on-exec and non-blocking.
 *
 * Threads: any thread.
 */
#ifndef VMM_SYS_UTIL_EVENT_H
#define VMM_SYS_UTIL_EVENT_H

#include <stdint.h>

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* A new eventfd with counter 0, or a negative errno. */
VSU_API int vsu_event_new(void) VSU_NODISCARD;

/*
 * Adds one to a counter that a peer may share. A full counter counts as
 * signalled: whoever waits will wake. Does not block where a peer left the
 * descriptor in blocking mode and its counter full, because it is written
 * only when it is ready for that; two system calls. A peer that
 * switches to blocking mode and fills the counter between the two can still
 * hold it up: Linux has no write to an eventfd that excludes this.
 */
VSU_API int vsu_event_signal(int fd);

/*
 * The same in one system call, for an event that nobody else can switch to
 * blocking mode: one of vsu_event_new() that stays within this process, or
 * one shared with a trusted peer.
 */
VSU_API int vsu_event_signal_own(int fd);

/*
 * Takes the counter back to 0 and gives its value, 0 when it was 0 already;
 * count may be NULL. Never blocks, whatever mode a peer left the descriptor in.
 * -EBADMSG when fd is no counter.
 */
VSU_API int vsu_event_drain(int fd, uint64_t *count);

/* A new timer on the monotonic clock, or a negative errno. */
VSU_API int vsu_timer_new(void) VSU_NODISCARD;

/* Fires once, ns from now; 0 disarms, as vsu_timer_disarm() does. */
VSU_API int vsu_timer_arm(int fd, uint64_t ns) VSU_NODISCARD;

/*
 * The timer fires no more. There is no result: one that stays armed makes its
 * descriptor readable once, and vsu_timer_drain() is ready for that.
 */
VSU_API void vsu_timer_disarm(int fd);

/* Takes the expirations, 0 when it has not fired; count may be NULL. */
VSU_API int vsu_timer_drain(int fd, uint64_t *count);

/* Now, on the monotonic clock. */
VSU_API uint64_t vsu_now_ns(void);

VSU_END_DECLS

#endif
