/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about structs and arrays that no correct caller passes: each is an error, none a crash. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/machine_private.h"
#include "cvmm/memory.h"
#include "cvmm/option_table.h"
#include "cvmm/requests.h"
#include "cvmm/saved.h"
#include "cvmm/status.h"
#include "../util.h"

static struct vsu_error err;
static struct cvmm_machine idle;	/* made, but not started: enough for what precedes a request */
static struct cvmm_options *options;

static void setup(void)
{
	vsu_error_clear(&err);
	ck_assert_int_eq(cvmm_options_new(&options, &err), 0);
}

static void after(void)
{
	cvmm_options_free(options);
}

/* ------------------------------------------------------------------- structs */

static int pass_host(const void *host)
{
	struct cvmm_machine *m;

	return host ? cvmm_machine_new(options, host, &m, &err) : -EINVAL;
}

static int pass_save(const void *save)
{
	return cvmm_machine_save(&idle, save, NULL, NULL, &err);
}

static int pass_core(const void *core)
{
	return cvmm_machine_write_core(&idle, core, NULL, NULL, &err);
}

static int pass_migration(const void *migration)
{
	return cvmm_machine_migrate(&idle, migration, NULL, NULL, &err);
}

static int pass_statistics(const void *out)
{
	return cvmm_machine_get_statistics(&idle, (void *)(uintptr_t)out, &err);
}

static int pass_reader(const void *reader)
{
	struct cvmm_configuration *c;

	return reader ? cvmm_configuration_new(options, reader, &c, &err) : -EINVAL;
}

static int pass_reference(const void *out)
{
	static const struct cvmm_configuration none;

	return cvmm_configuration_get_reference(&none, 0, (void *)(uintptr_t)out, &err);
}

static int pass_description(const void *out)
{
	static const struct cvmm_configuration none;

	return cvmm_configuration_get_machine(&none, (void *)(uintptr_t)out, &err);
}

static int pass_described(const void *out)
{
	static const struct cvmm_configuration none;

	return cvmm_configuration_get_device(&none, 0, (void *)(uintptr_t)out, &err);
}

static int pass_device(const void *out)
{
	return cvmm_machine_get_device(&idle, 0, (void *)(uintptr_t)out, &err);
}

static int pass_trial(const void *trial)
{
	struct cvmm_memory *memory;

	return cvmm_memory_new(trial, &memory, &err);
}

/* Each struct of a caller that has a size. The code is that of one with a right size and zeroes. */
static const struct {
	const char *name;
	size_t size;
	int (*pass)(const void *object);
	int code;
	bool is_result;		/* is written up to its size */
} structs[] = {
	{ "cvmm_host", sizeof(struct cvmm_host), pass_host, -ENOENT, false },
	{ "cvmm_save", sizeof(struct cvmm_save), pass_save, -EAGAIN, false },
	{ "cvmm_core", sizeof(struct cvmm_core), pass_core, -EAGAIN, false },
	{ "cvmm_migration", sizeof(struct cvmm_migration), pass_migration, -EAGAIN, false },
	{ "cvmm_statistics", sizeof(struct cvmm_statistics), pass_statistics, 0, true },
	{ "cvmm_reader", sizeof(struct cvmm_reader), pass_reader, -ENOENT, false },
	{ "cvmm_reference", sizeof(struct cvmm_reference), pass_reference, -ENOENT, true },
	{ "cvmm_device", sizeof(struct cvmm_device), pass_device, -ENOENT, true },
	{ "cvmm_description", sizeof(struct cvmm_description), pass_description, 0, true },
	{ "cvmm_described_device", sizeof(struct cvmm_described_device), pass_described, -ENOENT, true },
	{ "cvmm_memory_trial", sizeof(struct cvmm_memory_trial), pass_trial, -EINVAL, false },
};

/* With more bytes than the struct has. A result must be readable and writable. */
static int pass_sized(int i, size_t size, unsigned char last)
{
	unsigned char *bytes = calloc(1, VSU_MAX_STRUCT);
	int rc;

	memcpy(bytes, &size, sizeof(size));
	bytes[structs[i].size + 8] = last;
	rc = structs[i].pass(bytes);
	ck_assert_uint_eq(bytes[structs[i].size + 8], last);
	free(bytes);
	return rc;
}

