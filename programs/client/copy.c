/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies between a disk and a file. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/event.h>

#include "copy.h"
#include "disk.h"
#include "file.h"
#include "progress.h"

#define MAX_SLOTS 256u
#define NS_PER_MS UINT64_C(1000000)

struct request {
	uint64_t offset;	/* on the disk */
	uint32_t len;
	bool finished;
};

struct copy {
	struct disk disk;
	struct file file;
	struct progress progress;
	const struct copy_args *args;
	bool writing;		/* to the disk */

	uint64_t first;		/* start offset on the disk */
	uint64_t total;		/* bytes; UINT64_MAX: until the input ends */
	uint64_t sent;		/* bytes of submitted requests */
	uint64_t done;		/* bytes of retired requests */
	uint32_t filled;	/* bytes in the buffer of the next request */
	bool input_ended;

	struct request requests[MAX_SLOTS];
	uint64_t submitted, retired; /* requests; slot: number modulo nslots */
	uint64_t since_ns;	/* last completion, or submission with none in flight */
};

/* ----------------------------------------------------------- what is copied */

static enum vsu_exit refuse_copy(struct vsu_error *err, const char *fmt, ...)
	VSU_PRINTF(2, 3);

static enum vsu_exit refuse_copy(struct vsu_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsu_error_setv(err, -EINVAL, fmt, ap);
	va_end(ap);
	return VSU_EXIT_DATA;
}

static enum vsu_exit check_block(const struct copy *c, const char *what,
				 uint64_t value, struct vsu_error *err)
{
	char size[24];

	if (vsu_is_aligned(value, c->disk.block))
		return VSU_EXIT_OK;
	return refuse_copy(err, "%s: %s is not a multiple of %" PRIu32
		      ", the block size of the disk '%s'", what,
		      vsu_format_size(value, size, sizeof(size)),
		      c->disk.block, c->args->socket);
}

static enum vsu_exit odd_input(const struct copy *c, uint64_t len,
			       struct vsu_error *err)
{
	return refuse_copy(err, "'%s' has %" PRIu64 " bytes, which is not a multiple of %" PRIu32 "; pad it with zeros",
		      c->file.name, len, c->disk.block);
}

/* A capacity is a number of sectors, whatever the size of a block is. */
static enum vsu_exit odd_disk(const struct copy *c, struct vsu_error *err)
{
	return refuse_copy(err, "the disk '%s' has %" PRIu64 " bytes, which is not a multiple of its block size of %" PRIu32 "; give --length=%" PRIu64 " for the whole blocks",
		      c->args->socket, c->disk.size, c->disk.block,
		      c->total - c->total % c->disk.block);
}

/* The given length, that of the input, or the rest of the disk. */
static enum vsu_exit check_total(const struct copy *c, struct vsu_error *err)
{
	if (c->total == UINT64_MAX)
		return VSU_EXIT_OK;
	if (c->args->length != COPY_ALL)
		return check_block(c, "option --length", c->total, err);
	if (vsu_is_aligned(c->total, c->disk.block))
		return VSU_EXIT_OK;
	return c->writing ? odd_input(c, c->total, err) : odd_disk(c, err);
}

static enum vsu_exit check_range(const struct copy *c, uint64_t len,
				 struct vsu_error *err)
{
	if (!vsu_range_exceeds(c->first, len, c->disk.size))
		return VSU_EXIT_OK;
	return refuse_copy(err, "%" PRIu64 " bytes at offset %" PRIu64 " exceed the disk '%s' of %" PRIu64 " bytes",
		      len, c->first,
		      c->args->socket, c->disk.size);
}

/* The length to copy if none was given. */
static uint64_t all_there_is(const struct copy *c)
{
	if (c->writing)
		return c->file.knows_size ? c->file.size : UINT64_MAX;
	return c->first < c->disk.size ? c->disk.size - c->first : 0;
}

static enum vsu_exit check_file(const struct copy *c, struct vsu_error *err)
{
	char size[24];

	if (!c->writing || !c->file.knows_size || c->total <= c->file.size)
		return VSU_EXIT_OK;
	return refuse_copy(err, "option --length: '%s' has %" PRIu64 " bytes, %s were requested",
		      c->file.name, c->file.size,
		      vsu_format_size(c->total, size, sizeof(size)));
}

