/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Places pages of a guest that runs. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/fd.h>

#include "migration/missing.h"
#include "migration/page_place.h"
#include "migration/pages.h"

static uint64_t address_of(const struct vmm_page_span *span, uint64_t offset)
{
	return (uint64_t)(uintptr_t)span->hva + offset;
}

static uint64_t page_of(const struct vmm_page_span *span)
{
	return vmem_block_page_size(vmem_region_block(span->region));
}

/* ------------------------------------------------------------------- begin, end */

/* A page of the file would appear in place of a discarded private one. */
static bool is_private_file(const struct vmm_page_span *span)
{
	const struct vmem_block *block = vmem_region_block(span->region);

	return vmem_block_fd(block) >= 0 && !(vmem_block_flags(block) & VMEM_BLOCK_SHARED);
}

static int check_span(const struct vmm_page_span *span, int fd, struct vsu_error *err)
{
	const uint64_t page = page_of(span), at = address_of(span, 0);
	int rc;

	if (page > VMM_PLACE_MAX_PAGE)
		return vsu_error_set(err, -EOPNOTSUPP, "the memory at %#" PRIx64 " has pages of %" PRIu64 " bytes, too many to fetch while the guest waits; use smaller ones, or migrate without 'postcopy'",
				     span->gpa, page);
	rc = at % page || span->len % page || is_private_file(span) ? -EINVAL :
	     vmem_userfault_register(fd, at, span->len);
	if (!rc)
		rc = vmem_userfault_unregister(fd, at, span->len);
	return rc < 0 ? vsu_error_set(err, -EOPNOTSUPP, "the memory at %#" PRIx64 " is a file that cannot report missing pages; use backend=anon, or memfd or shm with share=on, or migrate without 'postcopy'",
				      span->gpa) : 0;
}

int vmm_placer_check(const struct vmm_page_set *set, int fd, uint64_t *granule,
		     struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	*granule = VMM_SET_PAGE;
	for (i = 0; !rc && i < set->n; i++) {
		rc = check_span(&set->span[i], fd, err);
		if (!rc && page_of(&set->span[i]) > *granule)
			*granule = page_of(&set->span[i]);
	}
	return rc;
}

/* Whole pages, as the back-end registers them. */
static int check_region(const struct vmem_region *r, int fd)
{
	const uint64_t page = vmem_block_page_size(vmem_region_block(r));
	const uint64_t hva = (uint64_t)(uintptr_t)vmem_region_hva(r);
	const uint64_t at = hva / page * page;
	const uint64_t len = (hva + vmem_region_len(r) - at + page - 1) / page * page;
	const int rc = vmem_userfault_register(fd, at, len);

	return rc ? rc : vmem_userfault_unregister(fd, at, len);
}

int vmm_placer_check_shared(const struct vmem_map *map, int fd, struct vsu_error *err)
{
	const struct vmem_region *r;
	unsigned int i;

	for (i = 0; i < vmem_map_count(map); i++) {
		r = vmem_map_region(map, i);
		if (!vmem_region_is_rom(r) && check_region(r, fd) < 0)
			return vsu_error_set(err, -EOPNOTSUPP, "the memory at %#" PRIx64 " is a file that cannot report missing pages to a back-end; use backend=memfd or shm, or migrate without 'postcopy'",
					     vmem_region_gpa(r));
	}
	return 0;
}

/* The pages of a span from offset on that are all missing, or all present. */
static uint64_t same_pages(const struct vmm_placer *p, const struct vmm_page_span *span,
			   uint64_t offset, uint64_t end, bool *missing)
{
	uint64_t at = offset;

	*missing = vmm_page_set_has(&p->missing, span->gpa + offset);
	do
		at += VMM_SET_PAGE;
	while (at < end && vmm_page_set_has(&p->missing, span->gpa + at) == *missing);
	return at - offset;
}

static int discard_span(const struct vmm_placer *p, const struct vmm_page_span *span,
			struct vsu_error *err)
{
	struct vmem_block *block = vmem_region_block(span->region);
	const uint64_t first = (uint64_t)(span->hva - vmem_block_hva(block));
	uint64_t at, len;
	bool missing;
	int rc = 0;

	for (at = 0; !rc && at < span->len; at += len) {
		len = same_pages(p, span, at, span->len, &missing);
		if (missing)
			rc = vmem_block_discard(block, first + at, len, err);
	}
	return rc;
}

static int begin_span(const struct vmm_placer *p, const struct vmm_page_span *span,
		      struct vsu_error *err)
{
	int rc = discard_span(p, span, err);

	if (rc < 0)
		return rc;
	rc = vmem_userfault_register(p->sources[0].fd, address_of(span, 0), span->len);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot register the memory at %#" PRIx64, span->gpa) : 0;
}

