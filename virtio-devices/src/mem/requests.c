/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of the memory device (VIRTIO 1.3, section 5.15.6). One request can
 * change thousands of mappings: a turn ends in the middle of it, later turns
 * continue, and the response follows at its end.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/mem.h>
#include <virtio-devices/report.h>
#include <virtio-queue/cursor.h>
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>

#include "mem/priv.h"

/* Request types, response types and block states (5.15.6). */
enum { REQ_PLUG, REQ_UNPLUG, REQ_UNPLUG_ALL, REQ_STATE };
enum { RESP_ACK, RESP_NACK, RESP_BUSY, RESP_ERROR };
enum { STATE_PLUGGED, STATE_UNPLUGGED, STATE_MIXED };

/* Internal: the response follows when the change has ended. */
#define RESP_LATER UINT16_MAX

struct mem_request {
	struct vsu_le16 type;
	uint8_t pad[6];
	struct vsu_le64 addr;
	struct vsu_le16 nblocks;
	uint8_t pad2[6];
};

struct mem_response {
	struct vsu_le16 type;
	uint8_t pad[6];
	struct vsu_le16 state;
};

/* The range of blocks in a request. */
struct range {
	uint64_t first, n;
};

/* ---------------------------------------------------------- the requests */

static uint16_t job_begin(struct mem *m, const struct range *r, bool plug)
{
	m->job.change = (struct virtdev_priv_change){
		.plug = plug, .first = r->first, .n = r->n,
	};
	m->job.refusal = plug ? RESP_NACK : RESP_BUSY;
	m->job.runs = true;
	return RESP_LATER;
}

static uint16_t range_plug(struct mem *m, const struct range *r)
{
	const uint64_t room = m->requested / VIRTDEV_MEM_BLOCK;

	if (virtdev_priv_blocks_count(&m->blocks, r->first, r->n))
		return RESP_ERROR;
	if (m->blocks.plugged > room || r->n > room - m->blocks.plugged)
		return RESP_NACK;
	return job_begin(m, r, true);
}

static uint16_t range_unplug(struct mem *m, const struct range *r)
{
	if (virtdev_priv_blocks_count(&m->blocks, r->first, r->n) != r->n)
		return RESP_ERROR;
	return job_begin(m, r, false);
}

static uint16_t all_unplug(struct mem *m)
{
	const struct range all = { 0, m->blocks.n };

	return job_begin(m, &all, false);
}

static uint16_t range_state(const struct mem *m, const struct range *r,
			    uint16_t *state)
{
	const uint64_t n = virtdev_priv_blocks_count(&m->blocks, r->first,
						     r->n);

	*state = STATE_MIXED;
	if (!n)
		*state = STATE_UNPLUGGED;
	else if (n == r->n)
		*state = STATE_PLUGGED;
	return RESP_ACK;
}

/* Returns false unless the range consists of whole blocks of the region. */
static bool range_read(const struct mem *m, const struct mem_request *request,
		       struct range *r)
{
	const uint64_t addr = vsu_le64_load(request->addr);
	uint64_t base;

	if (virtdev_region_address(m->dev, MEM_REGION, &base) || addr < base ||
	    !vsu_is_aligned(addr - base, VIRTDEV_MEM_BLOCK))
		return false;
	r->first = (addr - base) / VIRTDEV_MEM_BLOCK;
	r->n = vsu_le16_load(request->nblocks);
	return r->n && !vsu_range_exceeds(r->first, r->n, m->blocks.n);
}

static uint16_t request_obey(struct mem *m, const struct mem_request *request,
			     uint16_t *state)
{
	const uint16_t type = vsu_le16_load(request->type);
	struct range r;

	if (type == REQ_UNPLUG_ALL)
		return m->held ? RESP_BUSY : all_unplug(m);
	if (type > REQ_STATE || !range_read(m, request, &r))
		return RESP_ERROR;
	if (m->held && type != REQ_STATE)
		return RESP_BUSY;
	if (type == REQ_PLUG)
		return range_plug(m, &r);
	return type == REQ_UNPLUG ? range_unplug(m, &r)
				  : range_state(m, &r, state);
}

/* --------------------------------------------------------------- the queue */

