/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a machine that is saved after its devices or their properties have changed while
 * the guest ran; the test plays the guest, and its user.
 */
#include <config.h>

#include "../machine/plug_rig.h"

#define WORDS "kernel", OWN_MEMORY, "--serial=null", "--transport=pci"

#define MAX_WORDS 16

static char json[4096];

/* The machine ends, and another process continues it by the command line that was saved. */
static void continue_saved(const char *expected, void (*what)(void))
{
	const char *words[MAX_WORDS + 3];
	FILE *f = fopen("saved/machine.json", "r");
	unsigned int n = 0;
	char *at;

	ck_assert_ptr_nonnull(f);
	memset(json, 0, sizeof(json));
	ck_assert_uint_gt(fread(json, 1, sizeof(json) - 1, f), 0);
	fclose(f);
	ck_assert_msg(strstr(json, expected) != NULL, "%s", json);
	for (at = strchr(json, '[') + 2; n < MAX_WORDS && at;) {
		words[n++] = at;
		at = strchr(at, '"');
		*at = '\0';
		at = at[1] == ',' ? at + 3 : NULL;
	}
	words[n++] = "--from=saved";
	words[n++] = "--changed-disks=accept"; /* the rig makes it again */
	words[n] = NULL;
	rig_free();
	fake_kvm_init();
	machine_run_words(words, what);
}

static void run(const char *first, const char *second, void (*what)(void))
{
	machine_run_words((const char *const []){ WORDS, first, second, NULL }, what);
}

static void teardown(void)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	rmdir("saved");
	rig_fini();
}

static void adding(void)
{
	assert_told("device-add rng,rate=64k\n", ADDED(1));
	drive(2, 1);
	assert_told("save saved\n", DONE);
}

static void added(void)
{
	ck_assert(has_device(0) && has_device(1));
	ck_assert_uint_eq(config_in(2, 0), 0x10441af4);
}

START_TEST(e3_26_added_device_is_part_of_a_saved_machine)
{
	run("--disk=disk", NULL, adding);
	continue_saved("\"--device=rng,rate=65536\"", added);
}
END_TEST

static void removing(void)
{
	assert_told("device-del 0 force\n", DONE);
	wait_until_gone(0);
	assert_told("save saved\n", DONE);
}

static void removed(void)
{
	ck_assert(!has_device(0) && has_device(1));
	ck_assert_uint_eq(config_in(1, 0), ABSENT);
	ck_assert_uint_eq(config_in(2, 0), 0x10441af4);
}

/* The other one has its number and place. */
START_TEST(e3_26_removed_device_is_not_part_of_it)
{
	run("--disk=disk", "--rng=rate=64k", removing);
	continue_saved("\"--device=none\"", removed);
}
END_TEST

/* As another program could write it into a state. */
static void requesting(void)
{
	varch_plug_note(&rig.machine.plug, VARCH_PLUG_ASKED, 1);
	varch_plug_note(&rig.machine.plug, VARCH_PLUG_ASKED, 2);
	assert_told("save saved\n", DONE);
}

static void ejecting(void)
{
	port_out(EJECT, 3 * SLOT1);
	wait_until_gone(1);
	ck_assert(has_device(0));
	ck_assert_uint_eq(config_in(1, 0), 0x10581af4);
}

START_TEST(guest_of_a_saved_machine_ejects_no_device_that_cannot_be_removed)
{
	run("--mem=size=128M", "--rng=rate=64k", requesting);
	continue_saved("\"--mem=size=128M\"", ejecting);
}
END_TEST

static void changing(void)
{
	assert_told("resize 1 1M\n", DONE);
	assert_told("limit 0 iops=7\n", DONE);
	assert_told("save saved\n", DONE);
}

static void changed(void)
{
	wait_for_status("\"target\":1048576");
}

START_TEST(e3_25_requested_balloon_and_limit_are_part_of_it)
{
	run("--disk=disk", "--balloon=size=0", changing);
	continue_saved("iops=7", changed);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("changed_devices");
	TCase *tc = tcase_create("changed_devices");

	tcase_add_checked_fixture(tc, rig_init, teardown);
	tcase_add_test(tc, e3_26_added_device_is_part_of_a_saved_machine);
	tcase_add_test(tc, e3_26_removed_device_is_not_part_of_it);
	tcase_add_test(tc, guest_of_a_saved_machine_ejects_no_device_that_cannot_be_removed);
	tcase_add_test(tc, e3_25_requested_balloon_and_limit_are_part_of_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
