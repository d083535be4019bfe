/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The owner of the session: records the calls of its operations and checks them. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <vm-memory/block.h>

#include "owner.h"

#define IOVA UINT64_C(0x7000000000)

struct vmem_iotlb_entry owner_entry(uint8_t where)
{
	const struct vmem_iotlb_entry e = {
		.iova = IOVA + where % 8 * HONEST_PAGE,
		.len = (where / 8 % 4 + 1) * HONEST_PAGE,
		.gpa = where % 16 * HONEST_PAGE,
		.perm = where / 64 ? where / 64 : VMEM_READ,
	};

	return e;
}

static void ignore_event(void *opaque) { (void)opaque; }

static void note_start(void *opaque)
{
	struct owner *p = opaque;

	p->has_started = true;
}

static void add_bases(void *opaque, const uint32_t *bases, unsigned int n)
{
	unsigned int i, *sum = &((struct owner *)opaque)->sum;

	for (i = 0; i < n; i++)
		*sum += bases[i];
}

static void add_config(void *opaque, uint32_t off, const void *buf,
		       uint32_t len)
{
	unsigned int i, *sum = &((struct owner *)opaque)->sum;

	for (i = 0; i < len; i++)
		*sum += ((const unsigned char *)buf)[i] + off;
}

void owner_let_go(struct owner *o)
{
	o->held = vmem_block_unref(o->held);
}

/* Reported mappings lie in the window, and their bytes are accessible. */
static void check_shmem(void *opaque, struct vhost_user_shmem_change *changes,
			unsigned int n)
{
	struct owner *p = opaque;
	unsigned int i, *sum = &p->sum;

	for (i = 0; i < n; i++) {
		if (changes[i].offset + changes[i].len > WINDOW)
			abort();
		*sum += vmem_block_hva(changes[i].block)[changes[i].len - 1];
		if (!changes[i].map && p->hold_next && !p->held)
			p->held = vmem_block_ref(changes[i].block);
	}
}

/* A reported error has a negative code and a message. */
static void check_error(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	if (!err || err->code >= 0 || !err->msg[0])
		abort();
}

static void note_reconnect(void *opaque, bool rings_lost)
{
	struct owner *p = opaque;

	p->came_back = true;
	p->sum += rings_lost;
}

static void add_session(void *opaque, int64_t id)
{
	struct owner *p = opaque;

	p->sum += (unsigned int)id;
}

static void check_result_fd(void *opaque, int result, int fd)
{
	struct owner *p = opaque;

	if (result > 0 || (result && fd >= 0))
		abort();
	p->sum += (unsigned int)(result + fd);
}

static void check_result(void *opaque, int result)
{
	check_result_fd(opaque, result, -1);
}

static int answer_object(void *opaque, const unsigned char *uuid)
{
	(void)opaque;
	return uuid[0] ? -EEXIST : 0;
}

static int look_up(void *opaque, const unsigned char *uuid, int *fd)
{
	const struct owner *p = opaque;

	if (uuid[0])
		return -ENOENT;
	*fd = dup(p->file_fd);
	return 0;
}

static int check_notifier(void *opaque, uint32_t ring, int fd, uint64_t offset)
{
	struct owner *p = opaque;

	if (fd >= 0 && offset % HONEST_PAGE)
		abort();
	p->sum += ring;
	return 0;
}

/* Half of all addresses have a translation, immediately. */
static int answer_miss(void *opaque, uint64_t iova, uint32_t access)
{
	struct owner *p = opaque;
	struct vmem_iotlb_entry e = owner_entry((uint8_t)(iova / HONEST_PAGE % 256));

	if (!access || access & ~(VMEM_READ | VMEM_WRITE))
		abort();
	p->has_missed = true;
	e.iova = iova & ~(uint64_t)(HONEST_PAGE - 1);
	return iova & HONEST_PAGE ? -EFAULT :
	       vhost_user_frontend_iotlb_update(p->f, &e, NULL);
}

static int answer_access(void *opaque, uint64_t iova, uint32_t access)
{
	return answer_miss(opaque, iova, access) < 0 ? -EACCES : 0;
}

static void check_placed(void *opaque, const struct vhost_user_placed_region *r,
			 unsigned int n)
{
	struct owner *p = opaque;
	unsigned int i;

	p->has_placed = true;
	for (i = 0; i < n; i++) {
		if (r[i].address + (r[i].size - 1) < r[i].address)
			abort();
		p->sum += (unsigned int)r[i].gpa;
	}
}

static void note_call(void *opaque, uint32_t ring)
{
	struct owner *p = opaque;

	p->was_called = true;
	p->sum += ring;
}

static const struct vhost_user_frontend_device_ops device_ops = {
	.size = sizeof(device_ops),
	.object_add = answer_object,
	.object_remove = answer_object,
	.object_lookup = look_up,
	.object = check_result_fd,
	.host_notifier = check_notifier,
};

/* Adds the optional operations that the input's last byte selects. */
static void add_ops(struct vhost_user_frontend_device_ops *add, uint8_t with)
{
	if (with & WITH_POSTCOPY) {
		add->postcopy_advised = check_result_fd;
		add->postcopy_listening = check_result;
		add->postcopy_placed = check_placed;
		add->postcopy_ended = check_result;
	}
	if (with & WITH_IOMMU) {
		add->iotlb_miss = answer_miss;
		add->iotlb_done = check_result;
		add->iotlb_access_fail = answer_access;
		add->called = add->ring_failed = note_call;
	}
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops),
	.ready = ignore_event,
	.started = note_start,
	.stopped = add_bases,
	.config = add_config,
	.config_changed = ignore_event,
	.failed = check_error,
	.shmem = check_shmem,
	.log = ignore_event,
	.lost = check_error,
	.back = note_reconnect,
	.session = add_session,
	.state_moves = check_result_fd,
	.state_moved = check_result,
};

void owner_ops(struct vhost_user_frontend_ops *to,
	       struct vhost_user_frontend_device_ops *device, uint8_t with)
{
	*device = device_ops;
	add_ops(device, with);
	*to = ops;
	to->device = device;
	if (!(with & WITH_RETURN))
		to->lost = NULL;
}
