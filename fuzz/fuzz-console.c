/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest and a host against a console. The input is a list of actions: buffers for any
 * queue, mostly valid; control messages; host sides that connect, disconnect, send and
 * receive as many bytes as the input specifies; ports that are added and removed; sizes;
 * resets; and sometimes invalid bytes in a ring.
 *
 * Invariants: nothing is stored outside of writable buffers (AddressSanitizer and a canary
 * detect it), used lengths do not exceed the writable length, turns end, and a stopped
 * queue has nothing in flight. Finally prints its reach.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <virtio-devices/console.h>
#include <virtio-queue/driver.h>
#include <vmm-sys-util/event.h>

#include "memory.h"
#include "ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PORTS		3u
#define QUEUES		(2 + 2 * PORTS)
#define QUEUE_SIZE	8u
#define RING_GPA(i)	((i) * 0x1000u)
#define TABLES_GPA(i)	(0x9000u + (i) * 0x400u)

#define F_SIZE		1u
#define F_MULTIPORT	2u

enum { TO_GUEST, FROM_GUEST, DROPPED, REFUSED, TOLD, BROKEN, NREACHED };

static uint64_t reached[NREACHED];

static void print_reach(void)
{
	printf("# reach: %" PRIu64 " bytes to guests, %" PRIu64 " from them, %" PRIu64 " dropped; %" PRIu64 " messages refused, %" PRIu64 " told; %" PRIu64 " broken rings\n",
	       reached[TO_GUEST], reached[FROM_GUEST], reached[DROPPED],
	       reached[REFUSED], reached[TOLD], reached[BROKEN]);
}

/* The host side of a port, controlled by the input. */
struct host {
	uint64_t sends, takes;	/* bytes, before -EAGAIN */
	bool open;
	int event;		/* something changed */
};

struct guest {
	struct memory memory;
	struct virtdev *dev;
	uint64_t features;
	struct host hosts[PORTS];
	struct vq *q[QUEUES];
	struct vq_driver *driver[QUEUES];
	uint32_t nqueues;
	uint32_t writable[QUEUES][256];	/* bytes, by cookie */
	unsigned int next[QUEUES];
};

static int host_attach(void *self, int in_epfd, int out_epfd)
{
	const struct host *h = self;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };

	(void)epoll_ctl(in_epfd, EPOLL_CTL_ADD, h->event, &event);
	(void)epoll_ctl(out_epfd, EPOLL_CTL_ADD, h->event, &event);
	return 0;
}

static bool host_is_open(void *self)
{
	return ((const struct host *)self)->open;
}

/* Every byte is read, as a real host side would. */
static volatile unsigned char all_that_was_read;

static ssize_t transfer(uint64_t *left, const struct iovec *iov, int n,
			bool store)
{
	ssize_t done = 0;
	int i;

	CHECK(n >= 0 && n <= 64);
	for (i = 0; i < n && *left; i++) {
		size_t k, len = iov[i].iov_len < *left ? iov[i].iov_len : (size_t)*left;

		if (store)
			memset(iov[i].iov_base, 'h', len);
		for (k = 0; k < len; k++)
			all_that_was_read ^= ((const unsigned char *)iov[i].iov_base)[k];
		*left -= len;
		done += (ssize_t)len;
	}
	return done ? done : -EAGAIN;
}

static ssize_t host_read(void *self, const struct iovec *iov, int n)
{
	struct host *h = self;

	return h->open ? transfer(&h->sends, iov, n, true) : -ENOTCONN;
}

static ssize_t host_write(void *self, const struct iovec *iov, int n)
{
	struct host *h = self;

	return h->open ? transfer(&h->takes, iov, n, false) : -ENOTCONN;
}

static struct virtdev_port *make_host(struct host *h)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "fuzz", .attach = host_attach,
		.is_open = host_is_open, .read = host_read,
		.write = host_write,
	};
	struct virtdev_port *port;

	CHECK(virtdev_port_new(&ops, h, &port) == 0);
	return port;
}

