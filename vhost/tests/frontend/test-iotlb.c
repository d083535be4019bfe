/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a back-end behind an IOMMU that sends endless or invalid misses,
 * or that reconnects with an empty IOTLB.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <virtio-queue/features.h>
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../front_rig.h"
#include "../suite.h"

#define PLATFORM	(VERSION_1 | VQ_F_ACCESS_PLATFORM)
#define NEED		VHOST_USER_HDR_NEED_REPLY
#define IOVA		UINT64_C(0x7000000000)

static unsigned int misses, fails, dones;
static uint64_t asked_iova;
static uint32_t asked_access;
static bool pushes;		/* send the update inside the callback */
static int answer;		/* result of the callback otherwise */

static int on_miss(void *opaque, uint64_t iova, uint32_t access)
{
	const struct vmem_iotlb_entry e = {
		.iova = iova & ~UINT64_C(0xfff), .len = 0x1000,
		.gpa = 0x4000, .perm = VMEM_READ | VMEM_WRITE,
	};

	(void)opaque;
	misses++;
	asked_iova = iova;
	asked_access = access;
	return pushes ? vhost_user_frontend_iotlb_update(fe, &e, NULL) :
			answer;
}

static int on_access_fail(void *opaque, uint64_t iova, uint32_t access)
{
	(void)opaque;
	fails++;
	asked_iova = iova;
	asked_access = access;
	return answer;
}

static void on_done(void *opaque, int result)
{
	(void)opaque;
	ck_assert_int_le(result, 0);
	dones++;
}

static struct vhost_user_frontend_device_ops device_ops;

static void setup_iotlb(void)
{
	setup();
	misses = fails = dones = 0;
	pushes = false;
	answer = -EFAULT;
	device_ops = (struct vhost_user_frontend_device_ops){
		.size = sizeof(device_ops), .iotlb_miss = on_miss,
		.iotlb_done = on_done, .iotlb_access_fail = on_access_fail,
	};
	front_ops.device = &device_ops;
	peer.features |= VQ_F_ACCESS_PLATFORM;
}

static void teardown_iotlb(void)
{
	teardown();
	front_ops.device = NULL;
}

static void run_translated(void)
{
	begin_start_with(PLATFORM);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}

static struct vhost_user_iotlb question(uint64_t iova, uint8_t perm,
					uint8_t type)
{
	return (struct vhost_user_iotlb){
		.iova = iova, .perm = perm, .type = type,
	};
}

static void ask(const struct vhost_user_iotlb *m, uint32_t size)
{
	peer_ask(&peer, VHOST_USER_BACKEND_IOTLB_MSG, NEED, m, size, -1);
}

START_TEST(miss_is_reported_to_the_owner_with_its_access)
{
	const struct vhost_user_iotlb m =
		question(IOVA + 5, _i, VHOST_USER_IOTLB_MISS);

	run_translated();
	answer = _i == 2 ? -EFAULT : 0;
	ask(&m, sizeof(m));
	dispatch_both();
	ck_assert_uint_eq(misses, 1);
	ck_assert_uint_eq(asked_iova, IOVA + 5);
	ck_assert_uint_eq(asked_access & VMEM_READ, _i & 1 ? VMEM_READ : 0);
	ck_assert_uint_eq(asked_access & VMEM_WRITE, _i & 2 ? VMEM_WRITE : 0);
	ck_assert_int_eq(peer_answer(&peer), _i == 2);
}
END_TEST

START_TEST(access_failure_is_reported_and_acknowledged)
{
	const struct vhost_user_iotlb m =
		question(IOVA, 2, VHOST_USER_IOTLB_ACCESS_FAIL);

	answer = 0;
	if (_i)
		device_ops.iotlb_access_fail = NULL;
	run_translated();
	ask(&m, sizeof(m));
	dispatch_both();
	ck_assert_uint_eq(fails, !_i);
	ck_assert_uint_eq(misses, 0);
	ck_assert_int_eq(peer_answer(&peer), _i);
	ck_assert_uint_eq(notified.refused, _i);
}
END_TEST

/* Each miss is answered, none is queued, and dispatch returns in between. */
START_TEST(c2_30_endless_misses_are_answered_and_not_queued)
{
	const struct vhost_user_iotlb m =
		question(UINT64_MAX - 4095, 3, VHOST_USER_IOTLB_MISS);
	unsigned int round, i, before;
	int fds = 0;

	run_translated();
	for (round = 0; round < 20; round++) {
		for (i = 0; i < 100; i++)
			ask(&m, sizeof(m));
		before = misses;
		ck_assert_int_eq(vhost_user_frontend_dispatch(fe), 1);
		ck_assert_uint_le(misses - before, 64);
		dispatch_both();
		for (i = 0; i < 100; i++)
			ck_assert_int_eq(peer_answer(&peer), 1);
		if (!round)	/* the eventfd for remaining work exists by now */
			fds = vsu_fd_count();
	}
	ck_assert_uint_eq(misses, 2000);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	ck_assert_int_eq(vsu_fd_count(), fds);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_IOTLB_MSG), 0);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

/* The owner answers each miss by an update, which the back-end never reads. */
START_TEST(c2_30_updates_to_a_back_end_that_never_reads_are_limited)
{
	const struct vhost_user_iotlb m =
		question(IOVA, 3, VHOST_USER_IOTLB_MISS);
	unsigned int i, done = 0, refused = 0;
	int64_t got;

	run_translated();
	pushes = true;
	for (i = 0; i < 1000; i++) {
		ask(&m, sizeof(m));
		while (vhost_user_frontend_dispatch(fe) == 1)
			;
		got = peer_answer(&peer);
		ck_assert_int_ge(got, 0);
		done += got == 0;
		refused += got == 1;
	}
	ck_assert_uint_eq(done + refused, 1000);
	ck_assert_uint_le(done, 200);
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_IOTLB_MSG), done);
	ck_assert_uint_eq(dones, done);
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

