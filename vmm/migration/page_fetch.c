/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The thread that fetches missing pages. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <vm-memory/userfault.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "migration/page_fetch.h"

#define MAX_REQUESTS 64u
#define MAX_POLLED (VMM_PLACE_MAX_SOURCES + 2)
#define COMPLETE_NS UINT64_C(1000000000) /* to send the last section */

/*
 * Requests without an answer. Their number is limited, so that sending one never waits for
 * a source that itself waits until its pages are received.
 */
struct page_requests {
	uint64_t gpa[MAX_REQUESTS];
	unsigned int n;
	uint64_t total;
	uint64_t foreign;	/* of them, by other processes */
};

struct vmm_page_fetch {
	struct vmm_page_fetch_config config;
	struct vmm_placer placer;
	struct page_requests requests; /* of the thread */
	pthread_t thread;
	bool started;
	int wake_fd;		/* the owner has changed something */
	int stop_fd;		/* cancels a transfer of the thread */
	bool stops;		/* atomic */
	int ended_fd;
	uint64_t left, total, foreign;	/* atomic */

	pthread_mutex_t lock;	/* guards the members below, and the placer */
	pthread_cond_t changed;
	const char *to_send;	/* name of a section, or NULL */
	bool runs;		/* "running" is or was sent */
	bool has_go, arrived;
	uint32_t paused;
	int rc;			/* of the thread */
	struct vsu_error err;
};

/* ---------------------- faults, as requests to the source of the migration */

/* Forgets requests whose pages have arrived. */
static void requests_prune(struct page_requests *r, const struct vmm_page_set *missing)
{
	unsigned int i, kept = 0;

	for (i = 0; i < r->n; i++)
		if (vmm_page_set_has(missing, r->gpa[i]))
			r->gpa[kept++] = r->gpa[i];
	r->n = kept;
}

/* Faults stay in the kernel while it is full. */
static bool requests_full(const struct page_requests *r)
{
	return r->n == MAX_REQUESTS;
}

/* Several threads may wait for one page. */
static bool is_requested(const struct page_requests *r, uint64_t gpa)
{
	unsigned int i;

	for (i = 0; i < r->n; i++)
		if (r->gpa[i] == gpa)
			return true;
	return false;
}

static int request_page(struct page_requests *r, uint64_t gpa,
			struct vmm_stream *stream, struct vsu_error *err)
{
	if (is_requested(r, gpa))
		return 0;
	r->gpa[r->n++] = gpa;
	r->total++;
	vmm_stream_begin(stream, "want");
	vsu_state_put_u64(&stream->w, gpa);
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

/*
 * Reads a fault of a source, if one is pending: sends "want" if its page is missing, else
 * provides it. If another process than this one breaks its descriptor, only its faults
 * are lost: the descriptor is closed.
 */
static int requests_read(struct page_requests *r, struct vmm_placer *p,
			 struct vmm_fault_source *source, struct vmm_stream *stream,
			 struct vsu_error *err)
{
	uint64_t address, gpa;
	int rc;

	if (requests_full(r))
		return 0;
	rc = vmem_userfault_next(source->fd, &address);
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

/* ------------------------------------------------------------------- the thread */

static void publish_left(struct vmm_page_fetch *f)
{
	__atomic_store_n(&f->left, f->placer.missing.npages * VMM_SET_PAGE, __ATOMIC_RELAXED);
	__atomic_store_n(&f->total, f->requests.total, __ATOMIC_RELAXED);
	__atomic_store_n(&f->foreign, f->requests.foreign, __ATOMIC_RELAXED);
}

static int on_go(struct vmm_page_fetch *f, const struct vsu_state_section *section,
		 struct vsu_error *err)
{
	struct vsu_state_fields fields;

	vmm_stream_fields(section, &fields);
	f->paused = vsu_state_get_u32(&fields);
	f->has_go = true;
	pthread_cond_broadcast(&f->changed);
	return vsu_state_fields_end(&fields, err);
}

static int handle_section(struct vmm_page_fetch *f, const struct vsu_state_section *section,
			  struct vsu_error *err)
{
	int rc = vmm_placer_receive(&f->placer, section, err);

