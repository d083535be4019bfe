/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A tap interface of Linux, whose queues are descriptors. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/if_tun.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "link/kinds.h"
#include "link/pieces.h"
#include "link/tap_lanes.h"

/* from Linux 6.2 */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

#define MAX_LANES 127u

struct tap {
	bool multi_queue;
	struct tap_lanes lanes;
};

/* Features of a driver, and the flags of the interface for them. */
static const struct {
	uint64_t feature;
	unsigned int flag;
} guest_bits[] = {
	{ VIRTDEV_NET_F_GUEST_CSUM, TUN_F_CSUM },
	{ VIRTDEV_NET_F_GUEST_TSO4, TUN_F_TSO4 },
	{ VIRTDEV_NET_F_GUEST_TSO6, TUN_F_TSO6 },
	{ VIRTDEV_NET_F_GUEST_ECN, TUN_F_TSO_ECN },
	{ VIRTDEV_NET_F_GUEST_UFO, TUN_F_UFO },
	{ VIRTDEV_NET_F_GUEST_USO4, TUN_F_USO4 },
	{ VIRTDEV_NET_F_GUEST_USO6, TUN_F_USO6 },
};

#define USO (TUN_F_USO4 | TUN_F_USO6)

static unsigned int flags_of(uint64_t features)
{
	unsigned int flags = 0;
	size_t i;

	if (!(features & VIRTDEV_NET_F_GUEST_CSUM))
		return 0;
	for (i = 0; i < sizeof(guest_bits) / sizeof(*guest_bits); i++)
		if (features & guest_bits[i].feature)
			flags |= guest_bits[i].flag;
	/* The kernel accepts both or neither, and ECN only with segmentation of TCP. */
	if ((flags & USO) != USO)
		flags &= ~(unsigned int)USO;
	if (!(flags & (TUN_F_TSO4 | TUN_F_TSO6)))
		flags &= ~(unsigned int)TUN_F_TSO_ECN;
	return flags;
}

static int offloads_set(int fd, unsigned int flags)
{
	return ioctl(fd, TUNSETOFFLOAD, (unsigned long)flags) < 0 ? -errno : 0;
}

/* The offloads that this kernel supports; leaves the interface without offloads. */
static uint64_t offloads_probe(int fd)
{
	const unsigned int plain = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	uint64_t can = 0;

	if (offloads_set(fd, plain) == 0)
		can |= VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM |
		       VIRTDEV_NET_F_HOST_TSO4 | VIRTDEV_NET_F_HOST_TSO6 |
		       VIRTDEV_NET_F_GUEST_TSO4 | VIRTDEV_NET_F_GUEST_TSO6;
	if (offloads_set(fd, plain | TUN_F_TSO_ECN) == 0)
		can |= VIRTDEV_NET_F_HOST_ECN | VIRTDEV_NET_F_GUEST_ECN;
	if (offloads_set(fd, plain | TUN_F_UFO) == 0)
		can |= VIRTDEV_NET_F_HOST_UFO | VIRTDEV_NET_F_GUEST_UFO;
	if (offloads_set(fd, plain | USO) == 0)
		can |= VIRTDEV_NET_F_HOST_USO | VIRTDEV_NET_F_GUEST_USO4 |
		       VIRTDEV_NET_F_GUEST_USO6;
	return offloads_set(fd, 0) < 0 ? 0 : can;
}

/* --------------------------------------------------------------- the transfers */

static int tap_fd(void *self, uint32_t lane)
{
	return ((const struct tap *)self)->lanes.lane[lane].fd;
}

static ssize_t tap_receive(void *self, uint32_t lane, const struct iovec *iov,
			   int n)
{
	const struct tap *t = self;
	ssize_t len = readv(t->lanes.lane[lane].fd, iov, n);

	return len < 0 ? virtdev_priv_link_code(errno) : len;
}

