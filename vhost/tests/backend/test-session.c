/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the back-end's messages: framing, descriptors, negotiation. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../rig.h"

static struct rig rig;

#define P(name) VHOST_USER_PROTOCOL_BIT(name)

/* sessions */

START_TEST(session_requires_rings_and_mandatory_ops)
{
	struct vsu_error err;
	struct vhost_user_backend *b = NULL;

	rig_init(&rig);
	rig.config.nrings = 0;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.sock, &rig.config,
				&rig.ops, &rig, &b, &err), -EINVAL);
	rig.config.nrings = 257;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.sock, &rig.config,
				&rig.ops, &rig, &b, &err), -EINVAL);
	rig.config.nrings = 256;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.memfd, &rig.config,
				&rig.ops, &rig, &b, &err), -ENOTSOCK);
	rig.ops.run = NULL;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.sock, &rig.config,
				&rig.ops, &rig, &b, &err), -EINVAL);
	ck_assert_ptr_null(b);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_FEATURES) & 1, 0);
}
END_TEST

START_TEST(shorter_ops_and_config_of_older_callers_are_accepted)
{
	rig_prepare(&rig);
	rig.config.size = offsetof(struct vhost_user_backend_config, max_slots);
	rig.config.max_slots = 7;		/* beyond the size that the caller declared */
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_MAX_MEM_SLOTS), 509);
}
END_TEST

START_TEST(ops_or_config_without_a_size_are_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_backend *b = NULL;
	struct vhost_user_backend_config config;
	struct vhost_user_backend_ops ops;

	rig_init(&rig);
	config = rig.config;
	ops = rig.ops;
	config.size = 0;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.sock, &config, &ops,
				&rig, &b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "vhost_user_backend_config"));
	config.size = sizeof(config);
	ops.size = 0;
	ck_assert_int_eq(vhost_user_backend_new_take_fd(rig.sock, &config, &ops,
				&rig, &b, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "vhost_user_backend_ops"));
	ck_assert_ptr_null(b);
}
END_TEST

START_TEST(offered_protocol_features_are_those_implemented)
{
	struct rig r;

	rig_init(&r);
	ck_assert_uint_eq(rig_get_u64(&r, VHOST_USER_GET_PROTOCOL_FEATURES),
			  P(MQ) | P(LOG_SHMFD) | P(REPLY_ACK) | P(INFLIGHT_SHMFD) |
			  P(BACKEND_REQ) | P(CONFIG) | P(RESET_DEVICE) |
			  P(CONFIGURE_MEM_SLOTS) | P(STATUS));
	rig_fini(&r);
	rig_prepare(&r);
	r.ops.get_config = NULL;
	r.ops.reset = NULL;
	rig_start(&r);
	ck_assert_uint_eq(rig_get_u64(&r, VHOST_USER_GET_PROTOCOL_FEATURES),
			  P(MQ) | P(LOG_SHMFD) | P(REPLY_ACK) | P(INFLIGHT_SHMFD) |
			  P(CONFIGURE_MEM_SLOTS) | P(STATUS));
	rig_fini(&r);
	rig_prepare(&r);
	r.config.protocol_features = P(MQ) | P(SHMEM);
	rig_start(&r);
	ck_assert_uint_eq(rig_get_u64(&r, VHOST_USER_GET_PROTOCOL_FEATURES),
			  P(MQ));
	rig_fini(&r);
}
END_TEST

START_TEST(shared_memory_may_be_offered_at_the_bit_of_an_earlier_draft)
{
	static const uint64_t sizes[] = { 1 << 20 };
	const uint64_t bit = UINT64_C(1) << (20 + _i);
	struct rig_reply reply;

	rig_prepare(&rig);
	rig.config.shmem_sizes = sizes;
	rig.config.nshmem = 1;
	rig.config.protocol_features = UINT64_MAX;
	rig.config.shmem_bit = 20 + (uint32_t)_i;
	rig_start(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_PROTOCOL_FEATURES) &
			  (P(GET_VRING_BASE_INFLIGHT) | P(GPA_ADDRESSES) |
			   P(SHMEM)), bit | (_i == 0 ? P(GPA_ADDRESSES) : 0));
	rig_negotiate(&rig);
	ck_assert_uint_eq(vhost_user_priv_protocol_features(rig.b) & P(SHMEM),
			  P(SHMEM));
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_SHMEM_CONFIG, NULL, 0,
				  &reply), 2056);
}
END_TEST

START_TEST(features_are_those_of_the_device_and_the_protocol)
{
	rig_prepare(&rig);
	rig.config.features |= VQ_F_ACCESS_PLATFORM | VHOST_USER_F_LOG_ALL;
	rig_start(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_FEATURES),
			  RIG_FEATURES | VHOST_USER_F_PROTOCOL_FEATURES |
			  VHOST_USER_F_LOG_ALL);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig.features, RIG_FEATURES & ~VQ_F_EVENT_IDX);
	ck_assert_uint_eq(vhost_user_backend_features(rig.b),
			  rig.features | VHOST_USER_F_PROTOCOL_FEATURES);
}
END_TEST

