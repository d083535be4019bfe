/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about memory that the guest converts while a vhost-user back-end serves a device. */
#include <config.h>

#include <sched.h>

#include "../back_end.h"
#include "../machine/driver.h"
#include "../machine/rig.h"

#define PAGE DRIVER_PAGE
#define DATA 0x300000u
#define E2BIG_OF_KVM (-7)
#define EBUSY_OF_KVM (-16)

static void run_with(void (*how)(const char *memory, const char *device, unsigned int steps,
				 void (*story)(unsigned int n, struct kvm_run *run)),
		     unsigned int steps, void (*story)(unsigned int n, struct kvm_run *run))
{
	char device[160];

	back_end_start(VQ_F_VERSION_1);
	snprintf(device, sizeof(device), "--device=id=26,queues=1,config-size=4,backend=user:%s",
		 be.path);
	how("--memory=size=16M,private=on,backend=memfd", device, steps, story);
	back_end_free();
}

/* Whether the back-end has memory there. */
static bool back_end_has(uint64_t gpa)
{
	const struct driver_descriptor d = { gpa, 16, 2, 0 };
	const unsigned int before = __atomic_load_n(&be.faults, __ATOMIC_ACQUIRE);

	driver_offer(&d, 1);
	while (driver_used() != driver.made)
		sched_yield();
	return __atomic_load_n(&be.faults, __ATOMIC_ACQUIRE) == before;
}

static void shares_with_a_back_end(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		ck_assert(back_end_has(DATA));
	} else {
		ck_assert_uint_eq(run->hypercall.ret, 0);
		ck_assert(back_end_has(DATA) == (n % 2 == 0));
		ck_assert(back_end_has(DATA + PAGE));
		ck_assert(back_end_has(DATA - PAGE));
	}
	driver_convert(run, DATA, 1, n % 2 == 0);
}

START_TEST(back_end_has_shared_pages_only)
{
	run_with(driver_run, 6, shares_with_a_back_end);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 6);
}
END_TEST

static void waits_for_a_back_end(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		ck_assert(back_end_has(DATA));
		rig.machine.pause.limit.seconds = 0.05;
		back_end_hold();
	} else if (n == 1) {
		ck_assert_int_eq((int)run->hypercall.ret, EBUSY_OF_KVM);
		ck_assert_uint_eq(rig.machine.private_memory.ranges.n, 0);
		back_end_go_on();
		ck_assert(back_end_has(DATA));
		rig.machine.pause.limit.seconds = 0.;
	} else {
		ck_assert_uint_eq(run->hypercall.ret, 0);
		ck_assert(!back_end_has(DATA));
	}
	driver_convert(run, DATA, 1, true);
}

START_TEST(e2_30_conversion_fails_if_a_back_end_does_not_answer)
{
	run_with(driver_run, 3, waits_for_a_back_end);
	ck_assert_uint_eq(rig.machine.private_memory.failed, 1);
}
END_TEST

#define SLOTS 509u		/* that the back-end accepts */

static void makes_many_regions(unsigned int n, struct kvm_run *run)
{
	if (!n)
		driver_start();
	if (n && run->hypercall.ret) {
		ck_assert_int_eq((int)run->hypercall.ret, E2BIG_OF_KVM);
		ck_assert(back_end_has(DATA));
		fake_power_off(run);
		return;
	}
	ck_assert_uint_lt(n, SLOTS + 1);
	driver_convert(run, DATA + (2 * n + 1) * UINT64_C(4096), 1, true);
}

START_TEST(back_end_limits_the_separate_ranges)
{
	run_with(driver_run, SLOTS + 2, makes_many_regions);
	ck_assert_uint_eq(rig.machine.private_memory.failed, 1);
}
END_TEST

static void loses_its_back_end(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		ck_assert(back_end_has(DATA));
		back_end_stop();
	}
	if (n)
		ck_assert_uint_eq(run->hypercall.ret, 0);
	driver_convert(run, DATA, 1, n % 2 == 0);
}

START_TEST(lost_back_end_does_not_stop_a_conversion)
{
	run_with(driver_run_any, 4, loses_its_back_end);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conversion_remote");
	TCase *tc = tcase_create("conversion_remote");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, back_end_has_shared_pages_only);
	tcase_add_test(tc, e2_30_conversion_fails_if_a_back_end_does_not_answer);
	tcase_add_test(tc, back_end_limits_the_separate_ranges);
	tcase_add_test(tc, lost_back_end_does_not_stop_a_conversion);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
