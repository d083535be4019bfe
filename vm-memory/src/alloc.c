/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Allocates memory as a builder describes it: one function per kind creates the descriptor,
 * the rest is common.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "alloc.h"
#include "uapi.h"

#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif
#ifndef MAP_SYNC
#define MAP_SYNC 0x080000
#endif
#ifndef MAP_SHARED_VALIDATE
#define MAP_SHARED_VALIDATE 0x03
#endif
#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#define F_SEAL_SEAL 1
#define F_SEAL_SHRINK 2
#define F_SEAL_GROW 4
#endif

/* The size of a transparent huge page. */
#define THP_SIZE (2ull << 20)

#define SHM_TRIES 100

static int set_size(struct maker *m, const char *what)
{
	uint64_t size = m->block->len;
	int rc;

	do {
		rc = ftruncate(m->block->fd, (off_t)size);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? vsu_error_sys(m->err, -errno, "cannot resize a %s to %s bytes",
		      what, vmem_priv_size_text(size).s) : 0;
}

static int file_seal(struct maker *m)
{
	if (!maker_prop(m, PROP_SEAL))
		return 0;
	if (fcntl(m->block->fd, F_ADD_SEALS,
		  F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
		return vsu_error_sys(m->err, -errno, "cannot seal a memfd");
	return 0;
}

static unsigned int memfd_flags(const struct maker *m)
{
	unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;

	if (!maker_prop(m, PROP_HUGETLB))
		return flags;
	flags |= MFD_HUGETLB;
	if (vmem_priv_given(m->b, PROP_HUGETLBSIZE))
		flags |= (unsigned int)__builtin_ctzll(
			maker_prop(m, PROP_HUGETLBSIZE)) << MFD_HUGE_SHIFT;
	return flags;
}

static int make_memfd(struct maker *m)
{
	int rc;

	m->block->fd = memfd_create("vm-memory", memfd_flags(m));
	if (m->block->fd < 0 && errno == ENODEV)
		return vsu_error_set(m->err, -EOPNOTSUPP, "hugetlbsize %s is not a huge page size of this host",
			      vmem_priv_typed(m->b, PROP_HUGETLBSIZE).s);
	if (m->block->fd < 0)
		return vsu_error_sys(m->err, -errno, "cannot make a memfd");
	rc = set_size(m, "memfd");
	return rc < 0 ? rc : file_seal(m);
}

/* The name exists only briefly; mode 0 keeps others from opening it. */
static int make_shm(struct maker *m)
{
	char name[64];
	int i, fd = -1;

	for (i = 0; i < SHM_TRIES && fd < 0; i++) {
		snprintf(name, sizeof(name), "/vm-memory-%ld-%d",
			 (long)getpid(), i);
		fd = shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0)
		return vsu_error_sys(m->err, -errno,
				     "cannot make shared memory");
	shm_unlink(name);
	m->block->fd = fd;
	return set_size(m, "shared memory object");
}

/* Shared anonymous memory is a memfd, so that it can be passed on. */
static int make_anon(struct maker *m)
{
	uint64_t len;

	if (vsu_align_up_overflow(m->block->len, m->facts.page_size, &len))
		return vsu_error_set(m->err, -EINVAL, "size is too large");
	m->block->len = len;
	return maker_prop(m, PROP_SHARE) ? make_memfd(m) : 0;
}

static int make_file(struct maker *m)
{
	int rc = vmem_priv_file_open(m->b, &m->facts, &m->file, m->err);

	if (rc < 0)
		return rc;
	m->block->fd_offset = maker_prop(m, PROP_OFFSET);
	m->block->fd = vsu_fd_dup(m->file.fd);
	if (m->block->fd < 0)
		return vsu_error_sys(m->err, m->block->fd,
				     "cannot keep mem-path '%s' open",
				     m->b->path);
	return 0;
}

static int make_guest_memfd(struct maker *m)
{
	m->block->bound = maker_prop(m, PROP_SLOT) == SLOT_BOUND;
	m->block->fd = vmem_priv_guest_memfd(m->b->vm_fd, m->block->len,
					     VMEM_GMEM_FLAG_MMAP |
					     VMEM_GMEM_FLAG_INIT_SHARED);
	if (m->block->fd < 0)
		return vsu_error_sys(m->err, m->block->fd,
				     "cannot make a guest_memfd of %s bytes",
				     vmem_priv_typed(m->b, PROP_SIZE).s);
	return 0;
}

static int (*const makers[])(struct maker *m) = {
	[VMEM_KIND_ANON] = make_anon,
	[VMEM_KIND_FILE] = make_file,
	[VMEM_KIND_MEMFD] = make_memfd,
	[VMEM_KIND_SHM] = make_shm,
	[VMEM_KIND_GUEST_MEMFD] = make_guest_memfd,
};

/* Creates the guest_memfd of the private half. */
static int make_private(struct maker *m)
{
	if (!maker_prop(m, PROP_PRIVATE))
		return 0;
	m->block->private_fd = vmem_priv_guest_memfd(m->b->vm_fd,
						     m->block->len, 0);
	if (m->block->private_fd < 0)
		return vsu_error_sys(m->err, m->block->private_fd,
				     "cannot make a private guest_memfd of %s bytes",
				     vmem_priv_typed(m->b, PROP_SIZE).s);
	return 0;
}

static uint32_t block_flags(const struct maker *m)
{
	uint32_t flags = 0;

	if (maker_prop(m, PROP_SHARE))
		flags |= VMEM_BLOCK_SHARED;
	flags |= vmem_priv_rom(m->b) ? VMEM_BLOCK_ROM : VMEM_BLOCK_WRITE;
	return flags;
}

/* Aligns memory that 2 MiB pages can back to such pages. */
static uint64_t host_alignment(const struct maker *m)
{
	uint64_t align = m->facts.page_size, asked = maker_prop(m, PROP_ALIGN);

	if (m->block->len >= THP_SIZE && align < THP_SIZE)
		align = THP_SIZE;
	return asked > align ? asked : align;
}

/* The host address modulo align: that of the guest address, so that KVM can map huge pages. */
static uint64_t host_skew(const struct maker *m, uint64_t align)
{
	return maker_prop(m, PROP_ALIGN) ? 0 :
	       m->b->gpa & (align - 1) & ~(m->facts.page_size - 1);
}

/* -EAGAIN: not possible for this file, which is then mapped as any other. */
static int map_synchronously(struct maker *m, struct vmem_priv_map_request *r)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc, plain = r->flags;

	r->flags = MAP_SHARED_VALIDATE | MAP_SYNC | (plain & MAP_NORESERVE);
	rc = vmem_priv_block_map(m->block, r, m->b->sigbus, &why);
	r->flags = plain;
	if (rc < 0 && rc != -EOPNOTSUPP && rc != -EINVAL && m->err)
		*m->err = why;
	if (rc != -EOPNOTSUPP && rc != -EINVAL)
		return rc;
	vmem_priv_warn(m->b, "pmem: the file cannot be mapped synchronously; stores need msync() to last");
	return -EAGAIN;
}

/* Reports a failed mapping with the property that is the most likely cause. */
static int refuse_map(const struct maker *m, int rc)
{
	const uint64_t page = m->facts.page_size;
	const struct vmem_priv_text size = vmem_priv_typed(m->b, PROP_SIZE);

	if (rc == -ENOMEM && page > m->facts.host_page)
		return vsu_error_set(m->err, rc, "size %s: this host has too few free huge pages of %s (vm.nr_hugepages)",
				     size.s, vmem_priv_size_text(page).s);
	if (rc == -ENOMEM && maker_prop(m, PROP_ALIGN) > m->block->len)
		return vsu_error_set(m->err, rc, "size %s, align %s: this host has too little memory, or no such address",
				     size.s,
				     vmem_priv_typed(m->b, PROP_ALIGN).s);
	if (rc == -ENOMEM)
		return vsu_error_set(m->err, rc, "size %s: this host has too little memory%s",
				     size.s, maker_prop(m, PROP_RESERVE) ?
				     " to reserve (reserve=on)" : "");
	if (m->b->path && rc != -ENOSPC)
		return vsu_error_sys(m->err, rc, "cannot map %s bytes of mem-path '%s'",
				     size.s, m->b->path);
	return rc;
}

int vmem_priv_map_made(struct maker *m, uint32_t flags)
{
	struct vmem_block *block = m->block;
	struct vmem_priv_map_request r = { 0 };
	int rc = -EAGAIN;

	block->flags = flags;
	block->page_size = m->facts.page_size;
	r.file_pos = vmem_block_file_pos(block, 0);
	r.len = block->len;
	r.prot = PROT_READ |
		 (block->flags & VMEM_BLOCK_WRITE ? PROT_WRITE : 0);
	r.flags = block->flags & VMEM_BLOCK_SHARED ? MAP_SHARED : MAP_PRIVATE;
	if (!maker_prop(m, PROP_RESERVE))
		r.flags |= MAP_NORESERVE;
	r.align = host_alignment(m);
	r.skew = host_skew(m, r.align);
	if (maker_prop(m, PROP_PMEM) && (block->flags & VMEM_BLOCK_SHARED))
		rc = map_synchronously(m, &r);
	if (rc == -EAGAIN)
		rc = vmem_priv_block_map(block, &r, m->b->sigbus, m->err);
	block->hva = block->mapping.hva;
	return rc < 0 ? refuse_map(m, rc) : 0;
}

void vmem_priv_note_properties(struct maker *m)
{
	struct vmem_block *block = m->block;

	block->discards = maker_prop(m, PROP_DISCARD_DATA) &&
		block->flags == (VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED);
	block->prealloc = maker_prop(m, PROP_PREALLOC);
}

static int block_make(struct maker *m)
{
	int rc = makers[vmem_priv_kind(m->b)](m);

	if (!rc)
		rc = make_private(m);
	if (!rc)
		rc = vmem_priv_map_made(m, block_flags(m));
	if (!rc)
		rc = vmem_priv_apply_policy(m->b, m->block, m->err);
	if (!rc && maker_prop(m, PROP_PREALLOC) && !m->b->leave_prealloc)
		rc = vmem_block_prealloc(m->block, 1, NULL, m->err);
	if (!rc)
		vmem_priv_note_properties(m);
	return rc;
}

int vmem_backend_alloc(const struct vmem_backend *backend,
		       struct vmem_block **out, struct vsu_error *err)
{
	struct maker m = { .b = backend, .err = err, .file = { .fd = -1 } };
	int rc;

	vmem_priv_host_facts(backend, &m.facts);
	rc = vmem_backend_check(backend, &m.facts, err);
	if (rc < 0)
		return rc;
	m.block = vmem_priv_block_new(vmem_priv_kind(backend));
	if (!m.block)
		return vsu_error_set(err, -ENOMEM, "no memory for a block");
	m.block->len = vmem_priv_prop(backend, PROP_SIZE);
	rc = block_make(&m);
	if (rc < 0) {
		vmem_priv_file_undo(&m.file);
		vmem_block_unref(m.block);
		return rc;
	}
	vsu_fd_close(&m.file.fd);
	vmem_block_set_owner(m.block, true);
	*out = m.block;
	return 0;
}