/* Bytes captured from a front-end (little-endian). */
START_TEST(captured_messages_are_accepted)
{
	static const unsigned char features[] = {
		2, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0,
		0, 0, 0, 0x40, 1, 0, 0, 0 };
	static const unsigned char num[] = {
		8, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0,
		0, 0, 0, 0, 0x80, 0, 0, 0 };
	static const unsigned char enable[] = {
		18, 0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0,
		0, 0, 0, 0, 1, 0, 0, 0 };
	static const unsigned char table[] = {
		5, 0, 0, 0, 9, 0, 0, 0, 40, 0, 0, 0,
		1, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0,
		0, 0, 0, 0, 0x34, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct rig_reply reply;

	rig_init(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(REPLY_ACK)), 0);
	ck_assert_int_eq(ftruncate(rig.memfd, 128 << 20), 0);
	rig_send_raw(&rig, features, sizeof(features), NULL, 0);
	rig_send_raw(&rig, table, sizeof(table), &rig.memfd, 1);
	rig_send_raw(&rig, num, sizeof(num), NULL, 0);
	rig_send_raw(&rig, enable, sizeof(enable), NULL, 0);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert_uint_eq(rig.features, UINT64_C(1) << 32);
	while (rig_reply(&rig, &reply))
		ck_assert_uint_eq(reply.payload[0], 0);
	ck_assert_uint_eq(reply.hdr.request, VHOST_USER_SET_VRING_ENABLE);
}
END_TEST

START_TEST(replies_are_sent_in_the_order_of_requests)
{
	static const uint32_t requests[] = {
		VHOST_USER_GET_FEATURES, VHOST_USER_GET_QUEUE_NUM,
		VHOST_USER_GET_STATUS, VHOST_USER_GET_MAX_MEM_SLOTS,
		VHOST_USER_GET_PROTOCOL_FEATURES,
	};
	struct rig_reply reply;
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 100; i++)
		rig_send(&rig, requests[i % 5], 1, NULL, 0, NULL, 0);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	for (i = 0; i < 100; i++) {
		ck_assert(rig_reply(&rig, &reply));
		ck_assert_uint_eq(reply.hdr.request, requests[i % 5]);
	}
}
END_TEST

/* framing */

START_TEST(b1_01_version_other_than_1_ends_the_session)
{
	static const uint32_t flags[] = { 0x0, 0x2, 0x3, 0x8 };

	rig_init(&rig);
	rig_send(&rig, VHOST_USER_GET_FEATURES, flags[_i], NULL, 0, NULL, 0);
	rig_expect_gone(&rig, -EBADMSG);
}
END_TEST

START_TEST(b1_02_reply_and_reserved_bits_end_the_session)
{
	static const uint32_t flags[] = { 0x5, 0xd, 0x11, 0x80000001 };

	rig_init(&rig);
	rig_send(&rig, VHOST_USER_GET_FEATURES, flags[_i], NULL, 0, NULL, 0);
	rig_expect_gone(&rig, -EBADMSG);
}
END_TEST

START_TEST(b1_03_size_above_the_limit_ends_the_session)
{
	static const uint32_t sizes[] = { 4097, 0x10000, 0xffffffff };
	struct vhost_user_header hdr = { VHOST_USER_SET_VRING_KICK, 1,
					 sizes[_i] };

	rig_init(&rig);
	rig_send_raw(&rig, &hdr, sizeof(hdr), &rig.memfd, 1);
	rig_expect_gone(&rig, -EMSGSIZE);
}
END_TEST

START_TEST(b1_04_wrong_size_is_refused)
{
	static const struct { uint32_t request, size; } wrong[] = {
		{ VHOST_USER_SET_FEATURES, 0 }, { VHOST_USER_SET_FEATURES, 7 },
		{ VHOST_USER_SET_FEATURES, 9 }, { VHOST_USER_SET_OWNER, 1 },
		{ VHOST_USER_SET_MEM_TABLE, 7 }, { VHOST_USER_SET_MEM_TABLE, 9 },
		{ VHOST_USER_SET_MEM_TABLE, 8 + 33 },
		{ VHOST_USER_SET_VRING_ADDR, 39 },
		{ VHOST_USER_SET_VRING_NUM, 4 }, { VHOST_USER_SET_CONFIG, 11 },
		{ VHOST_USER_ADD_MEM_REG, 32 }, { VHOST_USER_SET_STATUS, 4096 },
	};
	unsigned char zeros[4096] = { 0 };
	struct rig_reply reply;

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack(&rig, wrong[_i].request, zeros, wrong[_i].size,
				  NULL, 0), 0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_FEATURES, zeros, 8,
				  &reply), 0);
	ck_assert_uint_ne(rig_get_u64(&rig, VHOST_USER_GET_FEATURES), 0);
}
END_TEST

