/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The receive filter (VIRTIO 1.3, 5.1.6.5.1 to .3). The driver changes it by the control
 * queue; receive queues, possibly on other threads, use copies. struct net_filter is a
 * filter, struct net_filters publishes changes to the copies.
 */
#ifndef VIRTIO_DEVICES_NET_FILTER_H
#define VIRTIO_DEVICES_NET_FILTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_MAC 6u
/* Maximum addresses of each kind; a longer table accepts all of that kind. */
#define NET_TABLE 64u
#define NET_VLANS 4096u

/* Bytes that a filter inspects: two addresses, the type and the VLAN ID. */
#define NET_FILTER_BYTES 16u

struct net_table {
	uint32_t n;
	bool all;		/* the table was too long */
	uint8_t macs[NET_TABLE][NET_MAC];
};

struct net_filter {
	/* indexed by enum virtdev_net_rx */
	bool modes[6];
	bool vlans_on;		/* accept only VLANs in the set */
	uint8_t mac[NET_MAC];
	struct net_table uni, multi;
	uint64_t vlans[NET_VLANS / 64];
};

/* Accepts all frames, as before the first command. */
void virtdev_priv_net_filter_init(struct net_filter *f, const uint8_t *mac,
				  bool vlans_on);

bool virtdev_priv_net_filter_is_open(const struct net_filter *f);

/* head: the first NET_FILTER_BYTES of a frame, without the virtio header. */
bool virtdev_priv_net_filter_takes(const struct net_filter *f,
				   const uint8_t head[NET_FILTER_BYTES]);

struct net_filters {
	pthread_mutex_t lock;
	uint32_t generation;	/* atomic */
	struct net_filter filter;
};

void virtdev_priv_net_filters_init(struct net_filters *fs);
void virtdev_priv_net_filters_fini(struct net_filters *fs);

/* Publishes a change. One thread at a time. */
void virtdev_priv_net_filters_store(struct net_filters *fs,
				    const struct net_filter *f);

/* Updates a copy; *seen is its generation. */
void virtdev_priv_net_filters_follow(struct net_filters *fs,
				     struct net_filter *copy, uint32_t *seen);

#endif
