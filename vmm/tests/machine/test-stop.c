/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the time that devices have to stop, and about devices that stay paused. */
#include <config.h>

#include "../turns.h"
#include "../util.h"
#include "machine/stop.h"

#define LIMIT 0.01

static struct vmm_machine m;
static struct vsu_error err;
static unsigned int ends_after;	/* limits; 0: never */
static bool resumed;
static unsigned int pauses;

/* ------------------------------------------------------- in place of the devices */

int __wrap_vmm_virtio_pause(struct vmm_virtio *v, bool saves);
int __wrap_vmm_virtio_resume(struct vmm_virtio *v);
void __wrap_varch_cpus_pause(struct varch_cpus *cpus);
void __wrap_varch_cpus_resume(struct varch_cpus *cpus);

/* As of a back-end that makes progress without an end. */
int __wrap_vmm_virtio_pause(struct vmm_virtio *v, bool saves)
{
	(void)v;
	(void)saves;
	pauses++;
	return ends_after && m.pause.limit.over >= ends_after ? 0 : -EAGAIN;
}

int __wrap_vmm_virtio_resume(struct vmm_virtio *v)
{
	(void)v;
	resumed = true;
	return 0;
}

void __wrap_varch_cpus_pause(struct varch_cpus *cpus)
{
	(void)cpus;
}

void __wrap_varch_cpus_resume(struct varch_cpus *cpus)
{
	(void)cpus;
}

static void setup(void)
{
	memset(&m, 0, sizeof(m));
	vsu_error_clear(&err);
	m.loop = loop_begin();
	m.pause.limit.seconds = LIMIT;
	m.pause.stop.phase = VMM_STOP_BEGUN;
	m.ndevices = 1;
	m.devices[0].virtio = (struct vmm_virtio *)&m;	/* not accessed */
	ends_after = 0;
	resumed = false;
	pauses = 0;
}

static void teardown(void)
{
	vsu_loop_free(m.loop);
}

static int stop_device(bool remote)
{
	int rc;

	m.devices[0].spec.remote = remote;
	while ((rc = vmm_stop_devices(&m, true, &err)) == -EAGAIN)
		loop_once(m.loop);
	return rc;
}

START_TEST(e2_53_back_end_that_never_ends_its_state_does_not_keep_the_guest_paused)
{
	ck_assert_int_eq(stop_device(true), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "device 0: its back-end did not stop"));
	vmm_stop_end(&m);
	ck_assert(resumed);
	ck_assert_uint_eq(m.pause.limit.over, 0);
}
END_TEST

START_TEST(back_end_has_twice_the_time_of_a_device_in_this_process)
{
	ends_after = 1;
	ck_assert_int_eq(stop_device(true), 0);
	vmm_stop_end(&m);
}
END_TEST

START_TEST(device_in_this_process_has_the_limit_once)
{
	ends_after = 2;
	ck_assert_int_eq(stop_device(false), -ETIMEDOUT);
	ck_assert_uint_eq(m.pause.limit.over, 1);
	vmm_stop_end(&m);
}
END_TEST

static int no_step(void *opaque)
{
	(void)opaque;
	return 1;
}

/* A request of a paused guest would change the disks that its user copies. */
START_TEST(devices_that_are_held_stay_paused_in_another_stop)
{
	ends_after = 1;
	ck_assert_int_eq(stop_device(false), 0);
	vmm_stop_hold(&m);
	pauses = 0;
	vmm_stop_begin(&m, no_step, NULL);
	ck_assert(!resumed && m.pause.stop.was_held);
	ck_assert_int_eq(stop_device(false), 0);
	ck_assert_uint_eq(pauses, 0);
	vmm_stop_hold(&m);
	ck_assert(!resumed);
	vmm_stop_release(&m);
	ck_assert(resumed);
	ck_assert_int_eq(m.pause.stop.phase, VMM_STOP_NONE);
	vmm_stop_begin(&m, no_step, NULL);
	ck_assert(!m.pause.stop.was_held);
	ck_assert_int_eq(stop_device(false), 0);
	ck_assert_uint_ge(pauses, 1);
	vmm_stop_end(&m);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("machine");
	TCase *tc = tcase_create("stop");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, e2_53_back_end_that_never_ends_its_state_does_not_keep_the_guest_paused);
	tcase_add_test(tc, back_end_has_twice_the_time_of_a_device_in_this_process);
	tcase_add_test(tc, device_in_this_process_has_the_limit_once);
	tcase_add_test(tc, devices_that_are_held_stay_paused_in_another_stop);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
