/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rate limits for models: bytes and operations per second, each with a burst.
 *
 *   bucket     tokens of one device, or of one direction of it: a byte or an operation
 *              takes one. Tokens return at the rate, up to the burst
 *   start      a request may start while at least one token of each kind is left. It
 *              takes all its tokens, if necessary more than are left: a request larger
 *              than the burst passes, and later ones wait until its debt is repaid
 *   wait       a model without tokens pops no further chain. It passes the result of
 *              virtdev_rate_wait() to virtdev_queue_wait(), and the server serves the
 *              queue again. The requests remain in the ring
 *
 * In any period a device of n queues starts at most the burst, the rate times the period,
 * and one request per queue. In the long run it does not exceed the rate.
 *
 * The caller provides the time: ns of any clock that does not run backwards, such as
 * vsu_now_ns(). The bucket has no timer and no thread. It is not part of a device's
 * state: after a load it is full. A reset of the device keeps it, so that a driver gains
 * no tokens by resets.
 *
 * Threads: any thread. All queues of a device share its bucket, which has a lock of its
 * own; so more queues do not have more tokens. virtdev_rate_is_limited() takes no lock:
 * without a limit a turn costs one load.
 */
#ifndef VIRTIO_DEVICES_RATE_H
#define VIRTIO_DEVICES_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/attributes.h>
#include <virtio-devices/device.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct virtdev_rate;

/* The largest value of each limit. */
#define VIRTDEV_RATE_MAX (UINT64_C(1) << 60)

/* A queue that waits checks its bucket at least so often: a new limit takes effect then. */
#define VIRTDEV_RATE_WAIT_NS UINT64_C(100000000)

/*
 * Fixed layout. Bursts of 0: the tokens of 100 ms, at least one. A burst without its rate
 * is invalid.
 */
struct virtdev_rate_limits {
	uint64_t bytes;		/* per second; 0: no limit */
	uint64_t bytes_burst;	/* bytes */
	uint64_t ops;		/* operations per second; 0: no limit */
	uint64_t ops_burst;	/* operations */
};

/* A bucket without limits. -ENOMEM. */
VIRTDEV_API int virtdev_rate_new(struct virtdev_rate **out) VSU_NODISCARD;
/* NULL is allowed. No other thread uses the bucket. */
VIRTDEV_API void virtdev_rate_free(struct virtdev_rate *rate);

/*
 * Replaces the limits, and fills the bucket. -EINVAL, without effect: a value above
 * VIRTDEV_RATE_MAX, or a burst without its rate.
 */
VIRTDEV_API int virtdev_rate_set(struct virtdev_rate *rate,
				 const struct virtdev_rate_limits *limits,
				 struct vsu_error *err) VSU_NODISCARD;

VIRTDEV_API bool virtdev_rate_is_limited(const struct virtdev_rate *rate);

/*
 * 0: a request may start. Otherwise the time until then, ns, at most
 * VIRTDEV_RATE_WAIT_NS.
 */
VIRTDEV_API uint64_t virtdev_rate_wait(struct virtdev_rate *rate, uint64_t now);

/* Takes the tokens of a request that starts. No effect without limits. */
VIRTDEV_API void virtdev_rate_take(struct virtdev_rate *rate, uint64_t bytes,
				   uint64_t ops);

/* Returns tokens of requests that did not start after all. */
VIRTDEV_API void virtdev_rate_return(struct virtdev_rate *rate, uint64_t bytes,
				     uint64_t ops);

/*
 * For models that continue at a certain time, such as one with a rate limit: the server
 * serves the queue again after ns at the latest. Call it at the end of a turn, and return
 * its result from queue_serve: 0, or 1 if the server has no timer. A stop of the queue
 * cancels it. On the queue's thread.
 */
VIRTDEV_API int virtdev_queue_wait(struct virtdev *dev, uint32_t queue,
				   uint64_t ns) VSU_NODISCARD;

VSU_END_DECLS

#endif