START_TEST(b1_05_truncated_message_ends_the_session)
{
	struct { struct vhost_user_header hdr; uint32_t value[2]; } m = {
		{ VHOST_USER_SET_FEATURES, 1, 8 }, { 0, 1 }
	};
	size_t n;

	for (n = 1; n < 20; n++) {
		struct rig r;

		rig_init(&r);
		rig_send_raw(&r, &m, n, &r.memfd, 1);
		ck_assert_int_eq(rig_dispatch(&r), 0);
		ck_assert_int_eq(shutdown(r.sock, SHUT_WR), 0);
		rig_expect_gone(&r, -EBADMSG);
		ck_assert_uint_eq(r.features_set, 0);
		rig_fini(&r);
	}
}
END_TEST

START_TEST(message_in_pieces_is_assembled)
{
	const uint64_t version_1 = VQ_F_VERSION_1;
	struct { struct vhost_user_header hdr; unsigned char value[8]; } m = {
		{ VHOST_USER_SET_FEATURES, RIG_NEED, 8 }, { 0 }
	};
	const unsigned char *bytes = (const unsigned char *)&m;
	struct rig_reply reply;
	size_t i;

	memcpy(m.value, &version_1, 8);
	rig_init(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(REPLY_ACK)), 0);
	for (i = 0; i < 20; i++) {
		ck_assert_uint_eq(rig.features_set, 0);
		rig_send_raw(&rig, bytes + i, 1, NULL, 0);
		ck_assert_int_eq(rig_dispatch(&rig), 0);
	}
	ck_assert_uint_eq(rig.features, VQ_F_VERSION_1);
	ck_assert(rig_reply(&rig, &reply));
}
END_TEST

START_TEST(b1_06_more_descriptors_than_fit_end_the_session)
{
	static const unsigned int counts[] = { 33, 34, 64, 253 };
	struct vhost_user_header hdr = { VHOST_USER_SET_OWNER, 1, 0 };
	int fds[253];
	unsigned int i;

	rig_init(&rig);
	for (i = 0; i < 253; i++)
		fds[i] = rig.memfd;
	rig_send_raw(&rig, &hdr, sizeof(hdr), fds, counts[_i]);
	rig_expect_gone(&rig, -EMSGSIZE);
}
END_TEST

START_TEST(descriptors_of_several_pieces_are_added_up)
{
	struct vhost_user_header hdr = { VHOST_USER_SET_OWNER, 1, 0 };
	const unsigned char *bytes = (const unsigned char *)&hdr;
	int fds[20];
	unsigned int i;

	rig_init(&rig);
	for (i = 0; i < 20; i++)
		fds[i] = rig.memfd;
	rig_send_raw(&rig, bytes, 1, fds, 20);
	rig_send_raw(&rig, bytes + 1, 11, fds, 20);
	rig_expect_gone(&rig, -EMSGSIZE);
}
END_TEST

START_TEST(b1_07_unknown_request_is_refused_if_a_reply_is_requested)
{
	static const uint32_t numbers[] = { 0, 46, 1000, 0xffffffff };
	unsigned char drained[300] = { 0 };

	rig_init(&rig);
	rig_send(&rig, numbers[_i], RIG_NEED, drained, 300, NULL, 0);
	rig_expect_silence(&rig);		/* REPLY_ACK is not negotiated */
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack(&rig, numbers[_i], drained, 300, NULL, 0), 0);
	rig_send(&rig, numbers[_i], 1, drained, 300, NULL, 0);
	rig_expect_silence(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_QUEUE_NUM), RIG_RINGS);
}
END_TEST

/*
 * Messages that the protocol defines and this library does not implement: without a reply
 * the sender would wait without end.
 */
START_TEST(unimplemented_request_gets_a_refusal_of_its_kind)
{
	static const uint32_t values[] = {
		VHOST_USER_GET_INFLIGHT_FD, VHOST_USER_GET_SHMEM_CONFIG,
		VHOST_USER_GET_SHARED_OBJECT, VHOST_USER_POSTCOPY_ADVISE,
		VHOST_USER_CREATE_CRYPTO_SESSION,
	};
	static const uint64_t failed = 1, no_descriptor = 1 | 1 << 8;
	unsigned char payload[1072] = { 0 };
	struct rig_reply reply;
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 5; i++)
		ck_assert_uint_eq(rig_get(&rig, values[i], payload, 24, &reply),
				  0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_IOTLB_MSG, payload, 32,
				  &reply), 8);
	ck_assert_mem_eq(reply.payload, &failed, 8);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_SET_DEVICE_STATE_FD, payload,
				  8, &reply), 8);
	ck_assert_mem_eq(reply.payload, &no_descriptor, 8);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SEND_RARP, 0), 0);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(REPLY_ACK)), 0);
	rig_send(&rig, VHOST_USER_SET_LOG_BASE, 1, payload, 8, NULL, 0);
	rig_expect_silence(&rig);
}
END_TEST

