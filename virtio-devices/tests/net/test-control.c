/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the control queue and the offered features. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../net-rig.h"
#include "../suite.h"

#define CTRL (VIRTDEV_NET_F_CTRL_VQ | VIRTDEV_NET_F_CTRL_RX | \
	      VIRTDEV_NET_F_CTRL_RX_EXTRA | VIRTDEV_NET_F_CTRL_VLAN | \
	      VIRTDEV_NET_F_CTRL_MAC_ADDR | VIRTDEV_NET_F_GUEST_ANNOUNCE | \
	      VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS)
#define MQ (CTRL | VIRTDEV_NET_F_MQ)

#define OK (int)VIRTDEV_NET_OK
#define ERR (int)VIRTDEV_NET_ERR

static const uint8_t own[6] = { 0x52, 0x54, 0, 1, 2, 3 };
static const uint8_t other[6] = { 0x52, 0x54, 0, 9, 9, 9 };
static const uint8_t group[6] = { 1, 0, 0x5e, 1, 1, 1 };
static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };

static int mode(enum virtdev_net_rx which, uint8_t on)
{
	return command(VIRTDEV_NET_CTRL_RX, (uint8_t)which, &on, 1);
}

static int vlan(uint8_t how, uint16_t id)
{
	const struct vsu_le16 le = vsu_le16_make(id);

	return command(VIRTDEV_NET_CTRL_VLAN, how, &le, sizeof(le));
}

static int pairs(uint16_t n)
{
	const struct vsu_le16 le = vsu_le16_make(n);

	return command(VIRTDEV_NET_CTRL_MQ, VIRTDEV_NET_MQ_PAIRS_SET, &le,
		       sizeof(le));
}

/* Sends tables of nuni and nmulti addresses, truncated to len bytes. */
static int tables(uint32_t nuni, uint32_t nmulti, const uint8_t *uni,
		  const uint8_t *multi, uint32_t len)
{
	unsigned char data[0x1000] = { 0 };
	struct vsu_le32 n = vsu_le32_make(nuni);
	uint32_t i;

	memcpy(data, &n, 4);
	for (i = 0; i < nuni && i < 200; i++)
		memcpy(data + 4 + 6 * i, uni, 6);
	n = vsu_le32_make(nmulti);
	memcpy(data + 4 + 6 * i, &n, 4);
	for (nuni = 0; nuni < nmulti && nuni < 200; nuni++)
		memcpy(data + 8 + 6 * (i + nuni), multi, 6);
	return command(VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_TABLE_SET, data,
		       len ? len : 8 + 6 * (i + nuni));
}

START_TEST(all_frames_are_received_by_default)
{
	net_rig_init(1, 0);
	ck_assert(passes_filter(own, -1));
	ck_assert(passes_filter(other, -1));
	ck_assert(passes_filter(group, -1));
	ck_assert(passes_filter(other, 7));
	net_rig_fini();
}
END_TEST

START_TEST(receive_modes_filter_frames)
{
	net_rig_init(1, CTRL);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert(passes_filter(own, -1));
	ck_assert(!passes_filter(other, -1));
	ck_assert(!passes_filter(group, -1));
	ck_assert(passes_filter(everybody, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_ALLMULTI, 1), OK);
	ck_assert(passes_filter(group, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_NOMULTI, 1), OK);
	ck_assert(!passes_filter(group, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_ALLUNI, 1), OK);
	ck_assert(passes_filter(other, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_NOUNI, 1), OK);
	ck_assert(!passes_filter(own, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_NOBCAST, 1), OK);
	ck_assert(!passes_filter(everybody, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 1), OK);
	ck_assert(passes_filter(everybody, -1));
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 2), ERR);
	net_rig_fini();
}
END_TEST

START_TEST(address_tables_filter_frames)
{
	net_rig_init(1, CTRL);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert_int_eq(tables(1, 1, other, group, 0), OK);
	ck_assert(passes_filter(other, -1));
	ck_assert(passes_filter(group, -1));
	ck_assert(passes_filter(own, -1));
	ck_assert_int_eq(tables(0, 0, other, group, 0), OK);
	ck_assert(!passes_filter(other, -1));
	ck_assert(!passes_filter(group, -1));
	net_rig_fini();
}
END_TEST

