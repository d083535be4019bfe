/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the front-end's procedures: handshake, start, stop, and single
 * requests of the owner.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include <vhost/frontend_device.h>

#include "../front_rig.h"
#include "../suite.h"

/* ---------------------------------------------------------------- handshake */

START_TEST(handshake_ends_ready_with_the_offered_features)
{
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.ready, 1);
	ck_assert_uint_eq(vhost_user_frontend_features(fe), peer.features);
	ck_assert_uint_eq(vhost_user_frontend_queue_num(fe), 4);
	ck_assert_uint_eq(vhost_user_frontend_max_mem_slots(fe), 509);
	ck_assert_uint_eq(vhost_user_frontend_offered_protocol_features(fe),
			  peer.protocol);
}
END_TEST

START_TEST(handshake_negotiates_common_features_only)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(PAGEFAULT) |
			 VHOST_USER_PROTOCOL_BIT(XEN_MMAP) |
			 VHOST_USER_PROTOCOL_BIT(INBAND_NOTIFICATIONS) |
			 UINT64_C(1) << 63;
	become_ready();
	ck_assert_uint_eq(peer.acked, vhost_user_frontend_protocol_features(fe));
	ck_assert_uint_eq(peer.acked & ~peer.protocol, 0);
	ck_assert_uint_eq(peer.acked & VHOST_USER_PROTOCOL_BIT(PAGEFAULT), 0);
	ck_assert_uint_eq(peer.acked & VHOST_USER_PROTOCOL_BIT(XEN_MMAP), 0);
	ck_assert_uint_eq(peer.acked & VHOST_USER_PROTOCOL_BIT(INBAND_NOTIFICATIONS), 0);
	ck_assert_uint_eq(peer.acked >> 63, 0);
}
END_TEST

/* _i 2: no alternative bit is configured. */
START_TEST(shared_memory_may_be_read_from_the_bit_of_an_earlier_draft)
{
	const uint64_t bit = UINT64_C(1) << (20 + _i % 2);
	const uint64_t three = UINT64_C(7) << 20;

	config.shmem_bit = _i == 2 ? 0 : 20 + (uint32_t)_i;
	peer.protocol = (peer.protocol & ~three) | bit |
			VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD);
	become_ready();
	ck_assert_uint_eq(peer.acked & three, _i == 2 ? 0 : bit);
	ck_assert_uint_eq(vhost_user_frontend_protocol_features(fe) & three,
			  _i == 2 ? 0 : VHOST_USER_PROTOCOL_BIT(SHMEM));
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_SHMEM_CONFIG),
			  _i == 2 ? 0 : 1);
}
END_TEST

START_TEST(invalid_bit_of_shared_memory_is_refused)
{
	struct vhost_user_frontend *f;
	struct vsu_error err = VSU_ERROR_INIT;

	config.shmem_bit = _i ? 19 : 23;
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(peer.extra, &config,
							 &front_ops, NULL, &f,
							 &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "20, 21 and 22"));
	config.shmem_bit = 0;
	become_ready();
}
END_TEST

static const struct {
	uint64_t bit;
	const char *name;
} unserved[] = {
	{ VHOST_USER_PROTOCOL_BIT(CROSS_ENDIAN), "CROSS_ENDIAN (bit 6)" },
	{ VHOST_USER_PROTOCOL_BIT(XEN_MMAP), "XEN_MMAP (bit 17)" },
	{ UINT64_C(1) << 63, "bit 63" },
};

START_TEST(unimplemented_required_feature_is_refused_by_name)
{
	struct vsu_error err = VSU_ERROR_INIT;

	config.required_protocol_features = unserved[_i].bit;
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(peer.extra, &config,
							 &front_ops, NULL, &fe,
							 &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, unserved[_i].name));
	ck_assert_ptr_nonnull(strstr(err.msg, "/run/disk"));
	ck_assert_ptr_null(fe);
}
END_TEST

