/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Golden vectors: the bytes of a request of every kind, in both directions, and
 * of replies that have a payload of their own, written by hand. Each vector is
 * read through a socket and compared, then sent and compared. Bytes beyond
 * those given in a vector are zero. Values in host byte order are
 * little-endian: other hosts skip these tests.
 */
#include <config.h>

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../suite.h"
#include "wire/framing.h"

#define COUNT(a) (int)(sizeof(a) / sizeof((a)[0]))
#define MAX (sizeof(struct vhost_user_header) + 4096)
#define FRONT VHOST_USER_SIDE_FRONTEND
#define BACK VHOST_USER_SIDE_BACKEND

struct vector {
	enum vhost_user_side side;
	const char *bytes;	/* hexadecimal; spaces are ignored */
	unsigned int nfds;
	const void *payload;	/* the payload passed to send */
	size_t len;
};

#define NOTHING NULL, 0
#define U64(value) &(const uint64_t){ value }, 8
#define STATE(index, num) &(const struct vhost_user_vring_state){ index, num }, 8
#define OBJECT &(const struct vhost_user_shared){ { 0x12, 0x34 } }, 16
#define MAPPING &(const struct vhost_user_shmem_mmap){ \
	3, { 0 }, 0x1000, 0x2000, 0x3000, VHOST_USER_SHMEM_RW }, 40

