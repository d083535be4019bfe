/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Creation, step by step, of a device whose queues a vhost-user back-end
 * serves.
 */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/sock.h>

#include "owner/owner.h"
#include "virtio/remote.h"
#include "virtio/remote_session.h"

/* Enough for a window of 8 GiB in pieces of 2 MiB. */
#define DEFAULT_MAX_MAPPINGS 4096
#define NS_PER_MS UINT64_C(1000000)

/* Blocks, which is acceptable before the machine runs. */
static int wait_until_ready(struct remote *r, struct vsu_error *err)
{
	struct pollfd p = { .fd = virtdev_vhost_user_fd(r->user),
			    .events = POLLIN };
	int rc = 0;

	while (r->state == REMOTE_CONNECTS && rc >= 0) {
		if (!rc)
			poll(&p, 1, -1);
		rc = virtdev_vhost_user_dispatch(r->user);
	}
	if (!vmm_remote_is_dead(r))
		return 0;
	*err = r->why;
	if (r->spawned)
		r->servers->explain(r->spawned, err);
	return r->why.code ? r->why.code : -ECONNRESET;
}

/* The configuration of a file system (VIRTIO 1.3, 5.11.4). */
struct fs_space {
	char tag[36];		/* padded with zeros, not necessarily terminated */
	struct vsu_le32 num_request_queues;
	struct vsu_le32 notify_buf_size;
};

static_assert(sizeof(struct fs_space) == VMM_FS_CONFIG, "5.11.4");

/* The first queue is for urgent requests. */
static void describe_fs(const struct vmm_device_spec *spec, struct fs_space *out)
{
	const uint32_t queues = spec->queues > 1 ? spec->queues : 2;

	memset(out, 0, sizeof(*out));
	memcpy(out->tag, spec->tag, strnlen(spec->tag, sizeof(out->tag)));
	out->num_request_queues = vsu_le32_make(queues - 1);
}

/*
 * A network card's queues are configured in pairs; the control queue is extra.
 */
static uint32_t ring_count(const struct vmm_device_spec *spec)
{
	return spec->id == VIRTDEV_ID_NET && spec->queues ?
	       2 * spec->queues + 1 : spec->queues;
}

/* A path, or a connected socket of the caller. */
static int connect_socket(const char *text, struct vsu_error *err)
{
	struct vsu_file_value v;
	int rc = vsu_file_value_read(text, &v, err);

	if (rc < 0 || !v.has_fd)
		return rc < 0 ? rc : vsu_sock_connect(text, err);
	rc = vsu_fd_dup(v.fd);
	return rc < 0 ? vsu_error_sys(err, rc, "%s", text) : rc;
}

static int open_connection(struct remote *r, const struct vmm_device_spec *spec,
			   struct vsu_error *err)
{
	const struct cvmm_server config = {
		.loop = r->loop, .kind = spec->kind, .config = spec->config,
		.queues = spec->queues, .queue_size = spec->queue_size,
		.name = spec->socket, .passes = spec->plugged, .continues = spec->continues,
	};
	int rc;

	if (!spec->spawned)
		return connect_socket(spec->socket, err);
	if (!r->servers)
		return vsu_error_set(err, -EOPNOTSUPP, "backend=spawn: the program of this machine starts no daemons; use backend=user:SOCKET");
	rc = r->servers->add(r->servers->opaque, &config, &r->spawned, err);
	return rc < 0 ? rc : r->servers->connect(r->spawned, err);
}

static int connect_session(struct remote *r, const struct vmm_device_spec *spec, bool postcopy,
			   struct vsu_error *err)
{
	struct fs_space fs;
	const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = spec->id,
		.space = spec->tag[0] ? &fs : NULL,
		.nqueues = ring_count(spec), .queue_size_max = spec->queue_size,
		.config_size = spec->config_size, .peer = vsu_file_value_name(spec->socket),
		.who = r->rings.who, .postcopy = postcopy,
		.sigbus = r->shmem->memory->sigbus,
		.closer = r->closer, .served_files = spec->allow_fuse,
		.max_shmem = spec->max_window_bytes,
		.max_shmem_maps = spec->max_mappings ? spec->max_mappings :
				  DEFAULT_MAX_MAPPINGS,
		.max_shmem_mapped = spec->max_mapped_bytes,
		.reconnect_ns = spec->reconnect_ms * NS_PER_MS,
		.read_only_regions = spec->read_only_windows,
	};
	struct virtdev_vhost_user_ops ops = vmm_remote_ops;
	int sock = open_connection(r, spec, err), rc;

	if (sock < 0)
		return sock;
	describe_fs(spec, &fs);
	if (spec->allow_fuse && r->closer)
		vsu_closer_set_keep(r->closer, 0);
	strcpy(r->socket, vsu_file_value_name(spec->socket));
	snprintf(r->rings.who, sizeof(r->rings.who),
		 r->spawned ? "the daemon of %s" : "the back-end at '%s'", r->socket);
	if (!spec->reconnect_ms)
		ops.connect = NULL;
	rc = virtdev_vhost_user_new_take_fd(sock, &config, &ops, r, &r->user,
					    err);
	if (rc < 0)
		vsu_fd_close(&sock);
	return rc;
}

static int make_windows(struct remote *r, const char *name,
			struct vsu_error *err)
{
	const struct vhost_user_frontend *f =
		virtdev_vhost_user_frontend(r->user);
	struct vmm_window_size sizes[VHOST_USER_SHMEM_REGIONS];
	unsigned int id, n = 0;
	uint64_t len;