/* descriptors */

START_TEST(b1_08_repeated_excess_descriptors_end_the_session)
{
	int fds[3];
	unsigned int i;
	uint64_t ring = 0;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 3; i++)
		fds[i] = rig.memfd;
	for (i = 0; i < 15; i++)
		ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_VRING_KICK, &ring,
					  8, fds, 3), 0);
	rig_send(&rig, VHOST_USER_SET_VRING_KICK, RIG_NEED, &ring, 8, fds, 3);
	rig_expect_gone(&rig, -EPROTO);
}
END_TEST

START_TEST(b1_09_unexpected_descriptors_are_closed)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_OWNER, VHOST_USER_RESET_DEVICE, 1000,
	};
	struct vhost_user_header get = { VHOST_USER_GET_FEATURES, 1, 0 };
	struct rig_reply reply;
	unsigned int i;

	rig_init(&rig);
	rig_negotiate(&rig);
	for (i = 0; i < 14; i++)
		ck_assert_uint_ne(rig_ack(&rig, requests[i % 3], NULL, 0,
					  &rig.memfd, 1), 0);
	rig_send_raw(&rig, &get, sizeof(get), &rig.memfd, 1);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.size, 0);
	ck_assert_uint_eq(rig.resets, 0);
	rig_send(&rig, 1000, 1, NULL, 0, &rig.memfd, 1);
	rig_expect_gone(&rig, -EPROTO);
}
END_TEST

START_TEST(b1_10_descriptor_must_agree_with_the_no_fd_bit)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
		VHOST_USER_SET_VRING_ERR,
	};
	int fd = eventfd(0, EFD_CLOEXEC);

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack_fd(&rig, requests[_i], 0, -1), 0);
	ck_assert_uint_ne(rig_ack_fd(&rig, requests[_i], 0x100, fd), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, requests[_i], 0x101, -1), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, requests[_i], 0, fd), 0);
	ck_assert_uint_ne(rig_ack_fd(&rig, requests[_i], 0x200, fd), 0);
	ck_assert_uint_ne(rig_ack_fd(&rig, VHOST_USER_SET_BACKEND_REQ_FD, 0, -1),
			  0);
	vsu_fd_close(&fd);
}
END_TEST

/*
 * A process has two sessions: the one that loses descriptors ends, and the other one
 * continues.
 */
START_TEST(b1_11_descriptor_limit_while_receiving_ends_that_session_only)
{
	struct rlimit old, low;
	struct rig r, other;
	int fds[8], i;

	rig_init(&other);
	rig_init(&r);
	for (i = 0; i < 8; i++)
		fds[i] = r.memfd;
	rig_send(&r, VHOST_USER_SET_OWNER, 1, NULL, 0, fds, 8);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)vsu_fd_count() + 2;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
	rig_expect_gone(&r, -EMFILE);
	ck_assert_uint_ne(rig_get_u64(&other, VHOST_USER_GET_FEATURES), 0);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
	rig_fini(&r);
	rig_fini(&other);
}
END_TEST

/* From none to one less than it needs. */
START_TEST(session_without_descriptors_is_an_error)
{
	struct vhost_user_backend *b = NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	struct rlimit old, low;
	int socks[2], rc = -1;
	char message[96];
	unsigned int n;

	rig_init(&rig);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &old), 0);
	low = old;
	low.rlim_cur = (rlim_t)socks[1] + 1;
	for (n = 0; rc < 0 && n < 16; n++, low.rlim_cur++) {
		err = (struct vsu_error)VSU_ERROR_INIT;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &low), 0);
		rc = vhost_user_backend_new_take_fd(socks[0], &rig.config, &rig.ops, &rig, &b, &err);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &old), 0);
		ck_assert(rc == 0 || rc == -EMFILE);
		ck_assert_int_eq(err.code, rc);
		snprintf(message, sizeof(message), "cannot make a back-end session: %s", strerror(EMFILE));
		ck_assert_str_eq(err.msg, rc ? message : "");
	}
	ck_assert_uint_gt(n, 3);
	ck_assert_ptr_nonnull(b);
	vhost_user_backend_free(b);
	close(socks[1]);
}
END_TEST

static int wrong_fd(int kind)
{
	int ends[2];

	switch (kind) {
	case 0:
		return memfd_create("regular", MFD_CLOEXEC);
	case 1:
		return open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	case 2:
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC,
					    0, ends), 0);
		close(ends[1]);
		return ends[0];
	case 3:
		return epoll_create1(EPOLL_CLOEXEC);
	case 4:
		return open("/", O_PATH | O_CLOEXEC);
	default:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
}

