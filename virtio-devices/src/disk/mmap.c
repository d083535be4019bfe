/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The mmap engine, for files in memory (tmpfs, memfd): reads copy from a mapping without
 * a system call. Writes and other requests use system calls, because a store could raise
 * SIGBUS (no space, quota, end of file) while a system call returns an error.
 *
 * A load raises SIGBUS if another process truncates the file. The program's handler
 * repairs the mapping (sigbus.h); from then on reads use system calls, too, which
 * respect the new end of the file.
 *
 * When the disk grows, the new part is mapped as another piece. Reads that are not
 * within one piece use system calls.
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

/* Beyond this number of pieces, reads use system calls. */
#define MAX_PIECES 16u

struct piece {
	struct vmem_block *block;
	const unsigned char *base;
	uint64_t start, end;	/* bytes of the file */
};

struct mmap_disk {
	struct virtdev_priv_file *file;
	struct vmem_sigbus *sigbus;
	struct piece pieces[MAX_PIECES]; /* immutable below npieces */
	uint32_t npieces;	/* atomic; grows while channels read */
};

/* The intact piece that contains these bytes, or NULL. */
static const struct piece *find_piece(const struct mmap_disk *d, uint64_t pos,
				      uint64_t len)
{
	/* pairs with the release in add_piece() */
	const uint32_t n = __atomic_load_n(&d->npieces, __ATOMIC_ACQUIRE);
	const struct piece *p;

	for (p = d->pieces; p < d->pieces + n; p++)
		if (pos >= p->start && pos < p->end && len <= p->end - pos)
			return vmem_block_failed(p->block) ? NULL : p;
	return NULL;
}

/* Copies niov whole buffers, or len bytes of one. False: content may be invalid. */
static bool buffers_copy(const struct mmap_disk *d, const struct iovec *iov,
			 uint32_t niov, uint64_t pos, uint64_t len)
{
	const struct piece *p = find_piece(d, pos, len);
	const unsigned char *from;
	uint32_t i;

	if (!p)
		return false;
	from = p->base + (pos - p->start);
	if (niov == 1)
		memcpy(iov->iov_base, from, len);
	for (i = 0; niov > 1 && i < niov; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
	/* a repaired mapping returned zeros: repeat by system call */
	return !vmem_block_failed(p->block);
}

static int64_t mmap_call(const struct mmap_disk *d,
			 const struct virtdev_disk_request *r,
			 const struct virtdev_priv_step *step)
{
	if (step->kind == VIRTDEV_PRIV_STEP_READV &&
	    buffers_copy(d, r->iov, step->niov, step->pos, step->len))
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
	    buffers_copy(d, r->iov, r->niov, r->offset, r->len)) {
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

/* Maps the bytes between the last piece and end. */
static int add_piece(struct mmap_disk *d, uint64_t end, struct vsu_error *err)
{
	const uint32_t n = d->npieces;
	struct piece *p = &d->pieces[n];
	const uint64_t start = n ? p[-1].end : 0;
	const struct vmem_fd_desc desc = {
		.fd = d->file->fd, .flags = VMEM_BLOCK_SHARED,
		.fd_offset = start, .len = end - start, .sigbus = d->sigbus,
	};
	int rc = vmem_block_new_fd(&desc, &p->block, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "cannot map the image");
	p->base = vmem_block_hva(p->block);
	p->start = start;
	p->end = end;
	/* pairs with the acquire in find_piece() */
	__atomic_store_n(&d->npieces, n + 1, __ATOMIC_RELEASE);
	return 0;
}

/* If mapping fails, reads of the new part use system calls. */
static int mmap_resize(void *self, uint64_t bytes, uint64_t *capacity,
		       struct vsu_error *err)
{
	struct mmap_disk *d = self;
	int rc = virtdev_priv_file_resize(d->file, bytes, capacity, err);

	if (!rc && d->npieces < MAX_PIECES &&
	    *capacity > d->pieces[d->npieces - 1].end)
		(void)!add_piece(d, *capacity, NULL);
	return rc;
}

static void disk_free(struct mmap_disk *d)
{
	uint32_t i;

	for (i = 0; i < d->npieces; i++)
		vmem_block_unref(d->pieces[i].block);
	free(d);
}

static void mmap_free(void *self)
{
	struct mmap_disk *d = self;
	struct virtdev_priv_file *file = d->file;

	disk_free(d);
	virtdev_priv_file_free(file);
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
	.resize = mmap_resize,
};

/* Excludes device nodes, which may be in a tmpfs such as /dev. */
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
	d->file = file;
	d->sigbus = sigbus;
	rc = add_piece(d, file->info.capacity, err);
	file->info.blocks = 0;
	if (!rc)
		rc = virtdev_disk_new(&mmap_ops, &file->info, d, out);
	if (rc < 0)
		disk_free(d);
	return rc;
}
