/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about serving a device by one call, and about accepting again. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../image.h"
#include "../suite.h"

static struct virtdev *dev;
static int stop;
static struct vsu_error reported, drops;
static unsigned int reports;
static pthread_mutex_t report_lock = PTHREAD_MUTEX_INITIALIZER;
static struct vsu_error err;

/* The time that the library sees; 0: the real one. */
static uint64_t frozen;

uint64_t __real_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	const uint64_t now = __atomic_load_n(&frozen, __ATOMIC_RELAXED);

	return now ? now : __real_vsu_now_ns();
}

static void setup(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "nothing",
	};
	const struct virtdev_info info = { .id = 4, .nqueues = 1,
					   .queue_size_max = 64 };

	folder_init("/tmp");
	err = (struct vsu_error)VSU_ERROR_INIT;
	reports = 0;
	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &dev, NULL), 0);
	stop = vsu_event_new();
	ck_assert_int_ge(stop, 0);
}

static void teardown(void)
{
	virtdev_free(dev);
	vsu_fd_close(&stop);
	folder_fini();
}

/* Called on the thread of serve(), before it answers the next request. */
static void on_report(void *opaque, struct virtdev *device,
		      const struct vsu_error *what)
{
	(void)opaque;
	ck_assert_ptr_eq(device, dev);
	pthread_mutex_lock(&report_lock);
	reported = *what;
	if (what->code == -ENOSPC)
		drops = *what;
	reports++;
	pthread_mutex_unlock(&report_lock);
}

/* The number of reports so far; *LAST is the last one. */
static unsigned int get_reports(struct vsu_error *last)
{
	unsigned int count;

	pthread_mutex_lock(&report_lock);
	*last = reported;
	count = reports;
	pthread_mutex_unlock(&report_lock);
	return count;
}

static void *serve(void *opaque)
{
	*(int *)opaque = virtdev_vhost_user_serve(dev, "socket", stop,
						  on_report, NULL, &err);
	return NULL;
}

/* Connects as soon as the server listens. */
static int connect_socket(void)
{
	int fd;

	do
		fd = vsu_sock_connect("socket", NULL);
	while (fd < 0);
	return fd;
}

/* Sends GET_FEATURES and reads the reply: a header and 64 bits. */
static void ask(int fd)
{
	static const uint32_t request[3] = { 1, 1, 0 };
	uint32_t answer[5];
	size_t got = 0;
	ssize_t n;

	ck_assert_int_eq(write(fd, request, sizeof(request)),
			 sizeof(request));
	while (got < sizeof(answer)) {
		struct pollfd p = { fd, POLLIN, 0 };

		poll(&p, 1, -1);
		n = read(fd, (char *)answer + got, sizeof(answer) - got);
		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_uint_eq(answer[0], 1);
}

START_TEST(front_ends_are_served_in_turn_until_stopped)
{
	pthread_t thread;
	int i, fd, rc = 1;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve, &rc), 0);
	for (i = 0; i < 3; i++) {
		fd = connect_socket();
		ask(fd);
		if (i < 2)
			vsu_fd_close(&fd);
	}
	/* while a front-end is connected */
	vsu_event_signal(stop);
	pthread_join(thread, NULL);
	vsu_fd_close(&fd);
	ck_assert_msg(rc == 0, "%d: %s", rc, err.msg);
	ck_assert_int_ne(access("socket", F_OK), 0);
}
END_TEST

/* Sends SET_FEATURES with bits that were not offered. */
static void refuse(int fd)
{
	static const uint32_t request[5] = { 2, 1, 8, UINT32_MAX, UINT32_MAX };

	ck_assert_int_eq(write(fd, request, sizeof(request)),
			 sizeof(request));
}

START_TEST(refusals_and_failed_sessions_are_reported)
{
	static const uint32_t garbage[3] = { 1, 0xff, UINT32_MAX };
	struct vsu_error last;
	pthread_t thread;
	int fd, rc = 1;

	ck_assert_int_eq(pthread_create(&thread, NULL, serve, &rc), 0);
	fd = connect_socket();
	refuse(fd);
	ask(fd);
	ck_assert_uint_eq(get_reports(&last), 1);
	ck_assert_int_lt(last.code, 0);
	ck_assert_ptr_nonnull(strstr(last.msg, "SET_FEATURES"));
	ck_assert_int_eq(write(fd, garbage, sizeof(garbage)), sizeof(garbage));
	vsu_fd_close(&fd);
	fd = connect_socket();
	ask(fd);
	ck_assert_uint_eq(get_reports(&last), 2);
	vsu_fd_close(&fd);
	fd = connect_socket();
	ask(fd);
	ck_assert_uint_eq(get_reports(&last), 2);
	vsu_event_signal(stop);
	pthread_join(thread, NULL);
	vsu_fd_close(&fd);
	ck_assert_int_eq(rc, 0);
}
END_TEST

/* The end of the period reports the number of those that were dropped. */
START_TEST(d4_07_repeated_refusals_are_counted)
{
	const unsigned int n = 50;
	struct vsu_error last;
	pthread_t thread;
	unsigned int i;
	int fd, rc = 1;

	frozen = vsu_now_ns();
	ck_assert_int_eq(pthread_create(&thread, NULL, serve, &rc), 0);
	fd = connect_socket();
	for (i = 0; i < n; i++)
		refuse(fd);
	ask(fd);
	ck_assert_uint_eq(get_reports(&last), 10);
	__atomic_store_n(&frozen, frozen + UINT64_C(10000000000), __ATOMIC_RELAXED);
	refuse(fd);
	ask(fd);
	ck_assert_uint_eq(get_reports(&last), 12);
	ck_assert_ptr_nonnull(strstr(last.msg, "SET_FEATURES"));
	ck_assert_str_eq(drops.msg, "40 further reports in 10 seconds were dropped");
	vsu_event_signal(stop);
	pthread_join(thread, NULL);
	vsu_fd_close(&fd);
	ck_assert_int_eq(rc, 0);
	ck_assert_uint_eq(get_reports(&last), 12);
}
END_TEST

START_TEST(unusable_path_is_an_error)
{
	int listener = vsu_sock_listen("socket", 1, &err);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_lt(virtdev_vhost_user_serve(dev, "socket", stop, NULL,
						  NULL, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use"));
	ck_assert_int_eq(access("socket", F_OK), 0);
	ck_assert_int_eq(virtdev_vhost_user_serve(dev, "none/socket", stop,
						  NULL, NULL, &err), -ENOENT);
	vsu_fd_close(&listener);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("serve");
	TCase *tc = tcase_create("serve");

	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, front_ends_are_served_in_turn_until_stopped);
	tcase_add_test(tc, refusals_and_failed_sessions_are_reported);
	tcase_add_test(tc, d4_07_repeated_refusals_are_counted);
	tcase_add_test(tc, unusable_path_is_an_error);
	return run_suite(suite);
}
