/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end with plain blocking calls, which measures the back-end alone. */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "plain_frontend.h"

#define ACK VHOST_USER_PROTOCOL_BIT(REPLY_ACK)

struct message {
	struct vhost_user_header hdr;
	uint64_t value;
} __attribute__((packed));

struct plain {
	int sock;
	struct message ask;
	uint32_t size;		/* of ask */
};

static void plain_round_trip(const struct plain *c)
{
	struct message answer;

	if (send(c->sock, &c->ask, c->size, MSG_NOSIGNAL) != (ssize_t)c->size ||
	    recv(c->sock, &answer, sizeof(answer), MSG_WAITALL) !=
	    (ssize_t)sizeof(answer))
		echo_rig_die("round trip", NULL);
}

static void run_plain(void *opaque, uint64_t n)
{
	while (n--)
		plain_round_trip(opaque);
}

static struct plain ask(int sock, uint32_t request, uint32_t flags,
			const uint64_t *value)
{
	struct plain c = {
		sock, { { request, VHOST_USER_HDR_VERSION | flags, 0 }, 0 },
		sizeof(struct vhost_user_header)
	};

	if (value) {
		c.ask.hdr.size = sizeof(*value);
		c.ask.value = *value;
		c.size += (uint32_t)sizeof(*value);
	}
	return c;
}

/* A session on which acknowledgements were agreed, by hand. */
static int open_plain(struct echo_rig *p, struct vmem_map *map)
{
	const uint64_t acks = ACK;
	int sock = echo_rig_open(p, 1, map), flags;
	struct plain c;

	/* ours come non-blocking */
	flags = fcntl(sock, F_GETFL);
	fcntl(sock, F_SETFL, flags & ~O_NONBLOCK);
	c = ask(sock, VHOST_USER_GET_FEATURES, 0, NULL);
	plain_round_trip(&c);
	c = ask(sock, VHOST_USER_GET_PROTOCOL_FEATURES, 0, NULL);
	plain_round_trip(&c);
	c = ask(sock, VHOST_USER_SET_PROTOCOL_FEATURES, 0, &acks);
	if (send(sock, &c.ask, c.size, 0) != (ssize_t)c.size)
		echo_rig_die("send", NULL);
	return sock;
}

static void measure_plain(void)
{
	const uint64_t bits = ECHO_RIG_FEATURES | VHOST_USER_F_PROTOCOL_FEATURES;
	struct vmem_map *map = echo_rig_new_map(1, ECHO_RIG_SEALS);
	struct plain c;
	struct echo_rig p;
	int sock = open_plain(&p, map);

	c = ask(sock, VHOST_USER_GET_FEATURES, 0, NULL);
	bench_rate("vu.get_features", run_plain, &c, 1e3, "k/s");
	c = ask(sock, VHOST_USER_SET_FEATURES, VHOST_USER_HDR_NEED_REPLY, &bits);
	bench_rate("vu.set_features_ack", run_plain, &c, 1e3, "k/s");
	vsu_fd_close(&sock);
	echo_rig_close(&p);
	vmem_map_unref(map);
}

static void *answer_plain(void *opaque)
{
	const int *sock = opaque;
	struct message m = { { 0, 0, 0 }, 0 };

	while (recv(*sock, &m, 12, MSG_WAITALL) == 12)
		if (send(*sock, &m, sizeof(m), MSG_NOSIGNAL) < 0)
			break;
	return NULL;
}

/*
 * Answers by the system calls that a back-end requires: it waits for kicks as well, and each
 * message may carry descriptors.
 */
static void *answer_in_loop(void *opaque)
{
	const int *sock = opaque;
	struct message m = { { 0, 0, 0 }, 0 };
	const struct iovec in = { &m, sizeof(m) }, out = { &m, sizeof(m) };
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC), fds[VSU_SOCK_MAX_FDS];
	unsigned int n;

	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, *sock, &event) < 0)
		echo_rig_die("floor", NULL);
	while (epoll_wait(epoll, &event, 1, -1) == 1 &&
	       vsu_sock_recv(*sock, &in, 1, fds, &n) == 12)
		if (vsu_sock_send(*sock, &out, 1, NULL, 0) < 0)
			break;
	vsu_fd_close(&epoll);
	return NULL;
}

static void measure_floor(const char *name, void *(*answer)(void *))
{
	int pair[2];
	pthread_t thread;
	struct plain c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    pthread_create(&thread, NULL, answer, &pair[1]))
		echo_rig_die("floor", NULL);
	c = ask(pair[0], 0, 0, NULL);
	bench_rate(name, run_plain, &c, 1e3, "k/s");
	close(pair[0]);
	pthread_join(thread, NULL);
	close(pair[1]);
}

void bench_plain_trips(void)
{
	measure_floor("floor.sock_pingpong_12_20", answer_plain);
	measure_floor("floor.loop_pingpong_12_20", answer_in_loop);
	measure_plain();
}

/* A table as it is sent, with its descriptors. */
#define TABLE 8u

struct table {
	int sock, fds[TABLE];
	struct vhost_user_header hdr;
	uint32_t n, padding;
	struct vhost_user_mem_region regions[TABLE];
};

static void table_init(struct table *t, int sock, struct vmem_map *map)
{
	const struct vmem_region *r;
	unsigned int i;

	*t = (struct table){ .sock = sock, .n = TABLE };
	t->hdr = (struct vhost_user_header){
		VHOST_USER_SET_MEM_TABLE,
		VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY,
		8 + sizeof(t->regions),
	};
	for (i = 0; i < TABLE; i++) {
		r = vmem_map_region(map, i);
		t->fds[i] = vmem_block_fd(vmem_region_block(r));
		t->regions[i] = (struct vhost_user_mem_region){
			vmem_region_gpa(r), vmem_region_len(r),
			vmem_region_gpa(r), 0,
		};
	}
}

static void run_table(void *opaque, uint64_t n)
{
	struct table *t = opaque;
	const struct iovec iov[] = {
		{ &t->hdr, sizeof(t->hdr) }, { &t->n, 8 },
		{ t->regions, sizeof(t->regions) },
	};
	struct message answer;

	while (n--)
		if (vsu_sock_send(t->sock, iov, 3, t->fds, TABLE) !=
		    (ssize_t)(sizeof(t->hdr) + t->hdr.size) ||
		    recv(t->sock, &answer, sizeof(answer), MSG_WAITALL) !=
		    (ssize_t)sizeof(answer) || answer.value)
			echo_rig_die("table", NULL);
}

/* Sends an unchanged table again, as QEMU does when a device is plugged or unplugged. */
void bench_plain_table(void)
{
	const char *name = "vu.set_mem_table_8_resent";
	struct vmem_map *map;
	struct echo_rig p;
	struct table t;
	int sock;

	if (!bench_selected(name))
		return;
	map = echo_rig_new_map(TABLE, ECHO_RIG_SEALS);
	sock = open_plain(&p, map);
	table_init(&t, sock, map);
	bench_rate(name, run_table, &t, 1e3, "k/s");
	vsu_fd_close(&sock);
	echo_rig_close(&p);
	vmem_map_unref(map);
}
