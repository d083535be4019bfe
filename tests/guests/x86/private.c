/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * builtin:private: uses private memory as a confidential guest does, at privilege
 * level 0, because KVM accepts hypercalls from there only. Converts pages, large
 * pages and ranges of several regions, on two CPUs at the same time, and checks
 * the contents after each conversion. Then makes all memory private except this
 * image, drives the disks through shared bounce buffers, requests them to access the
 * private memory, which must fail, and gives the memory back. With "rounds=N" on the
 * command line, repeats the conversions N times. With "soak=N", does all of this at random
 * for N seconds instead (soak.c).
 *
 * A page that changes its half reads as zeros; a page that already has the half
 * keeps its contents.
 */
#include "convert.h"
#include "irq.h"
#include "lib.h"
#include "selftest.h"
#include "soak.h"

#define FROM (16u << 20)	/* above the image and the boot information */
#define KVM_EINVAL 22
#define ROUNDS 2
#define TWO_CPUS_LIMIT_MS 30000
#define ACROSS (16 * PAGE)	/* bytes on each side of a boundary */

static uint32_t rounds = ROUNDS;

/* Start and end of the second CPU's part; one writer each. */
static uint64_t second_area;
static uint32_t second_started, second_done;

static void test_page(uint64_t gpa, uint64_t seed)
{
	const uint64_t at = gpa + PAGE;

	fill(gpa, 3 * PAGE, seed);
	if (!convert_must(at, PAGE, true))
		return;
	expect_zeros(at, PAGE, "a new private page with contents");
	fill(at, PAGE, seed + 1);
	convert_must(at, PAGE, true);
	expect_filled(at, PAGE, seed + 1, "a private page lost its contents");
	expect_filled(gpa, PAGE, seed, "the page before changed");
	expect_filled(at + PAGE, PAGE, seed, "the page behind changed");
	convert_must(at, PAGE, false);
	expect_zeros(at, PAGE, "a page that became shared with contents");
	fill(at, PAGE, seed + 2);
	convert_must(at, PAGE, false);
	expect_filled(at, PAGE, seed + 2, "a shared page lost its contents");
}

/* Converts a page in the middle back, then all of it. */
static void test_large(uint64_t gpa, uint64_t seed)
{
	const uint64_t middle = gpa + LARGE / 2, rest = LARGE / 2 - PAGE;

	fill(gpa, LARGE, seed);
	if (!convert_must(gpa, LARGE, true))
		return;
	expect_zeros(gpa, LARGE, "2 MiB that became private with contents");
	fill(gpa, LARGE, seed + 1);
	convert_must(middle, PAGE, false);
	expect_zeros(middle, PAGE, "a page within 2 MiB with contents");
	fill(middle, PAGE, seed + 2);
	expect_filled(gpa, LARGE / 2, seed + 1, "the first MiB changed");
	expect_filled(middle + PAGE, rest, seed + 1, "the second MiB changed");
	convert_must(gpa, LARGE, false);
	expect_zeros(gpa, LARGE / 2, "a first MiB that became shared with contents");
	expect_filled(middle, PAGE, seed + 2, "the shared page lost its contents");
	expect_zeros(middle + PAGE, rest, "a second MiB that became shared with contents");
}

static void test_across(uint64_t boundary, uint64_t seed)
{
	const uint64_t gpa = boundary - ACROSS;

	fill(gpa, 2 * ACROSS, seed);
	if (!convert_must(gpa, 2 * ACROSS, true))
		return;
	expect_zeros(gpa, 2 * ACROSS, "two regions that became private with contents");
	fill(gpa, 2 * ACROSS, seed);
	expect_filled(gpa, 2 * ACROSS, seed, "two private regions do not keep contents");
	convert_must(gpa, 2 * ACROSS, false);
	expect_zeros(gpa, 2 * ACROSS, "two regions that became shared with contents");
}

static void refused(uint64_t gpa, uint64_t len, const char *what)
{
	if (convert(gpa, len, true) != -KVM_EINVAL)
		fault(what);
}

/* A refused conversion changes nothing. */
static void test_refusals(uint64_t end)
{
	fill(end - PAGE, PAGE, end);
	refused(end - PAGE, 2 * PAGE, "a conversion beyond the end of memory");
	refused(end - PAGE, 0, "a conversion of no page");
	refused(end - PAGE + 8, PAGE, "a conversion of parts of two pages");
	refused(end - PAGE, -PAGE, "a conversion beyond the address space");
	expect_filled(end - PAGE, PAGE, end, "a refused conversion changed memory");
}

/* Odd pages of the area are the second CPU's. */
static void convert_alternate(uint64_t area, uint32_t cpu)
{
	uint64_t at;
	uint32_t i;

	for (i = 0; i < rounds; i++)
		for (at = area + cpu * PAGE; at < area + 32 * PAGE; at += 2 * PAGE) {
			fill(at, PAGE, i);
			convert_must(at, PAGE, true);
			expect_zeros(at, PAGE, "a private page of two CPUs with contents");
			fill(at, PAGE, i + 1);
			expect_filled(at, PAGE, i + 1, "a private page changed by another CPU");
			convert_must(at, PAGE, false);
			expect_zeros(at, PAGE, "a shared page of two CPUs with contents");
		}
}

/* Ends when the first CPU powers the machine off, if it never has an area. */
static void second_cpu(void)
{
	uint64_t area;

	while (!(area = __atomic_load_n(&second_area, __ATOMIC_ACQUIRE)))
		cpu_pause();
	__atomic_store_n(&second_started, 1, __ATOMIC_RELEASE);
	convert_alternate(area, 1);
	__atomic_store_n(&second_done, 1, __ATOMIC_RELEASE);
}