START_TEST(missing_struct_is_refused)
{
	ck_assert_int_eq(structs[_i].pass(NULL), -EINVAL);
}
END_TEST

START_TEST(size_that_was_not_set_is_refused_by_name)
{
	size_t size;

	for (size = 0; size < sizeof(size); size += sizeof(size) - 1) {
		ck_assert_int_eq(pass_sized(_i, size, 0), -EINVAL);
		ck_assert_msg(strstr(err.msg, structs[_i].name) && strstr(err.msg, "sizeof("), "%s", err.msg);
	}
}
END_TEST

START_TEST(unknown_member_must_be_zero)
{
	const size_t size = structs[_i].size + 16;
	struct vsu_error of_right = VSU_ERROR_INIT;

	ck_assert_int_eq(pass_sized(_i, structs[_i].size, 1), structs[_i].code);
	of_right = err;
	ck_assert_int_eq(pass_sized(_i, size, 0), structs[_i].code);
	ck_assert_str_eq(err.msg, of_right.msg);
	if (structs[_i].is_result)
		return;
	ck_assert_int_eq(pass_sized(_i, size, 1), -E2BIG);
	ck_assert_msg(strstr(err.msg, structs[_i].name), "%s", err.msg);
	ck_assert_int_eq(pass_sized(_i, SIZE_MAX - 7, 0), -E2BIG);
}
END_TEST

/* -------------------------------------------------------------------- arrays */

static int add_devices_of_host(void)
{
	const struct cvmm_host host = { .size = sizeof(host), .ndevices = 1 };

	return pass_host(&host);
}

static int add_own_without_model(void)
{
	static const struct cvmm_own_device own = { .name = "a" };
	const struct cvmm_host host = { .size = sizeof(host), .devices = &own, .ndevices = 1 };

	return pass_host(&host);
}

static int servers_without_functions(void)
{
	static const struct cvmm_servers none = { .opaque = NULL };
	const struct cvmm_host host = { .size = sizeof(host), .servers = &none };

	return pass_host(&host);
}

static int add_own_null(void)
{
	return cvmm_machine_add_own_device(&idle, NULL, NULL, NULL, NULL, &err);
}

static int add_own_without_name(void)
{
	const struct cvmm_own_device own = { .dev = (struct virtdev *)&idle };

	return cvmm_machine_add_own_device(&idle, &own, NULL, NULL, NULL, &err);
}

static int add_device_without_properties(void)
{
	return cvmm_machine_add_device(&idle, NULL, NULL, 0, NULL, NULL, NULL, &err);
}

static int add_device_without_fds(void)
{
	return cvmm_machine_add_device(&idle, "rng", NULL, 1, NULL, NULL, NULL, &err);
}

static int limit_without_properties(void)
{
	return cvmm_machine_limit_device(&idle, 0, NULL, &err);
}

static int machine_without_options(void)
{
	struct cvmm_machine *m;

	return cvmm_machine_new(NULL, NULL, &m, &err);
}

static int option_without_name(void)
{
	return cvmm_options_add(options, NULL, "1", &err);
}

static int words_without_words(void)
{
	return cvmm_options_add_words(options, 1, NULL, &err);
}

static int words_with_null(void)
{
	static const char *const words[] = { "--cpus=1", NULL };

	return cvmm_options_add_words(options, 2, words, &err);
}

static int options_without_properties(void)
{
	return cvmm_options_add_properties(options, "fs", NULL, 1, &err);
}

static int json_without_text(void)
{
	return cvmm_options_add_json(options, NULL, &err);
}

