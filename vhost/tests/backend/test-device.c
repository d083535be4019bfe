/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about messages that a back-end passes to its device. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../rig.h"

#define BIT(name) VHOST_USER_PROTOCOL_BIT(name)
#define OPTIONAL (BIT(RARP) | BIT(NET_MTU) | BIT(CRYPTO_SESSION) | \
		  BIT(SHARED_OBJECT) | BIT(DEVICE_STATE))

/* The device: its results, and what it received. */
static struct {
	unsigned char mac[6];
	uint16_t mtu;
	uint64_t op_code, closed;
	unsigned char parameters[1056];
	int gpu, state;
	bool load, holds;
	unsigned int checks;
	uint64_t token;
	int answer;
	struct rig *r;
} device;

static int own_announce(void *opaque, const unsigned char *mac)
{
	(void)opaque;
	memcpy(device.mac, mac, 6);
	return device.answer;
}

static int own_set_mtu(void *opaque, uint16_t mtu)
{
	(void)opaque;
	device.mtu = mtu;
	return device.answer;
}

static int own_open_session(void *opaque, uint64_t op_code,
			    const void *parameters, uint32_t len, int64_t *id)
{
	(void)opaque;
	ck_assert_uint_eq(len, sizeof(device.parameters));
	memcpy(device.parameters, parameters, len);
	device.op_code = op_code;
	*id = 7;
	return device.answer;
}

static int own_close_session(void *opaque, uint64_t id)
{
	(void)opaque;
	device.closed = id;
	return device.answer;
}

static int own_take_gpu_socket(void *opaque, int fd)
{
	(void)opaque;
	device.gpu = fd;
	return device.answer;
}

/* Objects exist for UUIDs that begin with a 1. */
static int own_get_object(void *opaque, const unsigned char *uuid, int *fd)
{
	(void)opaque;
	if (uuid[0] != 1)
		return -ENOENT;
	*fd = dup(device.r->memfd);
	return 0;
}

static int own_take_state_fd(void *opaque, bool load, int fd)
{
	(void)opaque;
	if (device.answer)
		return device.answer;
	device.load = load;
	device.state = fd;
	return 0;
}

static void own_check_state(void *opaque, uint64_t token)
{
	struct rig *r = opaque;

	device.checks++;
	device.token = token;
	if (!device.holds)
		vhost_user_backend_state_done(r->b, token, device.answer);
}

static void init(struct rig *r)
{
	memset(&device, 0, sizeof(device));
	device.gpu = device.state = -1;
	device.r = r;
	rig_prepare(r);
	r->ops.announce = own_announce;
	r->ops.set_mtu = own_set_mtu;
	r->ops.open_session = own_open_session;
	r->ops.close_session = own_close_session;
	r->ops.take_gpu_socket = own_take_gpu_socket;
	r->ops.get_shared_object = own_get_object;
	r->ops.take_state_fd = own_take_state_fd;
	r->ops.check_state = own_check_state;
	rig_start(r);
	rig_negotiate(r);
}

static void fini(struct rig *r)
{
	vsu_fd_close(&device.gpu);
	vsu_fd_close(&device.state);
	rig_fini(r);
}

static struct rig rig;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (rig.mem)
		fini(&rig);
	memset(&rig, 0, sizeof(rig));
}

START_TEST(features_without_operations_are_not_offered)
{
	struct rig r;

	init(&r);
	ck_assert_uint_eq(vhost_user_priv_protocol_features(r.b) & OPTIONAL,
			  OPTIONAL);
	fini(&r);
	rig_init(&r);
	rig_negotiate(&r);
	ck_assert_uint_eq(vhost_user_priv_protocol_features(r.b) & OPTIONAL,
			  0);
	rig_fini(&r);
}
END_TEST

static const struct {
	uint32_t request, size;
	bool fd;
	bool of_ring_0;
} not_offered[] = {
	{ VHOST_USER_SEND_RARP, 8, false, false },
	{ VHOST_USER_NET_SET_MTU, 8, false, false },
	{ VHOST_USER_CLOSE_CRYPTO_SESSION, 8, false, false },
	{ VHOST_USER_GPU_SET_SOCKET, 0, true, false },
	{ VHOST_USER_SET_VRING_ENDIAN, 8, false, false },
	{ VHOST_USER_VRING_KICK, 8, false, true },
};

