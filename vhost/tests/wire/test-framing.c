/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about framed messages over a socket, in both directions. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../suite.h"
#include "wire/framing.h"
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#define OUT_MAX 65536u

/* a sends requests to b, which replies */
static struct vhost_user_priv_channel a, b;
static int fds_before;
static unsigned int together;	/* messages of the kernel that were sent by sendmmsg() */

int __real_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags);

int __wrap_sendmmsg(int fd, struct mmsghdr *msgs, unsigned int n, int flags)
{
	int done = __real_sendmmsg(fd, msgs, n, flags);

	together += done > 0 ? (unsigned int)done : 0;
	return done;
}

static void setup(void)
{
	int ends[2];

	fds_before = vsu_fd_count();
	together = 0;
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0,
				    ends), 0);
	ck_assert_int_eq(vhost_user_priv_channel_init_take_fd(&a, ends[0],
			VHOST_USER_SIDE_FRONTEND, true, OUT_MAX, NULL), 0);
	ck_assert_int_eq(vhost_user_priv_channel_init_take_fd(&b, ends[1],
			VHOST_USER_SIDE_FRONTEND, false, OUT_MAX, NULL), 0);
}

static void teardown(void)
{
	vhost_user_priv_channel_fini(&a);
	vhost_user_priv_channel_fini(&b);
	ck_assert_int_eq(vsu_fd_count(), fds_before);
}

static int send_fds(uint32_t request, const void *payload, size_t len,
		    const int *fds, unsigned int nfds)
{
	const struct vhost_user_priv_out m = {
		.request = request, .flags = 1, .head = payload,
		.head_len = len, .fds = fds, .nfds = nfds,
	};

	return vhost_user_priv_channel_send(&a, &m, NULL);
}

static struct vhost_user_priv_msg *expect(uint32_t request)
{
	struct vhost_user_priv_msg *msg = NULL;

	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 1);
	ck_assert_uint_eq(msg->hdr.request, request);
	return msg;
}

/* A read may end inside a message; the next one reads the rest. */
static unsigned int fds_of(uint32_t request)
{
	struct vhost_user_priv_msg *msg = NULL;

	if (!vhost_user_priv_channel_recv(&b, &msg, NULL))
		ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL),
				 1);
	ck_assert_uint_eq(msg->hdr.request, request);
	return msg->nfds;
}

static void flush(void)
{
	ck_assert_int_eq(vhost_user_priv_channel_flush(&a, NULL), 0);
}

START_TEST(message_is_received_as_it_was_sent)
{
	uint64_t value = UINT64_C(0x1122334455667788);
	struct vhost_user_priv_msg *msg;

	ck_assert_int_eq(send_fds(2, &value, 8, NULL, 0), 0);
	ck_assert(vhost_user_priv_channel_wants_write(&a));
	flush();
	ck_assert(!vhost_user_priv_channel_wants_write(&a));
	msg = expect(2);
	ck_assert_uint_eq(msg->hdr.size, 8);
	ck_assert_uint_eq(msg->payload.u64, value);
	ck_assert_uint_eq(msg->nfds, 0);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 0);
}
END_TEST

START_TEST(payload_may_have_two_parts)
{
	struct vhost_user_config c = { 4, 8, 0 };
	const struct vhost_user_priv_out m = {
		.request = 25, .flags = 1, .head = &c, .head_len = sizeof(c),
		.tail = "12345678", .tail_len = 8,
	};
	struct vhost_user_priv_msg *msg;

	ck_assert_int_eq(vhost_user_priv_channel_send(&a, &m, NULL), 0);
	flush();
	msg = expect(25);
	ck_assert_uint_eq(msg->hdr.size, 20);
	ck_assert_mem_eq(msg->payload.bytes, &c, 12);
	ck_assert_mem_eq(msg->payload.bytes + 12, "12345678", 8);
}
END_TEST

