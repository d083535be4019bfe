/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes guest memory to a file, and describes that file as guest memory. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/checked.h>

#include "memory/image.h"

#define PAGE UINT64_C(4096)
#define PIECE (UINT64_C(1) << 20)	/* bytes of a system call */

/* Memory of the guest, not a mapping in a window. */
static const struct vmem_region *memory_region(const struct vmm_memory *memory,
					       const struct vmem_map *map,
					       unsigned int i)
{
	const struct vmem_region *r = vmem_map_region(map, i);

	return vmm_memory_has(memory, r) ? r : NULL;
}

void vmm_image_describe(const struct vmm_memory *memory,
			const struct vmem_map *map, struct vmm_state_writer *w)
{
	const struct vmem_region *r;
	uint64_t at = 0;
	unsigned int i;

	vmm_state_section(w, "memory", 0);
	for (i = 0; i < vmem_map_count(map); i++) {
		r = memory_region(memory, map, i);
		if (!r)
			continue;
		vmm_state_put_u64(w, vmem_region_gpa(r));
		vmm_state_put_u64(w, vmem_region_len(r));
		vmm_state_put_u64(w, at);
		at += vmem_region_len(r);
	}
	vmm_state_section_end(w);
}

static bool is_zero(const unsigned char *bytes, uint64_t len)
{
	return !bytes[0] && !memcmp(bytes, bytes + 1, len - 1);
}

/* Bytes from at on that are either zeros or not, by pages. */
static uint64_t run_length(const unsigned char *bytes, uint64_t left, bool *zeros)
{
	uint64_t len = left < PAGE ? left : PAGE;

	*zeros = is_zero(bytes, len);
	while (len < left && len < PIECE &&
	       is_zero(bytes + len, left - len < PAGE ? left - len : PAGE) == *zeros)
		len += left - len < PAGE ? left - len : PAGE;
	return len;
}

static int write_all(int fd, const unsigned char *bytes, uint64_t len,
		     uint64_t at)
{
	ssize_t n;

	while (len > 0) {
		n = pwrite(fd, bytes, len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		bytes += n;
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* End of a hole of the file behind shared memory; else at. */
static uint64_t skip_hole(const struct vmem_region *r, uint64_t at)
{
	const struct vmem_block *block = vmem_region_block(r);
	const uint64_t first = vmem_region_file_pos(r, 0);
	off_t data;

	if (vmem_block_fd(block) < 0 ||
	    !(vmem_block_flags(block) & VMEM_BLOCK_SHARED))
		return at;
	data = lseek(vmem_block_fd(block), (off_t)(first + at), SEEK_DATA);
	if (data < 0)
		return errno == ENXIO ? vmem_region_len(r) : at;
	return (uint64_t)data - first < vmem_region_len(r) ?
	       (uint64_t)data - first : vmem_region_len(r);
}

static int write_region(const struct vmem_region *r, int fd, uint64_t file_at)
{
	const unsigned char *bytes = vmem_region_hva(r);
	const uint64_t len = vmem_region_len(r);
	uint64_t at = skip_hole(r, 0), n;
	bool zeros;
	int rc = 0;

	while (!rc && at < len) {
		n = run_length(bytes + at, len - at, &zeros);
		if (!zeros)
			rc = write_all(fd, bytes + at, n, file_at + at);
		at = zeros ? skip_hole(r, at + n) : at + n;
	}
	return rc;
}

int vmm_image_write(const struct vmm_memory *memory, const struct vmem_map *map,
		    int fd, struct vsu_error *err)
{
	const struct vmem_region *r;
	uint64_t at = 0;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < vmem_map_count(map); i++) {
		r = memory_region(memory, map, i);
		if (!r)
			continue;
		rc = write_region(r, fd, at);
		at += vmem_region_len(r);
	}
	if (!rc && ftruncate(fd, (off_t)at) < 0)
		rc = -errno;
	return rc < 0 ? vsu_error_sys(err, rc, "the guest's memory") : 0;
}

/* A comma of a path is doubled in a list. */
static void append_path(char *to, const char *path)
{
	for (; *path; path++) {
		if (*path == ',')
			*to++ = ',';
		*to++ = *path;
	}
	*to = '\0';
}

static int append_list(struct vmm_image_lists *lists, const char *path,
		       const uint64_t region[3], struct vsu_error *err)
{
	static const char head[] = "backend=file,share=off,readonly=on,rom=off,mem-path=";
	const size_t room = sizeof(head) + 2 * strlen(path) + 96;
	char *text;

	if (lists->n == VMM_MAX_MEMORY)
		return vsu_error_set(err, -EBADMSG, "the state has more than %d pieces of memory",
				     VMM_MAX_MEMORY);
	text = malloc(room);
	if (!text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	lists->text[lists->n++] = text;
	strcpy(text, head);
	append_path(text + strlen(text), path);
	snprintf(text + strlen(text), room - strlen(text),
		 ",at=%" PRIu64 ",size=%" PRIu64 ",offset=%" PRIu64, region[0],
		 region[1], region[2]);
	return 0;
}

int vmm_image_lists(const struct vmm_state *state, const char *path,
		    struct vmm_image_lists *lists, struct vsu_error *err)
{
	struct vmm_state_fields f;
	uint64_t region[3];
	unsigned int i;
	int rc = vmm_state_find(state, "memory", 0, &f, err);

	while (!rc && f.left && !f.truncated) {
		for (i = 0; i < 3; i++)
			region[i] = vmm_state_get_u64(&f);
		rc = append_list(lists, path, region, err);
	}
	return rc ? rc : vmm_state_fields_end(&f, err);
}

void vmm_image_lists_free(struct vmm_image_lists *lists)
{
	while (lists->n > 0)
		free(lists->text[--lists->n]);
}
