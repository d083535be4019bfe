/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about which queues the kernel serves: those of the pairs that the
 * driver uses, except a queue that is being reset.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/state.h>
#include <virtio-queue/queue.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../net-rig.h"
#include "../suite.h"
#include "fake-kernel.h"

#define LANES 3u
#define CONTROL (2 * LANES)
#define FEATURES (VQ_F_VERSION_1 | VIRTDEV_NET_F_CTRL_VQ | VIRTDEV_NET_F_MQ)
#define OK (int)VIRTDEV_NET_OK
#define ERR (int)VIRTDEV_NET_ERR

static struct virtdev_vhost_kern *k;
static struct vhost_user_ring rings[CONTROL + 1];
static int err_fd = -1;

static void describe(uint32_t i)
{
	rings[i] = (struct vhost_user_ring){
		.size = 16, .desc_gpa = GUEST_DATA + 0x3000 * i,
		.driver_gpa = GUEST_DATA + 0x3000 * i + 0x1000,
		.device_gpa = GUEST_DATA + 0x3000 * i + 0x2000,
		.kick_fd = -1, .call_fd = -1, .err_fd = err_fd,
	};
}

static void start_rings(uint64_t features)
{
	uint32_t i;

	for (i = 0; i <= CONTROL; i++)
		describe(i);
	ck_assert_int_eq(virtdev_priv_kern_start(k, features, rings,
						  CONTROL + 1, NULL), 0);
}

/* The rig serves the control queue, and the kernel the others. */
static void prepare(uint64_t features)
{
	memset(&net_rig, 0, sizeof(net_rig));
	guest_init_memory(&net_rig.g);
	net_rig.dev = virtdev_vhost_kern_device(k);
	net_rig.link.lanes = LANES;
	net_rig.features = features;
	err_fd = vsu_event_new();
	ck_assert_int_eq(virtdev_set_features(net_rig.dev, features, NULL), 0);
	ck_assert_int_eq(virtdev_priv_kern_set_memory(k, net_rig.g.map, NULL),
			 0);
}

static void start(uint64_t features)
{
	prepare(features);
	start_rings(features);
}

static void setup(void)
{
	ck_assert_int_eq(make_net("tap", LANES, &k, NULL), 0);
}

static void teardown(void)
{
	uint32_t i;

	virtdev_priv_kern_stop(k);
	for (i = 0; i < RIG_QUEUES; i++)
		net_rig_stop(i);
	virtdev_vhost_kern_free(k);
	vmem_map_unref(net_rig.g.map);
	vmem_space_reclaim(net_rig.g.space);
	vmem_space_free(net_rig.g.space);
	vsu_fd_close(&err_fd);
}

static int pairs(uint16_t n)
{
	const struct vsu_le16 le = vsu_le16_make(n);

	return command(VIRTDEV_NET_CTRL_MQ, VIRTDEV_NET_MQ_PAIRS_SET, &le,
		       sizeof(le));
}

/* The first n pairs run, each with its lane attached; the others do not. */
static void ck_pairs(uint32_t n)
{
	uint32_t i;

	for (i = 0; i < LANES; i++) {
		ck_assert_uint_eq(kernel.nodes[i].runs[0], i < n);
		ck_assert_uint_eq(kernel.nodes[i].runs[1], i < n);
		ck_assert_uint_eq(tap.on[i], i < n);
	}
}

START_TEST(each_pair_opens_its_own_node)
{
	const struct virtdev_info *info =
		virtdev_get_info(virtdev_vhost_kern_device(k));
	struct virtdev_net_space space;

	ck_assert_uint_eq(kernel.nnodes, LANES);
	ck_assert_uint_eq(info->nqueues, CONTROL + 1);
	ck_assert_uint_ne(info->features & VIRTDEV_NET_F_MQ, 0);
	virtdev_config_read(virtdev_vhost_kern_device(k), 0, &space,
			    sizeof(space));
	ck_assert_uint_eq(vsu_le16_load(space.max_virtqueue_pairs), LANES);
	ck_assert_uint_eq(k->nsides, LANES);
	ck_assert_str_eq(virtdev_vhost_kern_name(k), vhost_kern_name(k->sides[0]));
	start(FEATURES);
	ck_assert(virtdev_priv_kern_is_control(k, CONTROL));
	ck_assert(!virtdev_priv_kern_is_control(k, 2));
}
END_TEST

