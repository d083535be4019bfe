/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Which frames the driver wants (VIRTIO 1.3, 5.1.6.5.1 to .3). The driver
 * changes the filter by the control queue, and receiving queues, maybe on other
 * threads, look at copies: struct net_filter is the thing, net_filters what
 * carries it over.
 */
#ifndef VIRTIO_DEVICES_NET_FILTER_H
#define VIRTIO_DEVICES_NET_FILTER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define NET_MAC 6u
/* Addresses of each kind; a longer table is taken for all of that kind. */
#define NET_TABLE 64u
#define NET_VLANS 4096u

/* A filter looks at two addresses, a type and a VLAN's id. */
#define NET_FILTER_BYTES 16u

struct net_table {
	uint32_t n;
	bool all;		/* it was too long */
	uint8_t macs[NET_TABLE][NET_MAC];
};

struct net_filter {
	/* in the order of enum virtdev_net_rx */
	bool modes[6];
	bool vlans_on;		/* only those of the set */
	uint8_t mac[NET_MAC];
	struct net_table uni, multi;
	uint64_t vlans[NET_VLANS / 64];
};

/* Everything, as for a driver that says nothing. */
void virtdev_priv_net_filter_init(struct net_filter *f, const uint8_t *mac,
				  bool vlans_on);

bool virtdev_priv_net_filter_is_open(const struct net_filter *f);

/* head: the first NET_FILTER_BYTES of a frame, behind its header. */
bool virtdev_priv_net_filter_takes(const struct net_filter *f,
				   const uint8_t head[NET_FILTER_BYTES]);

struct net_filters {
	pthread_mutex_t lock;
	uint32_t generation;	/* atomic */
	struct net_filter filter;
};

void virtdev_priv_net_filters_init(struct net_filters *fs);
void virtdev_priv_net_filters_fini(struct net_filters *fs);

/* On one thread at a time: a change is stored, and those who look follow. */
void virtdev_priv_net_filters_store(struct net_filters *fs,
				    const struct net_filter *f);

/* Brings a copy up to date; *seen is the generation that it has. */
void virtdev_priv_net_filters_follow(struct net_filters *fs,
				     struct net_filter *copy, uint32_t *seen);

#endif
