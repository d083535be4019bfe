/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the kernel's own /dev/vhost-vsock; skipped if it is absent. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <vhost/kernel.h>
#include <virtio-queue/queue.h>
#include <vm-memory/access.h>
#include <vm-memory/iotlb.h>
#include <vmm-sys-util/endian.h>

#include "../suite.h"

#define NODE "/dev/vhost-vsock"
#define GPA UINT64_C(0x100000)
#define LEN UINT64_C(0x10000)
#define DESC(i) (GPA + 0x4000 * (i) + 0x1000)
#define DRIVER(i) (GPA + 0x4000 * (i) + 0x2000)
#define DEVICE(i) (GPA + 0x4000 * (i) + 0x3000)
#define PACKET (GPA + 0xc000)
#define HEADER 44u	/* size of a packet header, VIRTIO 1.3, 5.10.6 */
#define PATIENCE 20000	/* ms; the kernel's worker is a separate thread */
#define RESTARTS 100	/* the kernel's worker races with each of them */

/* Ring 1 is the driver's transmit ring. */
static struct vhost_kern *k;
static struct vmem_map *map;
static int kick, call, err_fd;

static const struct vmem_view *view(void)
{
	return vmem_map_view(map);
}

static void setup(void)
{
	const struct vhost_kern_config config = {
		.size = sizeof(config), .kind = VHOST_KERN_VSOCK,
		.tap_fd = -1, .cid = 0x43564d4d,
	};
	struct vsu_error err = VSU_ERROR_INIT;

	kick = eventfd(0, EFD_NONBLOCK);
	call = eventfd(0, EFD_NONBLOCK);
	err_fd = eventfd(0, EFD_NONBLOCK);
	ck_assert_int_eq(vmem_map_from_properties("size=64K,backend=memfd", GPA,
						  NULL, &map, NULL), 0);
	if (vhost_kern_open(&config, &k, &err) < 0)
		ck_abort_msg("%s", err.msg);
	ck_assert_int_eq(vhost_kern_set_memory(k, map, NULL), 0);
}

static void teardown(void)
{
	vhost_kern_free(k);
	vmem_map_unref(map);
	close(kick);
	close(call);
	close(err_fd);
}

/* Starts the device with this base for ring 1. */
static void start_at(uint64_t features, uint32_t base)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_user_ring ring = {
		.size = 16, .err_fd = err_fd,
	};
	uint32_t i;
	int rc;

	for (i = 0; i < VHOST_KERN_RINGS; i++) {
		ring.desc_gpa = DESC(i);
		ring.driver_gpa = DRIVER(i);
		ring.device_gpa = DEVICE(i);
		ring.base = i ? base : 0;
		ring.kick_fd = i ? kick : -1;
		ring.call_fd = i ? call : -1;
		rc = vhost_kern_set_ring(k, i, &ring, NULL);
		ck_assert_int_eq(rc, 0);
	}
	if (vhost_kern_start(k, VQ_F_VERSION_1 | features, &err) < 0)
		ck_abort_msg("%s", err.msg);
}

static void start(uint64_t features)
{
	start_at(features, 0);
}

static bool is_signalled(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE) == 1;
}

/* One chain of one buffer; the driver sets the available index to idx. */
static void offer(uint64_t gpa, uint16_t idx)
{
	const struct vsu_le64 at = vsu_le64_make(gpa);
	const struct vsu_le32 len = vsu_le32_make(HEADER);

	ck_assert_int_eq(vmem_write_exact(view(), DESC(1), &at, 8), 0);
	ck_assert_int_eq(vmem_write_exact(view(), DESC(1) + 8, &len, 4), 0);
	ck_assert_int_eq(vmem_store_u16(view(), DRIVER(1) + 2, idx,
					__ATOMIC_RELEASE), 0);
	ck_assert_int_eq(eventfd_write(kick, 1), 0);
}

