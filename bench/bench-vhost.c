/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cost of vhost-user's messages, front-end and back-end on two threads:
 *
 *	vu.get_features, vu.set_features_ack	one round trip each, by a front-
 *						end of plain blocking calls
 *	vu.get_config_60			one round trip, by our front-end
 *	vu.get_config_60_wait			in a program without a loop, whose
 *						back-end has no requests
 *	vu.set_mem_table_N_ack			a new table of N regions, in
 *						turn with another one; of memory
 *						sealed as QEMU and cvmm seal it
 *	vu.set_mem_table_N_unsealed_ack		such a table of memory that can grow
 *	vu.set_mem_table_8_grown		one of eight regions is added or
 *						removed, the others are kept
 *	vu.set_mem_table_8_resent		an unchanged table of eight regions,
 *						by plain blocking calls
 *	vu.add_rem_mem_reg_ack			a region is added or removed
 *	vu.handshake_Nq_[no]ack			from the first message to all
 *						rings stopped again, 8 regions
 *	floor.sock_pingpong_12_20		the same bytes without a protocol
 *	floor.loop_pingpong_12_20		with an epoll_wait() before each request, and
 *						room for descriptors in each receive
 *	floor.handshake_Nq			the bare system calls of a handshake
 *	floor.add_rem_mem_reg, floor.set_mem_table_8, floor.set_mem_grown_8
 *						the bare system calls of a change of memory
 */
#include <config.h>

#include <fcntl.h>
#include <stdio.h>

#include <vhost/protocol.h>

#include "bench.h"
#include "echo_rig.h"
#include "handshake_floor.h"
#include "memory_floor.h"
#include "plain_frontend.h"

#define ACK VHOST_USER_PROTOCOL_BIT(REPLY_ACK)
#define WITHOUT_SLOTS (ACK | VHOST_USER_PROTOCOL_BIT(MQ) | \
		       VHOST_USER_PROTOCOL_BIT(CONFIG))
#define WITHOUT_ACK VHOST_USER_PROTOCOL_BIT(MQ)

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

/* Reads the configuration in a program without a loop. */
static void run_config_wait(void *opaque, uint64_t n)
{
	struct echo_rig *p = opaque;
	struct vsu_error err = VSU_ERROR_INIT;

	while (n--)
		if (vhost_user_frontend_get_config(p->fe, 0, 60, &err) < 0 ||
		    vhost_user_frontend_wait(p->fe, 0, &err) < 0)
			echo_rig_die("get_config", &err);
}

/* Two alternating maps, so that every change is real. */
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

static void measure_config(const char *name, bench_fn run, uint64_t protocol)
{
	struct vmem_map *map = echo_rig_new_map(1, ECHO_RIG_SEALS);
	struct echo_rig p;

	open_running(&p, map, protocol);
	bench_rate(name, run, &p, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(map);
}

/* Region 0 contains the ring and stays; the others are new each time. */
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

/* Owns both maps. */
static void measure_swap(const char *name, struct vmem_map *map,
			 struct vmem_map *other, uint64_t protocol)
{
	struct echo_rig p;
	struct swap s = { .p = &p, .maps = { map, other } };

	open_running(&p, map, protocol);
	bench_rate(name, run_swap, &s, 1e3, "k/s");
	echo_rig_close(&p);
	vmem_map_unref(map);
	vmem_map_unref(other);
}

static void measure_memory(const char *name, unsigned int n, unsigned int other,
			   int seals, uint64_t protocol)
{
	struct vmem_map *map;

	if (!bench_selected(name))
		return;
	map = echo_rig_new_map(n, seals);
	measure_swap(name, map, with_fresh(map, other, seals), protocol);
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
	struct vmem_map *map;

	if (!bench_selected(name))
		return;
	map = echo_rig_new_map(8, ECHO_RIG_SEALS);
	measure_swap(name, map, without_last(map, 8), WITHOUT_SLOTS);
}

/* ---------------------------------------------------------------- handshake */

struct shake {
	struct vmem_map *map;
	unsigned int nrings;
	uint64_t protocol;
};

/* Creation and end of the server, its thread and sockets are not counted. */
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
	bench_plain_trips();
	measure_config("vu.get_config_60", run_config, 0);
	measure_config("vu.get_config_60_wait", run_config_wait,
		       VHOST_USER_PROTOCOL_BIT(CONFIG));
	measure_memory("vu.set_mem_table_2_ack", 1, 2, ECHO_RIG_SEALS,
		       WITHOUT_SLOTS);
	measure_memory("vu.set_mem_table_8_ack", 8, 8, ECHO_RIG_SEALS,
		       WITHOUT_SLOTS);
	measure_memory("vu.set_mem_table_8_unsealed_ack", 8, 8, 0,
		       WITHOUT_SLOTS);
	measure_grown();
	bench_plain_table();
	measure_memory("vu.add_rem_mem_reg_ack", 1, 2, ECHO_RIG_SEALS, 0);
	bench_memory_floor();
	bench_handshake_floor(1);
	bench_handshake_floor(4);
	measure_handshake(1, true);
	measure_handshake(4, true);
	measure_handshake(1, false);
	measure_handshake(4, false);
	return 0;
}
