/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Executes sequences of requests: sends as many messages as the window permits
 * before the first reply.
 */
#include <config.h>

#include <errno.h>

#include "frontend/priv.h"

void vhost_user_priv_fe_begin(struct vhost_user_frontend *f,
			      const struct fe_sequence *seq)
{
	f->progress.seq = seq;
	f->progress.step = 0;
	f->progress.item = 0;
	vhost_user_priv_fe_run(f);
}

/*
 * 0: a message was sent or none was due, 1: the sequence has to wait. A socket
 * error is deferred: the peer's last reply may contain the reason, and dispatch
 * reads it first.
 */
static int send_item(struct vhost_user_frontend *f, const struct fe_step *s)
{
	struct vsu_error err;
	int rc;

	vhost_user_priv_no_error(&err);
	rc = s->send(f, f->progress.item, &err);
	if (rc >= 0) {
		f->progress.item++;
		return 0;
	}
	if (rc != -EAGAIN && rc != -ENOSPC && !f->failure.send_failed) {
		f->failure.send_failed = true;
		f->failure.send_error = err;
	}
	return 1;
}

static int run_step(struct vhost_user_frontend *f, const struct fe_step *s)
{
	unsigned int count = s->count ? s->count(f) : 1;

	if (s->wait && f->progress.item == 0 && f->progress.pending)
		return 1;
	while (f->progress.item < count)
		if (send_item(f, s))
			return 1;
	f->progress.step++;
	f->progress.item = 0;
	return 0;
}

/* Runs as far as possible; true: the last message has been sent. */
static bool run_steps(struct vhost_user_frontend *f,
		      const struct fe_sequence *seq)
{
	while (f->progress.step < seq->n && !f->failure.failed)
		if (run_step(f, &seq->steps[f->progress.step]))
			return false;
	return !f->failure.failed;
}

/*
 * Messages may borrow descriptors while the channel is held: those of rings and
 * memory, which change only in calls of the owner, after the release.
 */
static bool run_held(struct vhost_user_frontend *f,
		     const struct fe_sequence *seq)
{
	struct vsu_error err;
	bool all;

	vhost_user_priv_no_error(&err);
	vhost_user_priv_channel_hold(&f->main);
	all = run_steps(f, seq);
	if (vhost_user_priv_channel_release(&f->main, &err) < 0 &&
	    !f->failure.send_failed) {
		f->failure.send_failed = true;
		f->failure.send_error = err;
	}
	return all && !f->failure.send_failed;
}

void vhost_user_priv_fe_run(struct vhost_user_frontend *f)
{
	const struct fe_sequence *seq = f->progress.seq;

	if (!seq || f->failure.failed || f->failure.send_failed)
		return;
	/* all was sent; only replies are due */
	if (f->progress.step == seq->n && f->progress.pending)
		return;
	if (!run_held(f, seq) || f->progress.pending)
		return;
	f->progress.seq = NULL;
	seq->done(f);
	if (!f->progress.seq && f->progress.next) {
		seq = f->progress.next;
		f->progress.next = NULL;
		vhost_user_priv_fe_begin(f, seq);
	}
}
