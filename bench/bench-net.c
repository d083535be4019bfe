/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Frames between a driver and the host, through our network device:
 *
 *	net.WAY.LINK.SIZE.bN		thousands of frames per second; WAY: tx (from
 *					the driver), rx; LINK: stream, packets (UNIX
 *					sockets), tap; SIZE: bytes of a frame, 64k: a
 *					frame that a tap splits into segments; N:
 *					frames at once, 1 or 32
 *	net.between.LINK.SIZE.bN	from one device of ours to another, over sockets
 *	floor.net.WAY.LINK.SIZE.bN	the system calls without a device: one for N
 *					frames, except with a tap
 *
 * One thread serves both ends, so a figure includes the work of both and of the kernel
 * between them. The tap interface is in a network namespace; if this user cannot
 * create one, its cases are skipped.
 */
#include <config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/net.h>
#include <vmm-sys-util/fd.h>

#include "bench.h"
#include "guest_rig.h"
#include "net_far.h"

#define RX 0u
#define TX 1u
/* A driver's buffer, with MRG_RXBUF, and the distance of its frames. */
#define BUFFER 2048u
#define STRIDE 0x11000u
#define RX_DATA (GUEST_RIG_DATA + NET_FAR_BATCH * STRIDE)
#define MEMORY (RX_DATA + GUEST_RIG_SIZE * BUFFER)
#define HEADER ((uint32_t)sizeof(struct virtdev_net_header))

#define FEATURES (VQ_F_VERSION_1 | VQ_F_EVENT_IDX | VIRTDEV_NET_F_MRG_RXBUF | \
		  VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_HOST_TSO4 | \
		  VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4)

struct net_case {
	struct guest_rig rig;
	struct net_far far;
	unsigned int batch;
	uint64_t stored;	/* bytes of received frames and their headers */
};

static void collect(struct net_case *c, uint32_t queue)
{
	uint64_t gpa;
	uint32_t len;

	while (vq_driver_collect(c->rig.driver[queue], &gpa, &len) == 1) {
		c->stored += len;
		if (queue == RX)
			guest_rig_give(&c->rig, RX, gpa, BUFFER, true);
	}
}

/* Sends n frames of the driver to the link. */
static void batch_send(struct net_case *c, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		guest_rig_give(&c->rig, TX, GUEST_RIG_DATA + i * STRIDE,
			       HEADER + c->far.len, false);
	guest_rig_serve(&c->rig, TX);
}

/* Receives the frames that wait at the link. */
static void batch_receive(struct net_case *c, unsigned int n)
{
	c->stored = 0;
	guest_rig_serve(&c->rig, RX);
	collect(c, RX);
	if (c->stored < (uint64_t)n * (HEADER + c->far.len))
		guest_rig_die("frames were lost", NULL);
}

/* Sends n frames of the driver in batches. */
static void send_frames(void *opaque, uint64_t n)
{
	struct net_case *c = opaque;
	unsigned int part;

	for (; n; n -= part) {
		part = n < c->batch ? (unsigned int)n : c->batch;
		batch_send(c, part);
		c->far.kind->take(&c->far, part);
		collect(c, TX);
	}
}

static void receive_frames(void *opaque, uint64_t n)
{
	struct net_case *c = opaque;
	unsigned int part;

	for (; n; n -= part) {
		part = n < c->batch ? (unsigned int)n : c->batch;
		c->far.kind->give(&c->far, part);
		batch_receive(c, part);
	}
}

/* Two cards at the two ends of one link. */
struct net_pair {
	struct net_case from, to;
};

static void pass_frames(void *opaque, uint64_t n)
{
	struct net_pair *p = opaque;
	unsigned int part;

	for (; n; n -= part) {
		part = n < p->from.batch ? (unsigned int)n : p->from.batch;
		batch_send(&p->from, part);
		collect(&p->from, TX);
		batch_receive(&p->to, part);
	}
}

/* ---------------------------------------------------------------------- floors */

typedef void (*side_fn)(const struct net_far *far, unsigned int n);

/* One side sends, the other receives, in batches. */
static void floor_run(const struct net_far *far, uint64_t n, side_fn give,
		      side_fn take)
{
	unsigned int part;

	for (; n; n -= part) {
		part = n < far->batch ? (unsigned int)n : far->batch;
		give(far, part);
		take(far, part);
	}
}

