/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Features, statistics and configuration space of a network device. */
#include <config.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "net/priv.h"

static_assert(sizeof(struct virtdev_net_space) == 24, "5.1.4");
static_assert(sizeof(struct virtdev_net_header) == 12, "5.1.6");

#define RING (VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC | VQ_F_EVENT_IDX | \
	      VQ_F_RING_PACKED)

/* Features that are offered with every link. */
#define ALWAYS (VIRTDEV_NET_F_MAC | VIRTDEV_NET_F_STATUS | \
		VIRTDEV_NET_F_MRG_RXBUF | VIRTDEV_NET_F_CTRL_VQ | \
		VIRTDEV_NET_F_CTRL_RX | VIRTDEV_NET_F_CTRL_RX_EXTRA | \
		VIRTDEV_NET_F_CTRL_VLAN | VIRTDEV_NET_F_CTRL_MAC_ADDR | \
		VIRTDEV_NET_F_GUEST_ANNOUNCE)

/* Features that this device cannot offer if another process serves the data queues. */
#define FRAMES (RING | VIRTDEV_NET_F_MRG_RXBUF | VIRTDEV_NET_F_GUEST_ANNOUNCE)

uint64_t virtdev_priv_net_features(const struct net *net)
{
	uint64_t features = RING | ALWAYS | net->offered;

	if (net->offered & NET_GUEST_OFFLOADS)
		features |= VIRTDEV_NET_F_CTRL_GUEST_OFFLOADS;
	if (net->mtu)
		features |= VIRTDEV_NET_F_MTU;
	if (net->pairs > 1)
		features |= VIRTDEV_NET_F_MQ;
	if (net->away.set_lane)
		features = (features & ~FRAMES) | net->away.features;
	return features;
}

int virtdev_priv_net_set_offloads(struct net *net, uint64_t offloads)
{
	struct virtdev_net_link *link = net->link;
	int rc = 0;

	if (offloads & ~(net->features & NET_GUEST_OFFLOADS))
		return -EINVAL;
	if (offloads != net->offloads && link->ops.set_offloads)
		rc = link->ops.set_offloads(link->self, offloads);
	if (!rc)
		net->offloads = offloads;
	return rc;
}

/*
 * A driver with the control queue uses one pair until it sends MQ_VQ_PAIRS_SET. Without
 * it, a front-end serves that queue itself and starts only pairs that are in use.
 */
static uint32_t pairs_at_first(const struct net *net)
{
	const uint64_t both = VIRTDEV_NET_F_MQ | VIRTDEV_NET_F_CTRL_VQ;

	return (net->features & both) == both ? 1 : net->pairs;
}

/*
 * Ignores unchanged features: a front-end may send them after a state was loaded, which has
 * the number of pairs and the offloads that the driver has chosen since.
 */
int virtdev_priv_net_set_features(void *self, uint64_t features,
				  struct vsu_error *err)
{
	struct net *net = self;
	const uint64_t before = net->features;
	int rc;

	if (features == before)
		return 0;
	net->features = features;
	rc = virtdev_priv_net_set_offloads(net, features & NET_GUEST_OFFLOADS);
	if (rc < 0) {
		net->features = before;
		return vsu_error_sys(err, rc, "net: offloads of the link");
	}
	__atomic_store_n(&net->active, pairs_at_first(net), __ATOMIC_RELAXED);
	net->filter.vlans_on = features & VIRTDEV_NET_F_CTRL_VLAN;
	virtdev_priv_net_filters_store(&net->filters, &net->filter);
	return 0;
}

void virtdev_priv_net_config_reset(struct net *net)
{
	net->features = 0;
	net->change = (struct net_change){ 0 };
	(void)virtdev_priv_net_set_offloads(net, 0);
	__atomic_store_n(&net->active, net->pairs, __ATOMIC_RELAXED);
	__atomic_store_n(&net->announce, NET_SILENT, __ATOMIC_RELAXED);
	virtdev_priv_net_filter_init(&net->filter, net->own_mac, false);
	virtdev_priv_net_filters_store(&net->filters, &net->filter);
}

enum net_role virtdev_priv_net_role(const struct net *net, uint32_t queue)
{
	const bool many = net->features & VIRTDEV_NET_F_MQ;
	const uint32_t control = many ? 2 * net->pairs : 2;

	if (net->features & VIRTDEV_NET_F_CTRL_VQ) {
		if (queue == control)
			return NET_CONTROLS;
		if (queue > control)
			return NET_IDLE;
	}
	if (queue >= 2 * net->pairs)
		return NET_IDLE;
	return queue % 2 ? NET_SENDS : NET_RECEIVES;
}

static uint16_t status_of(const struct net *net)
{
	uint32_t status = 0;

	if (!virtdev_priv_net_is_down(net))
		status |= VIRTDEV_NET_S_LINK_UP;
	if (__atomic_load_n(&net->announce, __ATOMIC_RELAXED) == NET_DRIVER_ANNOUNCES)
		status |= VIRTDEV_NET_S_ANNOUNCE;
	return (uint16_t)status;
}

void virtdev_priv_net_config_read(void *self, uint32_t off, void *buf,
				  uint32_t len)
{
	const struct net *net = self;
	struct virtdev_net_space space = {
		.status = vsu_le16_make(status_of(net)),
		.max_virtqueue_pairs = vsu_le16_make((uint16_t)net->pairs),
		.mtu = vsu_le16_make(net->mtu),
		.speed = vsu_le32_make(UINT32_MAX), .duplex = UINT8_MAX,
	};

	memcpy(space.mac, net->filter.mac, NET_MAC);
	memcpy(buf, (const char *)&space + off, len);
}

static uint64_t count_all(const struct net *net, unsigned int what)
{
	const uint32_t n = virtdev_get_info(net->dev)->nqueues;
	uint64_t sum = 0;
	uint32_t i;

	for (i = 0; i < n; i++)
		sum += __atomic_load_n(&net->queues[i].counts[what],
				       __ATOMIC_RELAXED);
	return sum;
}

uint32_t virtdev_priv_net_stats(void *self, struct virtdev_stat *stats,
				uint32_t max)
{
	static const char *const names[NET_COUNTS] = {
		[NET_RECEIVED] = "received", [NET_SENT] = "sent",
		[NET_BYTES_RECEIVED] = "bytes-received",
		[NET_BYTES_SENT] = "bytes-sent", [NET_DROPPED] = "dropped",
	};
	unsigned int i;

	for (i = 0; i < NET_COUNTS && i < max; i++)
		stats[i] = (struct virtdev_stat){ names[i],
						  count_all(self, i) };
	return NET_COUNTS;
}

uint32_t virtdev_priv_net_no_stats(void *self, struct virtdev_stat *stats, uint32_t max)
{
	(void)self;
	(void)stats;
	(void)max;
	return 0;
}
