/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The device's configuration space. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "backend/priv.h"
#include <vmm-sys-util/checked.h>

/*
 * Bit 0 marks a write by migration instead of the driver. One implementation
 * uses bit 0 as "writable" and bit 1 for migration, so bit 1 is accepted and
 * ignored.
 */
#define KNOWN_FLAGS 0x3u

/*
 * A read may exceed the space of this device: SPDK reads the maximum, QEMU the fields of
 * all features that it knows. Only the first byte must exist.
 */
static bool is_within(const struct vhost_user_backend *b, bool reads,
		      const struct vhost_user_config *c)
{
	return reads ? c->offset < b->config.config_size :
	       !vsu_range_exceeds(c->offset, c->size, b->config.config_size);
}

static int check_range(struct vhost_user_backend *b,
		       struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_config *c = &msg->payload.config;
	const bool reads = msg->hdr.request == VHOST_USER_GET_CONFIG;

	if (c->size == 0 || c->size > VHOST_USER_MAX_CONFIG ||
	    !is_within(b, reads, c))
		return vsu_error_set(err, -EBADMSG,
				     "%u bytes of configuration at %u: the space has %u bytes, and a request at most %u",
				     c->size, c->offset, b->config.config_size,
				     VHOST_USER_MAX_CONFIG);
	if (!reads && (c->flags & ~KNOWN_FLAGS))
		return vsu_error_set(err, -EBADMSG,
				     "SET_CONFIG has unknown flags %#x",
				     c->flags);
	return VHOST_USER_PRIV_GO;
}

static unsigned char *config_bytes(struct vhost_user_priv_msg *msg)
{
	return msg->payload.bytes + sizeof(msg->payload.config);
}

static int get_config(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	struct vhost_user_config *c = &msg->payload.config;
	const uint32_t left = b->config.config_size - c->offset;
	const uint32_t len = c->size < left ? c->size : left;
	int rc;

	msg->used = (uint32_t)sizeof(*c) + c->size;
	memset(config_bytes(msg) + len, 0, c->size - len);
	rc = b->ops.get_config(b->opaque, c->offset, config_bytes(msg), len);
	if (rc < 0)
		return vsu_error_sys(err, rc, "GET_CONFIG of %u bytes at offset %u: the device refuses",
				     c->size, c->offset);
	msg->hdr.size = (uint32_t)sizeof(*c) + c->size;
	return 0;
}

static int set_config(struct vhost_user_backend *b,
		      struct vhost_user_priv_msg *msg, struct vsu_error *err)
{
	const struct vhost_user_config *c = &msg->payload.config;
	int rc = -EOPNOTSUPP;

	if (b->ops.set_config)
		rc = b->ops.set_config(b->opaque, c->offset, config_bytes(msg),
				       c->size,
				       c->flags & VHOST_USER_CONFIG_MIGRATION);
	return rc < 0 ? vsu_error_sys(err, rc, "SET_CONFIG of %u bytes at offset %u: the device refuses them",
				      c->size, c->offset) : 0;
}

static const struct vhost_user_priv_handler handlers[] = {
	{ VHOST_USER_GET_CONFIG, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  check_range, get_config, NULL },
	{ VHOST_USER_SET_CONFIG, VHOST_USER_PRIV_NO_RING, VHOST_USER_PRIV_GO,
	  check_range, set_config, NULL },
};

VHOST_USER_PRIV_HANDLERS(config_handlers, handlers);
