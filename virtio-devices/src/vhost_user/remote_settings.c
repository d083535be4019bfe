/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Settings that the driver has written to the configuration space. A back-end that
 * is replaced, and one that serves a continued machine, receives them again.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <vhost/frontend_device.h>
#include <virtio-devices/blk_layout.h>
#include <virtio-devices/ids.h>

#include "core/state_priv.h"
#include "vhost_user/remote_priv.h"

/*
 * Fields that a driver may write, and that have a lasting effect (VIRTIO 1.3, section 5).
 * Others are commands, such as emerg_wr of a console, or belong to drivers before
 * version 1.
 */
static const struct {
	uint32_t id, off, len;
} fields[] = {
	{ VIRTDEV_ID_BLOCK, offsetof(struct virtdev_blk_space, writeback), 1 },
	{ VIRTDEV_ID_BALLOON, 4, 4 },	/* actual */
	{ VIRTDEV_ID_BALLOON, 12, 4 },	/* poison_val */
	{ VIRTDEV_ID_SCSI, 20, 4 },	/* sense_size */
	{ VIRTDEV_ID_SCSI, 24, 4 },	/* cdb_size */
	{ VIRTDEV_ID_INPUT, 0, 1 },	/* select */
	{ VIRTDEV_ID_INPUT, 1, 1 },	/* subsel */
};

bool virtdev_priv_remote_is_setting(const struct virtdev_vhost_user *r,
				    uint32_t off, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (fields[i].id == r->config.id && fields[i].off == off &&
		    fields[i].len == len && off + len <= r->config.config_size)
			return true;
	return false;
}

static struct remote_setting *find_setting(struct remote_settings *s,
					   uint32_t off, uint32_t len)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->list[i].off == off && s->list[i].len == len)
			return &s->list[i];
	return &s->list[s->n++];
}

int virtdev_priv_remote_keep(struct virtdev_vhost_user *r, uint32_t off,
			     const void *buf, uint32_t len,
			     struct vsu_error *err)
{
	struct remote_setting *s;
	int rc = vhost_user_frontend_keep_config(r->frontend, off, buf, len, err);

	if (rc < 0)
		return rc;
	s = find_setting(&r->settings, off, len);
	s->off = off;
	s->len = len;
	memcpy(s->bytes, buf, len);
	return 0;
}

void virtdev_priv_remote_show_settings(struct virtdev_vhost_user *r)
{
	const struct remote_setting *s = r->settings.list;

	for (; s < r->settings.list + r->settings.n; s++)
		memcpy(r->bytes + s->off, s->bytes, s->len);
}

void virtdev_priv_remote_forget_settings(struct virtdev_vhost_user *r)
{
	r->settings.n = 0;
	vhost_user_frontend_forget_config(r->frontend);
}

void virtdev_priv_remote_save_settings(void *self, struct virtdev_state_writer *w)
{
	const struct remote_settings *s = &((struct virtdev_vhost_user *)self)->settings;
	unsigned int i;

	for (i = 0; i < s->n; i++) {
		virtdev_state_put_u32(w, s->list[i].off);
		virtdev_state_put_u32(w, s->list[i].len);
		virtdev_state_put_bytes(w, s->list[i].bytes, s->list[i].len);
	}
}

static int load_setting(struct virtdev_vhost_user *r,
			struct virtdev_state_reader *in, struct vsu_error *err)
{
	const uint32_t off = virtdev_state_get_u32(in);
	const uint32_t len = virtdev_state_get_u32(in);
	unsigned char bytes[MAX_SETTING_BYTES];
	int rc;

	if (!virtdev_priv_remote_is_setting(r, off, len))
		return vsu_error_set(err, -EBADMSG,
				     "the state has a setting of %" PRIu32 " bytes at %" PRIu32 ", which this kind of device does not have",
				     len, off);
	virtdev_state_get_bytes(in, bytes, len);
	rc = virtdev_priv_remote_keep(r, off, bytes, len, err);
	if (!rc)
		memcpy(r->bytes + off, bytes, len);
	return rc;
}

/* Each table of fields has fewer than MAX_SETTINGS rows of one kind. */
int virtdev_priv_remote_load_settings(void *self, uint32_t version,
				      struct virtdev_state_reader *in,
				      struct vsu_error *err)
{
	struct virtdev_vhost_user *r = self;
	int rc = 0;

	(void)version;
	virtdev_priv_remote_forget_settings(r);
	while (!rc && in->in.left && !in->in.truncated)
		rc = load_setting(r, in, err);
	return rc ? rc : virtdev_state_end(in, err);
}
