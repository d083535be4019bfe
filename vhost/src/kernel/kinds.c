/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Network cards and socket devices: the requests in which they differ. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>

#include "kernel/priv.h"

/* Device-specific feature bits (VIRTIO 1.3, 5.1.3 and 5.10.3). */
#define NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define VSOCK_F_STREAM (UINT64_C(1) << 0)
#define VSOCK_F_SEQPACKET (UINT64_C(1) << 1)

/* 0 to 2 are reserved for hypervisor and host, 0xffffffff means any. */
#define CID_MIN UINT64_C(3)
#define CID_MAX UINT64_C(0xfffffffe)

static int net_open(const struct vhost_kern *k, struct vsu_error *err)
{
	if (k->config.tap_fd >= 0)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "'%s': a network card needs a tap interface, tap_fd is %d",
			     k->name, k->config.tap_fd);
}

static int net_attach(const struct vhost_kern *k, uint32_t ring, bool on)
{
	struct vhost_vring_file file = {
		.index = ring, .fd = on ? k->config.tap_fd : VHOST_FILE_UNBIND,
	};

	return vhost_kern_priv_call(k, VHOST_NET_SET_BACKEND, &file);
}

static int vsock_open(const struct vhost_kern *k, struct vsu_error *err)
{
	uint64_t cid = k->config.cid;
	int rc;

	if (cid < CID_MIN || cid > CID_MAX)
		return vsu_error_set(err, -EINVAL,
				     "'%s': context id %" PRIu64 " cannot be a guest's, which is %" PRIu64 " to %" PRIu64,
				     k->name, cid, CID_MIN, CID_MAX);
	rc = vhost_kern_priv_call(k, VHOST_VSOCK_SET_GUEST_CID, &cid);
	if (rc == -EADDRINUSE)
		return vsu_error_set(err, rc,
				     "'%s': another guest of this host has context id %" PRIu64 "; choose another",
				     k->name, cid);
	return rc < 0 ? vsu_error_sys(err, rc, "'%s': context id %" PRIu64,
				      k->name, cid) : 0;
}

/* VHOST_VSOCK_SET_RUNNING starts both rings, so send it after the last one. */
static int vsock_attach(const struct vhost_kern *k, uint32_t ring, bool on)
{
	int value = on;

	return ring == VHOST_KERN_RINGS - 1 ?
	       vhost_kern_priv_call(k, VHOST_VSOCK_SET_RUNNING, &value) : 0;
}

static const struct kern_kind kinds[] = {
	[VHOST_KERN_NET] = {
		.node = "/dev/vhost-net", .features = NET_F_MRG_RXBUF,
		.needed = 1, .open = net_open, .attach = net_attach,
	},
	[VHOST_KERN_VSOCK] = {
		.node = "/dev/vhost-vsock",
		.features = VSOCK_F_STREAM | VSOCK_F_SEQPACKET,
		.needed = VHOST_KERN_RINGS, .open = vsock_open,
		.attach = vsock_attach,
	},
};

const struct kern_kind *vhost_kern_priv_kind(enum vhost_kern_kind kind)
{
	const unsigned int i = (unsigned int)kind;

	return i < sizeof(kinds) / sizeof(kinds[0]) ? &kinds[i] : NULL;
}