static void chain_respond(struct mem *m, uint16_t type, uint16_t state)
{
	const struct mem_response response = {
		.type = vsu_le16_make(type), .state = vsu_le16_make(state),
	};
	struct vq_cursor writer;

	vq_writer_init(&writer, m->q, &m->job.chain);
	vq_push(m->q, &m->job.chain,
		vq_cursor_write(&writer, &response, sizeof(response)));
}

/* A request without room for its response is not executed. */
static void chain_obey(struct mem *m)
{
	const struct vq_chain *chain = &m->job.chain;
	uint16_t type = RESP_ERROR, state = 0;
	struct mem_request request;
	struct vq_cursor reader;

	if (chain->fault.why ||
	    chain->writable_len < sizeof(struct mem_response)) {
		vq_push(m->q, &m->job.chain, 0);
		return;
	}
	vq_reader_init(&reader, m->q, chain);
	if (vq_cursor_read_obj(&reader, &request))
		type = request_obey(m, &request, &state);
	if (type != RESP_LATER)
		chain_respond(m, type, state);
}

/* Reports the failure once, until memory can be freed again. */
static void report_unplug(struct mem *m, int rc)
{
	struct vsu_error what = VSU_ERROR_INIT;

	if ((rc < 0) == m->reported)
		return;
	m->reported = rc < 0;
	if (rc < 0)
		vsu_error_set(&what, rc,
			      "memory that the guest returned cannot be freed: %s; the guest keeps it",
			      strerror(-rc));
	else
		vsu_error_set(&what, 0,
			      "memory that the guest returns is freed again");
	virtdev_report(m->dev, &what);
}

/* One step of the change; at its end the request gets its response. */
static void job_step(struct mem *m)
{
	const int rc = virtdev_priv_blocks_step(&m->blocks, &m->job.change);

	if (rc == -EAGAIN)
		return;
	m->job.runs = false;
	if (!m->job.change.plug)
		report_unplug(m, rc);
	chain_respond(m, rc < 0 ? m->job.refusal : RESP_ACK, 0);
}

/* Pops and serves until the time is over (1), or as vq_pop() without a chain. */
static int serve_chains(struct mem *m, uint64_t until)
{
	int rc;

	do {
		if (m->job.runs) {
			job_step(m);
			continue;
		}
		m->job.chain.iov = m->job.pieces;
		m->job.chain.iov_max = VQ_TURN_PIECES;
		rc = vq_pop(m->q, &m->job.chain);
		if (rc <= 0)
			return rc;
		chain_obey(m);
	} while (vsu_now_ns() < until);
	return 1;
}

static void queue_publish(struct mem *m, uint32_t queue)
{
	if (vq_publish(m->q))
		virtdev_notify(m->dev, queue);
}

int virtdev_priv_mem_serve(void *self, uint32_t queue)
{
	const uint64_t until = vsu_now_ns() + VQ_TURN_NS;
	struct mem *m = self;
	bool was_broken;
	int rc;

	if (!m->q)
		return 0;
	was_broken = vq_broken(m->q);
	do {
		vq_disable_notify(m->q);
		rc = serve_chains(m, until);
		queue_publish(m, queue);
	} while (!rc && vq_enable_notify(m->q));
	if (!was_broken && vq_broken(m->q))
		virtdev_queue_broken(m->dev, queue);
	if (rc == -EAGAIN)
		return virtdev_queue_missed(m->dev, queue);
	return rc == 1;
}

/* No descriptor becomes readable for the rest of a request. */
int virtdev_priv_mem_drain(void *self, uint32_t queue)
{
	const uint64_t until = vsu_now_ns() + VQ_TURN_NS;
	struct mem *m = self;

	if (!m->q || !m->job.runs)
		return 0;
	do
		job_step(m);
	while (m->job.runs && vsu_now_ns() < until);
	queue_publish(m, queue);
	return m->job.runs ? -EAGAIN : 0;
}

int virtdev_priv_mem_start(void *self, uint32_t queue, struct vq *q,
			   struct vsu_error *err)
{
	struct mem *m = self;
	int rc = virtdev_priv_blocks_show(&m->blocks);

	(void)queue;
	if (rc < 0)
		return vsu_error_sys(err, rc, "mem: cannot map its blocks into the guest");
	m->q = q;
	return 0;
}

void virtdev_priv_mem_stop(void *self, uint32_t queue)
{
	struct mem *m = self;

	while (m->q && m->job.runs)
		(void)!virtdev_priv_mem_drain(m, queue);
	m->q = NULL;
}
