/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A load of "bench": each slot has a request in flight until the time is over. One thread
 * drives all queues. The back-end is not trusted: every wait has an end.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/parse.h>

#include "bench_load.h"

/* Longest sleep: progress is shown that often. */
#define NAP_MS 200

struct run {
	struct bench_driver *d;
	const struct bench_load *load;	/* the driver's */
	struct bench_stats *stats;
	struct progress *progress;
	uint64_t sent_ns[BENCH_MAX_QUEUES * BENCH_MAX_DEPTH]; /* by slot; 0: free */
	uint32_t in_flight;
	uint64_t now_ns, end_ns;
	uint64_t last_ns;	/* of the last completion */
	uint64_t scan_ns;	/* of the next search for lost requests */
};

uint64_t bench_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

void bench_close(struct bench_driver *d, bool in_order)
{
	if (d->q)
		queues_close(d->q, in_order);
	free(d->self);
	*d = (struct bench_driver){ .q = NULL };
}

enum vsu_exit bench_open(struct bench_driver *d, const struct bench_device *device,
			 const struct bench_load *most, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_HOST;

	*d = (struct bench_driver){
		.device = device, .self = calloc(1, device->self_size), .random = BENCH_SEED, .load = most,
	};
	if (d->self)
		status = device->open(d, err);
	else
		vsu_error_sys(err, -ENOMEM, "'%s'", most->socket);
	/* back-ends do not report how many rings they have, and of which size */
	if (d->q && queues_refused(d->q))
		vsu_error_set(err, err->code, "%s; lower --depth or --queues", err->msg);
	if (status != VSU_EXIT_OK)
		bench_close(d, false);
	return status;
}

enum vsu_exit bench_add(struct bench_driver *d, uint32_t ring, const struct vq_buffer *buffers,
			unsigned int n, uint64_t cookie, struct vsu_error *err)
{
	const int rc = vq_driver_add(d->q->rings[ring].driver, buffers, n, cookie);

	if (rc == 0)
		return VSU_EXIT_OK;
	vsu_error_sys(err, rc, "'%s': cannot add a request to its ring", d->load->socket);
	return VSU_EXIT_HOST;
}

/* ----------------------------------------------------------------- requests */

static enum vsu_exit submit(struct run *r, uint32_t slot, struct vsu_error *err)
{
	r->sent_ns[slot] = vsu_now_ns();
	r->in_flight++;
	return r->d->device->submit(r->d, slot, err);
}

static enum vsu_exit fill(struct run *r, struct vsu_error *err)
{
	const uint32_t depth = r->load->depth;
	enum vsu_exit status = VSU_EXIT_OK;
	uint32_t i;

	for (i = 0; status == VSU_EXIT_OK && i < r->load->queues * depth; i++)
		status = submit(r, i / depth * r->d->stride + i % depth, err);
	queues_kick(r->d->q);
	return status;
}

/* The next request of the slot follows, until the time is over. */
static enum vsu_exit release(struct run *r, uint32_t slot, struct vsu_error *err)
{
	r->sent_ns[slot] = 0;
	r->in_flight--;
	return r->now_ns < r->end_ns ? submit(r, slot, err) : VSU_EXIT_OK;
}

static enum vsu_exit complete(struct run *r, const struct queues_used *used, struct vsu_error *err)
{
	uint32_t slot = BENCH_NO_SLOT;
	const enum vsu_exit status = r->d->device->complete(r->d, used, &slot, err);

	if (status != VSU_EXIT_OK || slot == BENCH_NO_SLOT)
		return status;
	r->now_ns = r->last_ns = vsu_now_ns();
	bench_stats_add(r->stats, r->now_ns - r->sent_ns[slot]);
	return release(r, slot, err);
}

static enum vsu_exit find_lost(struct run *r, struct vsu_error *err)
{
	const uint64_t lost_ns = r->load->lost_ms * BENCH_NS_PER_MS;
	enum vsu_exit status = VSU_EXIT_OK;
	uint32_t slot;

