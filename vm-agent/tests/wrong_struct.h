/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about structs with a size that no correct caller passes: each is an error, none a crash. */
#ifndef TESTS_WRONG_STRUCT_H
#define TESTS_WRONG_STRUCT_H

#include <check.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

/* A struct of a caller, and a call that reads no other member of it before its size. */
struct wrong_struct {
	const char *name;
	size_t size;
	int (*pass)(const void *object, struct vsu_error *err);
	enum { STRUCT_NAMED, STRUCT_UNNAMED } report; /* whether the call has a sentence */
	bool is_optional;	/* NULL is accepted */
};

/* With a byte that is not 0 behind the known members. */
static inline void assert_size_refused(const struct wrong_struct *s, size_t size, int code)
{
	unsigned char *bytes = calloc(1, VSU_MAX_STRUCT);
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, &size, sizeof(size));
	bytes[s->size + 8] = 1;
	ck_assert_msg(s->pass(bytes, &err) == code, "struct %s: %s", s->name, err.msg);
	free(bytes);
	if (s->report == STRUCT_NAMED)
		ck_assert_msg(strstr(err.msg, s->name) && err.code == code, "%s", err.msg);
}

static inline void assert_wrong_struct_refused(const struct wrong_struct *s)
{
	if (!s->is_optional)
		ck_assert_int_eq(s->pass(NULL, NULL), -EINVAL);
	assert_size_refused(s, 0, -EINVAL);
	assert_size_refused(s, sizeof(size_t) - 1, -EINVAL);
	assert_size_refused(s, s->size + 16, -E2BIG);
	assert_size_refused(s, SIZE_MAX - 7, -E2BIG);
}

#endif
