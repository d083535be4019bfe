/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about tap interfaces: the test replaces ioctl() and the open() of
 * /dev/net/tun, and records the calls, so it requires no interface.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/if_tun.h>

#include <virtio-devices/net_link.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "link/kinds.h"
#include "link/tap_lanes.h"

#define LANES 3u
#define N(table) (sizeof(table) / sizeof(*(table)))

static struct virtdev_net_link *tap;
static struct vsu_error err;
static unsigned int attached, detached;
static int refusal;	/* errno of the next TUNSETQUEUE, or 0 */
static int gate[2] = { -1, -1 };	/* a detach waits for a byte, if it is open */
static int no_device;	/* errno of /dev/net/tun */
static unsigned long refused;	/* a request that fails with refused_with */
static int refused_with;
static unsigned int opened, open_max;	/* queues; the next TUNSETIFF fails */
static bool needs_multi_queue;	/* TUNSETIFF fails without that flag */
static short interface_flags;	/* of TUNGETIFF */
static unsigned long supported;	/* offloads of this kernel */
static unsigned long offloads;	/* last set */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	if (strcmp(path, "/dev/net/tun"))
		return __real_open(path, flags, 0600);
	errno = no_device;
	return no_device ? -1 : vsu_event_new();
}

static int code_of(int code)
{
	errno = code;
	return code ? -1 : 0;
}

static int queue_open(const struct ifreq *queue)
{
	if (needs_multi_queue && !(queue->ifr_flags & IFF_MULTI_QUEUE))
		return code_of(EINVAL);
	return code_of(opened++ < open_max ? 0 : refused_with);
}

static int queue_set(const struct ifreq *queue)
{
	const bool on = queue->ifr_flags & IFF_ATTACH_QUEUE;
	char byte;

	__atomic_fetch_add(on ? &attached : &detached, 1, __ATOMIC_ACQ_REL);
	if (!on && gate[0] >= 0 && read(gate[0], &byte, 1) != 1)
		return code_of(EIO);
	return code_of(refusal);
}

static int offloads_set(unsigned long flags)
{
	offloads = flags;
	return code_of(flags & ~supported ? EINVAL : 0);
}

int ioctl(int fd, unsigned long request, ...)
{
	union { struct ifreq *queue; unsigned long flags; } arg;
	va_list ap;

	(void)fd;
	va_start(ap, request);
	arg.flags = va_arg(ap, unsigned long);
	va_end(ap);
	if (request == refused)
		return code_of(refused_with);
	switch (request) {
	case TUNSETIFF:
		return queue_open(arg.queue);
	case TUNSETQUEUE:
		return queue_set(arg.queue);
	case TUNSETOFFLOAD:
		return offloads_set(arg.flags);
	case TUNGETIFF:
		arg.queue->ifr_flags = interface_flags;
	}
	return 0;
}

static void reset(void)
{
	attached = detached = opened = 0;
	refusal = no_device = refused_with = 0;
	refused = 0;
	open_max = LANES;
	needs_multi_queue = false;
	supported = ~0ul;
	tap = NULL;
	vsu_error_clear(&err);
}

static void setup(bool multi_queue)
{
	int fds[LANES];
	uint32_t i;

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

/* -------------------------------------------------------- a thread that detaches */

struct rig {
	struct tap_lanes lanes;
	pthread_t thread;
};

static void *work(void *arg)
{
	virtdev_priv_tap_lanes_work(arg);
	return NULL;
}

static bool works(struct tap_lanes *t)
{
	bool yes;

	pthread_mutex_lock(&t->lock);
	yes = t->workers;
	pthread_mutex_unlock(&t->lock);
	return yes;
}

static void rig_init(struct rig *r)
{
	const int fds[LANES] = { -1, -1, -1 };

	ck_assert_int_eq(pipe(gate), 0);
	ck_assert_int_eq(virtdev_priv_tap_lanes_init(&r->lanes, fds, LANES), 0);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r->lanes, 1, true), 0);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r->lanes, 2, true), 0);
	ck_assert_int_eq(pthread_create(&r->thread, NULL, work, &r->lanes), 0);
	while (!works(&r->lanes))
		sched_yield();
}

static void wait_for_detach(unsigned int n)
{
	while (__atomic_load_n(&detached, __ATOMIC_ACQUIRE) < n)
		sched_yield();
}

/* Ends the detach in progress. */
static void gate_open(void)
{
	ck_assert_int_eq(write(gate[1], "", 1), 1);
}

static void rig_fini(struct rig *r)
{
	virtdev_priv_tap_lanes_work_end(&r->lanes);
	pthread_join(r->thread, NULL);
	virtdev_priv_tap_lanes_fini(&r->lanes);
	vsu_fd_close(&gate[0]);
	vsu_fd_close(&gate[1]);
}

START_TEST(a5_15_thread_waits_for_the_kernel_in_place_of_the_caller)
{
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 1, false), 0);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 2, false), 0);
	wait_for_detach(1);
	gate_open();
	wait_for_detach(2);
	gate_open();
	rig_fini(&r);
	ck_assert_int_eq(r.lanes.busy, 0);
}
END_TEST

