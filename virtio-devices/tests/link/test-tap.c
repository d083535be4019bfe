/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about tap interfaces: the test replaces ioctl() and records the calls,
 * so it requires no interface.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include <virtio-devices/net_link.h>
#include <vmm-sys-util/event.h>

#include "../suite.h"
#include "link/kinds.h"

#define LANES 3u

static struct virtdev_net_link *tap;
static unsigned int attached, detached;
static int refusal;	/* errno of the next TUNSETQUEUE, or 0 */

int ioctl(int fd, unsigned long request, ...)
{
	const struct ifreq *queue;
	va_list ap;

	(void)fd;
	if (request != TUNSETQUEUE)
		return 0;
	va_start(ap, request);
	queue = va_arg(ap, const struct ifreq *);
	va_end(ap);
	attached += (queue->ifr_flags & IFF_ATTACH_QUEUE) != 0;
	detached += (queue->ifr_flags & IFF_DETACH_QUEUE) != 0;
	errno = refusal;
	return refusal ? -1 : 0;
}

static void setup(bool multi_queue)
{
	int fds[LANES];
	uint32_t i;

	attached = detached = 0;
	refusal = 0;
	for (i = 0; i < LANES; i++)
		fds[i] = vsu_event_new();
	ck_assert_int_eq(virtdev_priv_tap_take_fds(fds, LANES, multi_queue,
						   &tap, NULL), 0);
}

static int set_lane(uint32_t lane, bool on)
{
	return tap->ops.set_lane(tap->self, lane, on);
}

START_TEST(unchanged_lanes_make_no_system_call)
{
	setup(true);
	ck_assert_int_eq(set_lane(1, false), 0);
	ck_assert_int_eq(set_lane(1, false), 0);
	ck_assert_uint_eq(detached, 1);
	ck_assert_int_eq(set_lane(2, true), 0);
	ck_assert_int_eq(set_lane(2, true), 0);
	ck_assert_uint_eq(attached, 1);
	ck_assert_int_eq(set_lane(1, true), 0);
	ck_assert_uint_eq(attached, 2);
	virtdev_net_link_free(tap);
}
END_TEST

/*
 * The kernel returns EINVAL when an attached queue is attached, or a detached
 * one detached.
 */
START_TEST(lane_that_already_has_the_state_is_not_an_error)
{
	setup(true);
	refusal = EINVAL;
	ck_assert_int_eq(set_lane(1, true), 0);
	ck_assert_int_eq(set_lane(1, true), 0);
	ck_assert_uint_eq(attached, 1);
	virtdev_net_link_free(tap);
}
END_TEST

START_TEST(refused_change_is_retried)
{
	setup(true);
	refusal = EBUSY;
	ck_assert_int_eq(set_lane(1, false), -EBUSY);
	refusal = 0;
	ck_assert_int_eq(set_lane(1, false), 0);
	ck_assert_uint_eq(detached, 2);
	virtdev_net_link_free(tap);
}
END_TEST

START_TEST(first_lane_and_single_queue_stay_attached)
{
	setup(true);
	ck_assert_int_eq(set_lane(0, false), 0);
	virtdev_net_link_free(tap);
	ck_assert_uint_eq(detached, 0);
	setup(false);
	ck_assert_int_eq(set_lane(1, false), 0);
	ck_assert_uint_eq(detached, 0);
	virtdev_net_link_free(tap);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tap");
	TCase *tc = tcase_create("tap");

	tcase_add_test(tc, unchanged_lanes_make_no_system_call);
	tcase_add_test(tc, lane_that_already_has_the_state_is_not_an_error);
	tcase_add_test(tc, refused_change_is_retried);
	tcase_add_test(tc, first_lane_and_single_queue_stay_attached);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
