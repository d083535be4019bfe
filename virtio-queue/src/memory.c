/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The memory of a queue: which map it works on, and where its ring lies in it.
 *
 * The queue holds one reference on its map. Chains in flight share it; when
 * the queue moves on they get references of their own, so that their pieces
 * stay mapped until they are pushed, and nothing is allocated.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/checked.h>

#include "vq.h"

static const char *const area_names[AREA_COUNT] = {
	"descriptor", "driver", "device",
};

static uint32_t area_access(const struct vq *q, int i)
{
	return i == AREA_DESC ? q->format->desc_access :
	       i == AREA_DRIVER ? VMEM_READ : VMEM_READ | VMEM_WRITE;
}

static unsigned char *area_hva(const struct vmem_range *range, uint64_t gpa)
{
	return range->hva + (gpa - range->first);
}

/*
 * All areas or none; returns the one that is not there, or AREA_COUNT. A
 * region may lie at any host address, and rings are accessed atomically.
 */
static int translate(struct vq *q, const struct vmem_view *view)
{
	const struct vmem_range *range[AREA_COUNT];
	uint32_t hint = 0;
	int i;

	for (i = 0; i < AREA_COUNT; i++) {
		range[i] = vmem_view_range(view, &hint, q->area[i].gpa,
					   q->area[i].len, area_access(q, i));
		if (!range[i] ||
		    !vsu_is_aligned((uintptr_t)area_hva(range[i], q->area[i].gpa),
				    q->format->align[i]))
			return i;
	}
	for (i = 0; i < AREA_COUNT; i++) {
		q->area[i].hva = area_hva(range[i], q->area[i].gpa);
		q->area[i].dirty = range[i]->dirty;
	}
	return AREA_COUNT;
}

static bool has_bitmaps(const struct vmem_view *view)
{
	uint32_t i;

	for (i = 0; i < view->n; i++)
		if (view->ranges[i].dirty)
			return true;
	return false;
}

static void keep_for_flights(struct vq *q)
{
	uint32_t i, left = vq_priv_inflight(q);

	for (i = 0; left && i < q->nflights; i++) {
		struct vq_priv_flight *f = &q->flights[i];

		if (f->state != FLIGHT_POPPED)
			continue;
		left--;
		if (!f->map)
			f->map = vmem_map_ref(q->map);
	}
}

void vq_priv_detach(struct vq *q)
{
	if (!q->map)
		return;
	keep_for_flights(q);
	vmem_map_unref(q->map);
	q->map = NULL;
	q->view = NULL;
}

/* At first the range of the device area, which allows everything. */
static void remember(struct vq *q)
{
	uint32_t i, hint = 0;

	q->range = vmem_view_range(q->view, &hint, q->area[AREA_DEVICE].gpa, 1,
				   VMEM_READ | VMEM_WRITE);
	for (i = 0; i < STRETCHES; i++)
		q->stretch[i] = q->range;
}

static void install(struct vq *q, struct vmem_map *map)
{
	vq_priv_detach(q);
	q->map = map;
	q->view = vmem_map_view(map);
	q->seen = q->view->generation;
	remember(q);
	q->marks = has_bitmaps(q->view);
}

int vq_priv_attach(struct vq *q, struct vsu_error *err)
{
	struct vmem_map *map = vmem_reader_map_ref(&q->reader);
	int at;

	if (!map)
		return vsu_error_set(err, -EFAULT,
				     "ring %u: there is no guest memory",
				     q->index);
	at = translate(q, vmem_map_view(map));
	if (at == AREA_COUNT) {
		install(q, map);
		return 0;
	}
	vmem_map_unref(map);
	vsu_error_set(err, -EFAULT, "ring %u: the %s area at %#" PRIx64
		      " of %" PRIu64 " bytes is not within one region of guest memory, or not aligned in it",
		      q->index, area_names[at], q->area[at].gpa,
		      q->area[at].len);
	vsu_error_operands(err, VQ_BROKEN_RING_MEMORY, (uint16_t)q->index,
			   q->area[at].gpa, q->area[at].len);
	return -EFAULT;
}

int vq_priv_refresh(struct vq *q)
{
	struct vmem_map *map = vmem_reader_map_ref(&q->reader);
	int at = map ? translate(q, vmem_map_view(map)) : AREA_DESC;

	if (at == AREA_COUNT) {
		install(q, map);
		return 0;
	}
	vmem_map_unref(map);
	vq_priv_break(q, VQ_BROKEN_RING_MEMORY, q->area[at].gpa,
		      q->area[at].len);
	vq_priv_detach(q);
	return -EFAULT;
}

void vq_refresh(struct vq *q)
{
	if (!q->enabled)
		return;
	if (q->broken)
		vq_priv_detach(q);
	else
		vq_priv_fresh(q);
}

struct vmem_map *vq_priv_chain_map(const struct vq *q, uint16_t head)
{
	return q->flights[head].map ? q->flights[head].map : q->map;
}
