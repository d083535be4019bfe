/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a card whose process is killed and replaced: what the driver has set by
 * each command of the control queue is in force again.
 */
#include <config.h>

#include <check.h>
#include <string.h>

#include "core/kept.h"
#include "../net-rig.h"
#include "../suite.h"

#define OFFLOADS (VIRTDEV_NET_F_GUEST_CSUM | VIRTDEV_NET_F_GUEST_TSO4)
#define FEATURES (VIRTDEV_NET_F_CTRL_VQ | VIRTDEV_NET_F_CTRL_RX | \
		  VIRTDEV_NET_F_CTRL_RX_EXTRA | VIRTDEV_NET_F_CTRL_VLAN | \
		  VIRTDEV_NET_F_CTRL_MAC_ADDR | VIRTDEV_NET_F_GUEST_ANNOUNCE | \
		  VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS | VIRTDEV_NET_F_MQ | OFFLOADS)
#define OK (int)VIRTDEV_NET_OK

static const uint8_t own[6] = { 0x52, 0x54, 0, 1, 2, 3 };
static const uint8_t other[6] = { 0x52, 0x54, 0, 9, 9, 9 };
static const uint8_t third[6] = { 0x52, 0x54, 0, 8, 8, 8 };
static const uint8_t group[6] = { 1, 0, 0x5e, 1, 1, 1 };
static const uint8_t everybody[6] = { 255, 255, 255, 255, 255, 255 };

/* behind the in-flight area of the front-end: survives the process */
static _Alignas(8) unsigned char area[VIRTDEV_KEPT_SIZE];

/* ----------------------------------------------------------- what is in force */

static bool is_not_promiscuous(void)
{
	return passes_filter(own, -1) && !passes_filter(other, -1);
}

static bool receives_groups(void)
{
	return passes_filter(group, -1) && !passes_filter(other, -1);
}

static bool receives_other_cards(void)
{
	return passes_filter(other, -1) && !passes_filter(group, -1);
}

static bool receives_no_groups(void)
{
	return !passes_filter(group, -1) && passes_filter(own, -1);
}

static bool receives_no_cards(void)
{
	return !passes_filter(own, -1) && passes_filter(everybody, -1);
}

static bool receives_no_broadcasts(void)
{
	return !passes_filter(everybody, -1) && passes_filter(own, -1);
}

static bool receives_addresses_of_the_tables(void)
{
	return passes_filter(other, -1) && passes_filter(group, -1) &&
	       !passes_filter(third, -1);
}

static bool has_another_address(void)
{
	struct virtdev_net_space space;

	virtdev_config_read(net_rig.dev, 0, &space, sizeof(space));
	return !memcmp(space.mac, other, 6) && passes_filter(other, -1) &&
	       !passes_filter(own, -1);
}

static bool receives_one_vlan(void)
{
	return passes_filter(own, 7) && !passes_filter(own, 8);
}

static bool uses_two_pairs(void)
{
	return net_rig.link.on[0] && net_rig.link.on[1] && !net_rig.link.on[2];
}

static bool uses_one_offload(void)
{
	return net_rig.link.offloads == VIRTDEV_NET_F_GUEST_CSUM;
}

/* ---------------------------------------------------------------- the commands */

/* Modes before the command: a card is promiscuous at first. */
enum { NARROW = 1, GROUPS = 2 };

