/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the message table. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "wire/messages.h"

#define FRONTEND VHOST_USER_SIDE_FRONTEND
#define BACKEND VHOST_USER_SIDE_BACKEND

static struct vhost_user_priv_msg msg;

static const struct vhost_user_message *row(uint32_t number)
{
	const struct vhost_user_message *m =
		vhost_user_message(FRONTEND, number);

	ck_assert_ptr_nonnull(m);
	return m;
}

static int check_size(uint32_t number, uint32_t size)
{
	msg.hdr.size = size;
	return vhost_user_priv_check_request(row(number), &msg, NULL);
}

static int check_reply(uint32_t number, uint32_t size)
{
	msg.hdr.size = size;
	return vhost_user_priv_check_reply(row(number), &msg, NULL);
}

START_TEST(every_message_of_the_protocol_has_a_row)
{
	const struct vhost_user_message *m;
	uint32_t i;

	for (i = 1; i <= 45; i++) {
		m = row(i);
		ck_assert_uint_eq(m->number, i);
		ck_assert_uint_gt(strlen(m->name), 0);
	}
	for (i = 1; i <= 10; i++) {
		m = vhost_user_message(BACKEND, i);
		ck_assert_ptr_nonnull(m);
		ck_assert_uint_eq(m->number, i);
		ck_assert_uint_eq(m->when, VHOST_USER_WHEN_STARTED);
	}
}
END_TEST

START_TEST(numbers_outside_the_protocol_have_no_row)
{
	static const uint32_t numbers[] = { 0, 46, 256 + 1, 0xffffffff };
	int i;

	for (i = 0; i < 4; i++) {
		ck_assert_ptr_null(vhost_user_message(FRONTEND,
							   numbers[i]));
		ck_assert_ptr_null(vhost_user_message(BACKEND,
							   numbers[i]));
		ck_assert_str_eq(vhost_user_message_name(FRONTEND,
							      numbers[i]),
				 "request");
	}
	ck_assert_ptr_null(vhost_user_message(BACKEND, 11));
}
END_TEST

START_TEST(names_are_those_of_the_specification)
{
	ck_assert_str_eq(row(VHOST_USER_GET_FEATURES)->name, "GET_FEATURES");
	ck_assert_str_eq(row(45)->name, "GET_VRING_BASE_SKIP_DRAIN");
	ck_assert_str_eq(vhost_user_message_name(BACKEND, 9), "SHMEM_MAP");
	ck_assert_str_eq(vhost_user_protocol_feature_name(22), "SHMEM");
	ck_assert_str_eq(vhost_user_protocol_feature_name(21),
			 "GPA_ADDRESSES");
	ck_assert_str_eq(vhost_user_protocol_feature_name(20),
			 "GET_VRING_BASE_INFLIGHT");
	ck_assert_ptr_null(vhost_user_protocol_feature_name(24));
}
END_TEST

START_TEST(every_protocol_feature_has_a_name)
{
	unsigned int i;

	for (i = 0; i < VHOST_USER_PROTOCOL_F_COUNT; i++)
		ck_assert_ptr_nonnull(vhost_user_protocol_feature_name(i));
}
END_TEST

/* Sizes as captured from other implementations. */
START_TEST(sizes_are_those_of_the_wire)
{
	static const struct { uint32_t number, size; } sizes[] = {
		{ VHOST_USER_SET_FEATURES, 8 }, { VHOST_USER_SET_OWNER, 0 },
		{ VHOST_USER_SET_LOG_BASE, 16 }, { VHOST_USER_SET_LOG_BASE, 8 },
		{ VHOST_USER_SET_VRING_NUM, 8 },
		{ VHOST_USER_SET_VRING_ADDR, 40 },
		{ VHOST_USER_SET_VRING_KICK, 8 },
		{ VHOST_USER_IOTLB_MSG, 32 }, { VHOST_USER_GET_INFLIGHT_FD, 24 },
		{ VHOST_USER_ADD_MEM_REG, 40 },
		{ VHOST_USER_GET_SHARED_OBJECT, 16 },
		{ VHOST_USER_GET_SHARED_OBJECT, 0 },
		{ VHOST_USER_SET_DEVICE_STATE_FD, 8 },
		{ VHOST_USER_GET_SHMEM_CONFIG, 0 },
		{ VHOST_USER_CREATE_CRYPTO_SESSION, 1072 },
	};

	memset(&msg, 0, sizeof(msg));
	ck_assert_int_eq(check_size(sizes[_i].number, sizes[_i].size), 0);
	ck_assert_int_eq(check_size(sizes[_i].number, sizes[_i].size + 1),
			 -EBADMSG);
	ck_assert_int_eq(check_size(sizes[_i].number, sizes[_i].size + 4),
			 -EBADMSG);
	if (sizes[_i].size)
		ck_assert_int_eq(check_size(sizes[_i].number,
					    sizes[_i].size - 1), -EBADMSG);
}
END_TEST

START_TEST(memory_table_has_exact_or_maximum_size)
{
	uint32_t n;

	memset(&msg, 0, sizeof(msg));
	for (n = 0; n <= 8; n++) {
		msg.payload.table.nregions = n;
		ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE,
					    8 + 32 * n), 0);
		ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE,
					    8 + 32 * 8), 0);
	}
	ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE, 8 + 32 * 7),
			 -EBADMSG);
	msg.payload.table.nregions = 9;
	ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE, 8 + 32 * 9),
			 -EBADMSG);
	msg.payload.table.nregions = 2;
	ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE, 8 + 32 * 3),
			 -EBADMSG);
	msg.payload.table.nregions = 0x08000001;	/* times 32 wraps to 32 */
	ck_assert_int_eq(check_size(VHOST_USER_SET_MEM_TABLE, 40), -EBADMSG);
}
END_TEST

