/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the front-end, made against a scripted back-end. Every test
 * ends with the number of open descriptors it began with.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "session.h"

#define USER_BASE (UINT64_C(1) << 44)

/* ---------------------------------------------------------------- handshake */

START_TEST(handshake_ends_ready_with_what_was_offered)
{
	become_ready();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(told.ready, 1);
	ck_assert_uint_eq(vhost_user_frontend_features(fe), peer.features);
	ck_assert_uint_eq(vhost_user_frontend_queue_num(fe), 4);
	ck_assert_uint_eq(vhost_user_frontend_max_mem_slots(fe), 509);
	ck_assert_uint_eq(vhost_user_frontend_offered_protocol_features(fe),
			  peer.protocol);
}
END_TEST

START_TEST(handshake_asks_for_no_more_than_both_speak)
{
	become_ready();
	ck_assert_uint_eq(peer.acked, vhost_user_frontend_protocol_features(fe));
	ck_assert_uint_eq(peer.acked & ~peer.protocol, 0);
	ck_assert_uint_eq(peer.acked & VHOST_USER_PROTOCOL_BIT(LOG_SHMFD), 0);
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

START_TEST(handshake_asks_for_no_ack_before_it_was_agreed_on)
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

START_TEST(handshake_without_reply_ack_asks_for_none_at_all)
{
	unsigned int i;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(REPLY_ACK);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	for (i = 0; i < peer.n; i++)
		ck_assert_uint_eq(peer.flags[i], VHOST_USER_HDR_VERSION);
}
END_TEST

START_TEST(handshake_pipelines_what_needs_no_answer)
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

START_TEST(handshake_names_a_required_feature_that_lacks)
{
	config.required_protocol_features = VHOST_USER_PROTOCOL_BIT(STATUS);
	become_ready();
	assert_dead(-EOPNOTSUPP, "STATUS");
}
END_TEST

START_TEST(handshake_wants_no_more_than_the_owner)
{
	config.protocol_features = VHOST_USER_PROTOCOL_BIT(CONFIG);
	become_ready();
	ck_assert_uint_eq(peer.acked, VHOST_USER_PROTOCOL_BIT(CONFIG));
	ck_assert_int_eq(peer.back, -1);
}
END_TEST

/* -------------------------------------------------------------------- start */

START_TEST(start_sends_all_at_once_in_an_order_every_peer_takes)
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
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(told.started, 1);
}
END_TEST

START_TEST(start_sets_bit_30_and_enables_rings)
{
	run();
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
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE), 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 1);
}
END_TEST

START_TEST(start_gives_each_ring_a_first_kick)
{
	uint64_t count = 0;

	run();
	ck_assert_int_eq(vsu_event_drain(kick_fd, &count), 0);
	ck_assert_uint_eq(count, NRINGS);
}
END_TEST

START_TEST(start_with_status_says_driver_ok_last)
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
	twist(PEER_VALUE, VHOST_USER_GET_STATUS);
	peer.value = 3;
	run();
	assert_dead(-EOPNOTSUPP, "features");
}
END_TEST

START_TEST(c1_07_features_that_this_back_end_lacks_are_not_started_with)
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

START_TEST(start_refuses_to_begin_without_rings)
{
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
}
END_TEST

START_TEST(start_is_refused_while_one_runs)
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
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_KICK), 64);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE), 64);
}
END_TEST

/* --------------------------------------------------------------------- stop */

START_TEST(stop_disables_then_asks_where_rings_stand)
{
	peer.base = 42;
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	ck_assert_uint_eq(told.stopped, 1);
	ck_assert_uint_eq(told.nbases, NRINGS);
	ck_assert_uint_eq(told.bases[1], 42);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_VRING_ENABLE),
			  2 * NRINGS);
}
END_TEST

