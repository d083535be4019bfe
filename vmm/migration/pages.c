/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends pages of guest memory, and stores received ones. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/attributes.h>

#include "memory/image_writer.h"
#include "migration/pages.h"

/* --------------------------------------------------------------------- source */

/*
 * The sender reads memory that the guest's devices write at the same time. A written page
 * is logged and sent again, the last time after all devices stopped: no race to report.
 */
#if VSU_THREAD_SANITIZER
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#else
#define AnnotateIgnoreReadsBegin(file, line)
#define AnnotateIgnoreReadsEnd(file, line)
#endif

static int send_zeros(struct vmm_stream *s, uint64_t gpa, uint64_t len,
		      struct vsu_error *err)
{
	vmm_stream_begin(s, "zeros");
	vmm_state_put_u64(&s->w, gpa);
	vmm_state_put_u64(&s->w, len);
	return vmm_stream_send(s, err);
}

/* Copied first: the guest may change the bytes after their checksum was computed. */
static int send_bytes(struct vmm_stream *s, uint64_t gpa,
		      const unsigned char *bytes, uint64_t len,
		      struct vsu_error *err)
{
	vmm_stream_begin(s, "pages");
	vmm_state_put_u64(&s->w, gpa);
	vmm_state_put(&s->w, bytes, (size_t)len);
	return vmm_stream_send(s, err);
}

int vmm_pages_send(struct vmm_stream *s, const struct vmm_page_run *run,
		   struct vsu_error *err)
{
	uint64_t at = run->offset, n;
	const uint64_t end = at + run->len;
	const struct vmm_page_span *span = run->span;
	bool zeros;
	int rc = 0;

	AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
	for (; !rc && at < end; at += n) {
		n = vmm_image_run(span->hva + at, end - at, &zeros);
		rc = zeros ? send_zeros(s, span->gpa + at, n, err) :
			     send_bytes(s, span->gpa + at, span->hva + at, n,
					err);
	}
	AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
	return rc;
}

/* The next data or hole of the file behind shared memory; else otherwise. */
static uint64_t seek_file(const struct vmem_region *r, uint64_t at, int whence,
			  uint64_t otherwise)
{
	const struct vmem_block *block = vmem_region_block(r);
	const uint64_t first = vmem_region_file_pos(r, 0);
	off_t found;

	if (vmem_block_fd(block) < 0 ||
	    !(vmem_block_flags(block) & VMEM_BLOCK_SHARED))
		return otherwise;
	found = lseek(vmem_block_fd(block), (off_t)(first + at), whence);
	if (found < 0)
		return errno == ENXIO ? vmem_region_len(r) : otherwise;
	return (uint64_t)found - first < vmem_region_len(r) ?
	       (uint64_t)found - first : vmem_region_len(r);
}

/* A hole of a span; each stream gets its own blocks of it. */
static int send_hole(struct vmm_stream *const *streams, unsigned int n,
		     const struct vmm_page_run *run, struct vsu_error *err)
{
	const uint64_t end = run->offset + run->len;
	uint64_t at, len;
	int rc = 0;

	for (at = run->offset; !rc && at < end; at += len) {
		len = n > 1 ? VMM_SET_BLOCK - at % VMM_SET_BLOCK : end - at;
		len = len < end - at ? len : end - at;
		rc = send_zeros(streams[vmm_page_part(at, n)], run->span->gpa + at, len, err);
	}
	return rc;
}

static int send_span_holes(struct vmm_stream *const *streams, unsigned int n,
			   struct vmm_page_set *set, const struct vmm_page_span *span,
			   struct vsu_error *err)
{
	struct vmm_page_run run = { .span = span };
	uint64_t at = 0, end;
	int rc = 0;

	while (!rc && at < span->len) {
		end = seek_file(span->region, at, SEEK_DATA, at);
		run.offset = at;
		run.len = (end - at) / VMM_SET_PAGE * VMM_SET_PAGE;
		if (run.len) {
			rc = send_hole(streams, n, &run, err);
			vmm_page_set_remove(set, &run);
		}
		at = seek_file(span->region, end, SEEK_HOLE, span->len);
	}
	return rc;
}

int vmm_pages_send_holes(struct vmm_stream *const *streams, unsigned int nstreams,
			 struct vmm_page_set *set, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < set->n; i++)
		rc = send_span_holes(streams, nstreams, set, &set->span[i], err);
	return rc;
}

/* ---------------------------------------------------------------- destination */

/* The host address of a range of memory that this process may write, or NULL. */
static unsigned char *find_memory(const struct vmem_map *map, uint64_t gpa,
				  uint64_t len, struct vmem_region **region)
{
	struct vmem_region *r = vmem_map_find(map, gpa);
	uint64_t offset;

	if (!r ||
	    !(vmem_block_flags(vmem_region_block(r)) & VMEM_BLOCK_WRITE))
		return NULL;
	offset = gpa - vmem_region_gpa(r);
	if (!len || len > vmem_region_len(r) - offset)
		return NULL;
	*region = r;
	return vmem_region_hva(r) + offset;
}

/* Discarded memory reads as zeros, except that of a private file. */
static bool can_discard(const struct vmem_block *block)
{
	return vmem_block_fd(block) < 0 ||
	       (vmem_block_flags(block) & VMEM_BLOCK_SHARED);
}

static void clear_pages(unsigned char *hva, uint64_t len)
{
	uint64_t at, n;
	bool zeros;

	for (at = 0; at < len; at += n) {
		n = vmm_image_run(hva + at, len - at, &zeros);
		if (!zeros)
			memset(hva + at, 0, (size_t)n);
	}
}

/* Whole pages are returned to the host, which makes them zeros. */
static void clear_memory(struct vmem_region *r, unsigned char *hva, uint64_t len)
{
	struct vmem_block *block = vmem_region_block(r);
	const uint64_t page = vmem_block_page_size(block);
	const uint64_t at = (uint64_t)(hva - vmem_block_hva(block));

	if (!can_discard(block) || at % page || len % page ||
	    vmem_block_discard(block, at, len, NULL) < 0)
		clear_pages(hva, len);
}

int vmm_pages_read(const struct vmm_state_section *section, struct vmm_pages_part *out,
		   struct vsu_error *err)
{
	const bool zeros = !strcmp(section->name, "zeros");
	struct vmm_state_fields f;

	if (!zeros && strcmp(section->name, "pages") != 0)
		return 1;
	vmm_stream_fields(section, &f);
	out->gpa = vmm_state_get_u64(&f);
	out->len = zeros ? vmm_state_get_u64(&f) : f.left;
	out->bytes = zeros ? NULL : f.at;
	return zeros && vmm_state_fields_end(&f, err) < 0 ? -EBADMSG : 0;
}

int vmm_pages_refuse(const struct vmm_pages_part *part, struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "the stream has %" PRIu64 " bytes for %#" PRIx64 ", which are not in guest memory",
			     part->len, part->gpa);
}

int vmm_pages_receive(const struct vmem_map *map,
		      const struct vmm_state_section *section,
		      struct vsu_error *err)
{
	struct vmm_pages_part part;
	struct vmem_region *region;
	unsigned char *hva;
	const int rc = vmm_pages_read(section, &part, err);

	if (rc != 0)
		return rc;
	hva = find_memory(map, part.gpa, part.len, &region);
	if (!hva)
		return vmm_pages_refuse(&part, err);
	if (part.bytes)
		memcpy(hva, part.bytes, (size_t)part.len);
	else
		clear_memory(region, hva, part.len);
	return 0;
}
