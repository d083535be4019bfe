/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The memory of a queue: the map that it uses, and its ring in that map.
 *
 * The queue holds one reference on its map, which its chains in flight share. When the
 * queue switches to another map, these chains get references of their own, so that their
 * pieces remain mapped until they are pushed. No allocation is required.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/checked.h>

#include "idle.h"

static const char *const area_names[AREA_COUNT] = {
	"descriptor", "driver", "device",
};

static uint32_t area_access(const struct vq *q, int i)
{
	return i == AREA_DESC ? q->format->desc_access :
	       i == AREA_DRIVER ? VMEM_READ : VMEM_READ | VMEM_WRITE;
}

/*
 * The host address of an area. The area may be in several ranges, such as pages of an
 * IOMMU, if these are contiguous on the host, too. 0; -EFAULT; -EAGAIN: the IOTLB has no
 * translation of it (vq_missed()).
 */
static int find_area(struct vq *q, const struct vmem_view *view,
		     struct vq_priv_area *area, uint32_t access)
{
	uint64_t done = 0;
	const struct vmem_range *r;
	unsigned char *hva;
	uint32_t at;

	while (done < area->len) {
		if (area->gpa > UINT64_MAX - (area->len - 1))
			return -EFAULT;
		at = vmem_view_find(view, area->gpa + done);
		if (at == view->n)
			return vq_priv_miss(q, view, area->gpa + done,
					    area->len - done, access);
		r = &view->ranges[at];
		hva = r->hva + (area->gpa + done - r->first);
		if (!done) {
			area->hva = hva;
			area->dirty = r->dirty;
		}
		if ((r->flags & access) != access ||
		    hva != area->hva + done || r->dirty != area->dirty)
			return -EFAULT;
		done += vq_priv_range_part(r, area->gpa + done, area->len - done);
	}
	return 0;
}

/*
 * Translates all areas or none: 0, or *bad is the one that failed. Rings are accessed
 * atomically, and a region may have any host address, so the alignment is checked here.
 */
static int areas_translate(struct vq *q, const struct vmem_view *view, int *bad)
{
	struct vq_priv_area area[AREA_COUNT];
	int i, rc;

	memcpy(area, q->area, sizeof(area));
	for (i = 0; i < AREA_COUNT; i++) {
		rc = find_area(q, view, &area[i], area_access(q, i));
		if (rc == 0 && !vsu_is_aligned((uintptr_t)area[i].hva,
					       q->format->align[i]))
			rc = -EFAULT;
		if (rc < 0) {
			*bad = i;
			return rc;
		}
	}
	memcpy(q->area, area, sizeof(area));
	return 0;
}

/* If a chain has more denied addresses than the table, all others count as denied. */
static bool is_denied(const struct vq *q, uint64_t gpa)
{
	uint32_t i;

	if (q->denied.taken != q->taken)
		return false;
	for (i = 0; i < q->denied.n; i++)
		if (q->denied.gpas[i] == gpa)
			return true;
	return q->denied.n == VQ_PRIV_DENIED;
}

void vq_deny_missed(struct vq *q)
{
	if (q->denied.taken != q->taken)
		q->denied.n = 0;
	q->denied.taken = q->taken;
	if (q->denied.n < VQ_PRIV_DENIED)
		q->denied.gpas[q->denied.n++] = q->last.miss.gpa;
}

int vq_priv_miss(struct vq *q, const struct vmem_view *view, uint64_t gpa,
		 uint64_t len, uint32_t access)
{
	if (!(view->flags & VMEM_VIEW_IOTLB) || is_denied(q, gpa))
		return -EFAULT;
	q->last.miss.gpa = gpa;
	q->last.miss.len = len;
	q->last.miss.access = access;
	return -EAGAIN;
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

/* Initially the range of the device area, which permits all access. */
static void range_remember(struct vq *q)
{
	uint32_t i, hint = 0;

	q->range = vmem_view_range(q->view, &hint, q->area[AREA_DEVICE].gpa, 1,
				   VMEM_READ | VMEM_WRITE);
	for (i = 0; i < STRETCHES; i++)
		q->stretch[i] = q->range;
}

/* Without a view, chains in flight have maps of their own, which may have bitmaps. */
void vq_priv_set_marks(struct vq *q)
{
	q->marks = q->log.area || !q->view || has_bitmaps(q->view);
}

static void map_install(struct vq *q, struct vmem_map *map)
{
	vq_priv_detach(q);
	q->map = map;
	q->view = vmem_map_view(map);
	q->seen = q->view->generation;
	range_remember(q);
	vq_priv_set_marks(q);
}

int vq_priv_attach(struct vq *q, struct vsu_error *err)
{
	struct vmem_map *map = vmem_reader_map_ref(&q->reader);
	int at = AREA_DESC, rc;

	if (!map)
		return vsu_error_set(err, -EFAULT,
				     "ring %u: there is no guest memory",
				     q->index);
	q->denied.n = 0;
	rc = areas_translate(q, vmem_map_view(map), &at);
	if (rc == 0) {
		map_install(q, map);
		return 0;
	}
	vmem_map_unref(map);
	vsu_error_set(err, rc, "ring %u: the %s area at %#" PRIx64
		      " of %" PRIu64 " bytes is not in one piece of guest memory, aligned",
		      q->index, area_names[at], q->area[at].gpa,
		      q->area[at].len);
	vsu_error_operands(err, q->index, q->area[at].gpa, q->area[at].len);
	return rc;
}

/*
 * If the IOTLB has lost the ring's addresses, keep the previous map: used
 * entries still reach the addresses that the driver gave.
 */
int vq_priv_refresh(struct vq *q)
{
	struct vmem_map *map = vmem_reader_map_ref(&q->reader);
	int at = AREA_DESC, rc = -EFAULT;

	if (map)
		rc = areas_translate(q, vmem_map_view(map), &at);
	if (rc == 0) {
		map_install(q, map);
		return 0;
	}
	vmem_map_unref(map);
	if (rc == -EAGAIN)
		return rc;
	vq_priv_break(q, VQ_BROKEN_RING_MEMORY, q->area[at].gpa,
		      q->area[at].len);
	vq_priv_detach(q);
	return -EFAULT;
}

struct vmem_map *vq_priv_chain_map(const struct vq *q, uint16_t head)
{
	return q->flights[head].map ? q->flights[head].map : q->map;
}