START_TEST(start_after_stop_goes_on_where_rings_stopped)
{
	struct vhost_user_vring_state sent;

	peer.base = 42;
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	peer.twist = PEER_SILENT;	/* leaves SET_VRING_BASE as the last */
	peer.twist_at = VHOST_USER_SET_VRING_BASE;
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
	settle();
	assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
	ck_assert_uint_eq(told.stopped, 0);
}
END_TEST

/* Bits 0-14 next available, 16-30 next used; the rings have 128 entries. */
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
	settle();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	ck_assert_uint_eq(told.stopped, packed_bases[_i].fits);
	if (packed_bases[_i].fits)
		ck_assert_uint_eq(told.bases[0], packed_bases[_i].base);
	else
		assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
}
END_TEST

START_TEST(c1_12_base_of_another_ring_is_fatal)
{
	run();
	twist(PEER_VALUE, VHOST_USER_GET_VRING_BASE);
	peer.value = 1;
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	assert_dead(-EBADMSG, "GET_VRING_BASE of ring 0");
}
END_TEST

START_TEST(reset_forgets_rings_and_keeps_memory)
{
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(RESET_DEVICE);
	run();
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	settle();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_RESET_DEVICE), 1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
	describe_rings(1);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL), 0);
	settle();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

START_TEST(reset_without_a_message_for_it_is_ours_alone)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	peer.n = 0;
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), 0);
	settle();
	ck_assert_uint_eq(peer.n, 0);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EINVAL);
}
END_TEST

/* ------------------------------------------------------------------- memory */

START_TEST(c1_18_addresses_sent_are_no_host_pointers)
{
	struct vhost_user_mem_reg sent;

	twist(PEER_SILENT, VHOST_USER_ADD_MEM_REG);
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_ADD_MEM_REG)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(sent.region.guest_addr, 0);
	ck_assert_uint_eq(sent.region.user_addr, USER_BASE);
	ck_assert_uint_eq(sent.region.size, MIB);
	ck_assert_uint_eq(peer.last.nfds, 1);
}
END_TEST

START_TEST(memory_without_slots_is_one_table)
{
	struct vhost_user_mem_table sent;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	grow_map(0, MIB);
	grow_map(4 * MIB, 2 * MIB);
	begin_start();
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_SET_MEM_TABLE)
		;
	memcpy(&sent, peer.last.payload, sizeof(sent));
	ck_assert_uint_eq(peer.last.hdr.size, 8 + 2 * 32);
	ck_assert_uint_eq(peer.last.nfds, 2);
	ck_assert_uint_eq(sent.nregions, 2);
	ck_assert_uint_eq(sent.regions[1].guest_addr, 4 * MIB);
}
END_TEST

START_TEST(memory_of_more_regions_than_a_table_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	become_ready();
	for (i = 0; i < 9; i++)
		grow_map(i * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err),
			 -ENOSPC);
	ck_assert(strstr(err.msg, "takes 8"));
}
END_TEST

START_TEST(memory_that_cannot_be_shared_is_named)
{
	struct vsu_error err = VSU_ERROR_INIT;

	become_ready();
	grow_map_flags(0x40000000, MIB, VMEM_BLOCK_WRITE);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, &err),
			 -EINVAL);
	ck_assert(strstr(err.msg, "0x40000000"));
	ck_assert(strstr(err.msg, "share=on"));
}
END_TEST

START_TEST(memory_that_is_rom_is_left_out)
{
	grow_map(0, MIB);
	grow_map_flags(0xfff00000, MIB, VMEM_BLOCK_ROM);
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 1);
}
END_TEST

START_TEST(memory_while_running_sends_the_difference)
{
	run();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), -EBUSY);
	settle();
	ck_assert_uint_eq(told.memory, 1);
	ck_assert_int_eq(told.memory_code, 0);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 2);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 0);
}
END_TEST

static void shrink_map(unsigned int at)
{
	struct vmem_map *less;

	ck_assert_int_eq(vmem_map_remove(map, vmem_map_region(map, at), &less,
					 NULL), 0);
	vmem_map_unref(map);
	map = less;
}