static void floor_send(void *opaque, uint64_t n)
{
	struct net_far *far = opaque;

	floor_run(far, n, far->kind->send_bare, far->kind->take);
}

static void floor_receive(void *opaque, uint64_t n)
{
	struct net_far *far = opaque;

	floor_run(far, n, far->kind->give, far->kind->receive_bare);
}

/* ----------------------------------------------------------------------- cases */

static void open_device(struct net_case *c)
{
	struct virtdev_net_config config = {
		.size = sizeof(config), .mac = { 0x52, 0x54, 0, 1, 2, 3 },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	unsigned int i;

	if (virtdev_net_link_from_fd(c->far.near, &config.link, &err) < 0 ||
	    virtdev_net_new(&config, &dev, &err) < 0)
		guest_rig_die("device", &err);
	guest_rig_open(&c->rig, MEMORY, dev, FEATURES);
	for (i = 0; i < NET_FAR_BATCH; i++)
		memcpy(c->rig.memory + GUEST_RIG_DATA + i * STRIDE,
		       c->far.frame, HEADER + c->far.len);
	for (i = 0; i < GUEST_RIG_SIZE; i++)
		guest_rig_give(&c->rig, RX, RX_DATA + i * BUFFER, BUFFER, true);
}

static const struct way {
	const char *name;
	bench_fn fn, floor;
} ways[] = {
	{ "tx", send_frames, floor_send },
	{ "rx", receive_frames, floor_receive },
};

static const struct size {
	const char *name;
	uint32_t len;
	unsigned int most;	/* batch size for which the sockets have room */
} sizes[] = {
	{ "64", 64, NET_FAR_BATCH }, { "1500", 1500, NET_FAR_BATCH },
	{ "64k", 65536, 1 },
};

static void name_case(char *name, size_t room, const char *way,
		      const char *link, const struct size *s, unsigned int batch)
{
	snprintf(name, room, "floor.net.%s.%s.%s.b%u", way, link, s->name,
		 batch);
}

static void measure(const struct way *w, const struct net_far_kind *kind,
		    const struct size *s, unsigned int batch)
{
	static struct net_case c;
	char name[64];
	const char *own = name + strlen("floor.");

	name_case(name, sizeof(name), w->name, kind->name, s, batch);
	if (!bench_selected(name))
		return;
	memset(&c, 0, sizeof(c));
	if (!net_far_open(&c.far, kind, s->len))
		return;
	c.batch = c.far.batch = batch;
	open_device(&c);
	bench_rate(own, w->fn, &c, 1e3, "k/s");
	bench_rate(name, w->floor, &c.far, 1e3, "k/s");
	guest_rig_close(&c.rig);
	net_far_close(&c.far);
}

static void measure_between(const struct net_far_kind *kind,
			    const struct size *s, unsigned int batch)
{
	static struct net_pair p;
	char name[64];

	name_case(name, sizeof(name), "between", kind->name, s, batch);
	if (!bench_selected(name))
		return;
	memset(&p, 0, sizeof(p));
	if (!net_far_open(&p.from.far, kind, s->len))
		return;
	p.from.batch = p.from.far.batch = batch;
	p.to.far = p.from.far;
	p.to.far.near = p.from.far.fd;	/* the device has a duplicate */
	open_device(&p.from);
	open_device(&p.to);
	bench_rate(name + strlen("floor."), pass_frames, &p, 1e3, "k/s");
	bench_rate(name, floor_send, &p.from.far, 1e3, "k/s");
	guest_rig_close(&p.from.rig);
	guest_rig_close(&p.to.rig);
	net_far_close(&p.from.far);
}

int main(int argc, char **argv)
{
	size_t w, k, s;

	bench_init(argc, argv);
	bench_count_cpu();
	for (k = 0; k < NET_FAR_KINDS; k++)
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			for (w = 0; w < 2; w++) {
				measure(&ways[w], &net_far_kinds[k], &sizes[s],
					1);
				if (sizes[s].most > 1)
					measure(&ways[w], &net_far_kinds[k],
						&sizes[s], sizes[s].most);
			}
	/* the other end of a tap interface is not a link */
	for (k = 0; k < NET_FAR_KINDS; k++)
		for (s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
			if (strcmp(net_far_kinds[k].name, "tap"))
				measure_between(&net_far_kinds[k], &sizes[s],
						sizes[s].most);
	return 0;
}