START_TEST(driver_selects_the_number_of_running_pairs)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	ck_pairs(1);
	ck_assert_int_eq(pairs(3), OK);
	ck_pairs(3);
	ck_assert_int_eq(pairs(2), OK);
	ck_pairs(2);
	virtdev_priv_kern_stop(k);
	ck_pairs(0);
}
END_TEST

START_TEST(a5_10_invalid_number_of_pairs_changes_nothing)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_int_eq(pairs(0), ERR);
	ck_assert_int_eq(pairs(LANES + 1), ERR);
	ck_assert_int_eq(pairs(UINT16_MAX), ERR);
	ck_pairs(2);
}
END_TEST

START_TEST(reenabled_pair_continues_at_its_position)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	ck_assert_int_eq(pairs(2), OK);
	kernel.nodes[1].base[0] = 7;	/* position of the kernel in the ring */
	kernel.nodes[1].base[1] = 65535;
	ck_assert_int_eq(pairs(1), OK);
	kernel.nodes[1].base[0] = kernel.nodes[1].base[1] = 0;
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_uint_eq(kernel.nodes[1].base[0], 7);
	ck_assert_uint_eq(kernel.nodes[1].base[1], 65535);
}
END_TEST

START_TEST(e2_11_pair_refused_by_the_kernel_is_reported)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	kernel.fails = VHOST_NET_SET_BACKEND;
	kernel.succeeds = 1;	/* the first ring of the second pair is accepted */
	ck_assert_int_eq(pairs(3), ERR);
	ck_pairs(1);
	ck_assert_int_eq(vsu_event_drain(err_fd, NULL), 0);
	kernel.fails = 0;
	ck_assert_int_eq(pairs(3), OK);
	ck_pairs(3);
}
END_TEST

START_TEST(refused_pair_stops_those_started_before_it)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	kernel.fails = VHOST_NET_SET_BACKEND;
	kernel.succeeds = VHOST_KERN_RINGS;	/* the second pair starts, the third fails */
	ck_assert_int_eq(pairs(3), ERR);
	ck_pairs(1);
	kernel.fails = 0;
	ck_assert_int_eq(pairs(3), OK);
	ck_pairs(3);
}
END_TEST

START_TEST(control_queue_of_a_single_pair_is_queue_2)
{
	start(VQ_F_VERSION_1 | VIRTDEV_NET_F_CTRL_VQ);
	net_rig_start(2);
	ck_assert(virtdev_priv_kern_is_control(k, 2));
	ck_pairs(1);
	ck_assert_uint_eq(kernel.sizes, 2);
	ck_assert_int_eq(pairs(2), ERR);
	ck_pairs(1);
}
END_TEST

START_TEST(driver_changes_offloads_while_the_kernel_runs)
{
	const struct vsu_le64 none = vsu_le64_make(0);

	start(FEATURES | VIRTDEV_NET_F_GUEST_CSUM |
	      VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS);
	net_rig_start(CONTROL);
	ck_assert_uint_eq(tap.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS,
				 VIRTDEV_NET_GUEST_OFFLOADS_SET, &none,
				 sizeof(none)), OK);
	ck_assert_uint_eq(tap.offloads, 0);
	ck_pairs(1);
}
END_TEST

