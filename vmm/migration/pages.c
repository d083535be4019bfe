/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends pages of guest memory, and stores received ones. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/attributes.h>

#include "memory/image.h"
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
	vsu_state_put_u64(&s->w, gpa);
	vsu_state_put_u64(&s->w, len);
	return vmm_stream_send(s, err);
}

/* Copied first: the guest may change the bytes after their checksum was computed. */
static int send_bytes(struct vmm_stream *s, uint64_t gpa,
		      const unsigned char *bytes, uint64_t len,
		      struct vsu_error *err)
{
	vmm_stream_begin(s, "pages");
	vsu_state_put_u64(&s->w, gpa);
	vsu_state_put(&s->w, bytes, (size_t)len);
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

int vmm_pages_send_rom(struct vmm_stream *s, const struct vmm_memory *memory,
		       const struct vmem_map *map, struct vsu_error *err)
{
	struct vmm_page_span span = { 0 };
	struct vmm_page_run run = { .span = &span };
	const struct vmem_region *r;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (!vmm_memory_has(memory, r) ||
		    !(vmem_block_flags(vmem_region_block(r)) & VMEM_BLOCK_ROM))
			continue;
		span.gpa = vmem_region_gpa(r);
		span.hva = vmem_region_hva(r);
		run.len = vmem_region_len(r);
		rc = vmm_pages_send(s, &run, err);
	}
	return rc;
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

static int refuse_loss(uint64_t gpa, struct vsu_error *err)
{
	return vsu_error_set(err, -EFAULT, "memory at %#" PRIx64 " is lost: %s", gpa,
			     vmm_memory_loss_text(VMM_MEMORY_CUT));
}

static int send_span_holes(struct vmm_stream *const *streams, unsigned int n,
			   struct vmm_page_set *set, const struct vmm_page_span *span,
			   struct vmm_page_map *pages, struct vsu_error *err)
{
	struct vmm_page_run run = { .span = span };
	uint64_t at = 0, end = 0;
	int rc = 0;

	while (!rc && at < span->len) {
		rc = vmm_image_seek(span->region, pages, SEEK_DATA, &end, span->len);
		run.offset = at;
		run.len = (end - at) / VMM_SET_PAGE * VMM_SET_PAGE;
		if (!rc && run.len) {
			rc = send_hole(streams, n, &run, err);
			vmm_page_set_remove(set, &run);
		}
		if (!rc)
			rc = vmm_image_seek(span->region, pages, SEEK_HOLE, &end, span->len);
		at = end;
	}
	return rc == -EFAULT ? refuse_loss(span->gpa, err) : rc;
}

int vmm_pages_send_holes(struct vmm_stream *const *streams, unsigned int nstreams,
			 struct vmm_page_set *set, const int *pagemap, struct vsu_error *err)
{
	struct vmm_page_map pages;
	unsigned int i;
	int rc = 0;

	vmm_page_map_init(&pages, pagemap ? *pagemap : -1);
	for (i = 0; !rc && i < set->n; i++)
		rc = send_span_holes(streams, nstreams, set, &set->span[i], &pages, err);
	return rc;
}

/* ---------------------------------------------------------------- destination */

/* The host address of a range of memory, or NULL. */
static unsigned char *find_memory(const struct vmem_map *map, uint64_t gpa,
				  uint64_t len, struct vmem_region **region)
{
	struct vmem_region *r = vmem_map_find(map, gpa);
	uint64_t offset;

	if (!r)
		return NULL;
	offset = gpa - vmem_region_gpa(r);
	if (!len || len > vmem_region_len(r) - offset)
		return NULL;
	*region = r;
	return vmem_region_hva(r) + offset;
}

/*
 * Discarded memory reads as zeros, except that of a private file. With prealloc=on the
 * host has promised the pages.
 */
static bool can_discard(const struct vmem_block *block)
{
	return !vmem_block_is_prealloc(block) &&
	       (vmem_block_fd(block) < 0 ||
		(vmem_block_flags(block) & VMEM_BLOCK_SHARED));
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

int vmm_pages_read(const struct vsu_state_section *section, struct vmm_pages_part *out,
		   struct vsu_error *err)
{
	const bool zeros = !strcmp(section->name, "zeros");
	struct vsu_state_fields f;

	if (!zeros && strcmp(section->name, "pages") != 0)
		return 1;
	vmm_stream_fields(section, &f);
	out->gpa = vsu_state_get_u64(&f);
	out->len = zeros ? vsu_state_get_u64(&f) : f.in.left;
	out->bytes = zeros ? NULL : f.in.at;
	return zeros && vsu_state_fields_end(&f, err) < 0 ? -EBADMSG : 0;
}

int vmm_pages_refuse(const struct vmm_pages_part *part, struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "the stream has %" PRIu64 " bytes for %#" PRIx64 ", which are not in guest memory",
			     part->len, part->gpa);
}

/* This process has the file of the ROM, which must be the source's. */
static int compare_rom(const unsigned char *hva, const struct vmm_pages_part *part,
		       struct vsu_error *err)
{
	uint64_t at, n;
	bool same = !part->bytes || !memcmp(hva, part->bytes, (size_t)part->len);

	for (at = 0; same && !part->bytes && at < part->len; at += n)
		n = vmm_image_run(hva + at, part->len - at, &same);
	return same ? 0 : vsu_error_set(err, -EBADMSG, "the read-only memory at %#" PRIx64 " differs from that of the source; both machines need the same file at its mem-path",
					part->gpa);
}

int vmm_pages_receive(const struct vmem_map *map,
		      const struct vsu_state_section *section,
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
	if (!(vmem_block_flags(vmem_region_block(region)) & VMEM_BLOCK_WRITE))
		return compare_rom(hva, &part, err);
	if (part.bytes)
		memcpy(hva, part.bytes, (size_t)part.len);
	else
		clear_memory(region, hva, part.len);
	return 0;
}
