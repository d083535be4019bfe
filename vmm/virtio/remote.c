/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device whose queues a vhost-user back-end serves is made, step by step. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "closer.h"
#include "virtio/remote.h"
#include "virtio/remote_session.h"

/* As a window of 8 GiB needs for pieces of 2 MiB. */
#define DEFAULT_MAX_MAPPINGS 4096
#define NS_PER_MS UINT64_C(1000000)
/* Of a back-end whose device comes while the guest runs. */
#define LATE_LIMIT_MS 1000

static int refuse_slow(const struct remote *r, struct vsu_error *err)
{
	return vsu_error_set(err, -ETIMEDOUT,
			     "the back-end at '%s' did not finish its handshake within %d ms, for which the guest stood still; is it stopped, or busy with another front-end?",
			     r->socket, LATE_LIMIT_MS);
}

/*
 * Before the machine has begun, waiting here holds up nobody; afterwards not for
 * longer than a guest bears.
 */
static int wait_until_ready(struct remote *r, struct vsu_error *err)
{
	const uint64_t limit = vsu_now_ns() + LATE_LIMIT_MS * NS_PER_MS;
	const bool late = r->shmem->closed;
	struct pollfd p = { .fd = virtdev_vhost_user_fd(r->user),
			    .events = POLLIN };
	int rc = 0;

	while (!r->ready && !r->dead && rc >= 0) {
		if (late && vsu_now_ns() >= limit)
			return refuse_slow(r, err);
		if (!rc)
			poll(&p, 1, late ? LATE_LIMIT_MS : -1);
		rc = virtdev_vhost_user_dispatch(r->user);
	}
	if (!r->dead)
		return 0;
	*err = r->why;
	return r->why.code ? r->why.code : -ECONNRESET;
}

/* The configuration of a file system (VIRTIO 1.3, 5.11.4). */
struct fs_space {
	char tag[36];		/* padded with zeros, maybe unterminated */
	struct vsu_le32 num_request_queues;
	struct vsu_le32 notify_buf_size;
};

static_assert(sizeof(struct fs_space) == VMM_FS_CONFIG, "5.11.4");

/* The first queue is that of urgent requests. */
static void describe_fs(const struct vmm_device_spec *spec, struct fs_space *out)
{
	const uint32_t queues = spec->queues > 1 ? spec->queues : 2;

	memset(out, 0, sizeof(*out));
	memcpy(out->tag, spec->tag, strnlen(spec->tag, sizeof(out->tag)));
	out->num_request_queues = vsu_le32_make(queues - 1);
}

/* Of a network card, pairs are counted, which have a control queue besides. */
static uint32_t ring_count(const struct vmm_device_spec *spec)
{
	return spec->id == VIRTDEV_ID_NET && spec->queues ?
	       2 * spec->queues + 1 : spec->queues;
}

static int connect_session(struct remote *r,
			   const struct vmm_device_spec *spec,
			   struct vsu_error *err)
{
	struct fs_space fs;
	const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = spec->id,
		.space = spec->tag[0] ? &fs : NULL,
		.nqueues = ring_count(spec), .queue_max = spec->queue_size,
		.config_size = spec->config_size, .peer = spec->socket,
		.sigbus = r->shmem->memory->sigbus,
		.closer = prog_closer(), .served_files = spec->allow_fuse,
		.max_shmem = spec->max_window_bytes,
		.max_shmem_maps = spec->max_mappings ? spec->max_mappings :
				  DEFAULT_MAX_MAPPINGS,
		.max_shmem_mapped = spec->max_mapped_bytes,
		.reconnect_ns = spec->reconnect_ms * NS_PER_MS,
		.read_only_regions = spec->read_only_windows,
	};
	struct virtdev_vhost_user_ops ops = vmm_remote_told;
	int sock = vsu_sock_connect(spec->socket, err), rc;

	if (sock < 0)
		return sock;
	describe_fs(spec, &fs);
	if (spec->allow_fuse && prog_closer())
		vsu_closer_set_keep(prog_closer(), 0);
	strcpy(r->socket, spec->socket);
	snprintf(r->rings.who, sizeof(r->rings.who), "the back-end at '%s'",
		 r->socket);
	if (!spec->reconnect_ms)
		ops.connect = NULL;
	rc = virtdev_vhost_user_new_take_fd(sock, &config, &ops, r, &r->user,
					    err);
	if (rc < 0)
		vsu_fd_close(&sock);
	return rc ? rc : wait_until_ready(r, err);
}

static int make_windows(struct remote *r, const char *name,
			struct vsu_error *err)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);
	struct vmm_window_wish wishes[VHOST_USER_SHMEM_REGIONS];
	unsigned int id, n = 0;
	uint64_t len;

	for (id = 0; id < VHOST_USER_SHMEM_REGIONS; id++) {
		len = vhost_user_frontend_shmem_size(f, (uint8_t)id);
		if (len)
			wishes[n++] = (struct vmm_window_wish){ len,
								(uint8_t)id };
	}
	return vmm_shmem_add_windows(r->shmem, r, name, wishes, n, err);
}

int vmm_virtio_remote(const struct vmm_virtio_place *place,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct remote *r = calloc(1, sizeof(*r));
	struct virtdev *dev;
	int rc;

	if (!r)
		return vsu_error_sys(err, -ENOMEM, "device");
	r->loop = place->loop;
	r->shmem = place->shmem;
	rc = connect_session(r, spec, err);
	if (!rc)
		rc = virtdev_vhost_user_set_memory(r->user, map, err);
	if (!rc)
		rc = make_windows(r, spec->socket, err);
	if (rc < 0) {
		vmm_remote_free(r);
		return rc;
	}
	dev = virtdev_vhost_user_device(r->user);
	rc = vmm_rings_make(&r->rings, virtdev_info(dev)->nqueues, err);
	if (!rc)
		rc = vmm_virtio_new(place, dev, VQ_F_RING_RESET, &r->v, err);
	if (rc < 0) {
		vmm_remote_free(r);
		return rc;
	}
	vmm_remote_run(r);
	*out = r->v;
	return 0;
}