/* Behind other nodes and another tap. */
START_TEST(saved_card_continues_with_its_pairs_and_offloads)
{
	const uint64_t features = FEATURES | VIRTDEV_NET_F_GUEST_CSUM |
				  VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS;
	const struct vsu_le64 none = vsu_le64_make(0);
	void *state;
	size_t len;

	start(features);
	net_rig_start(CONTROL);
	ck_assert_int_eq(pairs(2), OK);
	ck_assert_int_eq(command(VIRTDEV_NET_CTRL_GUEST_OFFLOADS,
				 VIRTDEV_NET_GUEST_OFFLOADS_SET, &none, sizeof(none)), OK);
	virtdev_priv_kern_stop(k);
	net_rig_stop(CONTROL);
	ck_assert_int_eq(virtdev_state_take(net_rig.dev, &state, &len, NULL), 0);
	teardown();
	setup();
	prepare(features);
	ck_assert_uint_eq(tap.offloads, VIRTDEV_NET_F_GUEST_CSUM);
	ck_assert_int_eq(virtdev_state_load(net_rig.dev, state, len, NULL), 0);
	start_rings(features);
	net_rig_start(CONTROL);
	ck_pairs(2);
	ck_assert_uint_eq(tap.offloads, 0);
	free(state);
}
END_TEST

START_TEST(memory_is_set_for_every_pair_or_none)
{
	unsigned int nregions;

	start(FEATURES);
	nregions = kernel.nodes[0].nregions;
	ck_assert_uint_gt(nregions, 0);
	virtdev_priv_kern_stop(k);
	kernel.fails = VHOST_SET_MEM_TABLE;
	kernel.succeeds = 1;	/* the request of the first pair succeeds */
	ck_assert_int_eq(virtdev_priv_kern_set_memory(k, NULL, NULL), -EIO);
	ck_assert_uint_eq(kernel.nodes[0].nregions, nregions);
	ck_assert_int_eq(virtdev_priv_kern_set_memory(k, NULL, NULL), 0);
	ck_assert_uint_eq(kernel.nodes[0].nregions, 0);
	ck_assert_uint_eq(kernel.nodes[LANES - 1].nregions, 0);
}
END_TEST

/*
 * --------------------------------------------------------------- single queues
 */

START_TEST(reset_queue_is_detached_and_its_pair_continues)
{
	const struct fake_node *node = &kernel.nodes[0];

	start(FEATURES);
	net_rig_start(CONTROL);
	kernel.nodes[0].base[0] = 5;
	kernel.nodes[0].base[1] = 9;
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, 1, NULL), 0);
	ck_assert(node->runs[0] && !node->runs[1]);
	ck_assert(tap.on[0]);
	ck_assert_uint_eq(node->base[0], 5);
	describe(1);
	rings[1].size = 8;
	ck_assert_int_eq(virtdev_priv_kern_start_queue(k, 1, &rings[1], NULL),
			 0);
	ck_pairs(1);
	ck_assert_uint_eq(node->size[1], 8);
	ck_assert_uint_eq(node->base[0], 5);
	ck_assert_uint_eq(node->base[1], 0);
}
END_TEST

START_TEST(queue_of_an_unused_pair_does_not_start)
{
	start(FEATURES);
	net_rig_start(CONTROL);
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, 4, NULL), 0);
	describe(4);
	rings[4].size = 4;
	ck_assert_int_eq(virtdev_priv_kern_start_queue(k, 4, &rings[4], NULL),
			 0);
	ck_pairs(1);
	ck_assert_int_eq(pairs(3), OK);
	ck_assert_uint_eq(kernel.nodes[2].size[0], 4);
	ck_pairs(3);
}
END_TEST

START_TEST(a1_35_reset_queue_outside_memory_is_refused)
{
	start(FEATURES);
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, 0, NULL), 0);
	rings[0].device_gpa = GUEST_HOLE;
	ck_assert_int_eq(virtdev_priv_kern_start_queue(k, 0, &rings[0], NULL),
			 -EFAULT);
	ck_pairs(0);
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, CONTROL + 9, NULL),
			 0);
}
END_TEST

START_TEST(vsock_queues_run_only_together)
{
	const struct fake_node *node = &kernel.nodes[0];

	virtdev_vhost_kern_free(k);
	k = make_vsock();
	start(VQ_F_VERSION_1);
	ck_assert(node->runs[0] && node->runs[1]);
	kernel.nodes[0].base[1] = 3;
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, 2, NULL), 0);
	ck_assert(node->runs[0] && node->runs[1]);
	ck_assert_int_eq(virtdev_priv_kern_reset_queue(k, 0, NULL), 0);
	ck_assert(!node->runs[0] && !node->runs[1]);
	kernel.nodes[0].base[1] = 0;
	ck_assert_int_eq(virtdev_priv_kern_start_queue(k, 0, &rings[0], NULL),
			 0);
	ck_assert(node->runs[0] && node->runs[1]);
	ck_assert_uint_eq(node->base[1], 3);
}
END_TEST

