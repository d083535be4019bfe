/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Each CPU has an area of memory of its own, of half the largest range of adjacent
 * regions, so that one area contains a boundary if their sizes differ. The host adds and
 * removes disks meanwhile.
 */
#include "irq.h"
#include "lib.h"
#include "soak.h"

#define FROM (16u << 20)	/* above the image and the records of pages */
#define MAX_AREA (UINT64_C(256) << 20)
#define REPORT_MS 10000
#define END_LIMIT_MS 180000
#define PLUG_POLLS 8		/* one of this number of steps */
#define PRESSES 4096

static struct area areas[SOAK_CPUS];
static uint64_t steps[SOAK_CPUS];
static uint32_t ncpus, running, ended, second_ended;
static uint64_t plugs;

/* The largest range of regions that are adjacent. */
static void find_span(const struct cvmm_boot *boot, uint64_t *from, uint64_t *end)
{
	uint64_t at = 0, last = 0, first;
	uint32_t i;

	*from = *end = 0;
	for (i = 0; i < boot->nmemory; i++) {
		const struct cvmm_boot_memory *m = &boot->memory[i];

		if ((m->flags & CVMM_MEMORY_ROM) || !(m->flags & CVMM_MEMORY_PRIVATE))
			continue;
		if (m->gpa != last)
			at = m->gpa;
		last = m->gpa + m->len;
		first = at < FROM ? FROM : at;
		if (last > first && last - first > *end - *from) {
			*from = first;
			*end = last;
		}
	}
}

static bool make_areas(const struct cvmm_boot *boot)
{
	uint64_t from, end, len;
	uint32_t i;

	find_span(boot, &from, &end);
	len = (end - from) / ncpus & ~(LARGE - 1);
	if (len < 2 * LARGE) {
		fault("too little memory: each CPU needs 4 MiB above 16 MiB");
		return false;
	}
	len = len > MAX_AREA ? MAX_AREA : len;
	for (i = 0; i < ncpus; i++) {
		area_init(&areas[i], end - (i + 1) * len, end - i * len, i + 1 + now_ms());
		print("area %u: 0x%lx to 0x%lx\n", i, areas[i].from, areas[i].end);
	}
	return true;
}

static void step(uint32_t cpu)
{
	struct area *a = &areas[cpu];
	const uint64_t what = dice_below(a, 16);

	if (what < 8)
		area_step(a);
	else if (what < 12 || cpu)
		soak_disk(a, cpu);
	else
		soak_net(a);
	if (!dice_below(a, PRESSES))
		area_press(a);
	steps[cpu]++;
}

static void each_slot(uint32_t slots, void (*act)(uint32_t slot))
{
	uint32_t slot;

	for (slot = 1; slot < SLOTS; slot++)
		if (slots & UINT32_C(1) << slot)
			act(slot);
}

static void add_slot(uint32_t slot)
{
	unit_add(slot);
	plugs++;
}

static void eject_slot(uint32_t slot)
{
	unit_remove(slot);
	out32(CVMM_PORT_PLUG_EJECT, UINT32_C(1) << slot);
}

static void poll_plugs(void)
{
	if (dice_below(&areas[0], PLUG_POLLS))
		return;
	each_slot(in32(CVMM_PORT_PLUG_GOES), eject_slot);
	each_slot(in32(CVMM_PORT_PLUG_CAME), add_slot);
}

static uint64_t total(uint64_t refused, uint64_t other)
{
	return refused + (ncpus > 1 ? other : 0);
}

static void report(uint32_t seconds)
{
	print("soak: %u s, %u conversions of %lu pages, %lu refused, %lu busy, %lu requests, %lu frames, %lu devices added, %lu and %lu steps, %u faults\n",
	      seconds, convert_count(), convert_pages(),
	      total(areas[0].refused, areas[1].refused),
	      total(areas[0].busy, areas[1].busy), units_done(), soak_frames(), plugs,
	      steps[0], steps[1], fault_count());
}

static void run_for(uint32_t seconds)
{
	const uint32_t start = now_ms();
	uint32_t reported = start, now = start;

	while (now - start < seconds * UINT64_C(1000)) {
		step(0);
		poll_plugs();
		now = now_ms();
		if (now - reported < REPORT_MS)
			continue;
		reported = now;
		report((now - start) / 1000);
	}
	report((now - start) / 1000);
}

static void end_second(void)
{
	const uint32_t start = now_ms();

	__atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
	while (ncpus > 1 && !__atomic_load_n(&second_ended, __ATOMIC_ACQUIRE)) {
		if (now_ms() - start < END_LIMIT_MS)
			continue;
		fault("a second CPU that does not end");
		return;
	}
}

void soak_first(const struct cvmm_boot *boot, uint32_t seconds)
{
	uint32_t i;

	if (!(boot->flags & CVMM_BOOT_PCI)) {
		fault("no PCI bus; start cvmm with --transport=pci");
		return;
	}
	ncpus = boot->ncpus < SOAK_CPUS ? boot->ncpus : SOAK_CPUS;
	if (!make_areas(boot))
		return;
	each_slot(~UINT32_C(0), unit_add);
	__atomic_store_n(&running, 1, __ATOMIC_RELEASE);
	run_for(seconds);
	end_second();
	for (i = 0; i < ncpus; i++)
		area_end(&areas[i]);
}

/* If CPU 0 never starts the soak, it powers the machine off. */
void soak_second(void)
{
	while (!__atomic_load_n(&running, __ATOMIC_ACQUIRE))
		cpu_pause();
	irq_init_cpu();
	while (!__atomic_load_n(&ended, __ATOMIC_ACQUIRE))
		step(1);
	__atomic_store_n(&second_ended, 1, __ATOMIC_RELEASE);
}
