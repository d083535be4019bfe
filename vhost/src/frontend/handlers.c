/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The rows of all files, and the protocol features that follow from them. */
#include <config.h>

#include <string.h>

#include "frontend/priv.h"

static const struct fe_handlers *const groups[] = {
	&vhost_user_priv_fe_channel_handlers, &vhost_user_priv_fe_config_handlers,
	&vhost_user_priv_fe_device_handlers, &vhost_user_priv_fe_handshake_handlers,
	&vhost_user_priv_fe_inband_handlers, &vhost_user_priv_fe_inflight_handlers,
	&vhost_user_priv_fe_iotlb_handlers, &vhost_user_priv_fe_log_handlers,
	&vhost_user_priv_fe_memory_handlers, &vhost_user_priv_fe_notifier_handlers,
	&vhost_user_priv_fe_postcopy_handlers, &vhost_user_priv_fe_shmem_handlers,
	&vhost_user_priv_fe_stop_handlers,
};

/* Row i of all groups; NULL: past the end. */
static const struct fe_handler *nth_row(unsigned int i)
{
	unsigned int g;

	for (g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
		if (i < groups[g]->n)
			return &groups[g]->rows[i];
		i -= groups[g]->n;
	}
	return NULL;
}

void vhost_user_priv_fe_index_handlers(struct vhost_user_frontend *f)
{
	const struct fe_handler *h;
	unsigned int i;

	for (i = 0; (h = nth_row(i)); i++)
		f->handlers[h->sender][h->request] = h;
}

static bool has_op(const struct vhost_user_frontend *f, size_t op)
{
	void (*fn)(void) = NULL;

	if (!f || !op)
		return true;
	memcpy(&fn, (const char *)f + op, sizeof(fn));
	return fn;
}

static const struct vhost_user_message *
message_of(const struct fe_handler *h)
{
	return vhost_user_message(h->sender, h->request);
}

static uint64_t feature_of(const struct fe_handler *h)
{
	const unsigned int bit = message_of(h)->protocol_bit;

	return bit == VHOST_USER_NO_BIT ? 0 : UINT64_C(1) << bit;
}

/*
 * True for requests of the back-end that carry a descriptor, in either
 * direction.
 */
static bool moves_fd(const struct fe_handler *h)
{
	const struct vhost_user_message *row = message_of(h);

	return h->sender == VHOST_USER_SIDE_BACKEND &&
	       (row->fds != VHOST_USER_FDS_NONE ||
		row->reply_fds != VHOST_USER_FDS_NONE);
}

uint64_t vhost_user_priv_fe_handled_features(const struct vhost_user_frontend *f)
{
	uint64_t handled = 0, lacking = 0;
	const struct fe_handler *h;
	unsigned int i;

	for (i = 0; (h = nth_row(i)); i++) {
		if (has_op(f, h->ops[0]) && has_op(f, h->ops[1]))
			handled |= feature_of(h);
		else
			lacking |= feature_of(h);
	}
	handled &= ~lacking;
	for (i = 0; (h = nth_row(i)); i++)
		if (moves_fd(h) && handled & feature_of(h))
			handled |= VHOST_USER_PROTOCOL_BIT(BACKEND_SEND_FD);
	return handled;
}