/*
 * -------------------------------------------------------------- a random
 * driver
 */

#define STEPS 3000

static bool has[2 * LANES];	/* whether the driver has set up the queue */

static uint32_t draw(uint32_t below)
{
	static uint32_t state = 0x2545f491;

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static void restart(void)
{
	virtdev_priv_kern_stop(k);
	start_rings(FEATURES);
	memset(has, 1, sizeof(has));
}

static void reset_some(void)
{
	const uint32_t q = draw(CONTROL + 2);

	if (virtdev_priv_kern_reset_queue(k, q, NULL) < 0)
		restart();
	else if (q < CONTROL)
		has[q] = false;
}

/* One in eight rings is outside memory. */
static void start_some(void)
{
	const uint32_t q = draw(CONTROL);

	describe(q);
	rings[q].size = 1u << draw(8);
	if (!draw(8))
		rings[q].desc_gpa = GUEST_HOLE;
	has[q] = true;
	if (virtdev_priv_kern_start_queue(k, q, &rings[q], NULL) < 0)
		restart();
}

/*
 * In one of eight cases the kernel refuses a request; the device is then reset.
 */
static void use_some(void)
{
	kernel.fails = draw(8) ? 0 : VHOST_NET_SET_BACKEND;
	kernel.succeeds = draw(3);
	(void)pairs((uint16_t)draw(LANES + 2));
	kernel.fails = 0;
	if (vsu_event_drain(err_fd, NULL) == 0)
		restart();
}

static void ck_what_runs(void)
{
	const struct fake_node *node = kernel.nodes;
	uint32_t i;

	for (i = 0; i < LANES; i++, node++) {
		ck_assert(!node->runs[0] || has[2 * i]);
		ck_assert(!node->runs[1] || has[2 * i + 1]);
		if (node->runs[0] || node->runs[1])
			ck_assert_uint_eq(node->runs[0] + node->runs[1],
					  has[2 * i] + has[2 * i + 1]);
		ck_assert_uint_eq(tap.on[i], node->runs[0] || node->runs[1]);
	}
}

START_TEST(a5_10_kernel_runs_only_queues_that_were_set_up)
{
	static void (*const moves[])(void) = {
		reset_some, start_some, use_some,
	};
	int i;

	start(FEATURES);
	net_rig_start(CONTROL);
	memset(has, 1, sizeof(has));
	for (i = 0; i < STEPS; i++) {
		moves[draw(3)]();
		ck_what_runs();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost_kern pairs");
	TCase *t = tcase_create("pairs");

	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_pair_opens_its_own_node);
	tcase_add_test(t, driver_selects_the_number_of_running_pairs);
	tcase_add_test(t, a5_10_invalid_number_of_pairs_changes_nothing);
	tcase_add_test(t, reenabled_pair_continues_at_its_position);
	tcase_add_test(t, e2_11_pair_refused_by_the_kernel_is_reported);
	tcase_add_test(t, refused_pair_stops_those_started_before_it);
	tcase_add_test(t, control_queue_of_a_single_pair_is_queue_2);
	tcase_add_test(t, driver_changes_offloads_while_the_kernel_runs);
	tcase_add_test(t, saved_card_continues_with_its_pairs_and_offloads);
	tcase_add_test(t, memory_is_set_for_every_pair_or_none);
	tcase_add_test(t, reset_queue_is_detached_and_its_pair_continues);
	tcase_add_test(t, queue_of_an_unused_pair_does_not_start);
	tcase_add_test(t, a1_35_reset_queue_outside_memory_is_refused);
	tcase_add_test(t, vsock_queues_run_only_together);
	tcase_add_test(t, a5_10_kernel_runs_only_queues_that_were_set_up);
	return run_suite(s);
}
