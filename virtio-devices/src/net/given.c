/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the configuration of a network device and fills in defaults. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#include <vmm-sys-util/sized.h>

#include "net/priv.h"

#define DEFAULT_QUEUE_MAX 1024u
/* Minimum MTU of IPv4 (RFC 791). */
#define MIN_MTU 68u

static int check_numbers(const struct virtdev_net_config *c,
			 struct vsu_error *err)
{
	const uint32_t lanes = c->link->info.lanes;

	if (!lanes || lanes > VIRTDEV_NET_PAIRS_MAX)
		return vsu_error_set(err, -EINVAL,
				     "net: a link of %" PRIu32 " lanes; 1 to %u are possible",
				     lanes, VIRTDEV_NET_PAIRS_MAX);
	if (c->mtu && c->mtu < MIN_MTU)
		return vsu_error_set(err, -EINVAL,
				     "net: an MTU of %u; the minimum is %u",
				     c->mtu, MIN_MTU);
	if (c->queue_size_max < 2 || c->queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "net: a queue of %" PRIu32 " entries; 2 to %u are possible",
				     c->queue_size_max, VQ_MAX_SIZE);
	if ((unsigned int)c->block > VIRTDEV_NET_BLOCK_LOCAL)
		return vsu_error_set(err, -EINVAL, "net: block is %d; 0 to %d are possible", (int)c->block, VIRTDEV_NET_BLOCK_LOCAL);
	if (c->mac[0] & 1)
		return vsu_error_set(err, -EINVAL,
				     "net: the address %02x:%02x:%02x:%02x:%02x:%02x is a group address; its first byte must be even",
				     c->mac[0], c->mac[1], c->mac[2], c->mac[3],
				     c->mac[4], c->mac[5]);
	return 0;
}

/* A random address: locally administered, unicast. */
static int mac_make_up(uint8_t mac[NET_MAC], struct vsu_error *err)
{
	if (getrandom(mac, NET_MAC, GRND_NONBLOCK) != (ssize_t)NET_MAC)
		return vsu_error_sys(err, -EAGAIN, "net: an address");
	mac[0] = (uint8_t)((mac[0] & 0xfcu) | 2u);
	return 0;
}

static bool is_zero(const uint8_t mac[NET_MAC])
{
	static const uint8_t zero[NET_MAC];

	return !memcmp(mac, zero, NET_MAC);
}

int virtdev_priv_net_read_config(const struct virtdev_net_config *config,
				 struct virtdev_net_config *c,
				 struct vsu_error *err)
{
	int rc = vsu_copy_sized(c, sizeof(*c), config,
				"struct virtdev_net_config", err);

	if (rc < 0)
		return rc;
	if (!c->link)
		return vsu_error_set(err, -EINVAL, "net: no link");
	if (c->link->owned)
		return vsu_error_set(err, -EBUSY,
				     "net: the link over %s belongs to a device already; make one link for each device",
				     virtdev_priv_link_name(c->link));
	if (!c->queue_size_max)
		c->queue_size_max = DEFAULT_QUEUE_MAX;
	rc = check_numbers(c, err);
	if (rc == 0 && is_zero(c->mac))
		rc = mac_make_up(c->mac, err);
	return rc;
}
