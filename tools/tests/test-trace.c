/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the relay of "trace": what passes, what is reported, what remains. */
#include <config.h>

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../../tests/support/suite.h"
#include "relay.h"

#define FRONTEND VHOST_USER_SIDE_FRONTEND
#define BACKEND VHOST_USER_SIDE_BACKEND
#define V1 VHOST_USER_HDR_VERSION
#define REPLY (V1 | VHOST_USER_HDR_REPLY)
#define MAX_SEEN 64

/* A relay on its own thread, between two sockets of the test, indexed by side. */
static struct rig {
	int socks[VHOST_USER_SIDES];
	pthread_t thread;
	int stop_fd;
	int relay_socks[VHOST_USER_SIDES];
	unsigned int nmessages, nevents;
	struct relay_message messages[MAX_SEEN];	/* without pointers */
	char events[MAX_SEEN][128];
	int nfds_before;
	bool running;
} rig;

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void on_message(void *opaque, const struct relay_message *m)
{
	(void)opaque;
	if (rig.nmessages < MAX_SEEN)
		rig.messages[rig.nmessages] = *m;
	rig.nmessages++;
}

static void on_event(void *opaque, enum vhost_user_side channel,
		     enum vhost_user_side from, const char *text)
{
	(void)opaque;
	(void)channel;
	(void)from;
	if (rig.nevents < MAX_SEEN)
		strncpy(rig.events[rig.nevents], text, sizeof(rig.events[0]) - 1);
	rig.nevents++;
}

static void on_idle(void *opaque)
{
	(void)opaque;
}

static const struct relay_ops ops = { on_message, on_event, on_idle };

static void *run_relay(void *opaque)
{
	relay_run(rig.relay_socks, NULL, rig.stop_fd, &ops, opaque);
	return NULL;
}

static void setup(void)
{
	int side, pair[2];

	memset(&rig, 0, sizeof(rig));
	rig.nfds_before = count_fds();
	rig.stop_fd = eventfd(0, EFD_CLOEXEC);
	for (side = 0; side < VHOST_USER_SIDES; side++) {
		ck_assert_int_eq(vsu_sock_pair(pair), 0);
		rig.socks[side] = pair[0];
		rig.relay_socks[side] = pair[1];
	}
	ck_assert_int_eq(pthread_create(&rig.thread, NULL, run_relay, NULL), 0);
	rig.running = true;
}

/*
 * Closes both ends, so that the relay returns, and what it reported can be read. It must
 * have closed all descriptors.
 */
static void finish(void)
{
	if (!rig.running)
		return;
	rig.running = false;
	vsu_fd_close(&rig.socks[FRONTEND]);
	vsu_fd_close(&rig.socks[BACKEND]);
	pthread_join(rig.thread, NULL);
	vsu_fd_close(&rig.stop_fd);
	ck_assert_int_eq(count_fds(), rig.nfds_before);
}

static void send_bytes(int sock, const void *bytes, size_t n, const int *fds,
		       unsigned int nfds)
{
	const struct iovec iov = { (void *)(uintptr_t)bytes, n };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, nfds), (ssize_t)n);
}

static void send_message(int sock, uint32_t number, uint32_t flags,
			 const void *payload, uint32_t size, const int *fds,
			 unsigned int nfds)
{
	unsigned char bytes[sizeof(struct vhost_user_header) + 64];
	const struct vhost_user_header hdr = { number, flags, size };

	ck_assert_uint_le(size, 64);
	memcpy(bytes, &hdr, sizeof(hdr));
	if (size)
		memcpy(bytes + sizeof(hdr), payload, size);
	send_bytes(sock, bytes, sizeof(hdr) + size, fds, nfds);
}

static void wait_for(int sock)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
}