START_TEST(configuration_size_must_match_its_field)
{
	memset(&msg, 0, sizeof(msg));
	msg.payload.config.size = 60;
	ck_assert_int_eq(check_size(VHOST_USER_SET_CONFIG, 72), 0);
	ck_assert_int_eq(check_size(VHOST_USER_SET_CONFIG, 12), -EBADMSG);
	ck_assert_int_eq(check_size(VHOST_USER_GET_CONFIG, 12), 0);
	ck_assert_int_eq(check_size(VHOST_USER_GET_CONFIG, 72), 0);
	ck_assert_int_eq(check_size(VHOST_USER_GET_CONFIG, 71), -EBADMSG);
	ck_assert_int_eq(check_size(VHOST_USER_GET_CONFIG, 11), -EBADMSG);
	msg.payload.config.size = 0xfffffff4;		/* plus 12 wraps to 0 */
	ck_assert_int_eq(check_size(VHOST_USER_SET_CONFIG, 0), -EBADMSG);
	ck_assert_int_eq(check_size(VHOST_USER_SET_CONFIG, 4096), -EBADMSG);
}
END_TEST

START_TEST(replies_are_complete_or_refusals)
{
	memset(&msg, 0, sizeof(msg));
	ck_assert_int_eq(check_reply(VHOST_USER_GET_FEATURES, 8), 0);
	ck_assert(!vhost_user_priv_is_refusal(row(VHOST_USER_GET_FEATURES),
					      &msg));
	ck_assert_int_eq(check_reply(VHOST_USER_GET_FEATURES, 0), 0);
	ck_assert(vhost_user_priv_is_refusal(row(VHOST_USER_GET_FEATURES),
					     &msg));
	ck_assert_int_eq(check_reply(VHOST_USER_GET_FEATURES, 4), -EBADMSG);
	ck_assert_int_eq(check_reply(VHOST_USER_SET_OWNER, 0), -EBADMSG);
	ck_assert_int_eq(check_reply(VHOST_USER_SET_OWNER, 8), 0);
	ck_assert_int_eq(check_reply(VHOST_USER_GET_SHMEM_CONFIG, 2056), 0);
	ck_assert_int_eq(check_reply(VHOST_USER_GET_SHMEM_CONFIG, 2048),
			 -EBADMSG);
}
END_TEST

/* Implementations differ in these replies; all variants are accepted. */
START_TEST(known_variants_of_replies_are_accepted)
{
	static const uint32_t log_sizes[] = { 0, 8, 16 };
	int i;

	memset(&msg, 0, sizeof(msg));
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(check_reply(VHOST_USER_SET_LOG_BASE,
					     log_sizes[i]), 0);
		ck_assert(!vhost_user_priv_is_refusal(
				row(VHOST_USER_SET_LOG_BASE), &msg));
	}
	ck_assert_int_eq(check_reply(VHOST_USER_SET_LOG_BASE, 17), -EBADMSG);
	ck_assert_int_eq(check_reply(VHOST_USER_GET_CONFIG, 12), 0);
	ck_assert(vhost_user_priv_is_refusal(row(VHOST_USER_GET_CONFIG),
					     &msg));
	ck_assert_int_eq(check_reply(VHOST_USER_GET_INFLIGHT_FD, 24), 0);
	ck_assert(vhost_user_priv_is_refusal(row(VHOST_USER_GET_INFLIGHT_FD),
					     &msg));
	msg.payload.u64 = 0x100;
	ck_assert(!vhost_user_priv_is_refusal(
			row(VHOST_USER_SET_DEVICE_STATE_FD), &msg));
}
END_TEST

static void fds_of(uint32_t number, unsigned int want_min,
		   unsigned int want_max)
{
	unsigned int min = 99, max = 99;

	vhost_user_priv_request_fds(row(number), &msg, &min, &max);
	ck_assert_uint_eq(min, want_min);
	ck_assert_uint_eq(max, want_max);
}

START_TEST(descriptors_follow_from_the_message)
{
	memset(&msg, 0, sizeof(msg));
	fds_of(VHOST_USER_SET_OWNER, 0, 0);
	fds_of(VHOST_USER_SET_VRING_KICK, 1, 1);
	msg.payload.u64 = VHOST_USER_VRING_NOFD | 3;
	fds_of(VHOST_USER_SET_VRING_CALL, 0, 0);
	fds_of(VHOST_USER_ADD_MEM_REG, 1, 1);
	fds_of(VHOST_USER_REM_MEM_REG, 0, 1);
	fds_of(VHOST_USER_SET_BACKEND_REQ_FD, 1, 1);
	fds_of(VHOST_USER_SET_LOG_BASE, 0, 1);
	msg.payload.table.nregions = 5;
	fds_of(VHOST_USER_SET_MEM_TABLE, 5, 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("messages");
	TCase *tc = tcase_create("messages");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, every_message_of_the_protocol_has_a_row);
	tcase_add_test(tc, numbers_outside_the_protocol_have_no_row);
	tcase_add_test(tc, names_are_those_of_the_specification);
	tcase_add_test(tc, every_protocol_feature_has_a_name);
	tcase_add_loop_test(tc, sizes_are_those_of_the_wire, 0, 15);
	tcase_add_test(tc, memory_table_has_exact_or_maximum_size);
	tcase_add_test(tc, configuration_size_must_match_its_field);
	tcase_add_test(tc, replies_are_complete_or_refusals);
	tcase_add_test(tc, known_variants_of_replies_are_accepted);
	tcase_add_test(tc, descriptors_follow_from_the_message);

	return run_suite(s);
}
