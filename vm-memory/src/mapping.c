/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Address space: reserves a range first, then maps into it, and keeps a guard page behind
 * each block: an access behind a block faults instead of reaching other memory.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <vmm-sys-util/checked.h>

#include "priv.h"

#define HUGETLBFS_MAGIC 0x958458f6

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#define F_SEAL_SEAL 0x1
#define F_SEAL_WRITE 0x8
#endif
#ifndef F_SEAL_FUTURE_WRITE
#define F_SEAL_FUTURE_WRITE 0x10
#endif

/* Cached, because each block requires it three times and sysconf() searches all its names. */
uint64_t vmem_priv_host_page(void)
{
	return (uint64_t)getpagesize();
}

/* On hugetlbfs the block size of a file is its page size, so a small one means host pages. */
int vmem_priv_fd_page_size(int fd, uint64_t block_size, uint64_t *size)
{
	struct statfs fs;

	*size = vmem_priv_host_page();
	if (block_size && block_size <= *size)
		return 0;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	/* On other file systems the block size does not affect mmap(). */
	if ((uint32_t)fs.f_type == HUGETLBFS_MAGIC)
		*size = (uint64_t)fs.f_bsize;
	return 0;
}

static int range_reserve(const struct vmem_priv_map_request *req,
			 struct vmem_priv_mapping *m)
{
	const uint64_t len = req->len, align = req->align;
	uint64_t total, page = vmem_priv_host_page();
	unsigned char *area;
	size_t head;

	/* A larger alignment than a page requires a larger reservation, of which a part is
	   kept. */
	if (vsu_u64_add_overflow(len, page, &total) ||
	    (align > page && vsu_u64_add_overflow(total, align, &total)) ||
	    total > PTRDIFF_MAX)
		return -ENOMEM;
	area = mmap(NULL, total, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		return -errno;
	head = (req->skew - (uintptr_t)area) & (align - 1);
	if (head)
		munmap(area, head);
	m->area = area + head;
	m->area_len = total - head;
	m->hva = m->area;
	m->len = len;
	return 0;
}

static unsigned char *map_at(const struct vmem_priv_map_request *req,
			     unsigned char *at, int flags)
{
	flags |= req->flags | (req->fd < 0 ? MAP_ANONYMOUS : 0);
	return mmap(at, req->len, req->prot, flags, req->fd,
		    (off_t)req->file_pos);
}

/*
 * True if mmap() of the file cannot fail for a reason of the file: sealed memory in pages
 * of the host. Other reasons, the access mode and the number of mappings, are checked by
 * the kernel before it unmaps anything.
 */
static bool file_never_refuses(const struct vmem_priv_map_request *req)
{
	const int forbid = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	int seals;

	if ((req->flags & MAP_TYPE) != MAP_SHARED ||
	    req->align > vmem_priv_host_page())
		return false;
	seals = fcntl(req->fd, F_GET_SEALS);
	if (seals < 0 || !(seals & F_SEAL_SEAL))
		return false;
	return !(req->prot & PROT_WRITE) || !(seals & forbid);
}

/*
 * mmap(MAP_FIXED) removes the previous mapping before it calls the file. If the file then
 * refuses, for example because the pool of huge pages is empty, a hole remains. Another
 * thread's mapping could be placed there, and be removed together with the reservation. So
 * map the file elsewhere first, unless it is known not to refuse. For anonymous memory the
 * kernel checks before it unmaps.
 */
static int kernel_ask(const struct vmem_priv_map_request *req)
{
	unsigned char *anywhere;

	if (req->fd < 0 || file_never_refuses(req))
		return 0;
	anywhere = map_at(req, NULL, 0);
	if (anywhere == MAP_FAILED)
		return -errno;
	munmap(anywhere, req->len);
	return 0;
}

/*
 * The most frequent case, in two system calls: a file in pages of the host, at any address.
 * It is mapped with one additional page, which then becomes the guard: protecting a page
 * costs less than mapping another one over it. If the file can never have that page, it is
 * a guard already. False: the kernel does not support this, and nothing remains mapped.
 */
static bool map_with_guard(const struct vmem_priv_map_request *req,
			   struct vmem_priv_mapping *out)
{
	struct vmem_priv_map_request wide = *req;
	uint64_t page = vmem_priv_host_page(), len;
	unsigned char *area;

	if (req->fd < 0 || req->at || req->align > page ||
	    vsu_u64_add_overflow(req->len, page, &len) || len > PTRDIFF_MAX)
		return false;
	wide.len = len;
	area = map_at(&wide, NULL, 0);
	if (area == MAP_FAILED)
		return false;
	if (!req->ends && mprotect(area + req->len, page, PROT_NONE) < 0) {
		munmap(area, wide.len);
		return false;
	}
	*out = (struct vmem_priv_mapping){ area, req->len, area, wide.len };
	return true;
}

int vmem_priv_map(const struct vmem_priv_map_request *req,
		  struct vmem_priv_mapping *out)
{
	struct vmem_priv_mapping m = { req->at, req->len, NULL, 0 };
	int rc;

	if (map_with_guard(req, out))
		return 0;
	rc = kernel_ask(req);
	if (!rc && !req->at)
		rc = range_reserve(req, &m);
	if (rc < 0)
		return rc;
	if (map_at(req, m.hva, MAP_FIXED) == MAP_FAILED) {
		rc = -errno;
		vmem_priv_unmap(&m);
		return rc;
	}
	*out = m;
	return 0;
}

void vmem_priv_unmap(const struct vmem_priv_mapping *m)
{
	if (m->area)
		munmap(m->area, m->area_len);
}

void vmem_priv_areas_add(struct vmem_priv_areas *areas,
			 const struct vmem_priv_mapping *m)
{
	if (!m->area)
		return;
	if (areas->len && m->area + m->area_len != areas->from &&
	    m->area != areas->from + areas->len)
		vmem_priv_areas_unmap(areas);
	if (!areas->len || m->area < areas->from)
		areas->from = m->area;
	areas->len += m->area_len;
}

void vmem_priv_areas_unmap(struct vmem_priv_areas *areas)
{
	if (areas->len)
		munmap(areas->from, areas->len);
	areas->len = 0;
}