START_TEST(bytes_behind_the_payload_are_zero)
{
	unsigned char full[4096];
	struct vhost_user_priv_msg *msg;

	memset(full, 0xff, sizeof(full));
	send_fds(2, full, sizeof(full), NULL, 0);
	send_fds(2, full, 3, NULL, 0);
	flush();
	expect(2);
	msg = expect(2);
	memset(full + 3, 0, sizeof(full) - 3);
	ck_assert_mem_eq(msg->payload.bytes, full, sizeof(full));
}
END_TEST

/* A receiver may write its reply into the received message. */
START_TEST(bytes_of_a_reply_are_zeroed_for_the_next_message)
{
	static const unsigned char zeros[4096];
	struct vhost_user_priv_msg *msg;

	send_fds(2, zeros, 8, NULL, 0);
	send_fds(2, zeros, 8, NULL, 0);
	send_fds(2, zeros, 8, NULL, 0);
	flush();
	msg = expect(2);
	memset(msg->payload.bytes, 0xff, 100);
	msg->hdr.size = 100;
	msg = expect(2);
	ck_assert_mem_eq(msg->payload.bytes, zeros, sizeof(zeros));
	memset(msg->payload.bytes, 0xff, 200);
	msg->used = 200;	/* a reply that was not sent */
	msg = expect(2);
	ck_assert_mem_eq(msg->payload.bytes, zeros, sizeof(zeros));
}
END_TEST

START_TEST(descriptors_stay_with_their_message)
{
	int fds[2] = { open("/dev/null", O_RDONLY | O_CLOEXEC),
		       open("/dev/zero", O_RDONLY | O_CLOEXEC) };
	struct vhost_user_priv_msg *msg;
	char byte = 1;
	int fd;

	send_fds(1, NULL, 0, NULL, 0);
	ck_assert_int_eq(send_fds(12, &fds, 8, &fds[1], 1), 0);
	send_fds(3, NULL, 0, NULL, 0);
	send_fds(5, NULL, 0, fds, 2);
	flush();
	ck_assert_uint_eq(expect(1)->nfds, 0);
	msg = expect(12);
	ck_assert_uint_eq(msg->nfds, 1);
	fd = vhost_user_priv_msg_take_fd(msg, 0);
	ck_assert_int_eq(read(fd, &byte, 1), 1);
	ck_assert_int_eq(byte, 0);
	ck_assert_int_eq(vhost_user_priv_msg_take_fd(msg, 0), -1);
	ck_assert_int_eq(vhost_user_priv_msg_take_fd(msg, 1), -1);
	ck_assert_uint_eq(expect(3)->nfds, 0);
	ck_assert_uint_eq(expect(5)->nfds, 2);
	vsu_fd_close(&fd);
	vsu_fd_close(&fds[0]);
	vsu_fd_close(&fds[1]);
}
END_TEST

/*
 * If the socket is full, queued messages hold duplicates of their descriptors.
 */
static unsigned int fill(void)
{
	unsigned char big[4096] = { 0 };
	unsigned int n = 0;

	while (!vhost_user_priv_channel_wants_write(&a)) {
		ck_assert_int_eq(send_fds(2, big, sizeof(big), NULL, 0), 0);
		flush();
		n++;
	}
	return n;
}

START_TEST(full_socket_keeps_order_and_descriptors)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned int n = fill(), i;

	for (i = 0; i < VHOST_USER_PRIV_SEND_PENDING; i++) {
		ck_assert_int_eq(send_fds(12, &n, 4, &fd, 1), 0);
		ck_assert_int_eq(send_fds(3, NULL, 0, NULL, 0), 0);
	}
	ck_assert_int_eq(send_fds(12, &n, 4, &fd, 1), -ENOSPC);
	vsu_fd_close(&fd);
	for (i = 0; i < n; i++) {
		expect(2);
		flush();
	}
	for (i = 0; i < VHOST_USER_PRIV_SEND_PENDING; i++) {
		ck_assert_uint_eq(expect(12)->nfds, 1);
		ck_assert_uint_eq(expect(3)->nfds, 0);
		flush();
	}
	ck_assert(!vhost_user_priv_channel_wants_write(&a));
}
END_TEST

