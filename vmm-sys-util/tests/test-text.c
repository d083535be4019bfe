/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about text in memory. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/text.h>

#include "util.h"

#define LINES 5000u

static int calls_left = -1;	/* of realloc(), which Check uses, too; negative: without a limit */

void *__real_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size);
void *__wrap_realloc(void *p, size_t size)
{
	if (!calls_left)
		return NULL;
	calls_left -= calls_left > 0;
	return __real_realloc(p, size);
}

static void write_lines(struct vsu_text *t)
{
	unsigned int i;

	for (i = 0; i < LINES; i++)
		fprintf(t->to, "line %4u\n", i);
}

START_TEST(text_has_all_that_was_written)
{
	struct vsu_text t;

	ck_assert_int_eq(vsu_text_open(&t), 0);
	write_lines(&t);
	ck_assert_int_eq(vsu_text_close(&t), 0);
	ck_assert_uint_eq(t.len, LINES * strlen("line 0000\n"));
	ck_assert_uint_eq(strlen(t.bytes), t.len);
	ck_assert_str_eq(t.bytes + t.len - 10, "line 4999\n");
	free(t.bytes);
}
END_TEST

START_TEST(text_without_a_line_is_empty)
{
	struct vsu_text t;

	ck_assert_int_eq(vsu_text_open(&t), 0);
	ck_assert_int_eq(vsu_text_close(&t), 0);
	ck_assert_str_eq(t.bytes, "");
	free(t.bytes);
}
END_TEST

/* The beginning of a text that fits is no text. */
START_TEST(text_that_lacks_memory_is_none)
{
	struct vsu_text t;
	int rc;

	ck_assert_int_eq(vsu_text_open(&t), 0);
	calls_left = _i;
	write_lines(&t);
	rc = vsu_text_close(&t);
	calls_left = -1;
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_ptr_null(t.bytes);
}
END_TEST

START_TEST(text_can_be_dropped_with_and_without_memory)
{
	struct vsu_text t;

	ck_assert_int_eq(vsu_text_open(&t), 0);
	calls_left = _i ? -1 : 0;
	write_lines(&t);
	vsu_text_drop(&t);
	calls_left = -1;
	ck_assert_ptr_null(t.to);
}
END_TEST

int main(void)
{
	TCase *tc;
	Suite *s = util_suite("text", &tc);

	tcase_add_test(tc, text_has_all_that_was_written);
	tcase_add_test(tc, text_without_a_line_is_empty);
	tcase_add_loop_test(tc, text_that_lacks_memory_is_none, 0, 3);
	tcase_add_loop_test(tc, text_can_be_dropped_with_and_without_memory, 0, 2);
	return run_suite(s);
}
