/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Configuration writes of the driver, kept for the back-end's replacement. A
 * device interprets a write by the features of its driver, so each start sends
 * them after the features and before the rings run.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vhost/frontend_device.h>

#include "frontend/priv.h"

/* The entry of a write to these bytes, or the next free one. */
static struct fe_kept_write *find_write(struct fe_kept *kept, uint32_t off,
					uint32_t len)
{
	unsigned int i;

	for (i = 0; i < kept->n; i++)
		if (kept->writes[i].off == off && kept->writes[i].len == len)
			return &kept->writes[i];
	return kept->n < FE_KEPT_WRITES ? &kept->writes[kept->n++] : NULL;
}

int vhost_user_frontend_keep_config(struct vhost_user_frontend *f, uint32_t off,
				    const void *buf, uint32_t len,
				    struct vsu_error *err)
{
	struct fe_kept_write *w;

	if (!len || len > FE_KEPT_BYTES || off > VHOST_USER_MAX_CONFIG - len)
		return vsu_error_set(err, -EINVAL,
				     "keep_config: %" PRIu32 " bytes at %" PRIu32 "; 1 to %u bytes can be kept, within the first %u",
				     len, off, FE_KEPT_BYTES,
				     VHOST_USER_MAX_CONFIG);
	w = find_write(&f->kept, off, len);
	if (!w)
		return vsu_error_set(err, -ENOSPC,
				     "keep_config: %u writes are kept already",
				     FE_KEPT_WRITES);
	w->off = off;
	w->len = len;
	memcpy(w->bytes, buf, len);
	return 0;
}

void vhost_user_frontend_forget_config(struct vhost_user_frontend *f)
{
	f->kept.n = 0;
}

unsigned int vhost_user_priv_fe_kept_count(struct vhost_user_frontend *f)
{
	return fe_has(f, VHOST_USER_PROTOCOL_F_CONFIG) ? f->kept.n : 0;
}

int vhost_user_priv_fe_send_kept(struct vhost_user_frontend *f,
				 unsigned int item, struct vsu_error *err)
{
	const struct fe_kept_write *w = &f->kept.writes[item];
	const struct vhost_user_config head = { w->off, w->len, 0 };
	const struct fe_request r = {
		.number = VHOST_USER_SET_CONFIG,
		.head = &head,
		.head_len = sizeof(head),
		.tail = w->bytes,
		.tail_len = w->len,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	return vhost_user_priv_fe_request(f, &r, err);
}
