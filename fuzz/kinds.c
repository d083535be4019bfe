/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests for particular devices: this device supports all of them. */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "kinds.h"

static int get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	(void)opaque;
	memset(buf, (int)off, len);
	return 0;
}

static int announce(void *opaque, const unsigned char *mac)
{
	(void)opaque;
	return mac[0] & 1 ? -EINVAL : 0;
}

static int set_mtu(void *opaque, uint16_t mtu)
{
	(void)opaque;
	return mtu < 68 ? -EINVAL : 0;
}

static int open_session(void *opaque, uint64_t op_code, const void *parameters,
			uint32_t len, int64_t *id)
{
	const unsigned char *p = parameters;

	(void)opaque;
	*id = (int64_t)(op_code & 0xff) + (len ? p[len - 1] : 0);
	return 0;
}

static int close_session(void *opaque, uint64_t id)
{
	(void)opaque;
	return id ? 0 : -ENOENT;
}

static int take_fd(void *opaque, int fd)
{
	(void)opaque;
	close(fd);
	return 0;
}

void kinds_ops(struct vhost_user_backend_ops *ops)
{
	ops->get_config = get_config;
	ops->announce = announce;
	ops->set_mtu = set_mtu;
	ops->open_session = open_session;
	ops->close_session = close_session;
	ops->take_gpu_socket = take_fd;
}
