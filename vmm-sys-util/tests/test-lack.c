/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about functions on a host without free memory or descriptors: each call fails in turn. */
#define _GNU_SOURCE
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

#include "util.h"

static int left = -1;		/* calls that succeed before one fails; negative: none fails */

static bool lacks(int code)
{
	if (left < 0 || left--)
		return false;
	errno = code;
	return true;
}

/* Wrapped functions must be visible: the runtime of a sanitizer refers to them. */
#pragma GCC visibility push(default)
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
int __real_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags);
#pragma GCC visibility pop

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return lacks(ENOMEM) ? NULL : __real_malloc(size);
}

int __wrap_pipe2(int fds[2], int flags)
{
	return lacks(EMFILE) ? -1 : __real_pipe2(fds, flags);
}

static const struct {
	int left, code;
	const char *message;
} failures[] = {
	{ 0, -ENOMEM, "no memory for a closer" },
	{ 1, -EMFILE, "cannot make a pipe: " },
	{ 2, -EMFILE, "cannot make a pipe: " },
};

START_TEST(closer_is_refused_and_leaves_no_descriptor)
{
	const int before = vsu_fd_count();
	struct vsu_closer *closer = NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	char message[128];
	int rc;

	left = failures[_i].left;
	rc = vsu_closer_new(&closer, &err);
	left = -1;
	ck_assert_int_eq(rc, failures[_i].code);
	ck_assert_int_eq(err.code, rc);
	snprintf(message, sizeof(message), "%s%s", failures[_i].message,
		 rc == -EMFILE ? strerror(EMFILE) : "");
	ck_assert_str_eq(err.msg, message);
	ck_assert_ptr_null(closer);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(vsu_closer_new(&closer, &err), 0);
	vsu_closer_free(closer);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* Its beginning names the option. */
START_TEST(long_sentence_is_truncated_at_its_end)
{
	struct vsu_error err = VSU_ERROR_INIT;
	static char text[65536];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	left = 0;
	vsu_error_set(&err, -EINVAL, "option --name: %s", text);
	left = -1;
	ck_assert_int_eq(err.code, -EINVAL);
	ck_assert_uint_lt(strlen(err.msg), sizeof(err.msg));
	ck_assert_ptr_eq(strstr(err.msg, "option --name: xxx"), err.msg);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lack");
	TCase *tc = tcase_create("lack");

	tcase_add_loop_test(tc, closer_is_refused_and_leaves_no_descriptor, 0,
			    sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tc, long_sentence_is_truncated_at_its_end);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
