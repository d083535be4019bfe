/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A back-end that is lost and comes back. The whole handshake is replayed with
 * the new one, which has to offer all that the driver was shown; then rings
 * that ran are started again:
 *
 *   with an in-flight area   the area says what was taken and not finished
 *   without, but IN_ORDER    all before the used index is finished, the rest
 *                            is not
 *   without either           nobody knows: the rings stay stopped
 *
 * Attempts go on for as long as the session lives: the first at once, because
 * whoever starts the next back-end may hold its socket; then with pauses that
 * are an eighth of the time it has been away, so that waiting for an attempt
 * makes no absence much longer than it is.
 */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "frontend/priv.h"
#include <vm-memory/access.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#define F_IN_ORDER	(UINT64_C(1) << 35)
/* The longest pause is so many times the first one. */
#define MOST_PAUSES	32u
#define PAUSE_PART	8u
/* VIRTIO 1.3, 2.7.8: behind the flags of the used ring. */
#define USED_INDEX	2u

/* ------------------------------------------------------------- bookkeeping */

bool vhost_user_priv_fe_may_return(const struct vhost_user_frontend *f)
{
	/* pages that have not arrived would be zeros to the next back-end */
	return f->ops.connect && !f->final && !f->postcopy.listening &&
	       (f->reconnect.away || f->state != VHOST_USER_FRONTEND_NEGOTIATING);
}

/* No reply will come: reported to the owner like refusals. */
static void end_pending(struct vhost_user_frontend *f)
{
	const struct fe_handler *h;
	const struct fe_pending *p;

	for (; f->replies.n; f->replies.n--) {
		p = &f->replies.pending[f->replies.first];
		f->replies.first = (f->replies.first + 1) % FE_PENDING;
		h = f->handlers[VHOST_USER_PRIV_FRONTEND][p->request];
		if (h && h->reports)
			(void)!h->accept(f, p, NULL, NULL);
	}
	f->seq_pending = 0;
}

static void end_procedures(struct vhost_user_frontend *f)
{
	f->seq = f->next_seq = NULL;
	f->replies.waiting_since = f->stop_due = 0;
	f->failed = f->send_failed = f->more = f->acks = false;
	f->main_more = f->channel_more = false;
	f->inflight.asked = f->config_changed = false;
	memset(&f->replies.answered, 0, sizeof(f->replies.answered));
	memset(&f->postcopy, 0, sizeof(f->postcopy));
}

/* Rings that ran are to run again, unless the owner was stopping them. */
static void note_rings(struct vhost_user_frontend *f)
{
	unsigned int i;

	if (!f->reconnect.away) {
		f->reconnect.resume = f->state == VHOST_USER_FRONTEND_RUNNING ||
			    f->state == VHOST_USER_FRONTEND_STARTING;
		f->reconnect.start_unreported = f->state == VHOST_USER_FRONTEND_STARTING;
		f->reconnect.stop_unreported = f->state == VHOST_USER_FRONTEND_STOPPING;
		f->reconnect.untouched = true;
	}
	for (i = 0; i < f->nrings; i++) {
		f->reconnect.untouched &= !f->rings[i].started;
		f->rings[i].started = false;
	}
}

/*
 * The back-end's memory went with it; the map that is wanted stays, and so does
 * the log: the next one gets both before it runs.
 */
static void end_memory(struct vhost_user_frontend *f)
{
	bool changing = f->mem.former != NULL;
	bool logging = f->log.switching;

	vhost_user_priv_fe_forget_held(f);
	if (changing && f->ops.memory)
		f->ops.memory(f->opaque, NULL);
	f->log.switching = false;
	if (logging && f->ops.log)
		f->ops.log(f->opaque);
}

/*
 * Counted from the last attempt, even if it led to a back-end that is lost
 * again: one that dies of what it is asked to do keeps nobody busy.
 */
static void plan_attempt(struct vhost_user_frontend *f)
{
	uint64_t now = vsu_now_ns();
	uint64_t pause = (now - f->reconnect.lost_ns) / PAUSE_PART;

	if (pause < f->reconnect.pause_ns)
		pause = f->reconnect.pause_ns;
	else if (pause / MOST_PAUSES > f->reconnect.pause_ns)
		pause = f->reconnect.pause_ns * MOST_PAUSES;
	f->reconnect.retry_due = f->reconnect.tried_ns ? f->reconnect.tried_ns + pause : now;
	vhost_user_priv_fe_arm(f, f->reconnect.retry_due);
}