static bool wait_for(const uint32_t *flag)
{
	const uint32_t start = now_ms();

	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		if (now_ms() - start > TWO_CPUS_LIMIT_MS)
			return false;
	return true;
}

static void test_two_cpus(uint64_t area)
{
	__atomic_store_n(&second_area, area, __ATOMIC_RELEASE);
	if (!wait_for(&second_started)) {
		fault("a second CPU that does not start");
		return;
	}
	convert_alternate(area, 0);
	if (!wait_for(&second_done))
		fault("a second CPU that does not end its conversions");
}

/* The part of a region that this guest may convert; false: none. */
static bool converts(const struct cvmm_boot_memory *m)
{
	return (m->flags & (CVMM_MEMORY_ROM | CVMM_MEMORY_PRIVATE)) == CVMM_MEMORY_PRIVATE;
}

static bool usable(const struct cvmm_boot_memory *m, uint64_t *from,
		   uint64_t *end)
{
	*from = m->gpa < FROM ? FROM : m->gpa;
	*from = (*from + LARGE - 1) & ~(LARGE - 1);
	*end = m->gpa + m->len;
	return converts(m) && *from + 2 * LARGE <= *end;
}

static void test_piece(const struct cvmm_boot *boot, uint32_t i)
{
	const struct cvmm_boot_memory *m = &boot->memory[i];
	uint64_t from, end;
	uint32_t round;
	bool across;

	if (!usable(m, &from, &end))
		return;
	across = i + 1 < boot->nmemory && boot->memory[i + 1].gpa == end &&
		 converts(&boot->memory[i + 1]);
	print("memory 0x%lx to 0x%lx%s\n", from, end,
	      across ? ", continued" : "");
	for (round = 0; round < rounds; round++) {
		test_page(from, round);
		test_large(from, round);
		if (across)
			test_across(end, round);
	}
	if (!across)
		test_refusals(end);
}

static void convert_all(const struct cvmm_boot *boot, bool to_private)
{
	uint64_t from, end;
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++) {
		if (!usable(&boot->memory[i], &from, &end))
			continue;
		convert_must(from, end - from, to_private);
		if (to_private)
			fill(from, LARGE, i);
		else
			expect_zeros(from, LARGE, "memory given back with contents");
	}
}

static void check_all(const struct cvmm_boot *boot)
{
	uint64_t from, end;
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++)
		if (usable(&boot->memory[i], &from, &end))
			expect_filled(from, LARGE, i, "private memory changed during I/O");
}

static bool find_disk(const struct cvmm_boot *boot, struct device *dev, uint32_t i)
{
	*dev = (struct device){ 0 };
	if (boot->flags & CVMM_BOOT_PCI)
		return device_find_pci(dev, i) && dev->id == ID_BLOCK;
	return i < boot->ndevices && device_find(dev, boot->devices[i].gpa) &&
	       dev->id == ID_BLOCK;
}

static void test_disks(const struct cvmm_boot *boot, uint64_t private_gpa)
{
	struct device dev;
	uint32_t i;

	for (i = 0; i < CVMM_BOOT_MAX_DEVICES; i++)
		if (find_disk(boot, &dev, i))
			test_bounced(&dev, i, (void *)private_gpa);
}

/* The private area of the disks is behind the words that check_all() compares. */
static void test_io(const struct cvmm_boot *boot)
{
	uint64_t from, end;
	uint32_t i;

	convert_all(boot, true);
	for (i = 0; i < boot->nmemory; i++)
		if (usable(&boot->memory[i], &from, &end))
			break;
	if (i < boot->nmemory)
		test_disks(boot, from + LARGE);
	else
		fault("no memory to convert: it needs 4 MiB above 16 MiB");
	check_all(boot);
	convert_all(boot, false);
}

/* The number behind a key on the command line, or other. */
static uint32_t number_of(const char *cmdline, const char *key, uint32_t other)
{
	uint32_t i, n = 0;

	for (; *cmdline; cmdline++) {
		for (i = 0; key[i] && cmdline[i] == key[i]; i++)
			;
		if (key[i])
			continue;
		for (cmdline += i; *cmdline >= '0' && *cmdline <= '9'; cmdline++)
			n = n * 10 + (uint32_t)(*cmdline - '0');
		return n;
	}
	return other;
}

static void run_tests(const struct cvmm_boot *boot)
{
	uint64_t from, end;
	uint32_t i;

	for (i = 0; i < boot->nmemory; i++)
		test_piece(boot, i);
	for (i = 0; i < boot->nmemory; i++)
		if (boot->ncpus > 1 && usable(&boot->memory[i], &from, &end)) {
			test_two_cpus(from);
			break;
		}
	test_io(boot);
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	const char *cmdline = (const char *)boot->cmdline_gpa;
	const uint32_t seconds = number_of(cmdline, "soak=", 0);

	if (cpu == 1)
		(seconds ? soak_second : second_cpu)();
	if (cpu)
		return;		/* start0.S stops this CPU */
	irq_init();		/* also reports exceptions */
	rounds = number_of(cmdline, "rounds=", ROUNDS);
	print("private: %u CPUs, %u pieces of memory, %u rounds\n", boot->ncpus,
	      boot->nmemory, rounds);
	if (!convert_offered())
		fault("no conversion of memory; start cvmm with --memory private=on");
	else if (seconds)
		soak_first(boot, seconds);
	else
		run_tests(boot);
	print("%u conversions, %lu pages\n", convert_count(), convert_pages());
	print("private: %s, %u faults\n", faults ? "not content" : "content",
	      faults);
	power_off(faults ? 1 : 0);
}
