/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about objects that devices share, with the library at both ends. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhost/backend_device.h>
#include <vhost/frontend_device.h>

#include "pair_rig.h"
#include "suite.h"

#define NAME ((const unsigned char *)"one to be shared")
#define OTHER ((const unsigned char *)"no one has this.")

static struct pair pair;
static unsigned int adds, removes, answers, objects;
static unsigned char named[16];
static uint64_t cookie;
static int result;
static bool with_fd;
static int ends[2];	/* of a pipe: the object is its first */

static void note_result(int code, int fd)
{
	result = code;
	with_fd = fd >= 0;
	if (with_fd)	/* the very one */
		ck_assert_int_eq(write(fd, "x", 1), 1);
}

static void on_answered(void *opaque, uint64_t which, int code, int fd)
{
	(void)opaque;
	answers++;
	cookie = which;
	note_result(code, fd);
	if (fd >= 0)
		close(fd);
}

static int give(const unsigned char *uuid, int *fd)
{
	if (memcmp(uuid, NAME, 16))
		return -ENOENT;
	*fd = dup(ends[1]);
	return 0;
}

static int on_get(void *opaque, const unsigned char *uuid, int *fd)
{
	(void)opaque;
	return give(uuid, fd);
}

static int on_add(void *opaque, const unsigned char *uuid)
{
	(void)opaque;
	memcpy(named, uuid, sizeof(named));
	return adds++ ? -EEXIST : 0;
}

static int on_remove(void *opaque, const unsigned char *uuid)
{
	(void)opaque;
	memcpy(named, uuid, sizeof(named));
	removes++;
	return 0;
}

static void on_object(void *opaque, int code, int fd)
{
	(void)opaque;
	objects++;
	note_result(code, fd);
}

static void setup(void)
{
	adds = removes = answers = objects = 0;
	pair_init(&pair);
	ck_assert_int_eq(pipe(ends), 0);
	pair.back_ops.answered = on_answered;
	pair.back_ops.get_shared_object = on_get;
	pair.device_ops.object_add = on_add;
	pair.device_ops.object_remove = on_remove;
	pair.device_ops.object_lookup = on_get;
	pair.device_ops.object = on_object;
}

static void teardown(void)
{
	close(ends[0]);
	close(ends[1]);
	pair_fini(&pair);
}

/* One answer, to the request with this cookie. */
static void expect(uint64_t which, int code, bool fd)
{
	pair_settle(&pair);
	ck_assert_uint_eq(answers, 1);
	ck_assert_uint_eq(cookie, which);
	ck_assert_int_eq(result, code);
	ck_assert(with_fd == fd);
	answers = 0;
}

START_TEST(object_is_announced_and_withdrawn)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, NULL),
			 0);
	expect(7, 0, false);
	ck_assert_mem_eq(named, NAME, 16);
	ck_assert_int_eq(vhost_user_backend_object_remove(pair.b, NAME, 8,
							  NULL), 0);
	expect(8, 0, false);
	ck_assert_uint_eq(removes, 1);
}
END_TEST

START_TEST(c2_32_object_that_the_owner_refuses_is_refused)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, NULL),
			 0);
	expect(7, 0, false);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 8, NULL),
			 0);
	expect(8, -EREMOTEIO, false);
	ck_assert_uint_eq(pair.back_refused, 1);
	ck_assert_ptr_nonnull(strstr(pair.refusal.msg, "SHARED_OBJECT_ADD"));
}
END_TEST

START_TEST(lookup_brings_the_object)
{
	char byte;

	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, NAME, 9,
							  NULL), 0);
	expect(9, 0, true);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
}
END_TEST

START_TEST(c2_32_object_that_is_not_there_comes_without_a_descriptor)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, OTHER, 9,
							  NULL), 0);
	expect(9, -EREMOTEIO, false);
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(lookup_is_answered_without_acknowledgements_too)
{
	pair.front_config.protocol_features =
		VHOST_USER_PROTOCOL_BIT(BACKEND_REQ) |
		VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD) |
		VHOST_USER_PROTOCOL_BIT(SHARED_OBJECT);
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, NULL),
			 1);
	pair_settle(&pair);
	ck_assert_uint_eq(adds, 1);
	ck_assert_uint_eq(answers, 0);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, NAME, 9,
							  NULL), 0);
	expect(9, 0, true);
}
END_TEST

START_TEST(front_end_gets_the_object_of_a_back_end)
{
	pair_open(&pair);
	ck_assert_int_eq(vhost_user_frontend_get_object(pair.f, NAME, NULL), 0);
	pair_settle(&pair);
	ck_assert_uint_eq(objects, 1);
	ck_assert_int_eq(result, 0);
	ck_assert(with_fd);
	ck_assert_int_eq(vhost_user_frontend_get_object(pair.f, OTHER, NULL),
			 0);
	pair_settle(&pair);
	ck_assert_uint_eq(objects, 2);
	ck_assert_int_eq(result, -EREMOTEIO);
	ck_assert(!with_fd);
	ck_assert_uint_eq(pair.front_refused, 0);
}
END_TEST

START_TEST(b4_19_back_end_without_objects_of_its_own_has_none)
{
	pair.back_ops.get_shared_object = NULL;
	pair_open(&pair);
	ck_assert_int_eq(vhost_user_frontend_get_object(pair.f, NAME, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(result, -EREMOTEIO);
}
END_TEST

START_TEST(objects_that_nobody_keeps_account_of_are_not_agreed_on)
{
	struct vsu_error err = VSU_ERROR_INIT;

	if (_i)
		pair.device_ops.object_lookup = NULL;
	else
		pair.back_ops.answered = NULL;
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, &err),
			 -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "SHARED_OBJECT_ADD"));
	ck_assert_int_eq(vhost_user_frontend_get_object(pair.f, NAME, NULL),
			 _i ? -EOPNOTSUPP : 0);
}
END_TEST

START_TEST(suspended_device_says_nothing)
{
	pair_open(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, NULL),
			 -EPROTO);
	pair_settle(&pair);
	ck_assert_uint_eq(adds, 0);
}
END_TEST

START_TEST(answer_that_will_not_come_is_told)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, NAME, 9,
							  NULL), 0);
	vhost_user_frontend_free(pair.f);
	pair.f = NULL;
	pair_settle(&pair);
	expect(9, -ECANCELED, false);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost objects");
	TCase *tc = tcase_create("objects");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, object_is_announced_and_withdrawn);
	tcase_add_test(tc, c2_32_object_that_the_owner_refuses_is_refused);
	tcase_add_test(tc, lookup_brings_the_object);
	tcase_add_test(tc, c2_32_object_that_is_not_there_comes_without_a_descriptor);
	tcase_add_test(tc, lookup_is_answered_without_acknowledgements_too);
	tcase_add_test(tc, front_end_gets_the_object_of_a_back_end);
	tcase_add_test(tc, b4_19_back_end_without_objects_of_its_own_has_none);
	tcase_add_loop_test(tc, objects_that_nobody_keeps_account_of_are_not_agreed_on,
			    0, 2);
	tcase_add_test(tc, suspended_device_says_nothing);
	tcase_add_test(tc, answer_that_will_not_come_is_told);
	return run_suite(s);
}
