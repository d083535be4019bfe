/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices that the kernel serves, against a fake kernel in this
 * process.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/kernel.h>
#include <virtio-queue/queue.h>
#include <vm-memory/iotlb.h>
#include <vm-memory/block.h>

#include "../suite.h"
#include "fake_vhost.h"
#include "kernel/priv.h"

#define GPA UINT64_C(0x100000)
#define LEN UINT64_C(0x10000)
#define DESC (GPA + 0x1000)
#define DRIVER (GPA + 0x2000)
#define DEVICE (GPA + 0x3000)

/* The node is one end of a socket pair; kernel is the other end. */
struct rig {
	int kernel, kick, tap;
	struct vhost_kern *k;
	struct vmem_map *map;
	struct vsu_error err;
};

static struct vmem_map *make_map(uint64_t gpa, const char *properties)
{
	struct vmem_map *map;

	ck_assert_int_eq(vmem_map_from_properties(properties, gpa, NULL, &map,
						  NULL), 0);
	return map;
}

static int rig_open(struct rig *rig, enum vhost_kern_kind kind)
{
	const struct vhost_kern_config config = {
		.size = sizeof(config), .kind = kind, .tap_fd = rig->tap,
		.cid = 7,
	};
	int ends[2], rc;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
	rig->kernel = ends[1];
	rc = vhost_kern_priv_new_take_fd(ends[0], &config, &rig->k, &rig->err);
	if (rc < 0)
		close(ends[0]);
	return rc;
}

static void rig_init(struct rig *rig, enum vhost_kern_kind kind)
{
	memset(rig, 0, sizeof(*rig));
	vsu_error_clear(&rig->err);
	fake_vhost_init();
	rig->tap = eventfd(0, 0);
	rig->kick = eventfd(0, 0);
	rig->map = make_map(GPA, "size=64K,backend=memfd");
	ck_assert_int_eq(rig_open(rig, kind), 0);
	ck_assert_int_eq(vhost_kern_set_memory(rig->k, rig->map, NULL), 0);
}

static void rig_fini(struct rig *rig)
{
	vhost_kern_free(rig->k);
	vmem_map_unref(rig->map);
	close(rig->kernel);
	close(rig->kick);
	close(rig->tap);
}

static struct vhost_user_ring ring_at(uint64_t desc)
{
	const struct vhost_user_ring ring = {
		.size = 16, .base = 5, .desc_gpa = desc, .driver_gpa = DRIVER,
		.device_gpa = DEVICE, .kick_fd = -1, .call_fd = -1,
		.err_fd = -1,
	};

	return ring;
}

static int start(struct rig *rig, uint64_t desc, uint64_t features)
{
	struct vhost_user_ring ring = ring_at(DESC);
	int rc;

	ring.kick_fd = rig->kick;
	rc = vhost_kern_set_ring(rig->k, 0, &ring, &rig->err);
	ck_assert_int_eq(rc, 0);
	ring.desc_gpa = desc;
	rc = vhost_kern_set_ring(rig->k, 1, &ring, &rig->err);
	ck_assert_int_eq(rc, 0);
	return vhost_kern_start(rig->k, VQ_F_VERSION_1 | features, &rig->err);
}

static uint64_t hva(const struct rig *rig, uint64_t gpa)
{
	return (uintptr_t)vmem_region_hva(vmem_map_region(rig->map, 0)) +
	       (gpa - GPA);
}

static bool has(const struct rig *rig, const char *words)
{
	return strstr(rig->err.msg, words) != NULL;
}

/* --------------------------------------------------------------------- start */

static struct rig device;

/* Some tests make none, or one of their own. */
static void end(void)
{
	if (device.map)
		rig_fini(&device);
	memset(&device, 0, sizeof(device));
}