START_TEST(a5_11_oversized_address_table_accepts_all)
{
	net_rig_init(1, CTRL);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert_int_eq(tables(65, 1, own, own, 0), OK);
	ck_assert(passes_filter(other, -1));
	ck_assert(!passes_filter(group, -1));
	ck_assert_int_eq(tables(1, 65, own, own, 0), OK);
	ck_assert(!passes_filter(other, -1));
	ck_assert(passes_filter(group, -1));
	net_rig_fini();
}
END_TEST

START_TEST(a5_11_truncated_address_table_changes_nothing)
{
	net_rig_init(1, CTRL);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert_int_eq(tables(1, 1, other, group, 0), OK);
	ck_assert_int_eq(tables(2, 0, own, own, 9), ERR);
	ck_assert_int_eq(tables(UINT32_MAX, 0, own, own, 40), ERR);
	ck_assert_int_eq(tables(0x2aaaaaab, 0, own, own, 40), ERR);
	ck_assert_int_eq(tables(1, UINT32_MAX, own, own, 20), ERR);
	ck_assert_int_eq(tables(1, 1, own, own, 12), ERR);
	ck_assert(passes_filter(other, -1));
	ck_assert(passes_filter(group, -1));
	net_rig_fini();
}
END_TEST

/* Saves the state of a device on which the driver has set filters. */
static void save_choices(void **bytes, size_t *len)
{
	net_rig_init(3, MQ | VIRTDEV_NET_F_GUEST_CSUM);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_ADD, 7), OK);
	ck_assert_int_eq(tables(1, 1, other, group, 0), OK);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_int_eq(virtdev_state_take(net_rig.dev, bytes, len, NULL), 0);
	net_rig_fini();
}

START_TEST(loaded_state_restores_filters_and_requests_an_announcement)
{
	void *bytes;
	size_t len;

	save_choices(&bytes, &len);
	net_rig_init(3, MQ | VIRTDEV_NET_F_GUEST_CSUM);
	net_rig_stop_all();
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, bytes, len, NULL), 0);
	ck_assert_uint_eq(net_rig.changed, 0);
	net_rig_start_all();
	ck_assert_uint_eq(net_rig.changed, 1);
	ck_assert_uint_eq(card_status(), VIRTDEV_NET_S_LINK_UP |
				    VIRTDEV_NET_S_ANNOUNCE);
	ck_assert(passes_filter(other, 7) && passes_filter(group, -1) && passes_filter(own, -1));
	ck_assert(!passes_filter(everybody, 8));
	ck_assert(net_rig.link.on[1] && !net_rig.link.on[2]);
	ck_assert_uint_eq(net_rig.link.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_ANNOUNCE,
				 VIRTDEV_NET_ANNOUNCE_ACK, own, 1), OK);
	ck_assert_uint_eq(card_status(), VIRTDEV_NET_S_LINK_UP);
	net_rig_fini();
	free(bytes);
}
END_TEST

/* As a front-end of vhost-user does: the state first, then the features and the queues. */
START_TEST(features_after_a_loaded_state_keep_what_the_driver_has_chosen)
{
	const uint64_t features = MQ | VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4;
	const struct vsu_le64 offloads = vsu_le64_make(VIRTDEV_NET_F_GUEST_CSUM);
	void *bytes;
	size_t len;

	net_rig_init(3, features);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS, 0, &offloads, 8), OK);
	ck_assert_int_eq(virtdev_state_take(net_rig.dev, &bytes, &len, NULL), 0);
	net_rig_stop_all();
	virtdev_reset(net_rig.dev);
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, bytes, len, NULL), 0);
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, net_rig.features, NULL), 0);
	net_rig_start_all();
	ck_assert(net_rig.link.on[1] && !net_rig.link.on[2]);
	ck_assert_uint_eq(net_rig.link.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	net_rig_fini();
	free(bytes);
}
END_TEST

