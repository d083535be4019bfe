/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Conversion of memory by hypercalls, and contents of pages. */
#include "convert.h"
#include "lib.h"

#define HC_MAP_GPA_RANGE 12
#define ENCRYPTED 0x10
#define CPUID_KVM 0x40000000u
#define FEATURE_MAP_GPA_RANGE (1u << 16)
#define STEP 512u	/* bytes between the words that are compared */

static uint32_t conversions;
static uint64_t pages;

static void cpuid(uint32_t leaf, uint32_t *a, uint32_t *b)
{
	uint32_t c = 0, d;

	*a = leaf;
	__asm__ volatile("cpuid" : "+a"(*a), "=b"(*b), "+c"(c), "=d"(d));
}

bool convert_offered(void)
{
	uint32_t a, b;

	cpuid(CPUID_KVM, &a, &b);
	if (b != 0x4b4d564b)	/* "KVMK" */
		return false;
	cpuid(CPUID_KVM + 1, &a, &b);
	return a & FEATURE_MAP_GPA_RANGE;
}

static bool is_amd(void)
{
	uint32_t a, b;

	cpuid(0, &a, &b);
	return b == 0x68747541;	/* "Auth" */
}

/* KVM replaces the other vendor's instruction only in writable code. */
int64_t convert(uint64_t gpa, uint64_t len, bool to_private)
{
	const uint64_t how = to_private ? ENCRYPTED : 0;
	int64_t rc = HC_MAP_GPA_RANGE;

	if (is_amd())
		__asm__ volatile("vmmcall" : "+a"(rc)
				 : "b"(gpa), "c"(len / PAGE), "d"(how)
				 : "memory");
	else
		__asm__ volatile("vmcall" : "+a"(rc)
				 : "b"(gpa), "c"(len / PAGE), "d"(how)
				 : "memory");
	if (!rc) {
		__atomic_fetch_add(&conversions, 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&pages, len / PAGE, __ATOMIC_RELAXED);
	}
	return rc;
}

bool convert_must(uint64_t gpa, uint64_t len, bool to_private)
{
	if (!convert(gpa, len, to_private))
		return true;
	fault(to_private ? "a refused conversion to private memory"
			 : "a refused conversion to shared memory");
	return false;
}

/* Never 0, so that it differs from a page that was released. */
static uint64_t word_of(uint64_t at, uint64_t seed)
{
	return ((at ^ seed) * 0x9e3779b97f4a7c15) | 1;
}

void fill_as(uint64_t gpa, uint64_t len, uint64_t key, uint64_t seed)
{
	uint64_t at;

	for (at = 0; at < len; at += STEP)
		mmio_write64(gpa + at, word_of(key + at, seed));
}

void fill(uint64_t gpa, uint64_t len, uint64_t seed)
{
	fill_as(gpa, len, gpa, seed);
}

void expect_filled_as(uint64_t gpa, uint64_t len, uint64_t key, uint64_t seed,
		      const char *what)
{
	uint64_t at;

	for (at = 0; at < len; at += STEP) {
		if (mmio_read64(gpa + at) == word_of(key + at, seed))
			continue;
		fault(what);
		return;
	}
}

void expect_filled(uint64_t gpa, uint64_t len, uint64_t seed, const char *what)
{
	expect_filled_as(gpa, len, gpa, seed, what);
}

void expect_zeros(uint64_t gpa, uint64_t len, const char *what)
{
	uint64_t at;

	for (at = gpa; at < gpa + len; at += STEP) {
		if (!mmio_read64(at))
			continue;
		fault(what);
		return;
	}
}

uint32_t convert_count(void)
{
	return __atomic_load_n(&conversions, __ATOMIC_RELAXED);
}

uint64_t convert_pages(void)
{
	return __atomic_load_n(&pages, __ATOMIC_RELAXED);
}