START_TEST(start_passes_rings_and_tap_to_the_kernel)
{
	const struct fake_ring *r = &fake_vhost.rings[1];

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert(vhost_kern_is_running(device.k));
	ck_assert_uint_eq(r->num, 16);
	ck_assert_uint_eq(r->base, 5);
	ck_assert_uint_eq(r->addr.desc_user_addr, hva(&device, DESC));
	ck_assert_uint_eq(r->addr.avail_user_addr, hva(&device, DRIVER));
	ck_assert_uint_eq(r->addr.used_user_addr, hva(&device, DEVICE));
	ck_assert_int_ge(r->kick, 0);
	ck_assert_int_eq(r->call, -1);
	ck_assert_int_ge(r->backend, 0);
	ck_assert_int_ne(r->backend, device.tap);
	ck_assert_uint_eq(fake_vhost.features, VQ_F_VERSION_1);
}
END_TEST

START_TEST(vsock_has_its_context_id_and_runs_with_both_rings)
{
	const struct vhost_user_ring ring = ring_at(DESC);

	rig_init(&device, VHOST_KERN_VSOCK);
	ck_assert_uint_eq(fake_vhost.cid, 7);
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), 0);
	ck_assert_int_eq(vhost_kern_start(device.k, VQ_F_VERSION_1, &device.err),
			 -EINVAL);
	ck_assert(has(&device, "set up 1 rings, 2 are required"));
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert(fake_vhost.running);
	vhost_kern_stop(device.k, NULL);
	ck_assert(!fake_vhost.running);
}
END_TEST

START_TEST(stop_returns_the_bases_and_detaches_the_rings)
{
	uint32_t bases[VHOST_KERN_RINGS] = { 0 };

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	fake_vhost.rings[1].base = 77;
	vhost_kern_stop(device.k, bases);
	ck_assert_uint_eq(bases[0], 5);
	ck_assert_uint_eq(bases[1], 77);
	ck_assert_int_eq(fake_vhost.rings[1].backend, -1);
	ck_assert_int_eq(fake_vhost.rings[0].kick, -1);
	ck_assert(!vhost_kern_is_running(device.k));
	ck_assert_int_eq(vhost_kern_start(device.k, VQ_F_VERSION_1, &device.err),
			 -EINVAL);
}
END_TEST

START_TEST(e2_14_features_that_were_not_offered_are_refused)
{
	rig_init(&device, VHOST_KERN_NET);
	ck_assert(vhost_kern_features(device.k) & VQ_F_EVENT_IDX);
	ck_assert(!(vhost_kern_features(device.k) & VQ_F_RING_PACKED));
	ck_assert_int_eq(start(&device, DESC, VQ_F_RING_PACKED), -EINVAL);
	ck_assert(has(&device, "0x400000000 were not offered"));
	ck_assert_int_eq(vhost_kern_start(device.k, 0, &device.err), -EINVAL);
	ck_assert(has(&device, "VERSION_1"));
}
END_TEST

static const unsigned long refusals[] = {
	VHOST_SET_FEATURES, VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE,
	VHOST_SET_VRING_ADDR, VHOST_SET_VRING_KICK, VHOST_SET_VRING_CALL,
	VHOST_SET_VRING_ERR, VHOST_NET_SET_BACKEND,
};

START_TEST(e2_11_refused_start_leaves_nothing_running)
{
	rig_init(&device, VHOST_KERN_NET);
	fake_vhost.fails = refusals[_i];
	fake_vhost.code = EINVAL;
	ck_assert_int_eq(start(&device, DESC, 0), -EINVAL);
	ck_assert(has(&device, "'/dev/vhost-net': "));
	ck_assert(!vhost_kern_is_running(device.k));
	fake_vhost.fails = 0;
	ck_assert_int_eq(start(&device, DESC, 0), 0);
}
END_TEST

/* -------------------------------------------------------------------- memory */

/*
 * The last byte of the ring is one byte beyond memory, or the whole ring is
 * outside.
 */
static const uint64_t bad_places[] = {
	GPA + LEN - 16 * 16 + 1, GPA - 1, GPA + LEN, 0, UINT64_MAX - 8,
};

START_TEST(a1_35_ring_outside_memory_is_refused_before_any_ioctl)
{
	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, bad_places[_i], 0), -EFAULT);
	ck_assert(has(&device, "ring 1 has 256 bytes at "));
	ck_assert_uint_eq(fake_vhost.rings[1].addr.desc_user_addr, 0);
	ck_assert_int_eq(fake_vhost.rings[0].backend, -1);
}
END_TEST

