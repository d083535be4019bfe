/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Blocks over a descriptor that a peer sent or the program opened: a part of its file, at
 * any offset and length.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "priv.h"

#define BLOCK_FLAGS (VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED | VMEM_BLOCK_ROM)

static int check_desc(const struct vmem_fd_desc *d, struct vsu_error *err)
{
	uint64_t end;

	if (!d->len)
		return vsu_error_set(err, -EINVAL, "a mapping of length 0");
	if (d->flags & ~(BLOCK_FLAGS | VMEM_FD_CANNOT_GROW))
		return vsu_error_set(err, -EINVAL, "unknown block flags %#x",
				     d->flags);
	if (vsu_u64_add_overflow(d->fd_offset, d->len, &end) ||
	    end > INT64_MAX)
		return vsu_error_set(err, -EINVAL, "file offset %#" PRIx64
				     " + length %#" PRIx64 " exceed a file",
				     d->fd_offset, d->len);
	return 0;
}

int vmem_fd_look(int fd, struct vmem_fd_facts *facts)
{
	struct vmem_fd_facts seen = { .size = UINT64_MAX };
	struct stat st;
	int rc = 0;

	if (fstat(fd, &st) < 0)
		return -errno;
	seen.dev = st.st_dev;
	seen.ino = st.st_ino;
	seen.block_size = (uint64_t)st.st_blksize;
	if (S_ISREG(st.st_mode))
		seen.size = (uint64_t)st.st_size;
	else if (S_ISBLK(st.st_mode))
		rc = vsu_fd_size(fd, &seen.size);
	if (!rc)
		*facts = seen;
	return rc;
}

/*
 * A claim in a reservation covers whole pages, including the file's last,
 * partial page: its bytes past the end of the file read as zeros.
 */
static uint64_t size_of_pages(uint64_t size)
{
	return vsu_align_up_overflow(size, vmem_priv_host_page(), &size) ?
	       UINT64_MAX : size;
}

/* mmap() succeeds past the end of a file, but accesses there raise SIGBUS. */
static int check_file_size(const struct vmem_fd_desc *d, uint64_t size,
			   struct vsu_error *err)
{
	uint64_t end = 0;

	if (!vsu_u64_add_overflow(d->fd_offset, d->len, &end) && end <= size)
		return 0;
	vsu_error_set(err, -EINVAL, "the file has %#" PRIx64 " bytes, too few for %#" PRIx64 " at offset %#" PRIx64,
		      size, d->len,
		      d->fd_offset);
	vsu_error_operands(err, 0, end, size);
	return -EINVAL;
}

/*
 * A shared mapping reserves nothing, except huge pages: if the pool has too few, the
 * mapping must fail, not a later access.
 */
static int map_flags(const struct vmem_fd_desc *d, uint64_t page)
{
	if (!(d->flags & VMEM_BLOCK_SHARED))
		return MAP_PRIVATE;
	return MAP_SHARED | (page == vmem_priv_host_page() ? MAP_NORESERVE : 0);
}

/* Fills the request with the whole pages around the range. */
static int whole_pages(const struct vmem_fd_desc *d, uint64_t page,
		       struct vmem_priv_map_request *req, struct vsu_error *err)
{
	uint64_t head = d->fd_offset & (page - 1), len;

	if (vsu_u64_add_overflow(d->len, head, &len) ||
	    vsu_align_up_overflow(len, page, &len) || len > PTRDIFF_MAX)
		return vsu_error_set(err, -EINVAL, "length %#" PRIx64
				     " exceeds the address space", d->len);
	req->file_pos = d->fd_offset - head;
	req->len = len;
	req->align = page;
	req->prot = PROT_READ | (d->flags & VMEM_BLOCK_WRITE ? PROT_WRITE : 0);
	req->flags = map_flags(d, page);
	return 0;
}

static int open_block(const struct vmem_fd_desc *d, bool take,
		      uint64_t block_size, struct vmem_block *block,
		      struct vsu_error *err)
{
	int rc;

	block->fd = take ? d->fd : vsu_fd_dup(d->fd);
	if (block->fd < 0)
		return vsu_error_sys(err, block->fd, "cannot keep the fd");
	rc = vmem_priv_fd_page_size(block->fd, block_size, &block->page_size);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot determine the page size of the file");
	block->closer = d->closer;
	block->flags = d->flags & BLOCK_FLAGS;
	block->fd_offset = d->fd_offset;
	block->len = d->len;
	return 0;
}

static int check_place(const struct vmem_block *block, uint64_t off,
		       struct vsu_error *err)
{
	uint64_t all = off | block->fd_offset | block->len;

