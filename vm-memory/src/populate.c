/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Populates pages, discards them, and maps them again. MADV_POPULATE_* reports a full file
 * system or an empty pool as an error. On older kernels fallocate() reserves the pages of a
 * file before they are accessed, so that no SIGBUS occurs unless another process truncates
 * the file.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/falloc.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "priv.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

/* The pages of a piece in the mapping. */
struct pages {
	unsigned char *hva;
	size_t len;
};

static int check_piece(const struct vmem_block *block, uint64_t off,
		       uint64_t len, struct vsu_error *err)
{
	if (vsu_range_exceeds(off, len, block->len))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at offset %#" PRIx64 " exceed a block of %#"
				     PRIx64, len, off, block->len);
	return 0;
}

/* Whole pages around the piece. */
static struct pages pages_around(const struct vmem_block *block, uint64_t off,
				 uint64_t len)
{
	uintptr_t mask = (uintptr_t)block->page_size - 1;
	uintptr_t first = (uintptr_t)(block->hva + off) & ~mask;
	uintptr_t end = ((uintptr_t)(block->hva + off + len) + mask) & ~mask;
	struct pages p = { (unsigned char *)first, end - first };

	return p;
}

static int madvise_all(const struct pages *p, int advice)
{
	int rc;

	do {
		rc = madvise(p->hva, p->len, advice);
	} while (rc < 0 && (errno == EINTR || errno == EAGAIN));
	return rc < 0 ? -errno : 0;
}

/* Accesses each page of the host once, without a change. */
static void pages_touch(const struct pages *p, bool write)
{
	size_t step = vmem_priv_host_page(), i;

	for (i = 0; i < p->len; i += step) {
		if (write)
			__atomic_fetch_or(p->hva + i, 0, __ATOMIC_RELAXED);
		else
			__atomic_load_n(p->hva + i, __ATOMIC_RELAXED);
	}
}

/* Position in the file of a host address of the mapping. */
static uint64_t pos_of(const struct vmem_block *block, const struct pages *p)
{
	return vmem_block_file_pos(block,
				   (uint64_t)(p->hva - block->hva));
}

/* True if the file was truncated: an access behind its end raises SIGBUS. */
static bool file_ends_before(const struct vmem_block *block,
			     const struct pages *p)
{
	uint64_t end;

	if (block->fd < 0 || vsu_fd_kind(block->fd) != VSU_FD_REGULAR ||
	    vsu_fd_size(block->fd, &end) < 0 ||
	    vsu_align_up_overflow(end, block->page_size, &end))
		return false;
	return pos_of(block, p) + p->len > end;
}

/*
 * Populates on kernels before 5.14. A private writable mapping takes its pages from
 * anonymous memory, not from a file system that could be full.
 */
static int populate_by_hand(struct vmem_block *block, const struct pages *p)
{
	bool write = block->flags & VMEM_BLOCK_WRITE;
	int rc;

	if (file_ends_before(block, p))
		return -EFAULT;
	if (block->fd >= 0 && write && (block->flags & VMEM_BLOCK_SHARED)) {
		do {
			rc = fallocate(block->fd, FALLOC_FL_KEEP_SIZE,
				       (off_t)pos_of(block, p),
				       (off_t)p->len);
		} while (rc < 0 && errno == EINTR);
		if (rc < 0 && errno != EOPNOTSUPP && errno != ENODEV)
			return -errno;
	}
	pages_touch(p, write);
	return 0;
}

int vmem_block_populate(struct vmem_block *block, uint64_t off, uint64_t len,
			struct vsu_error *err)
{
	int rc = check_piece(block, off, len, err);
	struct pages p;

	if (rc < 0 || !len)
		return rc;
	p = pages_around(block, off, len);
	rc = madvise_all(&p, block->flags & VMEM_BLOCK_WRITE ?
			 MADV_POPULATE_WRITE : MADV_POPULATE_READ);
	if (rc == -EINVAL)	/* the kernel lacks it */
		rc = populate_by_hand(block, &p);
	if (rc == -EFAULT)
		return vsu_error_set(err, -ENOSPC, "the file or file system behind %#" PRIx64 " bytes of memory at offset %#" PRIx64 " has no room for them",
				     len, off);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make %#" PRIx64
				     " bytes of memory present", len);
	return 0;
}