START_TEST(pending_descriptors_are_closed_with_the_channel)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	fill();
	ck_assert_int_eq(send_fds(12, &fd, 4, &fd, 1), 0);
	vsu_fd_close(&fd);
}
END_TEST

/* One send carries a message with descriptors and the messages behind it. */
START_TEST(held_message_is_sent_with_those_behind_it)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned char bytes[256];
	const uint64_t ring = 0;

	vhost_user_priv_channel_hold(&a);
	ck_assert_int_eq(send_fds(12, &ring, 8, &fd, 1), 0);
	ck_assert_int_eq(send_fds(3, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(recv(b.fd, bytes, sizeof(bytes), MSG_PEEK), -1);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	ck_assert_int_eq(recv(b.fd, bytes, sizeof(bytes), MSG_PEEK), 20 + 12);
	ck_assert_uint_eq(expect(12)->nfds, 1);
	ck_assert_uint_eq(expect(3)->nfds, 0);
	vsu_fd_close(&fd);
}
END_TEST

/*
 * A read ends before the descriptors of the next message, so that each message
 * is received alone.
 */
static void expect_rings(unsigned int first, unsigned int n)
{
	struct vhost_user_priv_msg *msg;
	unsigned int i;

	for (i = first; i < first + n; i++) {
		msg = expect(12);
		ck_assert_uint_eq(msg->payload.u64, i);
		ck_assert_uint_eq(msg->nfds, 1);
		ck_assert_uint_eq(expect(3)->nfds, 0);
	}
}

static void send_rings(unsigned int first, unsigned int n, int fd)
{
	uint64_t i;

	for (i = first; i < first + n; i++) {
		ck_assert_int_eq(send_fds(12, &i, 8, &fd, 1), 0);
		ck_assert_int_eq(send_fds(3, NULL, 0, NULL, 0), 0);
	}
}

START_TEST(held_messages_with_descriptors_are_sent_together)
{
	const unsigned int n = VHOST_USER_PRIV_SEND_PENDING;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), before;
	unsigned char byte;

	vhost_user_priv_channel_hold(&a);
	ck_assert_int_eq(send_fds(1, NULL, 0, NULL, 0), 0);
	before = vsu_fd_count();
	send_rings(0, n, fd);
	ck_assert_int_eq(vsu_fd_count(), before);	/* borrowed, not duplicated */
	ck_assert_int_eq(recv(b.fd, &byte, 1, MSG_PEEK), -1);
	send_rings(n, 1, fd);	/* one more than the queue holds */
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	ck_assert(!vhost_user_priv_channel_wants_write(&a));
	ck_assert_uint_eq(together, n + 1);
	ck_assert_uint_eq(expect(1)->nfds, 0);
	expect_rings(0, n + 1);
	vsu_fd_close(&fd);
}
END_TEST

/*
 * Bytes behind a message that may be sent in parts must not overtake its end.
 */
START_TEST(held_messages_stay_in_order_if_one_is_long)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned char big[4096] = { 0 };

	vhost_user_priv_channel_hold(&a);
	send_rings(0, 1, fd);
	ck_assert_int_eq(send_fds(2, big, sizeof(big), NULL, 0), 0);
	send_rings(1, 2, fd);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	expect_rings(0, 1);
	expect(2);
	expect_rings(1, 2);
	vsu_fd_close(&fd);
}
END_TEST

/* Otherwise the receiver would assign its descriptors to the last message. */
START_TEST(held_message_with_optional_descriptors_is_sent_alone)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	vhost_user_priv_channel_hold(&a);
	ck_assert_int_eq(send_fds(3, NULL, 0, &fd, 1), 0);
	vsu_fd_close(&fd);
	ck_assert_int_eq(send_fds(1, NULL, 0, NULL, 0), 0);
	ck_assert_uint_eq(expect(3)->nfds, 1);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	ck_assert_uint_eq(expect(1)->nfds, 0);
}
END_TEST

static unsigned int fill_with_small(void)
{
	const struct vhost_user_header hdr = { 3, 1, 0 };
	unsigned int n = 0;

	while (send(a.fd, &hdr, sizeof(hdr), MSG_DONTWAIT) == sizeof(hdr))
		n++;
	return n;
}