static int tap_send(void *self, uint32_t lane, const struct iovec *iov, int n)
{
	const struct tap *t = self;

	return writev(t->lanes.lane[lane].fd, iov, n) < 0 ?
	       virtdev_priv_link_code(errno) : 0;
}

static int tap_set_lane(void *self, uint32_t lane, bool on)
{
	struct tap *t = self;

	return t->multi_queue ?
	       virtdev_priv_tap_lanes_set(&t->lanes, lane, on) : 0;
}

static void tap_work(void *self)
{
	virtdev_priv_tap_lanes_work(&((struct tap *)self)->lanes);
}

static void tap_work_end(void *self)
{
	virtdev_priv_tap_lanes_work_end(&((struct tap *)self)->lanes);
}

static int tap_set_offloads(void *self, uint64_t features)
{
	const struct tap *t = self;

	return offloads_set(t->lanes.lane[0].fd, flags_of(features));
}

static void tap_free(void *self)
{
	struct tap *t = self;
	uint32_t i;

	for (i = 0; i < t->lanes.n; i++)
		vsu_fd_close(&t->lanes.lane[i].fd);
	virtdev_priv_tap_lanes_fini(&t->lanes);
	free(t);
}

/* --------------------------------------------------------------------- opening */

/* Sets headers of twelve bytes, little-endian, before each frame. */
static int header_set(int fd)
{
	int len = (int)NET_HEADER, on = 1;

	if (ioctl(fd, TUNSETVNETHDRSZ, &len) < 0)
		return -errno;
	return ioctl(fd, TUNSETVNETLE, &on) < 0 ? -errno : 0;
}

static int headers_set(const int *fds, uint32_t n)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc >= 0 && i < n; i++) {
		rc = vsu_fd_set_nonblock(fds[i]);
		if (rc >= 0)
			rc = header_set(fds[i]);
	}
	return rc < 0 ? rc : 0;
}

int virtdev_priv_tap_take_fds(const int *fds, uint32_t n, bool multi_queue,
			      struct virtdev_net_link **out,
			      struct vsu_error *err)
{
	static const struct virtdev_net_link_ops ops = {
		.size = sizeof(ops), .name = "tap", .fd = tap_fd,
		.receive = tap_receive, .send = tap_send,
		.lost = VIRTDEV_PRIV_TAP_LOST,
		.set_lane = tap_set_lane, .set_offloads = tap_set_offloads,
		.free = tap_free, .work = tap_work, .work_end = tap_work_end,
	};
	struct virtdev_net_link_info info = { .lanes = n };
	struct tap *t = calloc(1, sizeof(*t));
	int rc = t ? virtdev_priv_tap_lanes_init(&t->lanes, fds, n) : -ENOMEM;

	if (!rc) {
		t->multi_queue = multi_queue;
		rc = headers_set(fds, n);
		if (!rc) {
			info.offloads = offloads_probe(fds[0]);
			rc = virtdev_net_link_new(&ops, &info, t, out);
		}
		if (rc < 0)
			virtdev_priv_tap_lanes_fini(&t->lanes);
	}
	if (rc < 0) {
		free(t);
		return vsu_error_sys(err, rc, "tap interface");
	}
	return 0;
}

static const struct { int code; const char *remedy; } node_remedies[] = {
	{ ENOENT, "; load the kernel module 'tun', or use a socket" },
	{ ENODEV, "; load the kernel module 'tun', or use a socket" },
	{ ENXIO, "; load the kernel module 'tun', or use a socket" },
	{ EACCES, "; change its mode, or use a socket" },
	{ EPERM, "; permit this device to the container, or use a socket" },
};

static int node_open(const char *name, struct vsu_error *err)
{
	const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK), code = errno;
	const char *remedy = "";
	size_t i;

	if (fd >= 0)
		return fd;
	for (i = 0; i < sizeof(node_remedies) / sizeof(node_remedies[0]); i++)
		if (node_remedies[i].code == code)
			remedy = node_remedies[i].remedy;
	return vsu_error_set(err, -code, "tap '%s': cannot open /dev/net/tun: %s%s",
			     name, strerror(code), remedy);
}