START_TEST(offered_cross_endian_is_not_negotiated)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(CROSS_ENDIAN);
	become_ready();
	ck_assert_uint_eq(peer.acked & VHOST_USER_PROTOCOL_BIT(CROSS_ENDIAN),
			  0);
}
END_TEST

START_TEST(handshake_without_bit_30_uses_no_protocol_features)
{
	peer.features &= ~VHOST_USER_F_PROTOCOL_FEATURES;
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_GET_PROTOCOL_FEATURES), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_PROTOCOL_FEATURES), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_OWNER), 1);
	ck_assert_uint_eq(vhost_user_frontend_protocol_features(fe), 0);
}
END_TEST

START_TEST(handshake_requests_no_ack_before_reply_ack)
{
	unsigned int i, agreed;

	become_ready();
	agreed = peer_first(&peer, VHOST_USER_SET_PROTOCOL_FEATURES);
	for (i = 0; i <= agreed; i++)
		ck_assert_uint_eq(peer.flags[i], VHOST_USER_HDR_VERSION);
	ck_assert_uint_eq(peer.flags[peer_first(&peer, VHOST_USER_SET_OWNER)],
			  VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY);
}
END_TEST

START_TEST(handshake_without_reply_ack_requests_no_ack)
{
	unsigned int i;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(REPLY_ACK);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	for (i = 0; i < peer.n; i++)
		ck_assert_uint_eq(peer.flags[i], VHOST_USER_HDR_VERSION);
}
END_TEST

START_TEST(handshake_pipelines_messages_without_a_reply)
{
	open_session();
	ck_assert(peer_step(&peer));	/* GET_FEATURES */
	vhost_user_frontend_dispatch(fe);
	ck_assert(peer_step(&peer));	/* GET_PROTOCOL_FEATURES */
	vhost_user_frontend_dispatch(fe);
	while (peer_step(&peer))
		;
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_OWNER), 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_NEGOTIATING);
}
END_TEST

START_TEST(handshake_names_a_missing_required_feature)
{
	config.required_protocol_features = VHOST_USER_PROTOCOL_BIT(STATUS);
	become_ready();
	assert_dead(-EOPNOTSUPP, "STATUS");
}
END_TEST

#define SEND_FD VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD)
#define SHMEM VHOST_USER_PROTOCOL_BIT(SHMEM)
#define CHANNEL VHOST_USER_PROTOCOL_BIT(BACKEND_REQ)

/* The channel and the features that require it: offered, and negotiated. */
static const struct {
	uint64_t offered, agreed;
} dependent[] = {
	{ CHANNEL | SEND_FD | SHMEM, CHANNEL | SEND_FD | SHMEM },
	{ CHANNEL | SHMEM, CHANNEL },
	{ SEND_FD | SHMEM, 0 },
	{ SHMEM, 0 },
	{ CHANNEL | SEND_FD, CHANNEL | SEND_FD },
};

START_TEST(handshake_negotiates_no_feature_without_its_dependencies)
{
	const uint64_t bits = CHANNEL | SEND_FD | SHMEM;

	peer.protocol = (peer.protocol & ~bits) | dependent[_i].offered;
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(peer.acked & bits, dependent[_i].agreed);
}
END_TEST

START_TEST(handshake_negotiates_only_features_the_owner_allows)
{
	config.protocol_features = VHOST_USER_PROTOCOL_BIT(CONFIG);
	become_ready();
	ck_assert_uint_eq(peer.acked, VHOST_USER_PROTOCOL_BIT(CONFIG));
	ck_assert_int_eq(peer.back, -1);
}
END_TEST

/* -------------------------------------------------------------------- start */