static int check_pages(const struct vmem_block *block, uint64_t off,
		       uint64_t len, struct vsu_error *err)
{
	int rc = check_piece(block, off, len, err);

	if (rc < 0)
		return rc;
	if (!vsu_is_aligned((uintptr_t)(block->hva + off) | len,
			    block->page_size))
		return vsu_error_set(err, -EINVAL, "%#" PRIx64 " bytes at offset %#" PRIx64 " are not whole pages of %#" PRIx64,
			      len, off,
				     block->page_size);
	return 0;
}

/*
 * True for a private mapping of a file with content. A private memfd that vm-memory created
 * contains zeros.
 */
static bool is_private_file(const struct vmem_block *block)
{
	return block->fd >= 0 && !(block->flags & VMEM_BLOCK_SHARED) &&
	       block->kind != VMEM_KIND_MEMFD;
}

static int check_discard(const struct vmem_block *block, uint64_t off,
			 uint64_t len, struct vsu_error *err)
{
	int rc = check_pages(block, off, len, err);

	if (rc < 0)
		return rc;
	if (!(block->flags & VMEM_BLOCK_WRITE))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "read-only memory cannot release its pages");
	if (is_private_file(block))
		return vsu_error_set(err, -EOPNOTSUPP, "private memory over a file would have the file's content again");
	return 0;
}

static int hole_punch(struct vmem_block *block, uint64_t off, uint64_t len)
{
	int rc;

	do {
		rc = fallocate(block->fd,
			       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
			       (off_t)vmem_block_file_pos(block, off),
			       (off_t)len);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int drop_private(struct vmem_block *block, uint64_t off, uint64_t len)
{
	struct pages p = { block->hva + off, len };

	return madvise_all(&p, MADV_DONTNEED);
}

int vmem_block_discard(struct vmem_block *block, uint64_t off, uint64_t len,
		       struct vsu_error *err)
{
	int rc = check_discard(block, off, len, err);

	if (rc < 0 || !len)
		return rc;
	if (block->flags & VMEM_BLOCK_SHARED)
		rc = hole_punch(block, off, len);
	/* Pages that replaced those of a truncated file are private memory. */
	if (!rc && (!(block->flags & VMEM_BLOCK_SHARED) ||
		    vmem_block_failed(block)))
		rc = drop_private(block, off, len);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot release %#" PRIx64 " bytes at offset %#" PRIx64, len,
				     off);
	return 0;
}

/* mincore() reports huge pages by the page table of this process. */
static int zero_if_present(unsigned char *at, size_t len)
{
	const size_t page = vmem_priv_host_page();
	unsigned char present;
	size_t done;

	for (done = 0; done < len; done += page) {
		if (mincore(at + done, page, &present) < 0)
			return -errno;
		if (present & 1)
			memset(at + done, 0, page);
	}
	return 0;
}

/*
 * A store to a hole would allocate a huge page. Linux clears parts of huge pages that
 * exist when it punches a file, since 5.19: every kernel with private memory does.
 */
int vmem_priv_block_clear(struct vmem_block *block, uint64_t off, uint64_t len,
			  struct vsu_error *err)
{
	int rc = 0;

	if (len && (block->flags & VMEM_BLOCK_SHARED))
		rc = hole_punch(block, off, len);
	if (!rc && (!(block->flags & VMEM_BLOCK_SHARED) ||
		    vmem_block_failed(block)))
		rc = zero_if_present(block->hva + off, len);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot clear %#" PRIx64
				      " bytes at offset %#" PRIx64, len, off) : 0;
}

int vmem_block_remap(struct vmem_block *block, uint64_t off, uint64_t len,
		     struct vsu_error *err)
{
	struct pages p = { block->hva + off, len };
	int rc = check_pages(block, off, len, err), flags;

	if (rc < 0 || !len)
		return rc;
	if (vmem_block_failed(block))
		return vsu_error_set(err, -EBUSY, "a part of this memory was lost and replaced");
	flags = block->map_flags | MAP_FIXED |
		(block->fd < 0 ? MAP_ANONYMOUS : 0);
	if (mmap(p.hva, p.len, block->map_prot, flags, block->fd,
		 block->fd < 0 ? 0 : (off_t)pos_of(block, &p)) == MAP_FAILED)
		return vsu_error_sys(err, -errno, "cannot map %#" PRIx64 " bytes again", len);
	vmem_priv_repeat_policy(block, p.hva, p.len);
	return 0;
}