START_TEST(kernel_receives_a_packet_and_logs_its_writes)
{
	static unsigned char log[64];
	uint32_t bases[VHOST_KERN_RINGS];

	start(0);
	ck_assert_int_eq(vhost_kern_set_log(k, log, sizeof(log), -1, NULL), 0);
	offer(PACKET, 1);
	ck_assert(is_signalled(call));
	ck_assert_uint_ne(log[DEVICE(1) / 4096 / 8] &
			  1u << (DEVICE(1) / 4096 % 8), 0);
	ck_assert_uint_eq(log[DESC(1) / 4096 / 8] &
			  1u << (DESC(1) / 4096 % 8), 0);
	ck_assert_int_eq(vhost_kern_set_log(k, NULL, 0, -1, NULL), 0);
	vhost_kern_stop(k, bases);
	ck_assert_uint_eq(bases[1], 1);
}
END_TEST

/*
 * A reset of another device of the same server stops the ring in this way; the
 * driver continues meanwhile.
 */
START_TEST(restarted_ring_serves_chains_offered_while_it_was_stopped)
{
	uint32_t bases[VHOST_KERN_RINGS];
	eventfd_t calls;
	uint16_t n;

	start(0);
	offer(PACKET, 1);
	ck_assert(is_signalled(call));
	vhost_kern_stop(k, bases);
	for (n = 2; n < RESTARTS; n++) {
		ck_assert_int_eq(eventfd_read(call, &calls), 0);
		offer(PACKET, n);
		start_at(0, bases[1]);
		ck_assert_msg(is_signalled(call), "start %d: no call", n);
		vhost_kern_stop(k, bases);
		ck_assert_uint_eq(bases[1], n);
	}
}
END_TEST

/* An available index beyond the ring; a buffer outside memory. */
static const struct {
	uint64_t gpa;
	uint16_t idx;
} faults[] = { { PACKET, 1000 }, { UINT64_C(0xdead0000), 1 } };

START_TEST(kernel_reports_a_broken_ring)
{
	start(0);
	offer(faults[_i].gpa, faults[_i].idx);
	ck_assert(is_signalled(err_fd));
	vhost_kern_stop(k, NULL);
	ck_assert_int_eq(vmem_store_u16(view(), DRIVER(1) + 2, 0,
					__ATOMIC_RELEASE), 0);
	start(0);
	offer(PACKET, 1);
	ck_assert(is_signalled(call));
}
END_TEST

START_TEST(memory_changes_while_the_kernel_serves)
{
	struct vmem_map *more, *both;

	start(0);
	ck_assert_int_eq(vmem_map_from_properties("size=64K,backend=memfd",
						  GPA + LEN, NULL, &more,
						  NULL), 0);
	ck_assert_int_eq(vmem_map_add(map, vmem_map_region(more, 0), &both,
				      NULL), 0);
	ck_assert_int_eq(vhost_kern_set_memory(k, both, NULL), 0);
	offer(GPA + LEN, 1);
	ck_assert(is_signalled(call));
	ck_assert_int_eq(vhost_kern_set_memory(k, map, NULL), 0);
	ck_assert_int_eq(vhost_kern_set_memory(k, more, NULL), -EBUSY);
	vhost_kern_stop(k, NULL);
	ck_assert_int_eq(vhost_kern_set_memory(k, more, NULL), 0);
	vmem_map_unref(both);
	vmem_map_unref(more);
}
END_TEST

START_TEST(context_id_cannot_be_used_twice)
{
	const struct vhost_kern_config config = {
		.size = sizeof(config), .kind = VHOST_KERN_VSOCK,
		.tap_fd = -1, .cid = 0x43564d4d,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_kern *other;

	ck_assert_int_eq(vhost_kern_open(&config, &other, &err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.msg, "choose another"));
}
END_TEST

int main(void)
{
	TCase *t;
	Suite *s;

	if (access(NODE, R_OK | W_OK) < 0) {
		printf("1..0 # SKIP %s: %s\n", NODE, strerror(errno));
		return EXIT_SUCCESS;
	}
	s = suite_create("node");
	t = tcase_create("node");
	tcase_set_timeout(t, PATIENCE / 1000 + 10);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, kernel_receives_a_packet_and_logs_its_writes);
	tcase_add_test(t, restarted_ring_serves_chains_offered_while_it_was_stopped);
	tcase_add_loop_test(t, kernel_reports_a_broken_ring, 0,
			    sizeof(faults) / sizeof(faults[0]));
	tcase_add_test(t, memory_changes_while_the_kernel_serves);
	tcase_add_test(t, context_id_cannot_be_used_twice);
	return run_suite(s);
}
