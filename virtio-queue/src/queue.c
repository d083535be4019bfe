/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The life of a queue: created, set up, enabled, used by the operations of its format,
 * disabled.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/checked.h>

#include <virtio-queue/turn.h>

#include "fresh.h"
#include "idle.h"
#include "inflight.h"

int vq_new(struct vq **out)
{
	struct vq *q = calloc(1, sizeof(*q));

	if (!q)
		return -ENOMEM;
	q->ops = &vq_priv_idle_ops;
	*out = q;
	return 0;
}

static void leave_space(struct vq *q)
{
	if (q->space)
		vmem_space_remove_reader(&q->reader);
	q->space = NULL;
}

void vq_free(struct vq *q)
{
	uint32_t i;

	if (!q)
		return;
	vq_disable(q);
	for (i = 0; vq_priv_inflight(q) && i < q->nflights; i++)
		vq_priv_land(&q->flights[i]);
	leave_space(q);
	vq_priv_track_free(q->track);
	free(q->flights);
	free(q->order.ids);
	free(q);
}

int vq_set_space(struct vq *q, struct vmem_space *space)
{
	if (q->mode.enabled)
		return -EBUSY;
	leave_space(q);
	q->space = space;
	if (space) {
		vmem_space_add_reader(space, &q->reader);
		q->generation = vmem_space_generation(space);
	}
	return 0;
}

static int check_size(const struct vq *q, const struct vq_config *config,
		      struct vsu_error *err)
{
	if (config->size < 1 || config->size > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL, "ring %u: size %" PRIu32
				     " is not from 1 to %u", config->index,
				     config->size, VQ_MAX_SIZE);
	if (q->format->power_of_two && !vsu_is_power_of_two(config->size))
		return vsu_error_set(err, -EINVAL, "ring %u: size %" PRIu32
				     " is not a power of two, which a split ring needs",
				     config->index, config->size);
	return 0;
}

static int set_areas(struct vq *q, const struct vq_config *config,
		     struct vsu_error *err)
{
	const struct vq_priv_format *f = q->format;
	int i;

	q->area[AREA_DESC].gpa = config->desc_gpa;
	q->area[AREA_DESC].len = f->desc_len(config->size);
	q->area[AREA_DRIVER].gpa = config->driver_gpa;
	q->area[AREA_DRIVER].len = f->driver_len(config->size);
	q->area[AREA_DEVICE].gpa = config->device_gpa;
	q->area[AREA_DEVICE].len = f->device_len(config->size);
	for (i = 0; i < AREA_COUNT; i++)
		if (!vsu_is_aligned(q->area[i].gpa, f->align[i]))
			return vsu_error_set(err, -EINVAL,
					     "ring %u: address %#" PRIx64
					     " is not a multiple of %" PRIu32,
					     config->index, q->area[i].gpa,
					     f->align[i]);
	return 0;
}

/*
 * Without chains in flight the table is empty: each chain leaves it as it is
 * pushed. An order that a broken ring interrupted may have left some in it.
 * Clearing the table of a large ring takes longer than the rest of its set-up.
 */
static void clear_flights(struct vq *q)
{
	if (q->in_order)
		memset(q->flights, 0, q->nflights * sizeof(*q->flights));
}

/* The last allocations in the life of an enabled queue. */
static int make_flights(struct vq *q, uint32_t size, struct vsu_error *err)
{
	if (q->nflights != size) {
		free(q->flights);
		free(q->order.ids);
		q->nflights = 0;
		q->flights = calloc(size, sizeof(*q->flights));
		q->order.ids = calloc(size, sizeof(*q->order.ids));
		if (!q->flights || !q->order.ids)
			return vsu_error_set(err, -ENOMEM,
					     "ring %u: no memory for %" PRIu32
					     " entries", q->index, size);
		q->nflights = size;
	} else {
		clear_flights(q);
	}
	return 0;
}

static void set_features(struct vq *q, const struct vq_config *config)
{
	q->has_event_idx = config->features & VQ_F_EVENT_IDX;
	q->in_order = config->features & VQ_F_IN_ORDER;
	q->order.in = q->order.out = 0;
	q->size = config->size;
	q->limit = config->max_chain > config->size ? config->max_chain :
		   config->size;
	q->table_limit = config->features & VQ_F_INDIRECT_DESC ? q->limit : 0;
}

/* Checks that require no memory map. The queue is disabled. */
static int take_layout(struct vq *q, const struct vq_config *config,
		       struct vsu_error *err)
{
	int rc;

	if (!config)
		return vsu_error_set(err, -EINVAL, "the ring has no description");
	if (q->mode.enabled || vq_priv_inflight(q))
		return vsu_error_set(err, -EBUSY, "ring %" PRIu32 " is %s",
				     config->index, q->mode.enabled ?
				     "enabled already" :
				     "waiting for requests in flight");
	if (!q->space)
		return vsu_error_set(err, -EFAULT,
				     "ring %" PRIu32 " has no guest memory",
				     config->index);
	q->format = config->features & VQ_F_RING_PACKED ? &vq_priv_packed :
		    &vq_priv_split;
	q->index = config->index;
	rc = check_size(q, config, err);
	return rc < 0 ? rc : set_areas(q, config, err);
}