static enum vsu_exit plan_copy(struct copy *c, struct vsu_error *err)
{
	enum vsu_exit status;

	c->first = c->args->offset;
	c->total = c->args->length != COPY_ALL ? c->args->length :
						 all_there_is(c);
	status = check_block(c, "option --offset", c->first, err);
	if (status == VSU_EXIT_OK)
		status = check_total(c, err);
	if (status == VSU_EXIT_OK)
		status = check_range(c, c->total != UINT64_MAX ? c->total : 0,
				     err);
	if (status == VSU_EXIT_OK)
		status = check_file(c, err);
	if (status != VSU_EXIT_OK || !c->writing ||
	    !(c->disk.q.features & VIRTDEV_BLK_F_RO))
		return status;
	return refuse_copy(err, "the disk '%s' is read-only", c->args->socket);
}

/* ----------------------------------------------------------------- requests */

static uint32_t slot_of(const struct copy *c, uint64_t number)
{
	return (uint32_t)(number % c->disk.nslots);
}

static bool has_slot(const struct copy *c)
{
	return c->submitted - c->retired < c->disk.nslots;
}

static uint32_t next_len(const struct copy *c)
{
	uint64_t left = c->total - c->sent;

	return left < c->disk.chunk ? (uint32_t)left : c->disk.chunk;
}

static void count_submitted(struct copy *c)
{
	if (c->submitted++ == c->retired)
		c->since_ns = vsu_now_ns();
}

static enum vsu_exit submit_request(struct copy *c, uint32_t len,
			    struct vsu_error *err)
{
	uint32_t slot = slot_of(c, c->submitted);
	struct request *r = &c->requests[slot];

	r->offset = c->first + c->sent;
	r->len = len;
	r->finished = false;
	count_submitted(c);
	c->sent += len;
	c->filled = 0;
	return disk_submit(&c->disk, slot, c->writing ? VIRTDEV_BLK_T_OUT : VIRTDEV_BLK_T_IN,
			   r->offset, len, err);
}

/* The input ended before the given length. */
static enum vsu_exit end_input(struct copy *c, struct vsu_error *err)
{
	uint32_t len = c->filled;

	c->input_ended = true;
	if (c->total != UINT64_MAX)
		return refuse_copy(err, "'%s' ended after %" PRIu64 " of %" PRIu64
			      " bytes", c->file.name, c->sent + len, c->total);
	c->total = c->sent + len;
	if (!vsu_is_aligned(len, c->disk.block))
		return odd_input(c, c->total, err);
	return len ? submit_request(c, len, err) : VSU_EXIT_OK;
}

static enum vsu_exit check_stream(struct copy *c, struct vsu_error *err)
{
	uint64_t end = c->first + c->sent + c->filled;

	if (end <= c->disk.size)
		return VSU_EXIT_OK;
	return refuse_copy(err, "'%s' is longer than what the disk '%s' of %" PRIu64
		      " bytes holds from offset %" PRIu64, c->file.name,
		      c->args->socket, c->disk.size, c->first);
}

/* Reads once into the next request's buffer; submits the request when full. */
static enum vsu_exit fill_request(struct copy *c, struct vsu_error *err)
{
	unsigned char *buf = disk_buffer(&c->disk, slot_of(c, c->submitted));
	uint32_t len = next_len(c);
	enum vsu_exit status;
	ssize_t n;

	n = file_read_some(&c->file, buf + c->filled, len - c->filled, err);
	if (n < 0)
		return VSU_EXIT_INPUT;
	if (n == 0)
		return end_input(c, err);
	c->filled += (uint32_t)n;
	status = check_stream(c, err);
	if (status != VSU_EXIT_OK || c->filled < len)
		return status;
	return submit_request(c, len, err);
}

