/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about waits of the agent for what the kernel makes. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "../suite.h"
#include "init/agent.h"

static unsigned int checks, polls;
static unsigned int present_at;		/* the check that finds it; 0: none */
static bool has_network;		/* the kernel has sockets for events */
static int event;			/* the end of a socket that the test writes to, or -1 */

#pragma GCC visibility push(default)
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_bind(int fd, const struct sockaddr *address, socklen_t len);
int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len);
int __real_poll(struct pollfd *fds, nfds_t n, int ms);
int __wrap_poll(struct pollfd *fds, nfds_t n, int ms);
#pragma GCC visibility pop

/* The kernel's events come from the test. */
int __wrap_socket(int domain, int type, int protocol)
{
	int pair[2];

	if (domain != AF_NETLINK)
		return __real_socket(domain, type, protocol);
	errno = EPROTONOSUPPORT;
	if (!has_network || socketpair(AF_UNIX, type, 0, pair) < 0)
		return -1;
	event = pair[1];
	return pair[0];
}

int __wrap_bind(int fd, const struct sockaddr *address, socklen_t len)
{
	return address->sa_family == AF_NETLINK ? 0 : __real_bind(fd, address, len);
}

int __wrap_poll(struct pollfd *fds, nfds_t n, int ms)
{
	polls++;
	return __real_poll(fds, n, ms);
}

static bool is_there(void *opaque)
{
	(void)opaque;
	checks++;
	if (event >= 0 && checks == 1)
		ck_assert_int_eq(write(event, "add@/devices/a", 14), 14);
	return checks == present_at;
}

static void setup(void)
{
	checks = polls = 0;
	present_at = 0;
	has_network = true;
	event = -1;
}

static void teardown(void)
{
	if (event >= 0)
		close(event);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

START_TEST(what_is_there_is_not_awaited)
{
	present_at = 1;
	ck_assert(vagent_init_await(is_there, NULL, 30000));
	ck_assert_uint_eq(polls, 0);
}
END_TEST

/* Between the first check and the wait */
START_TEST(event_ends_the_wait)
{
	const int64_t begun = now_ms();

	present_at = 2;
	ck_assert(vagent_init_await(is_there, NULL, 30000));
	ck_assert_uint_eq(polls, 1);
	ck_assert_int_lt(now_ms() - begun, 900);
}
END_TEST

/* By the clock: neither by the number of its checks, nor by that of its sleeps. */
START_TEST(wait_ends_at_its_time)
{
	const int64_t begun = now_ms();

	ck_assert(!vagent_init_await(is_there, NULL, 60));
	ck_assert_int_ge(now_ms() - begun, 60);
	ck_assert_uint_le(checks, 4);
}
END_TEST

START_TEST(kernel_without_networks_is_asked_again)
{
	has_network = false;
	present_at = 5;
	ck_assert(vagent_init_await(is_there, NULL, 30000));
	ck_assert_uint_eq(polls, 4);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("await");
	TCase *t = tcase_create("await");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, what_is_there_is_not_awaited);
	tcase_add_test(t, event_ends_the_wait);
	tcase_add_test(t, wait_ends_at_its_time);
	tcase_add_test(t, kernel_without_networks_is_asked_again);
	suite_add_tcase(s, t);
	return run_suite(s);
}
