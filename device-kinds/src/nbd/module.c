/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The module interface: opens an NBD disk. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "nbd/nbd.h"

static void disk_free(void *self)
{
	struct devkind_priv_nbd_disk *d = self;

	nbd_close(d->first);
	free(d->export_name);
	free(d->address);
	free(d);
}

static int disk_flush_result(void *self, struct vsu_error *err)
{
	const struct devkind_priv_nbd_disk *d = self;
	const int rc = __atomic_load_n(&d->flush_result, __ATOMIC_ACQUIRE);

	if (__atomic_load_n(&d->lost, __ATOMIC_ACQUIRE))
		return vsu_error_set(err, -EIO, "cannot flush '%s': the connection was lost after writes; continue when the guest has flushed its disk",
				     d->address);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot flush '%s'", d->address) : 0;
}

static const struct virtdev_disk_ops ops = {
	.size = sizeof(ops),
	.name = "nbd",
	.channel_open = devkind_priv_nbd_channel_open,
	.channel_close = devkind_priv_nbd_channel_close,
	.channel_fd = devkind_priv_nbd_channel_fd,
	.submit = devkind_priv_nbd_channel_submit,
	.kick = devkind_priv_nbd_channel_kick,
	.reap = devkind_priv_nbd_channel_reap,
	.free = disk_free,
	.channel_flush = devkind_priv_nbd_channel_flush,
	.flush_result = disk_flush_result,
};

static int disk_open(const struct devkind_priv_disk_want *want,
		     struct devkind_priv_disk_made *out, struct vsu_error *err)
{
	struct devkind_priv_nbd_disk *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return vsu_error_sys(err, -ENOMEM, "disk");
	rc = devkind_priv_nbd_disk_ask(d, want, err);
	if (rc < 0) {
		disk_free(d);
		return rc;
	}
	out->ops = &ops;
	out->info = d->info;
	out->self = d;
	return 0;
}

const struct devkind_priv_disk_module devkind_priv_disk_module = {
	.version = PACKAGE_VERSION,
	.open = disk_open,
};
