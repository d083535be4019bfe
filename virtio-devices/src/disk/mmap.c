/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The mmap engine, for files in memory (tmpfs, memfd): reads copy from a mapping without
 * a system call, and so do writes to pages that are known to be allocated. Other writes
 * use system calls, because a store that needs space could raise SIGBUS (no space, quota,
 * end of file) while a system call returns an error. A page is known after its first
 * write, until it is discarded.
 *
 * An access raises SIGBUS if another process truncates the file, or punches a hole into
 * it while the file system is full. The program's handler repairs the mapping (sigbus.h);
 * that request and all later ones use system calls, which respect the end of the file and
 * report the lack of space.
 *
 * When the disk grows, the new part is mapped as another piece. Requests that are not
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
#include "disk/pages.h"

/* Beyond this number of pieces, requests use system calls. */
#define MAX_PIECES 16u

struct piece {
	struct vmem_block *block;
	unsigned char *base;
	uint64_t start, end;	/* bytes of the file */
	struct virtdev_priv_pages pages; /* pages that a store may change; none in a read-only
					    mapping */
};

struct mmap_disk {
	struct virtdev_priv_file *file;
	struct vmem_sigbus *sigbus;
	struct piece pieces[MAX_PIECES]; /* immutable below npieces, except the bits of the
					    pages */
	uint32_t npieces;	/* atomic; grows while channels read */
};

static uint32_t count_pieces(const struct mmap_disk *d)
{
	/* pairs with the release in add_piece() */
	return __atomic_load_n(&d->npieces, __ATOMIC_ACQUIRE);
}

/* The intact piece that contains these bytes, or NULL. */
static const struct piece *find_piece(const struct mmap_disk *d, uint64_t pos,
				      uint64_t len)
{
	const uint32_t n = count_pieces(d);
	const struct piece *p;

	for (p = d->pieces; p < d->pieces + n; p++)
		if (pos >= p->start && pos < p->end && len <= p->end - pos)
			return vmem_block_failed(p->block) ? NULL : p;
	return NULL;
}

/* Copies niov whole buffers, or len bytes of one, from the mapping. */
static void copy_out(const unsigned char *from, const struct iovec *iov,
		     uint32_t niov, uint64_t len)
{
	uint32_t i;

	if (niov == 1)
		memcpy(iov->iov_base, from, len);
	for (i = 0; niov > 1 && i < niov; i++) {
		memcpy(iov[i].iov_base, from, iov[i].iov_len);
		from += iov[i].iov_len;
	}
}

/* Copies niov whole buffers, or len bytes of one, to the mapping. */
static void copy_in(unsigned char *to, const struct iovec *iov, uint32_t niov,
		    uint64_t len)
{
	uint32_t i;

	if (niov == 1)
		memcpy(to, iov->iov_base, len);
	for (i = 0; niov > 1 && i < niov; i++) {
		memcpy(to, iov[i].iov_base, iov[i].iov_len);
		to += iov[i].iov_len;
	}
}

/*
 * Copies to or from the mapping. False: not possible, or a repaired mapping returned
 * zeros or lost the data; the caller repeats the request by system call.
 */
static bool buffers_copy(const struct mmap_disk *d, bool writes,
			 const struct iovec *iov, uint32_t niov, uint64_t pos,
			 uint64_t len)
{
	const struct piece *p = find_piece(d, pos, len);
	unsigned char *at;

	if (!p)
		return false;
	at = p->base + (pos - p->start);
	if (!writes) {
		copy_out(at, iov, niov, len);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} else {
		if (!virtdev_priv_pages_known(&p->pages, pos - p->start, len))
			return false;
		copy_in(at, iov, niov, len);
		/* stores before the load: pairs with vmem_sigbus_fix() */
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
	}
	return !vmem_block_failed(p->block);
}

/* Records that the pages of the range were written, or are to be freed. */
static void set_known(struct mmap_disk *d, uint64_t pos, uint64_t len,
		      bool known)
{
	const uint32_t n = count_pieces(d);
	uint64_t start, end;
	struct piece *p;

	for (p = d->pieces; p < d->pieces + n; p++) {
		start = pos > p->start ? pos : p->start;
		end = pos + len < p->end ? pos + len : p->end;
		if (start < end)
			virtdev_priv_pages_set(&p->pages, start - p->start,
					       end - start, known);
	}
}