START_TEST(b1_12_descriptor_of_the_wrong_kind_is_refused)
{
	static const uint32_t requests[] = {
		VHOST_USER_SET_VRING_KICK, VHOST_USER_SET_VRING_CALL,
		VHOST_USER_SET_VRING_ERR,
	};
	int fd = wrong_fd(_i), i;

	ck_assert_int_ge(fd, 0);
	rig_init(&rig);
	rig_up(&rig);
	for (i = 0; i < 3; i++)
		ck_assert_uint_ne(rig_ack_fd(&rig, requests[i], 0, fd), 0);
	ck_assert(rig.running[0]);
	ck_assert_uint_eq(rig.runs[0], 1);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b1_13_blocking_eventfd_and_pipe_are_accepted_and_never_block)
{
	int fd = eventfd(0, EFD_CLOEXEC), ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0, fd), 0);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	ck_assert_uint_ne(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0, ends[1]),
			  0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0, ends[0]),
			  0);
	ck_assert_int_ne(fcntl(ends[0], F_GETFL) & O_NONBLOCK, 0);
	ck_assert_uint_ne(rig_ack_fd(&rig, VHOST_USER_SET_VRING_CALL, 0, ends[0]),
			  0);
	vsu_fd_close(&fd);
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
}
END_TEST

START_TEST(b1_14_one_descriptor_may_serve_two_rings)
{
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 1,
				     rig.kick[0]), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_CALL, 1,
				     rig.call[0]), 0);
	ck_assert_int_ne(vhost_user_backend_kick_fd(rig.b, 0),
			 vhost_user_backend_kick_fd(rig.b, 1));
}
END_TEST

/* order and negotiation */

START_TEST(b1_15_ring_waits_if_kick_and_enable_come_first)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0x100, -1),
			  0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 1),
			  0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0,
					RIG_SIZE), 0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	ck_assert_uint_eq(rig.runs[0], 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
	ck_assert_uint_eq(rig.runs[0], 1);
	ck_assert_int_eq(vhost_user_backend_kick_fd(rig.b, 0), -1);
}
END_TEST

START_TEST(b1_15_enable_requires_the_protocol_features_bit)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1), 0);
	ck_assert_uint_ne(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 0),
			  0);
}
END_TEST

START_TEST(features_without_the_protocol_bit_enable_all_rings)
{
	struct vhost_user_vring_addr addr = rig_addr(0);

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1), 0);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_ack_state(&rig, VHOST_USER_SET_VRING_NUM, 0, RIG_SIZE);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_VRING_ADDR, &addr,
				  sizeof(addr), NULL, 0), 0);
	ck_assert_uint_eq(rig_ack_fd(&rig, VHOST_USER_SET_VRING_KICK, 0x100, -1),
			  0);
	ck_assert_uint_eq(rig.runs[0], 1);
}
END_TEST

START_TEST(b1_16_features_that_were_not_offered_are_refused)
{
	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1 | VQ_F_RING_PACKED), 0);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES, UINT64_MAX),
			  0);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      UINT64_MAX), 0);
	ck_assert_uint_eq(rig.features_set, 1);
	ck_assert_uint_ne(vhost_user_priv_protocol_features(rig.b), UINT64_MAX);
}
END_TEST

START_TEST(b1_16_xen_is_not_offered_and_refused_by_name)
{
	struct { uint64_t pad; struct vhost_user_xen_mem_region r; } reg = {
		0, { rig_region(0, RIG_MEMORY, 0), VHOST_USER_XEN_FOREIGN, 3 }
	};

	rig_prepare(&rig);
	rig.config.protocol_features = UINT64_MAX;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(XEN_MMAP) | P(REPLY_ACK)), 0);
	rig_expect_refused(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
			   VHOST_USER_ALL_RINGS, "(XEN_MMAP)");
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_ADD_MEM_REG, &reg, sizeof(reg),
				  &rig.memfd, 1), 0);
	rig_expect_refused(&rig, VHOST_USER_ADD_MEM_REG, VHOST_USER_ALL_RINGS,
			   "Xen domain 3");
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
}
END_TEST

START_TEST(b1_17_protocol_features_may_be_set_without_reading_them)
{
	rig_init(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(REPLY_ACK)), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0),
			  0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_OWNER, NULL, 0, NULL, 0),
			  0);
}
END_TEST

START_TEST(b1_18_features_may_be_repeated_while_rings_run)
{
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      vhost_user_backend_features(rig.b)), 0);
	ck_assert(rig.running[0] && rig.running[1]);
	ck_assert_uint_eq(rig.runs[0], 1);
	ck_assert_uint_eq(rig.features_set, 1);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1), 0);
	ck_assert(rig.running[0] && rig.running[1]);
}
END_TEST

