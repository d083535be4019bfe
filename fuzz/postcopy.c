/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The two ends of a migration after the switch to post-copy. */
#include <config.h>

#include <string.h>

#include <vm-memory/userfault.h>

#include "migration/missing.h"
#include "migration/page_place.h"
#include "migration/page_server.h"
#include "play.h"
#include "postcopy.h"

#define PAGE VMM_SET_PAGE

/* Stores the pages of the section that are missing in the model, if the section is valid. */
static bool model_place(struct postcopy *p, const struct vsu_state_section *s,
			uint64_t missing)
{
	const bool zeros = !strcmp(s->name, "zeros");
	struct vsu_state_fields f;
	uint64_t gpa, len, at;

	if (s->len < 8 || (zeros && s->len != 16))
		return false;
	vmm_stream_fields(s, &f);
	gpa = vsu_state_get_u64(&f);
	len = zeros ? vsu_state_get_u64(&f) : f.in.left;
	if (gpa >= p->len || !len || len > p->len - gpa || (gpa | len) % PAGE)
		return false;
	for (at = 0; at < len; at += PAGE) {
		if (!(missing >> (gpa + at) / PAGE & 1))
			continue;
		if (zeros)
			memset(p->model + gpa + at, 0, PAGE);
		else
			memcpy(p->model + gpa + at, s->bytes + 8 + at, PAGE);
		p->placed++;
	}
	return true;
}

static uint64_t bits_of(const struct postcopy *p, const struct vmm_page_set *set)
{
	uint64_t bits = 0, page;

	for (page = 0; page < p->len / PAGE; page++)
		bits |= (uint64_t)vmm_page_set_has(set, page * PAGE) << page;
	return bits;
}

/* Places the pages behind the state, until another section. */
static int place_pages(struct postcopy *p, struct vmm_placer *placer, struct vmm_stream *s,
		       struct vsu_state_section *section, struct vsu_error *err)
{
	uint64_t missing = bits_of(p, &placer->missing), page;
	bool valid;
	int rc = vmm_placer_begin(placer, err);

	for (page = 0; !rc && page < p->len / PAGE; page++)
		if (missing >> page & 1)
			memset(p->model + page * PAGE, 0, PAGE);
	while (!rc) {
		rc = vmm_stream_receive(s, section, err);
		if (rc < 0)
			break;
		missing = bits_of(p, &placer->missing);
		rc = vmm_placer_receive(placer, section, err);
		valid = rc <= 0 && model_place(p, section, missing);
		CHECK(rc > 0 || (rc == 0) == valid);
	}
	return rc;
}

int postcopy_read_missing(struct postcopy *p, struct vmm_stream *s,
			  struct vsu_state_section *section, struct vsu_error *err)
{
	struct vmm_placer placer = { .nsources = 1 };
	int rc;

	placer.sources[0].fd = vmem_userfault_open(NULL);
	placer.map = vmem_map_ref(p->map);
	CHECK(vmm_page_set_init(&placer.missing, &p->memory, NULL, 0, p->map, NULL) == 0);
	vmm_page_set_clear(&placer.missing);
	do {
		rc = vmm_missing_receive(&placer.missing, section, err);
		p->listed += !rc;
		if (!rc)
			rc = vmm_stream_receive(s, section, err);
	} while (!rc && !strcmp(section->name, "missing"));
	if (!rc && !strcmp(section->name, "state") && placer.sources[0].fd >= 0)
		rc = place_pages(p, &placer, s, section, err);
	vmm_placer_free(&placer);
	return rc < 0 ? rc : 0;
}

static void on_running(void *opaque)
{
	struct postcopy *p = opaque;

	p->served++;
}

static void on_progress(void *opaque, uint64_t bytes)
{
	(void)opaque;
	(void)bytes;
}

static int on_loaded(void *opaque, struct vsu_error *err)
{
	(void)opaque;
	(void)err;
	return 0;
}

int postcopy_serve(struct postcopy *p, struct vmm_stream *s, struct vsu_error *err)
{
	struct vmm_page_set set;
	struct vmm_page_server server = {
		.stream = s, .set = &set, .granule = 2 * PAGE, .loaded = on_loaded,
		.running = on_running, .progress = on_progress, .opaque = p,
	};
	int rc;

	CHECK(vmm_page_set_init(&set, &p->memory, NULL, 0, p->map, NULL) == 0);
	rc = vmm_page_server_run(&server, err);
	vmm_page_set_free(&set);
	return rc;
}