START_TEST(memory_removed_while_running_goes_without_an_fd)
{
	grow_map(0, MIB);
	grow_map(4 * MIB, MIB);
	run();
	shrink_map(1);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	while (peer_step(&peer) &&
	       peer.last.hdr.request != VHOST_USER_REM_MEM_REG)
		;
	ck_assert_uint_eq(peer.last.hdr.request, VHOST_USER_REM_MEM_REG);
	ck_assert_uint_eq(peer.last.nfds, 0);
	settle();
	ck_assert_uint_eq(told.memory, 1);
}
END_TEST

START_TEST(memory_of_a_running_ring_cannot_be_removed)
{
	grow_map(0, MIB);
	grow_map(4 * MIB, MIB);
	run();
	shrink_map(0);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL),
			 -EFAULT);
}
END_TEST

START_TEST(c1_06_refused_memory_while_running_is_taken_back)
{
	run();
	twist(PEER_REFUSE, VHOST_USER_ADD_MEM_REG);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(told.memory, 1);
	ck_assert_int_eq(told.memory_code, -EPROTO);
	peer.twist = PEER_HONEST;
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	settle();
	ck_assert_uint_eq(told.memory, 2);
	ck_assert_int_eq(told.memory_code, 0);
}
END_TEST

START_TEST(c1_06_half_refused_memory_is_taken_back_as_a_whole)
{
	run();
	grow_map(4 * MIB, MIB);
	grow_map(8 * MIB, MIB);
	peer.twist = PEER_REFUSE;	/* of the two, the second is refused */
	peer.twist_at = 0;
	peer.twist_count = peer.n + 2;
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	settle();
	ck_assert_int_eq(told.memory_code, -EPROTO);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_ADD_MEM_REG), 3);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_REM_MEM_REG), 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(c1_06_refused_table_while_running_leaves_the_former)
{
	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIGURE_MEM_SLOTS);
	run();
	twist(PEER_REFUSE, VHOST_USER_SET_MEM_TABLE);
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	settle();
	ck_assert_int_eq(told.memory_code, -EPROTO);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_SET_MEM_TABLE), 2);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(stop_during_a_change_of_memory_comes_after_it)
{
	run();
	grow_map(4 * MIB, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	ck_assert_uint_eq(told.memory, 1);
	ck_assert_uint_eq(told.stopped, 1);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

/* ------------------------------------------------------------ configuration */

START_TEST(config_is_read)
{
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 8, 60, NULL), 0);
	settle();
	ck_assert_uint_eq(told.config, 1);
	ck_assert_uint_eq(told.config_len, 60);
	ck_assert_uint_eq(told.config_bytes[59], 0x5a);
}
END_TEST

START_TEST(config_needs_its_protocol_feature)
{
	peer.protocol &= ~VHOST_USER_PROTOCOL_BIT(CONFIG);
	become_ready();
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL),
			 -EOPNOTSUPP);
}
END_TEST

START_TEST(config_beyond_the_limit_is_refused_here)
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
	enum peer_twist how;
	uint64_t value;
} bad_configs[] = {
	{ PEER_SHORT, 0 },
	{ PEER_LONG, 0 },
	{ PEER_EMPTY, 0 },
	{ PEER_VALUE, 0 },			/* offset 0, size 0 */
	{ PEER_VALUE, UINT64_C(60) << 32 | 4 },	/* another offset */
	{ PEER_VALUE, UINT64_C(64) << 32 },	/* another size */
};

START_TEST(c1_09_wrong_config_is_an_error_to_the_caller_only)
{
	become_ready();
	twist(bad_configs[_i].how, VHOST_USER_GET_CONFIG);
	peer.value = bad_configs[_i].value;
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL), 0);
	settle();
	ck_assert_uint_eq(told.config, 1);
	ck_assert_uint_eq(told.config_len, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
	peer.twist = PEER_HONEST;
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 60, NULL), 0);
	settle();
	ck_assert_uint_eq(told.config_len, 60);
}
END_TEST

