/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Token buckets: rate limits of a device. All arithmetic is exact. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include <vmm-sys-util/checked.h>

#include "core/rate_priv.h"

#define NS_PER_S UINT64_C(1000000000)
/* Default burst: the tokens of a second divided by this. */
#define BURST_PART 10u
/* Larger debts are reduced to this; the largest request is far below. */
#define MAX_DEBT ((int64_t)(UINT64_C(1) << 62))

struct bucket {
	uint64_t rate;		/* tokens per second; 0: no limit */
	uint64_t burst;
	int64_t left;		/* tokens; negative: debt */
	uint64_t part;		/* fraction of a token, in 1/NS_PER_S */
};

enum { BYTES, OPS, BUCKETS };

struct virtdev_rate {
	bool limited;		/* atomic; a bucket has a rate */
	pthread_mutex_t lock;	/* for the members below */
	uint64_t counted_at;	/* time of the last refill; 0: none yet */
	struct bucket buckets[BUCKETS];
};

int virtdev_rate_new(struct virtdev_rate **out)
{
	struct virtdev_rate *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	pthread_mutex_init(&r->lock, NULL);
	*out = r;
	return 0;
}

void virtdev_rate_free(struct virtdev_rate *r)
{
	if (!r)
		return;
	pthread_mutex_destroy(&r->lock);
	free(r);
}

/* ------------------------------------------------------------------ the limits */

static int check_limit(const char *name, uint64_t rate, uint64_t burst,
		       struct vsu_error *err)
{
	if (rate > VIRTDEV_RATE_MAX || burst > VIRTDEV_RATE_MAX)
		return vsu_error_set(err, -EINVAL,
				     "a limit of %" PRIu64 " %s per second with a burst of %" PRIu64 "; at most %" PRIu64 " are possible",
				     rate, name, burst, VIRTDEV_RATE_MAX);
	if (burst && !rate)
		return vsu_error_set(err, -EINVAL,
				     "a burst of %" PRIu64 " %s without a limit of %s per second; set the limit, too",
				     burst, name, name);
	return 0;
}

int virtdev_priv_rate_check(const struct virtdev_rate_limits *l, struct vsu_error *err)
{
	const int rc = check_limit("bytes", l->bytes, l->bytes_burst, err);

	return rc < 0 ? rc : check_limit("operations", l->ops, l->ops_burst, err);
}

static void bucket_set(struct bucket *b, uint64_t rate, uint64_t burst)
{
	if (!burst)
		burst = rate / BURST_PART ? rate / BURST_PART : 1;
	*b = (struct bucket){ .rate = rate, .burst = burst,
			      .left = (int64_t)burst };
}

int virtdev_rate_set(struct virtdev_rate *r,
		     const struct virtdev_rate_limits *l, struct vsu_error *err)
{
	const int rc = virtdev_priv_rate_check(l, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&r->lock);
	bucket_set(&r->buckets[BYTES], l->bytes, l->bytes_burst);
	bucket_set(&r->buckets[OPS], l->ops, l->ops_burst);
	r->counted_at = 0;
	__atomic_store_n(&r->limited, l->bytes || l->ops, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&r->lock);
	return 0;
}

bool virtdev_rate_is_limited(const struct virtdev_rate *r)
{
	return __atomic_load_n(&r->limited, __ATOMIC_RELAXED);
}

/* ------------------------------------------------------------------ the tokens */

static void bucket_fill(struct bucket *b)
{
	b->left = (int64_t)b->burst;
	b->part = 0;
}

/*
 * Whole seconds and the rest are added apart, and the rate is divided likewise, so that
 * no product exceeds 64 bits: rate and burst are at most 2^60.
 */
static void bucket_refill(struct bucket *b, uint64_t passed)
{
	const uint64_t seconds = passed / NS_PER_S, ns = passed % NS_PER_S;
	const uint64_t missing = (uint64_t)((int64_t)b->burst - b->left);
	uint64_t parts, more;

	if (vsu_u64_mul_overflow(seconds, b->rate, &more) || more >= missing) {
		bucket_fill(b);
		return;
	}
	parts = b->part + b->rate % NS_PER_S * ns;
	more += b->rate / NS_PER_S * ns + parts / NS_PER_S;
	if (more >= missing) {
		bucket_fill(b);
		return;
	}
	b->left += (int64_t)more;
	b->part = parts % NS_PER_S;
}

/* Time until a token is left; rounded up. */
static uint64_t bucket_wait(const struct bucket *b)
{
	uint64_t needed, ns;

	if (!b->rate || b->left > 0)
		return 0;
	needed = (uint64_t)(1 - b->left);
	if (needed > b->rate / (NS_PER_S / VIRTDEV_RATE_WAIT_NS))
		return VIRTDEV_RATE_WAIT_NS;
	if (b->rate >= NS_PER_S)
		return needed / (b->rate / NS_PER_S) + 1;
	ns = (needed * NS_PER_S - b->part + b->rate - 1) / b->rate;
	return ns < VIRTDEV_RATE_WAIT_NS ? ns : VIRTDEV_RATE_WAIT_NS;
}

/* A time before the previous one counts as equal to it. */
static void rate_refill(struct virtdev_rate *r, uint64_t now)
{
	int i;

	if (r->counted_at && now <= r->counted_at)
		return;
	for (i = 0; r->counted_at && i < BUCKETS; i++)
		bucket_refill(&r->buckets[i], now - r->counted_at);
	r->counted_at = now;
}

uint64_t virtdev_rate_wait(struct virtdev_rate *r, uint64_t now)
{
	uint64_t bytes, ops;

	if (!virtdev_rate_is_limited(r))
		return 0;
	pthread_mutex_lock(&r->lock);
	rate_refill(r, now);
	bytes = bucket_wait(&r->buckets[BYTES]);
	ops = bucket_wait(&r->buckets[OPS]);
	pthread_mutex_unlock(&r->lock);
	return bytes > ops ? bytes : ops;
}

static void bucket_take(struct bucket *b, uint64_t n)
{
	const uint64_t most = (uint64_t)(b->left + MAX_DEBT);

	b->left -= (int64_t)(n < most ? n : most);
}

void virtdev_rate_take(struct virtdev_rate *r, uint64_t bytes, uint64_t ops)
{
	if (!virtdev_rate_is_limited(r))
		return;
	pthread_mutex_lock(&r->lock);
	bucket_take(&r->buckets[BYTES], bytes);
	bucket_take(&r->buckets[OPS], ops);
	pthread_mutex_unlock(&r->lock);
}

static void bucket_return(struct bucket *b, uint64_t n)
{
	const uint64_t missing = (uint64_t)((int64_t)b->burst - b->left);

	if (n < missing)
		b->left += (int64_t)n;
	else
		bucket_fill(b);
}

void virtdev_rate_return(struct virtdev_rate *r, uint64_t bytes, uint64_t ops)
{
	if (!virtdev_rate_is_limited(r))
		return;
	pthread_mutex_lock(&r->lock);
	bucket_return(&r->buckets[BYTES], bytes);
	bucket_return(&r->buckets[OPS], ops);
	pthread_mutex_unlock(&r->lock);
}
