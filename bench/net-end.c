/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One end of a network card behind a vhost-user socket, for bench-dpdk, which
 * has another program at the other:
 *
 *   net-end device|poller SOCKET tx|rx LEN
 *   net-end driver SOCKET tx|rx LEN NAME
 *   net-end floor LEN NAME CPU CPU
 *
 * The device is ours, over a link without limit: it copies each frame that the
 * driver sends (tx), and fills each buffer of the driver with a frame of LEN bytes
 * (rx). The device sleeps until it is kicked, as for a guest, or (poller) polls the
 * ring without sleeping. The driver polls, as DPDK's does, and prints the number of
 * frames in the format of bench.h. The floor is the rate of two threads on these CPUs
 * with a minimal ring, which copies each frame once, as a device does, and reads
 * nothing else of it.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/net.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "card.h"
#include "guest_rig.h"

/* Frames at once, as testpmd has them; of a ring; and the room of one. */
#define BURST 32u
#define SLOTS 256u
#define ROOM CARD_RX_ROOM
#define HEADER ((uint32_t)sizeof(struct virtdev_net_header))

/* ------------------------------------------------------------- the device's link */

struct endless {
	int fd;			/* always readable, or never */
	uint32_t len;		/* of a frame, with its header */
	unsigned int next;
	unsigned char frame[ROOM], taken[SLOTS][ROOM];
};

static int endless_fd(void *self, uint32_t lane)
{
	(void)lane;
	return ((struct endless *)self)->fd;
}

static ssize_t endless_receive(void *self, uint32_t lane,
			       const struct iovec *iov, int n)
{
	const struct endless *e = self;
	uint32_t done = 0, part;
	int i;

	(void)lane;
	for (i = 0; i < n && done < e->len; i++, done += part) {
		part = e->len - done;
		if (part > iov[i].iov_len)
			part = (uint32_t)iov[i].iov_len;
		memcpy(iov[i].iov_base, e->frame + done, part);
	}
	return done;
}

static int endless_send(void *self, uint32_t lane, const struct iovec *iov,
			int n)
{
	struct endless *e = self;
	unsigned char *room = e->taken[e->next++ % SLOTS];
	size_t done = 0;
	int i;

	(void)lane;
	for (i = 0; i < n && iov[i].iov_len <= ROOM - done; i++) {
		memcpy(room + done, iov[i].iov_base, iov[i].iov_len);
		done += iov[i].iov_len;
	}
	return 0;
}

static struct virtdev *device_new(struct endless *e)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "endless", .fd = endless_fd,
		.receive = endless_receive, .send = endless_send,
	};
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct virtdev_net_config config = {
		.size = sizeof(config), .mac = { 0x52, 0x54, 0, 1, 2, 3 },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	if (virtdev_net_link_new(&ops, &info, e, &config.link) < 0 ||
	    virtdev_net_new(&config, &dev, &err) < 0)
		guest_rig_die("device", &err);
	return dev;
}

/* Runs until a signal ends it; with polls it sleeps only after a millisecond without work. */
static _Noreturn void device_serve(struct virtdev *dev, const char *path,
				   bool polls)
{
	const struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev,
		.poll_max_ns = polls ? VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT : 0,
	};
	struct virtdev_vhost_user_server *server;
	struct vsu_error err = VSU_ERROR_INIT;
	const int sock = vsu_sock_listen(path, 1, &err);

	if (sock < 0 ||
	    virtdev_vhost_user_server_new(&config, sock, &server, &err) < 0)
		guest_rig_die("service", &err);
	while (virtdev_vhost_user_server_wait(server, -1, -1) >= 0)
		;
	guest_rig_die("it cannot serve any more", NULL);
}

static _Noreturn void device_main(const char *path, bool gives, uint32_t len,
				  bool polls)
{
	static struct endless e;

	e.len = HEADER + len;
	e.fd = vsu_event_new();
	if (e.fd < 0)
		guest_rig_die("eventfd", NULL);
	if (gives)
		vsu_event_signal(e.fd);
	device_serve(device_new(&e), path, polls);
}

/* -------------------------------------------------------------------- the driver */

struct end {
	struct card card;
	struct ring *ring;	/* the ring whose frames are counted */
	bool sends;
	uint32_t len;		/* of a frame, with its header */
};

static void give(struct end *e, uint64_t slot)
{
	const struct vq_buffer buffer = {
		card_tx_gpa(0, 0) + slot * ROOM, e->len, 0,
	};

	if ((e->sends ? vq_driver_add(e->ring->driver, &buffer, 1, slot) :
			card_offer(&e->card, 0, slot)) < 0)
		guest_rig_die("a buffer does not fit", NULL);
}

