/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the kinds of descriptors that are accepted from a peer. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/foreign.h>

#include "../suite.h"
#include "wire/descriptor.h"

static int make_event(void)
{
	return eventfd(0, 0);
}

static int make_pipe_end(int i)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	close(ends[!i]);
	return ends[i];
}

static int make_reader(void)
{
	return make_pipe_end(0);
}

static int make_writer(void)
{
	return make_pipe_end(1);
}

static int make_memfd(void)
{
	return memfd_create("m", 0);
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_epoll(void)
{
	return epoll_create1(0);
}

static int make_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int make_directory(void)
{
	return open("/", O_RDONLY);
}

static int make_program(void)
{
	return open("/proc/self/exe", O_RDONLY);
}

static int make_path(void)
{
	return open("/dev/null", O_PATH);
}

enum { KICK = 1, CALL = 2, FILE_TO_MAP = 4 };

static const struct sample {
	int (*make)(void);
	unsigned int good_for;
	const char *word;	/* expected in the error text */
} samples[] = {
	{ make_event, KICK | CALL, "an eventfd" },
	{ make_reader, KICK, "pipe" },
	{ make_writer, CALL, "pipe" },
	{ make_memfd, FILE_TO_MAP, "shared memory" },
	{ make_program, FILE_TO_MAP, "a regular file" },
	{ make_socket, 0, "a socket" },
	{ make_epoll, 0, "an epoll" },
	{ make_timer, 0, "an object of the kernel" },
	{ make_directory, 0, "a directory" },
	{ make_path, 0, "only a path" },
};

static void expect(int rc, bool good, const struct vsu_error *err,
		   const char *word)
{
	ck_assert_int_eq(rc, good ? 0 : -EBADMSG);
	if (good)
		return;
	ck_assert_int_eq(strncmp(err->msg, "NAME: ", 6), 0);
	ck_assert_msg(strstr(err->msg, word) != NULL, "%s", err->msg);
}

START_TEST(b1_12_descriptor_must_suit_its_purpose)
{
	const struct sample *s = &samples[_i];
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = s->make();

	ck_assert_int_ge(fd, 0);
	expect(vhost_user_priv_check_event(fd, O_WRONLY, "NAME", &err),
	       s->good_for & KICK, &err, s->word);
	expect(vhost_user_priv_check_event(fd, O_RDONLY, "NAME", &err),
	       s->good_for & CALL, &err, s->word);
	expect(vhost_user_priv_check_file(fd, false, "NAME", &err),
	       s->good_for & FILE_TO_MAP, &err, s->word);
	close(fd);
}
END_TEST

/* The kind of the descriptor, as recognised without asking a server. */
static int kind = -1;

int __real_vsu_foreign_kind(int fd);
int __wrap_vsu_foreign_kind(int fd);
int __wrap_vsu_foreign_kind(int fd)
{
	return kind < 0 ? __real_vsu_foreign_kind(fd) : kind;
}

/* A file on FUSE or a network: calls on it may wait for its server. */
START_TEST(b5_13_file_of_a_file_server_is_accepted_only_where_allowed)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int fd = make_memfd();

	kind = VSU_FOREIGN_SERVED;
	ck_assert_int_eq(vhost_user_priv_check_file(fd, true, "NAME", &err), 0);
	expect(vhost_user_priv_check_file(fd, false, "NAME", &err), false, &err,
	       "an unresponsive server would block this program");
	expect(vhost_user_priv_check_event(fd, O_WRONLY, "NAME", &err), false, &err,
	       vsu_foreign_name(VSU_FOREIGN_SERVED));
	expect(vhost_user_priv_check_stream(fd, O_WRONLY, "NAME", &err), false, &err,
	       vsu_foreign_name(VSU_FOREIGN_SERVED));
	kind = -1;
	close(fd);
}
END_TEST

/* Each kind of stream, at the end that reads (_i of 0) or writes. */
START_TEST(state_descriptor_must_have_the_right_direction)
{
	const int unusable = _i ? O_RDONLY : O_WRONLY;
	struct vsu_error err = VSU_ERROR_INIT;
	int good = make_pipe_end(_i), bad = make_pipe_end(!_i), file = make_memfd();

	ck_assert_int_eq(vhost_user_priv_check_stream(good, unusable, "NAME", &err), 0);
	ck_assert_int_eq(vhost_user_priv_check_stream(file, unusable, "NAME", &err), 0);
	expect(vhost_user_priv_check_stream(bad, unusable, "NAME", &err), false, &err,
	       _i ? "cannot be written" : "cannot be read");
	expect(vhost_user_priv_check_stream(make_directory(), unusable, "NAME", &err),
	       false, &err, "a pipe is needed");
	close(good);
	close(bad);
	close(file);
}
END_TEST

static int listening(struct sockaddr_un *at, socklen_t *len)
{
	int fd = make_socket();

	at->sun_family = AF_UNIX;
	*len = sizeof(*at);
	/* an abstract address, chosen by the kernel */
	ck_assert_int_eq(bind(fd, (struct sockaddr *)at, sizeof(sa_family_t)), 0);
	ck_assert_int_eq(listen(fd, 2), 0);
	getsockname(fd, (struct sockaddr *)at, len);
	return fd;
}

START_TEST(b5_14_own_connection_is_refused_as_back_end_channel)
{
	struct sockaddr_un at = { 0 };
	socklen_t len;
	int listener = listening(&at, &len), own, other, main, pair[2];

	own = make_socket();
	ck_assert_int_eq(connect(own, (struct sockaddr *)&at, len), 0);
	main = accept(listener, NULL, NULL);
	other = make_socket();
	ck_assert_int_eq(connect(other, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(vhost_user_priv_check_socket(own, main, "NAME", NULL),
			 -EBADMSG);
	ck_assert_int_eq(vhost_user_priv_check_socket(other, main, "NAME", NULL),
			 -EBADMSG);
	ck_assert_int_eq(vhost_user_priv_check_socket(listener, main, "NAME",
						      NULL), -EBADMSG);
	ck_assert_int_eq(vhost_user_priv_check_socket(pair[0], main, "NAME",
						      NULL), 0);
}
END_TEST

START_TEST(back_end_channel_must_be_a_stream_socket)
{
	int pair[2], memfd = make_memfd();

	ck_assert_int_eq(vhost_user_priv_check_socket(memfd, -1, "NAME", NULL),
			 -EBADMSG);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
	ck_assert_int_eq(vhost_user_priv_check_socket(pair[0], -1, "NAME", NULL),
			 -EBADMSG);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(vhost_user_priv_check_socket(pair[0], pair[1], "NAME",
						      NULL), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("descriptor");
	TCase *tc = tcase_create("descriptor");

	tcase_add_loop_test(tc, b1_12_descriptor_must_suit_its_purpose, 0,
			    sizeof(samples) / sizeof(*samples));
	tcase_add_test(tc, b5_13_file_of_a_file_server_is_accepted_only_where_allowed);
	tcase_add_loop_test(tc, state_descriptor_must_have_the_right_direction, 0, 2);
	tcase_add_test(tc, b5_14_own_connection_is_refused_as_back_end_channel);
	tcase_add_test(tc, back_end_channel_must_be_a_stream_socket);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