/* Some messages fit and the rest is queued; with _i of 0 all are queued. */
START_TEST(released_descriptors_are_duplicated_if_the_socket_fills)
{
	const unsigned int room = (unsigned int)_i;
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned int n = fill_with_small(), i;
	struct vhost_user_header hdr;

	for (i = 0; i < room; i++)
		ck_assert_int_eq(recv(b.fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
	vhost_user_priv_channel_hold(&a);
	send_rings(0, 8, fd);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	ck_assert(vhost_user_priv_channel_wants_write(&a));
	vsu_fd_close(&fd);
	for (i = room; i < n; i++)
		ck_assert_uint_eq(fds_of(3), 0);
	for (i = 0; i < 8; i++) {
		ck_assert_uint_eq(fds_of(12), 1);
		ck_assert_uint_eq(fds_of(3), 0);
		flush();
	}
}
END_TEST

START_TEST(released_descriptors_are_duplicated_if_the_socket_is_full)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const uint64_t ring = 0;
	unsigned int n = fill_with_small();

	vhost_user_priv_channel_hold(&a);
	ck_assert_int_eq(send_fds(12, &ring, 8, &fd, 1), 0);
	ck_assert_int_eq(send_fds(1, NULL, 0, NULL, 0), 0);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, NULL), 0);
	ck_assert(vhost_user_priv_channel_wants_write(&a));
	vsu_fd_close(&fd);
	while (n--)
		ck_assert_uint_eq(fds_of(3), 0);
	flush();
	ck_assert_uint_eq(fds_of(12), 1);
	ck_assert_uint_eq(fds_of(1), 0);
}
END_TEST

/* After a failed release the channel owns duplicates, or nothing. */
START_TEST(held_messages_that_cannot_be_sent_keep_own_descriptors)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), before = vsu_fd_count();
	struct vsu_error err = VSU_ERROR_INIT;

	vhost_user_priv_channel_hold(&a);
	send_rings(0, 2, fd);
	ck_assert_int_eq(shutdown(b.fd, SHUT_RDWR), 0);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, &err), -ECONNRESET);
	ck_assert_str_eq(err.msg, "the peer hung up");
	ck_assert_int_eq(vsu_fd_count(), before + 2);
	vhost_user_priv_channel_drop_out(&a);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(held_descriptors_that_cannot_be_duplicated_are_an_error)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), before = vsu_fd_count();
	struct vsu_error err = VSU_ERROR_INIT;
	struct rlimit limit, none;
	int next = dup(fd);

	close(next);
	fill_with_small();
	vhost_user_priv_channel_hold(&a);
	send_rings(0, 2, fd);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ (rlim_t)next, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(vhost_user_priv_channel_release(&a, &err), -EMFILE);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot duplicate descriptor"));
	ck_assert_int_eq(vsu_fd_count(), before);
	vhost_user_priv_channel_drop_out(&a);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	vsu_fd_close(&fd);
}
END_TEST

