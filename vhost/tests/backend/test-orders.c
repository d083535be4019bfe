/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about front-ends of other projects: each sends its messages in an order and in
 * sizes of its own, and its rings run; so do those of a second start in the same session.
 * Only order and sizes are theirs.
 */
#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

#define P(name) VHOST_USER_PROTOCOL_BIT(name)
#define FEATURES (VQ_F_VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES)

static struct rig r;
static uint32_t flags;		/* of requests: with or without NEED_REPLY */

static void begin(uint32_t request_flags)
{
	flags = request_flags;
	rig_init(&r);
}

/* A request without a reply of its own: acknowledged, if that was requested. */
static void order_fds(uint32_t request, const void *payload, uint32_t size,
		      const int *fds, unsigned int nfds)
{
	struct rig_reply reply;
	uint64_t result = 1;

	rig_send(&r, request, flags, payload, size, fds, nfds);
	ck_assert_int_ge(rig_dispatch(&r), 0);
	if (!(flags & VHOST_USER_HDR_NEED_REPLY)) {
		rig_expect_silence(&r);
		return;
	}
	ck_assert(rig_reply(&r, &reply));
	memcpy(&result, reply.payload, sizeof(result));
	ck_assert_uint_eq(result, 0);
}

static void order(uint32_t request, const void *payload, uint32_t size)
{
	order_fds(request, payload, size, NULL, 0);
}

static void order_u64(uint32_t request, uint64_t value)
{
	order(request, &value, sizeof(value));
}

static void order_state(uint32_t request, uint32_t ring, uint32_t num)
{
	const struct vhost_user_vring_state s = { ring, num };

	order(request, &s, sizeof(s));
}

static void set_num(uint32_t ring) { order_state(VHOST_USER_SET_VRING_NUM, ring, RIG_SIZE); }
static void set_base(uint32_t ring) { order_state(VHOST_USER_SET_VRING_BASE, ring, 0); }
static void enable(uint32_t ring) { order_state(VHOST_USER_SET_VRING_ENABLE, ring, 1); }
static void disable(uint32_t ring) { order_state(VHOST_USER_SET_VRING_ENABLE, ring, 0); }

static void set_addr(uint32_t ring)
{
	const struct vhost_user_vring_addr addr = rig_addr(ring);

	order(VHOST_USER_SET_VRING_ADDR, &addr, sizeof(addr));
}

static void set_event(uint32_t request, uint32_t ring, int *fd)
{
	const uint64_t index = ring;

	*fd = vsu_event_new();
	order_fds(request, &index, sizeof(index), fd, 1);
}

static void set_call(uint32_t ring) { set_event(VHOST_USER_SET_VRING_CALL, ring, &r.call[ring]); }
static void set_kick(uint32_t ring) { set_event(VHOST_USER_SET_VRING_KICK, ring, &r.kick[ring]); }

/* The table without room for more regions. */
static void set_memory(void)
{
	const struct vhost_user_mem_table t = {
		.nregions = 1, .regions = { rig_region(0, RIG_MEMORY, 0) },
	};

	order_fds(VHOST_USER_SET_MEM_TABLE, &t, 8 + 32, &r.memfd, 1);
}

/* A region that does not end with a page. */
static void add_memory(void)
{
	const struct vhost_user_mem_reg one = {
		.region = rig_region(0, RIG_MEMORY - 100, 0),
	};

	order_fds(VHOST_USER_ADD_MEM_REG, &one, sizeof(one), &r.memfd, 1);
}

