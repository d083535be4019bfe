/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the description of a machine and its devices, and of the folder of a saved one. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <device-kinds/kind.h>

#include "cvmm/configuration.h"
#include "cvmm/saved.h"
#include "../guests.h"
#include "owner.h"

static struct cvmm_configuration *c;

static void setup(void)
{
	owner_setup();
	c = NULL;
}

static void teardown(void)
{
	cvmm_configuration_free(c);
	owner_teardown();
}

static void read_words(size_t n, const char *const *words)
{
	struct cvmm_options *o;

	OK(cvmm_options_new(&o, &err));
	OK(cvmm_options_add_words(o, n, words, &err));
	OK(cvmm_configuration_new(o, NULL, &c, &err));
	cvmm_options_free(o);
}
#define READ(...) read_words(WORDS(__VA_ARGS__))

START_TEST(machine_has_the_values_of_its_options)
{
	struct cvmm_description d = { .size = sizeof(d) };

	READ("k", "disk", "--name=web", "--cpus=2,max=8", "--initrd=i");
	OK(cvmm_configuration_get_machine(c, &d, &err));
	ck_assert_str_eq(d.name, "web");
	ck_assert_str_eq(d.kernel, "k");
	ck_assert_str_eq(d.initrd, "i");
	ck_assert_uint_eq(d.cpus, 2);
	ck_assert_uint_eq(d.max_cpus, 8);
	ck_assert_uint_eq(d.devices, 1);
}
END_TEST

START_TEST(machine_without_a_name_has_none)
{
	struct cvmm_description d = { .size = sizeof(d) };

	READ("k");
	OK(cvmm_configuration_get_machine(c, &d, &err));
	ck_assert_ptr_null(d.name);
	ck_assert_ptr_null(d.initrd);
	ck_assert_uint_eq(d.cpus, 1);
	ck_assert_uint_eq(d.devices, 0);
}
END_TEST

static const struct {
	const char *word, *kind, *option, *properties, *file, *socket;
} devices[] = {
	{ "d", "blk", "disk", "d", "d", NULL },
	{ "--disk=d,readonly", "blk", "disk", "d,readonly", "d", NULL },
	{ "--device=rng,rate=64k", "rng", "device", "rate=64k", NULL, NULL },
	{ "--device=rng", "rng", "device", "", NULL, NULL },
	{ "--disk=backend=user:s", "blk", "disk", "backend=user:s", NULL, "s" },
	{ "--disk=path=d,backend=spawn", "blk", "disk", "path=d,backend=spawn", "d", NULL },
	{ "--device=id=26,backend=user:s", NULL, "device", "backend=user:s", NULL, "s" },
};

static void assert_text(const char *text, const char *expected)
{
	ck_assert_int_eq(!text, !expected);
	if (expected)
		ck_assert_str_eq(text, expected);
}

START_TEST(device_has_what_its_option_says)
{
	struct cvmm_described_device d = { .size = sizeof(d) };

	READ("k", devices[_i].word);
	OK(cvmm_configuration_get_device(c, 0, &d, &err));
	assert_text(d.kind, devices[_i].kind);
	assert_text(d.option, devices[_i].option);
	assert_text(d.properties, devices[_i].properties);
	assert_text(d.file, devices[_i].file);
	assert_text(d.socket, devices[_i].socket);
	ck_assert_int_eq(cvmm_configuration_get_device(c, 1, &d, &err), -ENOENT);
}
END_TEST

START_TEST(device_of_its_id_alone_has_the_id)
{
	struct cvmm_described_device d = { .size = sizeof(d) };

	READ("k", "--device=id=26,backend=user:s");
	OK(cvmm_configuration_get_device(c, 0, &d, &err));
	ck_assert_uint_eq(d.id, 26);
}
END_TEST

START_TEST(free_number_is_no_device)
{
	struct cvmm_described_device d = { .size = sizeof(d) };

	READ("k", "--device=none", "--rng=");
	ck_assert_int_eq(cvmm_configuration_get_device(c, 0, &d, &err), -ENOENT);
	OK(cvmm_configuration_get_device(c, 1, &d, &err));
}
END_TEST

START_TEST(servers_are_those_of_spawned_devices)
{
	struct cvmm_server s;

	READ("k", "a", "--disk=path=b,backend=spawn,num-queues=2", "--rng=", "--disk=path=c,backend=spawn");
	OK(cvmm_configuration_get_server(c, 0, &s, &err));
	ck_assert_str_eq(s.kind->name, "blk");
	ck_assert_uint_eq(s.queues, 2);
	OK(cvmm_configuration_get_server(c, 1, &s, &err));
	ck_assert_uint_eq(s.queues, 0);
	ck_assert_int_eq(cvmm_configuration_get_server(c, 2, &s, &err), -ENOENT);
}
END_TEST

/* ---------------------------------------------------------- the saved machine */

START_TEST(saved_machine_is_described_without_continuing_it)
{
	struct one one = { .m = NULL };
	struct cvmm_saved *saved;
	char path[96];

	snprintf(path, sizeof(path), "%s/saved", folder);
	MAKE(&one, LOOPS);
	start(&one);
	begin_save(&one, path, CVMM_THEN_STOP);
	wait_for_answer(&one);
	cvmm_machine_free(one.m);
	OK(cvmm_saved_read(path, true, &saved, &err));
	ck_assert_uint_eq(saved->size, sizeof(*saved));
	ck_assert_uint_eq(saved->memory, 16 * MIB);
	ck_assert_uint_eq(saved->cpus, 1);
	ck_assert_uint_gt(saved->saved_s, 0);
	ck_assert_str_ne(saved->version, "");
	ck_assert_str_eq(saved->base, "");
	ck_assert(saved->has_sums);
	cvmm_saved_free(saved);
}
END_TEST

START_TEST(missing_folder_is_named)
{
	struct cvmm_saved *saved = NULL;

	ck_assert_int_eq(cvmm_saved_read("/nowhere", false, &saved, &err), -ENOENT);
	ck_assert_msg(strstr(err.msg, "/nowhere"), "%s", err.msg);
	ck_assert_ptr_null(saved);
	ck_assert_int_eq(cvmm_saved_read(NULL, false, &saved, &err), -EINVAL);
}
END_TEST

START_TEST(free_accepts_null)
{
	cvmm_saved_free(NULL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("described");
	TCase *tc = tcase_create("described"), *guests = tcase_create("guests");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, machine_has_the_values_of_its_options);
	tcase_add_test(tc, machine_without_a_name_has_none);
	tcase_add_loop_test(tc, device_has_what_its_option_says, 0, COUNT(devices));
	tcase_add_test(tc, device_of_its_id_alone_has_the_id);
	tcase_add_test(tc, free_number_is_no_device);
	tcase_add_test(tc, servers_are_those_of_spawned_devices);
	tcase_add_test(tc, missing_folder_is_named);
	tcase_add_test(tc, free_accepts_null);
	tcase_add_checked_fixture(guests, setup, teardown);
	tcase_set_timeout(guests, 0);
	tcase_add_test_unless(guests, no_guest(), saved_machine_is_described_without_continuing_it);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, guests);
	return run_suite(s);
}