START_TEST(start_sends_all_messages_at_once_in_a_fixed_order)
{
	const uint32_t order[] = {
		VHOST_USER_SET_FEATURES, VHOST_USER_ADD_MEM_REG,
		VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
		VHOST_USER_SET_VRING_ADDR, VHOST_USER_SET_VRING_ERR,
		VHOST_USER_SET_VRING_CALL, VHOST_USER_SET_VRING_KICK,
		VHOST_USER_SET_VRING_ENABLE,
	};
	unsigned int i;

	begin_start();
	while (peer_step(&peer))
		;
	for (i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		ck_assert_uint_lt(peer_first(&peer, order[i - 1]),
				  peer_first(&peer, order[i]));
	ck_assert_uint_eq(peer.log[peer.n - 1], VHOST_USER_GET_FEATURES);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_STARTING);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(notified.started, 1);
}
END_TEST

START_TEST(start_sets_bit_30_and_enables_rings)
{
	run();
	ck_assert_uint_eq(peer.set_features,
			  VERSION_1 | VHOST_USER_F_PROTOCOL_FEATURES);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE),
			  NRINGS);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), NRINGS);
}
END_TEST

START_TEST(start_without_bit_30_enables_nothing)
{
	peer.features &= ~VHOST_USER_F_PROTOCOL_FEATURES;
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer.set_features, VERSION_1);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 1);
}
END_TEST

START_TEST(start_kicks_each_ring_once)
{
	uint64_t count = 0;

	run();
	ck_assert_int_eq(vsu_event_drain(kick_fd, &count), 0);
	ck_assert_uint_eq(count, NRINGS);
}
END_TEST

START_TEST(start_with_status_sends_driver_ok_last)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(STATUS);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer.status, 0x0f);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_STATUS), 2);
	ck_assert_uint_eq(peer.log[peer.n - 2], VHOST_USER_SET_STATUS);
}
END_TEST

START_TEST(start_fails_when_the_device_clears_features_ok)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(STATUS);
	deviate(PEER_VALUE, VHOST_USER_GET_STATUS);
	peer.value = 3;
	run();
	assert_dead(-EOPNOTSUPP, "features");
}
END_TEST

START_TEST(c1_07_start_refuses_features_missing_in_the_back_end)
{
	struct vsu_error err = VSU_ERROR_INIT;

	become_ready();
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1 << 8, &err),
			 -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_start(
				 fe, VHOST_USER_F_PROTOCOL_FEATURES, &err),
			 -EINVAL);
}
END_TEST

/*
 * A guest that was saved on another host uses a feature that this back-end does
 * not offer.
 */
START_TEST(e2_03_missing_features_are_named_and_nothing_is_sent)
{
	const uint64_t more = VERSION_1 << _i;
	struct vsu_error err = VSU_ERROR_INIT;
	char words[64];
	unsigned int n;

	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(NRINGS);
	n = peer.n;
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1 | more, &err),
			 -EINVAL);
	snprintf(words, sizeof(words), "%#" PRIx64, more);
	ck_assert_msg(strstr(err.msg, words), "%s", err.msg);
	dispatch_both();
	ck_assert_uint_eq(peer.n, n);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

/* Each area ends 8 bytes beyond the region that it begins in. */
START_TEST(e2_05_ring_area_partly_outside_memory_is_refused)
{
	static const uint64_t lens[] = { 128 * 16, 4 + 128 * 2, 4 + 128 * 8 };
	struct vhost_user_ring ring = {
		.size = 128, .desc_gpa = 0x1000, .driver_gpa = 0x2000,
		.device_gpa = 0x3000, .kick_fd = -1, .call_fd = -1, .err_fd = -1,
	};
	uint64_t *areas[] = { &ring.desc_gpa, &ring.driver_gpa,
			      &ring.device_gpa };

	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	*areas[_i] = (MIB - lens[_i] + 8 + 15) & ~UINT64_C(15);
	ck_assert_int_eq(vhost_user_frontend_set_ring(fe, 0, &ring, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EFAULT);
	*areas[_i] = (MIB - lens[_i]) & ~UINT64_C(15);
	ck_assert_int_eq(vhost_user_frontend_set_ring(fe, 0, &ring, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
}
END_TEST

START_TEST(start_refuses_a_ring_outside_memory)
{
	become_ready();
	grow_map(16 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EFAULT);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(removed_ring_is_not_sent)
{
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_forget_ring(fe, 0, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_forget_ring(fe, 0, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_forget_ring(fe, 300, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_forget_ring(fe, 0, NULL), -EPROTO);
}
END_TEST

START_TEST(start_without_rings_is_refused)
{
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
}
END_TEST

START_TEST(start_while_running_is_refused)
{
	begin_start();
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EPROTO);
}
END_TEST

START_TEST(start_of_many_rings_stays_within_the_window)
{
	peer.queue_num = 256;
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(64);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), 64);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE), 64);
}
END_TEST

/* --------------------------------------------------------------------- stop */

START_TEST(stop_disables_rings_then_reads_their_bases)
{
	peer.base = 42;
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(notified.stopped, 1);
	ck_assert_uint_eq(notified.nbases, NRINGS);
	ck_assert_uint_eq(notified.bases[1], 42);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE),
			  2 * NRINGS);
}
END_TEST