/* Requests that have a reply, which some send with NEED_REPLY, too. */
static uint64_t ask(uint32_t request)
{
	struct rig_reply reply;
	uint64_t value;

	rig_send(&r, request, flags, NULL, 0, NULL, 0);
	ck_assert_int_ge(rig_dispatch(&r), 0);
	ck_assert(rig_reply(&r, &reply));
	ck_assert_uint_eq(reply.hdr.size, sizeof(value));
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

static void get_config(uint32_t len, uint32_t config_flags)
{
	struct { struct vhost_user_config c; unsigned char bytes[256]; } m = {
		{ 0, len, config_flags }, { 0 }
	};
	static const unsigned char zeros[256];
	struct rig_reply reply;

	memset(r.space, 7, sizeof(r.space));
	rig_send(&r, VHOST_USER_GET_CONFIG, flags, &m, 12 + len, NULL, 0);
	ck_assert_int_ge(rig_dispatch(&r), 0);
	ck_assert(rig_reply(&r, &reply));
	ck_assert_uint_eq(reply.hdr.size, 12 + len);
	ck_assert_mem_eq(reply.payload + 12, r.space, RIG_CONFIG);
	ck_assert_mem_eq(reply.payload + 12 + RIG_CONFIG, zeros, len - RIG_CONFIG);
}

/* Four bytes, with room for the maximum. */
static void set_config(void)
{
	const struct { struct vhost_user_config c; unsigned char bytes[256]; } m = {
		{ 8, 4, 0 }, "abcd"
	};

	order(VHOST_USER_SET_CONFIG, &m, sizeof(m));
	ck_assert_mem_eq(r.space + 8, "abcd", 4);
	ck_assert_uint_eq(r.space[12], 7);
}

static void each(void (*step)(uint32_t ring))
{
	step(0);
	step(1);
}

static void serve(uint32_t ring)
{
	const uint16_t used = rig_used(&r, ring);

	ck_assert(r.running[ring]);
	rig_offer(&r, ring, 3);
	ck_assert_uint_eq(rig_serve(&r, ring), 1);
	ck_assert_uint_eq(rig_used(&r, ring), used + 1);
	ck_assert_uint_ge(rig_drain(r.call[ring]), 1);
}

/* The ring stops at the position behind its last buffer. */
static void stop(uint32_t ring)
{
	ck_assert_uint_eq(rig_stop_ring(&r, ring), rig_used(&r, ring));
	ck_assert(!r.running[ring]);
	vsu_fd_close(&r.call[ring]);
	vsu_fd_close(&r.kick[ring]);
}

static void disable_and_stop(uint32_t ring)
{
	disable(ring);
	ck_assert(!r.running[ring]);
	stop(ring);
}

/* The driver resets the device: its rings begin again at 0. */
static void reset(void)
{
	memset(r.mem, 0, RIG_MEMORY);
}

static void finish(void)
{
	each(serve);
	each(stop);
	ck_assert_msg(r.nrefused == 0, "%s", r.refusal.msg);
	rig_fini(&r);
}

/* Rings are enabled before the memory, and calls are set before sizes. */
static void spdk_starts(void)
{
	uint32_t ring;

	ask(VHOST_USER_GET_FEATURES);
	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES, P(MQ) | P(CONFIG));
	get_config(256, 0);
	set_config();
	each(enable);
	ask(VHOST_USER_GET_QUEUE_NUM);
	each(set_call);
	set_memory();
	ask(VHOST_USER_GET_FEATURES);
	for (ring = 0; ring < 2; ring++) {
		set_num(ring);
		set_base(ring);
		set_addr(ring);
		set_kick(ring);
	}
}

START_TEST(b4_24_spdk_sends_enable_and_calls_first)
{
	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	spdk_starts();
	finish();
}
END_TEST

/* Enabled rings are stopped, the memory is sent again, and features are negotiated again. */
START_TEST(b4_24_spdk_negotiates_again_after_a_reset)
{
	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	spdk_starts();
	each(serve);
	each(stop);
	set_memory();
	ask(VHOST_USER_GET_FEATURES);
	reset();
	spdk_starts();
	finish();
}
END_TEST

/* Calls before the features; status; enable after the kick. */
static void dpdk_starts(void)
{
	uint32_t ring;

	order_u64(VHOST_USER_SET_STATUS, 0);
	order_u64(VHOST_USER_SET_STATUS, 1);
	order_u64(VHOST_USER_SET_STATUS, 3);
	each(set_call);
	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	order_u64(VHOST_USER_SET_STATUS, 11);
	ask(VHOST_USER_GET_STATUS);
	set_memory();
	for (ring = 0; ring < 2; ring++) {
		set_num(ring);
		set_base(ring);
		set_addr(ring);
		set_kick(ring);
	}
	each(enable);
	order_u64(VHOST_USER_SET_STATUS, 15);
}

static void dpdk_begins(void)
{
	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	ask(VHOST_USER_GET_FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		  P(MQ) | P(REPLY_ACK) | P(STATUS));
	dpdk_starts();
}

START_TEST(b4_24_dpdk_sends_calls_before_features)
{
	dpdk_begins();
	finish();
}
END_TEST

/* New hugepages: the queues pause, and keep descriptors and positions. */
START_TEST(b4_24_dpdk_disables_rings_around_a_new_table)
{
	dpdk_begins();
	each(serve);
	each(disable);
	set_memory();
	each(enable);
	finish();
}
END_TEST

START_TEST(b4_24_dpdk_starts_again_after_status_0)
{
	dpdk_begins();
	each(serve);
	each(disable_and_stop);
	reset();
	dpdk_starts();
	finish();
}
END_TEST

/* Rust's vhost as libkrun and Cloud Hypervisor use it: sizes of all rings, then each ring. */
static void rust_starts(void)
{
	uint32_t ring;

	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	set_memory();
	each(set_num);
	for (ring = 0; ring < 2; ring++) {
		set_addr(ring);
		set_base(ring);
		set_call(ring);
		set_kick(ring);
	}
	each(enable);
}

static void rust_begins(void)
{
	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	ask(VHOST_USER_GET_FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		  P(MQ) | P(CONFIG) | P(REPLY_ACK) | P(BACKEND_REQ) | P(CONFIGURE_MEM_SLOTS));
	flags = RIG_NEED;
	ask(VHOST_USER_GET_QUEUE_NUM);
	get_config(96, 1);
	rust_starts();
}

START_TEST(b4_24_rust_vhost_sends_addresses_before_bases)
{
	rust_begins();
	finish();
}
END_TEST