START_TEST(modified_state_is_refused_or_valid)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	void *saved;
	size_t len, i;
	int rc;

	save_choices(&saved, &len);
	bytes = saved;
	net_rig_init(1, 0);	/* has one queue pair; the state has two */
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, bytes, len, &err),
			 -EBADMSG);
	net_rig_fini();
	net_rig_init(3, 0);
	for (i = 0; i < len; i++)
		ck_assert_int_lt(virtdev_state_load(net_rig.dev, bytes, i,
						    NULL), 0);
	for (i = 0; i < len; i++) {
		bytes[i] ^= 0xff;
		rc = virtdev_state_load(net_rig.dev, bytes, len, NULL);
		ck_assert_msg(rc == 0 || rc == -EBADMSG || rc == -EOPNOTSUPP,
			      "byte %zu: %d", i, rc);
		bytes[i] ^= 0xff;
	}
	net_rig_fini();
	free(saved);
}
END_TEST

static void ck_address(const uint8_t *mac)
{
	struct virtdev_net_space space;

	virtdev_config_read(net_rig.dev, 0, &space, sizeof(space));
	ck_assert_mem_eq(space.mac, mac, 6);
}

START_TEST(driver_may_change_its_address_until_a_reset)
{
	net_rig_init(1, CTRL);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET,
				 other, 6), OK);
	ck_assert_uint_eq(net_rig.changed, 1);
	ck_assert(passes_filter(other, -1));
	ck_assert(!passes_filter(own, -1));
	ck_address(other);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET,
				 other, 6), OK);
	ck_assert_uint_eq(net_rig.changed, 1);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET,
				 own, 5), ERR);
	ck_address(other);
	virtdev_reset(net_rig.dev);
	ck_address(own);
	net_rig_fini();
}
END_TEST

/* A front-end may have read the configured address before the load. */
START_TEST(address_of_a_loaded_state_is_reported)
{
	void *bytes;
	size_t len;

	net_rig_init(1, CTRL);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET,
				 other, 6), OK);
	net_rig_stop_all();
	ck_assert_int_eq(virtdev_state_take(net_rig.dev, &bytes, &len, NULL), 0);
	net_rig_fini();
	net_rig_init(1, CTRL);
	net_rig_stop_all();
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, bytes, len, NULL), 0);
	ck_assert_uint_eq(net_rig.changed, 1);
	ck_address(other);
	net_rig_fini();
	free(bytes);
}
END_TEST

START_TEST(vlans_are_added_and_deleted)
{
	net_rig_init(1, CTRL);
	ck_assert(passes_filter(own, -1));
	ck_assert(!passes_filter(own, 7));
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_ADD, 7), OK);
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_ADD, 4095), OK);
	ck_assert(passes_filter(own, 7));
	ck_assert(passes_filter(own, 4095));
	ck_assert(!passes_filter(own, 8));
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_DEL, 7), OK);
	ck_assert(!passes_filter(own, 7));
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_ADD, 4096), ERR);
	ck_assert_int_eq(vlan(2, 7), ERR);
	net_rig_fini();
}
END_TEST

