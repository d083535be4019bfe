/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of vhost-user's messages, front-end and back-end on two threads:
 *
 *	vu.get_features, vu.set_features_ack	one round trip each, by a front-
 *						end of plain blocking calls
 *	vu.get_config_60			one round trip by ours
 *	vu.set_mem_table_N_ack			a new table of N regions, in
 *						turn with another one; of memory
 *						sealed as QEMU and cvmm seal it
 *	vu.set_mem_table_N_unsealed_ack		the same of memory that can grow
 *	vu.set_mem_table_8_grown		one of eight regions comes or
 *						goes, the others are kept
 *	vu.add_rem_mem_reg_ack			a region comes or goes
 *	vu.handshake_Nq_[no]ack			from the first message to all
 *						rings stopped again, 8 regions
 *	floor.sock_pingpong_12_20		the same bytes and no protocol
 *	floor.handshake_Nq			the bare system calls of one
 */
#include <config.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "handshake_floor.h"

#define ACK VHOST_USER_PROTOCOL_BIT(REPLY_ACK)
#define WITHOUT_SLOTS (ACK | VHOST_USER_PROTOCOL_BIT(MQ) | \
		       VHOST_USER_PROTOCOL_BIT(CONFIG))
#define WITHOUT_ACK VHOST_USER_PROTOCOL_BIT(MQ)

/* -------------------------------------------------------- plain round trips */

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

static void measure_floor(void)
{
	int pair[2];
	pthread_t thread;
	struct plain c;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) ||
	    pthread_create(&thread, NULL, answer_plain, &pair[1]))
		echo_rig_die("floor", NULL);
	c = ask(pair[0], 0, 0, NULL);
	bench_rate("floor.sock_pingpong_12_20", run_plain, &c, 1e3, "k/s");
	close(pair[0]);
	pthread_join(thread, NULL);
	close(pair[1]);
}

/* ------------------------------------------------------------ our front-end */

static void run_config(void *opaque, uint64_t n)
{
	struct echo_rig *p = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	while (n--) {
		p->config = false;
		if (vhost_user_frontend_get_config(p->fe, 0, 60, &err) < 0)
			echo_rig_die("get_config", &err);
		echo_rig_wait(p, &p->config);
	}
}

/* Two maps in turn, so that every change is one. */
struct swap {
	struct echo_rig *p;
	struct vmem_map *maps[2];
	unsigned int now;
};

static void run_swap(void *opaque, uint64_t n)
{
	struct swap *s = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	while (n--) {
		s->now ^= 1;
		s->p->memory = false;
		if (vhost_user_frontend_set_memory(s->p->fe, s->maps[s->now],
						   &err) < 0)
			echo_rig_die("set_memory", &err);
		echo_rig_wait(s->p, &s->p->memory);
	}
}

static void open_running(struct echo_rig *p, struct vmem_map *map,
			 uint64_t protocol)
{
	echo_rig_connect(p, echo_rig_open(p, 1, map), protocol);
	echo_rig_start(p);
}

static void measure_config(void)
{
	struct vmem_map *map = echo_rig_new_map(1, ECHO_RIG_SEALS);
	struct echo_rig p;

	open_running(&p, map, 0);
	bench_rate("vu.get_config_60", run_config, &p, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(map);
}

/* Region 0 holds the ring and stays; the others are fresh each time. */
static struct vmem_map *with_fresh(struct vmem_map *map, unsigned int n,
				   int seals)
{
	struct vmem_map *fresh = echo_rig_new_map(n, seals), *out;
	struct vmem_region *regions[16];
	unsigned int i;

	regions[0] = vmem_map_region(map, 0);
	for (i = 1; i < n; i++)
		regions[i] = vmem_map_region(fresh, i);
	if (vmem_map_from_regions(regions, n, &out, NULL) < 0)
		echo_rig_die("map", NULL);
	vmem_map_unref(fresh);
	return out;
}

static void measure_memory(const char *name, unsigned int n, unsigned int other,
			   int seals, uint64_t protocol)
{
	struct echo_rig p;
	struct swap s = { .p = &p };

	if (!bench_selected(name))
		return;
	s.maps[0] = echo_rig_new_map(n, seals);
	s.maps[1] = with_fresh(s.maps[0], other, seals);
	open_running(&p, s.maps[0], protocol);
	bench_rate(name, run_swap, &s, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(s.maps[0]);
	vmem_map_unref(s.maps[1]);
}

static struct vmem_map *without_last(struct vmem_map *map, unsigned int n)
{
	struct vmem_region *regions[16];
	struct vmem_map *out;
	unsigned int i;

	for (i = 0; i + 1 < n; i++)
		regions[i] = vmem_map_region(map, i);
	if (vmem_map_from_regions(regions, n - 1, &out, NULL) < 0)
		echo_rig_die("map", NULL);
	return out;
}

static void measure_grown(void)
{
	const char *name = "vu.set_mem_table_8_grown";
	struct echo_rig p;
	struct swap s = { .p = &p };

	if (!bench_selected(name))
		return;
	s.maps[0] = echo_rig_new_map(8, ECHO_RIG_SEALS);
	s.maps[1] = without_last(s.maps[0], 8);
	open_running(&p, s.maps[0], WITHOUT_SLOTS);
	bench_rate(name, run_swap, &s, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(s.maps[0]);
	vmem_map_unref(s.maps[1]);
}

/* ---------------------------------------------------------------- handshake */

struct shake {
	struct vmem_map *map;
	unsigned int nrings;
	uint64_t protocol;
};

/* Making and ending the server, its thread and sockets is not counted. */
static double run_handshake(void *opaque, uint64_t n)
{
	const struct shake *s = opaque;
	double total = 0, start;
	struct echo_rig p;
	int sock;

	while (n--) {
		sock = echo_rig_open(&p, s->nrings, s->map);
		start = bench_now();
		echo_rig_connect(&p, sock, s->protocol);
		echo_rig_start(&p);
		echo_rig_stop(&p);
		total += bench_now() - start;
		echo_rig_close(&p);
	}
	return total;
}

static void measure_handshake(unsigned int nrings, bool acks)
{
	struct shake s = {
		.nrings = nrings,
		.protocol = acks ? WITHOUT_SLOTS : WITHOUT_ACK,
	};
	char name[64];

	snprintf(name, sizeof(name), "vu.handshake_%uq_%s", nrings,
		 acks ? "ack" : "noack");
	if (!bench_selected(name))
		return;
	s.map = echo_rig_new_map(8, ECHO_RIG_SEALS);
	bench_ns_timed(name, run_handshake, &s);
	vmem_map_unref(s.map);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	measure_floor();
	measure_plain();
	measure_config();
	measure_memory("vu.set_mem_table_2_ack", 1, 2, ECHO_RIG_SEALS,
		       WITHOUT_SLOTS);
	measure_memory("vu.set_mem_table_8_ack", 8, 8, ECHO_RIG_SEALS,
		       WITHOUT_SLOTS);
	measure_memory("vu.set_mem_table_8_unsealed_ack", 8, 8, 0,
		       WITHOUT_SLOTS);
	measure_grown();
	measure_memory("vu.add_rem_mem_reg_ack", 1, 2, ECHO_RIG_SEALS, 0);
	bench_handshake_floor(1);
	bench_handshake_floor(4);
	measure_handshake(1, true);
	measure_handshake(4, true);
	measure_handshake(1, false);
	measure_handshake(4, false);
	return 0;
}