START_TEST(requests_without_their_feature_are_refused)
{
	static const unsigned char zeros[8];
	struct rig r;

	rig_init(&r);
	rig_negotiate(&r);
	ck_assert_uint_ne(rig_ack(&r, not_offered[_i].request, zeros,
				  not_offered[_i].size, &r.memfd,
				  not_offered[_i].fd), 0);
	rig_expect_refused(&r, not_offered[_i].request,
			   not_offered[_i].of_ring_0 ? 0 : VHOST_USER_ALL_RINGS,
			   "");
	rig_expect_silence(&r);
	rig_fini(&r);
}
END_TEST

START_TEST(rarp_passes_the_mac_address)
{
	init(&rig);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_SEND_RARP,
				  "\x52\x54\x00\x12\x34\x56\x00\x00", 8, NULL,
				  0), 0);
	ck_assert_mem_eq(device.mac, "\x52\x54\x00\x12\x34\x56", 6);
}
END_TEST

START_TEST(mtu_is_passed_to_the_device_within_its_limits)
{
	init(&rig);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_NET_SET_MTU, 9000), 0);
	ck_assert_uint_eq(device.mtu, 9000);
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_NET_SET_MTU, 67), 0);
	rig_expect_refused(&rig, VHOST_USER_NET_SET_MTU, VHOST_USER_ALL_RINGS,
			   "67");
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_NET_SET_MTU, 0x1000040),
			  0);
	rig_expect_refused(&rig, VHOST_USER_NET_SET_MTU, VHOST_USER_ALL_RINGS,
			   "16777280");
	ck_assert_uint_eq(device.mtu, 9000);
	device.answer = -ERANGE;
	ck_assert_uint_ne(rig_ack_u64(&rig, VHOST_USER_NET_SET_MTU, 1500), 0);
}
END_TEST

START_TEST(crypto_sessions_are_passed_to_the_device)
{
	struct vhost_user_crypto_session s = { .op_code = 2 };
	struct rig_reply reply;

	init(&rig);
	s.parameters[0] = 0xab;
	s.parameters[1055] = 0xcd;
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_CREATE_CRYPTO_SESSION, &s,
				  sizeof(s), &reply), sizeof(s));
	memcpy(&s, reply.payload, sizeof(s));
	ck_assert_int_eq(s.session_id, 7);
	ck_assert_uint_eq(device.op_code, 2);
	ck_assert_uint_eq(device.parameters[0], 0xab);
	ck_assert_uint_eq(device.parameters[1055], 0xcd);
	ck_assert_uint_eq(rig_ack_u64(&rig, VHOST_USER_CLOSE_CRYPTO_SESSION, 7),
			  0);
	ck_assert_uint_eq(device.closed, 7);
}
END_TEST

START_TEST(refused_crypto_session_returns_a_negative_id)
{
	struct vhost_user_crypto_session s = { .op_code = 2 };
	struct rig_reply reply;

	init(&rig);
	device.answer = -ENOKEY;
	ck_assert_uint_eq(rig_get(&rig, VHOST_USER_CREATE_CRYPTO_SESSION, &s,
				  sizeof(s), &reply), sizeof(s));
	memcpy(&s, reply.payload, sizeof(s));
	ck_assert_int_lt(s.session_id, 0);
}
END_TEST

START_TEST(gpu_socket_is_passed_to_the_device)
{
	int pair[2];

	init(&rig);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    pair), 0);
	ck_assert_uint_eq(rig_ack(&rig, VHOST_USER_GPU_SET_SOCKET, NULL, 0,
				  &pair[0], 1), 0);
	ck_assert_int_eq(write(device.gpu, "x", 1), 1);
	ck_assert_uint_ne(rig_ack(&rig, VHOST_USER_GPU_SET_SOCKET, NULL, 0,
				  &rig.memfd, 1), 0);
	rig_expect_refused(&rig, VHOST_USER_GPU_SET_SOCKET,
			   VHOST_USER_ALL_RINGS, "socket is needed");
	vsu_fd_close(&pair[0]);
	vsu_fd_close(&pair[1]);
}
END_TEST