START_TEST(one_pair_is_used_by_default)
{
	net_rig_init(3, MQ);
	ck_assert(net_rig.link.on[0] && !net_rig.link.on[1]);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert(net_rig.link.on[1] && !net_rig.link.on[2]);
	add_buffer(4, GUEST_DATA, 2048, true);
	link_queue_pattern(60, 1);
	serve(4);	/* queue of a pair that is disabled */
	ck_assert_int_eq(used_length(4, NULL), -1);
	ck_assert_int_eq(pairs(3), OK);
	serve(4);
	ck_assert_int_eq(used_length(4, NULL), HEADER + 60);
	ck_assert_int_eq(pairs(1), OK);
	ck_assert(net_rig.link.on[0] && !net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

START_TEST(unchanged_number_of_pairs_changes_no_lane)
{
	unsigned int before;

	net_rig_init(3, MQ);
	ck_assert_int_eq(pairs(2), OK);
	before = net_rig.link.lane_calls;
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_uint_eq(net_rig.link.lane_calls, before);
	ck_assert_int_eq(pairs(1), OK);
	ck_assert(!net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

static void pairs_send(uint16_t n)
{
	const struct vsu_le16 le = vsu_le16_make(n);

	command_send(VIRTDEV_NET_CTRL_MQ, VIRTDEV_NET_MQ_PAIRS_SET, &le,
		     sizeof(le));
}

/*
 * Serves the control queue for one turn; returns the number of changed lanes.
 */
static unsigned int lanes_of_turn(int more)
{
	const unsigned int before = net_rig.link.lane_calls;

	ck_assert_int_eq(virtdev_queue_serve(net_rig.dev, 6), more);
	return net_rig.link.lane_calls - before;
}

START_TEST(turn_changes_one_slow_lane)
{
	net_rig_init(3, MQ);
	net_rig.link.slow_lanes = true;
	pairs_send(3);
	ck_assert_uint_eq(lanes_of_turn(1), 0);
	ck_assert_uint_eq(lanes_of_turn(1), 1);
	ck_assert_int_eq(command_answer(), -1);
	ck_assert(net_rig.link.on[1] && !net_rig.link.on[2]);
	ck_assert_uint_eq(lanes_of_turn(0), 1);
	ck_assert_int_eq(command_answer(), OK);
	ck_assert(net_rig.link.on[1] && net_rig.link.on[2]);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), OK);
	net_rig_fini();
}
END_TEST

START_TEST(start_and_stop_of_a_queue_change_only_its_lane)
{
	unsigned int before;

	net_rig_init(3, VIRTDEV_NET_F_MQ);
	before = net_rig.link.lane_calls;
	net_rig_stop(3);
	ck_assert_uint_eq(net_rig.link.lane_calls, before);
	net_rig_stop(2);
	net_rig_start(2);
	ck_assert_uint_eq(net_rig.link.lane_calls, before + 2);
	ck_assert(net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

START_TEST(reset_cancels_a_change_of_lanes)
{
	net_rig_init(3, MQ);
	net_rig.link.slow_lanes = true;
	pairs_send(3);
	ck_assert_uint_eq(lanes_of_turn(1) + lanes_of_turn(1), 1);
	net_rig_stop_all();
	ck_assert(!net_rig.link.on[0] && !net_rig.link.on[1]);
	virtdev_reset(net_rig.dev);
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, net_rig.features,
					      NULL), 0);
	net_rig_start_all();
	ck_assert_uint_eq(lanes_of_turn(0), 0);
	ck_assert(net_rig.link.on[0] && !net_rig.link.on[1]);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert(net_rig.link.on[1] && !net_rig.link.on[2]);
	net_rig_fini();
}
END_TEST

START_TEST(stopped_control_queue_resumes_its_change_of_lanes)
{
	net_rig_init(3, MQ);
	net_rig.link.slow_lanes = true;
	pairs_send(3);
	ck_assert_uint_eq(lanes_of_turn(1) + lanes_of_turn(1), 1);
	net_rig_stop(6);
	net_rig_start(6);
	ck_assert_uint_eq(lanes_of_turn(0), 1);
	ck_assert(net_rig.link.on[1] && net_rig.link.on[2]);
	ck_assert_int_eq(pairs(1), OK);
	ck_assert(net_rig.link.on[0] && !net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

START_TEST(all_running_pairs_are_used_without_a_control_queue)
{
	net_rig_init(3, VIRTDEV_NET_F_MQ);
	ck_assert(net_rig.link.on[0] && net_rig.link.on[1] &&
		  net_rig.link.on[2]);
	net_rig_stop(2);
	ck_assert(!net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

START_TEST(a5_10_invalid_number_of_pairs_is_refused)
{
	net_rig_init(3, MQ);
	ck_assert_int_eq(pairs(0), ERR);
	ck_assert_int_eq(pairs(4), ERR);
	ck_assert_int_eq(pairs(0x8000), ERR);
	ck_assert_int_eq(pairs(0xffff), ERR);
	ck_assert(net_rig.link.on[0] && !net_rig.link.on[1]);
	net_rig_fini();
}
END_TEST

START_TEST(a5_09_unoffered_receive_side_scaling_is_refused)
{
	const unsigned char data[64] = { 0xff };

	net_rig_init(3, MQ);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MQ, 1, data, 64), ERR);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_MQ, 2, data, 64), ERR);
	ck_assert_uint_eq(virtdev_get_info(net_rig.dev)->features &
			  (UINT64_C(15) << 57), 0);
	net_rig_fini();
}
END_TEST

START_TEST(offloads_change_within_the_negotiated_set)
{
	const uint64_t guest = VIRTDEV_NET_F_GUEST_CSUM |
			       VIRTDEV_NET_F_GUEST_TSO4;
	struct vsu_le64 le = vsu_le64_make(VIRTDEV_NET_F_GUEST_CSUM);

	net_rig_init(1, CTRL | guest);
	ck_assert_uint_eq(net_rig.link.offloads, guest);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS, 0, &le, 8),
			 OK);
	ck_assert_uint_eq(net_rig.link.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	le = vsu_le64_make(guest | VIRTDEV_NET_F_GUEST_TSO6);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS, 0, &le, 8),
			 ERR);
	le = vsu_le64_make(guest);
	net_rig.link.offloads_code = -EINVAL;
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS, 0, &le, 8),
			 ERR);
	ck_assert_uint_eq(net_rig.link.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	net_rig_fini();
}
END_TEST

