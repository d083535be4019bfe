/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A vhost of the kernel in this process: requests of any descriptor, by
 * -Wl,--wrap=ioctl. Like the kernel it wants an owner and its order kept, and
 * believes in addresses.
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
	unsigned long fails;	/* this request is refused ... */
	int code;		/* ... so */
	unsigned int count;	/* requests so far */
};

extern struct fake_vhost fake_vhost;

/* As a node that was just opened, which offers all that is known. */
void fake_vhost_init(void);

int __wrap_ioctl(int fd, unsigned long request, void *arg);

#endif
