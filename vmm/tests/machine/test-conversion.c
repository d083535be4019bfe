/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices and memory that the guest converts. KVM is the fake one; the
 * test plays a guest that drives a disk or a balloon behind virtio-mmio.
 */
#include <config.h>

#include <sched.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/mmio.h>
#include <vmm-sys-util/exit.h>

#include "kernels.h"
#include "rig.h"

#define PAGE 4096u
#define RING 0x200000u		/* descriptors, available ring, used ring */
#define HEADER (RING + 3 * PAGE)
#define STATUS (HEADER + 64)
#define DATA 0x300000u
#define E2BIG_OF_KVM (-7)
#define EBUSY_OF_KVM (-16)

/* Registers of virtio-mmio (VIRTIO 1.3, 4.2.2). */
enum {
	FEATURES = 0x20, FEATURES_SEL = 0x24, QUEUE_SEL = 0x30, QUEUE_NUM = 0x38,
	QUEUE_READY = 0x44, QUEUE_NOTIFY = 0x50, INTERRUPT_STATUS = 0x60, INTERRUPT_ACK = 0x64,
	DEVICE_STATUS = 0x70, AREAS = 0x80,
};

struct descriptor {
	uint64_t gpa;
	uint32_t len;
	uint16_t flags, next;
};

static uint16_t made;		/* requests */
static uint32_t features;	/* of the device, low half */
static uint32_t queue;
static void (*story)(unsigned int n, struct kvm_run *run);
static unsigned int last;	/* step of the story */
/* Calls of KVM during a conversion: before devices are quiet; while they are paused. */
static unsigned int early, paused;

static void *at(uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(vmm_memory_map(&rig.machine.memory)),
				   &hint, gpa, 1, VMEM_READ);
}

static uint32_t access_register(uint64_t offset, bool write, uint32_t value)
{
	struct vmm_access access = { .len = 4, .write = write, .value = value };

	vmm_bus_access(&rig.machine.mmio, VMM_TRANSPORTS_GPA + offset, &access);
	return (uint32_t)access.value;
}

static void out(uint64_t offset, uint32_t value)
{
	access_register(offset, true, value);
}

static void start_device(void)
{
	static const uint32_t areas[] = { 0, 0x10, 0x20 };
	unsigned int i;

	out(DEVICE_STATUS, 1);
	out(DEVICE_STATUS, 3);
	out(FEATURES_SEL, 0);
	out(FEATURES, features);
	out(FEATURES_SEL, 1);
	out(FEATURES, 1);
	out(DEVICE_STATUS, 11);
	out(QUEUE_SEL, queue);
	out(QUEUE_NUM, 16);
	for (i = 0; i < COUNT(areas); i++)
		out(AREAS + areas[i], RING + i * PAGE);
	out(QUEUE_READY, 1);
	out(DEVICE_STATUS, 15);
}

static uint16_t used(void)
{
	return __atomic_load_n((uint16_t *)at(RING + 2 * PAGE) + 1, __ATOMIC_ACQUIRE);
}

static void offer(const struct descriptor *d, unsigned int n)
{
	uint16_t *available = at(RING + PAGE);

	memcpy(at(RING), d, n * sizeof(*d));
	available[2 + made % 16] = 0;
	__atomic_store_n(&available[1], ++made, __ATOMIC_RELEASE);
	out(QUEUE_NOTIFY, queue);
}

/* A request of the disk for a page at gpa; 255: without a status. */
static uint8_t request(uint32_t type, uint64_t gpa, uint32_t len)
{
	const struct descriptor d[] = {
		{ HEADER, 16, 1, 1 },
		{ gpa, len, (uint16_t)(1 | (type ? 0 : 2)), 2 },
		{ STATUS, 1, 2, 0 },
	};
	uint8_t *status = at(STATUS);

	memset(at(HEADER), 0, 16);
	memcpy(at(HEADER), &type, sizeof(type));
	*status = 255;
	offer(d, COUNT(d));
	while (used() != made)
		sched_yield();
	return *status;
}

/* Returns from KVM_RUN with the hypercall. */
static void convert(struct kvm_run *run, uint64_t gpa, uint64_t pages, bool private_half)
{
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = private_half ? 1 << 4 : 0;
	run->hypercall.ret = 1;
}

static int play(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	if (n == last)
		return fake_power_off(run);
	story(n, run);
	return 0;
}

