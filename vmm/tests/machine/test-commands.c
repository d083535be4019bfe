/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the commands of the control socket: replies and effects. */
#include <config.h>

#include <sys/stat.h>
#include <unistd.h>

#include "plug_rig.h"

#define DISK 65536u		/* initial bytes of its file */
#define DEVICE_CONFIG 0x2000u	/* in BAR 0, as the capability says */

static uint64_t disk_size(void)
{
	struct stat st;

	ck_assert_int_eq(stat("disk", &st), 0);
	return (uint64_t)st.st_size;
}

static void run(void (*what)(void))
{
	machine_run("--transport=pci", OWN_MEMORY, what);
}

static void listing(void)
{
	assert_told("status\n", "{\"ok\":true,\"cpus\":2,\"paused\":false,\"devices\":[]}\n");
	assert_told("device-add rng\n", ADDED(0));
	assert_told("device-add blk,path=disk\n", ADDED(1));
	user_says("status\n");
	ck_assert_ptr_nonnull(strstr(said, "\"devices\":[{\"device\":0,\"id\":4,\"kind\":\"rng\",\"slot\":1,\"numbers\":{\""));
	ck_assert_ptr_nonnull(strstr(said, "}},{\"device\":1,\"id\":2,\"kind\":\"blk\",\"slot\":2,\"numbers\":{\"reads\":0"));
	ck_assert_str_eq(said + strlen(said) - 5, "}}]}\n");
	assert_told("device-del rng\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"slot\":1,\"leaving\":true,"));
	assert_given(1);
	wait_until_gone(0);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"devices\":[{\"device\":1,"));
}

START_TEST(the_status_has_each_device_with_its_kind_slot_and_numbers)
{
	run(listing);
}
END_TEST

/* Of the device's configuration: sectors. */
static uint32_t capacity(void)
{
	return access_of(&rig.machine.mmio, VMM_PCI_WINDOW_GPA + DEVICE_CONFIG, 4,
			 false, 0);
}

static void growing(void)
{
	assert_told("device-add blk,path=disk\n", ADDED(0));
	common_out(1, STATUS, 1, 1);
	ck_assert_uint_eq(capacity(), DISK / 512);
	assert_told("resize blk 128K\n", DONE);
	ck_assert_uint_eq(disk_size(), 2 * DISK);
	ck_assert_uint_eq(capacity(), 2 * DISK / 512);
	ck_assert_int_eq(truncate("disk", 3 * DISK), 0);
	assert_told("resize 0 0\n", DONE);
	ck_assert_uint_eq(capacity(), 3 * DISK / 512);
	assert_refusal("resize 0 64K\n", "it can grow, and not shrink");
	ck_assert_uint_eq(disk_size(), 3 * DISK);
}

START_TEST(a_disk_has_the_size_that_is_asked_for_or_that_of_its_file)
{
	run(growing);
}
END_TEST

static void named(void)
{
	assert_told("device-add disk,path=disk\n", ADDED(0));
	assert_told("resize disk 128K\n", DONE);
	assert_told("device-add rng\n", ADDED(1));
	assert_told("device-add rng\n", ADDED(2));
	assert_refusal("device-del rng\n",
		       "device-del: 'rng' names devices 1, 2; give the number of one");
	assert_refusal("device-del rng force\n", "names devices 1, 2");
	ck_assert(has_device(1) && has_device(2));
	assert_told("device-del 2\n", DONE);
	assert_given(3);
	wait_until_gone(2);
	assert_told("device-del rng\n", DONE);
	assert_told("device-del disk\n", DONE);
}

START_TEST(a_device_is_named_by_its_kind_or_option_where_it_is_the_only_one)
{
	run(named);
}
END_TEST

static void doubled(void)
{
	assert_told("device-add blk,path=disk\n", ADDED(0));
	assert_refusal("device-add blk,path=disk\n",
		       "'disk' is given twice; one device can write to a file");
	assert_refusal("device-add blk,path=./disk,readonly\n", "is given twice");
	assert_refusal("device-add blk,./disk\n", "is given twice");
	assert_told("device-add blk,path=disk,locking=off\n", ADDED(1));
}