	if (rc > 0 && !strcmp(section->name, "go") && !f->has_go)
		return on_go(f, section, err);
	if (rc > 0)
		return vsu_error_set(err, -EBADMSG, "the stream has section '%s' among the missing pages",
				     section->name);
	requests_prune(&f->requests, &f->placer.missing);
	publish_left(f);
	if (!f->placer.missing.npages)
		vsu_event_signal(f->wake_fd);	/* all pages may be here */
	return rc;
}

static int receive_section(struct vmm_page_fetch *f, struct vsu_error *err)
{
	struct vsu_state_section section;
	int rc = vmm_stream_receive(f->config.stream, &section, err);

	if (rc < 0)
		return rc;
	pthread_mutex_lock(&f->lock);
	rc = handle_section(f, &section, err);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

static void send_complete(struct vmm_page_fetch *f)
{
	f->config.stream->deadline_ns = vsu_now_ns() + COMPLETE_NS;
	(void)!vmm_stream_send_empty(f->config.stream, "complete", NULL);
}

/* All pages are here: no fault can follow. Requires the lock. */
static void fetch_complete(struct vmm_page_fetch *f)
{
	vmm_placer_end(&f->placer);
	f->arrived = true;
	/* the guest runs here, whether the source receives this or not */
	send_complete(f);
	vmm_stream_close(f->config.stream);
	vsu_event_signal(f->ended_fd);	/* the owner ends this thread then */
}

/* Requires the lock. */
static int apply_changes(struct vmm_page_fetch *f, struct vsu_error *err)
{
	const char *name = f->to_send;
	int rc;

	vsu_event_drain(f->wake_fd, NULL);
	if (name) {
		rc = vmm_stream_send_empty(f->config.stream, name, err);
		f->to_send = NULL;
		pthread_cond_broadcast(&f->changed);
		if (rc < 0)
			return rc;
	}
	if (f->runs && !f->arrived && !f->placer.missing.npages)
		fetch_complete(f);
	return 0;
}

/* Requires the lock. */
static int serve_faults(struct vmm_page_fetch *f, const struct pollfd *polled,
			unsigned int n, struct vsu_error *err)
{
	struct vmm_fault_source *source;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		source = &f->placer.sources[i];
		if (polled[i].revents & POLLIN)
			rc = requests_read(&f->requests, &f->placer, source,
					   f->config.stream, err);
		else if (polled[i].revents)
			vsu_fd_close(&source->fd);
	}
	publish_left(f);
	return rc;
}

/* Lists what to wait for, first the fault sources, and returns their number. */
static unsigned int prepare_poll(struct vmm_page_fetch *f, struct pollfd *polled)
{
	const bool full = requests_full(&f->requests);
	unsigned int i, n = f->placer.nsources;

	for (i = 0; i < n; i++)
		polled[i] = (struct pollfd){ .fd = full ? -1 : f->placer.sources[i].fd, .events = POLLIN };
	polled[n] = (struct pollfd){ .fd = f->wake_fd, .events = POLLIN };
	polled[n + 1] = (struct pollfd){ .fd = f->config.stream->fd, .events = POLLIN };
	return n;
}

/* One turn: faults first, then a section. */
static int serve_turn(struct vmm_page_fetch *f, struct vsu_error *err)
{
	struct pollfd polled[MAX_POLLED];
	bool arrived, input;
	unsigned int n;
	int rc;

	pthread_mutex_lock(&f->lock);
	n = prepare_poll(f, polled);
	arrived = f->arrived;
	pthread_mutex_unlock(&f->lock);
	input = !arrived && vmm_stream_has_input(f->config.stream);
	rc = poll(polled, n + 2, input ? 0 : -1);
	if (rc < 0)
		return errno == EINTR ? 0 : vsu_error_sys(err, -errno, "poll");
	pthread_mutex_lock(&f->lock);
	rc = serve_faults(f, polled, n, err);
	if (!rc)
		rc = apply_changes(f, err);
	arrived = f->arrived;
	pthread_mutex_unlock(&f->lock);
	return rc || arrived || !(input || polled[n + 1].revents) ? rc : receive_section(f, err);
}

static bool should_stop(const struct vmm_page_fetch *f)
{
	return __atomic_load_n(&f->stops, __ATOMIC_ACQUIRE);
}

static void end_failed(struct vmm_page_fetch *f, int rc, const struct vsu_error *err)
{
	bool runs;

	pthread_mutex_lock(&f->lock);
	f->rc = rc;
	f->err = *err;
	runs = f->runs && !f->arrived;
	if (!runs)
		vmm_placer_end(&f->placer);
	pthread_cond_broadcast(&f->changed);
	pthread_mutex_unlock(&f->lock);
	if (runs)
		f->config.lost(f->config.opaque, err);
}

static void *fetch_main(void *arg)
{
	struct vmm_page_fetch *f = arg;
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = 0;

	while (!rc && !should_stop(f))
		rc = serve_turn(f, &err);
	if (rc < 0 && !should_stop(f))
		end_failed(f, rc, &err);
	return NULL;
}

/* -------------------------------------------------------------------- the owner */

static void close_events(struct vmm_page_fetch *f)
{
	vsu_fd_close(&f->wake_fd);
	vsu_fd_close(&f->stop_fd);
	vsu_fd_close(&f->ended_fd);
}

int vmm_page_fetch_new(const struct vmm_page_fetch_config *config,
		       struct vmm_page_fetch **out, struct vsu_error *err)
{
	struct vmm_page_fetch *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (!f)
		return vsu_error_set(err, -ENOMEM, "no memory");
	f->config = *config;
	f->wake_fd = vsu_event_new();
	f->stop_fd = vsu_event_new();
	f->ended_fd = vsu_event_new();
	if (f->wake_fd < 0 || f->stop_fd < 0 || f->ended_fd < 0) {
		close_events(f);
		free(f);
		return vsu_error_set(err, -EMFILE, "no free descriptor");
	}
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->changed, NULL);
	f->placer.missing = *config->missing;
	memset(config->missing, 0, sizeof(*config->missing));
	f->placer.map = vmem_map_ref(config->map);
	f->placer.sources[0].fd = *config->fd;
	f->placer.nsources = 1;
	*config->fd = -1;
	publish_left(f);
	*out = f;
	return 0;
}

int vmm_page_fetch_begin(struct vmm_page_fetch *f, struct vsu_error *err)
{
	int rc = vmm_placer_begin(&f->placer, err);

	publish_left(f);
	if (rc < 0)
		return rc;
	f->config.stream->cancel_fd = f->stop_fd;
	rc = vsu_thread_start(f->config.threads, &f->thread, fetch_main, f);
	f->started = !rc;
	return rc ? vsu_error_sys(err, rc, "cannot start a thread") : 0;
}

/* The peer may stall within a section, or not read: the lock is held while a section is sent. */
static void stop_thread(struct vmm_page_fetch *f)
{
	__atomic_store_n(&f->stops, true, __ATOMIC_RELEASE);
	vsu_event_signal(f->stop_fd);
	vsu_event_signal(f->wake_fd);
	if (f->started)
		pthread_join(f->thread, NULL);
	f->config.stream->cancel_fd = -1;
}

/* The source does not have to wait for pages that nothing will use. It may be sending some. */
static void release_source(struct vmm_page_fetch *f)
{
	if (f->runs && !f->arrived && !f->rc) {
		send_complete(f);
		vmm_stream_drain(f->config.stream);
	}
	if (f->runs)
		vmm_stream_close(f->config.stream);
}

void vmm_page_fetch_free(struct vmm_page_fetch *f)
{
	if (!f)
		return;
	stop_thread(f);
	release_source(f);
	vmm_placer_free(&f->placer);
	close_events(f);
	pthread_cond_destroy(&f->changed);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Requires the lock. */
static int fetch_result(const struct vmm_page_fetch *f, struct vsu_error *err)
{
	if (f->rc < 0)
		*err = f->err;
	return f->rc;
}

int vmm_page_fetch_send(struct vmm_page_fetch *f, const char *name, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&f->lock);
	if (!f->rc) {
		f->to_send = name;
		f->runs = !strcmp(name, "running");
		vsu_event_signal(f->wake_fd);
	}
	while (f->to_send && !f->rc)
		pthread_cond_wait(&f->changed, &f->lock);
	rc = fetch_result(f, err);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int vmm_page_fetch_go(struct vmm_page_fetch *f, uint32_t *paused, struct vsu_error *err)
{
	int rc;

	pthread_mutex_lock(&f->lock);
	while (!f->has_go && !f->rc)
		pthread_cond_wait(&f->changed, &f->lock);
	*paused = f->paused;
	rc = fetch_result(f, err);
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int vmm_page_fetch_fd(const struct vmm_page_fetch *f)
{
	return f->ended_fd;
}

uint64_t vmm_page_fetch_left(const struct vmm_page_fetch *f)
{
	return __atomic_load_n(&f->left, __ATOMIC_RELAXED);
}

uint64_t vmm_page_fetch_requests(const struct vmm_page_fetch *f)
{
	return __atomic_load_n(&f->total, __ATOMIC_RELAXED);
}

uint64_t vmm_page_fetch_foreign(const struct vmm_page_fetch *f)
{
	return __atomic_load_n(&f->foreign, __ATOMIC_RELAXED);
}

/* --------------------------------------------------------------- other processes */

int vmm_page_fetch_add(struct vmm_page_fetch *f, int fd, unsigned int *number)
{
	int rc = -ENOSPC;

	pthread_mutex_lock(&f->lock);
	if (f->placer.nsources < VMM_PLACE_MAX_SOURCES) {
		*number = f->placer.nsources++;
		f->placer.sources[*number] = (struct vmm_fault_source){ .fd = fd };
		rc = 0;
	}
	pthread_mutex_unlock(&f->lock);
	vsu_event_signal(f->wake_fd);
	return rc;
}

int vmm_page_fetch_set_ranges(struct vmm_page_fetch *f, unsigned int number,
			      const struct vmm_fault_range *ranges, unsigned int n)
{
	struct vmm_fault_range *copy = calloc(n + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	memcpy(copy, ranges, n * sizeof(*copy));
	pthread_mutex_lock(&f->lock);
	free(f->placer.sources[number].ranges);
	f->placer.sources[number].ranges = copy;
	f->placer.sources[number].n = n;
	pthread_mutex_unlock(&f->lock);
	vsu_event_signal(f->wake_fd);
	return 0;
}
