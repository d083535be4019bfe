/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A fake of the kernel's vhost, limited to the requests of its devices' tests,
 * and a link that is a tap interface by name only.
 */
#ifndef VIRTIO_DEVICES_TESTS_FAKE_KERNEL_H
#define VIRTIO_DEVICES_TESTS_FAKE_KERNEL_H

#include <linux/vhost.h>

#include <virtio-devices/net_layout.h>
#include <virtio-devices/vhost_kern.h>

#include "vhost_kern/priv.h"

#define NODE "/dev/null"
#define FAKE_NODES 4u

#define OFFLOADS (VIRTDEV_NET_F_CSUM | VIRTDEV_NET_F_GUEST_CSUM | \
		  VIRTDEV_NET_F_GUEST_TSO4)

/* An open node: address, first base, position and state of each ring. */
struct fake_node {
	int fd;
	bool runs[VHOST_KERN_RINGS];
	uint32_t size[VHOST_KERN_RINGS], base[VHOST_KERN_RINGS];
	int kick[VHOST_KERN_RINGS];
	unsigned int nregions;
};

struct fake_kernel {
	uint64_t offered, features, cid;
	uint64_t log;		/* address of the dirty log */
	unsigned int fails;	/* the request that fails */
	unsigned int succeeds;	/* requests that succeed before it fails */
	unsigned int taps, sizes, switched;	/* number of requests */
	uint32_t nnodes;
	struct fake_node nodes[FAKE_NODES];	/* in the order of their opens */
};
extern struct fake_kernel kernel;

struct fake_tap {
	int fd;
	uint64_t offloads;
	bool freed;
	bool on[FAKE_NODES];	/* attached lanes */
};
extern struct fake_tap tap;

/* Resets the fakes: the kernel offers every feature, and no node is open. */
struct virtdev_net_link *fake_link(const char *name, uint32_t lanes);
int make_net(const char *name, uint32_t lanes, struct virtdev_vhost_kern **out,
	     struct vsu_error *err);
struct virtdev_vhost_kern *make_vsock(void);

#endif