/*
 * The system call of a step. A file in memory has no storage to which fdatasync() could
 * write. After a short write the next call returns the error.
 */
static int64_t mmap_call(struct mmap_disk *d,
			 const struct virtdev_disk_request *r,
			 const struct virtdev_priv_step *step)
{
	int64_t rc;

	if (step->kind == VIRTDEV_PRIV_STEP_FDATASYNC)
		return 0;
	if (step->kind == VIRTDEV_PRIV_STEP_FALLOCATE)
		set_known(d, step->pos, step->len, false);
	rc = virtdev_priv_file_call(d->file, r, step);
	if (rc == (int64_t)step->len &&
	    (step->kind == VIRTDEV_PRIV_STEP_WRITEV ||
	     step->kind == VIRTDEV_PRIV_STEP_WRITE))
		set_known(d, step->pos, step->len, true);
	return rc;
}

static int64_t mmap_transfer(struct mmap_disk *d,
			     const struct virtdev_disk_request *r,
			     const struct virtdev_priv_step *step)
{
	const bool writes = step->kind == VIRTDEV_PRIV_STEP_WRITEV;

	if ((writes || step->kind == VIRTDEV_PRIV_STEP_READV) &&
	    buffers_copy(d, writes, r->iov, step->niov, step->pos, step->len))
		return (int64_t)step->len;
	return mmap_call(d, r, step);
}

/* Most requests are one copy, whatever their number of buffers. */
static bool is_one_copy(const struct virtdev_disk_request *r)
{
	return (r->op == VIRTDEV_DISK_READ || r->op == VIRTDEV_DISK_WRITE) &&
	       r->len <= VIRTDEV_PRIV_STEP_MAX && !virtdev_priv_done(r);
}

static bool mmap_step(void *self, struct virtdev_disk_request *r,
		      uint64_t *budget)
{
	struct mmap_disk *d = self;
	struct virtdev_priv_step step;

	if (is_one_copy(r) &&
	    buffers_copy(d, r->op == VIRTDEV_DISK_WRITE, r->iov, r->niov,
			 r->offset, r->len)) {
		virtdev_priv_spend(budget, r->len);
		r->result = 0;
		return true;
	}
	virtdev_priv_file_step(d->file, r, &step);
	virtdev_priv_spend(budget, step.cost);
	return virtdev_priv_file_outcome(d->file, r,
					 mmap_transfer(d, r, &step));
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

/* A sealed file is mapped read-only, even if the disk is not. */
static int map_piece(struct mmap_disk *d, struct piece *p,
		     struct vsu_error *err)
{
	struct vmem_fd_desc desc = {
		.fd = d->file->fd,
		.flags = VMEM_BLOCK_SHARED | VMEM_BLOCK_WRITE,
		.fd_offset = p->start, .len = p->end - p->start,
		.sigbus = d->sigbus,
	};

	if (!d->file->info.read_only &&
	    !vmem_block_new_fd(&desc, &p->block, NULL)) {
		virtdev_priv_pages_init(&p->pages, desc.len);
		return 0;
	}
	desc.flags &= ~VMEM_BLOCK_WRITE;
	return vmem_block_new_fd(&desc, &p->block, err);
}

/* Maps the bytes between the last piece and end. */
static int add_piece(struct mmap_disk *d, uint64_t end, struct vsu_error *err)
{
	const uint32_t n = d->npieces;
	struct piece *p = &d->pieces[n];
	int rc;

	p->start = n ? p[-1].end : 0;
	p->end = end;
	rc = map_piece(d, p, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "cannot map the image");
	p->base = vmem_block_hva(p->block);
	/* pairs with the acquire in find_piece() */
	__atomic_store_n(&d->npieces, n + 1, __ATOMIC_RELEASE);
	return 0;
}

/* If mapping fails, requests to the new part use system calls. */
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

	for (i = 0; i < d->npieces; i++) {
		virtdev_priv_pages_fini(&d->pieces[i].pages);
		vmem_block_unref(d->pieces[i].block);
	}
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
				     "cannot inspect the file system");
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
				     "an image can be mapped only if SIGBUS is handled");
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
