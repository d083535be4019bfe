/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about links over sockets. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/net_link.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "link/pieces.h"
#include "link/priv.h"

static struct virtdev_net_link *link_;
static struct vsu_error err;
static int peer;

/* Creates a link over one end of a socket pair; peer is the other end. */
static void make_link(int type)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(virtdev_net_link_from_fd(pair[0], &link_, &err), 0);
	close(pair[0]);
	peer = pair[1];
}

static void end_link(void)
{
	virtdev_net_link_free(link_);
	close(peer);
}

static ssize_t receive(void *buf, size_t len)
{
	const struct iovec iov[] = { { buf, 5 },
				     { (char *)buf + 5, len - 5 } };

	return link_->ops.receive(link_->self, 0, iov, 2);
}

static int send_bytes(void *header, void *buf, size_t len)
{
	const struct iovec iov[] = { { header, NET_HEADER }, { buf, len } };

	return link_->ops.send(link_->self, 0, iov, 2);
}

static void peer_says(const void *bytes, size_t len)
{
	ck_assert_int_eq(send(peer, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

/* Sends len bytes; a stream prefixes the length. */
static void peer_sends(const unsigned char *frame, uint32_t len)
{
	const uint32_t be = htonl(len);

	peer_says(&be, sizeof(be));
	peer_says(frame, len);
}

static const int kinds[] = { SOCK_DGRAM, SOCK_SEQPACKET };

START_TEST(packet_is_a_frame_in_both_directions)
{
	unsigned char out[NET_HEADER + 60], in[200], header[NET_HEADER];

	make_link(kinds[_i]);
	memset(out, 0x44, sizeof(out));
	memset(in, 0xee, sizeof(in));
	ck_assert_int_eq(receive(in, sizeof(in)), -EAGAIN);
	peer_says(out, 60);
	ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + 60);
	memset(header, 0, sizeof(header));
	ck_assert_mem_eq(in, header, NET_HEADER);
	ck_assert_mem_eq(in + NET_HEADER, out, 60);
	ck_assert_int_eq(send_bytes(header, out, 60), 0);
	ck_assert_int_eq(recv(peer, in, sizeof(in), 0), 60);
	ck_assert_mem_eq(in, out, 60);
	end_link();
}
END_TEST

/* The header does not count as a piece of the frame. */
START_TEST(frame_in_too_many_pieces_is_refused)
{
	static struct iovec pieces[LINK_PIECES + 2], frame[LINK_PIECES];
	char bytes[2];
	int i;

	for (i = 0; i < LINK_PIECES + 2; i++)
		pieces[i] = (struct iovec){ bytes, 2 };
	ck_assert_int_eq(virtdev_priv_pieces_behind(pieces, LINK_PIECES + 2, 2, frame), -EMSGSIZE);
	ck_assert_int_eq(virtdev_priv_pieces_behind(pieces, LINK_PIECES + 1, 2, frame), LINK_PIECES);
	ck_assert_int_eq(virtdev_priv_pieces_behind(pieces, LINK_PIECES + 1, 1, frame), -EMSGSIZE);
}
END_TEST

START_TEST(oversized_packet_is_dropped_alone)
{
	unsigned char out[100] = { 1 }, in[60];

	make_link(kinds[_i]);
	peer_says(out, sizeof(out));
	peer_says(out, 20);
	ck_assert_int_eq(receive(in, sizeof(in)), -EMSGSIZE);
	ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + 20);
	end_link();
}
END_TEST

START_TEST(end_of_the_connection_is_reported)
{
	unsigned char in[60];

	make_link(_i ? SOCK_STREAM : SOCK_SEQPACKET);
	shutdown(peer, SHUT_RDWR);
	ck_assert_int_eq(receive(in, sizeof(in)), -EPIPE);
	ck_assert_int_eq(receive(in, sizeof(in)), -EPIPE);
	end_link();
}
END_TEST

/*
 * More packets than one system call receives, some longer than the buffer,
 * others longer than the usual size.
 */
START_TEST(waiting_packets_are_received_in_order)
{
	static const uint32_t lengths[] = { 60, 2048, 2049, 9000, 61, 5000, 62 };
	unsigned char out[9000], in[6000 + NET_HEADER];
	unsigned int i;

	make_link(kinds[_i]);
	for (i = 0; i < 7; i++) {
		memset(out, (int)i + 1, lengths[i]);
		peer_says(out, lengths[i]);
	}
	for (i = 0; i < 7; i++) {
		memset(in, 0xee, sizeof(in));
		if (lengths[i] > 6000) {
			ck_assert_int_eq(receive(in, sizeof(in)), -EMSGSIZE);
			continue;
		}
		memset(out, (int)i + 1, lengths[i]);
		ck_assert_int_eq(receive(in, sizeof(in)),
				 NET_HEADER + lengths[i]);
		ck_assert_mem_eq(in + NET_HEADER, out, lengths[i]);
	}
	ck_assert_int_eq(receive(in, sizeof(in)), -EAGAIN);
	end_link();
}
END_TEST

/*
 * Whether all waiting packets were received is determined again by each call.
 */
START_TEST(long_packets_are_received_one_by_one)
{
	unsigned char out[9000] = { 1 }, in[9000 + NET_HEADER];
	int i;

	make_link(kinds[_i]);
	for (i = 0; i < 6; i++) {
		const uint32_t len = i < 4 ? sizeof(out) : 60;

		peer_says(out, len);
		ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + len);
		ck_assert_int_eq(receive(in, sizeof(in)), -EAGAIN);
	}
	end_link();
}
END_TEST

