/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The kinds of devices behind a vhost-user session: names, queues, configuration. */
#include <config.h>

#include <stddef.h>
#include <string.h>

#include <virtio-devices/blk_layout.h>
#include <virtio-devices/ids.h>
#include <virtio-devices/net_layout.h>

#include "vhost_user/remote_priv.h"

#define NUM_QUEUES offsetof(struct virtdev_blk_space, num_queues)
#define NUM_PAIRS offsetof(struct virtdev_net_space, max_virtqueue_pairs)

/* Console: maximum ports (lower half), and the feature that they require. */
#define NUM_PORTS 4
#define CONSOLE_F_MULTIPORT (UINT64_C(1) << 1)

/* Queues and configuration of each kind of device (VIRTIO 1.3, section 5). */
static const struct remote_preset presets[] = {
	{ VIRTDEV_ID_NET, 2, 24 },
	{ VIRTDEV_ID_BLOCK, 1, 60 },
	{ VIRTDEV_ID_CONSOLE, 2, 12 },
	{ VIRTDEV_ID_ENTROPY, 1, 0 },
	{ VIRTDEV_ID_BALLOON, 2, 16 },
	{ VIRTDEV_ID_SCSI, 3, 36 },
	{ VIRTDEV_ID_GPU, 2, 16 },
	{ VIRTDEV_ID_INPUT, 2, 136 },
	{ VIRTDEV_ID_SOCKET, 3, 8 },
	{ VIRTDEV_ID_CRYPTO, 1, 56 },
	{ VIRTDEV_ID_SOUND, 4, 12 },
	{ VIRTDEV_ID_FS, 2, 40 },
	{ VIRTDEV_ID_PMEM, 1, 16 },
};

const struct remote_preset *virtdev_priv_remote_preset(uint32_t id)
{
	unsigned int i;

	for (i = 0; i < sizeof(presets) / sizeof(presets[0]); i++)
		if (presets[i].id == id)
			return &presets[i];
	return NULL;
}

uint32_t virtdev_vhost_user_id_of(const char *name, size_t len)
{
#define NAME_ROW(id, name) { name, id },
	static const struct { const char *name; uint32_t id; } names[] = {
		VIRTDEV_FOR_EACH_NAME(NAME_ROW)
	};
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i].name) == len &&
		    !memcmp(names[i].name, name, len))
			return names[i].id;
	return 0;
}

/* The control queue of a card follows all queue pairs. */
static uint32_t net_queues(const struct virtdev_vhost_user *r,
			   uint64_t features)
{
	const uint32_t many = r->bytes[NUM_PAIRS] |
			      (uint32_t)r->bytes[NUM_PAIRS + 1] << 8;
	const uint32_t pairs = (features & VIRTDEV_NET_F_MQ) && many ? many : 1;

	return features & VIRTDEV_NET_F_CTRL_VQ ? 2 * pairs + 1 : 2;
}

uint32_t virtdev_priv_remote_queues(const struct virtdev_vhost_user *r,
				    uint64_t features)
{
	uint32_t n = r->config.nqueues;

	if (n)
		return n;
	if (r->config.id == VIRTDEV_ID_BLOCK && (features & VIRTDEV_BLK_F_MQ))
		n = r->bytes[NUM_QUEUES] |
		    (uint32_t)r->bytes[NUM_QUEUES + 1] << 8;
	if (r->config.id == VIRTDEV_ID_CONSOLE &&
	    (features & CONSOLE_F_MULTIPORT))
		n = 2 + 2 * (r->bytes[NUM_PORTS] |
			     (uint32_t)r->bytes[NUM_PORTS + 1] << 8);
	if (r->config.id == VIRTDEV_ID_NET)
		n = net_queues(r, features);
	if (!n)
		n = r->preset ? r->preset->nqueues : 1;
	return n > REMOTE_QUEUES ? REMOTE_QUEUES : n;
}
