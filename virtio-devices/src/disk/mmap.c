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

#include "disk/now.h"

struct mmap_disk {
	struct virtdev_priv_file *file;
	struct vmem_block *block;
	const unsigned char *base;
};

/* niov whole pieces, or len bytes of one; false when they may be wrong. */
static bool pieces_copy(const struct mmap_disk *d, const struct iovec *iov,
			uint32_t niov, uint64_t pos, uint64_t len)
{
	const unsigned char *from = d->base + pos;
	uint32_t i;

	if (vmem_block_failed(d->block))
		return false;
	if (niov == 1)
		memcpy(iov->iov_base, from, len);
	for (i = 0; niov > 1 && i < niov; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
	/* zeros may stand where the file was not: it is read again */
	return !vmem_block_failed(d->block);
}

static int64_t mmap_call(const struct mmap_disk *d,
			 const struct virtdev_disk_request *r,
			 const struct virtdev_priv_step *step)
{
	if (step->kind == VIRTDEV_PRIV_STEP_READV &&
	    pieces_copy(d, r->iov, step->niov, step->pos, step->len))
		return (int64_t)step->len;
	return virtdev_priv_file_call(d->file, r, step);
}

static bool mmap_step(void *self, struct virtdev_disk_request *r,
		      uint64_t *budget)
{
	struct mmap_disk *d = self;
	struct virtdev_priv_step step;

	/* most requests are one copy, whatever their number of pieces */
	if (r->op == VIRTDEV_DISK_READ && r->len <= VIRTDEV_PRIV_STEP_MAX &&
	    pieces_copy(d, r->iov, r->niov, r->offset, r->len)) {
		virtdev_priv_spend(budget, r->len);
		r->result = 0;
		return true;
	}
	virtdev_priv_file_step(d->file, r, &step);
	virtdev_priv_spend(budget, step.cost);
	return virtdev_priv_file_outcome(d->file, r, mmap_call(d, r, &step));
}

static int mmap_submit(void *self, void *channel,
		       struct virtdev_disk_request *request)
{
	struct mmap_disk *d = self;

	virtdev_priv_now_add(channel, request,
			     virtdev_priv_file_begin(d->file, request));
	return 0;
}

static int mmap_kick(void *self, void *channel, uint64_t *budget)
{
	return virtdev_priv_now_kick(self, channel, budget, mmap_step);
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
	.submit = mmap_submit,
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
