/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Announces a migrated guest, by the back-end of its network card. */
#include <config.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>

#include "vhost_user/remote_priv.h"

/* True if the driver announces the guest when the device requests it. */
static bool driver_announces(const struct virtdev_vhost_user *r)
{
	const uint64_t both = VIRTDEV_NET_F_GUEST_ANNOUNCE | VIRTDEV_NET_F_CTRL_VQ;

	return (r->start_features & both) == both;
}

static bool has_address(const struct virtdev_vhost_user *r)
{
	return virtdev_get_info(r->dev)->features & VIRTDEV_NET_F_MAC &&
	       r->config.config_size >= sizeof(((struct virtdev_net_space *)0)->mac);
}

void virtdev_priv_remote_announce(struct virtdev_vhost_user *r)
{
	const uint64_t rarp = UINT64_C(1) << VHOST_USER_PROTOCOL_F_RARP;

	if (r->place != REMOTE_MOVED)
		return;
	r->place = REMOTE_STAYS;
	if (r->config.id != VIRTDEV_ID_NET || driver_announces(r) || !has_address(r) ||
	    !(vhost_user_frontend_protocol_features(r->frontend) & rarp))
		return;
	/* Fails only if the session has ended, which reports itself. */
	(void)!vhost_user_frontend_announce(r->frontend, r->bytes, NULL);
}