START_TEST(ring_at_the_end_of_memory_is_accepted)
{
	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, GPA + LEN - 16 * 16, 0), 0);
}
END_TEST

START_TEST(rom_is_not_passed_to_the_kernel)
{
	struct vmem_map *map = make_map(GPA,
		"size=64K,backend=file,mem-path=/proc/self/exe,readonly=on,share=on");

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_uint_eq(fake_vhost.nregions, 1);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, map, NULL), 0);
	ck_assert_uint_eq(fake_vhost.nregions, 0);
	ck_assert_int_eq(start(&device, DESC, 0), -EFAULT);
	vmem_map_unref(map);
}
END_TEST

static struct vmem_map *map_of(const struct rig *rig, unsigned int more)
{
	struct vmem_region *regions[FAKE_REGIONS];
	struct vmem_map *maps[FAKE_REGIONS], *map;
	unsigned int i;

	regions[0] = vmem_map_region(rig->map, 0);
	for (i = 1; i <= more; i++) {
		maps[i] = make_map(GPA + i * LEN, "size=4K,backend=memfd");
		regions[i] = vmem_map_region(maps[i], 0);
	}
	ck_assert_int_eq(vmem_map_from_regions(regions, more + 1, &map, NULL),
			 0);
	for (i = 1; i <= more; i++)
		vmem_map_unref(maps[i]);
	return map;
}

START_TEST(memory_grows_and_shrinks_while_rings_run)
{
	struct vmem_map *more;

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	more = map_of(&device, 3);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, more, NULL), 0);
	vmem_map_unref(more);
	ck_assert_uint_eq(fake_vhost.nregions, 4);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, device.map, NULL), 0);
	ck_assert_uint_eq(fake_vhost.nregions, 1);
	ck_assert_uint_eq(fake_vhost.regions[0].userspace_addr, hva(&device, GPA));
}
END_TEST

START_TEST(e2_12_memory_of_a_running_ring_cannot_be_removed)
{
	struct vmem_map *other = make_map(GPA, "size=64K,backend=memfd");

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, NULL, &device.err), -EBUSY);
	ck_assert(has(&device, "ring 0 runs in memory that would be removed"));
	ck_assert_int_eq(vhost_kern_set_memory(device.k, other, NULL), -EBUSY);
	ck_assert_uint_eq(fake_vhost.regions[0].userspace_addr, hva(&device, GPA));
	vhost_kern_stop(device.k, NULL);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, other, NULL), 0);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, NULL, NULL), 0);
	vmem_map_unref(other);
}
END_TEST

START_TEST(e2_02_more_regions_than_the_kernel_takes_are_refused)
{
	struct vmem_map *most, *more;

	rig_init(&device, VHOST_KERN_NET);
	most = map_of(&device, 63);
	more = map_of(&device, 64);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, most, NULL), 0);
	ck_assert_int_eq(vhost_kern_set_memory(device.k, more, &device.err), -ENOSPC);
	ck_assert(has(&device, "has 65 memory regions, the limit of '/dev/vhost-net' is 64"));
	ck_assert_uint_eq(fake_vhost.nregions, 64);
	vmem_map_unref(most);
	vmem_map_unref(more);
}
END_TEST

/* ----------------------------------------------------------------- dirty log */

START_TEST(log_is_switched_while_rings_run)
{
	static uint64_t log[64];

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, sizeof(log), -1, NULL),
			 0);
	ck_assert_uint_eq(fake_vhost.log_base, (uintptr_t)log);
	ck_assert_uint_eq(fake_vhost.features,
			  VQ_F_VERSION_1 | UINT64_C(1) << VHOST_F_LOG_ALL);
	ck_assert_uint_eq(fake_vhost.rings[0].addr.flags,
			  1u << VHOST_VRING_F_LOG);
	ck_assert_uint_eq(fake_vhost.rings[0].addr.log_guest_addr, DEVICE);
	ck_assert_int_eq(vhost_kern_set_log(device.k, NULL, 0, -1, NULL), 0);
	ck_assert_uint_eq(fake_vhost.features, VQ_F_VERSION_1);
	ck_assert_uint_eq(fake_vhost.rings[0].addr.flags, 0);
}
END_TEST