static int set_up(struct vq *q, const struct vq_config *config,
		  struct vsu_error *err)
{
	int rc = make_flights(q, config->size, err);

	if (rc < 0)
		return rc;
	set_features(q, config);
	rc = vq_priv_track_prepare(q, err);
	if (rc < 0)
		return rc;
	rc = vq_priv_attach(q, err);
	if (rc < 0)
		return rc;
	rc = q->track ? q->format->tracking->start(q, config->base, err) :
	     q->format->start(q, config->base, err);
	if (rc < 0)
		vq_priv_detach(q);
	return rc;
}

int vq_check(struct vq *q, const struct vq_config *config,
	     struct vsu_error *err)
{
	int rc = take_layout(q, config, err);

	if (rc == 0)
		rc = vq_priv_attach(q, err);
	if (rc == 0)
		vq_priv_detach(q);
	return rc;
}

int vq_enable(struct vq *q, const struct vq_config *config,
	      struct vsu_error *err)
{
	int rc = take_layout(q, config, err);

	if (rc == 0)
		rc = set_up(q, config, err);
	if (rc < 0)
		return rc;
	q->broken.why = VQ_OK;
	q->mode.enabled = true;
	q->ops = q->track ? &vq_priv_tracked_ops : q->format->ops;
	return 0;
}

void vq_disable(struct vq *q)
{
	if (!q->mode.enabled)
		return;
	if (!q->broken.why)
		q->base = q->format->base(q);
	q->mode.enabled = false;
	q->ops = &vq_priv_idle_ops;
	vq_priv_detach(q);
}

bool vq_is_enabled(const struct vq *q)
{
	return q->mode.enabled;
}

uint32_t vq_base(const struct vq *q)
{
	return q->mode.enabled && !q->broken.why ? q->format->base(q) : q->base;
}

uint32_t vq_size(const struct vq *q)
{
	return q->size;
}

unsigned int vq_inflight(const struct vq *q)
{
	return vq_priv_inflight(q);
}

uint64_t vq_inflight_size(uint32_t entries, uint64_t features)
{
	uint64_t len = features & VQ_F_RING_PACKED ?
		       vq_priv_track_packed_size(entries) :
		       vq_priv_track_split_size(entries);

	return (len + 63) & ~(uint64_t)63;
}

uint64_t vq_counter(const struct vq *q, enum vq_counter which)
{
	switch (which) {
	case VQ_COUNT_CHAINS:
		return q->taken;
	case VQ_COUNT_BYTES:
		return q->bytes;
	default:
		return which <= VQ_COUNT_FAULTS ? q->count[which] : 0;
	}
}

void vq_last_fault(const struct vq *q, struct vq_fault *out)
{
	*out = q->last.fault;
}

int vq_pop(struct vq *q, struct vq_chain *chain)
{
	return vq_priv_debug_popped(q, chain, q->ops->pop(q, chain));
}

int vq_pop_batch(struct vq *q, struct vq_chain *chains, unsigned int n)
{
	return vq_priv_debug_popped(q, chains,
				    q->ops->pop_batch(q, chains, n));
}

void vq_unpop(struct vq *q, struct vq_chain *chain)
{
	if (vq_priv_is_out(q, chain->head))
		q->ops->unpop(q, chain);
	else
		vq_priv_not_out(q, chain->head);
}

void vq_push(struct vq *q, struct vq_chain *chain, uint32_t written)
{
	vq_priv_debug_pushed(q, chain, &written, 1);
	q->ops->push(q, chain, written);
}

void vq_push_batch(struct vq *q, struct vq_chain *chains,
		   const uint32_t *written, unsigned int n)
{
	vq_priv_debug_pushed(q, chains, written, n);
	q->ops->push_batch(q, chains, written, n);
}

bool vq_publish(struct vq *q)
{
	return q->ops->publish(q);
}

void vq_disable_notify(struct vq *q)
{
	q->ops->disable_notify(q);
}

bool vq_enable_notify(struct vq *q)
{
	return q->mode.polled ? q->ops->has_available(q) : q->ops->enable_notify(q);
}

void vq_set_polled(struct vq *q, bool polled)
{
	q->mode.polled = polled;
}

void vq_refresh(struct vq *q)
{
	if (!q->mode.enabled)
		return;
	if (q->broken.why)
		vq_priv_detach(q);
	else
		vq_priv_fresh(q);
}

bool vq_has_available(struct vq *q)
{
	return q->ops->has_available(q);
}

void vq_missed(const struct vq *q, struct vq_miss *out)
{
	*out = q->last.miss;
}