static const int ends[] = { 1, 31, 32, 33 };

START_TEST(packets_before_the_end_of_a_connection_are_received)
{
	unsigned char out[60] = { 0 }, in[100];
	int i;

	make_link(SOCK_SEQPACKET);
	for (i = 0; i < ends[_i]; i++)
		peer_says(out, sizeof(out));
	shutdown(peer, SHUT_WR);
	for (i = 0; i < ends[_i]; i++)
		ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + 60);
	/*
	 * after a call that received all packets the link does not read again
	 * at once
	 */
	i = (int)receive(in, sizeof(in));
	if (i == -EAGAIN)
		i = (int)receive(in, sizeof(in));
	ck_assert_int_eq(i, -EPIPE);
	ck_assert_int_eq(receive(in, sizeof(in)), -EPIPE);
	end_link();
}
END_TEST

START_TEST(unsendable_message_fails_alone)
{
	static unsigned char large[1 << 20];	/* larger than a socket's buffer */
	unsigned char header[NET_HEADER] = { 0 }, out[4000] = { 0 };
	struct iovec good[] = { { header, NET_HEADER }, { out, 60 } };
	struct iovec bad[] = { { header, NET_HEADER }, { large, sizeof(large) } };
	struct virtdev_net_frame frames[] = {
		{ bad, 2, 1 }, { good, 2, 1 }, { bad, 2, 1 }, { bad, 2, 1 },
		{ good, 2, 1 },
	};
	static const int codes[] = { -EMSGSIZE, 0, -EMSGSIZE, -EMSGSIZE, 0 };
	unsigned int i;

	make_link(kinds[_i]);
	ck_assert_uint_eq(link_->ops.send_batch(link_->self, 0, frames, 5), 5);
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(frames[i].code, codes[i]);
	for (i = 0; i < 2; i++)
		ck_assert_int_eq(recv(peer, out, sizeof(out), MSG_DONTWAIT), 60);
	ck_assert_int_eq(recv(peer, out, sizeof(out), MSG_DONTWAIT), -1);
	end_link();
}
END_TEST

/* More than one system call sends. */
START_TEST(all_packets_of_a_large_batch_are_sent)
{
	unsigned char header[NET_HEADER] = { 0 }, out[40][60], in[100];
	struct virtdev_net_frame frames[40];
	struct iovec iov[40][2];
	unsigned int i;

	make_link(kinds[_i]);
	for (i = 0; i < 40; i++) {
		memset(out[i], (int)i + 1, sizeof(out[i]));
		iov[i][0] = (struct iovec){ header, NET_HEADER };
		iov[i][1] = (struct iovec){ out[i], sizeof(out[i]) };
		frames[i] = (struct virtdev_net_frame){ iov[i], 2, 1 };
	}
	ck_assert_uint_eq(link_->ops.send_batch(link_->self, 0, frames, 40), 40);
	for (i = 0; i < 40; i++) {
		ck_assert_int_eq(frames[i].code, 0);
		ck_assert_int_eq(recv(peer, in, sizeof(in), MSG_DONTWAIT), 60);
		ck_assert_mem_eq(in, out[i], 60);
	}
	end_link();
}
END_TEST

