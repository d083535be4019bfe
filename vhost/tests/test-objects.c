/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about shared objects of devices, with the library at both ends. */
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
static int ends[2];	/* of a pipe: ends[0] is the object */

static void note_result(int code, int fd)
{
	result = code;
	with_fd = fd >= 0;
	if (with_fd)	/* proves that it is the same file */
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

/* One reply was reported, for the request with this cookie. */
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

START_TEST(c2_32_object_refused_by_the_owner_is_refused)
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

START_TEST(lookup_returns_the_object)
{
	char byte;

	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, NAME, 9,
							  NULL), 0);
	expect(9, 0, true);
	ck_assert_int_eq(read(ends[0], &byte, 1), 1);
}
END_TEST

START_TEST(c2_32_reply_for_an_unknown_object_has_no_descriptor)
{
	pair_run(&pair);
	ck_assert_int_eq(vhost_user_backend_object_lookup(pair.b, OTHER, 9,
							  NULL), 0);
	expect(9, -EREMOTEIO, false);
	ck_assert_int_eq(vhost_user_frontend_state(pair.f),
			 VHOST_USER_FRONTEND_RUNNING);
}
END_TEST

START_TEST(lookup_works_without_reply_ack)
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

START_TEST(front_end_reads_an_object_of_a_back_end)
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

START_TEST(b4_19_lookup_in_a_back_end_without_objects_finds_none)
{
	pair.back_ops.get_shared_object = NULL;
	pair_open(&pair);
	ck_assert_int_eq(vhost_user_frontend_get_object(pair.f, NAME, NULL), 0);
	pair_settle(&pair);
	ck_assert_int_eq(result, -EREMOTEIO);
}
END_TEST

START_TEST(objects_require_their_operations)
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

START_TEST(suspended_device_sends_no_requests)
{
	pair_open(&pair);
	ck_assert_int_eq(vhost_user_backend_object_add(pair.b, NAME, 7, NULL),
			 -EPROTO);
	pair_settle(&pair);
	ck_assert_uint_eq(adds, 0);
}
END_TEST

START_TEST(lost_reply_is_reported_as_cancelled)
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
	tcase_add_test(tc, c2_32_object_refused_by_the_owner_is_refused);
	tcase_add_test(tc, lookup_returns_the_object);
	tcase_add_test(tc, c2_32_reply_for_an_unknown_object_has_no_descriptor);
	tcase_add_test(tc, lookup_works_without_reply_ack);
	tcase_add_test(tc, front_end_reads_an_object_of_a_back_end);
	tcase_add_test(tc, b4_19_lookup_in_a_back_end_without_objects_finds_none);
	tcase_add_loop_test(tc, objects_require_their_operations,
			    0, 2);
	tcase_add_test(tc, suspended_device_sends_no_requests);
	tcase_add_test(tc, lost_reply_is_reported_as_cancelled);
	return run_suite(s);
}
