/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of missing pages. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/fd.h>

#include "migration/page_requests.h"
#include "migration/userfault.h"

void vmm_requests_prune(struct vmm_page_requests *r, const struct vmm_page_set *missing)
{
	unsigned int i, kept = 0;

	for (i = 0; i < r->n; i++)
		if (vmm_page_set_has(missing, r->gpa[i]))
			r->gpa[kept++] = r->gpa[i];
	r->n = kept;
}

bool vmm_requests_full(const struct vmm_page_requests *r)
{
	return r->n == VMM_REQUESTS_MAX;
}

/* Several threads may wait for one page. */
static bool is_requested(const struct vmm_page_requests *r, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (r->gpa[i] == gpa)
			return true;
	return false;
}

static int request_page(struct vmm_page_requests *r, uint64_t gpa,
			struct vmm_stream *stream, struct vsu_error *err)
{
	if (is_requested(r, gpa))
		return 0;
	r->gpa[r->n++] = gpa;
	r->total++;
	vmm_stream_begin(stream, "want");
	vmm_state_put_u64(&stream->w, gpa);
	return vmm_stream_send(stream, err);
}

/* The guest continues without a back-end that breaks its descriptor. */
static bool is_fatal(const struct vmm_placer *p, struct vmm_fault_source *source)
{
	if (source == &p->sources[0])
		return true;
	vsu_fd_close(&source->fd);
	return false;
}

int vmm_requests_read(struct vmm_page_requests *r, struct vmm_placer *p,
		      struct vmm_fault_source *source, struct vmm_stream *stream,
		      struct vsu_error *err)
{
	uint64_t address, gpa;
	int rc;

	if (vmm_requests_full(r))
		return 0;
	rc = vmm_userfault_next(source->fd, &address);
	if (rc < 0)
		return is_fatal(p, source) ? vsu_error_sys(err, rc, "userfaultfd") : 0;
	if (!rc)
		return 0;
	/* a range that its process has unmapped since, or an invalid one */
	if (vmm_placer_find(source, address, &gpa) < 0)
		return 0;
	gpa -= gpa % VMM_SET_PAGE;
	if (vmm_page_set_has(&p->missing, gpa)) {
		r->foreign += source != &p->sources[0] && !is_requested(r, gpa);
		return request_page(r, gpa, stream, err);
	}
	rc = vmm_placer_provide(p, source, gpa);
	return rc < 0 && is_fatal(p, source) ? vsu_error_sys(err, rc, "cannot provide the page %#" PRIx64, gpa) : 0;
}
