/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Prints the shared memory regions of a device as runs of equal pages (hole,
 * read-only, writable), with the first bytes of each run. Writes the last 8
 * bytes of every page to determine its kind; the mark stays in writable pages,
 * for the host to check.
 */
#include "lib.h"
#include "selftest.h"

#define PAGE 4096u
#define MAX_IDS 8
#define MAX_SHOWN (UINT64_C(16) << 20) /* maximum number of bytes checked per region */
#define MARK UINT64_C(0x6b72616d6d6d7663) /* "cvmmmark" */

enum kind { HOLE, READ_ONLY, WRITABLE, NONE };

static const char *const names[] = { "hole", "read-only", "writable" };

/*
 * Writes the mark to a page that is writable; it stays there for the host to
 * check.
 */
static enum kind probe(uint64_t page)
{
	uint64_t at = page + PAGE - 8, before = mmio_read64(at);
	uint64_t other = before == MARK ? ~MARK : MARK;
	bool kept;

	mmio_write64(at, other);
	kept = mmio_read64(at) == other;
	if (kept && other != MARK)
		mmio_write64(at, MARK);
	if (kept)
		return WRITABLE;
	return mmio_read64(page) == UINT64_MAX && before == UINT64_MAX ?
	       HOLE : READ_ONLY;
}

static void show_run(enum kind kind, uint64_t base, uint64_t from, uint64_t to)
{
	if (kind == NONE)
		return;
	print("  0x%lx-0x%lx %s", from, to, names[kind]);
	if (kind != HOLE)
		print(" %lx", mmio_read64(base + from));
	print("\n");
}

static void show_region(uint64_t base, uint64_t len)
{
	enum kind kind = NONE, here;
	uint64_t off, from = 0;

	if (len > MAX_SHOWN)
		len = MAX_SHOWN;
	for (off = 0; off < len; off += PAGE) {
		here = probe(base + off);
		if (here == kind && kind == HOLE)
			continue;
		if (here != kind || mmio_read64(base + off)) {
			show_run(kind, base, from, off);
			kind = here;
			from = off;
		}
	}
	show_run(kind, base, from, len);
}

void show_shared(struct device *dev, unsigned int number)
{
	uint64_t base, len;
	uint32_t id;

	for (id = 0; id < MAX_IDS; id++) {
		if (!shared_region(dev, id, &base, &len))
			continue;
		print("device %u: shared region %u, 0x%lx bytes at 0x%lx\n",
		      number, id, len, base);
		show_region(base, len);
	}
}
