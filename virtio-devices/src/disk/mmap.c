/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The disk in RAM: a file of tmpfs (a memfd is one) is mapped, and reads are
 * copies without a system call. Everything else is a system call, which such
 * a file system answers at once and with an error where a store would raise
 * SIGBUS: no space left, a limit, the end of the file.
 *
 * A load raises it, too, when somebody cuts the file short. The program's
 * handler then repairs the mapping (sigbus.h), and from that moment on reads
 * are system calls as well, for which the file's true end counts.
 */
#include <config.h>

#include <errno.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <vm-memory/block.h>
#include <vmm-sys-util/fd.h>

#include "disk/image.h"

struct mmap_disk {
	struct virtdev_priv_file *file;
	struct vmem_block *block;
	const unsigned char *base;
};

static void copy(const struct mmap_disk *d, struct virtdev_disk_request *r)
{
	const unsigned char *from = d->base + r->offset;
	uint32_t i;

	for (i = 0; i < r->niov; i++) {
		memcpy(r->iov[i].iov_base, from, r->iov[i].iov_len);
		from += r->iov[i].iov_len;
	}
	r->result = 0;
}

static void run(const struct mmap_disk *d, struct virtdev_disk_request *r)
{
	if (r->op == VIRTDEV_DISK_READ && !vmem_block_failed(d->block)) {
		copy(d, r);
		/* zeros may stand where the file was not: read it again */
		if (!vmem_block_failed(d->block))
			return;
	}
	virtdev_priv_file_run(d->file, r);
}

static int mmap_kick(void *self, void *channel)
{
	struct virtdev_priv_now_channel *c = channel;
	struct virtdev_disk_request *r;
	int some = 0;

	while ((r = virtdev_priv_list_take(&c->queued))) {
		run(self, r);
		virtdev_priv_list_add(&c->finished, r);
		some = 1;
	}
	return some;
}

static void mmap_free(void *self)
{
	struct mmap_disk *d = self;

	vmem_block_unref(d->block);
	virtdev_priv_file_free(d->file);
	free(d);
}

static const struct virtdev_disk_ops mmap_ops = {
	.size = sizeof(mmap_ops),
	.name = "mmap",
	.channel_open = virtdev_priv_now_channel_open,
	.channel_close = virtdev_priv_now_channel_close,
	.channel_fd = virtdev_priv_now_channel_fd,
	.submit = virtdev_priv_now_submit,
	.kick = mmap_kick,
	.reap = virtdev_priv_now_reap,
	.free = mmap_free,
};

/* The name of a device often lies in a tmpfs, too: /dev. */
static int check_file(const struct virtdev_priv_file *file,
		      struct vsu_error *err)
{
	struct statfs fs;

	if (fstatfs(file->fd, &fs) < 0)
		return vsu_error_sys(err, -errno,
				     "cannot look at the file system");
	if (fs.f_type != TMPFS_MAGIC ||
	    vsu_fd_kind(file->fd) != VSU_FD_REGULAR)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the image is not in RAM (tmpfs); use another engine");
	return 0;
}

static int map_image(struct mmap_disk *d, struct virtdev_priv_file *file,
		     struct vmem_sigbus *sigbus, struct vsu_error *err)
{
	const struct vmem_fd_desc desc = {
		.fd = file->fd,
		.flags = VMEM_BLOCK_SHARED,
		.len = file->info.capacity,
		.sigbus = sigbus,
	};
	int rc = vmem_block_new_fd(&desc, &d->block, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "cannot map the image");
	d->base = vmem_block_hva(d->block);
	d->file = file;
	return 0;
}

int virtdev_priv_disk_mmap_new(struct virtdev_priv_file *file,
			       struct vmem_sigbus *sigbus,
			       struct virtdev_disk **out,
			       struct vsu_error *err)
{
	struct mmap_disk *d;
	int rc = check_file(file, err);

	if (rc < 0)
		return rc;
	if (!sigbus)
		return vsu_error_set(err, -EINVAL,
				     "an image is mapped only where SIGBUS is handled");
	d = calloc(1, sizeof(*d));
	if (!d)
		return vsu_error_sys(err, -ENOMEM, "mapped disk");
	rc = map_image(d, file, sigbus, err);
	file->info.blocks = 0;
	if (!rc)
		rc = virtdev_disk_new(&mmap_ops, &file->info, d, out);
	if (rc < 0) {
		vmem_block_unref(d->block);
		free(d);
	}
	return rc;
}
