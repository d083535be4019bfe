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
#include <virtio-devices/blk_layout.h>
#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../server-rig.h"
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

static struct server_side side;
static struct client_side client;

/* A session on one thread, and a short sleep, after which the server polls. */
static void setup_session(void)
{
	struct virtdev_blk_config blk = { .size = sizeof(blk), .nqueues = QUEUES };
	int sock;

	server_poll_ns = 10 * US;
	ck_assert_int_eq(virtdev_disk_null_new(1 << 20, &blk.disk, NULL), 0);
	ck_assert_int_eq(virtdev_blk_new(&blk, &dev, NULL), 0);
	server_connected(&side, dev, false, &sock);
	client_take_sock(&client, &side, sock);
	client_start(&client, true);
	server = side.server;
	epfd = virtdev_vhost_user_server_fd(server);
	event = -1;
	sleep_us = 5;
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert_uint_eq(sleeps, 1);
}

static void teardown_session(void)
{
	epfd = -1;
	client_stop(&client);
	client_fini(&client);
	server_fini(&side);
}

/* Begins a read; whether the driver kicked. */
static bool read_kicks(unsigned int slot)
{
	uint64_t n = 0;

	vsu_event_drain(client.kick[0], &n);
	client_begin(&client, 0, slot, VIRTDEV_BLK_T_IN, 0);
	n = 0;
	vsu_event_drain(client.kick[0], &n);
	if (n)
		vsu_event_signal(client.kick[0]);
	return n;
}

START_TEST(driver_does_not_kick_while_the_server_polls)
{
	unsigned int i;

	ck_assert(read_kicks(0));
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert_int_eq(client_status(&client, 0, 0), VIRTDEV_BLK_S_OK);
	for (i = 1; i < 20; i++) {
		ck_assert(!read_kicks(i));
		ck_assert_int_eq(wait_for_it(false), 0);
		ck_assert_int_eq(client_status(&client, 0, i), VIRTDEV_BLK_S_OK);
		ck_assert_uint_eq(polls + sleeps, 1);
	}
}
END_TEST

/* A wait that finds nothing requests kicks, and the next one sleeps. */
START_TEST(kicks_are_requested_before_a_sleep)
{
	ck_assert(read_kicks(0));
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert_uint_eq(polls, 10);
	ck_assert_uint_eq(sleeps, 0);
	ck_assert(read_kicks(1));
	sleep_us = 100;
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert_uint_eq(sleeps, 1);
	ck_assert_int_eq(client_status(&client, 0, 1), VIRTDEV_BLK_S_OK);
	ck_assert(read_kicks(2));
}
END_TEST

/* A chain that follows the last check of the ring, and precedes the request for kicks. */
START_TEST(chain_without_a_kick_is_served_before_a_sleep)
{
	ck_assert(read_kicks(0));
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert(!read_kicks(1));
	ck_assert_int_eq(virtdev_vhost_user_server_dispatch(server), 0);
	ck_assert_int_eq(client_status(&client, 0, 1), VIRTDEV_BLK_S_OK);
	ck_assert(read_kicks(2));
	ck_assert_int_ge(virtdev_vhost_user_server_dispatch(server), 0);
	ck_assert_int_eq(client_status(&client, 0, 2), VIRTDEV_BLK_S_OK);
}
END_TEST

START_TEST(restarted_ring_requests_kicks)
{
	ck_assert(read_kicks(0));
	ck_assert_int_eq(wait_for_it(false), 0);
	ck_assert(!read_kicks(1));
	client_wait(&client);
	client_stop(&client);
	client_start(&client, true);
	ck_assert(read_kicks(2));
	client_wait(&client);
	ck_assert_int_eq(client_status(&client, 0, 2), VIRTDEV_BLK_S_OK);
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
	tc = tcase_create("session");
	tcase_add_checked_fixture(tc, setup_session, teardown_session);
	tcase_add_test(tc, driver_does_not_kick_while_the_server_polls);
	tcase_add_test(tc, kicks_are_requested_before_a_sleep);
	tcase_add_test(tc, chain_without_a_kick_is_served_before_a_sleep);
	tcase_add_test(tc, restarted_ring_requests_kicks);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
