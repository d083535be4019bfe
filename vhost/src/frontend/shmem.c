/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * SHMEM_MAP and SHMEM_UNMAP in the front-end's session. Requests of one kind
 * that arrive together form one batch for the owner, who adds or removes memory
 * slots. Then the replies are sent, in order. The reply to an UNMAP, and the
 * handling of the next request, wait until no pointer into the mapping remains.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <sys/epoll.h>

#include "frontend/priv.h"
#include <vmm-sys-util/event.h>

static bool device_suspended(const struct vhost_user_frontend *f)
{
	unsigned int i;

	for (i = 0; i < f->nrings; i++)
		if (f->rings[i].start == FE_RING_STARTED)
			return false;
	return true;
}

/* The change of an entry; NULL: the entry failed. */
static struct vhost_user_shmem_change *
change_of(struct fe_shmem *shm, const struct fe_shmem_entry *e)
{
	return e->change >= 0 ? &shm->changes[e->change] : NULL;
}

/* -------------------------------------------------------------- into a batch */

static int try_map(struct vhost_user_frontend *f,
		   struct vhost_user_priv_msg *msg,
		   struct vhost_user_shmem_change *c, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap *req = &msg->payload.mmap;

	c->map = true;
	return vhost_user_priv_mappings_map(&f->shm.table, req, &msg->fds[0],
					 &c->block, err);
}

static int try_unmap(struct vhost_user_frontend *f,
		     struct vhost_user_priv_msg *msg,
		     struct vhost_user_shmem_change *c, struct vsu_error *err)
{
	const struct vhost_user_shmem_mmap *req = &msg->payload.mmap;

	c->map = false;
	return vhost_user_priv_mappings_unmap(&f->shm.table, req->shmid,
					   req->shm_offset, req->len, &c->block,
					   err);
}

bool vhost_user_priv_fe_shmem_joins(const struct vhost_user_frontend *f,
				    uint32_t request)
{
	return !f->shm.nentries || f->shm.entries[0].request == request;
}

static int shmem_join(struct vhost_user_frontend *f,
		      struct vhost_user_priv_msg *msg, int judged,
		      struct vsu_error *err)
{
	struct fe_shmem *shm = &f->shm;
	struct fe_shmem_entry *e = &shm->entries[shm->nentries++];
	struct vhost_user_shmem_change *c = &shm->changes[shm->nchanges];

	e->request = msg->hdr.request;
	e->need_reply = msg->hdr.flags & VHOST_USER_HDR_NEED_REPLY;
	e->change = -1;
	e->result = judged;
	if (!judged && device_suspended(f))
		e->result = vsu_error_set(err, -EPROTO, "no ring is started");
	if (!e->result)
		e->result = e->request == VHOST_USER_BACKEND_SHMEM_MAP ?
			    try_map(f, msg, c, err) : try_unmap(f, msg, c, err);
	if (e->result)
		return e->result;
	c->shmid = msg->payload.mmap.shmid;
	c->offset = msg->payload.mmap.shm_offset;
	c->len = msg->payload.mmap.len;
	c->result = 0;
	e->change = (int)shm->nchanges++;
	return 0;
}

/* ------------------------------------------------------------ out of a batch */

static void entry_drop(struct vhost_user_frontend *f,
		       struct vhost_user_shmem_change *c)
{
	struct vmem_block *block;

	if (!vhost_user_priv_mappings_unmap(&f->shm.table, c->shmid, c->offset,
					 c->len, &block, NULL))
		vmem_block_unref(block);
}

static void report_owner(struct vhost_user_frontend *f,
			 const struct vhost_user_shmem_change *c)
{
	struct vsu_error err = VSU_ERROR_INIT;

	vsu_error_sys(&err, c->result,
		      "%#" PRIx64 " bytes at %#" PRIx64 " of shared memory region %u cannot be mapped into the guest",
		      c->len, c->offset, c->shmid);
	vhost_user_priv_fe_report(f, &err);
}

/* Releases our references on all unmapped blocks together. */
static void drop_unmapped(struct vhost_user_shmem_change *changes,
			  unsigned int n)
{
	struct vmem_block *blocks[FE_SHMEM_BATCH];
	unsigned int i, count = 0;

	for (i = 0; i < n; i++) {
		if (changes[i].map)
			continue;
		blocks[count++] = changes[i].block;
		changes[i].block = NULL;
	}
	vmem_blocks_unref(blocks, count);
}

/* Reverts mappings that the owner refused. */
static void finish_change(struct vhost_user_frontend *f, struct fe_shmem_entry *e)
{
	struct vhost_user_shmem_change *c = change_of(&f->shm, e);

	if (c && c->map && c->result < 0) {
		e->result = c->result;
		report_owner(f, c);
		entry_drop(f, c);
	}
}

static bool still_held(struct vhost_user_frontend *f,
		       const struct vhost_user_shmem_change *c)
{
	struct vmem_reservation *window =
		vhost_user_priv_mappings_window(&f->shm.table, c->shmid);

	return vmem_reservation_busy(window, c->offset, c->len);
}

static void watch_window(struct vhost_user_frontend *f, uint8_t shmid, int op)
{
	struct epoll_event event = {
		.events = EPOLLIN, .data.u32 = FE_WATCH_WINDOW,
	};
	int fd = vmem_reservation_fd(
			vhost_user_priv_mappings_window(&f->shm.table, shmid));

	if (fd >= 0)
		epoll_ctl(f->wait.epoll_fd, op, fd, &event);
}

/* Drains the event before the check: a signal in between is not lost. */
static bool still_held_after_drain(struct vhost_user_frontend *f,
				   const struct vhost_user_shmem_change *c)
{
	struct vmem_reservation *window =
		vhost_user_priv_mappings_window(&f->shm.table, c->shmid);
	uint64_t count;

	vsu_event_drain(vmem_reservation_fd(window), &count);
	return vmem_reservation_busy(window, c->offset, c->len);
}

