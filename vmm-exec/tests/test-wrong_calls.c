/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about structs and arrays that no correct caller passes: each is an error, none a crash. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "cvmm/exec_plan.h"
#include "cvmm/guest.h"
#include "cvmm/template.h"
#include "util.h"

static struct vsu_error err;

static int pass_host_of_command(const void *host)
{
	static const char *const words[] = { "true", NULL };
	const struct cvmm_exec_config c = {
		.size = sizeof(c), .command = words, .kernel = "builtin:agent", .root = "/nonexistent",
	};
	struct cvmm_exec *e;

	return host ? cvmm_exec_new(&c, host, &e, &err) : -EINVAL;
}

/* Begins a command with a kernel that each KVM runs. */
static int pass_command(const void *config)
{
	const struct cvmm_exec_config *c = config;
	struct cvmm_exec *e;

	if (c && c->size >= sizeof(*c))
		((struct cvmm_exec_config *)(uintptr_t)config)->kernel = "builtin:agent";
	return cvmm_exec_new(config, NULL, &e, &err);
}

/* Begins a command with a root that does not exist. */
static int pass_waiting(const void *config)
{
	struct cvmm_exec_config *c = (struct cvmm_exec_config *)(uintptr_t)config;
	struct cvmm_exec *e;

	if (c && c->size >= sizeof(*c)) {
		c->kernel = "builtin:agent";
		c->root = "/nonexistent";
	}
	return cvmm_exec_new_waiting(config, NULL, &e, &err);
}

static int pass_plan(const void *config)
{
	struct cvmm_exec_config *c = (struct cvmm_exec_config *)(uintptr_t)config;
	struct cvmm_exec_plan *p;

	if (c && c->size >= sizeof(*c))
		c->from = "/nonexistent/base";
	return cvmm_exec_plan_new(config, &p, &err);
}

static int pass_waiting_plan(const void *config)
{
	struct cvmm_exec_config *c = (struct cvmm_exec_config *)(uintptr_t)config;
	struct cvmm_exec_plan *p;

	if (c && c->size >= sizeof(*c))
		c->from = "/nonexistent/base";
	return cvmm_exec_plan_new_waiting(config, &p, &err);
}

static int pass_shared_plan(const void *config)
{
	struct cvmm_exec_config *c = (struct cvmm_exec_config *)(uintptr_t)config;
	struct cvmm_exec_plan *p;

	if (c && c->size >= sizeof(*c))
		c->from = "/nonexistent/base";
	return cvmm_exec_plan_new_shared(config, &p, &err);
}

/* With a folder that does not exist. */
static int pass_guest(const void *config)
{
	static const struct cvmm_exec_folder folder = { .path = "/nonexistent", .at = "/share" };
	struct cvmm_guest_config *c = (struct cvmm_guest_config *)(uintptr_t)config;
	struct cvmm_guest *g;

	if (c && c->size >= sizeof(*c)) {
		c->kernel = "builtin:agent";
		c->folders = &folder;
		c->nfolders = 1;
	}
	return cvmm_guest_new(config, NULL, &g, &err);
}

static int pass_template(const void *config)
{
	struct cvmm_template *t;
	int fds[CVMM_TEMPLATE_FILES];

	return cvmm_template_begin("/nonexistent", "base", config, fds, &t, &err);
}

/* Each struct of a caller. The code is that of one with a right size and zeroes. */
static const struct {
	const char *name;
	size_t size;
	int (*pass)(const void *object);
	int code;
} structs[] = {
	{ "cvmm_host", sizeof(struct cvmm_host), pass_host_of_command, -ENOENT },
	{ "cvmm_exec_config", sizeof(struct cvmm_exec_config), pass_command, -EINVAL },
	{ "cvmm_exec_config", sizeof(struct cvmm_exec_config), pass_waiting, -ENOENT },
	{ "cvmm_exec_config", sizeof(struct cvmm_exec_config), pass_plan, -ENOENT },
	{ "cvmm_exec_config", sizeof(struct cvmm_exec_config), pass_waiting_plan, -ENOENT },
	{ "cvmm_exec_config", sizeof(struct cvmm_exec_config), pass_shared_plan, -ENOENT },
	{ "cvmm_guest_config", sizeof(struct cvmm_guest_config), pass_guest, -ENOENT },
	{ "cvmm_template_config", sizeof(struct cvmm_template_config), pass_template, -EINVAL },
};

/* With more bytes than the struct has. */
static int pass_sized(int i, size_t size, unsigned char last)
{
	unsigned char *bytes = calloc(1, VSU_MAX_STRUCT);
	int rc;

	memcpy(bytes, &size, sizeof(size));
	bytes[structs[i].size + 8] = last;
	rc = structs[i].pass(bytes);
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
	ck_assert_int_eq(pass_sized(_i, size, 1), -E2BIG);
	ck_assert_msg(strstr(err.msg, structs[_i].name), "%s", err.msg);
	ck_assert_int_eq(pass_sized(_i, SIZE_MAX - 7, 0), -E2BIG);
}
END_TEST

START_TEST(missing_array_is_refused)
{
	static const char *const words[] = { "true", NULL };
	const struct cvmm_exec_config c = {
		.size = sizeof(c), .command = words, .kernel = "builtin:agent", .nfolders = 1,
	};

	ck_assert_int_eq(pass_command(&c), -EINVAL);
	ck_assert_msg(strstr(err.msg, "folders is NULL"), "%s", err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("wrong_calls");
	TCase *tc = tcase_create("wrong_calls");

	tcase_add_loop_test(tc, missing_struct_is_refused, 0, (int)COUNT(structs));
	tcase_add_loop_test(tc, size_that_was_not_set_is_refused_by_name, 0, (int)COUNT(structs));
	tcase_add_loop_test(tc, unknown_member_must_be_zero, 0, (int)COUNT(structs));
	tcase_add_test(tc, missing_array_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
