/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about busy-waiting of a server before it sleeps. The test replaces
 * clock and sleeps: a poll takes a microsecond, a sleep as long as the test
 * sets.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include <virtio-devices/blk.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../suite.h"

#define US 1000u

static struct virtdev_vhost_user_server *server;
static struct virtdev *dev;
static int pair[2], event, epfd;
static uint64_t now, sleep_us;
static unsigned int polls, sleeps;

#pragma GCC visibility push(default)
int __real_epoll_wait(int fd, struct epoll_event *events, int max, int ms);
int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms);
uint64_t __wrap_vsu_now_ns(void);
#pragma GCC visibility pop

int __wrap_epoll_wait(int fd, struct epoll_event *events, int max, int ms)
{
	if (fd == epfd) {
		polls += !ms;
		sleeps += !!ms;
		now += (ms ? sleep_us : 1) * US;
	}
	return __real_epoll_wait(fd, events, max, 0);
}

uint64_t __wrap_vsu_now_ns(void)
{
	return now;
}

static int make(bool threaded, uint64_t poll_max_ns, struct vsu_error *err)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = dev, .threaded = threaded,
		.poll_max_ns = poll_max_ns,
	};

	return virtdev_vhost_user_server_new(&config, pair[1], &server, err);
}

static void setup(void)
{
	struct virtdev_blk_config blk = { .size = sizeof(blk) };

	ck_assert_int_eq(virtdev_disk_null_new(4096, &blk.disk, NULL), 0);
	ck_assert_int_eq(virtdev_blk_new(&blk, &dev, NULL), 0);
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	event = vsu_event_new();
	epfd = -1;
	polls = sleeps = 0;
}

static void teardown(void)
{
	ck_assert_int_eq(virtdev_vhost_user_server_stop(server), 0);
	virtdev_vhost_user_server_free(server);
	server = NULL;
	virtdev_free(dev);
	vsu_fd_close(&event);
	vsu_fd_close(&pair[0]);
	vsu_fd_close(&pair[1]);
}

static void begin(bool threaded, uint64_t poll_max_ns)
{
	ck_assert_int_eq(make(threaded, poll_max_ns, NULL), 0);
	epfd = threaded ? virtdev_vhost_user_server_queue_fd(server, 0) :
			  virtdev_vhost_user_server_fd(server);
}

/* Waits once; counts the polls and sleeps of this wait. */
static int wait_for_it(bool threaded)
{
	polls = sleeps = 0;
	return threaded ?
	       virtdev_vhost_user_server_queue_wait(server, 0, event, -1) :
	       virtdev_vhost_user_server_wait(server, event, -1);
}

START_TEST(no_polling_without_configuration)
{
	int i;

	begin(_i, 0);
	sleep_us = 1;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(wait_for_it(_i), 0);
	ck_assert_uint_eq(polls, 0);
	ck_assert_uint_eq(sleeps, 1);
}
END_TEST

START_TEST(short_sleep_is_followed_by_polling_and_a_long_one_by_sleep)
{
	begin(_i, 10 * US);
	sleep_us = 5;
	ck_assert_int_eq(wait_for_it(_i), 0);
	ck_assert_uint_eq(polls, 0);
	ck_assert_int_eq(wait_for_it(_i), 0);
	ck_assert_uint_eq(polls, 10);
	ck_assert_uint_eq(sleeps, 1);
	/* polls and sleep together were longer */
	sleep_us = 10;
	ck_assert_int_eq(wait_for_it(_i), 0);
	ck_assert_uint_eq(polls, 0);
	ck_assert_int_eq(wait_for_it(_i), 0);
	ck_assert_uint_eq(polls, 0);
	ck_assert_uint_eq(sleeps, 1);
}
END_TEST

START_TEST(event_found_by_polling_is_returned_without_a_sleep)
{
	begin(_i, 10 * US);
	sleep_us = 5;
	ck_assert_int_eq(wait_for_it(_i), 0);
	vsu_event_signal_own(event);
	ck_assert_int_eq(wait_for_it(_i), 1);
	ck_assert_uint_eq(polls, 1);
	ck_assert_uint_eq(sleeps, 0);
}
END_TEST

START_TEST(polling_for_more_than_a_millisecond_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(make(false, VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT + 1,
			      &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "1000001 ns"));
	begin(false, VIRTDEV_VHOST_USER_SERVER_POLL_LIMIT);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("polling of a server");
	TCase *tc = tcase_create("wait");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, no_polling_without_configuration, 0, 2);
	tcase_add_loop_test(tc, short_sleep_is_followed_by_polling_and_a_long_one_by_sleep,
			    0, 2);
	tcase_add_loop_test(tc, event_found_by_polling_is_returned_without_a_sleep, 0, 2);
	tcase_add_test(tc, polling_for_more_than_a_millisecond_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