/* Waits for the window's event; false: nothing to wait for. */
static bool entry_park(struct vhost_user_frontend *f,
		       const struct vhost_user_shmem_change *c)
{
	if (!still_held(f, c))
		return false;
	watch_window(f, c->shmid, EPOLL_CTL_ADD);
	if (still_held_after_drain(f, c))
		return true;
	watch_window(f, c->shmid, EPOLL_CTL_DEL);
	return false;
}

static int entry_answer(struct vhost_user_frontend *f, const struct fe_shmem_entry *e,
			struct vsu_error *err)
{
	if (!f->acks || !e->need_reply)
		return 0;
	return vhost_user_priv_fe_backend_channel_reply(f, e->request,
							e->result, -1, err);
}

/* Passes the batch to the owner, once, also if its replies cannot be sent. */
static void batch_report(struct vhost_user_frontend *f)
{
	struct fe_shmem *shm = &f->shm;
	unsigned int i;

	if (shm->nchanges)
		f->ops.shmem(f->opaque, shm->changes, shm->nchanges);
	drop_unmapped(shm->changes, shm->nchanges);
	for (i = 0; i < shm->nentries; i++)
		finish_change(f, &shm->entries[i]);
	shm->reported = true;
}

static void forget_batch(struct fe_shmem *shm)
{
	shm->nentries = 0;
	shm->nchanges = 0;
	shm->answered = 0;
	shm->reported = false;
}

/* Replies in order, up to an UNMAP whose memory is still in use. */
static int answer_all(struct vhost_user_frontend *f, struct vsu_error *err)
{
	struct fe_shmem *shm = &f->shm;
	const struct vhost_user_shmem_change *c;
	int rc = 0;

	while (shm->answered < shm->nentries && !rc) {
		c = change_of(shm, &shm->entries[shm->answered]);
		if (c && !c->map && entry_park(f, c)) {
			shm->parked = true;
			return 0;
		}
		rc = entry_answer(f, &shm->entries[shm->answered++], err);
	}
	forget_batch(shm);
	return rc;
}

int vhost_user_priv_fe_shmem_flush(struct vhost_user_frontend *f,
				   struct vsu_error *err)
{
	if (!f->shm.nentries)
		return 0;
	batch_report(f);
	return answer_all(f, err);
}

void vhost_user_priv_fe_shmem_abandon(struct vhost_user_frontend *f)
{
	struct fe_shmem *shm = &f->shm;
	const struct vhost_user_shmem_change *c;

	if (shm->nentries && !shm->reported)
		batch_report(f);
	if (shm->parked) {
		c = change_of(shm, &shm->entries[shm->answered]);
		watch_window(f, c->shmid, EPOLL_CTL_DEL);
	}
	shm->parked = false;
	shm->held = NULL;
	forget_batch(shm);
}

int vhost_user_priv_fe_shmem_resume(struct vhost_user_frontend *f,
				    struct vsu_error *err)
{
	struct fe_shmem *shm = &f->shm;
	const struct vhost_user_shmem_change *c;

	if (!shm->parked)
		return 0;
	c = change_of(shm, &shm->entries[shm->answered]);
	if (still_held_after_drain(f, c))
		return 0;
	watch_window(f, c->shmid, EPOLL_CTL_DEL);
	shm->parked = false;
	return answer_all(f, err);
}

/* ---------------------------------------------------------------------- end */

/* Unmaps up to the size of a batch. */
static void clear_some(struct vhost_user_frontend *f)
{
	struct vhost_user_shmem_change c[FE_SHMEM_BATCH];
	unsigned int n = 0;

	while (n < FE_SHMEM_BATCH &&
	       vhost_user_priv_mappings_any(&f->shm.table, &c[n].shmid,
					 &c[n].offset, &c[n].len)) {
		c[n].map = false;
		c[n].result = 0;
		vhost_user_priv_mappings_unmap(&f->shm.table, c[n].shmid,
					    c[n].offset, c[n].len, &c[n].block,
					    NULL);
		n++;
	}
	f->ops.shmem(f->opaque, c, n);
	drop_unmapped(c, n);
}

void vhost_user_priv_fe_shmem_clear(struct vhost_user_frontend *f)
{
	uint8_t shmid;
	uint64_t off, len;

	while (vhost_user_priv_mappings_any(&f->shm.table, &shmid, &off, &len))
		clear_some(f);
}

static int accept_shmem(struct vhost_user_frontend *f,
			const struct fe_pending *p,
			const struct vhost_user_priv_msg *msg,
			struct vsu_error *err)
{
	(void)p;
	if (f->reconnect.away)
		return vhost_user_priv_mappings_compare(&f->shm.table,
						     &msg->payload.shmem, err);
	return vhost_user_priv_mappings_configure(&f->shm.table,
					       &msg->payload.shmem,
					       f->shm.max_bytes, err);
}

uint64_t vhost_user_frontend_shmem_size(const struct vhost_user_frontend *f,
					uint8_t shmid)
{
	return vhost_user_priv_mappings_size(&f->shm.table, shmid);
}

unsigned int vhost_user_priv_shmem_count(
		const struct vhost_user_frontend *f)
{
	return f->shm.table.nmaps;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(GET_SHMEM_CONFIG), .accept = accept_shmem,
	  .ops = { FE_OP(ops.shmem) } },
	{ FE_SERVED(SHMEM_MAP), .join = shmem_join },
	{ FE_SERVED(SHMEM_UNMAP), .join = shmem_join },
};
FE_HANDLERS(shmem, rows);