/* A further message moves the unsent bytes to the front of the queue. */
START_TEST(queued_bytes_move_with_their_descriptors)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	unsigned int n = fill_with_small(), i;
	struct vhost_user_header hdr;

	send_rings(0, 4, fd);
	while (!a.out_pos) {
		ck_assert_int_eq(recv(b.fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
		n--;
		flush();
	}
	ck_assert_uint_lt(a.out_pos, a.out_len);
	send_rings(4, 2, fd);
	for (i = 0; i < n; i++)
		ck_assert_uint_eq(fds_of(3), 0);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_eq(fds_of(12), 1);
		ck_assert_uint_eq(fds_of(3), 0);
		flush();
	}
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(number_of_queued_messages_is_limited)
{
	unsigned char big[4096] = { 0 };
	unsigned int n;
	int rc = 0;

	fill();
	for (n = 0; rc == 0; n++)
		rc = send_fds(2, big, sizeof(big), NULL, 0);
	ck_assert_int_eq(rc, -ENOSPC);
	ck_assert_uint_le(n, OUT_MAX / 4096);
	flush();
	ck_assert(vhost_user_priv_channel_wants_write(&a));
}
END_TEST

START_TEST(oversized_message_is_not_sent)
{
	unsigned char big[4097] = { 0 };
	int fds[9] = { 0 };

	ck_assert_int_eq(send_fds(2, big, sizeof(big), NULL, 0), -EINVAL);
	ck_assert_int_eq(send_fds(2, big, 1, fds, 9), -EINVAL);
	ck_assert(!vhost_user_priv_channel_wants_write(&a));
}
END_TEST

START_TEST(unused_descriptors_are_closed_at_the_next_call)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), n;
	struct vhost_user_priv_msg *msg;

	send_fds(12, &fd, 4, &fd, 1);
	flush();
	n = vsu_fd_count();
	expect(12);
	ck_assert_int_eq(vsu_fd_count(), n + 1);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 0);
	ck_assert_int_eq(vsu_fd_count(), n);
	vsu_fd_close(&fd);
}
END_TEST

/* Part of the stream, split as another sender may split it. */
struct piece {
	unsigned char bytes[64];
	size_t len;
};

static void add(struct piece *p, uint32_t request, const uint64_t *payload)
{
	struct vhost_user_header hdr = { request, 1, payload ? 8 : 0 };

	memcpy(p->bytes + p->len, &hdr, sizeof(hdr));
	p->len += sizeof(hdr);
	if (payload)
		memcpy(p->bytes + p->len, payload, 8);
	p->len += hdr.size;
}

static void send_piece(const struct piece *p, int fd)
{
	struct iovec iov = { (void *)(uintptr_t)p->bytes, p->len };

	ck_assert_int_eq(vsu_sock_send(a.fd, &iov, 1, &fd, fd >= 0),
			 (ssize_t)p->len);
}

static void expect_fds(uint32_t request, unsigned int n)
{
	ck_assert_uint_eq(expect(request)->nfds, n);
}

START_TEST(descriptors_are_assigned_to_the_message_that_requires_them)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct piece one = { .len = 0 }, two = { .len = 0 }, three = { .len = 0 };
	uint64_t ring = 0, nofd = 0x100;

	add(&one, VHOST_USER_SET_OWNER, NULL);
	add(&one, VHOST_USER_SET_VRING_KICK, &nofd);
	send_piece(&one, -1);
	add(&two, VHOST_USER_SET_VRING_CALL, &ring);
	add(&two, VHOST_USER_SET_OWNER, NULL);
	add(&two, VHOST_USER_SET_VRING_ERR, &nofd);
	send_piece(&two, fd);
	add(&three, VHOST_USER_SET_VRING_KICK, &ring);
	send_piece(&three, fd);
	expect_fds(VHOST_USER_SET_OWNER, 0);
	expect_fds(VHOST_USER_SET_VRING_KICK, 0);
	expect_fds(VHOST_USER_SET_VRING_CALL, 1);
	expect_fds(VHOST_USER_SET_OWNER, 0);
	expect_fds(VHOST_USER_SET_VRING_ERR, 0);
	expect_fds(VHOST_USER_SET_VRING_KICK, 1);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(unrequired_descriptors_are_assigned_to_the_last_message)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct piece one = { .len = 0 };

	add(&one, VHOST_USER_SET_OWNER, NULL);
	send_piece(&one, -1);
	send_piece(&one, fd);
	send_piece(&one, -1);
	expect_fds(VHOST_USER_SET_OWNER, 0);
	expect_fds(VHOST_USER_SET_OWNER, 1);
	expect_fds(VHOST_USER_SET_OWNER, 0);
	vsu_fd_close(&fd);
}
END_TEST

