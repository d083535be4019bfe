/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about resets by the CPUs of a real guest. */
#include <config.h>

#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "rig.h"

/* Writes 0 to the status, then counts. */
GUEST(reset_once, "mov $0xd0000070, %edx\n xor %eax, %eax\n"
      "mov %eax, (%rdx)\n 1: incq (%rdi)\n jmp 1b");

/* Writes one byte of the register. */
GUEST(narrow_once, "mov $0xd0000070, %edx\n xor %eax, %eax\n"
      "movb %al, (%rdx)\n 1: incq (%rdi)\n jmp 1b");

/* A device with a request in flight until the test ends it. */
struct fake {
	unsigned int drained, unlocked;
	bool freed;
	int host_fd;		/* readable: it has ended */
};

static struct vm vm;
static struct fake fake;
static struct vmm_virtio_resources resources;
static struct vmm_virtio *virtio;

static int fake_start(void *self, uint32_t queue, struct vq *q, struct vsu_error *err)
{
	struct fake *f = self;

	(void)queue;
	(void)q;
	(void)err;
	f->unlocked += !vmm_virtio_is_mine(virtio);
	return 0;
}

static int fake_drain(void *self, uint32_t queue)
{
	struct fake *f = self;
	struct pollfd p = { .fd = f->host_fd, .events = POLLIN };

	(void)queue;
	f->unlocked += !vmm_virtio_is_mine(virtio);
	f->drained++;
	return poll(&p, 1, 0) == 1 ? 0 : 1;
}

static int fake_host_fd(void *self, uint32_t queue)
{
	struct fake *f = self;

	(void)queue;
	return f->host_fd;
}

static void fake_free(void *self)
{
	struct fake *f = self;

	f->unlocked += vmm_virtio_is_mine(virtio);
	f->freed = true;
}

static struct virtdev *make_device(void)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "fake",
		.queue_start = fake_start, .queue_drain = fake_drain,
		.queue_host_fd = fake_host_fd, .free = fake_free,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 1, .queue_size_max = 16,
		.features = VQ_F_VERSION_1,
	};
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_new(&ops, &info, &fake, &dev, NULL), 0);
	return dev;
}

static void setup(void)
{
	vm_make(&vm);
	memset(&fake, 0, sizeof(fake));
	fake.host_fd = vsu_event_new();
	resources.loop = loop_begin();
	resources.kvm = &vm.kvm;
	resources.gpa = REGISTER_GPA;
	resources.irq = 5;
	resources.space = rig_space();
	ck_assert_int_eq(vmm_virtio_local(&resources, make_device(), NULL, &virtio, NULL), 0);
}

static void teardown(void)
{
	vmem_space_free(resources.space);
	vsu_loop_free(resources.loop);
	close(fake.host_fd);
	vm_free(&vm);
}

static void start_cpus(unsigned int n, const unsigned char *code,
		       const unsigned char *end)
{
	ck_assert_int_eq(vmm_virtio_attach_mmio(virtio, &vm.mmio, NULL), 0);
	vm_add_cpus(&vm, n, code, end, NULL, NULL);
	vmm_virtio_set_cpus(virtio, vm.cpus);
	rig_start(virtio);
	ck_assert_int_eq(varch_cpus_start(vm.cpus, NULL), 0);
}

/* The request has ended: so does a reset in progress. */
static void end_request(void)
{
	ck_assert_int_eq(vsu_event_signal(fake.host_fd), 0);
	loop_once(resources.loop);
}

/* The end of every test; the CPUs stop first. */
static void finish(void)
{
	vm_stop(&vm);
	ck_assert_int_eq(vsu_event_signal(fake.host_fd), 0);
	vmm_virtio_free(virtio);
	ck_assert(fake.freed);
	ck_assert_uint_eq(fake.unlocked, 0);
}

START_TEST(a3_05_two_cpus_that_reset_one_device_both_go_on)
{
	start_cpus(2, reset_once, reset_once_end);
	while (fake.drained < 2)
		vm_turn(&vm);
	ck_assert_uint_eq(rig_status(virtio), 15);
	ck_assert_uint_eq(vm_counter(&vm, 0) + vm_counter(&vm, 1), 0);
	end_request();
	vm_wait_above(&vm, 0, 0);
	vm_wait_above(&vm, 1, 0);
	ck_assert_uint_eq(rig_status(virtio), 0);
	finish();
}
END_TEST

/* The first CPU waits, and the reset of the second one is complete at once. */
START_TEST(a3_05_immediate_reset_releases_waiting_cpus)
{
	start_cpus(2, reset_once, reset_once_end);
	while (fake.drained < 1)
		vm_turn(&vm);
	ck_assert_int_eq(vsu_event_signal(fake.host_fd), 0);
	while (fake.drained < 2)
		vm_turn(&vm);
	vsu_loop_dispatch(resources.loop);	/* if the other one was early */
	vm_wait_above(&vm, 0, 0);
	vm_wait_above(&vm, 1, 0);
	ck_assert_uint_eq(rig_status(virtio), 0);
	finish();
}
END_TEST

START_TEST(a3_11_a_narrow_store_to_the_status_stops_nothing)
{
	start_cpus(1, narrow_once, narrow_once_end);
	vm_wait_above(&vm, 0, 0);
	ck_assert_uint_eq(fake.drained, 0);
	ck_assert_uint_eq(rig_status(virtio), 15);
	finish();
}
END_TEST

/* Waiting for the reply inside the turn would never end. */
START_TEST(a4_18_a_reset_with_a_slow_request_leaves_the_loop_its_turns)
{
	start_cpus(1, reset_once, reset_once_end);
	while (!fake.drained)
		vm_turn(&vm);
	vmm_virtio_refresh(virtio);
	vsu_loop_dispatch(resources.loop);
	ck_assert_uint_eq(vm_counter(&vm, 0), 0);
	end_request();
	vm_wait_above(&vm, 0, 0);
	ck_assert_uint_eq(rig_status(virtio), 0);
	finish();
}
END_TEST

int main(void)
{
	const char *why = no_kvm();
	Suite *s;
	TCase *tc;

	if (why)
		return skip_all(why);
	s = suite_create("reset");
	tc = tcase_create("reset");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a3_05_two_cpus_that_reset_one_device_both_go_on);
	tcase_add_test(tc,
		a3_05_immediate_reset_releases_waiting_cpus);
	tcase_add_test(tc, a3_11_a_narrow_store_to_the_status_stops_nothing);
	tcase_add_test(tc,
		a4_18_a_reset_with_a_slow_request_leaves_the_loop_its_turns);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