/* With the lock: requests are counted in the turn that completes them. */
static uint64_t number(const char *name)
{
	struct vmm_virtio *v = rig.machine.devices[0].virtio;
	struct virtdev_stat stats[64];
	uint32_t i, n;

	vmm_virtio_lock(v);
	n = vmm_virtio_stats(v, stats, 64);
	vmm_virtio_unlock(v);
	for (i = 0; i < n; i++)
		if (!strcmp(stats[i].name, name))
			return stats[i].value;
	return UINT64_MAX;
}

/* All tests run in one process if Check does not fork. */
static void forget_the_last_guest(void)
{
	made = 0;
	features = queue = 0;
	early = paused = 0;
}

static void run(const char *memory, const char *device, unsigned int steps,
		void (*what)(unsigned int n, struct kvm_run *run))
{
	static const char sectors[65536] = "sector";

	forget_the_last_guest();
	kernel_pvh();
	rig_file("disk", sectors, sizeof(sectors));
	fake.guest = play;
	story = what;
	last = steps;
	RIG_OPTIONS("kernel", memory, device, "--serial=null", "--transport=mmio");
	rig_run();
	ck_assert_msg(rig.status == VSU_EXIT_OK, "%s", rig.err.msg);
}

static void uses_private_pages(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_device();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		ck_assert_str_eq(at(DATA), "sector");
		convert(run, DATA, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	if (n == 1) {
		strcpy(at(DATA), "of the shared half");
		ck_assert_uint_eq(request(0, DATA, PAGE), 1);
		ck_assert_uint_eq(request(1, DATA, PAGE), 1);
		ck_assert_uint_eq(request(0, DATA - 512, 1024), 1);
		ck_assert_uint_eq(request(0, DATA + PAGE, PAGE), 0);
		ck_assert_str_eq(at(DATA), "of the shared half");
		ck_assert_uint_eq(number("refused_buffers"), 3);
		convert(run, DATA, 1, false);
		return;
	}
	ck_assert_uint_eq(request(0, DATA, PAGE), 0);
	ck_assert_str_eq(at(DATA), "sector");
	ck_assert_uint_eq(number("refused_buffers"), 3);
	convert(run, DATA, 1, true);
}

START_TEST(disk_fails_requests_for_private_pages)
{
	run("--memory=size=4M,private=on", "--disk=path=disk", 3, uses_private_pages);
}
END_TEST

static void uses_shared_pages(unsigned int n, struct kvm_run *run)
{
	(void)n;
	start_device();
	ck_assert_uint_eq(request(0, DATA, PAGE), 0);
	ck_assert_uint_eq(number("refused_buffers"), UINT64_MAX);
	fake_in(run, VMM_PORT_SLEEP_STATUS);
}

START_TEST(machine_without_private_memory_has_one_map)
{
	run("--memory=size=4M", "--disk=path=disk", 1, uses_shared_pages);
	ck_assert_ptr_null(rig.machine.private_memory.space);
}
END_TEST

static void takes_the_ring(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_device();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		convert(run, RING, 3, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	out(QUEUE_NOTIFY, 0);
	while (!(access_register(DEVICE_STATUS, false, 0) & 0x40))
		sched_yield();
	convert(run, RING, 3, false);
}

START_TEST(device_whose_ring_becomes_private_needs_a_reset)
{
	run("--memory=size=4M,private=on", "--disk=path=disk", 2, takes_the_ring);
}
END_TEST

/* The only calls of KVM during a conversion convert. */
static bool watch_kvm(int code)
{
	const struct vmm_converting *c = &rig.machine.pause.converting;

	(void)code;
	if (c->first) {
		early += !vmm_private_is_quiet(&rig.machine.private_memory);
		paused += c->paused;
	}
	return false;
}

/* The balloon holds the buffer of statistics until the host requests new ones. */
static void start_balloon(void)
{
	const struct descriptor d = { DATA, 10, 0, 0 };

	features = 1 << 1;	/* VIRTIO_BALLOON_F_STATS_VQ */
	queue = 2;
	start_device();
	offer(&d, 1);
	while (!number("guest_reports"))
		sched_yield();
}

static void holds_a_buffer(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_balloon();
		convert(run, DATA + 16 * PAGE, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	ck_assert(!rig.machine.pause.converting.paused);
	convert(run, DATA, n, true);
}

START_TEST(held_buffers_do_not_stop_a_conversion)
{
	fake.lacks = watch_kvm;
	run("--memory=size=4M,private=on", "--device=balloon", 4, holds_a_buffer);
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_ge(paused, 1);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 4);
}
END_TEST

/* As if the signal of an interrupt was on its way when the device paused. */
static void acknowledges_interrupts(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_balloon();
		out(INTERRUPT_ACK, 3);
		convert(run, DATA + 16 * PAGE, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	ck_assert_uint_eq(access_register(INTERRUPT_STATUS, false, 0), 1);
	fake_in(run, VMM_PORT_SLEEP_STATUS);
}

START_TEST(interrupts_are_repeated_after_a_pause)
{
	fake.lacks = watch_kvm;
	run("--memory=size=4M,private=on", "--device=balloon", 2, acknowledges_interrupts);
	ck_assert_uint_ge(paused, 1);
}
END_TEST

static void makes_many_ranges(unsigned int n, struct kvm_run *run)
{
	if (n)
		ck_assert_int_eq((int)run->hypercall.ret,
				 n <= VMM_PRIVATE_MAX_RANGES ? 0 : E2BIG_OF_KVM);
	convert(run, n * UINT64_C(2) * PAGE, 1, true);
}

START_TEST(guest_receives_the_refusal_of_too_many_ranges)
{
	run("--memory=size=16M,private=on", "--disk=path=disk",
	    VMM_PRIVATE_MAX_RANGES + 2, makes_many_ranges);
	ck_assert_uint_eq(rig.machine.private_memory.conversions,
			  VMM_PRIVATE_MAX_RANGES);
	ck_assert_uint_eq(rig.machine.private_memory.failed, 2);
}
END_TEST

/* As a device does whose request does not end: uses the map before the conversion. */
static struct vmem_reader reader;

static void uses_the_map_for_long(unsigned int n, struct kvm_run *run)
{
	const struct vmm_private *p = &rig.machine.private_memory;

	if (!n) {
		rig.machine.pause.limit.seconds = 0.05;
		start_device();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		vmem_space_add_reader(p->space, &reader);
		ck_assert_ptr_nonnull(vmem_reader_enter(&reader));
	} else if (n == 1) {
		ck_assert_int_eq((int)run->hypercall.ret, EBUSY_OF_KVM);
		ck_assert_uint_eq(p->conversions, 0);
		ck_assert_uint_eq(p->failed, 1);
		ck_assert_uint_eq(p->ranges.n, 0);
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		vmem_reader_leave(&reader);
		vmem_space_remove_reader(&reader);
	} else {
		ck_assert_uint_eq(run->hypercall.ret, 0);
		ck_assert_uint_eq(request(0, DATA, PAGE), 1);
	}
	convert(run, DATA, 1, true);
}

START_TEST(e2_30_conversion_is_refused_after_a_limited_time)
{
	run("--memory=size=4M,private=on", "--disk=path=disk", 3,
	    uses_the_map_for_long);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 2);
	ck_assert_uint_eq(rig.machine.private_memory.failed, 1);
}
END_TEST

static const struct { const char *device, *says; } others[] = {
	{ "--device=blk,backend=user:peer", "peer cannot be used with --memory private=on" },
	{ "--vsock=cid=3,backend=kernel", "backend=kernel cannot be used with --memory private=on" },
};

START_TEST(other_servers_of_devices_are_refused)
{
	kernel_pvh();
	fake.vhost = true;
	RIG_OPTIONS("kernel", "--memory=size=4M,private=on", others[_i].device,
		    "--serial=null");
	rig.status = vmm_machine_make(&rig.machine, &rig.options, NULL, &rig.err);
	ck_assert_int_ne(rig.status, 0);
	ck_assert_msg(strstr(rig.err.msg, others[_i].says), "%s", rig.err.msg);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "private=off"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("conversion");
	TCase *tc = tcase_create("conversion");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, disk_fails_requests_for_private_pages);
	tcase_add_test(tc, machine_without_private_memory_has_one_map);
	tcase_add_test(tc, device_whose_ring_becomes_private_needs_a_reset);
	tcase_add_test(tc, held_buffers_do_not_stop_a_conversion);
	tcase_add_test(tc, interrupts_are_repeated_after_a_pause);
	tcase_add_test(tc, guest_receives_the_refusal_of_too_many_ranges);
	tcase_add_test(tc, e2_30_conversion_is_refused_after_a_limited_time);
	tcase_add_loop_test(tc, other_servers_of_devices_are_refused, 0,
			    COUNT(others));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