	if (!r->d->device->lose || r->now_ns < r->scan_ns)
		return VSU_EXIT_OK;
	r->scan_ns = r->now_ns + lost_ns / 4;
	for (slot = 0; status == VSU_EXIT_OK && slot < r->load->queues * r->d->stride; slot++)
		if (r->sent_ns[slot] && r->now_ns > r->sent_ns[slot] + lost_ns &&
		    r->d->device->lose(r->d, slot)) {
			r->stats->lost++;
			status = release(r, slot, err);
		}
	queues_kick(r->d->q);
	return status;
}

/* ------------------------------------------------------------------ waiting */

/* A back-end has its time from the last completion on, and at the end only once. */
static enum vsu_exit check_time(const struct run *r, struct vsu_error *err)
{
	const uint64_t since = r->last_ns < r->end_ns ? r->last_ns : r->end_ns;
	char time[24];

	if (!r->load->timeout_ms || r->now_ns < since ||
	    r->now_ns - since < r->load->timeout_ms * BENCH_NS_PER_MS)
		return VSU_EXIT_OK;
	vsu_error_set(err, -ETIMEDOUT, "'%s': %" PRIu32 " requests did not complete within %s; --timeout changes that",
		      r->load->socket, r->in_flight,
		      vsu_format_time(r->load->timeout_ms, time, sizeof(time)));
	return VSU_EXIT_HOST;
}

static enum vsu_exit nap(struct run *r, struct vsu_error *err)
{
	struct pollfd call = { .fd = r->d->q->call_fd, .events = POLLIN };
	enum vsu_exit status = VSU_EXIT_OK;
	bool timed_out;

	if (queues_want_call(r->d->q))
		return VSU_EXIT_OK;
	status = client_poll(&r->d->q->client, &call, 1, NAP_MS, &timed_out, err);
	vsu_event_drain(r->d->q->call_fd, NULL);
	return status;
}

/* Takes a used buffer for each slot at most, then notifies the back-end once. */
static enum vsu_exit collect(struct run *r, uint32_t *n, struct vsu_error *err)
{
	const uint32_t most = r->load->queues * r->load->depth;
	enum vsu_exit status = VSU_EXIT_OK;
	struct queues_used used;
	int rc = 0;

	for (*n = 0; status == VSU_EXIT_OK && *n < most && (rc = queues_collect(r->d->q, &used)) == 1; ++*n)
		status = complete(r, &used, err);
	if (rc < 0) {
		vsu_error_sys(err, rc, "'%s': its ring", r->load->socket);
		return VSU_EXIT_HOST;
	}
	if (*n)
		queues_kick(r->d->q);
	return status;
}

static enum vsu_exit step(struct run *r, struct vsu_error *err)
{
	uint32_t n;
	enum vsu_exit status = collect(r, &n, err);

	progress_at(r->progress, r->stats->requests);
	if (status == VSU_EXIT_OK && !n)
		status = nap(r, err);
	r->now_ns = vsu_now_ns();
	if (status == VSU_EXIT_OK)
		status = find_lost(r, err);
	return status == VSU_EXIT_OK && r->in_flight ? check_time(r, err) : status;
}

enum vsu_exit bench_run(struct bench_driver *d, struct progress *progress, struct bench_stats *s,
			struct vsu_error *err)
{
	const uint64_t start_ns = vsu_now_ns();
	struct run r = {
		.d = d, .load = d->load, .stats = s, .progress = progress,
		.now_ns = start_ns, .last_ns = start_ns,
		.end_ns = start_ns + d->load->ms * BENCH_NS_PER_MS,
	};
	enum vsu_exit status;

	status = fill(&r, err);
	while (status == VSU_EXIT_OK && r.in_flight)
		status = step(&r, err);
	s->ns += r.last_ns - start_ns;
	if (status != VSU_EXIT_OK || s->requests)
		return status;
	vsu_error_set(err, -ENODATA, "'%s': %s", d->load->socket, d->device->all_lost);
	return VSU_EXIT_HOST;
}