/* Receives exactly n bytes; returns the number of descriptors, the first in *fd. */
static unsigned int receive(int sock, void *bytes, size_t n, int *fd)
{
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int i, nfds, all = 0;
	struct iovec iov;
	ssize_t got;

	while (n) {
		wait_for(sock);
		iov.iov_base = bytes;
		iov.iov_len = n;
		got = vsu_sock_recv(sock, &iov, 1, fds, &nfds);
		ck_assert_int_gt(got, 0);
		bytes = (char *)bytes + got;
		n -= (size_t)got;
		for (i = 0; i < nfds; i++)
			if (fd && !all && !i)
				*fd = fds[i];
			else
				vsu_fd_close(&fds[i]);
		all += nfds;
	}
	return all;
}

static void receive_header(int sock, uint32_t number, uint32_t flags,
			   uint32_t size, unsigned int nfds)
{
	struct vhost_user_header hdr;

	ck_assert_uint_eq(receive(sock, &hdr, sizeof(hdr), NULL), nfds);
	ck_assert_uint_eq(hdr.request, number);
	ck_assert_uint_eq(hdr.flags, flags);
	ck_assert_uint_eq(hdr.size, size);
}

static void receive_end(int sock)
{
	char byte;

	wait_for(sock);
	ck_assert_int_le(recv(sock, &byte, 1, MSG_DONTWAIT), 0);
}

START_TEST(messages_pass_in_both_directions)
{
	const uint64_t word = UINT64_C(0x1234567890abcdef);
	uint64_t got = 0;

	send_message(rig.socks[FRONTEND], VHOST_USER_GET_FEATURES, V1, NULL, 0, NULL, 0);
	receive_header(rig.socks[BACKEND], VHOST_USER_GET_FEATURES, V1, 0, 0);
	send_message(rig.socks[BACKEND], VHOST_USER_GET_FEATURES, REPLY, &word, 8, NULL, 0);
	receive_header(rig.socks[FRONTEND], VHOST_USER_GET_FEATURES, REPLY, 8, 0);
	receive(rig.socks[FRONTEND], &got, 8, NULL);
	finish();
	ck_assert_uint_eq(got, word);
	ck_assert_uint_eq(rig.nmessages, 2);
	ck_assert_int_eq(rig.messages[0].from, FRONTEND);
	ck_assert_int_eq(rig.messages[1].from, BACKEND);
	ck_assert_uint_eq(rig.messages[1].len, 8);
}
END_TEST

START_TEST(descriptors_pass_as_they_are)
{
	uint64_t ring = 0, got = 0;
	int fd = eventfd(0, 0), received = -1;

	send_message(rig.socks[FRONTEND], VHOST_USER_SET_VRING_KICK, V1, &ring, 8, &fd, 1);
	ck_assert_uint_eq(receive(rig.socks[BACKEND], &(char[20]){ 0 }, 20, &received), 1);
	ck_assert_int_eq(eventfd_write(received, 7), 0);
	ck_assert_int_eq(eventfd_read(fd, &got), 0);
	ck_assert_uint_eq(got, 7);
	close(received);
	close(fd);
	finish();
	ck_assert_uint_eq(rig.messages[0].nfds, 1);
}
END_TEST

START_TEST(back_end_channel_is_relayed)
{
	int pair[2], channel = -1;

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	send_message(rig.socks[FRONTEND], VHOST_USER_SET_BACKEND_REQ_FD, V1, NULL, 0, &pair[1], 1);
	close(pair[1]);
	ck_assert_uint_eq(receive(rig.socks[BACKEND], &(char[12]){ 0 }, 12, &channel), 1);
	send_message(channel, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, V1, NULL, 0, NULL, 0);
	receive_header(pair[0], VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, V1, 0, 0);
	send_message(pair[0], VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, REPLY, NULL, 0, NULL, 0);
	receive_header(channel, VHOST_USER_BACKEND_CONFIG_CHANGE_MSG, REPLY, 0, 0);
	close(channel);
	receive_end(pair[0]);
	close(pair[0]);
	finish();
	ck_assert_uint_eq(rig.nmessages, 3);
	ck_assert_int_eq(rig.messages[1].channel, BACKEND);
	ck_assert_int_eq(rig.messages[1].from, BACKEND);
	ck_assert_int_eq(rig.messages[2].from, FRONTEND);
}
END_TEST