START_TEST(start_after_stop_continues_at_the_bases)
{
	struct vhost_user_vring_state sent;

	peer.base = 42;
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	peer.deviation = PEER_SILENT;	/* so SET_VRING_BASE is the last message */
	peer.deviation_at = VHOST_USER_SET_VRING_BASE;
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_SET_VRING_BASE)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(sent.num, 42);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

START_TEST(c1_12_base_beyond_a_split_ring_is_fatal)
{
	peer.base = 0x10000;
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
	ck_assert_uint_eq(notified.stopped, 0);
}
END_TEST

/* Bits 0-14: next available; 16-30: next used. The rings have 128 entries. */
static const struct {
	uint32_t base;
	bool fits;
} packed_bases[] = {
	{ 0x807f807f, true }, { 0, true },
	{ 0x80, false }, { 0x00800000, false }, { 0x7fff7fff, false },
};

START_TEST(c1_12_base_beyond_a_packed_ring_is_fatal)
{
	peer.base = packed_bases[_i].base;
	peer.features |= VHOST_USER_F_RING_PACKED;
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(
				 fe, VERSION_1 | VHOST_USER_F_RING_PACKED, NULL),
			 0);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.stopped, packed_bases[_i].fits);
	if (packed_bases[_i].fits)
		ck_assert_uint_eq(notified.bases[0], packed_bases[_i].base);
	else
		assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
}
END_TEST

/* Some back-ends return a 16-bit base, as of a split ring. */
START_TEST(packed_base_of_16_bits_sets_both_positions)
{
	peer.base = 0x8040;
	peer.features |= VHOST_USER_F_RING_PACKED;
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(
				 fe, VERSION_1 | VHOST_USER_F_RING_PACKED, NULL),
			 0);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.bases[0], 0x80408040);
}
END_TEST

START_TEST(c1_12_base_of_another_ring_is_fatal)
{
	const struct vhost_user_vring_state other = { 1, 0 };

	run();
	deviate(PEER_VALUE, VHOST_USER_GET_VRING_BASE);
	memcpy(&peer.value, &other, sizeof(other));
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
}
END_TEST

START_TEST(reset_drops_rings_and_keeps_memory)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(RESET_DEVICE);
	run();
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_RESET_DEVICE), 1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

START_TEST(reset_without_its_feature_sends_nothing)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	dispatch_both();
	peer.n = 0;
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(peer.n, 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
}
END_TEST

/* ------------------------------------------------------------ configuration */

START_TEST(config_is_read)
{
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 8, 60, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
	ck_assert_uint_eq(notified.config_len, 60);
	ck_assert_uint_eq(notified.config_bytes[59], 0x5a);
}
END_TEST

START_TEST(config_requires_its_protocol_feature)
{
	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIG);
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL),
			 -EOPNOTSUPP);
}
END_TEST

START_TEST(config_beyond_the_limit_is_refused_without_a_message)
{
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 200, 57, NULL),
			 -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, UINT32_MAX, 2, NULL),
			 -EINVAL);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 0, NULL),
			 -EINVAL);
}
END_TEST