START_TEST(b1_19_request_with_a_reply_gets_no_acknowledgement)
{
	struct rig_reply reply;

	rig_init(&rig);
	rig_negotiate(&rig);
	rig_send(&rig, VHOST_USER_GET_FEATURES, RIG_NEED, NULL, 0, NULL, 0);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.hdr.flags, 0x5);
	rig_expect_silence(&rig);
}
END_TEST

START_TEST(b1_20_refusal_by_the_device_keeps_the_session)
{
	struct rig_reply reply;
	struct vhost_user_config c = { 0, 4, 0 };

	rig_init(&rig);
	rig_negotiate(&rig);
	rig.refuses = -EPERM;
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1), 0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, &c, sizeof(c),
				  &reply), 0);
	rig.refuses = 0;
	ck_assert_uint_ne(vhost_user_backend_features(rig.b), VQ_F_VERSION_1);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, &c, sizeof(c),
				  &reply), 16);
}
END_TEST

START_TEST(acknowledgement_requires_reply_ack)
{
	uint64_t bits = P(MQ);

	rig_init(&rig);
	rig_send(&rig, VHOST_USER_SET_OWNER, RIG_NEED, NULL, 0, NULL, 0);
	rig_send(&rig, VHOST_USER_SET_PROTOCOL_FEATURES, 1, &bits, 8, NULL, 0);
	rig_send(&rig, VHOST_USER_SET_VRING_ENABLE, RIG_NEED, &bits, 8, NULL, 0);
	rig_send(&rig, VHOST_USER_SET_CONFIG, RIG_NEED, &bits, 8, NULL, 0);
	rig_expect_silence(&rig);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_QUEUE_NUM), RIG_RINGS);
}
END_TEST

START_TEST(message_without_its_negotiated_feature_is_refused)
{
	struct vhost_user_config c = { 0, 4, 0 };
	struct rig_reply reply;

	rig_init(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_PROTOCOL_FEATURES,
				      P(REPLY_ACK)), 0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_QUEUE_NUM, NULL, 0,
				  &reply), 0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, &c, sizeof(c),
				  &reply), 0);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_STATUS, NULL, 0, &reply),
			  0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	ck_assert_uint_eq(rig.resets, 0);
}
END_TEST

/* configuration, status, reset */

START_TEST(b4_12_configuration_outside_the_space_gets_an_empty_reply)
{
	static const struct vhost_user_config wrong[] = {
		{ RIG_CONFIG, 256, 0 }, { RIG_CONFIG, 1, 0 },
		{ 0xffffffff, 2, 0 }, { 0, 0, 0 }, { 0, 257, 0 },
		{ 1, 0xffffffff, 0 },
	};
	unsigned char payload[12 + 300] = { 0 };
	uint32_t filler = wrong[_i].size < 300 ? wrong[_i].size : 0;
	struct rig_reply reply;

	rig_init(&rig);
	rig_negotiate(&rig);
	memcpy(payload, &wrong[_i], 12);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, payload,
				  12 + filler, &reply), 0);
}
END_TEST

START_TEST(configuration_is_read_with_and_without_padding)
{
	unsigned char payload[12 + RIG_CONFIG] = { 0 };
	struct vhost_user_config c = { 8, 20, 0 };
	struct rig_reply reply;

	rig_init(&rig);
	rig_negotiate(&rig);
	memcpy(rig.space + 8, "twenty bytes of conf", 20);
	memcpy(payload, &c, sizeof(c));
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, payload, 32,
				  &reply), 32);
	ck_assert_mem_eq(reply.payload, &c, 12);
	ck_assert_mem_eq(reply.payload + 12, rig.space + 8, 20);
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_GET_CONFIG, payload, 12,
				  &reply), 32);
}
END_TEST

START_TEST(b4_13_only_writable_configuration_is_written)
{
	struct { struct vhost_user_config c; unsigned char b[64]; } m = {
		{ 8, 4, 0 }, "abcd"
	};

	rig_init(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 16, NULL, 0),
			  0);
	ck_assert_mem_eq(rig.space + 8, "abcd", 4);
	ck_assert(!rig.migration);
	m.c.flags = VHOST_USER_CONFIG_MIGRATION;
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 16, NULL, 0),
			  0);
	ck_assert(rig.migration);
	m.c.flags = 4;
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 16, NULL, 0),
			  0);
	m.c.flags = 0;
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 12, NULL, 0),
			  0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 15, NULL, 0),
			  0);
	m.c.offset = RIG_CONFIG - 3;
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 16, NULL, 0),
			  0);
}
END_TEST