/* _i: sent with the header, or with the payload that follows. */
START_TEST(message_in_pieces_keeps_its_descriptors)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct piece whole = { .len = 0 }, head, tail = { .len = 8 };
	struct vhost_user_priv_msg *msg;
	uint64_t ring = 0;

	add(&whole, VHOST_USER_SET_VRING_KICK, &ring);
	head = whole;
	head.len = 12;
	memcpy(tail.bytes, whole.bytes + 12, 8);
	send_piece(&whole, fd);
	send_piece(&head, _i == 0 ? fd : -1);
	expect_fds(VHOST_USER_SET_VRING_KICK, 1);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 0);
	ck_assert(vhost_user_priv_channel_in_message(&b));
	send_piece(&tail, _i == 0 ? -1 : fd);
	send_piece(&whole, fd);
	expect_fds(VHOST_USER_SET_VRING_KICK, 1);
	expect_fds(VHOST_USER_SET_VRING_KICK, 1);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(late_descriptors_are_closed_with_the_channel)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct piece p = { .len = 0 };
	uint64_t ring = 0;

	add(&p, VHOST_USER_SET_OWNER, NULL);
	send_piece(&p, -1);
	add(&p, VHOST_USER_SET_VRING_KICK, &ring);
	send_piece(&p, fd);
	expect_fds(VHOST_USER_SET_OWNER, 0);
	vsu_fd_close(&fd);
}
END_TEST

START_TEST(buffered_message_is_reported)
{
	struct vhost_user_priv_msg *msg;
	struct piece p = { .len = 0 };

	add(&p, VHOST_USER_SET_OWNER, NULL);
	add(&p, VHOST_USER_GET_FEATURES, NULL);
	send_piece(&p, -1);
	ck_assert(!vhost_user_priv_channel_has_message(&b));
	expect_fds(VHOST_USER_SET_OWNER, 0);
	ck_assert(vhost_user_priv_channel_has_message(&b));
	expect_fds(VHOST_USER_GET_FEATURES, 0);
	ck_assert(!vhost_user_priv_channel_has_message(&b));
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 0);
}
END_TEST

START_TEST(partial_message_is_reported)
{
	struct vhost_user_header hdr = { 2, 1, 8 };
	struct vhost_user_priv_msg *msg;

	ck_assert(!vhost_user_priv_channel_in_message(&b));
	ck_assert_int_eq(send(a.fd, &hdr, 5, 0), 5);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 0);
	ck_assert(vhost_user_priv_channel_in_message(&b));
	ck_assert_int_eq(send(a.fd, (char *)&hdr + 5, 7, 0), 7);
	ck_assert_int_eq(send(a.fd, "abcdefgh", 8, 0), 8);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&b, &msg, NULL), 1);
	ck_assert(!vhost_user_priv_channel_in_message(&b));
}
END_TEST

static void expect_error(int code, const char *word)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_priv_msg *msg;

	int rc;

	/* the error may be detected only by the second read */
	rc = vhost_user_priv_channel_recv(&b, &msg, &err);
	if (rc == 0)
		rc = vhost_user_priv_channel_recv(&b, &msg, &err);
	ck_assert_int_eq(rc, code);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.msg, word) != NULL, "%s", err.msg);
}

START_TEST(b1_36_error_of_a_broken_header_names_the_field)
{
	static const struct {
		struct vhost_user_header hdr;
		int code;
		const char *word;
	} wrong[] = {
		{ { 2, 2, 8 }, -EBADMSG, "version 2" },
		{ { 2, 0x11, 8 }, -EBADMSG, "0x10" },
		{ { 2, 5, 8 }, -EBADMSG, "expected a request" },
		{ { 2, 1, 4097 }, -EMSGSIZE, "SET_FEATURES" },
	};

	ck_assert_int_eq(send(a.fd, &wrong[_i].hdr, 12, 0), 12);
	expect_error(wrong[_i].code, wrong[_i].word);
}
END_TEST

START_TEST(request_is_not_accepted_as_a_reply)
{
	struct vhost_user_header hdr = { 2, 1, 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_priv_msg *msg;

	ck_assert_int_eq(send(b.fd, &hdr, 12, 0), 12);
	ck_assert_int_eq(vhost_user_priv_channel_recv(&a, &msg, &err),
			 -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "expected a reply"));
}
END_TEST

