/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* An entropy device over getrandom(), with an optional rate limit. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/rng.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#define DEFAULT_QUEUE_MAX 256u
/* Budget of one turn. */
#define MAX_CHAINS 256u

#define NS_PER_S UINT64_C(1000000000)

/* Higher rates mean no limit: multiplied by 10^9 they would overflow. */
#define MAX_RATE (UINT64_C(1) << 33)

struct rng {
	struct virtdev *dev;
	struct vq *q;		/* NULL: stopped */
	int timer_fd;		/* readable when bytes are allowed again; -1: unlimited */
	bool waiting;		/* for the timer; kicks are ignored */
	uint64_t rate;		/* bytes per second; 0: no limit */
	uint64_t allowance;	/* bytes allowed now */
	uint64_t counted_at;	/* ns; time of the last increase */
	uint64_t given;		/* atomic; bytes in total */
};

/* Adds the allowance for the elapsed time, up to one second's worth. */
static void count_on(struct rng *r)
{
	const uint64_t now = vsu_now_ns(), passed = now - r->counted_at;
	uint64_t more;

	if (passed >= NS_PER_S) {
		r->allowance = r->rate;
		r->counted_at = now;
		return;
	}
	more = passed * r->rate / NS_PER_S;
	if (more > r->rate - r->allowance)
		more = r->rate - r->allowance;
	r->allowance += more;
	if (more)	/* time too short for one byte counts later */
		r->counted_at = now;
}

/* A signal may interrupt a long call; a short result is sufficient. */
static uint32_t noise_draw(unsigned char *noise, uint32_t len)
{
	ssize_t n;

	do
		n = getrandom(noise, len, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? 0 : (uint32_t)n;
}

static uint32_t chain_fill(void *opaque, struct vq *q, struct vq_chain *chain)
{
	unsigned char noise[VIRTDEV_RNG_MAX];
	struct rng *r = opaque;
	struct vq_cursor writer;
	uint32_t len;

	if (chain->fault.why)
		return 0;
	vq_writer_init(&writer, q, chain);
	len = vq_cursor_left(&writer);
	if (len > sizeof(noise))
		len = sizeof(noise);
	if (r->rate && len > r->allowance)
		len = (uint32_t)r->allowance;
	len = vq_cursor_write(&writer, noise, noise_draw(noise, len));
	explicit_bzero(noise, sizeof(noise));	/* only the guest may have these */
	__atomic_store_n(&r->given, r->given + len, __ATOMIC_RELAXED);
	if (r->rate)
		r->allowance -= len;
	return len;
}

/* Arms the timer for one buffer's or one second's worth of bytes. */
static void wait_for_allowance(struct rng *r)
{
	const uint64_t wanted = r->rate < VIRTDEV_RNG_MAX ? r->rate
							   : VIRTDEV_RNG_MAX;

	r->waiting = vsu_timer_arm(r->timer_fd,
				   wanted * NS_PER_S / r->rate) == 0;
}

/* Chains the allowance covers if each takes the maximum. */
static int serve_allowed(struct rng *r, uint32_t queue)
{
	const uint64_t chains = (r->allowance + VIRTDEV_RNG_MAX - 1) /
				VIRTDEV_RNG_MAX;
	const struct vq_turn turn = {
		.size = sizeof(turn), .serve = chain_fill, .opaque = r,
		.max_chains = chains < MAX_CHAINS ? (uint32_t)chains
						  : MAX_CHAINS,
	};

	return virtdev_queue_turn(r->dev, queue, r->q, &turn);
}

static int serve_limited(struct rng *r, uint32_t queue)
{
	uint64_t fired = 0;
	int more = 0;

	if (r->waiting) {
		vsu_timer_drain(r->timer_fd, &fired);
		if (!fired)
			return 0;
		r->waiting = false;
	}
	count_on(r);
	if (r->allowance)
		more = serve_allowed(r, queue);
	if (r->allowance)
		return more;
	wait_for_allowance(r);
	return 0;
}

static int rng_serve(void *self, uint32_t queue)
{
	struct rng *r = self;
	const struct vq_turn turn = { .size = sizeof(turn), .serve = chain_fill,
				      .opaque = r };

	if (!r->q)
		return 0;
	return r->rate ? serve_limited(r, queue)
		       : virtdev_queue_turn(r->dev, queue, r->q, &turn);
}

static int rng_start(void *self, uint32_t queue, struct vq *q,
		     struct vsu_error *err)
{
	(void)queue;
	(void)err;
	((struct rng *)self)->q = q;
	return 0;
}

static void rng_stop(void *self, uint32_t queue)
{
	(void)queue;
	((struct rng *)self)->q = NULL;
}

static int rng_host_fd(void *self, uint32_t queue)
{
	(void)queue;
	return ((struct rng *)self)->timer_fd;
}

static uint32_t rng_stats(void *self, struct virtdev_stat *stats, uint32_t max)
{
	const struct rng *r = self;

	if (max)
		stats[0] = (struct virtdev_stat){ "bytes",
			__atomic_load_n(&r->given, __ATOMIC_RELAXED) };
	return 1;
}

static void rng_free(void *self)
{
	struct rng *r = self;

	vsu_fd_close(&r->timer_fd);
	free(r);
}

static int check_host(struct vsu_error *err)
{
	unsigned char byte;

	if (getrandom(&byte, 1, GRND_NONBLOCK) == 1)
		return 0;
	return vsu_error_sys(err, -errno, "the host provides no entropy");
}

static int limit_rate(struct rng *r, uint64_t rate)
{
	if (!rate || rate > MAX_RATE)
		return 0;
	r->rate = r->allowance = rate;
	r->counted_at = vsu_now_ns();
	r->timer_fd = vsu_timer_new();
	return r->timer_fd < 0 ? r->timer_fd : 0;
}

static int make_rng(const struct virtdev_rng_config *config,
		    struct virtdev **out, struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "rng", .queue_start = rng_start,
		.queue_serve = rng_serve, .queue_stop = rng_stop,
		.queue_host_fd = rng_host_fd, .free = rng_free,
		.stats = rng_stats,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_ENTROPY, .nqueues = 1,
		.queue_size_max = config->queue_size_max ?
				  config->queue_size_max : DEFAULT_QUEUE_MAX,
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED,
	};
	struct rng *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return vsu_error_sys(err, -ENOMEM, "rng");
	r->timer_fd = -1;
	rc = limit_rate(r, config->rate);
	if (rc < 0)
		vsu_error_sys(err, rc, "rng");
	else
		rc = virtdev_new(&ops, &info, r, &r->dev, err);
	if (rc < 0) {
		rng_free(r);
		return rc;
	}
	*out = r->dev;
	return 0;
}

int virtdev_rng_new(const struct virtdev_rng_config *config,
		    struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_rng_config c = { 0 };
	int rc = vsu_copy_sized(&c, sizeof(c), config,
				"struct virtdev_rng_config", err);

	if (rc < 0)
		return rc;
	if (c.queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "rng: a queue of %" PRIu32 " entries; at most %u are possible",
				     c.queue_size_max, VQ_MAX_SIZE);
	rc = check_host(err);
	return rc < 0 ? rc : make_rng(&c, out, err);
}
