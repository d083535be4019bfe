/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The load of "bench" on a disk: each slot has a request in flight until the time is
 * over. One thread drives all queues.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/parse.h>

#include "bench.h"
#include "disk.h"
#include "progress.h"

/* Longest sleep: progress is shown that often. */
#define NAP_MS 200

struct run {
	const struct bench_load *load;
	struct bench_stats *stats;
	struct progress progress;
	struct disk disk;
	uint64_t bytes, random;
	uint64_t sent_ns[DISK_QUEUES * BENCH_MAX_DEPTH]; /* by slot */
	uint32_t in_flight;
	uint64_t now_ns, end_ns;
	uint64_t last_ns;	/* of the last completion */
};

uint64_t bench_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ----------------------------------------------------------------- validity */

static enum vsu_exit check_size(const struct run *r, struct vsu_error *err)
{
	const uint32_t size = r->load->size;

	if (size % r->disk.block)
		vsu_error_set(err, -EINVAL, "option --size: %" PRIu32 " is not a multiple of %" PRIu32 ", the block size of the disk '%s'",
			      size, r->disk.block, r->load->socket);
	else if (size > r->disk.chunk || size > r->disk.size)
		vsu_error_set(err, -EINVAL, "option --size: %" PRIu32 " exceeds the disk '%s' or its maximum request of %" PRIu32 " bytes",
			      size, r->load->socket, r->disk.chunk);
	else
		return VSU_EXIT_OK;
	return VSU_EXIT_DATA;
}

/* A smaller depth than asked for would be measured under a wrong name. */
static enum vsu_exit check_disk(const struct run *r, struct vsu_error *err)
{
	if (r->load->writes && r->disk.q.features & VIRTDEV_BLK_F_RO)
		vsu_error_set(err, -EROFS, "option --write: the disk '%s' is read-only", r->load->socket);
	else if (r->disk.nslots < r->load->depth)
		vsu_error_set(err, -ENOSPC, "option --depth: the disk '%s' takes rings for %" PRIu32 " requests only",
			      r->load->socket, r->disk.nslots);
	else
		return check_size(r, err);
	return VSU_EXIT_DATA;
}

/* ----------------------------------------------------------------- requests */

static enum vsu_exit submit(struct run *r, uint32_t slot, struct vsu_error *err)
{
	const uint32_t size = r->load->size;
	const bool write = bench_random(&r->random) % 100 < r->load->writes;
	const uint64_t at = bench_random(&r->random) % (r->disk.size / size) * size;

	r->sent_ns[slot] = vsu_now_ns();
	r->in_flight++;
	return disk_submit(&r->disk, slot, write ? VIRTDEV_BLK_T_OUT : VIRTDEV_BLK_T_IN,
			   at, size, err);
}

static enum vsu_exit fill(struct run *r, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	uint32_t slot;

	for (slot = 0; status == VSU_EXIT_OK && slot < r->disk.nslots * r->disk.q.n; slot++)
		status = submit(r, slot, err);
	queues_kick(&r->disk.q);
	return status;
}

/* Counts a completed request, and sends the next one from its slot. */
static enum vsu_exit complete(struct run *r, uint32_t slot, struct vsu_error *err)
{
	const uint8_t status = disk_status(&r->disk, slot);

	if (status != VIRTDEV_BLK_S_OK) {
		vsu_error_set(err, -EIO, "'%s': the device failed a request of %" PRIu32 " bytes (status %u)",
			      r->load->socket, r->load->size, (unsigned int)status);
		return VSU_EXIT_FAIL;
	}
	r->now_ns = r->last_ns = vsu_now_ns();
	bench_stats_add(r->stats, r->now_ns - r->sent_ns[slot]);
	r->bytes += r->load->size;
	r->in_flight--;
	return r->now_ns < r->end_ns ? submit(r, slot, err) : VSU_EXIT_OK;
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
	struct pollfd call = { .fd = r->disk.q.call_fd, .events = POLLIN };
	enum vsu_exit status = VSU_EXIT_OK;
	bool timed_out;

	if (!queues_want_call(&r->disk.q)) {
		status = client_poll(&r->disk.q.client, &call, 1, NAP_MS, &timed_out, err);
		vsu_event_drain(r->disk.q.call_fd, NULL);
	}
	r->now_ns = vsu_now_ns();
	return status == VSU_EXIT_OK ? check_time(r, err) : status;
}

/* One round: takes a completion for each slot at most, then notifies the back-end once. */
static enum vsu_exit step(struct run *r, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	struct queues_used used;
	uint32_t n = 0;
	int rc = 0;

	while (status == VSU_EXIT_OK && n < r->disk.nslots * r->disk.q.n &&
	       (rc = queues_collect(&r->disk.q, &used)) == 1) {
		status = complete(r, (uint32_t)used.cookie, err);
		n++;
	}
	if (rc < 0) {
		vsu_error_sys(err, rc, "'%s': its ring", r->load->socket);
		return VSU_EXIT_HOST;
	}
	progress_at(&r->progress, r->bytes);
	if (n)
		queues_kick(&r->disk.q);
	return status == VSU_EXIT_OK && !n ? nap(r, err) : status;
}

static enum vsu_exit measure(struct run *r, bool progress, struct vsu_error *err)
{
	const uint64_t start_ns = vsu_now_ns();
	enum vsu_exit status;

	progress_begin(&r->progress, progress, 0);
	r->now_ns = r->last_ns = start_ns;
	r->end_ns = start_ns + r->load->ms * BENCH_NS_PER_MS;
	status = fill(r, err);
	while (status == VSU_EXIT_OK && r->in_flight)
		status = step(r, err);
	r->stats->ns += r->last_ns - start_ns;
	progress_end(&r->progress, r->bytes, status == VSU_EXIT_OK);
	return status;
}

enum vsu_exit bench_disk(const struct bench_load *load, bool progress,
			 struct bench_stats *s, struct vsu_error *err)
{
	struct run r = { .load = load, .stats = s, .random = BENCH_SEED };
	enum vsu_exit status = disk_open(&r.disk, load->socket, 0, load->queues, load->depth, err);

	if (status != VSU_EXIT_OK)
		return status;
	status = check_disk(&r, err);
	if (status == VSU_EXIT_OK)
		status = measure(&r, progress, err);
	queues_close(&r.disk.q, status == VSU_EXIT_OK);
	return status;
}