START_TEST(new_back_end_channel_replaces_the_old_one)
{
	int old[2], new[2], channel[2] = { -1, -1 };

	ck_assert_int_eq(vsu_sock_pair(old), 0);
	ck_assert_int_eq(vsu_sock_pair(new), 0);
	send_message(rig.socks[FRONTEND], VHOST_USER_SET_BACKEND_REQ_FD, V1, NULL, 0, &old[1], 1);
	send_message(rig.socks[FRONTEND], VHOST_USER_SET_BACKEND_REQ_FD, V1, NULL, 0, &new[1], 1);
	close(old[1]);
	close(new[1]);
	receive(rig.socks[BACKEND], &(char[12]){ 0 }, 12, &channel[0]);
	receive(rig.socks[BACKEND], &(char[12]){ 0 }, 12, &channel[1]);
	receive_end(old[0]);
	receive_end(channel[0]);
	send_message(channel[1], VHOST_USER_BACKEND_VRING_CALL, V1, NULL, 0, NULL, 0);
	receive_header(new[0], VHOST_USER_BACKEND_VRING_CALL, V1, 0, 0);
	close(old[0]);
	close(new[0]);
	close(channel[0]);
	close(channel[1]);
}
END_TEST

START_TEST(channel_of_another_kind_passes)
{
	int fd = eventfd(0, 0);

	send_message(rig.socks[FRONTEND], VHOST_USER_SET_BACKEND_REQ_FD, V1, NULL, 0, &fd, 1);
	close(fd);
	receive_header(rig.socks[BACKEND], VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 1);
	finish();
	ck_assert_uint_eq(rig.nevents, 1);
	ck_assert_ptr_nonnull(strstr(rig.events[0], "not a UNIX stream socket"));
}
END_TEST

/* number, flags, size, descriptors */
static const struct { uint32_t number, flags, size; unsigned int nfds; } malformed[] = {
	{ 0, V1, 0, 0 },
	{ 999, V1, 12, 0 },
	{ VHOST_USER_GET_FEATURES, 0, 0, 0 },
	{ VHOST_USER_GET_FEATURES, 0xffffffff, 0, 0 },
	{ VHOST_USER_SET_VRING_NUM, V1, 3, 0 },
	{ VHOST_USER_SET_VRING_NUM, V1, 64, 0 },
	{ VHOST_USER_SET_OWNER, V1, 0, 9 },
	{ VHOST_USER_SET_OWNER, V1, 0, VSU_SOCK_MAX_FDS },
	{ VHOST_USER_SET_BACKEND_REQ_FD, V1, 0, 0 },
};

#define NMALFORMED (int)(sizeof(malformed) / sizeof(malformed[0]))

START_TEST(malformed_messages_pass)
{
	static const unsigned char zeros[64];
	int i, side = _i & 1, fds[VSU_SOCK_MAX_FDS], fd = eventfd(0, 0);

	for (i = 0; i < VSU_SOCK_MAX_FDS; i++)
		fds[i] = fd;
	i = _i / 2;
	send_message(rig.socks[side], malformed[i].number, malformed[i].flags, zeros,
		     malformed[i].size, fds, malformed[i].nfds);
	close(fd);
	receive_header(rig.socks[!side], malformed[i].number, malformed[i].flags,
		       malformed[i].size, malformed[i].nfds);
	receive(rig.socks[!side], &(char[64]){ 0 }, malformed[i].size, NULL);
	finish();
	ck_assert_uint_eq(rig.nmessages, 1);
	ck_assert_uint_eq(rig.messages[0].nfds, malformed[i].nfds);
}
END_TEST

