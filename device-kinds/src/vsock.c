/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kind "vsock": sockets between programs of the guest and of the host. */
#include <config.h>

#include <assert.h>
#include <errno.h>

#include <device-kinds/kind.h>
#include <virtio-devices/vsock.h>

struct vsock {
	const char *path, *seqpacket_path;
	uint64_t cid, connections, buffer;
};
static_assert(sizeof(struct vsock) <= DEVKIND_MAX_CONFIG, "a kind's config");

static const struct devkind_key keys[] = {
	{ .option = { .name = "path", .kind = VSU_OPTION_STRING, .arg = "PATH",
		      .help = "the UNIX socket for CONNECT PORT; the guest reaches PATH_PORT" },
	  .daemon_name = "uds-path", .refers = DEVKIND_REFERS_SOCKET,
	  .offset = offsetof(struct vsock, path),
	  .required = true },
	{ .option = { .name = "cid", .kind = VSU_OPTION_U64, .arg = "N",
		      .help = "the guest's context id, 3 or more",
		      .min = VIRTDEV_VSOCK_CID_MIN,
		      .max = VIRTDEV_VSOCK_CID_MAX },
	  .daemon_name = "guest-cid", .offset = offsetof(struct vsock, cid),
	  .required = true },
	{ .option = { .name = "connections", .kind = VSU_OPTION_U64,
		      .arg = "N", .help = "maximum number of connections",
		      .preset = "1024", .min = 1,
		      .max = VIRTDEV_VSOCK_CONNECTIONS_MAX },
	  .offset = offsetof(struct vsock, connections) },
	{ .option = { .name = "buffer", .kind = VSU_OPTION_SIZE,
		      .arg = "BYTES",
		      .help = "buffer per connection",
		      .preset = "64k", .min = VIRTDEV_VSOCK_BUFFER_MIN,
		      .max = VIRTDEV_VSOCK_BUFFER_MAX },
	  .offset = offsetof(struct vsock, buffer) },
	{ .option = { .name = "seqpacket-path", .kind = VSU_OPTION_STRING,
		      .arg = "PATH",
		      .help = "UNIX socket for SOCK_SEQPACKET connections from the host" },
	  .refers = DEVKIND_REFERS_SOCKET,
	  .offset = offsetof(struct vsock, seqpacket_path) },
	{ .option = { .name = NULL } },
};

static int vsock_open(const void *config,
		      const struct devkind_common *common,
		      struct virtdev **out, struct vsu_error *err)
{
	const struct vsock *v = config;
	const struct virtdev_vsock_config vsock = {
		.size = sizeof(vsock), .path = v->path, .cid = v->cid,
		.connections = (uint32_t)v->connections,
		.buffer = (uint32_t)v->buffer,
		.queue_size_max = common->queue_size,
		.seqpacket_path = v->seqpacket_path,
	};

	return virtdev_vsock_new(&vsock, out, err);
}

static void vsock_describe(const void *config, struct devkind_facts *facts)
{
	facts->cid = ((const struct vsock *)config)->cid;
}

static int kernel_check(const void *config, struct vsu_error *err)
{
	const struct vsock *v = config;

	if (!v->cid)
		return vsu_error_set(err, -EINVAL, "needs 'cid=N'");
	return !v->path && !v->seqpacket_path && !v->connections &&
	       !v->buffer ? 0 :
	       vsu_error_set(err, -EINVAL,
			     "programs of the host reach the kernel's sockets by AF_VSOCK; leave out 'path', 'seqpacket-path', 'connections' and 'buffer'");
}

static int kernel_open(const void *config,
		       const struct devkind_common *common,
		       struct virtdev_vhost_kern **out, struct vsu_error *err)
{
	const struct vsock *v = config;

	return virtdev_vhost_kern_vsock(v->cid, common->queue_size, NULL, out,
					err);
}

static const struct devkind_kernel kernel = { kernel_check, kernel_open };

static const struct devkind kind = {
	.name = "vsock", .summary = "sockets between guest and host",
	.id = VIRTDEV_ID_SOCKET, .has_daemon = true, .max_queues = 1,
	.min_queue_size = 2, .queue_size = "256", .keys = keys,
	.value = { .key = "cid", .alone = "backend=kernel" },
	.open = vsock_open, .kernel = &kernel, .describe = vsock_describe,
};

const struct devkind *devkind_vsock(void)
{
	return &kind;
}