static bool input_ready(const struct copy *c)
{
	struct pollfd p = { .fd = c->file.fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static bool all_sent(const struct copy *c)
{
	return c->input_ended || c->sent >= c->total;
}

/* Submits requests while slots and data are available. */
static enum vsu_exit send_requests(struct copy *c, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	uint64_t before = c->submitted;

	while (status == VSU_EXIT_OK && has_slot(c) && !all_sent(c)) {
		if (!c->writing)
			status = submit_request(c, next_len(c), err);
		else if (input_ready(c))
			status = fill_request(c, err);
		else
			break;
	}
	if (c->submitted != before)
		queues_kick(&c->disk.q);
	return status;
}

/* ------------------------------------------------------------------ retiring */

static enum vsu_exit refuse_used(const struct copy *c, struct vsu_error *err)
{
	vsu_error_set(err, -EBADMSG, "'%s': the back-end returned a used entry that matches no request",
		      c->args->socket);
	return VSU_EXIT_HOST;
}

static enum vsu_exit collect_requests(struct copy *c, bool *some, struct vsu_error *err)
{
	struct queues_used used;
	int rc;

	while ((rc = queues_collect(&c->disk.q, &used)) == 1) {
		c->requests[used.cookie].finished = true;
		c->since_ns = vsu_now_ns();
		*some = true;
	}
	return rc < 0 ? refuse_used(c, err) : VSU_EXIT_OK;
}

static enum vsu_exit check_status(struct copy *c, uint32_t slot,
				  const char *what, struct vsu_error *err)
{
	const struct request *r = &c->requests[slot];
	const uint8_t status = disk_status(&c->disk, slot);

	if (status == VIRTDEV_BLK_S_OK)
		return VSU_EXIT_OK;
	if (status == VIRTDEV_BLK_S_UNSUPP)
		vsu_error_set(err, -EOPNOTSUPP, "'%s': the device rejected the request to %s as unsupported",
			      c->args->socket, what);
	else
		vsu_error_set(err, -EIO, "'%s': the device could not %s %" PRIu32 " bytes at offset %" PRIu64 " (status %u)",
			      c->args->socket, what, r->len, r->offset,
			      (unsigned int)status);
	return VSU_EXIT_FAIL;
}

static enum vsu_exit retire_request(struct copy *c, struct vsu_error *err)
{
	uint32_t slot = slot_of(c, c->retired);
	struct request *r = &c->requests[slot];
	enum vsu_exit status = check_status(c, slot, c->writing ? "write" :
					    "read", err);

	if (status == VSU_EXIT_OK && !c->writing)
		status = file_write(&c->file, disk_buffer(&c->disk, slot),
				    r->len, err);
	c->retired++;
	c->done += r->len;
	progress_at(&c->progress, c->done);
	return status;
}

static enum vsu_exit retire_finished(struct copy *c, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;

	while (status == VSU_EXIT_OK && c->retired < c->submitted &&
	       c->requests[slot_of(c, c->retired)].finished)
		status = retire_request(c, err);
	return status;
}

/* ------------------------------------------------------------------- waiting */

static uint64_t end_ns(const struct copy *c)
{
	return c->args->timeout_ms && c->submitted > c->retired ?
	       c->since_ns + c->args->timeout_ms * NS_PER_MS : UINT64_MAX;
}

static enum vsu_exit give_up(const struct copy *c, struct vsu_error *err)
{
	char time[24];

	vsu_error_set(err, -ETIMEDOUT, "'%s': no request completed within %s; --timeout changes that", c->args->socket,
		      vsu_format_time(c->args->timeout_ms, time, sizeof(time)));
	return VSU_EXIT_HOST;
}

/*
 * Waits for a completion, for more input, or for the end of the session. The clock is read
 * before the ring, so that a completion in time counts.
 */
static enum vsu_exit wait_for_something(struct copy *c, struct vsu_error *err)
{
	const bool late = vsu_now_ns() >= end_ns(c);
	bool needs_input = c->writing && has_slot(c) && !all_sent(c);
	struct pollfd fds[2] = {
		{ .fd = c->disk.q.call_fd, .events = POLLIN },
		{ .fd = c->file.fd, .events = POLLIN },
	};
	enum vsu_exit status;

	if (queues_want_call(&c->disk.q))
		return VSU_EXIT_OK;
	if (late)
		return give_up(c, err);
	status = client_poll_until(&c->disk.q.client, fds, needs_input ? 2 : 1, end_ns(c), err);
	if (status == VSU_EXIT_OK)
		vsu_event_drain(c->disk.q.call_fd, NULL);
	return status;
}

/* ---------------------------------------------------------------------- run */

/* One round of the copy; waits only after a round without progress. */
static enum vsu_exit copy_step(struct copy *c, struct vsu_error *err)
{
	uint64_t before = c->sent + c->filled;
	bool some = false;
	enum vsu_exit status = send_requests(c, err);

	if (status == VSU_EXIT_OK)
		status = collect_requests(c, &some, err);
	if (status == VSU_EXIT_OK)
		status = retire_finished(c, err);
	if (status != VSU_EXIT_OK || some || c->sent + c->filled != before ||
	    (all_sent(c) && c->retired == c->submitted))
		return status;
	return wait_for_something(c, err);
}

static enum vsu_exit transfer_all(struct copy *c, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;

	while (status == VSU_EXIT_OK &&
	       !(all_sent(c) && c->retired == c->submitted))
		status = copy_step(c, err);
	return status;
}

/* Flush before reporting success. */
static enum vsu_exit flush_disk(struct copy *c, struct vsu_error *err)
{
	uint32_t slot = slot_of(c, c->submitted);
	struct request *r = &c->requests[slot];
	enum vsu_exit status;
	bool some = false;

	if (!c->writing || !(c->disk.q.features & VIRTDEV_BLK_F_FLUSH))
		return VSU_EXIT_OK;
	memset(r, 0, sizeof(*r));
	count_submitted(c);
	status = disk_submit(&c->disk, slot, VIRTDEV_BLK_T_FLUSH, 0, 0, err);
	queues_kick(&c->disk.q);
	while (status == VSU_EXIT_OK && !r->finished) {
		status = collect_requests(c, &some, err);
		if (status == VSU_EXIT_OK && !r->finished)
			status = wait_for_something(c, err);
	}
	return status == VSU_EXIT_OK ? check_status(c, slot, "flush", err) :
				       status;
}

static enum vsu_exit run_copy(struct copy *c, struct vsu_error *err)
{
	enum vsu_exit status;

	progress_begin(&c->progress, c->args->progress,
		       c->total == UINT64_MAX ? 0 : c->total);
	status = transfer_all(c, err);
	if (status == VSU_EXIT_OK)
		status = flush_disk(c, err);
	progress_end(&c->progress, c->done, status == VSU_EXIT_OK);
	return status;
}

/*
 * Checks the input first, because its faults are the most likely. Creates or
 * truncates an output last, when nothing else can fail.
 */
static enum vsu_exit open_disk(struct copy *c, struct vsu_error *err)
{
	return disk_open(&c->disk, c->args->socket, (uint32_t)c->args->queue, 1,
			 (uint32_t)c->args->depth, err);
}

enum vsu_exit copy_to_disk(const struct copy_args *args,
			     struct vsu_error *err)
{
	struct copy c = { .args = args, .writing = true };
	enum vsu_exit status = file_open_input(&c.file, args->file, err);

	if (status != VSU_EXIT_OK)
		return status;
	status = open_disk(&c, err);
	if (status == VSU_EXIT_OK) {
		status = plan_copy(&c, err);
		if (status == VSU_EXIT_OK)
			status = run_copy(&c, err);
		queues_close(&c.disk.q, status == VSU_EXIT_OK);
	}
	return file_close(&c.file, status, err);
}

enum vsu_exit copy_from_disk(const struct copy_args *args,
			    struct vsu_error *err)
{
	struct copy c = { .args = args };
	enum vsu_exit status = open_disk(&c, err);

	if (status != VSU_EXIT_OK)
		return status;
	status = plan_copy(&c, err);
	if (status == VSU_EXIT_OK) {
		status = file_open_output(&c.file, args->file, err);
		if (status == VSU_EXIT_OK) {
			status = run_copy(&c, err);
			status = file_close(&c.file, status, err);
		}
	}
	queues_close(&c.disk.q, status == VSU_EXIT_OK);
	return status;
}
