/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about devices and memory that the guest converts. KVM is the fake one; the
 * test plays a guest that drives a disk or a balloon.
 */
#include <config.h>

#include <sched.h>

#include <vmm-sys-util/exit.h>

#include "../machine/driver.h"
#include "../machine/kernels.h"
#include "../machine/rig.h"

#define PAGE DRIVER_PAGE
#define RING DRIVER_RING
#define HEADER (RING + 3 * PAGE)
#define STATUS (HEADER + 64)
#define DATA 0x300000u
#define E2BIG_OF_KVM (-7)
#define EBUSY_OF_KVM (-16)

/* Calls of KVM during a conversion: before devices are quiet; while they are paused. */
static unsigned int early, paused;

/* A request of the disk for a page at gpa; 255: without a status. */
static uint8_t request(uint32_t type, uint64_t gpa, uint32_t len)
{
	const struct driver_descriptor d[] = {
		{ HEADER, 16, 1, 1 },
		{ gpa, len, (uint16_t)(1 | (type ? 0 : 2)), 2 },
		{ STATUS, 1, 2, 0 },
	};
	uint8_t *status = driver_at(STATUS);

	memset(driver_at(HEADER), 0, 16);
	memcpy(driver_at(HEADER), &type, sizeof(type));
	*status = 255;
	driver_offer(d, COUNT(d));
	while (driver_used() != driver.made)
		sched_yield();
	return *status;
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

static void uses_private_pages(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		ck_assert_str_eq(driver_at(DATA), "sector");
		driver_convert(run, DATA, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	if (n == 1) {
		strcpy(driver_at(DATA), "of the shared half");
		ck_assert_uint_eq(request(0, DATA, PAGE), 1);
		ck_assert_uint_eq(request(1, DATA, PAGE), 1);
		ck_assert_uint_eq(request(0, DATA - 512, 1024), 1);
		ck_assert_uint_eq(request(0, DATA + PAGE, PAGE), 0);
		ck_assert_str_eq(driver_at(DATA), "of the shared half");
		ck_assert_uint_eq(number("refused_buffers"), 3);
		driver_convert(run, DATA, 1, false);
		return;
	}
	ck_assert_uint_eq(request(0, DATA, PAGE), 0);
	ck_assert_str_eq(driver_at(DATA), "sector");
	ck_assert_uint_eq(number("refused_buffers"), 3);
	driver_convert(run, DATA, 1, true);
}

START_TEST(disk_fails_requests_for_private_pages)
{
	driver_run("--memory=size=4M,private=on", "--disk=path=disk", 3, uses_private_pages);
}
END_TEST

/* A conversion would publish a map, and so would a second space. */
static void uses_shared_pages(unsigned int n, struct kvm_run *run)
{
	const struct vmm_machine *m = &rig.machine;
	const uint64_t before = *vmem_space_generation(m->memory.space);
	unsigned int i;

	(void)n;
	ck_assert_ptr_null(m->private_memory.space);
	driver_start();
	for (i = 0; i < 32; i++)
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
	ck_assert_uint_eq(*vmem_space_generation(m->memory.space), before);
	ck_assert_uint_eq(number("refused_buffers"), UINT64_MAX);
	fake_in(run, VARCH_PORT_SLEEP_STATUS);
}

START_TEST(machine_without_private_memory_has_one_map)
{
	driver_run("--memory=size=4M", "--disk=path=disk", 1, uses_shared_pages);
}
END_TEST

/* Memory with a private half needs the type, the exit, a file and a slot. */
START_TEST(only_private_memory_needs_further_calls_of_kvm)
{
	driver_run("--memory=size=4M", "--disk=path=disk", 1, uses_shared_pages);
	ck_assert_uint_eq(fake.private_calls, 0);
	rig_fini();
	rig_init();
	driver_run("--memory=size=4M,private=on", "--disk=path=disk", 3, uses_private_pages);
	ck_assert_uint_ge(fake.private_calls, 7);
}
END_TEST

static void takes_the_ring(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		driver_convert(run, RING, 3, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	driver_out(DRIVER_NOTIFY, 0);
	while (!(driver_access(DRIVER_STATUS, false, 0) & 0x40))
		sched_yield();
	driver_convert(run, RING, 3, false);
}

START_TEST(device_whose_ring_becomes_private_needs_a_reset)
{
	driver_run("--memory=size=4M,private=on", "--disk=path=disk", 2, takes_the_ring);
}
END_TEST

/* The only calls of KVM during a conversion convert. */
static bool watch_kvm(int code)
{
	const struct vmm_converting *c = &rig.machine.pause.converting;

	(void)code;
	if (c->first) {
		early += !vmm_private_is_quiet(&rig.machine.private_memory);
		paused += rig.machine.pause.life.now == VMM_CONVERTS;
	}
	return false;
}

/* The balloon holds the buffer of statistics until the host requests new ones. */
static void start_balloon(void)
{
	const struct driver_descriptor d = { DATA, 10, 0, 0 };

	driver.features = 1 << 1;	/* VIRTIO_BALLOON_F_STATS_VQ */
	driver.queue = 2;
	driver_start();
	driver_offer(&d, 1);
	while (!number("guest_reports"))
		sched_yield();
}

static void holds_a_buffer(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_balloon();
		driver_convert(run, DATA + 16 * PAGE, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	ck_assert(rig.machine.pause.life.now != VMM_CONVERTS);
	driver_convert(run, DATA, n, true);
}

START_TEST(held_buffers_do_not_stop_a_conversion)
{
	early = paused = 0;
	fake.lacks = watch_kvm;
	driver_run("--memory=size=4M,private=on", "--device=balloon", 4, holds_a_buffer);
	ck_assert_uint_eq(early, 0);
	ck_assert_uint_ge(paused, 1);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 4);
}
END_TEST

/* The first queue of a balloon: little-endian numbers of pages. */
static void inflate(uint32_t page)
{
	const struct driver_descriptor d = { HEADER, 4, 0, 0 };

	memcpy(driver_at(HEADER), &page, sizeof(page));
	driver_offer(&d, 1);
	while (driver_used() != driver.made)
		sched_yield();
}

static void inflates_a_private_page(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		driver_start();
		driver_convert(run, DATA, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	inflate(DATA / PAGE);
	ck_assert_uint_eq(number("kept"), PAGE);
	ck_assert_uint_eq(number("inflated"), (n - 1) * PAGE);
	driver_convert(run, DATA, 1, false);
}

START_TEST(a8_23_balloon_keeps_private_pages_and_counts_them)
{
	driver_run("--memory=size=4M,private=on", "--device=balloon", 3, inflates_a_private_page);
}
END_TEST

/* As if the signal of an interrupt was on its way when the device paused. */
static void acknowledges_interrupts(unsigned int n, struct kvm_run *run)
{
	if (!n) {
		start_balloon();
		driver_out(DRIVER_INTERRUPT_ACK, 3);
		driver_convert(run, DATA + 16 * PAGE, 1, true);
		return;
	}
	ck_assert_uint_eq(run->hypercall.ret, 0);
	ck_assert_uint_eq(driver_access(DRIVER_INTERRUPT_STATUS, false, 0), 1);
	fake_in(run, VARCH_PORT_SLEEP_STATUS);
}

START_TEST(interrupts_are_repeated_after_a_pause)
{
	early = paused = 0;
	fake.lacks = watch_kvm;
	driver_run("--memory=size=4M,private=on", "--device=balloon", 2, acknowledges_interrupts);
	ck_assert_uint_ge(paused, 1);
}
END_TEST

static void makes_many_ranges(unsigned int n, struct kvm_run *run)
{
	if (n)
		ck_assert_int_eq((int)run->hypercall.ret,
				 n <= VMEM_GPA_SET_MAX ? 0 : E2BIG_OF_KVM);
	driver_convert(run, n * UINT64_C(2) * PAGE, 1, true);
}

START_TEST(guest_receives_the_refusal_of_too_many_ranges)
{
	driver_run("--memory=size=16M,private=on", "--disk=path=disk",
	    VMEM_GPA_SET_MAX + 2, makes_many_ranges);
	ck_assert_uint_eq(rig.machine.private_memory.conversions,
			  VMEM_GPA_SET_MAX);
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
		driver_start();
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		vmem_space_add_reader(p->space, &reader);
		ck_assert_ptr_nonnull(vmem_reader_enter(&reader));
	} else if (n == 1) {
		ck_assert_int_eq((int)run->hypercall.ret, EBUSY_OF_KVM);
		ck_assert_uint_eq(p->conversions, 0);
		ck_assert_uint_eq(p->failed, 1);
		ck_assert_uint_eq(p->ranges.n, 0);
		rig.machine.pause.limit.seconds = 0.;	/* the default */
		ck_assert_uint_eq(request(0, DATA, PAGE), 0);
		vmem_reader_leave(&reader);
		vmem_space_remove_reader(&reader);
	} else {
		ck_assert_uint_eq(run->hypercall.ret, 0);
		ck_assert_uint_eq(request(0, DATA, PAGE), 1);
	}
	driver_convert(run, DATA, 1, true);
}

START_TEST(e2_30_conversion_is_refused_after_a_limited_time)
{
	driver_run("--memory=size=4M,private=on", "--disk=path=disk", 3,
	    uses_the_map_for_long);
	ck_assert_uint_eq(rig.machine.private_memory.conversions, 2);
	ck_assert_uint_eq(rig.machine.private_memory.failed, 1);
}
END_TEST

START_TEST(kernel_as_server_of_a_device_is_refused)
{
	kernel_pvh();
	fake.vhost = true;
	RIG_OPTIONS("kernel", "--memory=size=4M,private=on",
		    "--vsock=cid=3,backend=kernel", "--serial=null");
	rig.status = rig_try(NULL);
	ck_assert_int_ne(rig.status, 0);
	ck_assert_msg(strstr(rig.err.msg, "backend=kernel cannot be used with --memory private=on"),
		      "%s", rig.err.msg);
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
	tcase_add_test(tc, only_private_memory_needs_further_calls_of_kvm);
	tcase_add_test(tc, device_whose_ring_becomes_private_needs_a_reset);
	tcase_add_test(tc, held_buffers_do_not_stop_a_conversion);
	tcase_add_test(tc, a8_23_balloon_keeps_private_pages_and_counts_them);
	tcase_add_test(tc, interrupts_are_repeated_after_a_pause);
	tcase_add_test(tc, guest_receives_the_refusal_of_too_many_ranges);
	tcase_add_test(tc, e2_30_conversion_is_refused_after_a_limited_time);
	tcase_add_test(tc, kernel_as_server_of_a_device_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
