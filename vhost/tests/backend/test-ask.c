/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about replies of a front-end that violate the protocol. */
#include <config.h>

#include <errno.h>
#include <sys/socket.h>

#include <vhost/backend_device.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../channel_rig.h"

static const unsigned char uuid[16] = { 'u', 'u', 'i', 'd' };
static unsigned int answers;
static int result;

static void on_answered(void *opaque, uint64_t cookie, int code, int fd)
{
	(void)opaque;
	(void)cookie;
	ck_assert_int_eq(fd, -1);
	answers++;
	result = code;
}

static void init(struct channel_rig *f)
{
	answers = 0;
	channel_prepare(f);
	f->r.ops.answered = on_answered;
	rig_start(&f->r);
	rig_up(&f->r);
	channel_renew(f);
}

/* A positive reply to one request, with or without a descriptor. */
static void answer(struct channel_rig *f, uint32_t request, int fd)
{
	struct { struct vhost_user_header hdr; uint32_t value[2]; } m = {
		{ request, 5, 8 }, { 0, 0 }
	};
	struct iovec iov = { &m, 20 };

	ck_assert_int_eq(vsu_sock_send(f->channel, &iov, 1, &fd, fd >= 0), 20);
	ck_assert_int_ge(rig_dispatch(&f->r), 0);
}

START_TEST(b4_21_found_object_without_a_descriptor_is_not_found)
{
	struct channel_rig f;

	init(&f);
	ck_assert_int_eq(vhost_user_backend_object_lookup(f.r.b, uuid, 1, NULL),
			 0);
	answer(&f, VHOST_USER_BACKEND_SHARED_OBJECT_LOOKUP, -1);
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(result, -EREMOTEIO);
	channel_fini(&f);
}
END_TEST

START_TEST(b4_21_unrequested_descriptor_closes_the_channel)
{
	struct channel_rig f;

	init(&f);
	ck_assert_int_eq(vhost_user_backend_object_add(f.r.b, uuid, 1, NULL),
			 0);
	answer(&f, VHOST_USER_BACKEND_SHARED_OBJECT_ADD, f.r.memfd);
	ck_assert_uint_eq(answers, 1);
	ck_assert_int_eq(result, -ECANCELED);
	ck_assert_int_eq(vhost_user_backend_object_add(f.r.b, uuid, 1, NULL),
			 -EOPNOTSUPP);
	rig_expect_silence(&f.r);
	channel_fini(&f);
}
END_TEST

START_TEST(unanswered_requests_are_limited)
{
	struct channel_rig f;
	unsigned int i;

	init(&f);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(vhost_user_backend_object_add(f.r.b, uuid, i,
							       NULL), 0);
	ck_assert_int_eq(vhost_user_backend_object_add(f.r.b, uuid, i, NULL),
			 -EAGAIN);
	rig_stop_ring(&f.r, 0);
	rig_stop_ring(&f.r, 1);
	ck_assert_uint_eq(answers, 64);
	ck_assert_int_eq(result, -ECANCELED);
	channel_fini(&f);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost back-end's requests");
	TCase *tc = rig_case(s, "ask");

	tcase_add_test(tc, b4_21_found_object_without_a_descriptor_is_not_found);
	tcase_add_test(tc, b4_21_unrequested_descriptor_closes_the_channel);
	tcase_add_test(tc, unanswered_requests_are_limited);
	return run_suite(s);
}