START_TEST(long_payload_passes_unseen)
{
	static unsigned char sent[100000], got[100000];
	const struct vhost_user_header hdr = { VHOST_USER_SET_CONFIG, V1, sizeof(sent) };
	size_t i, part = 10000;

	for (i = 0; i < sizeof(sent); i++)
		sent[i] = (unsigned char)(i * 7);
	send_bytes(rig.socks[FRONTEND], &hdr, sizeof(hdr), NULL, 0);
	receive_header(rig.socks[BACKEND], VHOST_USER_SET_CONFIG, V1, sizeof(sent), 0);
	for (i = 0; i < sizeof(sent); i += part) {
		send_bytes(rig.socks[FRONTEND], sent + i, part, NULL, 0);
		receive(rig.socks[BACKEND], got + i, part, NULL);
	}
	send_message(rig.socks[FRONTEND], VHOST_USER_SET_OWNER, V1, NULL, 0, NULL, 0);
	receive_header(rig.socks[BACKEND], VHOST_USER_SET_OWNER, V1, 0, 0);
	finish();
	ck_assert_mem_eq(sent, got, sizeof(sent));
	ck_assert_uint_eq(rig.nmessages, 2);
	ck_assert_uint_eq(rig.messages[0].len, 0);
	ck_assert_uint_eq(rig.messages[0].hdr.size, sizeof(sent));
}
END_TEST

START_TEST(message_in_single_bytes_passes_whole)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_VRING_NUM, V1, 8 };
	const struct vhost_user_vring_state state = { 1, 256 };
	unsigned char bytes[20], got[20];
	unsigned int i;

	memcpy(bytes, &hdr, sizeof(hdr));
	memcpy(bytes + sizeof(hdr), &state, sizeof(state));
	for (i = 0; i < sizeof(bytes); i++)
		send_bytes(rig.socks[FRONTEND], &bytes[i], 1, NULL, 0);
	receive(rig.socks[BACKEND], got, sizeof(got), NULL);
	ck_assert_mem_eq(bytes, got, sizeof(bytes));
	finish();
	ck_assert_uint_eq(rig.nmessages, 1);
}
END_TEST

START_TEST(late_descriptors_pass_at_their_byte)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_VRING_KICK, V1, 8 };
	const uint64_t ring = 0;
	int fd = eventfd(0, 0);

	send_bytes(rig.socks[FRONTEND], &hdr, sizeof(hdr), NULL, 0);
	send_bytes(rig.socks[FRONTEND], &ring, sizeof(ring), &fd, 1);
	close(fd);
	receive_header(rig.socks[BACKEND], VHOST_USER_SET_VRING_KICK, V1, 8, 0);
	ck_assert_uint_eq(receive(rig.socks[BACKEND], &(char[8]){ 0 }, 8, NULL), 1);
	finish();
	ck_assert_uint_eq(rig.messages[0].nfds, 0);
	ck_assert_uint_eq(rig.messages[0].late_fds, 1);
}
END_TEST

START_TEST(incomplete_message_passes_when_its_sender_closes)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_VRING_NUM, V1, 8 };

	send_bytes(rig.socks[FRONTEND], &hdr, 5, NULL, 0);
	vsu_fd_close(&rig.socks[FRONTEND]);
	receive(rig.socks[BACKEND], &(char[5]){ 0 }, 5, NULL);
	receive_end(rig.socks[BACKEND]);
	finish();
	ck_assert_uint_eq(rig.nmessages, 0);
	ck_assert_str_eq(rig.events[0], "closed inside a message: 5 of 12 bytes");
}
END_TEST

/* The receiver reads nothing: the sender can send no more than the sockets hold. */
START_TEST(slow_receiver_slows_the_sender)
{
	static unsigned char bytes[4096];
	const struct vhost_user_header hdr = { VHOST_USER_SET_CONFIG, V1,
					       sizeof(bytes) - sizeof(hdr) };
	const struct iovec iov = { bytes, sizeof(bytes) };
	struct pollfd p = { .fd = rig.socks[FRONTEND], .events = POLLOUT };
	unsigned int i, n = 0, limit = 64 * 1024 * 1024 / sizeof(bytes);

	memcpy(bytes, &hdr, sizeof(hdr));
	while (n < limit && poll(&p, 1, 200) == 1)
		if (vsu_sock_send(p.fd, &iov, 1, NULL, 0) == (ssize_t)sizeof(bytes))
			n++;
		else
			break;
	ck_assert_uint_lt(n, limit);
	for (i = 0; i < n; i++)
		receive(rig.socks[BACKEND], bytes, sizeof(bytes), NULL);
	finish();
	ck_assert_uint_eq(rig.nmessages, n);
}
END_TEST