START_TEST(d4_06_device_without_writable_configuration_refuses_writes)
{
	struct { struct vhost_user_config c; unsigned char b[4]; } m = {
		{ 20, 4, 0 }, "abc"
	};

	rig_prepare(&rig);
	rig.ops.set_config = NULL;
	rig_start(&rig);
	rig_negotiate(&rig);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_CONFIG, &m, 16, NULL, 0),
			  0);
	rig_expect_refused(&rig, VHOST_USER_SET_CONFIG, VHOST_USER_ALL_RINGS,
			   "4 bytes at offset 20: the device refuses");
}
END_TEST

START_TEST(b4_18_status_is_stored_and_0_resets)
{
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_STATUS, 0xf), 0);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_STATUS), 0xf);
	ck_assert_uint_eq(rig.status, 0xf);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_SET_STATUS, 0x100), 0);
	ck_assert(rig.running[0]);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_STATUS, 0), 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_GET_STATUS), 0);
}
END_TEST

START_TEST(b4_18_reset_stops_rings_and_keeps_memory_and_protocol)
{
	int i;

	rig_init(&rig);
	for (i = 0; i < 3; i++) {	/* idempotent, also at the beginning */
		rig_send(&rig, VHOST_USER_RESET_DEVICE, 1, NULL, 0, NULL, 0);
		rig_expect_silence(&rig);
	}
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_DEVICE, NULL, 0, NULL,
				  0), 0);
	ck_assert_uint_eq(rig.resets, 1);
	ck_assert(rig.asked_drain);
	ck_assert_uint_eq(vhost_user_backend_features(rig.b), 0);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_SET_FEATURES,
				      VQ_F_VERSION_1 |
				      VHOST_USER_F_PROTOCOL_FEATURES), 0);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(rig.runs[0], 2);
}
END_TEST

START_TEST(reset_owner_disables_all_rings)
{
	rig_init(&rig);
	rig_up(&rig);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_RESET_OWNER, NULL, 0, NULL,
				  0), 0);
	ck_assert(!rig.running[0] && !rig.running[1]);
	ck_assert_uint_eq(rig_ack_state(&rig, VHOST_USER_SET_VRING_ENABLE, 0, 1),
			  0);
	ck_assert(rig.running[0]);
}
END_TEST

/* back-end channel */

START_TEST(config_change_is_sent_once_and_only_while_a_ring_is_started)
{
	struct vhost_user_header hdr;
	int ends[2];

	rig_init(&rig);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), -EOPNOTSUPP);
	rig_negotiate(&rig);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &ends[1], 1), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), 0);
	ck_assert_int_eq(recv(ends[0], &hdr, sizeof(hdr), MSG_DONTWAIT), -1);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_set_ring(&rig, 0);
	ck_assert_int_eq(recv(ends[0], &hdr, sizeof(hdr), MSG_DONTWAIT), 12);
	ck_assert_uint_eq(hdr.request, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG);
	ck_assert_uint_eq(hdr.flags, 1);
	ck_assert_uint_eq(hdr.size, 0);
	ck_assert_int_eq(recv(ends[0], &hdr, sizeof(hdr), MSG_DONTWAIT), -1);
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
}
END_TEST

START_TEST(b4_14_channel_may_be_replaced_and_must_be_a_socket)
{
	int first[2], second[2], event = eventfd(0, EFD_CLOEXEC);
	char byte;

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    first), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    second), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &first[1], 1), 0);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &event, 1), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), 0);
	ck_assert_int_eq(recv(first[0], &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &second[1], 1), 0);
	vsu_fd_close(&first[1]);
	ck_assert_int_eq(recv(first[0], &byte, 1, MSG_DONTWAIT), 1);
	ck_assert_int_eq(shutdown(second[0], SHUT_RDWR), 0);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), -EOPNOTSUPP);
	vsu_fd_close(&first[0]);
	vsu_fd_close(&second[0]);
	vsu_fd_close(&second[1]);
	vsu_fd_close(&event);
}
END_TEST

START_TEST(unrequested_reply_closes_the_channel)
{
	struct vhost_user_header hdr = { 2, 5, 0 };
	int ends[2];

	rig_init(&rig);
	rig_up(&rig);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SET_BACKEND_REQ_FD, NULL, 0,
				  &ends[1], 1), 0);
	ck_assert_int_eq(send(ends[0], &hdr, sizeof(hdr), 0), 12);
	ck_assert_int_eq(rig_dispatch(&rig), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(rig.b), -EOPNOTSUPP);
	vsu_fd_close(&ends[0]);
	vsu_fd_close(&ends[1]);
}
END_TEST

