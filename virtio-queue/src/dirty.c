/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks stores in dirty bitmaps and logs, after the store. */
#include <config.h>

#include "vq.h"

#define LOG_PAGE_SHIFT 12	/* independent of the host's page size */

#define WORD_BITS 64u

/* The bits of [page, last] that lie in the same byte as that of page. */
static unsigned char log_bits(uint64_t page, uint64_t last)
{
	unsigned int mask = 0xffu << page % 8;

	if (last / 8 == page / 8)
		mask &= 0xffu >> (7 - last % 8);
	return (unsigned char)mask;
}

/* Whether a whole word of the log begins at page, all of it within the range. */
static bool is_whole_word(const struct vq_log *log, uint64_t page,
			  uint64_t last)
{
	return !(page % 8) && last - page >= WORD_BITS - 1 &&
	       log->size - page / 8 >= sizeof(uint64_t) &&
	       !((uintptr_t)&log->base[page / 8] % sizeof(uint64_t));
}

/*
 * The harvester clears bits concurrently. Always write the bits: the locked
 * access is also the fence between the data and the bits. One access marks all
 * pages of a word, because a chain may have a million pages.
 */
static void log_range(const struct vq_log *log, uint64_t gpa, uint64_t len)
{
	uint64_t page = gpa >> LOG_PAGE_SHIFT;
	uint64_t last = (gpa + (len - 1)) >> LOG_PAGE_SHIFT;
	unsigned char *byte;

	while (len && page <= last && page / 8 < log->size) {
		byte = &log->base[page / 8];
		if (is_whole_word(log, page, last)) {
			__atomic_fetch_or((uint64_t *)(void *)byte, UINT64_MAX,
					  __ATOMIC_SEQ_CST);
			page += WORD_BITS;
		} else {
			__atomic_fetch_or(byte, log_bits(page, last),
					  __ATOMIC_SEQ_CST);
			page = (page | 7) + 1;
		}
	}
}

/* Finds the region by host address, which the store used. */
static void mark_in_map(struct vq *q, struct vmem_map *map, const void *hva,
			uint64_t len, bool log)
{
	struct vmem_region *region = map ? vmem_map_find_hva(map, hva) : NULL;
	uint64_t off;

	if (!region)
		return;
	vmem_dirty_mark(vmem_region_dirty(region), hva, len);
	if (!log)
		return;
	off = (uint64_t)((const unsigned char *)hva - vmem_region_hva(region));
	log_range(q->log.area, vmem_region_gpa(region) + off, len);
}

/*
 * The front-end sets the address under which the device area is logged. Behind an IOMMU
 * this may be the I/O address, while other pages are logged by guest address.
 */
void vq_priv_mark_area(struct vq *q, const struct vq_priv_area *area,
		       uint64_t off, uint64_t len)
{
	bool log = q->log.area && q->log.ring && len;

	vmem_dirty_mark(area->dirty, area->hva + off, len);
	if (log && area == &q->area[AREA_DEVICE] &&
	    !(q->view->flags & VMEM_VIEW_IOTLB))
		log_range(q->log.area, q->log.used_gpa + off, len);
	else if (log)
		mark_in_map(q, q->map, area->hva + off, len, true);
}

void vq_priv_mark_chain(struct vq *q, uint16_t head, const void *hva,
			uint64_t len)
{
	if (!q)
		return;
	vq_priv_debug_marked(q, head, len);
	if (q->marks && len)
		mark_in_map(q, vq_priv_chain_map(q, head), hva, len,
			    q->log.area != NULL);
}

void vq_set_log(struct vq *q, const struct vq_log *log)
{
	q->log.area = log;
	vq_priv_set_marks(q);
}

void vq_set_ring_log(struct vq *q, bool on, uint64_t device_gpa)
{
	q->log.ring = on;
	q->log.used_gpa = device_gpa;
}

void vq_chain_written(struct vq *q, const struct vq_chain *chain, uint32_t off,
		      uint32_t len)
{
	const struct iovec *iov = chain->iov + chain->nreadable;
	uint32_t i, n;

	if (!q->marks && !VQ_PRIV_DEBUG)
		return;
	for (i = 0; len && i < chain->nwritable; i++) {
		if (off >= iov[i].iov_len) {
			off -= (uint32_t)iov[i].iov_len;
			continue;
		}
		n = (uint32_t)iov[i].iov_len - off;
		if (n > len)
			n = len;
		vq_priv_mark_chain(q, chain->head,
				   (const char *)iov[i].iov_base + off, n);
		off = 0;
		len -= n;
	}
}