static const struct {
	int (*call)(void);
	const char *why;
} wrong[] = {
	{ add_devices_of_host, "host->devices is NULL" },
	{ add_own_without_model, "dev is NULL" },
	{ servers_without_functions, "host->servers: a function is NULL" },
	{ add_own_null, "it is NULL" },
	{ add_own_without_name, "name is NULL" },
	{ add_device_without_properties, "properties is NULL" },
	{ add_device_without_fds, "fds is NULL" },
	{ limit_without_properties, "properties is NULL" },
	{ machine_without_options, "options is NULL" },
	{ option_without_name, "is not the name of an option" },
	{ words_without_words, "words is NULL" },
	{ words_with_null, "word 1 is NULL" },
	{ options_without_properties, "properties is NULL" },
	{ json_without_text, "text is NULL" },
};

START_TEST(missing_array_or_text_is_refused)
{
	ck_assert_int_eq(wrong[_i].call(), -EINVAL);
	ck_assert_msg(strstr(err.msg, wrong[_i].why), "%s", err.msg);
}
END_TEST

/* A value of the caller that no function may leave in its pointer. */
#define BEFORE ((void *)&idle)

static void *memory_without_trial(void)
{
	struct cvmm_memory *out = BEFORE;

	ck_assert_int_eq(cvmm_memory_new(NULL, &out, &err), -EINVAL);
	return out;
}

static void *saved_without_folder(void)
{
	struct cvmm_saved *out = BEFORE;

	ck_assert_int_eq(cvmm_saved_read(NULL, false, &out, &err), -EINVAL);
	return out;
}

static void *saved_of_no_folder(void)
{
	struct cvmm_saved *out = BEFORE;

	ck_assert_int_eq(cvmm_saved_read("/dev/null/none", false, &out, &err), -ENOTDIR);
	return out;
}

static void *target_without_folder(void)
{
	struct cvmm_saved_target *out = BEFORE;
	int fds[CVMM_SAVED_FILES];

	ck_assert_int_eq(cvmm_saved_target_new(NULL, fds, &out, &err), -EINVAL);
	return out;
}

static void *configuration_without_options(void)
{
	struct cvmm_configuration *out = BEFORE;

	ck_assert_int_eq(cvmm_configuration_new(NULL, NULL, &out, &err), -EINVAL);
	return out;
}

static void *(*const failures[])(void) = {
	memory_without_trial,
	saved_without_folder,
	saved_of_no_folder,
	target_without_folder,
	configuration_without_options,
};

START_TEST(failed_call_leaves_no_pointer)
{
	ck_assert_ptr_null(failures[_i]());
}
END_TEST

START_TEST(missing_name_has_no_keys_and_no_kind)
{
	ck_assert_uint_eq(cvmm_option_keys(NULL, NULL, 0, NULL), 0);
	ck_assert_ptr_null(cvmm_option_kind(NULL));
	ck_assert_ptr_null(cvmm_option_of_kind(NULL));
}
END_TEST

START_TEST(unknown_option_is_not_sought_in_the_help_of_a_program)
{
	ck_assert_int_eq(cvmm_options_add(options, "xyzzy", "1", &err), -ENOENT);
	ck_assert_str_eq(err.msg, "unknown option '--xyzzy'");
	ck_assert_int_eq(cvmm_options_add(options, "help", NULL, &err), -ENOENT);
	ck_assert_msg(strstr(err.msg, "unknown option '--help'") == err.msg, "%s", err.msg);
}
END_TEST

#define ROWS(rows) (int)(sizeof(rows) / sizeof(rows[0]))

int main(void)
{
	Suite *s = suite_create("wrong_calls");
	TCase *tc = tcase_create("wrong_calls");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, missing_struct_is_refused, 0, ROWS(structs));
	tcase_add_loop_test(tc, size_that_was_not_set_is_refused_by_name, 0, ROWS(structs));
	tcase_add_loop_test(tc, unknown_member_must_be_zero, 0, ROWS(structs));
	tcase_add_loop_test(tc, missing_array_or_text_is_refused, 0, ROWS(wrong));
	tcase_add_loop_test(tc, failed_call_leaves_no_pointer, 0, ROWS(failures));
	tcase_add_test(tc, missing_name_has_no_keys_and_no_kind);
	tcase_add_test(tc, unknown_option_is_not_sought_in_the_help_of_a_program);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