static const struct vector requests[] = {
	{ FRONT, "01000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "02000000 01000000 08000000 0000004001000000", 0,
	  U64(UINT64_C(0x140000000)) },
	{ FRONT, "03000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "04000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "05000000 01000000 28000000 01000000 00000000 0000000000000000"
		 " 0000000800000000 00002001407f0000 0000000000000000", 1,
	  (&(const struct vhost_user_mem_table){ .nregions = 1, .regions = {
		{ 0, 0x08000000, UINT64_C(0x7f4001200000), 0 } } }), 40 },
	/* in postcopy: makes the table of the previous reply effective */
	{ FRONT, "05000000 01000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "06000000 01000000 10000000 0010000000000000 0000000000000000",
	  1, (&(const struct vhost_user_log){ 4096, 0 }), 16 },
	{ FRONT, "07000000 01000000 00000000", 1, NOTHING },
	{ FRONT, "08000000 01000000 08000000 00000000 80000000", 0,
	  STATE(0, 128) },
	{ FRONT, "09000000 01000000 28000000 01000000 01000000 0010000000000000"
		 " 0030000000000000 0020000000000000 0040000000000000", 0,
	  (&(const struct vhost_user_vring_addr){ 1, VHOST_USER_VRING_F_LOG,
		0x1000, 0x3000, 0x2000, 0x4000 }), 40 },
	{ FRONT, "0a000000 01000000 08000000 00000000 05000000", 0,
	  STATE(0, 5) },
	{ FRONT, "0b000000 01000000 08000000 01000000 00000000", 0,
	  STATE(1, 0) },
	{ FRONT, "0c000000 01000000 08000000 0000000000000000", 1, U64(0) },
	{ FRONT, "0d000000 01000000 08000000 0201000000000000", 0, U64(0x102) },
	{ FRONT, "0e000000 01000000 08000000 0100000000000000", 1, U64(1) },
	{ FRONT, "0f000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "10000000 01000000 08000000 2902400000000000", 0,
	  U64(0x400229) },
	{ FRONT, "11000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "12000000 01000000 08000000 00000000 01000000", 0,
	  STATE(0, 1) },
	{ FRONT, "13000000 01000000 08000000 5254001234560000", 0,
	  U64(UINT64_C(0x563412005452)) },
	{ FRONT, "14000000 01000000 08000000 2823000000000000", 0, U64(9000) },
	{ FRONT, "15000000 01000000 00000000", 1, NOTHING },
	{ FRONT, "16000000 01000000 20000000 0000000000000000 0010000000000000"
		 " 00002001407f0000 03 02 000000000000", 0,
	  (&(const struct vhost_user_iotlb){ 0, 4096, UINT64_C(0x7f4001200000),
		3, VHOST_USER_IOTLB_UPDATE, { 0 } }), 32 },
	{ FRONT, "17000000 01000000 08000000 00000000 01000000", 0,
	  STATE(0, 1) },
	{ FRONT, "18000000 01000000 48000000 00000000 3c000000 00000000", 0,
	  (&(const struct { struct vhost_user_config head; char bytes[60]; }){
		{ 0, 60, 0 }, { 0 } }), 72 },
	{ FRONT, "19000000 01000000 0d000000 20000000 01000000 01000000 ab", 0,
	  "\x20\0\0\0\x01\0\0\0\x01\0\0\0\xab", 13 },
	{ FRONT, "1a000000 01000000 30040000 0200000000000000 ab", 0,
	  (&(const struct vhost_user_crypto_session){ 2, { 0xab }, 0 }), 1072 },
	{ FRONT, "1b000000 01000000 08000000 0500000000000000", 0, U64(5) },
	{ FRONT, "1c000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "1d000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "1e000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "1f000000 01000000 18000000 0000000000000000 0000000000000000"
		 " 0200 8000 00000000", 0,
	  (&(const struct vhost_user_inflight){ 0, 0, 2, 128, 0 }), 24 },
	{ FRONT, "20000000 01000000 18000000 4008000000000000 0010000000000000"
		 " 0100 8000 00000000", 1,
	  (&(const struct vhost_user_inflight){ 2112, 4096, 1, 128, 0 }), 24 },
	{ FRONT, "21000000 01000000 00000000", 1, NOTHING },
	{ FRONT, "22000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "23000000 01000000 08000000 01000000 00000000", 0,
	  STATE(1, 0) },
	{ FRONT, "24000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "25000000 01000000 28000000 0000000000000000 000000fe00000000"
		 " 0000010000000000 000000fe00000000 0000000000000000", 1,
	  (&(const struct vhost_user_mem_reg){ 0, { 0xfe000000, 0x10000,
		0xfe000000, 0 } }), 40 },
	{ FRONT, "26000000 01000000 28000000 0000000000000000 000000fe00000000"
		 " 0000010000000000 000000fe00000000 0000000000000000", 0,
	  (&(const struct vhost_user_mem_reg){ 0, { 0xfe000000, 0x10000,
		0xfe000000, 0 } }), 40 },
	{ FRONT, "27000000 01000000 08000000 0f00000000000000", 0, U64(0xf) },
	{ FRONT, "28000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "29000000 01000000 10000000 1234", 0, OBJECT },
	{ FRONT, "2a000000 01000000 08000000 01000000 00000000", 1,
	  (&(const struct vhost_user_transfer){ VHOST_USER_TRANSFER_LOAD, 0 }),
	  8 },
	{ FRONT, "2b000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "2c000000 01000000 00000000", 0, NOTHING },
	{ FRONT, "2d000000 01000000 08000000 01000000 00000000", 0,
	  STATE(1, 0) },
	{ BACK, "01000000 01000000 20000000 0010000000000000 0000000000000000"
		" 0000000000000000 01 01 000000000000", 0,
	  (&(const struct vhost_user_iotlb){ 4096, 0, 0, 1,
		VHOST_USER_IOTLB_MISS, { 0 } }), 32 },
	{ BACK, "02000000 01000000 00000000", 0, NOTHING },
	{ BACK, "03000000 01000000 18000000 0100000000000000 0010000000000000"
		" 0000000000000000", 1,
	  (&(const struct vhost_user_vring_area){ 1, 4096, 0 }), 24 },
	{ BACK, "04000000 01000000 08000000 01000000 00000000", 0,
	  STATE(1, 0) },
	{ BACK, "05000000 01000000 08000000 01000000 00000000", 0,
	  STATE(1, 0) },
	{ BACK, "06000000 01000000 10000000 1234", 0, OBJECT },
	{ BACK, "07000000 01000000 10000000 1234", 0, OBJECT },
	{ BACK, "08000000 01000000 10000000 1234", 0, OBJECT },
	{ BACK, "09000000 01000000 28000000 03 00000000000000 0010000000000000"
		" 0020000000000000 0030000000000000 0100000000000000", 1,
	  MAPPING },
	{ BACK, "0a000000 01000000 28000000 03 00000000000000 0010000000000000"
		" 0020000000000000 0030000000000000 0100000000000000", 0,
	  MAPPING },
};

/* Replies other than refusals. */
static const struct vector replies[] = {
	{ FRONT, "01000000 05000000 08000000 0000004001000000", 0,
	  U64(UINT64_C(0x140000000)) },
	{ FRONT, "03000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "05000000 05000000 08000000 0000000000000000", 0, U64(0) },
	/* in postcopy */
	{ FRONT, "05000000 05000000 28000000 01000000 00000000 0000000000000000"
		 " 0000000800000000 00003002407f0000 0000000000000000", 0,
	  (&(const struct vhost_user_mem_table){ .nregions = 1, .regions = {
		{ 0, 0x08000000, UINT64_C(0x7f4002300000), 0 } } }), 40 },
	{ FRONT, "06000000 05000000 10000000 0010000000000000 0000000000000000",
	  0, (&(const struct vhost_user_log){ 4096, 0 }), 16 },
	{ FRONT, "06000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "0b000000 05000000 08000000 01000000 05000000", 0,
	  STATE(1, 5) },
	{ FRONT, "0f000000 05000000 08000000 2902400000000000", 0,
	  U64(0x400229) },
	{ FRONT, "11000000 05000000 08000000 0200000000000000", 0, U64(2) },
	{ FRONT, "16000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "18000000 05000000 0d000000 00000000 01000000 00000000 ab", 0,
	  "\0\0\0\0\x01\0\0\0\0\0\0\0\xab", 13 },
	{ FRONT, "1a000000 05000000 30040000 0200000000000000 ab", 0,
	  (&(const struct vhost_user_crypto_session){ 2, { 0xab }, 0 }), 1072 },
	{ FRONT, "1c000000 05000000 00000000", 1, NOTHING },
	{ FRONT, "1d000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "1e000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "1f000000 05000000 18000000 4008000000000000 0000000000000000"
		 " 0100 8000 00000000", 1,
	  (&(const struct vhost_user_inflight){ 2112, 0, 1, 128, 0 }), 24 },
	{ FRONT, "24000000 05000000 08000000 fd01000000000000", 0, U64(509) },
	{ FRONT, "28000000 05000000 08000000 0f00000000000000", 0, U64(0xf) },
	{ FRONT, "29000000 05000000 10000000 1234", 1, OBJECT },
	{ FRONT, "2a000000 05000000 08000000 0001000000000000", 0, U64(0x100) },
	{ FRONT, "2a000000 05000000 08000000 0000000000000000", 1, U64(0) },
	{ FRONT, "2b000000 05000000 08000000 0000000000000000", 0, U64(0) },
	{ FRONT, "2c000000 05000000 08080000 01000000 00000000"
		 " 0000100000000000", 0,
	  (&(const struct vhost_user_shmem_config){ 1, 0, { 1 << 20 } }),
	  2056 },
	{ FRONT, "2d000000 05000000 08000000 01000000 05000000", 0,
	  STATE(1, 5) },
	{ BACK, "08000000 05000000 08000000 0000000000000000", 1, U64(0) },
	{ BACK, "09000000 05000000 08000000 0000000000000000", 0, U64(0) },
};

/* Xen's form of regions: parsed and refused. */
static const struct vector xen[] = {
	{ FRONT, "05000000 01000000 58000000 02000000 00000000"
		 " 0000000000000000 0000100000000000 00002001407f0000"
		 " 0000000000000000 01000000 05000000"
		 " 0000100000000000 0000100000000000 00003001407f0000"
		 " 0000000000000000 01000000 05000000", 2,
	  (&(const struct { uint64_t n; struct vhost_user_xen_mem_region r[2]; }){
		2, { { { 0, 0x100000, UINT64_C(0x7f4001200000), 0 }, 1, 5 },
		     { { 0x100000, 0x100000, UINT64_C(0x7f4001300000), 0 },
		       1, 5 } } }), 88 },
	{ FRONT, "25000000 01000000 30000000 0000000000000000 000000fe00000000"
		 " 0000010000000000 000000fe00000000 0000000000000000"
		 " 02010000 07000000", 1,
	  (&(const struct { uint64_t pad; struct vhost_user_xen_mem_region r; }){
		0, { { 0xfe000000, 0x10000, 0xfe000000, 0 },
		     VHOST_USER_XEN_GRANT | VHOST_USER_XEN_NO_ADVANCE_MAP,
		     7 } }), 48 },
	{ FRONT, "26000000 01000000 30000000 0000000000000000 000000fe00000000"
		 " 0000010000000000 000000fe00000000 0000000000000000"
		 " 02000000 07000000", 0,
	  (&(const struct { uint64_t pad; struct vhost_user_xen_mem_region r; }){
		0, { { 0xfe000000, 0x10000, 0xfe000000, 0 },
		     VHOST_USER_XEN_GRANT, 7 } }), 48 },
};

/* ------------------------------------------------------------------- bytes */

static unsigned int digit(char c)
{
	return (unsigned int)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The length of the message: the header and the size that it announces. */
static size_t unhex(const char *text, unsigned char out[MAX])
{
	struct vhost_user_header hdr;
	size_t n = 0;

	memset(out, 0, MAX);
	for (; *text; text++) {
		if (*text == ' ')
			continue;
		out[n / 2] = (unsigned char)(out[n / 2] << 4 | digit(*text));
		n++;
	}
	memcpy(&hdr, out, sizeof(hdr));
	ck_assert_uint_le(n / 2, sizeof(hdr) + hdr.size);
	return sizeof(hdr) + hdr.size;
}

static void send_bytes(int sock, const unsigned char *bytes, size_t len,
		       int fd)
{
	struct iovec iov = { (void *)(uintptr_t)bytes, len };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, &fd, fd >= 0),
			 (ssize_t)len);
}

/* Creates a channel at one end of a pair; returns the other end. */
static int open_channel(struct vhost_user_priv_channel *ch,
			enum vhost_user_side side, bool replies_come)
{
	int pair[2];

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(vhost_user_priv_channel_init_take_fd(ch, pair[0], side,
							      replies_come,
							      65536, NULL), 0);
	return pair[1];
}

/* ------------------------------------------------------------------- tests */

static void check_read(const struct vector *v, bool reply)
{
	static struct vhost_user_priv_channel ch;
	const struct vhost_user_message *row;
	struct vhost_user_priv_msg *msg;
	unsigned char bytes[MAX];
	unsigned int min, max;
	size_t len = unhex(v->bytes, bytes);
	int other = open_channel(&ch, v->side, reply);
	struct vsu_error err = VSU_ERROR_INIT;

	send_bytes(other, bytes, len, v->nfds ? other : -1);
	ck_assert_msg(vhost_user_priv_channel_recv(&ch, &msg, &err) == 1, "%s",
		      err.msg);
	row = vhost_user_message(v->side, msg->hdr.request);
	if (reply && row->kind == VHOST_USER_PAYLOAD_TABLE && msg->hdr.size != 8)
		row = &vhost_user_priv_postcopy_table;
	ck_assert_ptr_nonnull(row);
	ck_assert_mem_eq(msg->payload.bytes, bytes + sizeof(msg->hdr),
			 msg->hdr.size);
	ck_assert_uint_eq(msg->nfds, v->nfds);
	if (reply)
		vhost_user_priv_reply_fds(row, msg, &min, &max);
	else
		vhost_user_priv_request_fds(row, msg, &min, &max);
	ck_assert(v->nfds >= min && v->nfds <= max);
	ck_assert_msg((reply ? vhost_user_priv_check_reply(row, msg, &err) :
		       vhost_user_priv_check_request(row, msg, &err)) == 0,
		      "%s", err.msg);
	ck_assert(!reply || !vhost_user_priv_is_refusal(row, msg));
	vhost_user_priv_channel_fini(&ch);
	close(other);
}

static void check_sent(const struct vector *v)
{
	static struct vhost_user_priv_channel ch;
	unsigned char bytes[MAX], got[MAX];
	size_t len = unhex(v->bytes, bytes);
	int other = open_channel(&ch, v->side, true);
	const int fds[2] = { other, other };
	struct vhost_user_priv_out out;
	struct vhost_user_header hdr;

	memcpy(&hdr, bytes, sizeof(hdr));
	ck_assert_uint_le(v->nfds, 2);
	ck_assert_uint_eq(v->len, hdr.size);
	out = (struct vhost_user_priv_out){
		.request = hdr.request, .flags = hdr.flags,
		.head = v->payload, .head_len = v->len,
		.fds = fds, .nfds = v->nfds,
	};
	ck_assert_int_eq(vhost_user_priv_channel_send(&ch, &out, NULL), 0);
	ck_assert_int_eq(vhost_user_priv_channel_flush(&ch, NULL), 0);
	ck_assert_int_eq(recv(other, got, sizeof(got), 0), (ssize_t)len);
	ck_assert_mem_eq(got, bytes, len);
	vhost_user_priv_channel_fini(&ch);
	close(other);
}

START_TEST(request_is_read_from_its_bytes) { check_read(&requests[_i], false); }
END_TEST
START_TEST(request_is_sent_as_its_bytes) { check_sent(&requests[_i]); }
END_TEST
START_TEST(xen_region_is_sent_as_its_bytes) { check_sent(&xen[_i]); }
END_TEST

START_TEST(xen_region_is_read_from_its_bytes_and_refused)
{
	static const char *const words[] = {
		"domain 5 at guest address 0 (foreign, flags 0x1)",
		"domain 7 at guest address 0xfe000000 (a grant, flags 0x102)",
		"domain 7 at guest address 0xfe000000 (a grant, flags 0x2)",
	};
	struct vhost_user_xen_mem_region first;
	static struct vhost_user_priv_msg msg;
	const struct vhost_user_message *row;
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char bytes[MAX];
	size_t len = unhex(xen[_i].bytes, bytes);

	memcpy(&msg.hdr, bytes, sizeof(msg.hdr));
	memcpy(msg.payload.bytes, bytes + sizeof(msg.hdr),
	       len - sizeof(msg.hdr));
	row = vhost_user_message(FRONT, msg.hdr.request);
	ck_assert(vhost_user_priv_xen_region(row, &msg, &first));
	ck_assert_uint_eq(first.domid, _i ? 7 : 5);
	ck_assert_uint_eq(first.region.size, _i ? 0x10000 : 0x100000);
	ck_assert_int_eq(vhost_user_priv_check_request(row, &msg, &err),
			 -EOPNOTSUPP);
	ck_assert_msg(strstr(err.msg, words[_i]), "%s", err.msg);
}
END_TEST

START_TEST(reply_is_read_from_its_bytes) { check_read(&replies[_i], true); }
END_TEST
START_TEST(reply_is_sent_as_its_bytes) { check_sent(&replies[_i]); }
END_TEST

static bool has_vector(const struct vector *v, int n,
		       const struct vhost_user_message *row,
		       enum vhost_user_side side)
{
	unsigned char bytes[MAX];
	int i;

	for (i = 0; i < n; i++) {
		unhex(v[i].bytes, bytes);
		if (v[i].side == side && bytes[0] == row->number)
			return true;
	}
	return false;
}

START_TEST(every_message_has_a_vector)
{
	const struct vhost_user_message *row;
	enum vhost_user_side side = (enum vhost_user_side)_i;
	uint32_t number;

	for (number = 0; number < 256; number++) {
		row = vhost_user_message(side, number);
		if (!row)
			continue;
		ck_assert_msg(has_vector(requests, COUNT(requests), row, side),
			      "%s", row->name);
		ck_assert_msg(row->reply == VHOST_USER_REPLY_ACK ||
			      has_vector(replies, COUNT(replies), row, side),
			      "the reply to %s", row->name);
	}
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;

	if (htole32(1) != 1) {
		puts("1..0 # SKIP the vectors are little-endian");
		return 0;
	}
	s = suite_create("vhost vectors");
	tc = tcase_create("vectors");
	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, every_message_has_a_vector, 0, 2);
	tcase_add_loop_test(tc, request_is_read_from_its_bytes, 0,
			    COUNT(requests));
	tcase_add_loop_test(tc, request_is_sent_as_its_bytes, 0,
			    COUNT(requests));
	tcase_add_loop_test(tc, xen_region_is_sent_as_its_bytes, 0, COUNT(xen));
	tcase_add_loop_test(tc, xen_region_is_read_from_its_bytes_and_refused,
			    0, COUNT(xen));
	tcase_add_loop_test(tc, reply_is_read_from_its_bytes, 0,
			    COUNT(replies));
	tcase_add_loop_test(tc, reply_is_sent_as_its_bytes, 0, COUNT(replies));
	return run_suite(s);
}