/* The channel follows the start; a pause only disables rings, and keeps their kicks. */
START_TEST(b4_24_rust_vhost_sends_its_channel_last_and_pauses_rings)
{
	int ends[2];

	rust_begins();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	order_fds(VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &ends[1], 1);
	each(disable);
	each(enable);
	finish();
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
}
END_TEST

START_TEST(b4_24_rust_vhost_sends_features_again_after_a_reset)
{
	rust_begins();
	each(serve);
	each(disable_and_stop);
	reset();
	rust_starts();
	finish();
}
END_TEST

/* Features before the protocol features; memory region by region; calls after kicks. */
START_TEST(b4_24_libblkio_sends_features_first)
{
	uint32_t ring;

	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	ask(VHOST_USER_GET_FEATURES);
	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		  P(MQ) | P(CONFIG) | P(REPLY_ACK) | P(CONFIGURE_MEM_SLOTS));
	flags = RIG_NEED;
	ask(VHOST_USER_GET_QUEUE_NUM);
	ask(VHOST_USER_GET_MAX_MEM_SLOTS);
	get_config(RIG_CONFIG, 0);
	add_memory();
	for (ring = 0; ring < 2; ring++) {
		set_num(ring);
		set_base(ring);
		set_addr(ring);
		set_kick(ring);
		set_call(ring);
		enable(ring);
	}
	finish();
}
END_TEST

/* Each ring completely. */
static void crosvm_starts(void)
{
	uint32_t ring;

	set_memory();
	for (ring = 0; ring < 2; ring++) {
		set_num(ring);
		set_addr(ring);
		set_base(ring);
		set_call(ring);
		set_kick(ring);
		enable(ring);
	}
}

/* The channel before the number of queues; acknowledgements are negotiated, but not requested. */
static void crosvm_begins(void)
{
	int ends[2];

	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	ask(VHOST_USER_GET_FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES,
		  P(MQ) | P(CONFIG) | P(REPLY_ACK) | P(BACKEND_REQ));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	order_fds(VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0, &ends[1], 1);
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
	ask(VHOST_USER_GET_QUEUE_NUM);
	get_config(RIG_CONFIG, 1);
	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	crosvm_starts();
}

START_TEST(b4_24_crosvm_disables_rings_before_it_reads_bases)
{
	crosvm_begins();
	each(serve);
	each(disable_and_stop);
	ck_assert_uint_eq(r.nrefused, 0);
	rig_fini(&r);
}
END_TEST

/* After a snapshot crosvm sends the bases that it has read, and no features. */
START_TEST(b4_24_crosvm_wakes_rings_at_their_bases)
{
	uint32_t ring;

	crosvm_begins();
	each(serve);
	each(disable_and_stop);
	set_memory();
	for (ring = 0; ring < 2; ring++) {
		set_num(ring);
		set_addr(ring);
		order_state(VHOST_USER_SET_VRING_BASE, ring, 1);
		set_call(ring);
		set_kick(ring);
		enable(ring);
	}
	finish();
}
END_TEST

/* crosvm of 2023 sent only the bit of the protocol features, then all features. */
START_TEST(b4_24_crosvm_sent_features_twice)
{
	begin(VHOST_USER_HDR_VERSION);
	order(VHOST_USER_SET_OWNER, NULL, 0);
	ask(VHOST_USER_GET_FEATURES);
	order_u64(VHOST_USER_SET_FEATURES, VHOST_USER_F_PROTOCOL_FEATURES);
	ask(VHOST_USER_GET_PROTOCOL_FEATURES);
	order_u64(VHOST_USER_SET_PROTOCOL_FEATURES, P(MQ) | P(CONFIG));
	ask(VHOST_USER_GET_QUEUE_NUM);
	order_u64(VHOST_USER_SET_FEATURES, FEATURES);
	get_config(RIG_CONFIG, 1);
	crosvm_starts();
	finish();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("orders of front-ends");
	TCase *tc = rig_case(s, "orders");

	tcase_add_test(tc, b4_24_spdk_sends_enable_and_calls_first);
	tcase_add_test(tc, b4_24_spdk_negotiates_again_after_a_reset);
	tcase_add_test(tc, b4_24_dpdk_sends_calls_before_features);
	tcase_add_test(tc, b4_24_dpdk_disables_rings_around_a_new_table);
	tcase_add_test(tc, b4_24_dpdk_starts_again_after_status_0);
	tcase_add_test(tc, b4_24_rust_vhost_sends_addresses_before_bases);
	tcase_add_test(tc, b4_24_rust_vhost_sends_its_channel_last_and_pauses_rings);
	tcase_add_test(tc, b4_24_rust_vhost_sends_features_again_after_a_reset);
	tcase_add_test(tc, b4_24_libblkio_sends_features_first);
	tcase_add_test(tc, b4_24_crosvm_disables_rings_before_it_reads_bases);
	tcase_add_test(tc, b4_24_crosvm_wakes_rings_at_their_bases);
	tcase_add_test(tc, b4_24_crosvm_sent_features_twice);
	return run_suite(s);
}