static const struct {
	uint8_t perm, type;
	uint32_t size;
} odd[] = {
	{ 3, VHOST_USER_IOTLB_MISS, 0 }, { 3, VHOST_USER_IOTLB_MISS, 8 },
	{ 3, VHOST_USER_IOTLB_MISS, 25 },
	{ 0, VHOST_USER_IOTLB_MISS, 32 }, { 4, VHOST_USER_IOTLB_MISS, 32 },
	{ 0, VHOST_USER_IOTLB_ACCESS_FAIL, 32 },
	{ 3, VHOST_USER_IOTLB_UPDATE, 32 }, { 3, VHOST_USER_IOTLB_INVALIDATE, 32 },
	{ 3, 0, 32 }, { 3, 5, 32 }, { 3, 6, 32 }, { 3, 255, 32 },
};

START_TEST(e2_10_truncated_miss_or_unknown_type_is_refused)
{
	const struct vhost_user_iotlb m =
		question(IOVA, odd[_i].perm, odd[_i].type);

	run_translated();
	ask(&m, odd[_i].size);
	dispatch_both();
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert_uint_eq(misses + fails, 0);
	ck_assert_uint_eq(notified.refused, 1);
	ck_assert_ptr_nonnull(strstr(notified.refusal.msg, "IOTLB_MSG"));
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(e2_10_miss_without_an_entry_causes_no_busy_loop)
{
	const struct vhost_user_iotlb m =
		question(_i ? UINT64_MAX : 0, 3, VHOST_USER_IOTLB_MISS);

	run_translated();
	ask(&m, sizeof(m));
	dispatch_both();
	ck_assert_uint_eq(misses, 1);
	ck_assert_int_eq(peer_answer(&peer), 1);
	ck_assert(!readable(vhost_user_frontend_fd(fe)));
	ck_assert(!readable(peer.back));
}
END_TEST

/* ------------------------------------------------------------------- return */

static unsigned int back;
static bool rings_lost;

static int on_connect(void *opaque, struct vsu_error *err)
{
	struct peer next = peer;
	int pair[2];

	(void)opaque;
	(void)err;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	peer_fini(&peer);
	next.sock = pair[1];
	next.back = -1;
	next.n = 0;
	peer = next;
	return pair[0];
}

static void on_back(void *opaque, bool lost)
{
	(void)opaque;
	back++;
	rings_lost = lost;
}

static void update(uint64_t iova)
{
	const struct vmem_iotlb_entry e = {
		.iova = iova, .len = 0x1000, .gpa = 0x5000, .perm = VMEM_READ,
	};

	ck_assert_int_eq(vhost_user_frontend_iotlb_update(fe, &e, NULL), 0);
}

/* Each update without a reply is reported as one refusal. */
START_TEST(c1_16_next_back_end_begins_with_an_empty_iotlb)
{
	const struct vhost_user_iotlb m =
		question(IOVA, 3, VHOST_USER_IOTLB_MISS);
	const struct vmem_iotlb_entry e = {
		.iova = IOVA, .len = 0x1000, .gpa = 0x5000, .perm = VMEM_READ,
	};

	back = 0;
	front_ops.connect = on_connect;
	front_ops.back = on_back;
	config.reconnect_ns = 1;
	peer.protocol |= VHOST_USER_PROTOCOL_BIT(INFLIGHT_SHMFD);
	peer.inflight = new_memfd(4096);
	run_translated();
	update(IOVA);
	update(IOVA + 0x1000);
	vsu_fd_close(&peer.sock);
	vsu_fd_close(&peer.back);
	vhost_user_frontend_dispatch(fe);
	ck_assert_uint_eq(dones, 2);
	ck_assert_int_eq(vhost_user_frontend_iotlb_update(fe, &e, NULL),
			 -EPROTO);
	ck_assert_int_eq(vhost_user_frontend_iotlb_invalidate(fe, IOVA, 0x1000,
							      NULL), -EPROTO);
	dispatch_both();
	ck_assert_int_eq(state(), VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(back, 1);
	ck_assert(!rings_lost);
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_IOTLB_MSG), 0);
	ck_assert(peer.set_features & VQ_F_ACCESS_PLATFORM);
	pushes = true;
	ask(&m, sizeof(m));
	dispatch_both();
	ck_assert_uint_eq(peer_count(&peer, VHOST_USER_IOTLB_MSG), 1);
	ck_assert_int_eq(peer_answer(&peer), 0);
	ck_assert_uint_eq(dones, 3);
	vsu_fd_close(&peer.inflight);
	front_ops.back = NULL;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("front-end iotlb");
	TCase *tc = tcase_create("iotlb");

	tcase_add_checked_fixture(tc, setup_iotlb, teardown_iotlb);
	tcase_add_loop_test(tc, miss_is_reported_to_the_owner_with_its_access, 1,
			    4);
	tcase_add_loop_test(tc, access_failure_is_reported_and_acknowledged,
			    0, 2);
	tcase_add_test(tc, c2_30_endless_misses_are_answered_and_not_queued);
	tcase_add_test(tc, c2_30_updates_to_a_back_end_that_never_reads_are_limited);
	tcase_add_loop_test(tc, e2_10_truncated_miss_or_unknown_type_is_refused,
			    0, COUNT(odd));
	tcase_add_loop_test(tc, e2_10_miss_without_an_entry_causes_no_busy_loop,
			    0, 2);
	tcase_add_test(tc, c1_16_next_back_end_begins_with_an_empty_iotlb);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