START_TEST(frames_of_a_stream_may_be_received_in_pieces)
{
	unsigned char frame[300], bytes[2 * 304], in[400];
	const uint32_t be = htonl(300);
	size_t i;

	make_link(SOCK_STREAM);
	for (i = 0; i < sizeof(frame); i++)
		frame[i] = (unsigned char)i;
	memcpy(bytes, &be, 4);
	memcpy(bytes + 4, frame, 300);
	memcpy(bytes + 304, bytes, 304);
	for (i = 0; i < 303; i++) {
		peer_says(bytes + i, 1);
		ck_assert_int_eq(receive(in, sizeof(in)), -EAGAIN);
	}
	peer_says(bytes + 303, 305);
	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + 300);
		ck_assert_mem_eq(in + NET_HEADER, frame, 300);
	}
	ck_assert_int_eq(receive(in, sizeof(in)), -EAGAIN);
	end_link();
}
END_TEST

START_TEST(frames_of_a_stream_are_sent_together_with_their_lengths)
{
	unsigned char header[NET_HEADER] = { 0 }, frame[100], got[400];
	const uint32_t be = htonl(100);
	int i;

	make_link(SOCK_STREAM);
	memset(frame, 0x3c, sizeof(frame));
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(send_bytes(header, frame, 100), 0);
	ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_DONTWAIT), -1);
	ck_assert_int_eq(link_->ops.flush(link_->self, 0), 0);
	ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_DONTWAIT), 312);
	ck_assert_mem_eq(got + 208, &be, 4);
	ck_assert_mem_eq(got + 212, frame, 100);
	end_link();
}
END_TEST

START_TEST(full_stream_returns_eagain_and_loses_nothing)
{
	static unsigned char frame[60000], got[1 << 20];
	unsigned char header[NET_HEADER] = { 0 };
	uint64_t sent = 0, came = 0;
	ssize_t n;
	int i;

	make_link(SOCK_STREAM);
	for (i = 0; i < 1000 && !send_bytes(header, frame, sizeof(frame)); i++)
		sent += 4 + sizeof(frame);
	ck_assert_int_lt(i, 1000);
	for (i = 0; i < 1000 && came < sent; i++) {
		n = recv(peer, got, sizeof(got), MSG_DONTWAIT);
		came += n > 0 ? (uint64_t)n : 0;
		link_->ops.flush(link_->self, 0);
	}
	ck_assert_uint_eq(came, sent);
	ck_assert_int_eq(link_->ops.flush(link_->self, 0), 0);
	end_link();
}
END_TEST

/* Receives what the link sent; returns how many complete frames of len bytes follow. */
static unsigned int peer_receives(unsigned char *got, size_t size, size_t *have,
				  unsigned int came, uint32_t len)
{
	const uint32_t be = htonl(len);
	ssize_t n = recv(peer, got + *have, size - *have, MSG_DONTWAIT);

	*have += n > 0 ? (size_t)n : 0;
	for (; *have >= 4 + len; came++) {
		ck_assert_mem_eq(got, &be, 4);
		ck_assert_uint_eq(got[4], came);
		ck_assert_mem_eq(got + 4, got + 5, len - 1);
		*have -= 4 + len;
		memmove(got, got + 4 + len, *have);
	}
	return came;
}

/* The longer ones are sent without a copy. */
static const uint32_t frame_lengths[] = { 3000, 30000, 65536 };

/* A socket that accepts few bytes at once is filled several times by one frame. */
static void limit_socket(void)
{
	const int bytes = 1;	/* the kernel's minimum */

	ck_assert_int_eq(setsockopt(link_->ops.fd(link_->self, 0), SOL_SOCKET, SO_SNDBUF, &bytes,
				    sizeof(bytes)), 0);
}

