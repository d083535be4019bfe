/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the published messages: layouts, texts and checks. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../suite.h"
#include "wire/messages.h"
#include <vhost/message.h>

#define FRONTEND VHOST_USER_SIDE_FRONTEND
#define BACKEND VHOST_USER_SIDE_BACKEND
#define V1 VHOST_USER_HDR_VERSION

static char text[512];
static struct vsu_error err;

static const char *describe(uint32_t number, bool reply, const void *payload,
			    size_t size)
{
	size_t n = vhost_user_message_describe(vhost_user_message(FRONTEND, number),
					       reply, payload, size, text,
					       sizeof(text));

	ck_assert_uint_eq(n, strlen(text));
	return text;
}

static int check(uint32_t number, bool reply, uint32_t flags, uint32_t size,
		 unsigned int nfds)
{
	static const unsigned char zeros[4096];

	return vhost_user_message_check(vhost_user_message(FRONTEND, number),
					reply, flags, zeros, size, nfds, &err);
}

static void check_fields(const struct vhost_user_field *f, unsigned int n,
			 size_t size)
{
	for (; n; n--, f++) {
		ck_assert_uint_gt(strlen(f->name), 0);
		ck_assert_uint_ge(f->count, 1);
		ck_assert_uint_le(f->offset + (size_t)f->count * f->width, size);
	}
}

START_TEST(fields_lie_within_their_payload)
{
	const struct vhost_user_payload *p;
	unsigned int i;

	for (i = 0; i < VHOST_USER_PAYLOAD_KINDS; i++) {
		p = vhost_user_payload((enum vhost_user_payload_kind)i);
		ck_assert_ptr_nonnull(p->name);
		check_fields(p->fields, p->nfields, p->size);
		check_fields(p->unit_fields, p->nunit_fields, p->unit);
		ck_assert_uint_le(p->max, sizeof(union vhost_user_priv_payload));
	}
}
END_TEST

START_TEST(every_message_has_a_section)
{
	unsigned int i;

	for (i = 1; i < VHOST_USER_PRIV_FRONTEND_ROWS; i++)
		ck_assert_ptr_nonnull(vhost_user_message(FRONTEND, i)->section);
	for (i = 1; i <= VHOST_USER_BACKEND_SHMEM_UNMAP; i++)
		ck_assert_ptr_nonnull(vhost_user_message(BACKEND, i)->section);
}
END_TEST

START_TEST(text_names_each_field)
{
	const struct vhost_user_vring_state state = { 1, 256 };
	const struct vhost_user_vring_addr addr = { 2, 1, 0x1000, 0x3000, 0x2000, 0 };
	const uint64_t ring = 3, none = VHOST_USER_VRING_NOFD | 4;

	ck_assert_str_eq(describe(VHOST_USER_SET_VRING_NUM, false, &state, 8),
			 "index 1, num 256");
	ck_assert_str_eq(describe(VHOST_USER_SET_VRING_ADDR, false, &addr, 40),
			 "index 2, flags 0x1, desc 0x1000, used 0x3000, avail 0x2000, log_guest_addr 0");
	ck_assert_str_eq(describe(VHOST_USER_SET_VRING_KICK, false, &ring, 8),
			 "index 3, nofd 0");
	ck_assert_str_eq(describe(VHOST_USER_SET_VRING_CALL, false, &none, 8),
			 "index 4, nofd 1");
	ck_assert_str_eq(describe(VHOST_USER_SET_OWNER, false, NULL, 0), "");
}
END_TEST

START_TEST(protocol_features_are_named)
{
	const uint64_t bits = 0x9 | UINT64_C(1) << 63;

	ck_assert_str_eq(describe(VHOST_USER_GET_PROTOCOL_FEATURES, true, &bits,
				  8),
			 "protocol-features 0x8000000000000009 MQ REPLY_ACK bit-63");
}
END_TEST

START_TEST(arrays_are_written_element_by_element)
{
	struct vhost_user_mem_table table = { .nregions = 2 };
	static struct vhost_user_shmem_config shmem = { .nregions = 1 };

	table.regions[1].guest_addr = 0x100000;
	shmem.sizes[5] = 0x10000;
	ck_assert_str_eq(describe(VHOST_USER_SET_MEM_TABLE, false, &table, 72),
			 "nregions 2, guest_addr 0, size 0, user_addr 0, mmap_offset 0, guest_addr 0x100000, size 0, user_addr 0, mmap_offset 0");
	ck_assert_str_eq(describe(VHOST_USER_GET_SHMEM_CONFIG, true, &shmem,
				  sizeof(shmem)), "nregions 1, sizes[5] 0x10000");
}
END_TEST

START_TEST(bytes_are_hexadecimal)
{
	static const unsigned char mac[8] = { 0x52, 0x54, 0, 0x12, 0x34, 0x56 };
	struct { struct vhost_user_config c; unsigned char b[2]; } config = {
		{ 4, 2, 1 }, { 0xab, 0x01 }
	};
	const struct vhost_user_shared shared = { { 0xfe, [15] = 1 } };

	ck_assert_str_eq(describe(VHOST_USER_SEND_RARP, false, mac, 8),
			 "mac 52:54:00:12:34:56");
	ck_assert_str_eq(describe(VHOST_USER_SET_CONFIG, false, &config, 14),
			 "offset 4, size 2, flags 0x1, bytes ab01");
	ck_assert_str_eq(describe(VHOST_USER_GET_SHARED_OBJECT, false, &shared, 16),
			 "uuid fe000000000000000000000000000001");
}
END_TEST

