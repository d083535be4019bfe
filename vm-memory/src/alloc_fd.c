/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Maps a file that another process has allocated, by the properties of a builder. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "alloc.h"

static int check_fd_piece(const struct maker *m, int fd, uint64_t fd_offset,
			  uint64_t len)
{
	const uint64_t page = m->facts.page_size;
	struct vmem_fd_facts file;
	int rc = vmem_fd_look(fd, &file);

	if (rc < 0)
		return vsu_error_sys(m->err, rc, "no usable fd to map");
	rc = vmem_priv_check_access(fd, true, "the file", m->err);
	if (rc < 0)
		return rc;
	if (vmem_priv_rom(m->b))
		return vsu_error_set(m->err, -EINVAL, "read-only memory is not allocated over an fd");
	if (!len || !vsu_is_aligned(fd_offset | len, page) || fd_offset > INT64_MAX)
		return vsu_error_set(m->err, -EINVAL, "%#" PRIx64 " bytes at offset %#" PRIx64 " of the file are not whole pages of %#" PRIx64,
				     len, fd_offset, page);
	if (!vsu_range_exceeds(fd_offset, len, file.size))
		return 0;
	return vsu_error_set(m->err, -EINVAL, "the file has %#" PRIx64 " bytes, too few for %#" PRIx64 " at offset %#" PRIx64,
			     file.size, len, fd_offset);
}

static int map_fd_piece(struct maker *m, int fd)
{
	struct vmem_block *block = m->block;
	int rc;

	block->fd = vsu_fd_dup(fd);
	if (block->fd < 0)
		return vsu_error_sys(m->err, block->fd, "cannot keep the fd");
	rc = vmem_priv_map_made(m, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED);
	if (!rc)
		rc = vmem_priv_apply_policy(m->b, block, m->err);
	if (!rc)
		vmem_priv_note_properties(m);
	return rc;
}

int vmem_backend_alloc_fd(const struct vmem_backend *backend, int fd,
			  uint64_t fd_offset, uint64_t len,
			  struct vmem_block **out, struct vsu_error *err)
{
	struct maker m = { .b = backend, .err = err, .file = { .fd = -1 } };
	int rc = vmem_priv_fd_page_size(fd, 0, &m.facts.page_size);

	m.facts.host_page = vmem_priv_host_page();
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot determine the page size of the file");
	rc = check_fd_piece(&m, fd, fd_offset, len);
	if (rc < 0)
		return rc;
	m.block = vmem_priv_block_new(vmem_priv_kind(backend));
	if (!m.block)
		return vsu_error_set(err, -ENOMEM, "no memory for a block");
	m.block->fd_offset = fd_offset;
	m.block->len = len;
	rc = map_fd_piece(&m, fd);
	if (rc < 0) {
		vmem_block_unref(m.block);
		return rc;
	}
	*out = m.block;
	return 0;
}
