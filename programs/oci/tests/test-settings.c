/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the settings of machines. */
#include <config.h>

#include "oci/settings.h"
#include "util.h"

static struct oci_settings settings;
static struct vsu_error err;
static char path[64];

static void init(void)
{
	strcpy(path, "/tmp/oci-settings.XXXXXX");
	close(mkstemp(path));
}

static void fini(void)
{
	unlink(path);
}

static int read_settings(const char *text)
{
	FILE *f = fopen(path, "w");

	fputs(text, f);
	fclose(f);
	return oci_settings_read(&settings, path, &err);
}

/* The sentence begins with the path. */
static void expect_refusal(const char *text, const char *sentence)
{
	ck_assert_int_lt(read_settings(text), 0);
	ck_assert_msg(strstr(err.msg, sentence), "%s", err.msg);
	ck_assert_ptr_eq(strstr(err.msg, path), err.msg);
}

START_TEST(lines_are_names_and_values)
{
	ck_assert_int_eq(read_settings("# a comment\n\nkernel=/boot/k=1\nmemory=256M\nemulate=on\ncpus=2\nstart-timeout=2m"), 0);
	ck_assert_str_eq(settings.kernel, "/boot/k=1");
	ck_assert_uint_eq(settings.memory, 256 * MIB);
	ck_assert_uint_eq(settings.cpus, 2);
	ck_assert_uint_eq(settings.start_ms, 120000);
	ck_assert(settings.emulate);
	ck_assert_ptr_null(settings.modules);
}
END_TEST

START_TEST(empty_file_has_defaults)
{
	ck_assert_int_eq(read_settings(""), 0);
	ck_assert_uint_eq(settings.memory, GIB);
	ck_assert_uint_eq(settings.cpus, 1);
	ck_assert(!settings.emulate);
}
END_TEST

START_TEST(lines_without_a_meaning_are_refused)
{
	expect_refusal("kernel\n", "'kernel' is not NAME=VALUE");
	expect_refusal("kernal=/k\n", "kernal");
	expect_refusal("memory=1M\n", "memory");
	expect_refusal("templates=folder\n", "'folder' is not an absolute path");
	expect_refusal("templates=/folder\nemulate=on\n", "has no effect beside emulate=on");
}
END_TEST

START_TEST(named_file_must_exist)
{
	assert_refused(oci_settings_read(&settings, "/nonexistent", &err), -ENOENT,
		       "cannot read the settings '/nonexistent': No such file or directory", err);
}
END_TEST

START_TEST(size_follows_from_limits)
{
	struct oci_resources r = { .memory_limit = 300 * MIB, .cpu_quota = 50000, .cpu_period = 100000 };

	ck_assert_int_eq(read_settings("memory=256M\n"), 0);
	ck_assert_uint_eq(oci_settings_memory(&settings, &r), 364 * MIB);
	ck_assert_uint_eq(oci_settings_cpus(&settings, &r), 1);
	r = (struct oci_resources){ .memory_limit = -1, .cpu_quota = -1, .cpu_period = 100000 };
	ck_assert_uint_eq(oci_settings_memory(&settings, &r), 256 * MIB);
	ck_assert_uint_eq(oci_settings_cpus(&settings, &r), 1);
	r.memory_limit = 6 * MIB;
	ck_assert_uint_eq(oci_settings_memory(&settings, &r), 128 * MIB);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("settings");
	TCase *t = tcase_create("settings");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, lines_are_names_and_values);
	tcase_add_test(t, empty_file_has_defaults);
	tcase_add_test(t, lines_without_a_meaning_are_refused);
	tcase_add_test(t, named_file_must_exist);
	tcase_add_test(t, size_follows_from_limits);
	suite_add_tcase(s, t);
	return run_suite(s);
}
