/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-queue/features.h>
#include <vm-memory/block.h>
#include <vm-memory/map.h>
#include <vm-memory/region.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "pair_rig.h"

static void on_run(void *opaque, uint32_t ring)
{
	struct pair *p = opaque;

	(void)ring;
	p->runs++;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct pair *p = opaque;

	(void)ring;
	(void)drain;
	vhost_user_backend_done(p->b, token);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct pair *p = opaque;

	(void)err;
	vhost_user_backend_free(p->b);
	p->b = NULL;
}

static void on_back_refused(void *opaque, uint32_t request, uint32_t ring,
			    const struct vsu_error *err)
{
	struct pair *p = opaque;

	(void)request;
	(void)ring;
	p->back_refused++;
	p->refusal = *err;
}

static void on_front_refused(void *opaque, const struct vsu_error *err)
{
	struct pair *p = opaque;

	p->front_refused++;
	p->refusal = *err;
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	struct pair *p = opaque;

	ck_assert_uint_eq(n, 1);
	p->base = bases[0];
	p->stops++;
}

void pair_init(struct pair *p)
{
	*p = (struct pair){
		.back_ops = {
			.size = sizeof(p->back_ops),
			.run = on_run, .quiesce = on_quiesce, .gone = on_gone,
			.refused = on_back_refused,
		},
		.front_ops = {
			.size = sizeof(p->front_ops),
			.stopped = on_stopped, .refused = on_front_refused,
		},
		.device_ops = { .size = sizeof(p->device_ops) },
		.back_config = {
			.size = sizeof(p->back_config),
			.features = VQ_F_VERSION_1, .nrings = 1,
		},
		.front_config = { .size = sizeof(p->front_config) },
		.fds_before = vsu_fd_count(),
	};
	p->front_ops.device = &p->device_ops;
	p->kick = vsu_event_new();
	p->call = vsu_event_new();
	p->err = vsu_event_new();
}

static bool readable(int fd)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

void pair_settle(struct pair *p)
{
	bool busy = true;

	while (busy) {
		busy = false;
		if (p->b && readable(vhost_user_backend_fd(p->b))) {
			vhost_user_backend_dispatch(p->b);
			busy = true;
		}
		if (p->f && readable(vhost_user_frontend_fd(p->f)) &&
		    vhost_user_frontend_state(p->f) !=
		    VHOST_USER_FRONTEND_DEAD) {
			vhost_user_frontend_dispatch(p->f);
			busy = true;
		}
	}
}

void pair_open(struct pair *p)
{
	int ends[2];

	ck_assert_int_eq(vsu_sock_pair(ends), 0);
	ck_assert_int_eq(vhost_user_backend_new_take_fd(ends[0],
				&p->back_config, &p->back_ops, p, &p->b,
				NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(ends[1],
				&p->front_config, &p->front_ops, p, &p->f,
				NULL), 0);
	pair_settle(p);
	ck_assert_int_eq(vhost_user_frontend_state(p->f),
			 VHOST_USER_FRONTEND_READY);
}

void pair_set_memory(struct pair *p)
{
	struct vmem_region_desc desc = { .len = PAIR_MEMORY };
	struct vmem_fd_desc file = {
		.fd = memfd_create("guest", MFD_CLOEXEC),
		.flags = VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
		.len = PAIR_MEMORY,
	};
	struct vmem_map *empty;
	struct vmem_region *region;

	ck_assert_int_eq(ftruncate(file.fd, PAIR_MEMORY), 0);
	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_new(&empty), 0);
	ck_assert_int_eq(vmem_map_add(empty, region, &p->map, NULL), 0);
	vmem_map_unref(empty);
	vmem_region_unref(region);
	vmem_block_unref(desc.block);
	vsu_fd_close(&file.fd);
	ck_assert_int_eq(vhost_user_frontend_set_memory(p->f, p->map, NULL), 0);
}

void pair_run(struct pair *p)
{
	const struct vhost_user_ring ring = {
		.size = PAIR_SIZE, .desc_gpa = 0x1000, .driver_gpa = 0x2000,
		.device_gpa = 0x3000, .kick_fd = p->kick, .call_fd = p->call,
		.err_fd = p->err,
	};

	if (!p->f)
		pair_open(p);
	pair_set_memory(p);
	ck_assert_int_eq(vhost_user_frontend_set_ring(p->f, 0, &ring, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_start(p->f, VQ_F_VERSION_1, NULL),
			 0);
	pair_settle(p);
	ck_assert_int_eq(vhost_user_frontend_state(p->f),
			 VHOST_USER_FRONTEND_RUNNING);
	ck_assert_uint_eq(p->runs, 1);
}

void pair_fini(struct pair *p)
{
	vhost_user_frontend_free(p->f);
	p->f = NULL;
	pair_settle(p);
	ck_assert_ptr_null(p->b);
	vmem_map_unref(p->map);
	vsu_fd_close(&p->kick);
	vsu_fd_close(&p->call);
	vsu_fd_close(&p->err);
	ck_assert_int_eq(vsu_fd_count(), p->fds_before);
}
