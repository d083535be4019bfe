/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Drives a balloon (VIRTIO 1.3, section 5.5): inflates it by the last pages of each
 * piece of memory, deflates it, and writes into these pages what load_memory() expects.
 */
#include "lib.h"
#include "selftest.h"

#define PAGE 4096u
#define PAGES 64u		/* of each piece */
#define INFLATE 0
#define DEFLATE 1

static uint32_t numbers[PAGES];

/* Only pages above this guest's own memory. */
static uint32_t list_pages(const struct cvmm_boot_memory *m)
{
	const uint64_t end = m->gpa + m->len;
	uint32_t n = 0;

	while (n < PAGES && end - (n + 1) * PAGE >= m->gpa &&
	       end - (n + 1) * PAGE >= LOAD_FROM) {
		numbers[n] = (uint32_t)(end / PAGE - n - 1);
		n++;
	}
	return n;
}

static bool send_pages(struct device *dev, uint32_t queue, uint32_t n)
{
	const struct piece piece = { numbers, n * (uint32_t)sizeof(numbers[0]), false };

	return queue_do(dev, queue, &piece, 1) >= 0;
}

static uint32_t use_piece(struct device *dev, const struct cvmm_boot_memory *m)
{
	const uint32_t n = list_pages(m);
	uint32_t i;

	if (!n)
		return 0;
	if (!send_pages(dev, INFLATE, n) || !send_pages(dev, DEFLATE, n))
		fault("a balloon that does not accept pages");
	for (i = 0; i < n; i++)
		restore_page(numbers[i] * (uint64_t)PAGE);
	return n;
}

void test_balloon(struct device *dev, const struct cvmm_boot *boot)
{
	uint32_t i, n = 0;

	for (i = 0; i < boot->nmemory; i++)
		if (!(boot->memory[i].flags & CVMM_MEMORY_ROM))
			n += use_piece(dev, &boot->memory[i]);
	print("balloon: %u pages\n", n);
}
