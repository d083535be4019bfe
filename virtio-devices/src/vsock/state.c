/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The state of a socket device, and its numbers. Connections end where the
 * device is saved: the driver is told of that, and of another CID.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "vsock/vsock_priv.h"

void virtdev_priv_vsock_save(void *self, struct virtdev_state_writer *w)
{
	const struct vsock_bridge *b = self;

	virtdev_state_put_u64(w, b->cid);
	virtdev_state_put_u8(w, b->nconns || b->nreplies ||
				b->reset != VSOCK_RESET_NONE);
}

int virtdev_priv_vsock_load(void *self, uint32_t version,
			    struct virtdev_state_reader *r,
			    struct vsu_error *err)
{
	struct vsock_bridge *b = self;
	const uint64_t cid = virtdev_state_get_u64(r);
	const uint8_t torn = virtdev_state_get_u8(r);
	int rc = virtdev_state_end(r, err);

	(void)version;
	if (rc >= 0 && torn > 1)
		rc = vsu_error_set(err, -EBADMSG,
				   "vsock: whether there were connections is %" PRIu8 "; 0 or 1 is expected",
				   torn);
	if (rc < 0)
		return rc;
	virtdev_priv_vsock_forget(b);
	b->reset = torn || cid != b->cid ? VSOCK_RESET_WANTED
					 : VSOCK_RESET_NONE;
	return 0;
}

static uint64_t count_of(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

uint32_t virtdev_priv_vsock_stats(void *self, struct virtdev_stat *stats,
				  uint32_t max)
{
	const struct vsock_bridge *b = self;
	const struct virtdev_stat all[] = {
		{ "connections", count_of(&b->live) },
		{ "to-guest", count_of(&b->bytes_to_guest) },
		{ "from-guest", count_of(&b->bytes_from_guest) },
		{ "refused", count_of(&b->refused) },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);

	memcpy(stats, all, (n < max ? n : max) * sizeof(all[0]));
	return n;
}
