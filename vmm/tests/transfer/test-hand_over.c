/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about whose a guest is that moves. */
#include <config.h>

#include "../util.h"
#include "transfer/hand_over.h"
#include "transfer/migrate.h"

/* "x": the state of the column can follow: ours stopped released theirs unknown lost */
static const char *const rows[VMM_NHAND_OVERS] = {
	[VMM_OURS] =     "-x----",
	[VMM_STOPPED] =  "x-x---",
	[VMM_RELEASED] = "x--xx-",
	[VMM_THEIRS] =   "-----x",
	[VMM_UNKNOWN] =  "x-----",
	[VMM_LOST] =     "------",
};

START_TEST(state_follows_those_of_the_table_only)
{
	struct vmm_migration g;
	enum vmm_hand_over to;
	bool follows;

	for (to = 0; to < VMM_NHAND_OVERS; to++) {
		g.hand_over = (enum vmm_hand_over)_i;
		follows = rows[_i][to] == 'x';
		ck_assert_int_eq(vmm_hand_over_enter(&g, to, NULL), follows ? 0 : -EPERM);
		ck_assert_int_eq(g.hand_over, follows ? (int)to : _i);
	}
}
END_TEST

/* Nothing is unlocked: a guest that has not stopped, or has gone, is not released. */
static const enum vmm_hand_over others[] = {
	VMM_OURS, VMM_RELEASED, VMM_THEIRS, VMM_UNKNOWN, VMM_LOST,
};

START_TEST(only_a_stopped_guest_is_released)
{
	struct vmm_migration g = { .hand_over = others[_i] };
	struct vsu_error err;

	ck_assert_int_eq(vmm_hand_over_release(&g, &err), -EPERM);
	ck_assert_int_eq(g.hand_over, others[_i]);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot follow"));
}
END_TEST

/* Locks of a guest that runs at the destination are the destination's. */
START_TEST(guest_that_runs_there_does_not_return)
{
	struct vmm_migration g = { .hand_over = _i ? VMM_THEIRS : VMM_LOST };
	struct vsu_error err;

	ck_assert_int_eq(vmm_hand_over_return(&g, &err), -EPERM);
	ck_assert_int_eq(g.hand_over, _i ? VMM_THEIRS : VMM_LOST);
}
END_TEST

START_TEST(released_guest_is_theirs_when_post_copy_has_begun)
{
	struct vmm_migration g = { .hand_over = VMM_RELEASED };

	g.sender.progress.phase = VMM_SENDER_COMMITTED;
	ck_assert_int_eq(vmm_hand_over_now(&g), VMM_RELEASED);
	g.sender.progress.phase = VMM_SENDER_POSTCOPY;
	ck_assert_int_eq(vmm_hand_over_now(&g), VMM_THEIRS);
}
END_TEST

static const struct {
	enum vmm_sender_phase phase;
	enum vmm_hand_over guest;
	enum cvmm_phase reported;
} phases[] = {
	{ VMM_SENDER_CONNECTS, VMM_OURS, CVMM_PHASE_CONNECTING },
	{ VMM_SENDER_COPIES, VMM_OURS, CVMM_PHASE_COPYING },
	{ VMM_SENDER_STOPPED, VMM_STOPPED, CVMM_PHASE_STOPPED },
	{ VMM_SENDER_COMMITTED, VMM_RELEASED, CVMM_PHASE_STOPPED },
	{ VMM_SENDER_COMMITTED, VMM_UNKNOWN, CVMM_PHASE_UNKNOWN },
	{ VMM_SENDER_POSTCOPY, VMM_THEIRS, CVMM_PHASE_POSTCOPY },
};

/* Each migration with post-copy waits for the last answer: nothing is unknown then. */
START_TEST(phase_is_unknown_only_after_a_failure)
{
	static struct vmm_machine m;
	struct vmm_migration g = { .hand_over = phases[_i].guest };
	struct cvmm_progress progress;

	g.sender.progress.phase = phases[_i].phase;
	m.pause.migration = &g;
	vmm_migrate_progress(&m, &progress);
	ck_assert_int_eq(progress.phase, phases[_i].reported);
	m.pause.migration = NULL;
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hand-over");
	TCase *tc = tcase_create("hand-over");

	tcase_add_loop_test(tc, state_follows_those_of_the_table_only, 0, VMM_NHAND_OVERS);
	tcase_add_loop_test(tc, only_a_stopped_guest_is_released, 0, COUNT(others));
	tcase_add_loop_test(tc, guest_that_runs_there_does_not_return, 0, 2);
	tcase_add_test(tc, released_guest_is_theirs_when_post_copy_has_begun);
	tcase_add_loop_test(tc, phase_is_unknown_only_after_a_failure, 0, COUNT(phases));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