/* Reads the next reply; returns its descriptor or -1. */
static int reply_fd(struct rig *r, struct rig_reply *reply)
{
	char room[CMSG_SPACE(sizeof(int))]
		__attribute__((aligned(sizeof(size_t))));
	struct iovec iov = { &reply->hdr, sizeof(reply->hdr) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = room, .msg_controllen = sizeof(room),
	};
	struct cmsghdr *c;
	int fd = -1;

	ck_assert_int_eq(recvmsg(r->sock, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC),
			 sizeof(reply->hdr));
	c = CMSG_FIRSTHDR(&msg);
	if (c)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (reply->hdr.size)
		ck_assert_int_eq(recv(r->sock, reply->payload, reply->hdr.size,
				      MSG_DONTWAIT), reply->hdr.size);
	return fd;
}

static int get_object(struct rig *r, const void *uuid, uint32_t size)
{
	struct rig_reply reply;

	rig_send(r, VHOST_USER_GET_SHARED_OBJECT, 1, uuid, size, NULL, 0);
	ck_assert_int_ge(rig_dispatch(r), 0);
	return reply_fd(r, &reply);
}

START_TEST(shared_object_is_attached_to_the_reply)
{
	int fd;

	init(&rig);
	fd = get_object(&rig, "\x01 a name of sixt", 16);
	ck_assert_int_ge(fd, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(b4_19_reply_for_an_unknown_object_has_no_descriptor)
{
	init(&rig);
	ck_assert_int_eq(get_object(&rig, "\x02 a name of sixt", 16), -1);
	/* some front-ends omit the UUID */
	ck_assert_int_eq(get_object(&rig, NULL, 0), -1);
	rig_expect_silence(&rig);
}
END_TEST

/* Sends SET_DEVICE_STATE_FD with this descriptor; returns the reply. */
static uint64_t transfer_by(struct rig *r, uint32_t direction, uint32_t phase,
			    int fd)
{
	struct vhost_user_transfer t = { direction, phase };
	struct rig_reply reply;
	uint64_t value;

	rig_send(r, VHOST_USER_SET_DEVICE_STATE_FD, 1, &t, sizeof(t), &fd, 1);
	ck_assert_int_ge(rig_dispatch(r), 0);
	ck_assert_int_eq(reply_fd(r, &reply), -1);
	memcpy(&value, reply.payload, sizeof(value));
	return value;
}

/* Passes one end of a new pipe. */
static uint64_t transfer(struct rig *r, uint32_t direction, uint32_t phase,
			 int end)
{
	uint64_t value;
	int pipes[2];

	ck_assert_int_eq(pipe(pipes), 0);
	value = transfer_by(r, direction, phase, pipes[end]);
	vsu_fd_close(&pipes[0]);
	vsu_fd_close(&pipes[1]);
	return value;
}

START_TEST(device_state_transfer_is_accepted_at_once_and_checked_later)
{
	struct rig_reply reply;

	init(&rig);
	device.holds = true;
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_SAVE, 0, 1), 0x100);
	ck_assert_int_ge(device.state, 0);
	ck_assert(!device.load);
	rig_send(&rig, VHOST_USER_CHECK_DEVICE_STATE, 1, NULL, 0, NULL, 0);
	rig_expect_silence(&rig);
	ck_assert_uint_eq(device.checks, 1);
	vhost_user_backend_state_done(rig.b, device.token, 0);
	ck_assert_int_ge(rig_dispatch(&rig), 0);
	ck_assert(rig_reply(&rig, &reply));
	ck_assert_uint_eq(reply.payload[0], 0);
}
END_TEST

START_TEST(failed_transfer_is_reported_and_the_next_one_may_succeed)
{
	init(&rig);
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_LOAD, 0, 0), 0x100);
	ck_assert(device.load);
	device.answer = -EBADMSG;
	ck_assert_uint_ne(rig_get_u64(&rig, VHOST_USER_CHECK_DEVICE_STATE), 0);
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_LOAD, 0, 0), 0x101);
	device.answer = 0;
	vsu_fd_close(&device.state);
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_LOAD, 0, 0), 0x100);
	ck_assert_uint_eq(rig_get_u64(&rig, VHOST_USER_CHECK_DEVICE_STATE), 0);
}
END_TEST