START_TEST(hang_up_error_names_the_position)
{
	struct vhost_user_header hdr = { 2, 1, 8 };

	if (_i > 0)
		ck_assert_int_eq(send(a.fd, &hdr, 5, 0), 5);
	if (_i > 1)
		ck_assert_int_eq(send(a.fd, (char *)&hdr + 5, 7, 0), 7);
	ck_assert_int_eq(shutdown(a.fd, SHUT_WR), 0);
	if (_i == 0)
		expect_error(-ECONNRESET, "hung up");
	else
		expect_error(-EBADMSG, _i == 1 ? "header" : "SET_FEATURES");
}
END_TEST

START_TEST(write_to_a_closed_peer_returns_an_error)
{
	vsu_fd_close(&b.fd);
	send_fds(1, NULL, 0, NULL, 0);
	ck_assert_int_eq(vhost_user_priv_channel_flush(&a, NULL), -ECONNRESET);
}
END_TEST

START_TEST(only_a_unix_stream_socket_is_accepted)
{
	struct vhost_user_priv_channel c;
	int fds[2] = { open("/dev/null", O_RDWR | O_CLOEXEC),
		       socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
	int i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(vhost_user_priv_channel_init_take_fd(&c,
				fds[i], VHOST_USER_SIDE_BACKEND, true, OUT_MAX,
				NULL), -ENOTSOCK);
		ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
		vsu_fd_close(&fds[i]);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("channel");
	TCase *tc = tcase_create("channel");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, message_is_received_as_it_was_sent);
	tcase_add_test(tc, payload_may_have_two_parts);
	tcase_add_test(tc, bytes_behind_the_payload_are_zero);
	tcase_add_test(tc, bytes_of_a_reply_are_zeroed_for_the_next_message);
	tcase_add_test(tc, descriptors_stay_with_their_message);
	tcase_add_test(tc, full_socket_keeps_order_and_descriptors);
	tcase_add_test(tc, pending_descriptors_are_closed_with_the_channel);
	tcase_add_test(tc, held_message_is_sent_with_those_behind_it);
	tcase_add_test(tc, held_messages_with_descriptors_are_sent_together);
	tcase_add_test(tc, held_messages_stay_in_order_if_one_is_long);
	tcase_add_test(tc,
		       held_message_with_optional_descriptors_is_sent_alone);
	tcase_add_loop_test(tc,
		       released_descriptors_are_duplicated_if_the_socket_fills,
		       1, 6);
	tcase_add_test(tc,
		       released_descriptors_are_duplicated_if_the_socket_is_full);
	tcase_add_test(tc, held_messages_that_cannot_be_sent_keep_own_descriptors);
	tcase_add_test(tc, held_descriptors_that_cannot_be_duplicated_are_an_error);
	tcase_add_test(tc, queued_bytes_move_with_their_descriptors);
	tcase_add_test(tc, number_of_queued_messages_is_limited);
	tcase_add_test(tc, oversized_message_is_not_sent);
	tcase_add_test(tc, unused_descriptors_are_closed_at_the_next_call);
	tcase_add_test(tc, descriptors_are_assigned_to_the_message_that_requires_them);
	tcase_add_test(tc, unrequired_descriptors_are_assigned_to_the_last_message);
	tcase_add_loop_test(tc, message_in_pieces_keeps_its_descriptors, 0,
			    2);
	tcase_add_test(tc, late_descriptors_are_closed_with_the_channel);
	tcase_add_test(tc, buffered_message_is_reported);
	tcase_add_test(tc, partial_message_is_reported);
	tcase_add_loop_test(tc, b1_36_error_of_a_broken_header_names_the_field, 0, 4);
	tcase_add_test(tc, request_is_not_accepted_as_a_reply);
	tcase_add_loop_test(tc, hang_up_error_names_the_position, 0, 3);
	tcase_add_test(tc, write_to_a_closed_peer_returns_an_error);
	tcase_add_test(tc, only_a_unix_stream_socket_is_accepted);

	return run_suite(s);
}