START_TEST(e2_08_log_that_is_too_small_is_refused)
{
	unsigned char log[34];	/* 272 pages: the end of 1 MiB and 64 KiB */

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, 33, -1, &device.err),
			 -EINVAL);
	ck_assert(has(&device,
		      "a dirty log of 33 bytes is too short; the guest's memory requires 34"));
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, 34, -1, &device.err), 0);
}
END_TEST

/* The running log of a migration; _i of 1: the kernel refuses the other one. */
START_TEST(d4_03_refused_log_keeps_the_previous_one)
{
	unsigned char log[64], other[64];
	int event = eventfd(0, EFD_CLOEXEC);

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, sizeof(log), event, NULL), 0);
	fake_vhost.fails_once = _i ? VHOST_SET_VRING_ADDR : 0;
	fake_vhost.code = EFAULT;
	ck_assert_int_eq(vhost_kern_set_log(device.k, other, _i ? sizeof(other) : 1, -1,
					    &device.err), _i ? -EFAULT : -EINVAL);
	ck_assert_uint_eq(fake_vhost.log_base, (uintptr_t)log);
	ck_assert_int_ge(fcntl(fake_vhost.log_fd, F_GETFD), 0);
	ck_assert_uint_eq(fake_vhost.features,
			  VQ_F_VERSION_1 | UINT64_C(1) << VHOST_F_LOG_ALL);
	ck_assert_uint_eq(fake_vhost.rings[0].addr.flags, 1u << VHOST_VRING_F_LOG);
	ck_assert_int_eq(vhost_kern_set_log(device.k, NULL, 0, -1, &device.err), 0);
	ck_assert_int_eq(fake_vhost.log_fd, -1);
	close(event);
}
END_TEST

START_TEST(d4_03_log_whose_end_is_refused_goes_on)
{
	unsigned char log[64];

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, sizeof(log), -1, &device.err), 0);
	ck_assert_int_eq(device.err.code, 0);	/* nothing is set on success */
	fake_vhost.fails_once = VHOST_SET_VRING_ADDR;
	fake_vhost.code = EFAULT;
	ck_assert_int_eq(vhost_kern_set_log(device.k, NULL, 0, -1, &device.err), -EFAULT);
	ck_assert_uint_eq(fake_vhost.features,
			  VQ_F_VERSION_1 | UINT64_C(1) << VHOST_F_LOG_ALL);
	ck_assert_int_eq(vhost_kern_set_log(device.k, NULL, 0, -1, NULL), 0);
	ck_assert_uint_eq(fake_vhost.features, VQ_F_VERSION_1);
}
END_TEST

START_TEST(refused_log_is_disabled)
{
	unsigned char log[64];

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	fake_vhost.fails = VHOST_SET_VRING_ADDR;
	fake_vhost.code = EFAULT;
	ck_assert_int_eq(vhost_kern_set_log(device.k, log, sizeof(log), -1,
					    &device.err), -EFAULT);
	ck_assert_uint_eq(fake_vhost.features, VQ_F_VERSION_1);
}
END_TEST

/* ---------------------------------------------------------------------- life */

/* Requests whose failure makes the open fail. */
static const struct {
	unsigned long request;
	int code, expected;
} opens[] = {
	{ VHOST_SET_OWNER, EBUSY, -EBUSY },
	{ VHOST_SET_OWNER, ENOTTY, -ENOTTY },
	{ VHOST_GET_FEATURES, EPERM, -EPERM },
	{ VHOST_VSOCK_SET_GUEST_CID, EADDRINUSE, -EADDRINUSE },
};

START_TEST(e2_01_error_of_open_names_the_refused_request)
{
	struct rig rig = { .tap = -1 };

	fake_vhost_init();
	fake_vhost.fails = opens[_i].request;
	fake_vhost.code = opens[_i].code;
	ck_assert_int_eq(rig_open(&rig, VHOST_KERN_VSOCK), opens[_i].expected);
	ck_assert(has(&rig, "'/dev/vhost-vsock'"));
	close(rig.kernel);
}
END_TEST

