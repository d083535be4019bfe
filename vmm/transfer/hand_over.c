/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Locks, pause and answers of a guest that moves, by whose it is. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "machine/events.h"
#include "machine/locks.h"
#include "machine/stop.h"
#include "migration/address.h"
#include "owner/owner.h"
#include "transfer/hand_over.h"
#include "transfer/marks.h"

#define TO(state) (1u << (state))

static const unsigned int next[VMM_NHAND_OVERS] = {
	[VMM_OURS] = TO(VMM_STOPPED),
	[VMM_STOPPED] = TO(VMM_OURS) | TO(VMM_RELEASED),
	[VMM_RELEASED] = TO(VMM_OURS) | TO(VMM_THEIRS) | TO(VMM_UNKNOWN),
	[VMM_THEIRS] = TO(VMM_LOST),
	[VMM_UNKNOWN] = TO(VMM_OURS),
	[VMM_LOST] = 0,
};

int vmm_hand_over_enter(struct vmm_migration *g, enum vmm_hand_over to, struct vsu_error *err)
{
	if (!(next[g->hand_over] & TO(to)))
		return vsu_error_set(err, -EPERM, "the hand-over of the guest is in state %d, which %d cannot follow",
				     g->hand_over, to);
	g->hand_over = to;
	return 0;
}

static enum vmm_sender_phase phase_of(const struct vmm_migration *g)
{
	struct vmm_sender_progress p;

	vmm_sender_progress(&g->sender, &p);
	return p.phase;
}

enum vmm_hand_over vmm_hand_over_now(const struct vmm_migration *g)
{
	return g->hand_over == VMM_RELEASED && phase_of(g) == VMM_SENDER_POSTCOPY ?
	       VMM_THEIRS : g->hand_over;
}

/* ----------------------------------------------------------------------- pause */

/* Input that arrives after the state was collected belongs to the destination. */
static void input_stop(struct vmm_migration *g)
{
	struct vmm_machine *m = g->m;

	vsu_io_stop(&m->watch.input);
	g->console_in = m->console_in;
	m->console_in = -1;
}

static void input_resume(struct vmm_migration *g)
{
	struct vmm_machine *m = g->m;

	if (g->console_in < 0)
		return;
	m->console_in = g->console_in;
	g->console_in = -1;
	if (vmm_console_wants_input(m->console))
		vsu_io_start(m->loop, &m->watch.input);
}

/* ----------------------------------------------------------------------- locks */

int vmm_hand_over_stop(struct vmm_migration *g, struct vsu_error *err)
{
	struct vmm_memory *memory = &g->m->memory;
	int rc = vmm_hand_over_enter(g, VMM_STOPPED, err);

	if (rc < 0)
		return rc;
	rc = vmm_memory_open_locks(memory, g->sender.shared, err);
	g->held = memory->locked;
	if (rc < 0)
		return rc;
	vmm_memory_unlock(memory);
	input_stop(g);
	return 0;
}

int vmm_hand_over_release(struct vmm_migration *g, struct vsu_error *err)
{
	int rc = vmm_hand_over_enter(g, VMM_RELEASED, err);

	if (rc < 0)
		return rc;
	vmm_locks_release(g->m);
	vmm_memory_set_owner(&g->m->memory, g->sender.shared, false);
	return 0;
}

/* Locks all that vmm_hand_over_release() has unlocked. */
static int lock_all(struct vmm_migration *g, struct vsu_error *err)
{
	struct vmm_memory *memory = &g->m->memory;
	int rc = vmm_memory_lock(memory, g->sender.shared | g->held, err);

	if (!rc)
		rc = vmm_locks_get(g->m, err);
	if (!rc)
		vmm_memory_set_owner(memory, g->sender.shared, true);
	return rc;
}

int vmm_hand_over_return(struct vmm_migration *g, struct vsu_error *err)
{
	const enum vmm_hand_over from = g->hand_over;
	int rc = from == VMM_OURS ? 0 : vmm_hand_over_enter(g, VMM_OURS, err);

	if (rc < 0)
		return rc;
	if (from == VMM_RELEASED || from == VMM_UNKNOWN)
		rc = lock_all(g, err);
	else
		(void)!vmm_memory_lock(&g->m->memory, g->held, NULL);
	if (rc < 0) {
		g->hand_over = from;
		return rc;
	}
	vmm_marks_end(g->m, &g->log);
	input_resume(g);
	vmm_stop_end(g->m);
	return 0;
}