START_TEST(config_write_that_is_refused_is_told_and_goes_on)
{
	become_ready();
	twist(PEER_REFUSE, VHOST_USER_SET_CONFIG);
	ck_assert_int_eq(vhost_user_frontend_set_config(fe, 32, "\1", 1, false,
							NULL), 0);
	settle();
	ck_assert_uint_eq(told.refused, 1);
	ck_assert(strstr(told.refusal.msg, "SET_CONFIG"));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_READY);
}
END_TEST

START_TEST(call_is_replaced_while_running)
{
	run();
	ck_assert_int_eq(vhost_user_frontend_set_call(fe, 1, -1, NULL), 0);
	while (peer_step(&peer))
		;
	ck_assert_uint_eq(peer.last.hdr.request, VHOST_USER_SET_VRING_CALL);
	ck_assert_uint_eq(peer.last.payload[0], 1);
	ck_assert_uint_eq(peer.last.payload[1], 1);	/* bit 8: no fd */
	ck_assert_uint_eq(peer.last.nfds, 0);
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(too_many_calls_at_once_are_put_off)
{
	int rc = 0, n;

	run();
	for (n = 0; n < 1000 && !rc; n++)
		rc = vhost_user_frontend_set_call(fe, 0, call_fd, NULL);
	ck_assert_int_eq(rc, -EAGAIN);
	settle();
	ck_assert_int_eq(vhost_user_frontend_set_call(fe, 0, call_fd, NULL), 0);
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* ------------------------------------------------------------- bad answers */

START_TEST(c1_01_reply_nobody_asked_for_ends_the_session)
{
	uint64_t zero = 0;

	become_ready();
	peer_send(&peer, VHOST_USER_SET_OWNER,
		  VHOST_USER_HDR_VERSION | VHOST_USER_HDR_REPLY, &zero, 8, -1);
	settle();
	assert_dead(-EBADMSG, "nobody asked for");
}
END_TEST

START_TEST(c1_01_second_answer_ends_the_session)
{
	twist(PEER_TWICE, VHOST_USER_SET_OWNER);
	become_ready();
	assert_dead(-EBADMSG, "SET_OWNER");
}
END_TEST

static const struct {
	enum peer_twist how;
	const char *words;
} bad_headers[] = {
	{ PEER_WRONG_NUMBER, "GET_MAX_MEM_SLOTS" },
	{ PEER_NO_REPLY_BIT, "reply" },
	{ PEER_EXTRA_FLAG, "flags" },
	{ PEER_WRONG_VERSION, "version" },
};

START_TEST(c1_02_reply_with_a_wrong_header_ends_the_session)
{
	twist(bad_headers[_i].how, VHOST_USER_GET_MAX_MEM_SLOTS);
	become_ready();
	assert_dead(-EBADMSG, bad_headers[_i].words);
}
END_TEST

static const struct {
	enum peer_twist how;
	uint32_t at;
} bad_sizes[] = {
	{ PEER_SHORT, VHOST_USER_GET_FEATURES },
	{ PEER_LONG, VHOST_USER_GET_FEATURES },
	{ PEER_SHORT, VHOST_USER_GET_QUEUE_NUM },
	{ PEER_LONG, VHOST_USER_SET_OWNER },
	{ PEER_SHORT, VHOST_USER_SET_OWNER },
	{ PEER_EMPTY, VHOST_USER_SET_OWNER },
};

START_TEST(c1_03_reply_of_another_size_ends_the_session)
{
	twist(bad_sizes[_i].how, bad_sizes[_i].at);
	become_ready();
	assert_dead(-EBADMSG, "bytes");
}
END_TEST

START_TEST(c1_03_reply_larger_than_any_ends_the_session)
{
	twist(PEER_HUGE, VHOST_USER_GET_FEATURES);
	become_ready();
	assert_dead(-EMSGSIZE, "65536");
}
END_TEST

START_TEST(c1_04_reply_with_an_fd_ends_the_session_and_closes_it)
{
	twist(PEER_WITH_FD, VHOST_USER_GET_QUEUE_NUM);
	open_session();
	peer.extra = vsu_event_new();
	settle();
	assert_dead(-EBADMSG, "descriptors");
}
END_TEST

/* Waits for the session's own timer, not for a time. */
static void wait_for_death(void)
{
	struct pollfd p = { .fd = vhost_user_frontend_fd(fe), .events = POLLIN };

	while (state() != VHOST_USER_FRONTEND_DEAD) {
		ck_assert_int_eq(poll(&p, 1, 20000), 1);
		vhost_user_frontend_dispatch(fe);
	}
}

START_TEST(c1_05_missing_answer_ends_the_session_at_its_deadline)
{
	config.timeout_ns = 1000000;
	twist(PEER_SILENT, VHOST_USER_SET_OWNER);
	open_session();
	settle();
	wait_for_death();
	assert_dead(-ETIMEDOUT, "within 0.001 seconds");
}
END_TEST

START_TEST(c1_05_half_an_answer_does_not_stop_the_clock)
{
	config.timeout_ns = 1000000;
	twist(PEER_HALF_HEADER, VHOST_USER_GET_FEATURES);
	open_session();
	settle();
	wait_for_death();
	ck_assert_int_eq(told.err.code, -ETIMEDOUT);
}
END_TEST

static const uint32_t refusable[] = {
	VHOST_USER_SET_FEATURES, VHOST_USER_ADD_MEM_REG,
	VHOST_USER_SET_VRING_NUM, VHOST_USER_SET_VRING_BASE,
	VHOST_USER_SET_VRING_ADDR, VHOST_USER_SET_VRING_CALL,
	VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_ENABLE,
};

START_TEST(c1_06_refusal_fails_the_start_and_names_the_request)
{
	static const char *const names[] = {
		"SET_FEATURES", "ADD_MEM_REG", "SET_VRING_NUM",
		"SET_VRING_BASE", "SET_VRING_ADDR", "SET_VRING_CALL",
		"SET_VRING_KICK", "SET_VRING_ENABLE",
	};

	twist(PEER_REFUSE, refusable[_i]);
	run();
	assert_dead(-EPROTO, names[_i]);
	ck_assert_uint_eq(told.started, 0);
}
END_TEST

START_TEST(c1_08_no_queues_and_no_slots_are_refused)
{
	twist(PEER_VALUE, _i ? VHOST_USER_GET_QUEUE_NUM :
			       VHOST_USER_GET_MAX_MEM_SLOTS);
	peer.value = 0;
	become_ready();
	assert_dead(-EBADMSG, _i ? "queues" : "slots");
}
END_TEST

START_TEST(c1_08_enormous_limits_are_capped)
{
	peer.queue_num = UINT64_MAX;
	peer.max_slots = UINT64_MAX - 1;
	become_ready();
	ck_assert_uint_eq(vhost_user_frontend_queue_num(fe), 256);
	ck_assert_uint_eq(vhost_user_frontend_max_mem_slots(fe), 512);
}
END_TEST

/* n counts from the first message; far more than a whole session has. */
START_TEST(c1_13_back_end_dies_at_any_message)
{
	peer.twist = PEER_HANG_UP;
	peer.twist_count = (unsigned int)_i + 1;
	open_session();
	settle();
	if (state() == VHOST_USER_FRONTEND_READY) {
		begin_start();
		settle();
	}
	if (state() == VHOST_USER_FRONTEND_RUNNING) {
		ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
		settle();
	}
	if (peer.n >= peer.twist_count)
		assert_dead(-ECONNRESET, "hung up");
	else
		ck_assert_uint_eq(told.stopped, 1);
}
END_TEST

START_TEST(c1_13_retry_on_a_new_session_works)
{
	int pair[2];

	twist(PEER_HANG_UP, VHOST_USER_SET_OWNER);
	become_ready();
	assert_dead(-ECONNRESET, "SET_OWNER");
	vhost_user_frontend_free(fe);
	fe = NULL;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_fini(&peer);
	peer_init(&peer, pair[1]);
	peer.extra = pair[0];
	run();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(peer_that_accepts_and_leaves_is_told_with_both_requests)
{
	twist(PEER_ACCEPT_AND_LEAVE, VHOST_USER_SET_VRING_ADDR);
	run();
	assert_dead(-ECONNRESET, "SET_VRING_ADDR of ring 0");
}
END_TEST

START_TEST(c1_15_calls_on_a_dead_session_are_refused_at_once)
{
	twist(PEER_HANG_UP, VHOST_USER_SET_OWNER);
	become_ready();
	grow_map(0, MIB);
	ck_assert_int_eq(vhost_user_frontend_set_memory(fe, map, NULL),
			 -ECONNRESET);
	ck_assert_int_eq(vhost_user_frontend_start(fe, VERSION_1, NULL),
			 -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 4, NULL),
			 -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_reset(fe, NULL), -EPROTO);
}
END_TEST

/* --------------------------------------------------------- back-end channel */

#define NEED VHOST_USER_HDR_NEED_REPLY

START_TEST(c2_31_config_changes_are_told_once_a_turn)
{
	unsigned int i;

	run();
	for (i = 0; i < 10; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(told.changed, 1);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(peer_answer(&peer), -1);
}
END_TEST

START_TEST(c2_01_unknown_request_is_refused_and_the_session_goes_on)
{
	run();
	peer_ask(&peer, 99, NEED, NULL, 0, -1);
	peer_ask(&peer, 98, 0, NULL, 0, -1);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 -1);
	settle();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(c2_01_bad_header_on_the_channel_ends_the_session)
{
	run();
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
		 VHOST_USER_HDR_REPLY, NULL, 0, -1);
	settle();
	assert_dead(-EBADMSG, "back-end channel");
}
END_TEST

START_TEST(c2_01_fds_nobody_takes_are_closed_and_counted)
{
	int i, before;

	run();
	before = vsu_fd_count();
	for (i = 0; i < 15; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, call_fd);
	settle();
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(told.changed, 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 call_fd);
	settle();
	assert_dead(-EPROTO, "descriptors");
}
END_TEST

START_TEST(c2_02_flood_leaves_the_main_socket_its_share)
{
	unsigned int i;

	run();
	for (i = 0; i < 100; i++)
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED,
			 NULL, 0, -1);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	ck_assert(peer_step(&peer));
	ck_assert_int_eq(vhost_user_frontend_dispatch(fe), 1);
	ck_assert_uint_eq(told.config, 1);
	for (i = 0; peer_answer(&peer) == 0; i++)
		;
	ck_assert_uint_lt(i, 100);
}
END_TEST

START_TEST(c2_03_channel_is_served_while_an_answer_is_awaited)
{
	run();
	twist(PEER_SILENT, VHOST_USER_GET_VRING_BASE);
	ck_assert_int_eq(vhost_user_frontend_stop(fe, NULL), 0);
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_STOPPING);
	peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, NEED, NULL, 0,
		 -1);
	settle();
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_STOPPING);
}
END_TEST

