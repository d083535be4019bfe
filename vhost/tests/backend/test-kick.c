/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about owners that keep waiting for a kick during a quiesce. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <vhost/backend_device.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

#define MiB (UINT64_C(1) << 20)
#define PAGE UINT64_C(0x1000)

static void (*rig_quiesce)(void *, uint32_t, bool, uint64_t);

/*
 * Per ring: the result of vhost_user_backend_keep_kick() at the last quiesce.
 */
static bool kept[RIG_RINGS];

static void keep_kicks(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct rig *r = opaque;
	uint32_t i;

	for (i = 0; i < RIG_RINGS; i++)
		if (ring == VHOST_USER_ALL_RINGS || ring == i)
			kept[i] = vhost_user_backend_keep_kick(r->b, i);
	ck_assert(!vhost_user_backend_keep_kick(r->b, RIG_RINGS));
	rig_quiesce(opaque, ring, drain, token);
}

static uint64_t change(struct rig *r, uint32_t request, uint64_t gpa,
		       uint64_t size, int fd)
{
	const struct vhost_user_mem_reg reg = {
		.region = rig_region(gpa, size, 0),
	};

	return rig_ack(r, request, &reg, sizeof(reg), &fd, fd >= 0);
}

static void add_page(struct rig *r)
{
	ck_assert_uint_eq(change(r, VHOST_USER_ADD_MEM_REG, 4 * MiB, PAGE,
				 r->memfd), 0);
}

static void remove_page(struct rig *r)
{
	ck_assert_uint_eq(change(r, VHOST_USER_REM_MEM_REG, 4 * MiB, PAGE, -1),
			  0);
}

static void up(struct rig *r)
{
	rig_prepare(r);
	rig_quiesce = r->ops.quiesce;
	r->ops.quiesce = keep_kicks;
	rig_start(r);
	rig_up(r);
	add_page(r);
	memset(kept, false, sizeof(kept));
}

START_TEST(kept_kick_works_across_a_memory_change)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll, kick;
	struct rig r;

	up(&r);
	epoll = epoll_create1(EPOLL_CLOEXEC);
	kick = vhost_user_backend_kick_fd(r.b, 0);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, kick, &event), 0);
	epoll_wait(epoll, &event, 1, 0);
	remove_page(&r);
	ck_assert(kept[0] && kept[1]);
	ck_assert(r.running[0]);
	ck_assert_int_eq(vhost_user_backend_kick_fd(r.b, 0), kick);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 0);
	vsu_event_signal(r.kick[0]);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, 0), 1);
	close(epoll);
	rig_fini(&r);
	ck_assert(!kept[0]);	/* not kept when the session ends */
}
END_TEST

START_TEST(kick_is_kept_only_for_memory_changes)
{
	up(&rig);
	ck_assert(!vhost_user_backend_keep_kick(rig.b, 0));
	remove_page(&rig);
	ck_assert(kept[0]);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_CALL, 0,
				     rig.call[0]), 0);
	ck_assert(!kept[0]);
	add_page(&rig);
	remove_page(&rig);
	ck_assert(kept[0]);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 0),
			  0);
	ck_assert(!kept[0] && kept[1]);
	rig_stop_ring(&rig, 1);
	ck_assert(!kept[1]);
}
END_TEST

START_TEST(kick_is_not_kept_if_the_rings_memory_is_removed)
{
	up(&rig);
	ck_assert_uint_eq(change(&rig, VHOST_USER_REM_MEM_REG, 0, RIG_MEMORY,
				 -1), 0);
	ck_assert(rig.asked_drain);
	ck_assert(!kept[0] && !kept[1]);
}
END_TEST

START_TEST(keeping_a_kick_fails_for_a_ring_without_one)
{
	up(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0x100, -1),
			  0);
	remove_page(&rig);
	ck_assert(!kept[0] && kept[1]);
}
END_TEST

/* Ring 0 is disabled, and keeps its kick while memory below ring 1 changes. */
START_TEST(kept_kick_of_a_disabled_ring_is_replaced_after_a_quiesce)
{
	unsigned int asked;

	up(&rig);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 0),
			  0);
	remove_page(&rig);
	ck_assert(kept[0] && !rig.running[0]);
	asked = rig.quiesces;
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0,
				     rig.kick[0]), 0);
	ck_assert_uint_eq(rig.quiesces, asked + 1);
	ck_assert_uint_eq(rig.asked_ring, 0);
	ck_assert(!kept[0]);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0,
				     rig.kick[0]), 0);
	ck_assert_uint_eq(rig.quiesces, asked + 1);
}
END_TEST

/*
 * The memory does not change because the session ends, which closes the kick.
 */
START_TEST(session_that_ends_during_a_quiesce_drops_the_kick)
{
	struct vhost_user_mem_reg reg = {
		.region = rig_region(4 * MiB, PAGE, 0),
	};
	unsigned int asked;

	up(&rig);
	rig.holds_answers = true;
	rig_send(&rig, VHOST_USER_REM_MEM_REG, RIG_NEED, &reg, sizeof(reg), NULL,
		 0);
	rig_dispatch(&rig);
	ck_assert(kept[0]);
	asked = rig.quiesces;
	rig.holds_answers = false;
	vsu_fd_close(&rig.sock);
	rig_dispatch(&rig);
	ck_assert_ptr_nonnull(rig.b);
	vhost_user_backend_done(rig.b, rig.token);
	rig_dispatch(&rig);
	ck_assert_ptr_null(rig.b);
	ck_assert_uint_eq(rig.quiesces, asked + 1);
	ck_assert(rig.asked_drain && !kept[0]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("backend-kick");
	TCase *tc = rig_case_of(s, "kept", &rig);

	tcase_add_test(tc, kept_kick_works_across_a_memory_change);
	tcase_add_test(tc, kick_is_kept_only_for_memory_changes);
	tcase_add_test(tc, kick_is_not_kept_if_the_rings_memory_is_removed);
	tcase_add_test(tc, keeping_a_kick_fails_for_a_ring_without_one);
	tcase_add_test(tc, kept_kick_of_a_disabled_ring_is_replaced_after_a_quiesce);
	tcase_add_test(tc, session_that_ends_during_a_quiesce_drops_the_kick);
	return run_suite(s);
}