static void start_queue(struct guest *g, uint32_t i)
{
	const struct vq_driver_config dc = {
		.map = g->memory.map, .gpa = RING_GPA(i), .features = g->features,
		.size = QUEUE_SIZE,
		.indirect_max = g->features & VQ_F_INDIRECT_DESC ? 8 : 0,
		.indirect_gpa = TABLES_GPA(i),
	};

	g->driver[i] = queue_begin(g->dev, i, g->q[i], &dc);
	g->next[i] = 0;
}

static void start_queues(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1);
	uint32_t i;

	g->features = VQ_F_VERSION_1 | (how & 3) |
		      (how & 0x10 ? VQ_F_INDIRECT_DESC : 0) |
		      (how & 0x20 ? VQ_F_EVENT_IDX : 0) |
		      (how & 0x40 ? VQ_F_RING_PACKED : 0);
	CHECK(virtdev_set_features(g->dev, g->features, NULL) == 0);
	g->nqueues = g->features & F_MULTIPORT ? QUEUES : 2;
	for (i = 0; i < g->nqueues; i++)
		start_queue(g, i);
}

static void collect(struct guest *g, uint32_t i)
{
	uint32_t written;
	uint64_t cookie;

	while (vq_driver_collect(g->driver[i], &cookie, &written) == 1) {
		CHECK(written <= g->writable[i][cookie % 256]);
		reached[TOLD] += i == 2 && written;
	}
}

static void serve(struct guest *g, uint32_t i)
{
	unsigned int turns = 0;

	i %= g->nqueues;
	while (virtdev_queue_serve(g->dev, i) > 0)
		CHECK(++turns < 100000);
	collect(g, i);
}

static void stop_queues(struct guest *g)
{
	uint32_t i;

	for (i = 0; i < g->nqueues; i++) {
		CHECK(virtdev_queue_drain(g->dev, i) == 0);
		reached[BROKEN] += queue_end(g->dev, i, g->q[i]);
		collect(g, i);
		vq_driver_free(g->driver[i]);
	}
}

static void init(void *guest, struct input *in)
{
	struct guest *g = guest;
	const struct virtdev_console_port first = {
		.size = sizeof(first), .host = make_host(&g->hosts[0]),
		.console = true,
	};
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &first, .max_ports = PORTS,
	};
	uint32_t i;

	memset(g, 0, sizeof(*g));
	for (i = 0; i < PORTS; i++)
		CHECK((g->hosts[i].event = vsu_event_new()) >= 0);
	memory_init(&g->memory);
	CHECK(virtdev_console_new(&config, &g->dev, NULL) == 0);
	for (i = 0; i < QUEUES; i++)
		CHECK(vq_new(&g->q[i]) == 0 &&
		      vq_set_space(g->q[i], g->memory.space) == 0);
	start_queues(g, in);
}

static void add_buffers(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 2), i = how % g->nqueues;
	const bool to_device = i & 1;
	struct vq_buffer b[4];
	unsigned int n = 0, cookie = g->next[i];

	g->writable[i][cookie % 256] = 0;
	for (; n < 1 + (how >> 4 & 3); n++) {
		const bool odd = (how >> (8 + n) & 1) && (how >> 12 & 1);

		b[n] = (struct vq_buffer) { place(in), take(in, 2) % 0x2000,
					    to_device ? odd : !odd || n };
		g->writable[i][cookie % 256] += b[n].writable ? b[n].len : 0;
	}
	if (vq_driver_add(g->driver[i], b, n, cookie % 256) == 0)
		g->next[i]++;
	vq_driver_publish(g->driver[i]);
}