	for (id = 0; id < VHOST_USER_SHMEM_REGIONS; id++) {
		len = vhost_user_frontend_shmem_size(f, (uint8_t)id);
		if (len)
			sizes[n++] = (struct vmm_window_size){ .len = len, .shmid = (uint8_t)id };
	}
	return vmm_window_add_range(r->shmem, r->v, name, sizes, n, err);
}

/* ------------------------------------------------------------- the steps */

static int begin_session(const struct vmm_virtio_resources *resources,
			 const struct vmm_device_spec *spec,
			 struct remote **out, struct vsu_error *err)
{
	struct remote *r = calloc(1, sizeof(*r));
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	if (!r)
		return vsu_error_sys(err, -ENOMEM, "device");
	r->loop = resources->loop;
	r->log = resources->log;
	r->servers = resources->servers;
	r->shmem = resources->shmem;
	r->closer = vmm_closer_get(resources->closer, &why);
	if (why.code && err)
		*err = why;
	rc = why.code ? why.code : connect_session(r, spec, resources->postcopy, err);
	if (rc < 0)
		vmm_remote_free(r);
	else
		*out = r;
	return rc;
}

/* The library serves the queues of the transport, with the eventfds of rings. */
static int attach_transport(struct remote *r, struct vsu_error *err)
{
	struct virtdev_server_queue *queues = vmm_rings_describe(&r->rings);
	const struct virtdev_server_owner owner = {
		.size = sizeof(owner), .queues = queues, .starting = vmm_remote_starting,
		.opaque = r,
	};
	int rc = queues ? virtdev_vhost_user_attach(r->user, vmm_virtio_transport(r->v), &owner,
						    &r->server, err) :
			  vsu_error_sys(err, -ENOMEM, "queues");

	free(queues);
	return rc;
}

static int make_rest(struct remote *r, const struct vmm_virtio_resources *resources,
		     struct vmem_map *map, struct vsu_error *err)
{
	struct virtdev *dev;
	int rc = virtdev_vhost_user_set_memory(r->user, map, err);

	if (rc < 0)
		return rc;
	dev = virtdev_vhost_user_device(r->user);
	rc = vmm_rings_make(&r->rings, virtdev_get_info(dev)->nqueues, err);
	if (!rc)
		rc = vmm_virtio_new(resources, dev, &vmm_remote_backend, &r->v, err);
	if (!rc)
		rc = make_windows(r, r->socket, err);
	if (!rc)
		rc = attach_transport(r, err);
	if (rc < 0 && r->v) {
		vmm_window_disown(r->shmem, r->v);
		vmm_virtio_free(r->v);
		r->v = NULL;
	}
	return rc;
}

int vmm_virtio_remote_finish(struct remote *r,
			     const struct vmm_virtio_resources *resources,
			     struct vmem_map *map, struct vmm_virtio **out,
			     struct vsu_error *err)
{
	int rc = make_rest(r, resources, map, err);

	if (rc < 0) {
		vmm_remote_free(r);
		return rc;
	}
	vmm_remote_run(r);
	*out = r->v;
	return 0;
}

int vmm_virtio_remote(const struct vmm_virtio_resources *resources,
		      const struct vmm_device_spec *spec, struct vmem_map *map,
		      struct vmm_virtio **out, struct vsu_error *err)
{
	struct remote *r;
	int rc = begin_session(resources, spec, &r, err);

	if (rc < 0)
		return rc;
	rc = wait_until_ready(r, err);
	if (rc < 0) {
		vmm_remote_free(r);
		return rc;
	}
	return vmm_virtio_remote_finish(r, resources, map, out, err);
}

/* ------------------------------------------------------ while the guest runs */

/* Ends the handshake: the device can be finished, or is abandoned. */
static void end_handshake(struct remote *r, const struct vsu_error *why)
{
	struct vsu_error explained;

	vmm_remote_unwatch(r);
	if (why && r->spawned) {
		explained = *why;
		r->servers->explain(r->spawned, &explained);
		why = &explained;
	}
	r->arrived(r->opaque, why);
}

static void on_handshake(void *opaque)
{
	struct remote *r = opaque;

	virtdev_vhost_user_dispatch(r->user);
	if (r->state != REMOTE_CONNECTS)
		end_handshake(r, vmm_remote_is_dead(r) ? &r->why : NULL);
}

static void on_late(void *opaque)
{
	struct remote *r = opaque;
	struct vsu_error why;

	vsu_error_set(&why, -ETIMEDOUT,
		      "%s did not finish its handshake within %u ms; is it stopped, or busy with another front-end?",
		      r->rings.who, r->limit_ms);
	end_handshake(r, &why);
}

int vmm_virtio_remote_begin(const struct vmm_virtio_resources *resources,
			    const struct vmm_device_spec *spec,
			    const struct vmm_remote_arrival *arrival,
			    struct remote **out, struct vsu_error *err)
{
	struct remote *r;
	int rc = begin_session(resources, spec, &r, err);

	if (rc < 0)
		return rc;
	r->arrived = arrival->arrived;
	r->opaque = arrival->opaque;
	r->limit_ms = arrival->limit_ms;
	vsu_io_init(&r->session, on_handshake, r, virtdev_vhost_user_fd(r->user),
		   VSU_IO_READ);
	vsu_alarm_init(&r->limit, on_late, r);
	vmm_remote_watch(r);
	vsu_alarm_start(r->loop, &r->limit, r->limit_ms * NS_PER_MS, 0);
	*out = r;
	return 0;
}

void vmm_virtio_remote_cancel(struct remote *r)
{
	if (r)
		vmm_remote_free(r);
}
