/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the activities of a machine and the changes between them. */
#include <config.h>

#include <errno.h>

#include "../util.h"
#include "machine/life.h"

/* "x" below an activity: it can follow. */
static const char order[] = "made runs paused damaged arrives saves migrates converts ended";
static const struct {
	const char *next;
	int code;	/* of everything else */
} rows[VMM_NACTIVITIES] = {
	[VMM_IS_MADE] =  { "-xxxx---x", -EBUSY },
	[VMM_RUNS] =     { "--xx-xxxx", -EPERM },
	[VMM_PAUSED] =   { "-x-x-xxxx", -EPERM },
	[VMM_DAMAGED] =  { "-------xx", -EPERM },
	[VMM_ARRIVES] =  { "-xxx----x", -EBUSY },
	[VMM_SAVES] =    { "-xxx----x", -EBUSY },
	[VMM_MIGRATES] = { "-xxx----x", -EBUSY },
	[VMM_CONVERTS] = { "-xxx----x", -EBUSY },
	[VMM_ENDED] =    { "---------", -EPERM },
};

START_TEST(activity_follows_those_of_the_table_only)
{
	struct vmm_life l = { (enum vmm_activity)_i, VMM_RUNS };
	struct vsu_error err;
	enum vmm_activity to;
	bool follows;
	int rc;

	for (to = 0; to < VMM_NACTIVITIES; to++) {
		follows = rows[_i].next[to] == 'x';
		rc = vmm_life_check(&l, to, &err);
		ck_assert_msg(rc == (follows ? 0 : rows[_i].code), "%d to %d of %s", _i, to, order);
		ck_assert(!rc || err.msg[0]);
	}
}
END_TEST

START_TEST(second_job_fails_and_the_first_continues)
{
	struct vmm_life l = { VMM_RUNS, VMM_RUNS };
	struct vsu_error err;

	ck_assert_int_eq(vmm_life_begin(&l, VMM_SAVES, &err), 0);
	ck_assert_int_eq(vmm_life_begin(&l, VMM_MIGRATES, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "the machine is being saved");
	ck_assert_int_eq(l.now, VMM_SAVES);
}
END_TEST

START_TEST(pause_during_a_job_remains_after_it)
{
	struct vmm_life l = { VMM_SAVES, VMM_RUNS };

	ck_assert(vmm_life_set_guest(&l, VMM_PAUSED));
	ck_assert(!vmm_life_set_guest(&l, VMM_PAUSED));
	ck_assert_int_eq(l.now, VMM_SAVES);
	vmm_life_finish(&l);
	ck_assert_int_eq(l.now, VMM_PAUSED);
}
END_TEST

START_TEST(damaged_guest_stays_damaged)
{
	struct vmm_life l = { VMM_RUNS, VMM_RUNS };

	ck_assert(vmm_life_set_guest(&l, VMM_DAMAGED));
	ck_assert(!vmm_life_set_guest(&l, VMM_RUNS));
	ck_assert(!vmm_life_set_guest(&l, VMM_PAUSED));
	ck_assert_int_eq(l.now, VMM_DAMAGED);
}
END_TEST

START_TEST(machine_starts_with_the_guest_that_was_loaded)
{
	struct vmm_life l = VMM_LIFE_INIT;

	ck_assert(vmm_life_set_guest(&l, VMM_PAUSED));
	ck_assert_int_eq(l.now, VMM_IS_MADE);
	vmm_life_start(&l, _i ? VMM_ARRIVES : VMM_RUNS);
	ck_assert_int_eq(l.now, _i ? VMM_ARRIVES : VMM_PAUSED);
	vmm_life_finish(&l);
	ck_assert_int_eq(l.now, VMM_PAUSED);
}
END_TEST

START_TEST(job_that_ends_after_the_machine_does_not_revive_it)
{
	struct vmm_life l = { VMM_SAVES, VMM_RUNS };

	vmm_life_end(&l);
	vmm_life_finish(&l);
	vmm_life_start(&l, VMM_RUNS);
	ck_assert_int_eq(l.now, VMM_ENDED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("activity");
	TCase *tc = tcase_create("activity");

	tcase_add_loop_test(tc, activity_follows_those_of_the_table_only, 0, VMM_NACTIVITIES);
	tcase_add_test(tc, second_job_fails_and_the_first_continues);
	tcase_add_test(tc, pause_during_a_job_remains_after_it);
	tcase_add_test(tc, damaged_guest_stays_damaged);
	tcase_add_loop_test(tc, machine_starts_with_the_guest_that_was_loaded, 0, 2);
	tcase_add_test(tc, job_that_ends_after_the_machine_does_not_revive_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