START_TEST(frames_behind_a_full_socket_keep_their_order)
{
	static unsigned char frame[65536], got[1 << 17];
	const uint32_t len = frame_lengths[_i / 2];
	unsigned char header[NET_HEADER] = { 0 };
	unsigned int sent = 0, came = 0;
	size_t have = 0;

	make_link(SOCK_STREAM);
	if (_i % 2)
		limit_socket();
	while (came < 200) {
		memset(frame, (int)sent, len);
		while (sent < 200 && send_bytes(header, frame, len) == 0)
			memset(frame, (int)++sent, len);
		link_->ops.flush(link_->self, 0);
		came = peer_receives(got, sizeof(got), &have, came, len);
	}
	ck_assert_uint_eq(have, 0);
	end_link();
}
END_TEST

/* As a guest's memory, whose file was truncated. */
START_TEST(frame_in_truncated_memory_is_lost_alone)
{
	static unsigned char frame[20000], got[20004];
	unsigned char header[NET_HEADER] = { 0 };
	const int fd = memfd_create("empty", MFD_CLOEXEC);
	void *lost = mmap(NULL, sizeof(frame), PROT_READ, MAP_SHARED, fd, 0);

	make_link(SOCK_STREAM);
	memset(frame, 0x5d, sizeof(frame));
	ck_assert_ptr_ne(lost, MAP_FAILED);
	ck_assert_int_eq(send_bytes(header, lost, sizeof(frame)), -EFAULT);
	ck_assert_int_eq(send_bytes(header, frame, sizeof(frame)), 0);
	ck_assert_int_eq(recv(peer, got, sizeof(got), MSG_DONTWAIT), 20004);
	ck_assert_mem_eq(got + 4, frame, sizeof(frame));
	munmap(lost, sizeof(frame));
	close(fd);
	end_link();
}
END_TEST

START_TEST(oversized_frame_is_refused_alone)
{
	static unsigned char frame[VIRTDEV_NET_FRAME_MAX];
	unsigned char header[NET_HEADER] = { 0 };
	const size_t max = VIRTDEV_NET_FRAME_MAX - NET_HEADER;

	make_link(SOCK_STREAM);
	ck_assert_int_eq(send_bytes(header, frame, max + 1), -EMSGSIZE);
	ck_assert_int_eq(send_bytes(header, frame, max), 0);
	ck_assert_int_eq(link_->ops.flush(link_->self, 0), 0);
	ck_assert_int_eq(recv(peer, frame, sizeof(frame), MSG_DONTWAIT), 4 + (ssize_t)max);
	end_link();
}
END_TEST

/* The sending side finds a lost connection, and the receiving side reports it. */
START_TEST(stream_whose_peer_left_is_down)
{
	unsigned char bytes[NET_HEADER + 60] = { 0 };

	make_link(SOCK_STREAM);
	ck_assert(!link_->ops.is_down(link_->self));
	close(peer);
	ck_assert_int_eq(send_bytes(bytes, bytes, 60), 0);
	ck_assert_int_eq(link_->ops.flush(link_->self, 0), 0);
	ck_assert(link_->ops.is_down(link_->self));
	ck_assert_int_eq(send_bytes(bytes, bytes, 60), -EPIPE);
	ck_assert_int_eq(receive(bytes, sizeof(bytes)), -EPIPE);
	virtdev_net_link_free(link_);
}
END_TEST

START_TEST(invalid_length_ends_a_stream)
{
	const uint32_t be = htonl(0x7fffffff);
	unsigned char in[100] = { 0 };

	make_link(SOCK_STREAM);
	peer_sends(in, 20);
	peer_says(&be, 4);
	ck_assert_int_eq(receive(in, sizeof(in)), NET_HEADER + 20);
	ck_assert_int_eq(receive(in, sizeof(in)), -EPIPE);
	ck_assert_int_eq(send_bytes(in, in, 60), -EPIPE);
	end_link();
}
END_TEST

START_TEST(invalid_frame_is_skipped)
{
	unsigned char bytes[100] = { 0 };

	make_link(SOCK_STREAM);
	peer_sends(bytes, 0);
	peer_sends(bytes, 13);
	peer_sends(bytes, 100);
	peer_sends(bytes, 14);
	ck_assert_int_eq(receive(bytes, 60), -ENOMSG);
	ck_assert_int_eq(receive(bytes, 60), -ENOMSG);
	ck_assert_int_eq(receive(bytes, 60), -EMSGSIZE);
	ck_assert_int_eq(receive(bytes, 60), NET_HEADER + 14);
	end_link();
}
END_TEST

