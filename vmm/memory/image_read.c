/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a saved guest's memory from its file into memory of its own. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-memory/access.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

#include "memory/image.h"

/* Bytes of the file, and their guest address. */
struct piece {
	uint64_t gpa, len, at;
};

static int read_extent(int fd, const struct vmem_map *map, struct piece p)
{
	ssize_t n;

	while (p.len > 0) {
		n = vmem_pread_from_fd(vmem_map_view(map), p.gpa, p.len, fd, p.at);
		if (n <= 0)
			return n < 0 ? (int)n : -EBADMSG;
		p.gpa += (uint64_t)n;
		p.at += (uint64_t)n;
		p.len -= (uint64_t)n;
	}
	return 0;
}

/* Skips holes, which new memory already has. */
static int read_piece(int fd, const struct vmem_map *map, struct piece p)
{
	const uint64_t end = p.at + p.len;
	struct piece extent;
	off_t data, hole;
	int rc = 0;

	while (!rc && p.at < end) {
		data = lseek(fd, (off_t)p.at, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		hole = lseek(fd, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		if ((uint64_t)data >= end)
			return 0;
		extent.at = (uint64_t)data;
		extent.gpa = p.gpa + (extent.at - p.at);
		extent.len = ((uint64_t)hole < end ? (uint64_t)hole : end) - extent.at;
		rc = read_extent(fd, map, extent);
		p.gpa = extent.gpa + extent.len;
		p.at = extent.at + extent.len;
	}
	return rc;
}

/* The file itself. */
static bool is_mapped(const struct vmem_map *map, uint64_t gpa)
{
	const struct vmem_region *r = vmem_map_find(map, gpa);

	return r && vmem_block_kind(vmem_region_block(r)) == VMEM_KIND_FILE;
}

static int read_all(int fd, uint64_t size, const struct vmem_map *map,
		    struct vmm_state_fields *f)
{
	struct piece p;
	int rc = 0;

	while (!rc && f->left && !f->truncated) {
		p.gpa = vmm_state_get_u64(f);
		p.len = vmm_state_get_u64(f);
		p.at = vmm_state_get_u64(f);
		if (vsu_range_exceeds(p.at, p.len, size))
			rc = -EBADMSG;
		else if (!is_mapped(map, p.gpa))
			rc = read_piece(fd, map, p);
	}
	return rc;
}

int vmm_image_read(const struct vmm_state *state, const char *section,
		   const char *path, const struct vmem_map *map,
		   struct vsu_error *err)
{
	struct vmm_state_fields f;
	struct stat st;
	int fd, rc = vmm_state_find(state, section, 0, &f, err);

	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0)
		rc = -errno;
	else
		rc = S_ISREG(st.st_mode) ?
		     read_all(fd, (uint64_t)st.st_size, map, &f) : -EBADMSG;
	vsu_fd_close(&fd);
	if (rc == -EBADMSG)
		return vsu_error_set(err, rc, "'%s' is shorter than the guest's memory, or not a regular file",
				     path);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot read '%s'", path) : 0;
}