START_TEST(b4_15_invalid_transfers_are_refused)
{
	init(&rig);
	ck_assert_uint_ne(rig_get_u64(&rig, VHOST_USER_CHECK_DEVICE_STATE), 0);
	ck_assert_uint_eq(transfer(&rig, 2, 0, 0), 0x101);
	ck_assert_uint_eq(transfer(&rig, 0, 1, 1), 0x101);
	/* a pipe's end of the wrong direction */
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_SAVE, 0, 0), 0x101);
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_LOAD, 0, 1), 0x101);
	ck_assert_uint_eq(device.checks, 0);
	ck_assert_int_eq(device.state, -1);
}
END_TEST

static const struct {
	const char *path;	/* NULL: a memfd */
	int mode;
	uint64_t answer;
} streams[] = {
	{ "/proc/self/mem", O_RDWR, 0x101 },
	{ "/proc/self/mountinfo", O_RDONLY, 0x101 },
	{ "/dev/zero", O_RDWR, 0x101 },
	{ NULL, 0, 0x100 },
};

/*
 * Reading a front-end's memory could hang: its pages may be on an unresponsive
 * file server.
 */
START_TEST(b4_15_streams_that_may_block_are_refused)
{
	const int fd = streams[_i].path ?
		       open(streams[_i].path, streams[_i].mode | O_CLOEXEC) :
		       memfd_create("state", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	init(&rig);
	ck_assert_uint_eq(transfer_by(&rig, VHOST_USER_TRANSFER_LOAD, 0, fd),
			  streams[_i].answer);
	close(fd);
}
END_TEST

START_TEST(b4_15_transfer_is_refused_while_a_ring_is_started)
{
	init(&rig);
	ck_assert_uint_eq(rig_set_memory(&rig), 0);
	rig_set_ring(&rig, 0);
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_SAVE, 0, 1), 0x101);
	rig_expect_refused(&rig, VHOST_USER_SET_DEVICE_STATE_FD,
			   VHOST_USER_ALL_RINGS, "stopped");
}
END_TEST

START_TEST(b4_16_session_that_ends_during_a_check_waits_for_its_result)
{
	init(&rig);
	device.holds = true;
	ck_assert_uint_eq(transfer(&rig, VHOST_USER_TRANSFER_LOAD, 0, 0), 0x100);
	rig_send(&rig, VHOST_USER_CHECK_DEVICE_STATE, 1, NULL, 0, NULL, 0);
	rig_expect_silence(&rig);
	vsu_fd_close(&rig.sock);
	rig_dispatch(&rig);
	ck_assert_ptr_nonnull(rig.b);
	vhost_user_backend_state_done(rig.b, device.token, -EPIPE);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost back-end device");
	TCase *tc = rig_case(s, "device");

	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, features_without_operations_are_not_offered);
	tcase_add_loop_test(tc, requests_without_their_feature_are_refused,
			    0, (int)(sizeof(not_offered) / sizeof(not_offered[0])));
	tcase_add_test(tc, rarp_passes_the_mac_address);
	tcase_add_test(tc, mtu_is_passed_to_the_device_within_its_limits);
	tcase_add_test(tc, crypto_sessions_are_passed_to_the_device);
	tcase_add_test(tc, refused_crypto_session_returns_a_negative_id);
	tcase_add_test(tc, gpu_socket_is_passed_to_the_device);
	tcase_add_test(tc, shared_object_is_attached_to_the_reply);
	tcase_add_test(tc, b4_19_reply_for_an_unknown_object_has_no_descriptor);
	tc = rig_case(s, "state");
	tcase_add_checked_fixture(tc, NULL, end);
	tcase_add_test(tc, device_state_transfer_is_accepted_at_once_and_checked_later);
	tcase_add_test(tc, failed_transfer_is_reported_and_the_next_one_may_succeed);
	tcase_add_loop_test(tc, b4_15_streams_that_may_block_are_refused, 0,
			    sizeof(streams) / sizeof(*streams));
	tcase_add_test(tc, b4_15_invalid_transfers_are_refused);
	tcase_add_test(tc, b4_15_transfer_is_refused_while_a_ring_is_started);
	tcase_add_test(tc, b4_16_session_that_ends_during_a_check_waits_for_its_result);
	return run_suite(s);
}