void vhost_user_priv_fe_lose(struct vhost_user_frontend *f)
{
	const struct vsu_error why = f->reason;
	bool again = f->reconnect.away;

	note_rings(f);
	vhost_user_priv_fe_disconnect(f);
	end_pending(f);
	end_procedures(f);
	end_memory(f);
	f->state = VHOST_USER_FRONTEND_NEGOTIATING;
	f->reconnect.away = true;
	if (!again) {
		f->reconnect.lost_ns = vsu_now_ns();
		if (f->ops.lost)
			f->ops.lost(f->opaque, &why);
	} else if (f->ops.refused) {
		f->ops.refused(f->opaque, &why);
	}
	plan_attempt(f);
}

/* ------------------------------------------------------------------- bases */

/* As far as the ring itself can tell: what is used is finished. */
static uint32_t known_base(const struct vhost_user_frontend *f,
			   const struct vhost_user_ring *ring)
{
	uint16_t used;

	if (f->reconnect.untouched || f->acked & VHOST_USER_F_RING_PACKED ||
	    fe_translates(f) ||
	    !f->mem.wanted ||
	    vmem_load_u16(vmem_map_view(f->mem.wanted),
			  ring->device_gpa + USED_INDEX, &used,
			  __ATOMIC_ACQUIRE) < 0)
		return ring->base;
	return f->acked & F_VERSION_1 ? le16toh(used) : used;
}

static bool can_resume(const struct vhost_user_frontend *f)
{
	return f->reconnect.untouched || f->inflight.fd >= 0 ||
	       (f->acked & F_IN_ORDER &&
		!(f->acked & VHOST_USER_F_RING_PACKED) && !fe_translates(f));
}

static void set_bases(struct vhost_user_frontend *f)
{
	unsigned int i;

	for (i = 0; i < f->nrings; i++) {
		if (!f->rings[i].described)
			continue;
		f->rings[i].desc.base = known_base(f, &f->rings[i].desc);
		f->bases[i] = f->rings[i].desc.base;
	}
}

void vhost_user_priv_fe_tell_stopped(struct vhost_user_frontend *f)
{
	if (!f->reconnect.stop_unreported || f->state == VHOST_USER_FRONTEND_STARTING)
		return;
	f->reconnect.stop_unreported = false;
	set_bases(f);
	if (f->ops.stopped)
		f->ops.stopped(f->opaque, f->bases, f->nrings);
}

/* ------------------------------------------------------------------ return */

static void tell_back(struct vhost_user_frontend *f, bool rings_lost)
{
	f->reconnect.away = false;
	f->reconnect.resume = false;
	if (f->ops.back)
		f->ops.back(f->opaque, rings_lost);
}

static void again_started(struct vhost_user_frontend *f)
{
	bool stop = f->reconnect.stop_unreported, told = !f->reconnect.start_unreported;

	f->reconnect.stop_unreported = f->reconnect.start_unreported = false;
	tell_back(f, false);
	if (!told && f->ops.started)
		f->ops.started(f->opaque);
	if (stop && f->state == VHOST_USER_FRONTEND_RUNNING)
		(void)!vhost_user_frontend_stop(f, NULL); /* it runs: no refusal */
}

/* Less than the driver was shown would be a different device. */
static int check_offer(const struct vhost_user_frontend *f,
		       struct vsu_error *err)
{
	uint64_t missing = f->reconnect.features & ~f->features;

	if (missing)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the back-end that came back lacks the features %#" PRIx64 ", which the driver was shown",
				     missing);
	if (f->queue_num < f->reconnect.queue_num)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the back-end that came back has %u queues, the former one had %u",
				     f->queue_num, f->reconnect.queue_num);
	return 0;
}

static void again_ready(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = check_offer(f, &err);

	f->features = f->reconnect.features;
	f->queue_num = f->reconnect.queue_num;
	if (!rc && f->reconnect.resume && can_resume(f)) {
		set_bases(f);
		rc = vhost_user_priv_fe_begin_start(f, again_started, &err);
	} else if (!rc) {
		vhost_user_priv_fe_tell_stopped(f);
		tell_back(f, f->reconnect.resume);
	}
	if (rc < 0)
		vhost_user_priv_fe_fail(f, &err);
}

void vhost_user_priv_fe_retry(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int sock;

	vhost_user_priv_fe_tell_stopped(f);
	if (f->failed || vsu_now_ns() < f->reconnect.retry_due)
		return;
	vhost_user_priv_fe_disarm(f);
	f->reconnect.tried_ns = vsu_now_ns();
	sock = f->ops.connect(f->opaque, &err);
	if (sock >= 0 && vhost_user_priv_fe_attach(f, sock, &err) < 0)
		vsu_fd_close(&sock);
	if (sock < 0)
		plan_attempt(f);
	else
		vhost_user_priv_fe_handshake(f, again_ready);
}