	if (vsu_is_aligned(all, block->page_size))
		return 0;
	return vsu_error_set(err, -EINVAL, "offset %#" PRIx64 " in the window, file offset %#" PRIx64 " and length %#" PRIx64
			     " must be multiples of the page size %#" PRIx64,
			     off, block->fd_offset, block->len,
			     block->page_size);
}

static int place_claim(struct vmem_block *block, struct vmem_reservation *r,
		       uint64_t off, struct vmem_priv_map_request *req,
		       struct vsu_error *err)
{
	int rc = check_place(block, off, err);

	if (rc < 0)
		return rc;
	rc = vmem_priv_reservation_claim(r, off, block->len, &block->piece,
					 err);
	if (rc < 0)
		return rc;
	block->reservation = r;
	req->at = vmem_reservation_hva(r) + off;
	return 0;
}

/*
 * True if the page behind the piece is certainly beyond the end of the file. The page cache
 * has folios of several pages, and Linux 6.11 to 6.17 map the whole folio in which the
 * file ends. A folio does not cross the range of one page table.
 */
static bool nothing_follows(const struct vmem_fd_desc *d, uint64_t size)
{
	const uint64_t page = vmem_priv_host_page();

	return d->flags & VMEM_FD_CANNOT_GROW &&
	       size - d->fd_offset == d->len &&
	       vsu_is_aligned(size, page * (page / sizeof(uint64_t)));
}

static int map_block(struct vmem_block *block, const struct vmem_fd_desc *d,
		     uint64_t size, struct vmem_reservation *r, uint64_t off,
		     struct vsu_error *err)
{
	struct vmem_priv_map_request req = { .ends = nothing_follows(d, size) };
	int rc = whole_pages(d, block->page_size, &req, err);

	if (!rc && r)
		rc = place_claim(block, r, off, &req, err);
	if (!rc)
		rc = vmem_priv_block_map(block, &req, d->sigbus, err);
	if (!rc)
		block->hva = block->mapping.hva + (d->fd_offset - req.file_pos);
	return rc;
}

/* After a failure the caller still owns its descriptor. */
static void give_up(struct vmem_block *block, bool take)
{
	if (take)
		block->fd = -1;
	vmem_block_unref(block);
}

static int new_known_block(struct vmem_reservation *r, uint64_t off,
			   const struct vmem_fd_desc *d,
			   const struct vmem_fd_facts *facts, bool take,
			   struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_block *block;
	int rc = check_file_size(d, r ? size_of_pages(facts->size)
				      : facts->size, err);

	if (rc < 0)
		return rc;
	block = vmem_priv_block_new(VMEM_KIND_FD);
	if (!block)
		return vsu_error_set(err, -ENOMEM, "no memory for a block");
	rc = open_block(d, take, facts->block_size, block, err);
	if (!rc)
		rc = map_block(block, d, facts->size, r, off, err);
	if (rc < 0) {
		give_up(block, take);
		return rc;
	}
	*out = block;
	return 0;
}

static int new_block(struct vmem_reservation *r, uint64_t off,
		     const struct vmem_fd_desc *d, bool take,
		     struct vmem_block **out, struct vsu_error *err)
{
	struct vmem_fd_facts facts;
	int rc = check_desc(d, err);

	if (rc < 0)
		return rc;
	rc = vmem_fd_look(d->fd, &facts);
	if (rc < 0)
		return vsu_error_sys(err, rc, "no usable fd to map");
	return new_known_block(r, off, d, &facts, take, out, err);
}

int vmem_block_new_fd(const struct vmem_fd_desc *desc, struct vmem_block **out,
		      struct vsu_error *err)
{
	return new_block(NULL, 0, desc, false, out, err);
}

int vmem_block_new_take_known_fd(const struct vmem_fd_desc *desc,
				 const struct vmem_fd_facts *facts,
				 struct vmem_block **out, struct vsu_error *err)
{
	int rc = check_desc(desc, err);

	return rc < 0 ? rc : new_known_block(NULL, 0, desc, facts, true, out,
					     err);
}

int vmem_block_new_fd_at(struct vmem_reservation *reservation, uint64_t off,
			 const struct vmem_fd_desc *desc,
			 struct vmem_block **out, struct vsu_error *err)
{
	return new_block(reservation, off, desc, false, out, err);
}

int vmem_block_new_take_fd_at(struct vmem_reservation *reservation,
			      uint64_t off, const struct vmem_fd_desc *desc,
			      struct vmem_block **out, struct vsu_error *err)
{
	return new_block(reservation, off, desc, true, out, err);
}
