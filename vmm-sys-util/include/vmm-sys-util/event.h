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
VSU_API int vsu_event_new(void);

/*
 * Adds one. A full counter counts as signalled: whoever waits will wake.
 * Never blocks even where the descriptor is in blocking mode and a peer
 * filled it: such a descriptor is written only when it is ready for that.
 */
VSU_API int vsu_event_signal(int fd);

/*
 * Takes the counter back to 0 and gives its value; 0 when it was 0 already.
 * Never blocks, whatever mode a peer left the descriptor in.
 */
VSU_API int vsu_event_drain(int fd, uint64_t *count);

/* A new timer on the monotonic clock, or a negative errno. */
VSU_API int vsu_timer_new(void);

/* Fires once, ns from now; 0 disarms. */
VSU_API int vsu_timer_arm(int fd, uint64_t ns);

/* Takes the expirations; 0 when it has not fired. */
VSU_API int vsu_timer_drain(int fd, uint64_t *count);

/* Now, on the monotonic clock. */
VSU_API uint64_t vsu_now_ns(void);

VSU_END_DECLS

#endif
