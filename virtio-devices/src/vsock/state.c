/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * State, features and counters of a socket device. Connections end when the device is
 * saved; a transport reset event informs the driver of that, and of a new CID.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/state.h>

#include "core/state_priv.h"
#include "vsock/priv.h"

int virtdev_priv_vsock_set_features(void *self, uint64_t features,
				    struct vsu_error *err)
{
	struct vsock_bridge *b = self;

	(void)err;
	pthread_mutex_lock(&b->lock);
	b->messages = features & VSOCK_F_SEQPACKET;
	pthread_mutex_unlock(&b->lock);
	return 0;
}

void virtdev_priv_vsock_save(void *self, struct virtdev_state_writer *w)
{
	const struct vsock_bridge *b = self;

	virtdev_state_put_u64(w, b->cid);
	/* connections of a process end with it, also later ones */
	virtdev_state_put_u8(w, w->running || b->nconns || b->nreplies ||
				b->reset != VSOCK_RESET_NONE);
	virtdev_state_put_u8(w, b->messages);
}

static int check_flag(const char *what, uint8_t flag, struct vsu_error *err)
{
	return flag <= 1 ? 0 :
	       vsu_error_set(err, -EBADMSG,
			     "vsock: whether %s is %" PRIu8 "; 0 or 1 is expected",
			     what, flag);
}

int virtdev_priv_vsock_load(void *self, uint32_t version,
			    struct virtdev_state_reader *r,
			    struct vsu_error *err)
{
	struct vsock_bridge *b = self;
	const uint64_t cid = virtdev_state_get_u64(r);
	const uint8_t torn = virtdev_state_get_u8(r);
	/* version 1 supported streams only */
	const uint8_t messages = version > 1 ? virtdev_state_get_u8(r) : 0;
	int rc = virtdev_state_end(r, err);

	if (rc >= 0)
		rc = check_flag("there were connections", torn, err);
	if (rc >= 0)
		rc = check_flag("the driver takes messages", messages, err);
	if (rc < 0)
		return rc;
	virtdev_priv_vsock_forget(b);
	b->messages = messages;
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
		{ "too-long", count_of(&b->too_long) },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);

	memcpy(stats, all, (n < max ? n : max) * sizeof(all[0]));
	return n;
}