START_TEST(lane_that_is_used_again_is_not_detached)
{
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 1, false), 0);
	wait_for_detach(1);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 2, false), 0);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 2, true), 0);
	gate_open();
	rig_fini(&r);
	ck_assert_uint_eq(detached, 1);
	ck_assert_uint_eq(attached, 2);
}
END_TEST

START_TEST(lane_is_attached_after_its_detach_in_progress)
{
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 1, false), 0);
	wait_for_detach(1);
	gate_open();
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 1, true), 0);
	ck_assert_uint_eq(attached, 3);
	rig_fini(&r);
}
END_TEST

START_TEST(ended_thread_leaves_posted_lanes)
{
	struct rig r;

	rig_init(&r);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 1, false), 0);
	wait_for_detach(1);
	ck_assert_int_eq(virtdev_priv_tap_lanes_set(&r.lanes, 2, false), 0);
	virtdev_priv_tap_lanes_work_end(&r.lanes);
	gate_open();
	rig_fini(&r);
	ck_assert_uint_eq(detached, 1);
}
END_TEST

static int open_tap(uint32_t lanes)
{
	const struct virtdev_net_tap t = {
		.size = sizeof(t), .name = "t0", .lanes = lanes,
	};

	return virtdev_net_tap_open(&t, &tap, &err);
}

static const struct {
	int code;
	uint32_t lanes;
	int rc;
	const char *message;
} refusals[] = {
	{ EPERM, 1, -EPERM, "tap 't0' does not belong to this user" },
	{ EBUSY, 1, -EBUSY, "tap 't0' is in use by another program" },
	{ EINVAL, 1, -EBUSY, "'t0' is not a tap interface" },
	{ EINVAL, 2, -EBUSY, "was created for one queue only" },
	{ ENOMEM, 1, -ENOMEM, "tap 't0': " },
};

