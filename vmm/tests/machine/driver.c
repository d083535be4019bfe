/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers, rings and hypercalls of the guest of a test. */
#include <config.h>

#include <vmm-sys-util/exit.h>

#include "driver.h"
#include "kernels.h"
#include "rig.h"

enum {
	FEATURES = 0x20, FEATURES_SEL = 0x24, QUEUE_SEL = 0x30, QUEUE_NUM = 0x38,
	QUEUE_READY = 0x44, AREAS = 0x80,
};

struct driver driver;

void *driver_at(uint64_t gpa)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(vmm_memory_map(&rig.machine.memory)),
				   &hint, gpa, 1, VMEM_READ);
}

uint32_t driver_access(uint64_t offset, bool write, uint32_t value)
{
	struct varch_access access = { .len = 4, .write = write, .value = value };

	varch_bus_access(&rig.machine.mmio, VARCH_TRANSPORTS_GPA + offset, &access);
	return (uint32_t)access.value;
}

void driver_out(uint64_t offset, uint32_t value)
{
	driver_access(offset, true, value);
}

void driver_start(void)
{
	static const uint32_t areas[] = { 0, 0x10, 0x20 };
	unsigned int i;

	driver_out(DRIVER_STATUS, 1);
	driver_out(DRIVER_STATUS, 3);
	driver_out(FEATURES_SEL, 0);
	driver_out(FEATURES, driver.features);
	driver_out(FEATURES_SEL, 1);
	driver_out(FEATURES, 1);
	driver_out(DRIVER_STATUS, 11);
	driver_out(QUEUE_SEL, driver.queue);
	driver_out(QUEUE_NUM, 16);
	for (i = 0; i < COUNT(areas); i++)
		driver_out(AREAS + areas[i], DRIVER_RING + i * DRIVER_PAGE);
	driver_out(QUEUE_READY, 1);
	driver_out(DRIVER_STATUS, 15);
}

uint16_t driver_used(void)
{
	return __atomic_load_n((uint16_t *)driver_at(DRIVER_RING + 2 * DRIVER_PAGE) + 1, __ATOMIC_ACQUIRE);
}

void driver_offer(const struct driver_descriptor *d, unsigned int n)
{
	uint16_t *available = driver_at(DRIVER_RING + DRIVER_PAGE);

	memcpy(driver_at(DRIVER_RING), d, n * sizeof(*d));
	available[2 + driver.made % 16] = 0;
	__atomic_store_n(&available[1], ++driver.made, __ATOMIC_RELEASE);
	driver_out(DRIVER_NOTIFY, driver.queue);
}

void driver_convert(struct kvm_run *run, uint64_t gpa, uint64_t pages, bool private_half)
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
	if (n == driver.last)
		return fake_power_off(run);
	driver.story(n, run);
	return 0;
}

/* All tests run in one process if Check does not fork. */
void driver_run_any(const char *memory, const char *device, unsigned int steps,
		    void (*story)(unsigned int n, struct kvm_run *run))
{
	static const char sectors[65536] = "sector";

	driver = (struct driver){ .story = story, .last = steps };
	kernel_pvh();
	rig_file("disk", sectors, sizeof(sectors));
	fake.guest = play;
	RIG_OPTIONS("kernel", memory, device, "--serial=null", "--transport=mmio");
	rig_run();
}

void driver_run(const char *memory, const char *device, unsigned int steps,
		void (*story)(unsigned int n, struct kvm_run *run))
{
	driver_run_any(memory, device, steps, story);
	ck_assert_msg(rig.status == VSU_EXIT_OK, "%s", rig.err.msg);
}