static const struct {
	enum peer_deviation how;
	uint64_t value;
} bad_configs[] = {
	{ PEER_SHORT, 0 },
	{ PEER_LONG, 0 },
	{ PEER_EMPTY, 0 },
	{ PEER_VALUE, 0 },			/* offset 0, size 0 */
	{ PEER_VALUE, UINT64_C(60) << 32 | 4 },	/* another offset */
	{ PEER_VALUE, UINT64_C(64) << 32 },	/* another size */
};

START_TEST(c1_09_wrong_config_fails_only_the_call)
{
	become_ready();
	deviate(bad_configs[_i].how, VHOST_USER_GET_CONFIG);
	peer.value = bad_configs[_i].value;
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config, 1);
	ck_assert_uint_eq(notified.config_len, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	peer.deviation = PEER_CORRECT;
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.config_len, 60);
}
END_TEST

START_TEST(refused_config_write_is_reported_and_keeps_the_session)
{
	become_ready();
	deviate(PEER_REFUSE, VHOST_USER_SET_CONFIG);
	ck_assert_int_eq(vhost_user_frontend_set_config(fe, 32, "\1", 1, false,
							NULL), 0);
	dispatch_both();
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert(strstr(notified.refusal.msg, "SET_CONFIG"));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(call_is_replaced_while_running)
{
	const uint64_t ring_1_without_fd = 1 | 1 << 8;

	run();
	ck_assert_int_eq(vhost_user_frontend_set_call(fe, 1, -1, NULL), 0);
	while (peer_step(&peer))
		;
	ck_assert_uint_eq(peer.last.hdr.request, VHOST_USER_SET_VRING_CALL);
	ck_assert_mem_eq(peer.last.payload, &ring_1_without_fd, 8);
	ck_assert_uint_eq(peer.last.nfds, 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

#define MANY_RINGS 12u
#define NOFD (UINT64_C(1) << 8)

/*
 * The start sends as many messages as the window permits. _i regions of memory
 * precede the rings, so that the window ends at each message of a ring.
 */
START_TEST(call_replaced_during_a_start_is_sent)
{
	uint64_t word, calls[MANY_RINGS] = { 0 };
	unsigned int i;
	bool busy;

	become_ready();
	for (i = 0; i < (unsigned int)_i; i++)
		grow_map(4 * i * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	describe_rings(MANY_RINGS);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	for (i = 0; i < MANY_RINGS; i++)
		ck_assert_int_eq(vhost_user_frontend_set_call(fe, i, -1, NULL), 0);
	do {
		busy = peer_step(&peer);
		memcpy(&word, peer.last.payload, sizeof(word));
		if (busy && peer.last.hdr.request == VHOST_USER_SET_VRING_CALL)
			calls[(uint8_t)word] = word;
		if (readable(vhost_user_frontend_fd(fe)))
			busy = vhost_user_frontend_dispatch(fe) >= 0;
	} while (busy);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	for (i = 0; i < MANY_RINGS; i++)
		ck_assert_uint_eq(calls[i], i | NOFD);
}
END_TEST

START_TEST(too_many_calls_at_once_return_eagain)
{
	int rc = 0, n;

	run();
	for (n = 0; n < 1000 && !rc; n++)
		rc = vhost_user_frontend_set_call(fe, 0, call_fd, NULL);
	ck_assert_int_eq(rc, -EAGAIN);
	dispatch_both();
	ck_assert_int_eq(vhost_user_frontend_set_call(fe, 0, call_fd, NULL), 0);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static void add_handshake(Suite *s)
{
	TCase *tc = front_case(s, "handshake", setup, teardown);

	tcase_add_test(tc, handshake_ends_ready_with_the_offered_features);
	tcase_add_test(tc, handshake_negotiates_common_features_only);
	tcase_add_loop_test(tc, shared_memory_may_be_read_from_the_bit_of_an_earlier_draft,
			    0, 3);
	tcase_add_loop_test(tc, invalid_bit_of_shared_memory_is_refused,
			    0, 2);
	tcase_add_loop_test(tc, unimplemented_required_feature_is_refused_by_name,
			    0, COUNT(unserved));
	tcase_add_test(tc, offered_cross_endian_is_not_negotiated);
	tcase_add_test(tc, handshake_without_bit_30_uses_no_protocol_features);
	tcase_add_test(tc, handshake_requests_no_ack_before_reply_ack);
	tcase_add_test(tc, handshake_without_reply_ack_requests_no_ack);
	tcase_add_test(tc, handshake_pipelines_messages_without_a_reply);
	tcase_add_test(tc, handshake_names_a_missing_required_feature);
	tcase_add_loop_test(tc, handshake_negotiates_no_feature_without_its_dependencies,
			    0, COUNT(dependent));
	tcase_add_test(tc, handshake_negotiates_only_features_the_owner_allows);
}

static void add_start(Suite *s)
{
	TCase *tc = front_case(s, "start", setup, teardown);

	tcase_add_test(tc, start_sends_all_messages_at_once_in_a_fixed_order);
	tcase_add_test(tc, start_sets_bit_30_and_enables_rings);
	tcase_add_test(tc, start_without_bit_30_enables_nothing);
	tcase_add_test(tc, start_kicks_each_ring_once);
	tcase_add_test(tc, start_with_status_sends_driver_ok_last);
	tcase_add_test(tc, start_fails_when_the_device_clears_features_ok);
	tcase_add_test(tc, c1_07_start_refuses_features_missing_in_the_back_end);
	tcase_add_loop_test(tc, e2_03_missing_features_are_named_and_nothing_is_sent,
			    2, 8);
	tcase_add_loop_test(tc, e2_05_ring_area_partly_outside_memory_is_refused,
			    0, 3);
	tcase_add_test(tc, start_refuses_a_ring_outside_memory);
	tcase_add_test(tc, removed_ring_is_not_sent);
	tcase_add_test(tc, start_without_rings_is_refused);
	tcase_add_test(tc, start_while_running_is_refused);
	tcase_add_test(tc, start_of_many_rings_stays_within_the_window);
}

static void add_stop(Suite *s)
{
	TCase *tc = front_case(s, "stop", setup, teardown);

	tcase_add_test(tc, stop_disables_rings_then_reads_their_bases);
	tcase_add_test(tc, start_after_stop_continues_at_the_bases);
	tcase_add_test(tc, c1_12_base_beyond_a_split_ring_is_fatal);
	tcase_add_loop_test(tc, c1_12_base_beyond_a_packed_ring_is_fatal, 0,
			    COUNT(packed_bases));
	tcase_add_test(tc, packed_base_of_16_bits_sets_both_positions);
	tcase_add_test(tc, c1_12_base_of_another_ring_is_fatal);
	tcase_add_test(tc, reset_drops_rings_and_keeps_memory);
	tcase_add_test(tc, reset_without_its_feature_sends_nothing);
}

static void add_config(Suite *s)
{
	TCase *tc = front_case(s, "config", setup, teardown);

	tcase_add_test(tc, config_is_read);
	tcase_add_test(tc, config_requires_its_protocol_feature);
	tcase_add_test(tc, config_beyond_the_limit_is_refused_without_a_message);
	tcase_add_loop_test(tc, c1_09_wrong_config_fails_only_the_call, 0,
			    COUNT(bad_configs));
	tcase_add_test(tc, refused_config_write_is_reported_and_keeps_the_session);
	tcase_add_test(tc, call_is_replaced_while_running);
	tcase_add_loop_test(tc, call_replaced_during_a_start_is_sent, 1, 7);
	tcase_add_test(tc, too_many_calls_at_once_return_eagain);
}

int main(void)
{
	Suite *s = suite_create("frontend");

	add_handshake(s);
	add_start(s);
	add_stop(s);
	add_config(s);
	return run_suite(s);
}