/*
 * refused is set after a failure if the kernel refuses such a queue; open_refuse() explains
 * it.
 */
static int queue_open(const char *name, int flags, bool *refused, struct vsu_error *err)
{
	struct ifreq request = { .ifr_flags = (short)flags };
	int fd = node_open(name, err), rc;

	*refused = fd >= 0;
	if (fd < 0)
		return fd;
	memcpy(request.ifr_name, name, strlen(name));
	if (ioctl(fd, TUNSETIFF, &request) == 0)
		return fd;
	rc = -errno;
	vsu_fd_close(&fd);
	return rc;
}

/* The message for a queue that the kernel refused. */
static int open_refuse(int rc, const char *name, bool multi_queue,
		   struct vsu_error *err)
{
	switch (-rc) {
	case EPERM:
		return vsu_error_set(err, rc,
				     "tap '%s' does not belong to this user, who cannot create one; as root: 'ip tuntap add %s mode tap user NAME'",
				     name, name);
	case EBUSY:
		return vsu_error_set(err, rc, "tap '%s' is in use by another program",
				     name);
	case EINVAL:
		return vsu_error_set(err, -EBUSY,
				     multi_queue ? "tap '%s' is not a tap interface, or was created for one queue only; create it with 'multi_queue'" :
						   "'%s' is not a tap interface",
				     name);
	}
	return vsu_error_sys(err, rc, "tap '%s'", name);
}

static int queues_open(const char *name, uint32_t n, int flags, int *fds,
		       bool *refused, struct vsu_error *err)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		fds[i] = queue_open(name, flags, refused, err);
		if (fds[i] >= 0)
			continue;
		flags = fds[i];
		while (i-- > 0)
			vsu_fd_close(&fds[i]);
		return flags;
	}
	return 0;
}

static int check_name(const char *name, struct vsu_error *err)
{
	if (!name || !*name)
		return vsu_error_set(err, -EINVAL, "tap: no interface name");
	if (strlen(name) >= IFNAMSIZ || strchr(name, '/') || strchr(name, '%'))
		return vsu_error_set(err, -EINVAL,
				     "tap: '%s' is not an interface name; it has at most 15 characters, none of them '/' or '%%'",
				     name);
	return 0;
}

int virtdev_net_tap_open(const struct virtdev_net_tap *tap,
			 struct virtdev_net_link **out, struct vsu_error *err)
{
	int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR, fds[MAX_LANES], rc;
	struct virtdev_net_tap t;
	bool refused = false;
	uint32_t i, n;

	rc = vsu_copy_sized(&t, sizeof(t), tap, "struct virtdev_net_tap", err);
	if (rc == 0)
		rc = check_name(t.name, err);
	if (rc < 0)
		return rc;
	n = t.lanes ? t.lanes : 1;
	if (n > MAX_LANES)
		return vsu_error_set(err, -EINVAL,
				     "tap '%s': %" PRIu32 " queues; at most %u are possible",
				     t.name, n, MAX_LANES);
	flags |= n > 1 ? IFF_MULTI_QUEUE : 0;
	rc = queues_open(t.name, n, flags, fds, &refused, err);
	if (rc == -EINVAL && refused && n == 1)	/* the interface was created for several
						   queues; use one of them */
		rc = queues_open(t.name, n, flags | IFF_MULTI_QUEUE, fds, &refused, err);
	if (rc < 0)
		return refused ? open_refuse(rc, t.name, n > 1, err) : rc;
	rc = virtdev_priv_tap_take_fds(fds, n, n > 1, out, err);
	for (i = 0; rc < 0 && i < n; i++)
		vsu_fd_close(&fds[i]);
	return rc;
}
