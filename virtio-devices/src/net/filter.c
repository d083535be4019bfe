/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Filters received frames by address and VLAN. */
#include <config.h>

#include <string.h>

#include <virtio-devices/net_layout.h>

#include "net/filter.h"

#define TYPE_VLAN_HIGH 0x81u
#define TYPE_VLAN_LOW 0x00u

void virtdev_priv_net_filter_init(struct net_filter *f, const uint8_t *mac,
				  bool vlans_on)
{
	memset(f, 0, sizeof(*f));
	memcpy(f->mac, mac, NET_MAC);
	f->modes[VIRTDEV_NET_RX_PROMISC] = true;
	f->vlans_on = vlans_on;
}

bool virtdev_priv_net_filter_is_open(const struct net_filter *f)
{
	return f->modes[VIRTDEV_NET_RX_PROMISC] && !f->vlans_on;
}

static bool table_has(const struct net_table *t, const uint8_t *mac)
{
	uint32_t i;

	for (i = 0; i < t->n; i++)
		if (!memcmp(t->macs[i], mac, NET_MAC))
			return true;
	return t->all;
}

static bool takes_group(const struct net_filter *f, const uint8_t *mac)
{
	static const uint8_t everybody[NET_MAC] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};

	if (!memcmp(mac, everybody, NET_MAC))
		return !f->modes[VIRTDEV_NET_RX_NOBCAST];
	if (f->modes[VIRTDEV_NET_RX_NOMULTI])
		return false;
	return f->modes[VIRTDEV_NET_RX_ALLMULTI] || table_has(&f->multi, mac);
}

static bool takes_single(const struct net_filter *f, const uint8_t *mac)
{
	if (f->modes[VIRTDEV_NET_RX_NOUNI])
		return false;
	return f->modes[VIRTDEV_NET_RX_ALLUNI] ||
	       !memcmp(mac, f->mac, NET_MAC) || table_has(&f->uni, mac);
}

static bool takes_vlan(const struct net_filter *f, const uint8_t *head)
{
	uint32_t id;

	if (!f->vlans_on || head[12] != TYPE_VLAN_HIGH ||
	    head[13] != TYPE_VLAN_LOW)
		return true;
	id = ((uint32_t)head[14] << 8 | head[15]) % NET_VLANS;
	return f->vlans[id / 64] >> (id % 64) & 1;
}

bool virtdev_priv_net_filter_takes(const struct net_filter *f,
				   const uint8_t head[NET_FILTER_BYTES])
{
	if (!takes_vlan(f, head))
		return false;
	if (f->modes[VIRTDEV_NET_RX_PROMISC])
		return true;
	return head[0] & 1 ? takes_group(f, head) : takes_single(f, head);
}

void virtdev_priv_net_filters_init(struct net_filters *fs)
{
	pthread_mutex_init(&fs->lock, NULL);
	fs->generation = 1;
}

void virtdev_priv_net_filters_fini(struct net_filters *fs)
{
	pthread_mutex_destroy(&fs->lock);
}

void virtdev_priv_net_filters_store(struct net_filters *fs,
				    const struct net_filter *f)
{
	pthread_mutex_lock(&fs->lock);
	fs->filter = *f;
	__atomic_store_n(&fs->generation, fs->generation + 1,
			 __ATOMIC_RELEASE);
	pthread_mutex_unlock(&fs->lock);
}

void virtdev_priv_net_filters_follow(struct net_filters *fs,
				     struct net_filter *copy, uint32_t *seen)
{
	if (__atomic_load_n(&fs->generation, __ATOMIC_ACQUIRE) == *seen)
		return;
	pthread_mutex_lock(&fs->lock);
	*copy = fs->filter;
	*seen = fs->generation;
	pthread_mutex_unlock(&fs->lock);
}