START_TEST(e2_01_error_of_a_missing_node_names_its_module)
{
	const struct vhost_kern_config config = {
		.size = sizeof(config), .kind = VHOST_KERN_VSOCK, .cid = 7,
		.node = "/dev/vhost-of-nobody",
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct vhost_kern *k;

	ck_assert_int_eq(vhost_kern_open(&config, &k, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "modprobe vhost_vsock"));
}
END_TEST

START_TEST(e2_13_card_without_tap_and_guest_without_id_are_refused)
{
	struct vhost_kern_config config = {
		.size = sizeof(config), .kind = VHOST_KERN_NET, .tap_fd = -1,
		.cid = 2,
	};
	struct vhost_kern *k;

	fake_vhost_init();
	ck_assert_int_eq(vhost_kern_priv_new_take_fd(0, &config, &k, NULL), -EINVAL);
	fake_vhost_init();
	config.kind = VHOST_KERN_VSOCK;
	ck_assert_int_eq(vhost_kern_priv_new_take_fd(0, &config, &k, NULL), -EINVAL);
	config.kind = (enum vhost_kern_kind)2;
	ck_assert_int_eq(vhost_kern_open(&config, &k, NULL), -EINVAL);
}
END_TEST

START_TEST(invalid_ring_is_refused)
{
	struct vhost_user_ring ring = ring_at(DESC);

	rig_init(&device, VHOST_KERN_NET);
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 2, &ring, NULL), -EINVAL);
	ring.size = 0;
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), -EINVAL);
	ring.size = 24;
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), -EINVAL);
	ring.size = 65536;
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), -EINVAL);
	ring.size = 32;
	ring.call_fd = 1 << 20;
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), -EBADF);
	ck_assert_int_eq(start(&device, DESC, 0), 0);
	ring.call_fd = -1;
	ck_assert_int_eq(vhost_kern_set_ring(device.k, 0, &ring, NULL), -EBUSY);
	ck_assert_int_eq(vhost_kern_start(device.k, VQ_F_VERSION_1, NULL), -EBUSY);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("kernel");
	TCase *t = tcase_create("kernel");

	tcase_add_checked_fixture(t, NULL, end);
	suite_add_tcase(s, t);
	tcase_add_test(t, start_passes_rings_and_tap_to_the_kernel);
	tcase_add_test(t, vsock_has_its_context_id_and_runs_with_both_rings);
	tcase_add_test(t, stop_returns_the_bases_and_detaches_the_rings);
	tcase_add_test(t, e2_14_features_that_were_not_offered_are_refused);
	tcase_add_loop_test(t, e2_11_refused_start_leaves_nothing_running,
			    0, sizeof(refusals) / sizeof(refusals[0]));
	tcase_add_loop_test(t, a1_35_ring_outside_memory_is_refused_before_any_ioctl,
			    0, sizeof(bad_places) / sizeof(bad_places[0]));
	tcase_add_test(t, ring_at_the_end_of_memory_is_accepted);
	tcase_add_test(t, rom_is_not_passed_to_the_kernel);
	tcase_add_test(t, memory_grows_and_shrinks_while_rings_run);
	tcase_add_test(t, e2_12_memory_of_a_running_ring_cannot_be_removed);
	tcase_add_test(t, e2_02_more_regions_than_the_kernel_takes_are_refused);
	tcase_add_test(t, log_is_switched_while_rings_run);
	tcase_add_test(t, e2_08_log_that_is_too_small_is_refused);
	tcase_add_loop_test(t, d4_03_refused_log_keeps_the_previous_one, 0, 2);
	tcase_add_test(t, d4_03_log_whose_end_is_refused_goes_on);
	tcase_add_test(t, refused_log_is_disabled);
	tcase_add_loop_test(t, e2_01_error_of_open_names_the_refused_request, 0,
			    sizeof(opens) / sizeof(opens[0]));
	tcase_add_test(t, e2_01_error_of_a_missing_node_names_its_module);
	tcase_add_test(t, e2_13_card_without_tap_and_guest_without_id_are_refused);
	tcase_add_test(t, invalid_ring_is_refused);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