/* --------------------------------------------------------------------- answers */

void vmm_hand_over_answer(struct vmm_migration *g)
{
	vmm_answers_send(&g->m->answers, g, NULL, &g->err);
	vmm_event_publish(g->m, &(struct cvmm_event){
		.kind = CVMM_EVENT_MIGRATION_FAILED, .cause = g->err.msg,
	});
}

static void end_moved(struct vmm_migration *g)
{
	const uint64_t runs_ns = g->sender.running_ns ? g->sender.running_ns : vsu_now_ns();
	const struct cvmm_answer answer = {
		.sent = g->sender.progress.sent, .downtime_us = (runs_ns - g->stopped_ns) / 1000,
	};

	vmm_answers_send(&g->m->answers, g, &answer, NULL);
	/* exec: of "cvmm ctl" arrives as a descriptor */
	if (vmm_address_is_descriptor(g->options.address))
		varch_cpus_end(g->m->cpus, VSU_EXIT_MIGRATED, "the guest moved to the other end of the client's connection");
	else
		varch_cpus_end(g->m->cpus, VSU_EXIT_MIGRATED, "the guest moved to '%s'", g->options.address);
}

/* The memory here is older than what the guest has done there since. */
static void end_lost(struct vmm_migration *g)
{
	const struct vsu_error why = g->err;
	struct vmm_sender_progress now;

	(void)!vmm_hand_over_enter(g, VMM_LOST, NULL);
	vmm_sender_progress(&g->sender, &now);
	vsu_error_set(&g->err, g->rc, "migrate: %s; %" PRIu64 " bytes of the guest's memory had not been sent, and the guest is lost",
		      why.msg, now.left);
	vmm_hand_over_answer(g);
	varch_cpus_end(g->m->cpus, VSU_EXIT_HOST, "%s", g->err.msg);
}

/* The guest stays paused; g->err has the reason. */
static void end_unknown(struct vmm_migration *g)
{
	(void)!vmm_hand_over_enter(g, VMM_UNKNOWN, NULL);
	vmm_log(&g->m->process.log, CVMM_LOG_ERROR, "migration", "%s", g->err.msg);
	vmm_hand_over_answer(g);
}

static void end_uncertain(struct vmm_migration *g)
{
	const struct vsu_error why = g->err;

	vsu_error_set(&g->err, g->rc, "migrate: %s, and the destination's last reply is missing: the guest may run there; here it is paused, and 'resume' continues it",
		      why.msg);
	end_unknown(g);
}

static bool end_failed(struct vmm_migration *g)
{
	struct vsu_error why = VSU_ERROR_INIT, failure;

	vsu_error_prefix(&g->err, g->rc, "migrate");
	failure = g->err;
	if (vmm_hand_over_return(g, &why) < 0) {
		vsu_error_set(&g->err, g->rc, "%.200s; %s; the guest is paused here, and 'resume' continues it",
			      failure.msg, why.msg);
		end_unknown(g);
		return false;
	}
	vmm_log(&g->m->process.log, CVMM_LOG_WARNING, "migration", "%s; the guest continues here",
		 g->err.msg);
	return true;
}

/* A failure before "go", or a destination that has refused the guest, leaves it here. */
bool vmm_hand_over_end(struct vmm_migration *g)
{
	const enum vmm_sender_phase phase = phase_of(g);

	if (g->rc && phase != VMM_SENDER_POSTCOPY && phase != VMM_SENDER_COMMITTED)
		return end_failed(g);
	if (g->rc && phase == VMM_SENDER_COMMITTED) {
		end_uncertain(g);
		return false;
	}
	(void)!vmm_hand_over_enter(g, VMM_THEIRS, NULL);
	if (g->rc)
		end_lost(g);
	else
		end_moved(g);
	return false;
}