static const struct {
	uint8_t command_class, command;
} strangers[] = {
	{ VIRTDEV_NET_CTRL_RX, 6 }, { VIRTDEV_NET_CTRL_MAC, 2 },
	{ VIRTDEV_NET_CTRL_ANNOUNCE, 1 }, { VIRTDEV_NET_CTRL_MQ, 0 },
	{ VIRTDEV_NET_CTRL_GUEST_OFFLOADS, 1 }, { 6, 0 }, { 255, 255 },
};

START_TEST(a5_12_unknown_command_returns_an_error)
{
	const uint8_t data[8] = { 1 };

	net_rig_init(1, CTRL);
	ck_assert_int_eq(command(strangers[_i].command_class,
				 strangers[_i].command, data, 8), ERR);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 1), OK);
	net_rig_fini();
}
END_TEST

START_TEST(a5_12_command_without_its_feature_returns_an_error)
{
	net_rig_init(1, VIRTDEV_NET_F_CTRL_VQ);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 0), ERR);
	ck_assert_int_eq(vlan(VIRTDEV_NET_VLAN_ADD, 1), ERR);
	ck_assert(passes_filter(other, -1));
	net_rig_fini();
}
END_TEST

START_TEST(a5_12_short_command_or_missing_ack_buffer_is_survived)
{
	const struct vq_buffer half[] = { { RIG_COMMAND, 1, 0 },
					  { RIG_COMMAND + 64, 8, 1 } };
	const struct vq_buffer no_ack = { RIG_COMMAND, 3, 0 };

	net_rig_init(1, CTRL);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[2], half, 2, 0), 0);
	ck_assert_int_eq(vq_driver_add(net_rig.driver[2], &no_ack, 1, 0), 0);
	vq_driver_publish(net_rig.driver[2]);
	serve(2);
	ck_assert_int_eq(used_length(2, NULL), 1);	/* only the ack byte was written */
	ck_assert_uint_eq(*guest_at(&net_rig.g, RIG_COMMAND + 64), ERR);
	ck_assert_int_eq(used_length(2, NULL), 0);
	ck_assert_int_eq(mode(VIRTDEV_NET_RX_PROMISC, 1), OK);
	net_rig_fini();
}
END_TEST

START_TEST(a5_08_header_has_one_size_for_all_features)
{
	net_rig_init(1, 0);
	/* HASH_REPORT (bit 57), which has a longer header, is never offered */
	ck_assert_uint_eq(virtdev_get_info(net_rig.dev)->features >> 57 & 1, 0);
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, UINT64_C(1) << 57,
					      NULL), -EBADMSG);
	ck_assert_uint_eq(HEADER, 12);
	net_rig_fini();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
{
	struct virtdev_net_config config = { .size = sizeof(config) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_net_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "net: no link");
	config.size = 0;
	ck_assert_int_eq(virtdev_net_new(&config, &dev, &err), -EINVAL);
	ck_assert(strstr(err.msg, "struct virtdev_net_config"));
}
END_TEST

static void link_work(void *self) { ++*(int *)self; }

START_TEST(thread_works_for_a_link_with_slow_lanes_only)
{
	static struct virtdev_net_link_ops ops = { .size = sizeof(ops), .name = "none" };
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct virtdev_net_config config = { .size = sizeof(config) };
	struct virtdev *dev;
	int calls = 0, i;

	for (i = 0; i < 2; i++) {
		ops.work = ops.work_end = i ? link_work : NULL;
		ck_assert_int_eq(virtdev_net_link_new(&ops, &info, &calls, &config.link), 0);
		ck_assert_int_eq(virtdev_net_new(&config, &dev, NULL), 0);
		ck_assert_int_eq(virtdev_net_work(dev), i ? 0 : -EOPNOTSUPP);
		virtdev_net_work_end(dev);
		virtdev_free(dev);
		ck_assert_int_eq(calls, 2 * i);
	}
}
END_TEST