static void add_framing(Suite *s)
{
	TCase *tc = rig_case_of(s, "framing", &rig);

	tcase_add_loop_test(tc, b1_01_version_other_than_1_ends_the_session, 0,
			    4);
	tcase_add_loop_test(tc, b1_02_reply_and_reserved_bits_end_the_session,
			    0, 4);
	tcase_add_loop_test(tc, b1_03_size_above_the_limit_ends_the_session, 0,
			    3);
	tcase_add_loop_test(tc, b1_04_wrong_size_is_refused, 0, 12);
	tcase_add_test(tc, b1_05_truncated_message_ends_the_session);
	tcase_add_test(tc, message_in_pieces_is_assembled);
	tcase_add_loop_test(tc, b1_06_more_descriptors_than_fit_end_the_session,
			    0, 4);
	tcase_add_test(tc, descriptors_of_several_pieces_are_added_up);
	tcase_add_loop_test(tc, b1_07_unknown_request_is_refused_if_a_reply_is_requested, 0,
			    4);
	tcase_add_test(tc, unimplemented_request_gets_a_refusal_of_its_kind);
}

static void add_descriptors(Suite *s)
{
	TCase *tc = rig_case_of(s, "descriptors", &rig);

	tcase_add_test(tc, b1_08_repeated_excess_descriptors_end_the_session);
	tcase_add_test(tc, b1_09_unexpected_descriptors_are_closed);
	tcase_add_loop_test(tc, b1_10_descriptor_must_agree_with_the_no_fd_bit, 0, 3);
	if (!rig_under_valgrind()) {	/* valgrind manages RLIMIT_NOFILE itself */
		tcase_add_test(tc, b1_11_descriptor_limit_while_receiving_ends_that_session_only);
		tcase_add_test(tc, session_without_descriptors_is_an_error);
	}
	tcase_add_loop_test(tc, b1_12_descriptor_of_the_wrong_kind_is_refused, 0,
			    6);
	tcase_add_test(tc, b1_13_blocking_eventfd_and_pipe_are_accepted_and_never_block);
	tcase_add_test(tc, b1_14_one_descriptor_may_serve_two_rings);
}

static void add_negotiation(Suite *s)
{
	TCase *tc = rig_case_of(s, "negotiation", &rig);

	tcase_add_test(tc, b1_15_ring_waits_if_kick_and_enable_come_first);
	tcase_add_test(tc, b1_15_enable_requires_the_protocol_features_bit);
	tcase_add_test(tc, features_without_the_protocol_bit_enable_all_rings);
	tcase_add_test(tc, b1_16_features_that_were_not_offered_are_refused);
	tcase_add_test(tc, b1_16_xen_is_not_offered_and_refused_by_name);
	tcase_add_test(tc, b1_17_protocol_features_may_be_set_without_reading_them);
	tcase_add_test(tc, b1_18_features_may_be_repeated_while_rings_run);
	tcase_add_test(tc, b1_19_request_with_a_reply_gets_no_acknowledgement);
	tcase_add_test(tc, b1_20_refusal_by_the_device_keeps_the_session);
	tcase_add_test(tc, acknowledgement_requires_reply_ack);
	tcase_add_test(tc, message_without_its_negotiated_feature_is_refused);
}

static void add_device(Suite *s)
{
	TCase *tc = rig_case_of(s, "device", &rig);

	tcase_add_loop_test(tc, b4_12_configuration_outside_the_space_gets_an_empty_reply,
			    0, 6);
	tcase_add_test(tc, configuration_is_read_with_and_without_padding);
	tcase_add_test(tc, b4_13_only_writable_configuration_is_written);
	tcase_add_test(tc, d4_06_device_without_writable_configuration_refuses_writes);
	tcase_add_test(tc, b4_18_status_is_stored_and_0_resets);
	tcase_add_test(tc, b4_18_reset_stops_rings_and_keeps_memory_and_protocol);
	tcase_add_test(tc, reset_owner_disables_all_rings);
	tcase_add_test(tc, config_change_is_sent_once_and_only_while_a_ring_is_started);
	tcase_add_test(tc, b4_14_channel_may_be_replaced_and_must_be_a_socket);
	tcase_add_test(tc, unrequested_reply_closes_the_channel);
}

int main(void)
{
	Suite *s = suite_create("backend");
	TCase *tc = rig_case_of(s, "session", &rig);

	tcase_add_test(tc, session_requires_rings_and_mandatory_ops);
	tcase_add_test(tc, shorter_ops_and_config_of_older_callers_are_accepted);
	tcase_add_test(tc, ops_or_config_without_a_size_are_refused);
	tcase_add_test(tc, offered_protocol_features_are_those_implemented);
	tcase_add_loop_test(tc, shared_memory_may_be_offered_at_the_bit_of_an_earlier_draft,
			    0, 2);
	tcase_add_test(tc, features_are_those_of_the_device_and_the_protocol);
	if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)	/* the bytes are little-endian */
		tcase_add_test(tc, captured_messages_are_accepted);
	tcase_add_test(tc, replies_are_sent_in_the_order_of_requests);
	add_framing(s);
	add_descriptors(s);
	add_negotiation(s);
	add_device(s);
	return run_suite(s);
}
