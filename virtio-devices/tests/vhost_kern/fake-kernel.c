/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Fakes of the kernel's vhost and of a tap interface, for tests. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "fake-kernel.h"

struct fake_kernel kernel;
struct fake_tap tap;

/* ------------------------------------------------------------------- the kernel */

static struct fake_node *node_of(int fd)
{
	uint32_t i;

	for (i = 0; i < kernel.nnodes; i++)
		if (kernel.nodes[i].fd == fd)
			return &kernel.nodes[i];
	ck_assert_uint_lt(kernel.nnodes, FAKE_NODES);
	kernel.nodes[kernel.nnodes].fd = fd;
	return &kernel.nodes[kernel.nnodes++];
}

static void set_file(struct fake_node *node, unsigned int request,
		     const struct vhost_vring_file *file)
{
	if (request == VHOST_SET_VRING_KICK)
		node->kick[file->index] = file->fd;
	if (request != VHOST_NET_SET_BACKEND)
		return;
	node->runs[file->index] = file->fd >= 0;
	kernel.taps += file->fd >= 0;
}

/* Like the kernel, refuses to change a running ring. */
static int set_state(struct fake_node *node, unsigned int request,
		     const struct vhost_vring_state *state)
{
	if (node->runs[state->index])
		return -EBUSY;
	if (request == VHOST_SET_VRING_NUM)
		node->size[state->index] = state->num;
	else
		node->base[state->index] = state->num;
	kernel.sizes += request == VHOST_SET_VRING_NUM;
	return 0;
}

static void switch_sockets(struct fake_node *node, bool on)
{
	node->runs[0] = node->runs[1] = on;
	kernel.switched += on;
}

static int carry_out(struct fake_node *node, unsigned int request, void *arg)
{
	struct vhost_vring_state *state = arg;

	switch (request) {
	case VHOST_GET_FEATURES:
		*(uint64_t *)arg = kernel.offered;
		break;
	case VHOST_SET_FEATURES:
		kernel.features = *(uint64_t *)arg;
		break;
	case VHOST_VSOCK_SET_GUEST_CID:
		kernel.cid = *(uint64_t *)arg;
		break;
	case VHOST_SET_LOG_BASE:
		kernel.log = *(uint64_t *)arg;
		break;
	case VHOST_SET_MEM_TABLE:
		node->nregions = ((struct vhost_memory *)arg)->nregions;
		break;
	case VHOST_SET_VRING_NUM:
	case VHOST_SET_VRING_BASE:
		return set_state(node, request, arg);
	case VHOST_GET_VRING_BASE:
		state->num = node->base[state->index];
		break;
	case VHOST_VSOCK_SET_RUNNING:
		switch_sockets(node, *(int *)arg);
		break;
	default:
		set_file(node, request, arg);
	}
	return 0;
}

static bool has_files(unsigned int request)
{
	return request == VHOST_SET_VRING_KICK ||
	       request == VHOST_NET_SET_BACKEND;
}

static bool is_known(unsigned int request)
{
	static const unsigned int known[] = {
		VHOST_GET_FEATURES, VHOST_SET_FEATURES,
		VHOST_VSOCK_SET_GUEST_CID, VHOST_SET_LOG_BASE, VHOST_SET_MEM_TABLE,
		VHOST_SET_VRING_NUM, VHOST_SET_VRING_BASE,
		VHOST_GET_VRING_BASE, VHOST_VSOCK_SET_RUNNING,
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (request == known[i])
			return true;
	return has_files(request);
}

/* Like the kernel, always accepts to detach a tap interface. */
static bool is_refused(unsigned int request, const struct vhost_vring_file *file)
{
	if (request != kernel.fails ||
	    (request == VHOST_NET_SET_BACKEND && file->fd < 0))
		return false;
	return !kernel.succeeds--;
}

#ifdef __GLIBC__
typedef unsigned long request_t;
#else
typedef int request_t;
#endif

/* Replaces libc's ioctl(), also for calls of the shared library. */
VSU_EXPORT int ioctl(int fd, request_t asked, ...)
{
	unsigned int request = (unsigned int)asked;
	va_list ap;
	void *arg;
	int rc = 0;

	va_start(ap, asked);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (is_refused(request, arg))
		rc = -EIO;
	else if (is_known(request))
		rc = carry_out(node_of(fd), request, arg);
	errno = -rc;
	return rc ? -1 : 0;
}

/* --------------------------------------------------------------------- the link */

static int tap_fd(void *self, uint32_t lane)
{
	(void)self;
	(void)lane;
	return tap.fd;
}

static int tap_lane(void *self, uint32_t lane, bool on)
{
	(void)self;
	tap.on[lane] = on;
	return 0;
}

static int tap_offloads(void *self, uint64_t features)
{
	(void)self;
	tap.offloads = features;
	return 0;
}

static void tap_free(void *self)
{
	(void)self;
	close(tap.fd);
	tap.freed = true;
}

static void kernel_reset(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.offered = ~UINT64_C(0);
}

struct virtdev_net_link *fake_link(const char *name, uint32_t lanes)
{
	const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = name, .fd = tap_fd,
		.set_lane = tap_lane, .set_offloads = tap_offloads,
		.free = tap_free,
	};
	const struct virtdev_net_link_info info = {
		.lanes = lanes, .offloads = OFFLOADS,
	};
	struct virtdev_net_link *link;

	kernel_reset();
	memset(&tap, 0, sizeof(tap));
	/* queues of a new interface are attached */
	memset(tap.on, 1, lanes * sizeof(tap.on[0]));
	tap.fd = vsu_event_new();
	ck_assert_int_eq(virtdev_net_link_new(&ops, &info, NULL, &link), 0);
	return link;
}

/* ------------------------------------------------------------------- the devices */

int make_net(const char *name, uint32_t lanes, struct virtdev_vhost_kern **out,
	     struct vsu_error *err)
{
	const struct virtdev_net_config config = {
		.size = sizeof(config), .link = fake_link(name, lanes),
		.mac = { 2, 0, 0, 0, 0, 9 }, .mtu = 1400,
	};
	int rc = virtdev_vhost_kern_net(&config, NODE, out, err);

	if (rc < 0)
		virtdev_net_link_free(config.link);
	return rc;
}

struct virtdev_vhost_kern *make_vsock(void)
{
	struct virtdev_vhost_kern *k;

	kernel_reset();
	ck_assert_int_eq(virtdev_vhost_kern_vsock(9, 0, NODE, &k, NULL), 0);
	return k;
}