int vmm_placer_begin(struct vmm_placer *p, struct vsu_error *err)
{
	struct vmm_fault_source *own = &p->sources[0];
	const struct vmm_page_span *span;
	uint64_t largest = VMM_SET_PAGE;
	unsigned int i;
	int rc = 0;

	own->ranges = calloc(p->missing.n + 1, sizeof(*own->ranges));
	if (!own->ranges)
		return vsu_error_set(err, -ENOMEM, "no memory for a list of memory");
	for (i = 0; i < p->missing.n; i++) {
		span = &p->missing.span[i];
		own->ranges[own->n++] = (struct vmm_fault_range){ span->gpa, span->len, address_of(span, 0) };
		largest = page_of(span) > largest ? page_of(span) : largest;
	}
	vmm_missing_round(&p->missing, largest);
	p->part = calloc(2, largest);
	if (!p->part)
		return vsu_error_set(err, -ENOMEM, "no memory for a page");
	p->zeros = p->part + largest;
	p->registered = true;
	for (i = 0; !rc && i < p->missing.n; i++)
		rc = begin_span(p, &p->missing.span[i], err);
	return rc;
}

void vmm_placer_end(struct vmm_placer *p)
{
	const struct vmm_fault_source *own = &p->sources[0];
	unsigned int i;

	for (i = 0; p->registered && i < own->n; i++)
		(void)!vmem_userfault_unregister(own->fd, own->ranges[i].address, own->ranges[i].len);
	p->registered = false;
}

void vmm_placer_free(struct vmm_placer *p)
{
	vmm_placer_end(p);
	while (p->nsources > 0) {
		vsu_fd_close(&p->sources[--p->nsources].fd);
		free(p->sources[p->nsources].ranges);
	}
	vmm_page_set_free(&p->missing);
	vmem_map_unref(p->map);
	p->map = NULL;
	free(p->part);
	p->part = NULL;
}

/* ------------------------------------------------------------------------ place */

/* The address of a part of a range, if it has one. Returns its bytes. */
static uint64_t range_overlap(const struct vmm_fault_range *r, uint64_t gpa, uint64_t len,
			uint64_t *address)
{
	const uint64_t from = gpa > r->gpa ? gpa : r->gpa;
	const uint64_t end = gpa + len < r->gpa + r->len ? gpa + len : r->gpa + r->len;

	*address = r->address + (from - r->gpa);
	return end > from ? end - from : 0;
}

/* A back-end that has ended has no threads to wake. */
static void wake_source(const struct vmm_fault_source *source, uint64_t gpa, uint64_t len)
{
	uint64_t address, n;
	unsigned int i;

	for (i = 0; i < source->n; i++) {
		n = range_overlap(&source->ranges[i], gpa, len, &address);
		if (n)
			(void)!vmem_userfault_wake(source->fd, address, n);
	}
}

/* bytes NULL: zeros. */
static int place_at_once(int fd, uint64_t at, const unsigned char *bytes, uint64_t len)
{
	return bytes ? vmem_userfault_copy(fd, at, bytes, len) : vmem_userfault_zero(fd, at, len);
}

/* Pages that are present are unexpected, and stay. */
static int place_singly(int fd, uint64_t at, const unsigned char *bytes, uint64_t len,
			uint64_t page)
{
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < len; i += page) {
		rc = place_at_once(fd, at + i, bytes ? bytes + i : NULL, page);
		if (rc == -EEXIST)
			rc = vmem_userfault_wake(fd, at + i, page);
	}
	return rc;
}

static int place_run(struct vmm_placer *p, const struct vmm_page_span *span,
		     uint64_t offset, const unsigned char *bytes, uint64_t len,
		     struct vsu_error *err)
{
	const struct vmm_page_run run = { span, offset, len };
	const uint64_t at = address_of(span, offset);
	unsigned int i;
	int rc = place_at_once(p->sources[0].fd, at, bytes, len);

	/* a part of it is present, or lies in another mapping */
	if (rc == -EEXIST || rc == -ENOENT)
		rc = place_singly(p->sources[0].fd, at, bytes, len, page_of(span));
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot place the page %#" PRIx64, span->gpa + offset);
	vmm_page_set_remove(&p->missing, &run);
	for (i = 1; i < p->nsources; i++)
		wake_source(&p->sources[i], span->gpa + offset, len);
	return 0;
}

/* With prealloc=on each page is allocated: the page of zeros of the kernel is not. */
static int place_zeros(struct vmm_placer *p, const struct vmm_page_span *span,
		       uint64_t offset, uint64_t len, struct vsu_error *err)
{
	uint64_t at;
	int rc = 0;

	if (!vmem_block_is_prealloc(vmem_region_block(span->region)))
		return place_run(p, span, offset, NULL, len, err);
	for (at = 0; !rc && at < len; at += VMM_SET_PAGE)
		rc = place_run(p, span, offset + at, p->zeros, VMM_SET_PAGE, err);
	return rc;
}

