/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of a back-end's data path. A driver on this thread makes B chains available and
 * kicks. A device on another thread wakes up, pops and pushes each chain, and calls. Then
 * the driver collects them.
 *
 *	vub.daemon_chains_bB		chains per second
 *	vub.daemon_chains_inflight_bB	with an in-flight area, in which the back-end
 *					records the chains
 *	floor.eventfd_pingpong		only the two wake-ups
 */
#include <config.h>

#include <poll.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/event.h>

#include "bench.h"
#include "echo_rig.h"

struct chains {
	struct echo_rig *p;
	unsigned int batch;
};

static void wait_for_call(struct echo_rig *p)
{
	struct pollfd fd = { .fd = p->call_fd[0], .events = POLLIN };
	uint64_t count;

	poll(&fd, 1, -1);
	vsu_event_drain(p->call_fd[0], &count);
}

/* Each chain is one small writable buffer. */
static void add_batch(struct echo_rig *p, unsigned int n)
{
	struct vq_buffer buffer = { ECHO_RIG_DATA, 64, 1 };
	unsigned int i;

	for (i = 0; i < n; i++) {
		buffer.gpa = ECHO_RIG_DATA + i * 64;
		if (vq_driver_add(p->driver[0], &buffer, 1, i) < 0)
			echo_rig_die("add", NULL);
	}
	if (vq_driver_publish(p->driver[0]))
		vsu_event_signal(p->kick_fd[0]);
}

static void collect_batch(struct echo_rig *p, unsigned int n)
{
	struct vq_driver *driver = p->driver[0];
	uint64_t cookie;
	uint32_t written;
	int rc;

	while (n) {
		rc = vq_driver_collect(driver, &cookie, &written);
		if (rc < 0)
			echo_rig_die("collect", NULL);
		n -= (unsigned int)rc;
		if (!rc && !vq_driver_enable_call(driver))
			wait_for_call(p);
	}
}

static void run_chains(void *opaque, uint64_t n)
{
	const struct chains *c = opaque;
	uint64_t done;

	for (done = 0; done < n; done += c->batch) {
		add_batch(c->p, c->batch);
		collect_batch(c->p, c->batch);
	}
}

/* 0: everything that both sides support, except the area. */
#define WITH_AREA (VHOST_USER_PROTOCOL_BIT(REPLY_ACK) | \
		   VHOST_USER_PROTOCOL_BIT(MQ) | \
		   VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD))

static void measure_chains(unsigned int batch, uint64_t protocol)
{
	struct echo_rig p;
	struct chains c = { &p, batch };
	struct vmem_map *map;
	char name[64];

	snprintf(name, sizeof(name), "vub.daemon_chains_%sb%u",
		 protocol ? "inflight_" : "", batch);
	if (!bench_selected(name))
		return;
	map = echo_rig_new_map(1, ECHO_RIG_SEALS);
	echo_rig_connect(&p, echo_rig_open(&p, 1, map), protocol);
	echo_rig_start(&p);
	bench_rate(name, run_chains, &c, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(map);
}

/* -------------------------------------------------------------------- floor */

static int there, back;
static bool over;		/* read by the other thread after its next wake-up */

static void wait_and_drain(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t count;

	poll(&p, 1, -1);
	(void)!read(fd, &count, sizeof(count));
}

static void write_one(int fd)
{
	const uint64_t value = 1;

	(void)!write(fd, &value, sizeof(value));
}

/* Like the server: edge-triggered events that are not read. */
static void *echo_events(void *opaque)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int *epfd = opaque;

	while (epoll_wait(*epfd, &event, 1, -1) == 1 &&
	       !__atomic_load_n(&over, __ATOMIC_ACQUIRE))
		write_one(back);
	return NULL;
}

static void run_events(void *opaque, uint64_t n)
{
	(void)opaque;
	while (n--) {
		write_one(there);
		wait_and_drain(back);
	}
}

static void measure_floor(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epfd = epoll_create1(EPOLL_CLOEXEC);
	pthread_t thread;

	there = vsu_event_new();
	back = vsu_event_new();
	if (epoll_ctl(epfd, EPOLL_CTL_ADD, there, &event) ||
	    pthread_create(&thread, NULL, echo_events, &epfd))
		echo_rig_die("thread", NULL);
	bench_rate("floor.eventfd_pingpong", run_events, NULL, 1e3, "k/s");
	__atomic_store_n(&over, true, __ATOMIC_RELEASE);
	write_one(there);
	pthread_join(thread, NULL);
	close(epfd);
	close(there);
	close(back);
}

int main(int argc, char **argv)
{
	static const unsigned int batches[] = { 1, 32, 256 };
	unsigned int i;

	bench_init(argc, argv);
	measure_floor();
	for (i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
		measure_chains(batches[i], 0);
		measure_chains(batches[i], WITH_AREA);
	}
	return 0;
}