START_TEST(refused_interface_is_explained)
{
	const int fds = vsu_fd_count();

	open_max = 0;
	refused_with = refusals[_i].code;
	ck_assert_int_eq(open_tap(refusals[_i].lanes), refusals[_i].rc);
	ck_assert_msg(strstr(err.msg, refusals[_i].message) != NULL, "%s", err.msg);
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

START_TEST(queues_before_a_refused_one_are_closed)
{
	const int fds = vsu_fd_count();

	open_max = LANES - 1;
	refused_with = EBUSY;
	ck_assert_int_eq(open_tap(LANES), -EBUSY);
	ck_assert_uint_eq(opened, LANES);
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

static const struct { int code; const char *message; } nodes[] = {
	{ ENOENT, "tap 't0': cannot open /dev/net/tun: No such file or directory; load the kernel module 'tun', or use a socket" },
	{ ENODEV, "tap 't0': cannot open /dev/net/tun: No such device; load the kernel module 'tun', or use a socket" },
	{ EACCES, "tap 't0': cannot open /dev/net/tun: Permission denied; change its mode, or use a socket" },
	{ EPERM, "tap 't0': cannot open /dev/net/tun: Operation not permitted; permit this device to the container, or use a socket" },
	{ EMFILE, "tap 't0': cannot open /dev/net/tun: Too many open files" },
	{ EINVAL, "tap 't0': cannot open /dev/net/tun: Invalid argument" },
};

START_TEST(host_without_tap_interfaces_is_named)
{
	no_device = nodes[_i].code;
	ck_assert_int_eq(open_tap(1), -no_device);
	ck_assert_str_eq(err.msg, nodes[_i].message);
}
END_TEST

START_TEST(interface_of_several_queues_is_opened_with_one)
{
	needs_multi_queue = true;
	ck_assert_int_eq(open_tap(1), 0);
	ck_assert_uint_eq(tap->info.lanes, 1);
	ck_assert_int_eq(set_lane(0, false), 0);
	virtdev_net_link_free(tap);
}
END_TEST

static const unsigned long header_requests[] = { TUNSETVNETHDRSZ, TUNSETVNETLE };

START_TEST(kernel_without_our_header_is_refused)
{
	const int fds = vsu_fd_count();

	refused = header_requests[_i];
	refused_with = EINVAL;
	ck_assert_int_eq(open_tap(LANES), -EINVAL);
	ck_assert_msg(strstr(err.msg, "tap interface") != NULL, "%s", err.msg);
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

#define PLAIN (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6)
#define PLAIN_FEATURES (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM | \
			VIRTDEV_NET_F_HOST_TSO4 | VIRTDEV_NET_F_HOST_TSO6 | \
			VIRTDEV_NET_F_GUEST_TSO4 | VIRTDEV_NET_F_GUEST_TSO6)

static const struct { unsigned long supported; uint64_t features; } kernels[] = {
	{ 0, 0 },
	{ PLAIN, PLAIN_FEATURES },
	{ PLAIN | TUN_F_TSO_ECN,
	  PLAIN_FEATURES | VIRTDEV_NET_F_HOST_ECN | VIRTDEV_NET_F_GUEST_ECN },
	{ PLAIN | TUN_F_UFO,
	  PLAIN_FEATURES | VIRTDEV_NET_F_HOST_UFO | VIRTDEV_NET_F_GUEST_UFO },
};

START_TEST(offloads_are_those_that_the_kernel_accepts)
{
	supported = kernels[_i].supported;
	ck_assert_int_eq(open_tap(1), 0);
	ck_assert_uint_eq(tap->info.offloads, kernels[_i].features);
	ck_assert_uint_eq(offloads, 0);
	virtdev_net_link_free(tap);
}
END_TEST

#define CSUM VIRTDEV_NET_F_GUEST_CSUM

static const struct { uint64_t features; unsigned long flags; } drivers[] = {
	{ 0, 0 },
	{ CSUM, TUN_F_CSUM },
	{ VIRTDEV_NET_F_GUEST_TSO4, 0 },	/* depends on checksums */
	{ CSUM | VIRTDEV_NET_F_GUEST_TSO6, TUN_F_CSUM | TUN_F_TSO6 },
	{ CSUM | VIRTDEV_NET_F_GUEST_ECN, TUN_F_CSUM },
	{ CSUM | VIRTDEV_NET_F_GUEST_TSO4 | VIRTDEV_NET_F_GUEST_ECN,
	  TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO_ECN },
	{ CSUM | VIRTDEV_NET_F_GUEST_USO4, TUN_F_CSUM },
	{ CSUM | VIRTDEV_NET_F_GUEST_USO4 | VIRTDEV_NET_F_GUEST_USO6,
	  TUN_F_CSUM | 0x60 },
};

START_TEST(kernel_gets_offloads_in_combinations_that_it_accepts)
{
	ck_assert_int_eq(open_tap(1), 0);
	ck_assert_int_eq(tap->ops.set_offloads(tap->self, drivers[_i].features), 0);
	ck_assert_uint_eq(offloads, drivers[_i].flags);
	supported = 0;
	ck_assert_int_eq(tap->ops.set_offloads(tap->self, drivers[_i].features),
			 drivers[_i].flags ? -EINVAL : 0);
	virtdev_net_link_free(tap);
}
END_TEST

static const struct { int flags; const char *name; } interfaces[] = {
	{ IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, "tap" },
	{ IFF_TAP | IFF_NO_PI, "packets" },
	{ IFF_TAP | IFF_VNET_HDR, NULL },
	{ IFF_TUN | IFF_NO_PI, NULL },
	{ 0, NULL },
};

/* The type of the descriptor is that of an interface: a character device. */
START_TEST(descriptor_of_an_interface_is_accepted_by_its_flags)
{
	const int fd = open("/dev/null", O_RDWR | O_CLOEXEC), fds = vsu_fd_count();
	int rc;

	interface_flags = (short)interfaces[_i].flags;
	rc = virtdev_net_link_from_fd(fd, &tap, &err);
	if (interfaces[_i].name) {
		ck_assert_int_eq(rc, 0);
		ck_assert_str_eq(virtdev_priv_link_name(tap), interfaces[_i].name);
		virtdev_net_link_free(tap);
	} else {
		ck_assert_int_eq(rc, -EINVAL);
		ck_assert_msg(strstr(err.msg, "an interface, but not a tap interface") != NULL, "%s", err.msg);
	}
	ck_assert_int_eq(vsu_fd_count(), fds);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("tap");
	TCase *tc = tcase_create("tap");

	tcase_add_checked_fixture(tc, reset, NULL);
	tcase_add_test(tc, unchanged_lanes_make_no_system_call);
	tcase_add_test(tc, lane_that_already_has_the_state_is_not_an_error);
	tcase_add_test(tc, refused_change_is_retried);
	tcase_add_test(tc, first_lane_and_single_queue_stay_attached);
	tcase_add_test(tc, a5_15_thread_waits_for_the_kernel_in_place_of_the_caller);
	tcase_add_test(tc, lane_that_is_used_again_is_not_detached);
	tcase_add_test(tc, lane_is_attached_after_its_detach_in_progress);
	tcase_add_test(tc, ended_thread_leaves_posted_lanes);
	tcase_add_loop_test(tc, refused_interface_is_explained, 0, N(refusals));
	tcase_add_test(tc, queues_before_a_refused_one_are_closed);
	tcase_add_loop_test(tc, host_without_tap_interfaces_is_named, 0, N(nodes));
	tcase_add_test(tc, interface_of_several_queues_is_opened_with_one);
	tcase_add_loop_test(tc, kernel_without_our_header_is_refused, 0, N(header_requests));
	tcase_add_loop_test(tc, offloads_are_those_that_the_kernel_accepts, 0, N(kernels));
	tcase_add_loop_test(tc, kernel_gets_offloads_in_combinations_that_it_accepts, 0, N(drivers));
	tcase_add_loop_test(tc, descriptor_of_an_interface_is_accepted_by_its_flags, 0, N(interfaces));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