START_TEST(descriptor_that_is_not_a_link_is_refused_with_a_message)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC), fds = vsu_fd_count();
	char named[32];

	ck_assert_int_eq(virtdev_net_link_from_fd(fd, &link_, &err), -EINVAL);
	/* the caller's descriptor, not its duplicate */
	snprintf(named, sizeof(named), "descriptor %d: ", fd);
	ck_assert_ptr_eq(strstr(err.msg, named), err.msg);
	ck_assert(strstr(err.msg, "neither a tap interface nor a stream"));
	ck_assert_int_eq(vsu_fd_count(), fds);
	close(fd);
	ck_assert_int_lt(virtdev_net_link_from_fd(fd, &link_, &err), 0);
}
END_TEST

static const struct {
	struct virtdev_net_tap tap;
	const char *message;
} taps[] = {
	{ { .size = 0, .name = "t" }, "struct virtdev_net_tap" },
	{ { .size = sizeof(taps[0].tap), .name = NULL }, "no interface name" },
	{ { .size = sizeof(taps[0].tap), .name = "0123456789abcdef" },
	  "at most 15 characters" },
	{ { .size = sizeof(taps[0].tap), .name = "a/b" }, "is not an interface name" },
	{ { .size = sizeof(taps[0].tap), .name = "t", .lanes = 128 },
	  "at most 127" },
};

START_TEST(invalid_tap_interface_is_refused_with_a_message)
{
	ck_assert_int_eq(virtdev_net_tap_open(&taps[_i].tap, &link_, &err),
			 -EINVAL);
	ck_assert_msg(strstr(err.msg, taps[_i].message), "%s", err.msg);
}
END_TEST

START_TEST(error_of_an_unserved_stream_names_its_path)
{
	const struct virtdev_net_stream stream = {
		.size = sizeof(stream), .path = "/nowhere/passt",
	};

	ck_assert_int_eq(virtdev_net_stream_open(&stream, &link_, &err),
			 -ENOENT);
	ck_assert(strstr(err.msg, "/nowhere/passt"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("link");
	TCase *tc = tcase_create("link");

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, packet_is_a_frame_in_both_directions, 0, 2);
	tcase_add_test(tc, frame_in_too_many_pieces_is_refused);
	tcase_add_loop_test(tc, oversized_packet_is_dropped_alone, 0, 2);
	tcase_add_loop_test(tc, end_of_the_connection_is_reported, 0,
			    2);
	tcase_add_loop_test(tc,
			    waiting_packets_are_received_in_order,
			    0, 2);
	tcase_add_loop_test(tc, long_packets_are_received_one_by_one, 0, 2);
	tcase_add_loop_test(tc,
			    packets_before_the_end_of_a_connection_are_received,
			    0, sizeof(ends) / sizeof(ends[0]));
	tcase_add_loop_test(tc, unsendable_message_fails_alone,
			    0, 2);
	tcase_add_loop_test(tc, all_packets_of_a_large_batch_are_sent,
			    0, 2);
	tcase_add_test(tc, frames_of_a_stream_may_be_received_in_pieces);
	tcase_add_test(tc,
		       frames_of_a_stream_are_sent_together_with_their_lengths);
	tcase_add_test(tc,
		       full_stream_returns_eagain_and_loses_nothing);
	tcase_add_loop_test(tc, frames_behind_a_full_socket_keep_their_order, 0,
			    2 * sizeof(frame_lengths) / sizeof(frame_lengths[0]));
	tcase_add_test(tc, frame_in_truncated_memory_is_lost_alone);
	tcase_add_test(tc, oversized_frame_is_refused_alone);
	tcase_add_test(tc, stream_whose_peer_left_is_down);
	tcase_add_test(tc, invalid_length_ends_a_stream);
	tcase_add_test(tc, invalid_frame_is_skipped);
	tcase_add_test(tc,
		       descriptor_that_is_not_a_link_is_refused_with_a_message);
	tcase_add_loop_test(tc,
			    invalid_tap_interface_is_refused_with_a_message,
			    0, sizeof(taps) / sizeof(taps[0]));
	tcase_add_test(tc, error_of_an_unserved_stream_names_its_path);
	return run_suite(s);
}
