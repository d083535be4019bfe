/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a stream that reconnects while another thread sends. */
#include <config.h>

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/net_link.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../folder.h"
#include "../suite.h"
#include "link/priv.h"

#define FRAME_MIN 60u
#define FRAMES 1900u		/* frame lengths begin with the shortest */

static struct virtdev_net_link *link_;
static int listener;
static bool stopped;		/* atomic */

static bool is_stopped(void)
{
	return __atomic_load_n(&stopped, __ATOMIC_RELAXED);
}

/* Each byte of a frame encodes its length. */
static void *send_frames(void *opaque)
{
	static unsigned char header[NET_HEADER], frame[FRAME_MIN + FRAMES];
	struct iovec iov[] = { { header, NET_HEADER }, { frame, 0 } };
	uint32_t i;

	for (i = 0; !is_stopped(); i++) {
		iov[1].iov_len = FRAME_MIN + i * 13 % FRAMES;
		memset(frame, (int)(iov[1].iov_len % 251), iov[1].iov_len);
		if (link_->ops.send(link_->self, 0, iov, 2) < 0 ||
		    link_->ops.flush(link_->self, 0) < 0)
			sched_yield();
	}
	return opaque;
}

static void read_all(int fd, void *buf, uint32_t len)
{
	ck_assert_int_eq(recv(fd, buf, len, MSG_WAITALL), (ssize_t)len);
}

static void read_frame(int fd)
{
	unsigned char frame[FRAME_MIN + FRAMES];
	uint32_t len;

	read_all(fd, &len, sizeof(len));
	len = ntohl(len);
	ck_assert_uint_ge(len, FRAME_MIN);
	ck_assert_uint_lt(len, FRAME_MIN + FRAMES);
	read_all(fd, frame, len);
	ck_assert_uint_eq(frame[0], len % 251);
	ck_assert_int_eq(memcmp(frame, frame + 1, len - 1), 0);
}

/* Receives some frames and part of another, and hangs up. */
static void *hang_up(void *opaque)
{
	struct pollfd p = { listener, POLLIN, 0 };
	unsigned int round, frames;
	char rest[99];
	int fd;

	for (round = 0; round < scaled(100); round++) {
		ck_assert_int_eq(poll(&p, 1, 60000), 1);
		fd = accept(listener, NULL, NULL);
		ck_assert_int_ge(fd, 0);
		for (frames = round % 7; frames; frames--)
			read_frame(fd);
		read_all(fd, rest, round % sizeof(rest));
		vsu_fd_close(&fd);
	}
	__atomic_store_n(&stopped, true, __ATOMIC_RELAXED);
	return opaque;
}

/* Receives until the peer stops. */
static void receive_frames(void)
{
	struct pollfd p[] = {
		{ link_->ops.fd(link_->self, 0), POLLIN, 0 },
		{ link_->ops.retry_fd(link_->self, 0), POLLIN, 0 },
	};
	unsigned char room[NET_HEADER + FRAME_MIN];
	const struct iovec iov = { room, sizeof(room) };
	bool lost = false;

	while (!is_stopped()) {
		/* times out regularly to check for the end of the test */
		poll(lost ? &p[1] : p, lost ? 1 : 2, 10);
		if (lost)
			lost = link_->ops.retry(link_->self, 0) < 0;
		else
			lost = link_->ops.receive(link_->self, 0, &iov, 1) ==
			       -EPIPE;
	}
}

START_TEST(each_connection_begins_with_a_complete_frame)
{
	const struct virtdev_net_stream stream = {
		.size = sizeof(stream), .path = "s", .reconnect_ms = 1,
	};
	pthread_t sender, peer;

	folder_init("/tmp");
	listener = vsu_sock_listen("s", 16, NULL);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(virtdev_net_stream_open(&stream, &link_, NULL), 0);
	ck_assert_int_eq(pthread_create(&sender, NULL, send_frames, NULL), 0);
	ck_assert_int_eq(pthread_create(&peer, NULL, hang_up, NULL), 0);
	receive_frames();
	pthread_join(sender, NULL);
	pthread_join(peer, NULL);
	virtdev_net_link_free(link_);
	vsu_fd_close(&listener);
	unlink("s");
	folder_fini();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("stream_again");
	TCase *tc = tcase_create("stream_again");

	suite_add_tcase(s, tc);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc,
		       each_connection_begins_with_a_complete_frame);
	return run_suite(s);
}