static const struct setting {
	unsigned int modes;
	uint8_t command_class, command;
	uint32_t len;
	uint8_t data[20];
	bool (*in_force)(void);
} settings[] = {
	{ 0, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_PROMISC, 1, { 0 }, is_not_promiscuous },
	{ NARROW, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_ALLMULTI, 1, { 1 }, receives_groups },
	{ NARROW, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_ALLUNI, 1, { 1 }, receives_other_cards },
	{ NARROW | GROUPS, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_NOMULTI, 1, { 1 },
	  receives_no_groups },
	{ NARROW, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_NOUNI, 1, { 1 }, receives_no_cards },
	{ NARROW, VIRTDEV_NET_CTRL_RX, VIRTDEV_NET_RX_NOBCAST, 1, { 1 }, receives_no_broadcasts },
	{ NARROW, VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_TABLE_SET, 20,
	  { 1, 0, 0, 0, 0x52, 0x54, 0, 9, 9, 9, 1, 0, 0, 0, 1, 0, 0x5e, 1, 1, 1 },
	  receives_addresses_of_the_tables },
	{ NARROW, VIRTDEV_NET_CTRL_MAC, VIRTDEV_NET_MAC_ADDR_SET, 6,
	  { 0x52, 0x54, 0, 9, 9, 9 }, has_another_address },
	{ 0, VIRTDEV_NET_CTRL_VLAN, VIRTDEV_NET_VLAN_ADD, 2, { 7, 0 }, receives_one_vlan },
	{ 0, VIRTDEV_NET_CTRL_MQ, VIRTDEV_NET_MQ_PAIRS_SET, 2, { 2, 0 }, uses_two_pairs },
	{ 0, VIRTDEV_NET_CTRL_GUEST_OFFLOADS, VIRTDEV_NET_GUEST_OFFLOADS_SET, 8,
	  { 2 }, uses_one_offload },
};

/* The process ends without a call of the device, which therefore loses its area first. */
static void replace_process(void)
{
	virtdev_priv_kept_set(net_rig.dev, NULL, 0);
	net_rig_fini();
	net_rig_init(RIG_LANES, FEATURES);
	net_rig_stop_all();
	virtdev_priv_kept_set(net_rig.dev, area, sizeof(area));
	ck_assert(virtdev_priv_kept_load(net_rig.dev, NULL));
	net_rig_start_all();
}

static void set_mode(enum virtdev_net_rx mode, uint8_t on)
{
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_RX, (uint8_t)mode, &on, 1), OK);
}

START_TEST(setting_is_in_force_in_the_replacement_process)
{
	const struct setting *s = &settings[_i];

	net_rig_init(RIG_LANES, FEATURES);
	virtdev_priv_kept_set(net_rig.dev, area, sizeof(area));
	if (s->modes & NARROW)
		set_mode(VIRTDEV_NET_RX_PROMISC, 0);
	if (s->modes & GROUPS)
		set_mode(VIRTDEV_NET_RX_ALLMULTI, 1);
	ck_assert(!s->in_force());
	ck_assert_int_eq(command(s->command_class, s->command, s->data, s->len), OK);
	ck_assert(s->in_force());
	replace_process();
	ck_assert(s->in_force());
	net_rig_fini();
}
END_TEST

/* The newest of many, of which the area has two. */
START_TEST(deleted_vlan_stays_deleted_in_the_replacement_process)
{
	const struct vsu_le16 id = vsu_le16_make(7);

	net_rig_init(RIG_LANES, FEATURES);
	virtdev_priv_kept_set(net_rig.dev, area, sizeof(area));
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_VLAN, VIRTDEV_NET_VLAN_ADD, &id, 2), OK);
	replace_process();
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_VLAN, VIRTDEV_NET_VLAN_DEL, &id, 2), OK);
	replace_process();
	ck_assert(!passes_filter(own, 7));
	ck_assert(passes_filter(own, -1));
	net_rig_fini();
}
END_TEST

static void clear_area(void)
{
	memset(area, 0, sizeof(area));
}

int main(void)
{
	Suite *s = suite_create("net replaced");
	TCase *tc = tcase_create("settings");

	tcase_add_checked_fixture(tc, clear_area, NULL);
	tcase_add_loop_test(tc, setting_is_in_force_in_the_replacement_process, 0,
			    sizeof(settings) / sizeof(settings[0]));
	tcase_add_test(tc, deleted_vlan_stays_deleted_in_the_replacement_process);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
