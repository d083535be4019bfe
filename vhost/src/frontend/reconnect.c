/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Reconnection. The handshake is repeated with the replacement back-end, which
 * must offer all features that the driver has seen. Then rings that ran are
 * started again:
 *
 *   with an in-flight area   the area lists the requests in flight
 *   else with IN_ORDER       requests before the used index are complete
 *   otherwise                unknown: the rings stay stopped
 *
 * Attempts continue as long as the session exists. The first is immediate,
 * because a supervisor may keep the socket open for the next back-end. The
 * following pauses are an eighth of the time since the disconnection, so an
 * attempt is late by at most that part.
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
/* Limit of a pause, as a multiple of the first one. */
#define MAX_PAUSE_FACTOR	32u
#define PAUSE_DIVISOR	8u
/* VIRTIO 1.3, 2.7.8: offset of idx in the used ring, behind flags. */
#define USED_INDEX	2u

/* ------------------------------------------------------------- bookkeeping */

bool vhost_user_priv_fe_may_return(const struct vhost_user_frontend *f)
{
	/* the next back-end would read missing pages as zeros */
	return f->ops.connect && !f->final && !f->postcopy.listening &&
	       (f->reconnect.away || f->state != VHOST_USER_FRONTEND_NEGOTIATING);
}

/* Reports requests without a reply to the owner, like refusals. */
static void end_pending(struct vhost_user_frontend *f)
{
	const struct fe_handler *h;
	const struct fe_pending *p;

	for (; f->replies.n; f->replies.n--) {
		p = &f->replies.pending[f->replies.first];
		f->replies.first = (f->replies.first + 1) % FE_PENDING;
		h = f->handlers[VHOST_USER_SIDE_FRONTEND][p->request];
		if (h && h->reports)
			(void)!h->accept(f, p, NULL, NULL);
	}
	f->progress.pending = 0;
}

static void end_procedures(struct vhost_user_frontend *f)
{
	f->progress.seq = f->progress.next = NULL;
	f->replies.waiting_since = f->stop_due = 0;
	f->failure.failed = f->failure.send_failed = f->wait.more = f->acks = false;
	f->wait.main_more = f->wait.channel_more = false;
	f->inflight.asked = f->config_changed = false;
	memset(&f->replies.answered, 0, sizeof(f->replies.answered));
	memset(&f->postcopy, 0, sizeof(f->postcopy));
}

/* Running rings are to be started again, unless the owner was stopping them. */
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
		f->reconnect.untouched &= f->rings[i].start != FE_RING_STARTED;
		f->rings[i].start = FE_RING_STOPPED;
	}
}

/*
 * The back-end's memory state is gone. The wanted map and the log are kept: the
 * replacement receives both before it runs. After a refusal the wanted map is
 * the previous one.
 */
static void end_memory(struct vhost_user_frontend *f)
{
	const enum fe_memory_change change = f->mem.change;
	bool logging = f->log.switching;

	vhost_user_priv_fe_forget_held(f);
	if (change != FE_MEMORY_SETTLED && f->ops.memory)
		f->ops.memory(f->opaque, change == FE_MEMORY_REVERTS ?
					 &f->mem.why : NULL);
	f->log.switching = false;
	if (logging && f->ops.log)
		f->ops.log(f->opaque);
}

/*
 * The pause starts at the previous attempt even if that one succeeded, so that
 * a back-end that crashes at start-up causes no busy loop.
 */
static void plan_attempt(struct vhost_user_frontend *f)
{
	uint64_t now = vsu_now_ns();
	uint64_t pause = (now - f->reconnect.lost_ns) / PAUSE_DIVISOR;

	if (pause < f->reconnect.pause_ns)
		pause = f->reconnect.pause_ns;
	else if (pause / MAX_PAUSE_FACTOR > f->reconnect.pause_ns)
		pause = f->reconnect.pause_ns * MAX_PAUSE_FACTOR;
	f->reconnect.retry_due = f->reconnect.tried_ns ? f->reconnect.tried_ns + pause : now;
	vhost_user_priv_fe_arm(f, f->reconnect.retry_due);
}

void vhost_user_priv_fe_lose(struct vhost_user_frontend *f)
{
	const struct vsu_error why = f->failure.reason;
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

/* As far as the ring shows it: used buffers are complete. */
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

void vhost_user_priv_fe_report_stopped(struct vhost_user_frontend *f)
{
	if (!f->reconnect.stop_unreported || f->state == VHOST_USER_FRONTEND_STARTING)
		return;
	f->reconnect.stop_unreported = false;
	f->inflight.list = FE_INFLIGHT_LEFT;
	set_bases(f);
	if (f->ops.stopped)
		f->ops.stopped(f->opaque, f->bases, f->nrings);
}

/* ------------------------------------------------------------------ return */

static void report_back(struct vhost_user_frontend *f, bool rings_lost)
{
	f->reconnect.away = false;
	f->reconnect.resume = false;
	if (f->ops.back)
		f->ops.back(f->opaque, rings_lost);
}

static void again_started(struct vhost_user_frontend *f)
{
	bool stop = f->reconnect.stop_unreported, reported = !f->reconnect.start_unreported;

	f->reconnect.stop_unreported = f->reconnect.start_unreported = false;
	report_back(f, false);
	if (!reported && f->ops.started)
		f->ops.started(f->opaque);
	if (stop && f->state == VHOST_USER_FRONTEND_RUNNING)
		(void)!vhost_user_frontend_stop(f, NULL); /* it runs: stop cannot be refused */
}

/* Fewer features than the driver has seen would be a different device. */
static int check_offer(const struct vhost_user_frontend *f,
		       struct vsu_error *err)
{
	uint64_t missing = f->reconnect.features & ~f->features;

	if (missing)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the replacement back-end lacks the features %#" PRIx64 ", which were offered to the driver",
				     missing);
	if (f->queue_num < f->reconnect.queue_num)
		return vsu_error_set(err, -EOPNOTSUPP,
				     "the replacement back-end has %u queues, the previous one had %u",
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
		vhost_user_priv_fe_report_stopped(f);
		report_back(f, f->reconnect.resume);
	}
	if (rc < 0)
		vhost_user_priv_fe_fail(f, &err);
}

void vhost_user_priv_fe_retry(struct vhost_user_frontend *f)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int sock;

	vhost_user_priv_fe_report_stopped(f);
	if (f->failure.failed || vsu_now_ns() < f->reconnect.retry_due)
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