/* Makes completed buffers available again, at most a burst. */
static unsigned int turn(struct end *e)
{
	uint32_t written;
	unsigned int n;
	uint64_t slot;
	int rc = 1;

	for (n = 0; n < BURST; n++) {
		rc = vq_driver_collect(e->ring->driver, &slot, &written);
		if (rc != 1)
			break;
		if (written != (e->sends ? 0 : e->len))
			guest_rig_die("a frame of another length", NULL);
		give(e, slot);
	}
	if (rc < 0)
		guest_rig_die("the other end broke the ring", NULL);
	if (n)
		ring_kick(e->ring);
	return n;
}

/* The ring stays full in between. */
static void pass(void *opaque, uint64_t n)
{
	unsigned int part;

	for (; n; n -= part < n ? part : n)
		part = turn(opaque);
}

static void driver_open(struct end *e, const char *path)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct pair *pair = &e->card.pairs[0];
	uint64_t slot;

	e->card.npairs = 1;
	pair->rx = pair->tx = RING_NONE;
	e->ring = e->sends ? &pair->tx : &pair->rx;
	if (client_open(&e->card.client, path, 0, &err) != VSU_EXIT_OK ||
	    card_start(&e->card, &err) != VSU_EXIT_OK)
		guest_rig_die(path, &err);
	vq_driver_disable_call(pair->rx.driver);
	vq_driver_disable_call(pair->tx.driver);
	for (slot = 0; e->sends && slot < SLOTS; slot++)
		give(e, slot);
	ring_kick(e->ring);
}

static int driver_main(const char *path, bool sends, uint32_t len,
		       const char *name)
{
	struct end e = { .sends = sends, .len = HEADER + len };

	driver_open(&e, path);
	bench_rate(name, pass, &e, 1e3, "k/s");
	card_close(&e.card);
	return VSU_EXIT_OK;
}

/* --------------------------------------------------------------------- the floor */

struct bare {
	alignas(64) uint32_t given;
	alignas(64) uint32_t taken;
	alignas(64) bool ends;
	uint32_t len;
	unsigned char from[SLOTS][ROOM], to[SLOTS][ROOM];
};

static void *bare_give(void *opaque)
{
	struct bare *b = opaque;
	uint32_t at = 0, part;

	while (!__atomic_load_n(&b->ends, __ATOMIC_RELAXED)) {
		part = SLOTS - (at - __atomic_load_n(&b->taken,
						     __ATOMIC_ACQUIRE));
		at += part < BURST ? part : BURST;
		__atomic_store_n(&b->given, at, __ATOMIC_RELEASE);
	}
	return NULL;
}

static void bare_take(void *opaque, uint64_t n)
{
	struct bare *b = opaque;
	uint32_t at = b->taken, part;

	for (; n; n -= part < n ? part : n) {
		part = __atomic_load_n(&b->given, __ATOMIC_ACQUIRE) - at;
		part = part < BURST ? part : BURST;
		for (const uint32_t end = at + part; at != end; at++)
			memcpy(b->to[at % SLOTS], b->from[at % SLOTS], b->len);
		__atomic_store_n(&b->taken, at, __ATOMIC_RELEASE);
	}
}

static void stay_on(const char *cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((int)strtol(cpu, NULL, 10), &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		guest_rig_die("this CPU is not for us", NULL);
}

static int floor_main(uint32_t len, const char *name, char **cpus)
{
	static struct bare b;
	pthread_t giver;

	b.len = HEADER + len;
	stay_on(cpus[0]);	/* its thread begins there and stays */
	if (pthread_create(&giver, NULL, bare_give, &b))
		guest_rig_die("thread", NULL);
	stay_on(cpus[1]);
	bench_rate(name, bare_take, &b, 1e3, "k/s");
	__atomic_store_n(&b.ends, true, __ATOMIC_RELAXED);
	pthread_join(giver, NULL);
	return VSU_EXIT_OK;
}

/* ------------------------------------------------------------------------- words */

/* LEN bytes, header not counted; 0: no length that has room here. */
static uint32_t length_of(const char *word)
{
	const unsigned long len = strtoul(word, NULL, 10);

	return len >= 14 && len <= ROOM - HEADER ? (uint32_t)len : 0;
}

int main(int argc, char **argv)
{
	const char *role = argc > 1 ? argv[1] : "";
	const bool is_floor = !strcmp(role, "floor");
	const uint32_t len = argc < 5 ? 0 : length_of(argv[is_floor ? 2 : 4]);

	bench_init(1, argv);
	if (len && is_floor && argc == 6)
		return floor_main(len, argv[3], argv + 4);
	if (len && (!strcmp(role, "device") || !strcmp(role, "poller")) &&
	    argc == 5)
		device_main(argv[2], !strcmp(argv[3], "rx"), len,
			    !strcmp(role, "poller"));
	if (len && !strcmp(role, "driver") && argc == 6)
		return driver_main(argv[2], !strcmp(argv[3], "tx"), len,
				   argv[5]);
	fprintf(stderr, "use: net-end device|poller SOCKET tx|rx LEN\n"
			"     net-end driver SOCKET tx|rx LEN NAME\n"
			"     net-end floor LEN NAME CPU CPU\n");
	return VSU_EXIT_USAGE;
}
