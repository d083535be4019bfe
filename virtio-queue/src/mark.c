/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Telling dirty bitmaps what was stored, after it was stored. */
#include <config.h>

#include "vq.h"

void vq_priv_mark_area(struct vq *q, const struct vq_priv_area *area,
		       uint64_t off, uint64_t len)
{
	(void)q;
	vmem_dirty_mark(area->dirty, area->hva + off, len);
}

void vq_priv_mark_chain(struct vq *q, uint16_t head, const void *hva,
			uint64_t len)
{
	struct vmem_region *region;

	if (!q->marks)
		return;
	region = vmem_map_find_hva(vq_priv_chain_map(q, head), hva);
	if (region)
		vmem_dirty_mark(vmem_region_dirty(region), hva, len);
}

void vq_chain_written(struct vq *q, const struct vq_chain *chain, uint32_t off,
		      uint32_t len)
{
	const struct iovec *iov = chain->iov + chain->nreadable;
	uint32_t i, n;

	for (i = 0; q->marks && len && i < chain->nwritable; i++) {
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