static int place_small(struct vmm_placer *p, const struct vmm_page_span *span,
		       uint64_t offset, const unsigned char *bytes, uint64_t len,
		       struct vsu_error *err)
{
	uint64_t at, n;
	bool missing;
	int rc = 0;

	for (at = 0; !rc && at < len; at += n) {
		n = same_pages(p, span, offset + at, offset + len, &missing);
		if (missing && bytes)
			rc = place_run(p, span, offset + at, bytes + at, n, err);
		else if (missing)
			rc = place_zeros(p, span, offset + at, n, err);
	}
	return rc;
}

/* A part of a huge page: parts follow each other, the last one places it. */
static int place_part(struct vmm_placer *p, const struct vmm_page_span *span,
		      uint64_t offset, const unsigned char *bytes, uint64_t len,
		      struct vsu_error *err)
{
	const uint64_t page = page_of(span), within = offset % page;
	const uint64_t gpa = span->gpa + offset - within;

	if (!within) {
		p->part_gpa = gpa;
		p->part_len = 0;
	}
	if (p->part_gpa != gpa || p->part_len != within)
		return vsu_error_set(err, -EBADMSG, "the source sends parts of the huge page %#" PRIx64 " in another order",
				     gpa);
	if (bytes)
		memcpy(p->part + within, bytes, (size_t)len);
	else
		memset(p->part + within, 0, (size_t)len);
	p->part_len += len;
	if (p->part_len < page || !vmm_page_set_has(&p->missing, gpa))
		return 0;
	return place_run(p, span, offset - within, p->part, page, err);
}

static int place_huge(struct vmm_placer *p, const struct vmm_page_span *span,
		      uint64_t offset, const unsigned char *bytes, uint64_t len,
		      struct vsu_error *err)
{
	const uint64_t page = page_of(span);
	uint64_t at, n;
	int rc = 0;

	for (at = 0; !rc && at < len; at += n) {
		n = page - (offset + at) % page;
		n = n < len - at ? n : len - at;
		rc = place_part(p, span, offset + at, bytes ? bytes + at : NULL, n, err);
	}
	return rc;
}

int vmm_placer_receive(struct vmm_placer *p, const struct vsu_state_section *section,
		       struct vsu_error *err)
{
	const struct vmm_page_span *span;
	struct vmm_pages_part part;
	uint64_t offset;
	const int rc = vmm_pages_read(section, &part, err);

	if (rc != 0)
		return rc;
	span = vmm_page_set_find(&p->missing, part.gpa);
	offset = span ? part.gpa - span->gpa : 0;
	if (!span || !part.len || part.len > span->len - offset ||
	    (offset | part.len) % VMM_SET_PAGE)
		return vmm_pages_refuse(&part, err);
	return (page_of(span) > VMM_SET_PAGE ? place_huge : place_small)
		(p, span, offset, part.bytes, part.len, err);
}

/* ----------------------------------------------------------------------- faults */

int vmm_placer_find(const struct vmm_fault_source *source, uint64_t address,
		    uint64_t *gpa)
{
	const struct vmm_fault_range *r;

	for (r = source->ranges; r < source->ranges + source->n; r++) {
		if (address < r->address || address - r->address >= r->len)
			continue;
		*gpa = r->gpa + (address - r->address);
		return 0;
	}
	return -EFAULT;
}

/* A page of zeros in this process. */
static int provide_own(struct vmm_placer *p, const struct vmm_page_span *span,
		       uint64_t offset)
{
	const uint64_t page = page_of(span), at = address_of(span, offset / page * page);
	const int fd = p->sources[0].fd;
	int rc;

	rc = page <= VMM_SET_PAGE ? vmem_userfault_zero(fd, at, page) :
	     vmem_userfault_copy(fd, at, p->zeros, page);
	return rc == -EEXIST ? vmem_userfault_wake(fd, at, page) : rc;
}

/* Memory that both processes share, and that was never in the set. */
static int provide_shared(const struct vmm_placer *p, uint64_t gpa)
{
	struct vmem_region *r = vmem_map_find(p->map, gpa);

	return !r ? -EFAULT :
	       vmem_block_populate(vmem_region_block(r),
				   vmem_region_offset(r) + (gpa - vmem_region_gpa(r)), 1, NULL);
}

int vmm_placer_provide(struct vmm_placer *p, const struct vmm_fault_source *source,
		       uint64_t gpa)
{
	const struct vmm_page_span *span = vmm_page_set_find(&p->missing, gpa);
	const struct vmem_region *r = vmem_map_find(p->map, gpa);
	uint64_t page;
	int rc = span && p->registered ? provide_own(p, span, gpa - span->gpa) :
		 provide_shared(p, gpa);

	if (rc < 0 || source == &p->sources[0])
		return rc;
	page = vmem_block_page_size(vmem_region_block(r));
	wake_source(source, gpa / page * page, page);
	return 0;
}
