/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Sends missing pages. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "migration/page_server.h"
#include "migration/pages.h"

#define NS_PER_S UINT64_C(1000000000)
/* Pages without a request, between two checks for requests, which wait for them. */
#define MAX_UNREAD 128u		/* requests in front of the reason of a failure */
#define PUSHED (UINT64_C(64) << 10)

static int send_run(struct vmm_page_server *p, const struct vmm_page_run *run,
		    struct vsu_error *err)
{
	const uint64_t end = run->offset + run->len, before = p->stream->sent;
	struct vmm_page_run part = *run;
	int rc = 0;

	while (!rc && part.offset < end) {
		part.len = end - part.offset;
		if (part.len > VMM_STREAM_PIECE)
			part.len = VMM_STREAM_PIECE;
		rc = vmm_pages_send(p->stream, &part, err);
		part.offset += part.len;
	}
	p->progress(p->opaque, p->stream->sent - before);
	return rc;
}

/* The next pages behind the cursor, which begins again at the end. */
static int push_pages(struct vmm_page_server *p, struct vsu_error *err)
{
	const uint64_t max = p->granule > PUSHED ? p->granule : PUSHED;
	struct vmm_page_run run;

	if (!vmm_page_set_next(p->set, &p->cursor, max, &run)) {
		p->cursor.page = 0;
		return 0;
	}
	p->pushed += run.len;
	return send_run(p, &run, err);
}

/* ------------------------------------------------------------- what is received */

/* A page that is no longer in the set is on its way. The pages behind it follow. */
static int on_want(struct vmm_page_server *p, struct vsu_state_fields *f, struct vsu_error *err)
{
	const uint64_t gpa = vsu_state_get_u64(f);
	const struct vmm_page_span *span = vmm_page_set_find(p->set, gpa);
	struct vmm_page_run run;
	uint64_t offset;

	if (!span)
		return vsu_error_set(err, -EBADMSG, "the destination requests a page outside guest memory");
	offset = (gpa - span->gpa) & ~(p->granule - 1);
	if (!vmm_page_set_has(p->set, span->gpa + offset))
		return 0;
	p->cursor.page = vmm_page_set_position(p->set, span, offset);
	return vmm_page_set_next(p->set, &p->cursor, p->granule, &run) ?
	       send_run(p, &run, err) : 0;
}

static int out_of_order(const char *name, struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "the destination sent '%s' out of order", name);
}

static int on_loaded(struct vmm_page_server *p, struct vsu_state_fields *f,
		     struct vsu_error *err)
{
	if (p->is_loaded)
		return out_of_order(f->name, err);
	p->is_loaded = true;
	return p->loaded(p->opaque, err);
}

static int on_running(struct vmm_page_server *p, struct vsu_state_fields *f,
		      struct vsu_error *err)
{
	if (!p->is_loaded || p->is_running)
		return out_of_order(f->name, err);
	p->is_running = true;
	p->stream->deadline_ns = 0;
	p->running(p->opaque);
	return 0;
}

static int on_complete(struct vmm_page_server *p, struct vsu_state_fields *f,
		       struct vsu_error *err)
{
	if (!p->is_running)
		return out_of_order(f->name, err);
	p->is_complete = true;
	return 0;
}

static const struct {
	const char *name;
	int (*fn)(struct vmm_page_server *p, struct vsu_state_fields *f,
		  struct vsu_error *err);
} handlers[] = {
	{ "want", on_want }, { "loaded", on_loaded }, { "running", on_running },
	{ "complete", on_complete },
};

static int receive_one(struct vmm_page_server *p, struct vsu_error *err)
{
	struct vsu_state_section section;
	struct vsu_state_fields f;
	size_t i;
	int rc = vmm_stream_receive(p->stream, &section, err);

	if (rc < 0)
		return rc;
	vmm_stream_fields(&section, &f);
	for (i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
		if (strcmp(section.name, handlers[i].name) != 0)
			continue;
		rc = handlers[i].fn(p, &f, err);
		return rc ? rc : vsu_state_fields_end(&f, err);
	}
	return strcmp(section.name, "failed") ? out_of_order(section.name, err) :
						vmm_stream_report_failed(&section, err);
}

/* ----------------------------------------------------------------------- order */

/* When the next pages may be pushed; 0: at once, UINT64_MAX: never. */
static uint64_t next_push(const struct vmm_page_server *p)
{
	if (!p->set->npages)
		return UINT64_MAX;
	return !p->rate ? 0 :
	       p->begun_ns + (uint64_t)((double)p->pushed / (double)p->rate *
					(double)NS_PER_S);
}

/* 1: the destination has sent something; 0: the time for a push has come. */
static int wait_for_request(struct vmm_page_server *p, struct vsu_error *err)
{
	const uint64_t deadline = p->stream->deadline_ns, push = next_push(p);
	const uint64_t now = vsu_now_ns();
	uint64_t until = push == UINT64_MAX ? deadline : push > now ? push : now;
	int rc;

	if (deadline && until > deadline)
		until = deadline;
	rc = vmm_stream_wait_input(p->stream, until, err);
	if (!rc)
		return 1;
	if (rc != -ETIMEDOUT || (deadline && vsu_now_ns() >= deadline) ||
	    push == UINT64_MAX)
		return rc;
	vsu_error_clear(err);
	return 0;
}

/* A destination that has closed the connection has perhaps sent the reason before. */
static int read_reason(struct vmm_page_server *p, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct vsu_state_section section;
	unsigned int failures = 0, n;
	int rc;

	vmm_stream_await_reason(p->stream);
	/* a reset is reported once, before what was received */
	for (n = 0; failures < 2 && n < MAX_UNREAD; n++) {
		rc = vmm_stream_expect(p->stream, "failed", &section, &why);
		if (!rc)
			return vmm_stream_report_failed(&section, err);
		failures += rc != -EBADMSG;
	}
	return -ECONNRESET;
}

int vmm_page_server_run(struct vmm_page_server *p, struct vsu_error *err)
{
	int rc = 0;

	p->begun_ns = vsu_now_ns();
	while (!rc && !p->is_complete) {
		rc = wait_for_request(p, err);
		if (rc > 0)
			rc = receive_one(p, err);
		else if (!rc)
			rc = push_pages(p, err);
	}
	return rc == -ECONNRESET && !p->is_running ? read_reason(p, err) : rc;
}