/* Complete or truncated, mostly with valid numbers. */
static void add_message(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1);
	unsigned char *m = memory_at(&g->memory, 0x1f000);
	struct vq_buffer b = { 0x1f000, how & 0x80 ? how % 8 : 8, 0 };
	uint32_t id = how & 0x40 ? take(in, 4) : how % 4;
	uint32_t event = how & 0x20 ? take(in, 2) : (how >> 2 & 7);

	if (g->nqueues == 2)
		return;
	memcpy(m, &id, 4);
	memcpy(m + 4, &event, 2);
	m[6] = (unsigned char)take(in, 1);
	m[7] = 0;
	g->writable[3][g->next[3] % 256] = 0;
	if (vq_driver_add(g->driver[3], &b, 1, g->next[3] % 256) == 0)
		g->next[3]++;
	vq_driver_publish(g->driver[3]);
	serve(g, 3);
}

static void change_host(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1);
	struct host *h = &g->hosts[how % PORTS];

	h->open = how & 0x10 || h->open;
	if (how & 0x20)
		h->open = false;
	if (how & 0x40)
		h->sends += take(in, 2);
	if (how & 0x80)
		h->takes += take(in, 2);
	vsu_event_signal_own(h->event);
}

static void change_ports(struct guest *g, struct input *in)
{
	const uint32_t how = take(in, 1);
	struct virtdev_console_port port = {
		.size = sizeof(port), .console = how & 1,
		.name = how & 2 ? "name" : NULL,
		.host = make_host(&g->hosts[how % PORTS]),
	};
	uint32_t id;
	int rc = 0;

	if (how & 0x80)
		rc = virtdev_console_remove(g->dev, how % 4);
	else if (how & 0x40)
		rc = virtdev_console_resize(g->dev, how % 4, take(in, 1) & 0xff,
					    25);
	CHECK(rc == 0 || rc == -ENOENT);
	if ((how & 0xc0) || virtdev_console_add(g->dev, &port, &id, NULL) < 0)
		virtdev_port_free(port.host);
}

static void count(struct guest *g)
{
	struct virtdev_console_counts c;
	uint32_t id;

	for (id = 0; id < PORTS; id++) {
		c.size = sizeof(c);
		if (virtdev_console_get_counts(g->dev, id, &c) < 0)
			continue;
		reached[TO_GUEST] += c.to_guest;
		reached[FROM_GUEST] += c.from_guest;
		reached[DROPPED] += c.dropped;
		reached[REFUSED] += id ? 0 : c.refused;
	}
}

static void act(void *guest, struct input *in)
{
	struct guest *g = guest;
	const uint32_t what = take(in, 1);
	unsigned char word[4] = { 'e', 0, 0, 0 };

	switch (what % 16) {
	case 8:
	case 9:
	case 10:
		serve(g, what >> 4);
		break;
	case 11:
		change_ports(g, in);
		break;
	case 12:
		change_host(g, in);
		break;
	case 13:
		stop_queues(g);
		virtdev_reset(g->dev);
		start_queues(g, in);
		break;
	case 14:
		*memory_at(&g->memory, take(in, 2) % 0xb000) = (unsigned char)take(in, 1);
		break;
	case 15:
		(void)!virtdev_config_write(g->dev, what >> 4, word,
					    1 + (what >> 6));
		break;
	case 4:
	case 5:
	case 6:
	case 7:
		add_message(g, in);
		break;
	default:
		add_buffers(g, in);
		break;
	}
}

static void fini(void *guest)
{
	struct guest *g = guest;
	uint32_t i;

	for (i = 0; i < g->nqueues; i++)
		serve(g, i);
	stop_queues(g);
	count(g);
	virtdev_reset(g->dev);
	virtdev_free(g->dev);
	for (i = 0; i < PORTS; i++)
		close(g->hosts[i].event);
	for (i = 0; i < QUEUES; i++)
		vq_free(g->q[i]);
	memory_check(&g->memory);
	memory_fini(&g->memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct guest guest;

	return play(&course, &guest, data, size);
}