START_TEST(a_file_is_behind_one_writable_disk)
{
	run(doubled);
}
END_TEST

static unsigned int runs(void)
{
	return __atomic_load_n(&fake.cpu[0].runs, __ATOMIC_ACQUIRE);
}

/* CPU 0 of this guest enters the guest repeatedly. */
static void paused(void)
{
	unsigned int before;

	assert_told("resume\n", DONE);
	assert_told("pause\n", DONE);
	before = runs();
	assert_told("pause\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"paused\":true"));
	assert_told("device-add rng\n", ADDED(0));
	ck_assert_uint_eq(runs(), before);
	assert_told("resume\n", DONE);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"paused\":false"));
	/* an access by CPU 0 */
	capacity();
	ck_assert_uint_gt(runs(), before);
	assert_refusal("pause now\n", "expected is 'pause'");
}

START_TEST(no_processor_runs_between_pause_and_resume)
{
	run(paused);
}
END_TEST

static void changed(void)
{
	assert_told("device-add rng\n", ADDED(0));
	assert_refusal("save folder\n", "save: device 0 was added or removed while the guest ran");
	ck_assert_int_ne(access("folder.incomplete", F_OK), 0);
	assert_told("device-del rng\n", DONE);
	assert_given(1);
	wait_until_gone(0);
	assert_refusal("save folder\n", "save: device 0 was added or removed while the guest ran");
}

START_TEST(a_machine_with_other_devices_than_at_its_start_is_not_saved)
{
	run(changed);
}
END_TEST

static const struct { const char *line, *why; } refusals[] = {
	{ "resize\n", "expected is 'resize DEVICE SIZE'" },
	{ "resize 0\n", "expected is 'resize DEVICE SIZE'" },
	{ "resize 1 1M\n", "resize: no device '1'; 'status' names them" },
	{ "resize net 1M\n", "resize: no device 'net'" },
	{ "resize rng 1M\n", "device 'rng' has no size that can be changed here" },
	{ "resize 0 much\n", "resize: 'much' is no size, as 512M is" },
	{ "resize 0 -1\n", "'-1' is no size" },
	{ "status now\n", "expected is 'status'" },
	{ "migrate here\n", "migrate: 'here' is no address; expected is unix:PATH, tcp:HOST:PORT or exec:COMMAND" },
	{ "migrate rate=fast unix:a\n", "rate: 'fast' is no number of bytes per second" },
	{ "migrate downtime=0 unix:a\n", "downtime: '0' is no number of milliseconds" },
	{ "migrate auto-converge\n", "no address" },
	{ "migrate-cancel\n", "no migration is in progress" },
	{ "stats\n", "did you mean 'status'? There are: status, pause, resume, save, migrate, migrate-cancel, resize, device-add, device-del" },
	{ "device-del\n", "expected is 'device-del DEVICE [force] [wait]'" },
	{ "device-del 0 force wait now\n", "4 words follow" },
	{ "device-del 0 wait soon\n", "'soon' after the device" },
};

static void refused(void)
{
	unsigned int i;

	assert_told("device-add rng\n", ADDED(0));
	for (i = 0; i < COUNT(refusals); i++)
		assert_refusal(refusals[i].line, refusals[i].why);
	ck_assert(has_device(0));
}

START_TEST(what_cannot_be_done_is_refused_with_its_reason)
{
	run(refused);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("commands");
	TCase *tc = tcase_create("commands");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, the_status_has_each_device_with_its_kind_slot_and_numbers);
	tcase_add_test(tc, a_disk_has_the_size_that_is_asked_for_or_that_of_its_file);
	tcase_add_test(tc, a_device_is_named_by_its_kind_or_option_where_it_is_the_only_one);
	tcase_add_test(tc, a_file_is_behind_one_writable_disk);
	tcase_add_test(tc, no_processor_runs_between_pause_and_resume);
	tcase_add_test(tc, a_machine_with_other_devices_than_at_its_start_is_not_saved);
	tcase_add_test(tc, what_cannot_be_done_is_refused_with_its_reason);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
