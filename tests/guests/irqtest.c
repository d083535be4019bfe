/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * builtin:irqtest: drives every disk as the self-test does, but at privilege
 * level 0 and halted until the device interrupts. It requires a KVM that runs
 * level 0 natively.
 */
#include "irq.h"
#include "lib.h"
#include "selftest.h"

#define ID_BLOCK 2
#define LIMIT_MS 30000

static struct device devices[CVMM_BOOT_MAX_DEVICES];
static uint32_t irqs[CVMM_BOOT_MAX_DEVICES];
/*
 * Interrupts with an empty status, because an earlier handler acknowledged the
 * reason.
 */
static uint32_t unasked;

/* Each device has a line of its own. */
static struct device *device_of(uint32_t irq)
{
	unsigned int i;

	for (i = 0; i < CVMM_BOOT_MAX_DEVICES; i++)
		if (irqs[i] == irq && devices[i].base)
			return &devices[i];
	return 0;
}

static void on_device(uint32_t irq)
{
	if (!device_acknowledge(device_of(irq)))
		unasked++;
}

static bool wait_for(struct device *dev, uint32_t queue)
{
	(void)queue;
	return irq_wait(irqs[dev - devices], LIMIT_MS);
}

static void test_device(const struct cvmm_boot_device *at, unsigned int i)
{
	struct device *dev = &devices[i];

	if (!device_find(dev, at->gpa) || dev->id != ID_BLOCK)
		return;
	dev->wait = wait_for;
	irqs[i] = at->irq;
	irq_enable(at->irq, on_device);
	test_disk(dev, i);
	print("disk %u: %u interrupts\n", i, irq_count(at->irq));
	if (!irq_count(at->irq))
		fault("a disk that never interrupts");
}

static void check_level(const struct cvmm_boot *boot)
{
	if (!is_kernel_level() || !(boot->flags & CVMM_BOOT_LEVEL0))
		fault("not entered at level 0");
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	unsigned int i;

	if (cpu)
		return;		/* the entry stops this CPU */
	print("irqtest: %u CPUs, %u devices\n", boot->ncpus, boot->ndevices);
	check_level(boot);
	irq_init();
	for (i = 0; i < boot->ndevices && i < CVMM_BOOT_MAX_DEVICES; i++)
		test_device(&boot->devices[i], i);
	print("%u interrupts without a reason\n", unasked);
	print("irqtest: %s, %u faults\n", faults ? "not content" : "content",
	      faults);
	power_off(faults ? 1 : 0);
}
