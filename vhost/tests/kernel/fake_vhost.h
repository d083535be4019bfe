/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A fake of the kernel's vhost: -Wl,--wrap=ioctl redirects requests on any
 * descriptor to it. Like the kernel, it requires SET_OWNER first and the right
 * order of requests, and accepts any address.
 */
#ifndef FAKE_VHOST_H
#define FAKE_VHOST_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/vhost.h>

#define FAKE_REGIONS 80

struct fake_ring {
	uint32_t num, base;
	struct vhost_vring_addr addr;
	int kick, call, err, backend;
};

struct fake_vhost {
	uint64_t offered, features, backend_features;
	bool owned, running;
	uint64_t cid, log_base;
	int log_fd;
	uint32_t nregions;
	struct vhost_memory_region regions[FAKE_REGIONS];
	struct fake_ring rings[2];
	unsigned long fails;	/* the request that fails ... */
	unsigned long fails_once;	/* the same for the next one only */
	int code;		/* ... with this errno */
	unsigned int count;	/* number of requests */
};

extern struct fake_vhost fake_vhost;

/* The state of a newly opened node that offers all features known here. */
void fake_vhost_init(void);

int __wrap_ioctl(int fd, unsigned long request, void *arg);

#endif