START_TEST(one_closing_side_closes_the_other)
{
	const uint64_t word = 1;

	send_message(rig.socks[_i], VHOST_USER_SET_FEATURES, V1, &word, 8, NULL, 0);
	vsu_fd_close(&rig.socks[_i]);
	receive_header(rig.socks[!_i], VHOST_USER_SET_FEATURES, V1, 8, 0);
	receive(rig.socks[!_i], &(char[8]){ 0 }, 8, NULL);
	receive_end(rig.socks[!_i]);
}
END_TEST

START_TEST(half_closed_side_still_receives)
{
	ck_assert_int_eq(shutdown(rig.socks[FRONTEND], SHUT_WR), 0);
	receive_end(rig.socks[BACKEND]);
	send_message(rig.socks[BACKEND], VHOST_USER_SET_OWNER, REPLY, NULL, 0, NULL, 0);
	receive_header(rig.socks[FRONTEND], VHOST_USER_SET_OWNER, REPLY, 0, 0);
}
END_TEST

/* Messages pass without a pause, and still the relay ends. */
START_TEST(stop_is_seen_during_traffic)
{
	const struct vhost_user_header hdr = { VHOST_USER_SET_OWNER, V1, 0 };
	const struct iovec iov = { (void *)(uintptr_t)&hdr, sizeof(hdr) };
	ssize_t n = 0;
	int side;

	ck_assert_int_eq(eventfd_write(rig.stop_fd, 1), 0);
	while (n >= 0 || n == -EAGAIN)
		for (side = 0; side < VHOST_USER_SIDES; side++) {
			n = vsu_sock_send(rig.socks[side], &iov, 1, NULL, 0);
			(void)!recv(rig.socks[side], &(char[64]){ 0 }, 64, MSG_DONTWAIT);
		}
	ck_assert_int_eq(n, -ECONNRESET);
}
END_TEST

/* Bytes, lengths and descriptors at random: the relay ends, and nothing remains open. */
START_TEST(random_bytes_are_survived)
{
	unsigned int seed = (unsigned int)_i, i, j;
	unsigned char bytes[256];
	int pair[2], fds[3];
	struct iovec iov = { bytes, 0 };

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	fds[0] = pair[0];
	fds[1] = rig.socks[BACKEND];
	fds[2] = pair[1];
	for (i = 0; i < 50; i++) {
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = rand_r(&seed) % 4 ? 0 : (unsigned char)rand_r(&seed);
		bytes[0] = (unsigned char)(rand_r(&seed) % 50);
		iov.iov_len = 1 + (size_t)rand_r(&seed) % sizeof(bytes);
		(void)!vsu_sock_send(rig.socks[rand_r(&seed) & 1], &iov, 1, fds,
				     (unsigned int)rand_r(&seed) % 4);
	}
	close(pair[0]);
	close(pair[1]);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("trace");
	TCase *tc = tcase_create("trace");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, finish);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, messages_pass_in_both_directions);
	tcase_add_test(tc, descriptors_pass_as_they_are);
	tcase_add_test(tc, back_end_channel_is_relayed);
	tcase_add_test(tc, new_back_end_channel_replaces_the_old_one);
	tcase_add_test(tc, channel_of_another_kind_passes);
	tcase_add_loop_test(tc, malformed_messages_pass, 0, 2 * NMALFORMED);
	tcase_add_test(tc, long_payload_passes_unseen);
	tcase_add_test(tc, message_in_single_bytes_passes_whole);
	tcase_add_test(tc, late_descriptors_pass_at_their_byte);
	tcase_add_test(tc, incomplete_message_passes_when_its_sender_closes);
	tcase_add_test(tc, slow_receiver_slows_the_sender);
	tcase_add_loop_test(tc, one_closing_side_closes_the_other, 0, 2);
	tcase_add_test(tc, half_closed_side_still_receives);
	tcase_add_test(tc, stop_is_seen_during_traffic);
	tcase_add_loop_test(tc, random_bytes_are_survived, 0, 50);

	return run_suite(s);
}