START_TEST(c2_04_map_request_without_the_feature_is_refused)
{
	const struct vhost_user_shmem_mmap mmap_req = { .len = 4096 };
	int before;

	run();
	before = vsu_fd_count();
	peer_ask(&peer, VHOST_USER_BACKEND_SHMEM_MAP, NEED, &mmap_req,
		 sizeof(mmap_req), call_fd);
	settle();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(channel_that_the_back_end_closes_is_no_end)
{
	run();
	close(peer.back);
	peer.back = -1;
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(vhost_user_frontend_get_config(fe, 0, 8, NULL), 0);
	settle();
	ck_assert_uint_eq(told.config, 1);
}
END_TEST

START_TEST(channel_whose_answers_nobody_reads_is_not_read_either)
{
	unsigned int i;

	run();
	for (i = 0; i < 20000; i++) {
		peer_ask(&peer, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG,
			 NEED, NULL, 0, -1);
		if (i % 64 == 0)
			while (vhost_user_frontend_dispatch(fe) == 1)
				;
		if (!readable(vhost_user_frontend_fd(fe)))
			break;
	}
	settle();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_int_eq(peer_answer(&peer), 0);
}
END_TEST

/* -------------------------------------------------------------------- suite */

static TCase *add_case(Suite *s, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return tc;
}

static void add_setup_tests(Suite *s)
{
	TCase *tc = add_case(s, "handshake");

	tcase_add_test(tc, handshake_ends_ready_with_what_was_offered);
	tcase_add_test(tc, handshake_asks_for_no_more_than_both_speak);
	tcase_add_test(tc, handshake_without_bit_30_uses_no_protocol_features);
	tcase_add_test(tc, handshake_asks_for_no_ack_before_it_was_agreed_on);
	tcase_add_test(tc, handshake_without_reply_ack_asks_for_none_at_all);
	tcase_add_test(tc, handshake_pipelines_what_needs_no_answer);
	tcase_add_test(tc, handshake_names_a_required_feature_that_lacks);
	tcase_add_test(tc, handshake_wants_no_more_than_the_owner);

	tc = add_case(s, "start");
	tcase_add_test(tc, start_sends_all_at_once_in_an_order_every_peer_takes);
	tcase_add_test(tc, start_sets_bit_30_and_enables_rings);
	tcase_add_test(tc, start_without_bit_30_enables_nothing);
	tcase_add_test(tc, start_gives_each_ring_a_first_kick);
	tcase_add_test(tc, start_with_status_says_driver_ok_last);
	tcase_add_test(tc, start_fails_when_the_device_clears_features_ok);
	tcase_add_test(tc, c1_07_features_that_this_back_end_lacks_are_not_started_with);
	tcase_add_test(tc, start_refuses_a_ring_outside_memory);
	tcase_add_test(tc, start_refuses_to_begin_without_rings);
	tcase_add_test(tc, start_is_refused_while_one_runs);
	tcase_add_test(tc, start_of_many_rings_stays_within_the_window);

	tc = add_case(s, "stop");
	tcase_add_test(tc, stop_disables_then_asks_where_rings_stand);
	tcase_add_test(tc, start_after_stop_goes_on_where_rings_stopped);
	tcase_add_test(tc, c1_12_base_beyond_a_split_ring_is_fatal);
	tcase_add_loop_test(tc, c1_12_base_beyond_a_packed_ring_is_fatal, 0,
			    COUNT(packed_bases));
	tcase_add_test(tc, c1_12_base_of_another_ring_is_fatal);
	tcase_add_test(tc, reset_forgets_rings_and_keeps_memory);
	tcase_add_test(tc, reset_without_a_message_for_it_is_ours_alone);
}

static void add_memory_tests(Suite *s)
{
	TCase *tc = add_case(s, "memory");

	tcase_add_test(tc, c1_18_addresses_sent_are_no_host_pointers);
	tcase_add_test(tc, memory_without_slots_is_one_table);
	tcase_add_test(tc, memory_of_more_regions_than_a_table_is_refused);
	tcase_add_test(tc, memory_that_cannot_be_shared_is_named);
	tcase_add_test(tc, memory_that_is_rom_is_left_out);
	tcase_add_test(tc, memory_while_running_sends_the_difference);
	tcase_add_test(tc, memory_removed_while_running_goes_without_an_fd);
	tcase_add_test(tc, memory_of_a_running_ring_cannot_be_removed);
	tcase_add_test(tc, c1_06_refused_memory_while_running_is_taken_back);
	tcase_add_test(tc, c1_06_half_refused_memory_is_taken_back_as_a_whole);
	tcase_add_test(tc, c1_06_refused_table_while_running_leaves_the_former);
	tcase_add_test(tc, stop_during_a_change_of_memory_comes_after_it);

	tc = add_case(s, "config");
	tcase_add_test(tc, config_is_read);
	tcase_add_test(tc, config_needs_its_protocol_feature);
	tcase_add_test(tc, config_beyond_the_limit_is_refused_here);
	tcase_add_loop_test(tc, c1_09_wrong_config_is_an_error_to_the_caller_only,
			    0, COUNT(bad_configs));
	tcase_add_test(tc, config_write_that_is_refused_is_told_and_goes_on);
	tcase_add_test(tc, call_is_replaced_while_running);
	tcase_add_test(tc, too_many_calls_at_once_are_put_off);
}

static void add_hostile_tests(Suite *s)
{
	TCase *tc = add_case(s, "answers");

	tcase_add_test(tc, c1_01_reply_nobody_asked_for_ends_the_session);
	tcase_add_test(tc, c1_01_second_answer_ends_the_session);
	tcase_add_loop_test(tc, c1_02_reply_with_a_wrong_header_ends_the_session,
			    0, COUNT(bad_headers));
	tcase_add_loop_test(tc, c1_03_reply_of_another_size_ends_the_session,
			    0, COUNT(bad_sizes));
	tcase_add_test(tc, c1_03_reply_larger_than_any_ends_the_session);
	tcase_add_test(tc, c1_04_reply_with_an_fd_ends_the_session_and_closes_it);
	tcase_add_test(tc, c1_05_missing_answer_ends_the_session_at_its_deadline);
	tcase_add_test(tc, c1_05_half_an_answer_does_not_stop_the_clock);
	tcase_add_loop_test(tc, c1_06_refusal_fails_the_start_and_names_the_request,
			    0, COUNT(refusable));
	tcase_add_loop_test(tc, c1_08_no_queues_and_no_slots_are_refused, 0, 2);
	tcase_add_test(tc, c1_08_enormous_limits_are_capped);
	tcase_add_loop_test(tc, c1_13_back_end_dies_at_any_message, 0, 34);
	tcase_add_test(tc, c1_13_retry_on_a_new_session_works);
	tcase_add_test(tc, peer_that_accepts_and_leaves_is_told_with_both_requests);
	tcase_add_test(tc, c1_15_calls_on_a_dead_session_are_refused_at_once);

	tc = add_case(s, "back-end channel");
	tcase_add_test(tc, c2_31_config_changes_are_told_once_a_turn);
	tcase_add_test(tc, c2_01_unknown_request_is_refused_and_the_session_goes_on);
	tcase_add_test(tc, c2_01_bad_header_on_the_channel_ends_the_session);
	tcase_add_test(tc, c2_01_fds_nobody_takes_are_closed_and_counted);
	tcase_add_test(tc, c2_02_flood_leaves_the_main_socket_its_share);
	tcase_add_test(tc, c2_03_channel_is_served_while_an_answer_is_awaited);
	tcase_add_test(tc, c2_04_map_request_without_the_feature_is_refused);
	tcase_add_test(tc, channel_that_the_back_end_closes_is_no_end);
	tcase_add_test(tc, channel_whose_answers_nobody_reads_is_not_read_either);
}

int main(void)
{
	Suite *s = suite_create("frontend");
	SRunner *sr = srunner_create(s);
	int failed;

	add_setup_tests(s);
	add_memory_tests(s);
	add_hostile_tests(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