START_TEST(payload_of_any_size_is_described)
{
	static unsigned char bytes[4096];
	unsigned int i;
	size_t size;

	memset(bytes, 0xa5, sizeof(bytes));
	for (i = 1; i < VHOST_USER_PRIV_FRONTEND_ROWS; i++)
		for (size = 0; size < 64; size++) {
			describe(i, false, bytes + (size & 1), size);
			describe(i, true, bytes, sizeof(bytes) - size);
		}
	ck_assert_str_eq(describe(VHOST_USER_SET_VRING_NUM, false, bytes, 5),
			 "index 2779096485");
}
END_TEST

START_TEST(long_text_is_truncated)
{
	const uint64_t bits = UINT64_MAX;
	const struct vhost_user_message *m =
		vhost_user_message(FRONTEND, VHOST_USER_SET_PROTOCOL_FEATURES);
	char tiny[8] = "xxxxxxx";

	ck_assert_uint_eq(vhost_user_message_describe(m, false, &bits, 8, tiny,
						      sizeof(tiny)), 7);
	ck_assert_str_eq(tiny, "protoco");
	ck_assert_uint_eq(vhost_user_message_describe(m, false, &bits, 8, tiny,
						      1), 0);
	ck_assert_str_eq(tiny, "");
	ck_assert_uint_eq(vhost_user_message_describe(m, false, &bits, 8, NULL,
						      0), 0);
}
END_TEST

START_TEST(value_outside_the_payload_is_absent)
{
	const struct vhost_user_payload *p =
		vhost_user_payload(VHOST_USER_PAYLOAD_SHMEM);
	const struct vhost_user_shmem_config shmem = { .nregions = 7 };
	uint64_t value = 0;

	ck_assert(vhost_user_field_value(&p->fields[0], 0, &shmem, 4, &value));
	ck_assert_uint_eq(value, 7);
	ck_assert(!vhost_user_field_value(&p->fields[0], 0, &shmem, 3, &value));
	ck_assert(!vhost_user_field_value(&p->fields[0], 1, &shmem,
					  sizeof(shmem), &value));
	ck_assert(!vhost_user_field_value(&p->fields[1], 256, &shmem,
					  SIZE_MAX, &value));
}
END_TEST

START_TEST(correct_messages_pass_the_check)
{
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, false, V1, 0, 0), 0);
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, false, V1 | 8, 0, 0), 0);
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, true, V1 | 4, 8, 0), 0);
	ck_assert_int_eq(check(VHOST_USER_SET_VRING_KICK, false, V1, 8, 1), 0);
	ck_assert_int_eq(check(VHOST_USER_GET_INFLIGHT_FD, true, V1 | 4, 24, 1), 0);
}
END_TEST

START_TEST(wrong_flags_sizes_and_descriptors_are_found)
{
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, false, 2, 0, 0), -EBADMSG);
	ck_assert_str_eq(err.msg, "SET_OWNER request has the flags 0x2 instead of 0x1");
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, false, V1 | 4, 0, 0), -EBADMSG);
	ck_assert_int_eq(check(VHOST_USER_SET_OWNER, true, V1 | 12, 8, 0), -EBADMSG);
	ck_assert_str_eq(err.msg, "SET_OWNER reply has the flags 0xd instead of 0x5");
	ck_assert_int_eq(check(VHOST_USER_SET_VRING_NUM, false, V1, 4, 0), -EBADMSG);
	ck_assert_int_eq(check(VHOST_USER_SET_VRING_KICK, false, V1, 8, 0), -EBADMSG);
	ck_assert_str_eq(err.msg, "SET_VRING_KICK request has 0 descriptors; expected 1");
	ck_assert_int_eq(check(VHOST_USER_REM_MEM_REG, false, V1, 40, 2), -EBADMSG);
	ck_assert_str_eq(err.msg, "REM_MEM_REG request has 2 descriptors; expected at most 1");
	ck_assert_int_eq(check(VHOST_USER_SET_CONFIG, false, V1, 4097, 0), -EMSGSIZE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("layout");
	TCase *tc = tcase_create("layout");

	suite_add_tcase(s, tc);
	tcase_add_test(tc, fields_lie_within_their_payload);
	tcase_add_test(tc, every_message_has_a_section);
	tcase_add_test(tc, text_names_each_field);
	tcase_add_test(tc, protocol_features_are_named);
	tcase_add_test(tc, arrays_are_written_element_by_element);
	tcase_add_test(tc, bytes_are_hexadecimal);
	tcase_add_test(tc, payload_of_any_size_is_described);
	tcase_add_test(tc, long_text_is_truncated);
	tcase_add_test(tc, value_outside_the_payload_is_absent);
	tcase_add_test(tc, correct_messages_pass_the_check);
	tcase_add_test(tc, wrong_flags_sizes_and_descriptors_are_found);

	return run_suite(s);
}