START_TEST(link_of_a_device_cannot_be_given_to_another)
{
	static const struct virtdev_net_link_ops ops = { .size = sizeof(ops), .name = "none" };
	const struct virtdev_net_link_info info = { .lanes = 1 };
	struct virtdev_net_config config = { .size = sizeof(config) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev, *second = NULL;

	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, NULL, &config.link), 0);
	ck_assert_int_eq(virtdev_net_new(&config, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_net_new(&config, &second, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "belongs to a device already"));
	ck_assert_ptr_null(second);
	virtdev_free(dev);
}
END_TEST

START_TEST(configuration_describes_the_device_and_is_read_only)
{
	struct virtdev_net_space space;

	net_rig_init(3, 0);
	virtdev_config_read(net_rig.dev, 0, &space, sizeof(space));
	ck_assert_uint_eq(vsu_le16_load(space.max_virtqueue_pairs), 3);
	ck_assert_uint_eq(vsu_le16_load(space.mtu), 9000);
	ck_assert_uint_eq(vsu_le16_load(space.status), VIRTDEV_NET_S_LINK_UP);
	ck_assert_int_eq(virtdev_config_write(net_rig.dev, 0, other, 6),
			 -EPERM);
	ck_assert_uint_eq(virtdev_get_info(net_rig.dev)->nqueues, 7);
	net_rig_fini();
}
END_TEST

static void add_tests(TCase *tc)
{
	tcase_add_test(tc, all_frames_are_received_by_default);
	tcase_add_test(tc, receive_modes_filter_frames);
	tcase_add_test(tc, address_tables_filter_frames);
	tcase_add_test(tc, a5_11_oversized_address_table_accepts_all);
	tcase_add_test(tc, a5_11_truncated_address_table_changes_nothing);
	tcase_add_test(tc, driver_may_change_its_address_until_a_reset);
	tcase_add_test(tc,
		       loaded_state_restores_filters_and_requests_an_announcement);
	tcase_add_test(tc, features_after_a_loaded_state_keep_what_the_driver_has_chosen);
	tcase_add_test(tc,
		       modified_state_is_refused_or_valid);
	tcase_add_test(tc, address_of_a_loaded_state_is_reported);
	tcase_add_test(tc, vlans_are_added_and_deleted);
	tcase_add_test(tc, one_pair_is_used_by_default);
	tcase_add_test(tc, unchanged_number_of_pairs_changes_no_lane);
	tcase_add_test(tc, turn_changes_one_slow_lane);
	tcase_add_test(tc,
		       start_and_stop_of_a_queue_change_only_its_lane);
	tcase_add_test(tc, reset_cancels_a_change_of_lanes);
	tcase_add_test(tc, stopped_control_queue_resumes_its_change_of_lanes);
	tcase_add_test(tc, all_running_pairs_are_used_without_a_control_queue);
	tcase_add_test(tc, a5_10_invalid_number_of_pairs_is_refused);
	tcase_add_test(tc,
		       a5_09_unoffered_receive_side_scaling_is_refused);
	tcase_add_test(tc, offloads_change_within_the_negotiated_set);
	tcase_add_loop_test(tc, a5_12_unknown_command_returns_an_error,
			    0, sizeof(strangers) / sizeof(strangers[0]));
	tcase_add_test(tc, a5_12_command_without_its_feature_returns_an_error);
	tcase_add_test(tc,
		       a5_12_short_command_or_missing_ack_buffer_is_survived);
	tcase_add_test(tc,
		       a5_08_header_has_one_size_for_all_features);
	tcase_add_test(tc, thread_works_for_a_link_with_slow_lanes_only);
	tcase_add_test(tc, link_of_a_device_cannot_be_given_to_another);
	tcase_add_test(tc, invalid_configuration_is_refused);
	tcase_add_test(tc,
		       configuration_describes_the_device_and_is_read_only);
}

int main(void)
{
	Suite *s = suite_create("net control");
	TCase *tc = tcase_create("control");

	suite_add_tcase(s, tc);
	add_tests(tc);
	return run_suite(s);
}
