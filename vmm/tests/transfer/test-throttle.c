/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about how long a throttled guest is paused. The test plays the CPUs. */
#include <config.h>

#include "transfer/throttle.h"
#include "../turns.h"
#include "../util.h"

static struct vmm_throttle throttle;
static struct vsu_loop *loop;
static int pauses;		/* calls of pause less calls of resume */
static struct varch_cpus *const cpus = (struct varch_cpus *)&pauses;

void __wrap_varch_cpus_pause(struct varch_cpus *c);
void __wrap_varch_cpus_pause(struct varch_cpus *c)
{
	ck_assert_ptr_eq(c, cpus);
	pauses++;
}

void __wrap_varch_cpus_resume(struct varch_cpus *c);
void __wrap_varch_cpus_resume(struct varch_cpus *c)
{
	ck_assert_ptr_eq(c, cpus);
	pauses--;
}

static uint64_t delay_ns;	/* of the timer that was started last */

void __real_vsu_alarm_start(struct vsu_loop *l, struct vsu_alarm *w, uint64_t after_ns, uint64_t repeat_ns);
void __wrap_vsu_alarm_start(struct vsu_loop *l, struct vsu_alarm *w, uint64_t after_ns, uint64_t repeat_ns);
void __wrap_vsu_alarm_start(struct vsu_loop *l, struct vsu_alarm *w, uint64_t after_ns, uint64_t repeat_ns)
{
	delay_ns = after_ns;
	__real_vsu_alarm_start(l, w, after_ns, repeat_ns);
}

static void setup(void)
{
	loop = loop_begin();
	pauses = 0;
	vmm_throttle_init(&throttle, loop, cpus);
}

static void teardown(void)
{
	vmm_throttle_end(&throttle);
	vsu_loop_free(loop);
}

static void expire(void)
{
	vsu_alarm_stop(&throttle.timer);
	throttle.timer.fn(throttle.timer.opaque);
}

/* The timer ends after so many microseconds. */
static void assert_phase(int paused, unsigned int us)
{
	ck_assert_int_eq(pauses, paused);
	ck_assert(throttle.timer.active);
	ck_assert_uint_eq(delay_ns / 1000, us);
}

START_TEST(guest_runs_freely_at_first)
{
	ck_assert_uint_eq(throttle.percent, 0);
	ck_assert(!throttle.timer.active);
	ck_assert_int_eq(pauses, 0);
}
END_TEST

START_TEST(guest_is_paused_for_its_share_of_each_period)
{
	int i;

	vmm_throttle_more(&throttle);
	for (i = 0; i < 3; i++) {
		assert_phase(1, 8000);
		expire();
		assert_phase(0, 32000);
		expire();
	}
}
END_TEST

/* From the next change on. */
START_TEST(share_grows_to_its_maximum)
{
	static const unsigned int shares[] = { 20, 40, 60, 80, 95, 95 };
	unsigned int i;

	for (i = 0; i < COUNT(shares); i++) {
		vmm_throttle_more(&throttle);
		ck_assert_uint_eq(throttle.percent, shares[i]);
	}
	expire();
	assert_phase(0, 2000);
	expire();
	assert_phase(1, 38000);
}
END_TEST

START_TEST(guest_runs_after_the_end_and_its_share_is_reported)
{
	vmm_throttle_more(&throttle);
	vmm_throttle_end(&throttle);
	ck_assert_int_eq(pauses, 0);
	ck_assert(!throttle.timer.active);
	ck_assert_uint_eq(throttle.percent, 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("throttle");
	TCase *tc = tcase_create("throttle");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, guest_runs_freely_at_first);
	tcase_add_test(tc, guest_is_paused_for_its_share_of_each_period);
	tcase_add_test(tc, share_grows_to_its_maximum);
	tcase_add_test(tc, guest_runs_after_the_end_and_its_share_is_reported);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
