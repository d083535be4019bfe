/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The source of a migration, as far as it changes the machine. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "machine/disk_flush.h"
#include "machine/events.h"
#include "machine/live.h"
#include "machine/sharing.h"
#include "transfer/hand_over.h"
#include "transfer/marks.h"
#include "transfer/migrate.h"
#include "transfer/migration.h"
#include "transfer/plugged.h"
#include "transfer/save.h"

#define NS_PER_MS UINT64_C(1000000)

/* ----------------------------------------------------------------- the thread */

static int call_main(void *opaque, enum vmm_sender_call call, struct vsu_error *err)
{
	struct vmm_migration *g = opaque;

	return vmm_main_call_wait(&g->call, (int)call, err);
}

static int flush_disks(void *opaque, uint64_t until_ns, struct vsu_error *err)
{
	const struct vmm_migration *g = opaque;

	return vmm_disks_flush(g->m, g->cancel_fd, until_ns, err);
}

static void *sender_main(void *arg)
{
	struct vmm_migration *g = arg;

	g->rc = vmm_sender_run(&g->sender, &g->err);
	vmm_main_call_end(&g->call);
	return NULL;
}

/* ------------------------------------------------------------------------ stop */

static int collect_state(struct vmm_migration *g)
{
	struct vsu_error *err = g->call.err;
	int rc = vmm_save_check(g->m, err);	/* the guest may have released a device since */

	if (!rc)
		rc = vmm_live_check(g->m, err);
	if (!rc)
		rc = vmm_hand_over_stop(g, err);
	if (rc < 0)
		return rc;
	g->sender.config.paused = g->m->pause.life.guest == VMM_PAUSED;
	vmm_sharing_log_rings(g->m, &g->log);
	rc = vmm_save_collect(g->m, &g->sender.state, err);
	return rc ? rc : vmm_save_finish(&g->sender.state, err);
}

/* CPUs and devices are paused. After a failed collection the sender ends. */
static int call_execute(struct vmm_migration *g)
{
	int rc;

	if (g->call.what == VMM_SENDER_STOP)
		return collect_state(g);
	rc = vmm_marks_begin(g->m, &g->sender.map, &g->log, g->call.err);
	vmm_stop_end(g->m);
	return rc;
}

/* As vmm_stop_step(); the thread that would see the cancellation waits. */
static int stop_step(struct vmm_migration *g)
{
	const bool collects = g->call.what == VMM_SENDER_STOP;
	int rc = vmm_stop_step(g->m, collects, g->call.err);

	if (rc == 1 && g->cancelled)
		return vsu_error_set(g->call.err, -ECANCELED, "it was cancelled");
	return rc;
}

static int on_step(void *opaque)
{
	struct vmm_migration *g = opaque;
	int rc;

	if (varch_cpus_dispatch(g->m->cpus)) {	/* the guest has ended */
		vsu_loop_end(g->m->loop);
		return 0;
	}
	rc = stop_step(g);
	if (rc == 1)
		return rc;
	if (rc < 0)
		vmm_stop_end(g->m);
	else
		rc = call_execute(g);
	vmm_main_call_reply(&g->call, rc);
	return 0;
}

/* ------------------------------------------------------------------------ end */

/* The machine may begin another activity. */
static void migration_leave(struct vmm_migration *g)
{
	struct vmm_machine *m = g->m;

	if (vmm_stop_has_begun(m))
		vmm_stop_abandon(m);
	vmm_throttle_end(&g->throttle);
	(void)!vmm_plugged_hold(m, false, NULL);
	vsu_io_stop(&g->call_io);
	vmm_sharing_end_log(m, &g->log);
	m->pause.migration = NULL;
	vmm_life_finish(&m->pause.life);
}

static void migration_destroy(struct vmm_migration *g)
{
	vmem_map_unref(g->sender.map);
	vmm_main_call_fini(&g->call);
	vsu_fd_close(&g->cancel_fd);
	vsu_fd_close(&g->pagemap);
	free(g->sender.state.out.bytes);
	free(g->sender.config.head.out.bytes);
	vmm_words_free(&g->words);
	vmm_migrate_options_free(&g->options);
	free(g);
}

static void migration_free(struct vmm_migration *g)
{
	migration_leave(g);
	migration_destroy(g);
}

/* The answer that it failed may begin another command. */
static void migration_end(struct vmm_migration *g)
{
	pthread_join(g->thread, NULL);
	g->started = false;
	vsu_io_stop(&g->call_io);
	vmm_throttle_end(&g->throttle);
	vmm_migrate_publish_progress(g->m);
	if (!vmm_hand_over_end(g))
		return;
	migration_leave(g);
	vmm_hand_over_answer(g);
	migration_destroy(g);
}

static void on_call(void *opaque)
{
	struct vmm_migration *g = opaque;
	const enum vmm_main_call_state state = vmm_main_call_check(&g->call);

	if (state == VMM_MAIN_CALL_ENDED) {
		migration_end(g);
	} else if (state == VMM_MAIN_CALL_PENDING && g->call.what == VMM_SENDER_THROTTLE) {
		vmm_throttle_more(&g->throttle);
		vmm_main_call_reply(&g->call, 0);
	} else if (state == VMM_MAIN_CALL_PENDING && g->call.what == VMM_SENDER_RELEASE) {
		vmm_main_call_reply(&g->call, vmm_hand_over_release(g, g->call.err));
	} else if (state == VMM_MAIN_CALL_PENDING && !vmm_stop_has_begun(g->m)) {
		vmm_throttle_end(&g->throttle);
		g->stopped_ns = vsu_now_ns();
		vmm_stop_begin(g->m, on_step, g);
	}
}

void vmm_migrate_free(struct vmm_machine *m)
{
	struct vmm_migration *g = m->pause.migration;

	if (!g)
		return;
	vmm_main_call_abandon(&g->call);
	vsu_event_signal(g->cancel_fd);
	if (g->started)
		pthread_join(g->thread, NULL);
	migration_free(g);
}

/* ---------------------------------------------------------------------- begin */

static int configure_sender(struct vmm_migration *g, struct vsu_error *err)
{
	struct vmm_machine *m = g->m;

	if (vmm_live_words(m, &g->words, err) < 0 || vmm_plugged_hold(m, true, err) < 0)
		return err->code;
	g->sender.config = (struct vmm_sender_config){
		.threads = &m->process.threads,
		.address = g->options.address, .no_network = m->owner.no_network,
		.closer = vmm_closer_get(&m->process.closer, NULL),
		.memory = &m->memory, .windows = &m->shmem,
		.failed = vmm_memory_failed(&m->memory),
		.pagemap = g->pagemap < 0 ? NULL : &g->pagemap,
		.slots = m->slots, .log = &g->log, .words = g->words.words,
		.nwords = g->words.n,
		.downtime_ns = g->options.downtime_ms * NS_PER_MS,
		.channels = g->options.connections - 1,
		.postcopy = g->options.postcopy, .rounds = g->options.rounds,
		.rate = g->options.rate, .converge = g->options.converge,
		.cancel_fd = g->cancel_fd,
		.call_main = call_main, .flush = flush_disks, .opaque = g,
	};
	if (vmm_save_describe(m, &g->sender.config.head, err) < 0)
		return err->code;
	return vmm_save_finish(&g->sender.config.head, err);
}

static struct vmm_migration *migration_new(struct vmm_machine *m)
{
	struct vmm_migration *g = calloc(1, sizeof(*g));

	if (!g)
		return NULL;
	g->m = m;
	g->console_in = -1;
	vsu_error_clear(&g->err);
	(void)!vmm_main_call_init(&g->call);
	g->cancel_fd = vsu_event_new();
	g->pagemap = vmm_owner_pagemap(&m->owner);
	vsu_io_init(&g->call_io, on_call, g, g->call.fd, VSU_IO_READ);
	vsu_io_start(m->loop, &g->call_io);
	vmm_throttle_init(&g->throttle, m->loop, m->cpus);
	m->pause.migration = g;
	(void)!vmm_life_begin(&m->pause.life, VMM_MIGRATES, NULL);
	return g;
}

static int migration_start(struct vmm_migration *g, struct vsu_error *err)
{
	int rc = configure_sender(g, err);

	if (rc < 0)
		return rc;
	rc = vsu_thread_start(&g->m->process.threads, &g->thread, sender_main, g);
	g->started = !rc;
	return rc ? vsu_error_sys(err, rc, "cannot start a thread") : 0;
}

int vmm_migrate_begin(struct vmm_machine *m, const struct cvmm_migration *migration,
		      struct vsu_error *err)
{
	struct vmm_migrate_options options;
	struct vmm_migration *g;
	int rc = vmm_migrate_options_init(&options, migration, err);

	if (!rc && m->owner.no_path)
		rc = vmm_migrate_check_path(&options, m->owner.no_path, err);
	if (!rc)
		rc = vmm_save_check(m, err);
	if (!rc)
		rc = vmm_life_check(&m->pause.life, VMM_MIGRATES, err);
	if (!rc)
		rc = vmm_sharing_check_log(m, err);
	g = rc ? NULL : migration_new(m);
	if (!g) {
		vmm_migrate_options_free(&options);
		return rc ? rc : vsu_error_set(err, -ENOMEM, "no memory");
	}
	g->options = options;
	if (g->call.fd < 0 || g->cancel_fd < 0)
		rc = vsu_error_set(err, -EMFILE, "no free descriptor");
	if (!rc)
		rc = migration_start(g, err);
	if (rc < 0)
		migration_free(g);
	else
		vmm_stop_release(m);
	return rc;
}

/* --------------------------------------------------------------------- resume */

int vmm_migrate_resume(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_migration *g = m->pause.migration;
	int rc;

	if (vmm_migrate_hand_over(m) != VMM_UNKNOWN)
		return 0;
	rc = vmm_hand_over_return(g, err);
	if (rc < 0)
		return rc;
	migration_free(g);
	return 1;
}

/* ---------------------------------------------------- commands and reports */

enum vmm_hand_over vmm_migrate_hand_over(const struct vmm_machine *m)
{
	return m->pause.migration ? vmm_hand_over_now(m->pause.migration) : VMM_OURS;
}

int vmm_migrate_switch(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_migration *g = m->pause.migration;

	if (!g->options.postcopy)
		return vsu_error_set(err, -EINVAL, "the migration was started without 'postcopy', so the destination is not prepared; cancel it, and repeat it with 'postcopy'");
	vmm_sender_switch(&g->sender);
	return 0;
}

void vmm_migrate_cancel(struct vmm_machine *m)
{
	struct vmm_migration *g = m->pause.migration;

	g->cancelled = true;
	vsu_event_signal(g->cancel_fd);
}

void vmm_migrate_progress(const struct vmm_machine *m, struct cvmm_progress *out)
{
	static const enum cvmm_phase phases[] = {
		[VMM_SENDER_CONNECTS] = CVMM_PHASE_CONNECTING,
		[VMM_SENDER_COPIES] = CVMM_PHASE_COPYING,
		[VMM_SENDER_STOPPED] = CVMM_PHASE_STOPPED,
		[VMM_SENDER_COMMITTED] = CVMM_PHASE_UNKNOWN,
		[VMM_SENDER_POSTCOPY] = CVMM_PHASE_POSTCOPY,
	};
	const struct vmm_migration *g = m->pause.migration;
	struct vmm_sender_progress p;

	if (!g)
		return;
	vmm_sender_progress(&g->sender, &p);
	/* The phase until the answer arrives: the guest is stopped, and nothing failed. */
	if (p.phase == VMM_SENDER_COMMITTED && g->hand_over != VMM_UNKNOWN)
		p.phase = VMM_SENDER_STOPPED;
	out->phase = phases[p.phase];
	out->round = p.round;
	out->sent = p.sent;
	out->left = p.left;
	out->throttle = g->throttle.percent;
	out->rate = p.rate;
}

void vmm_migrate_publish_progress(const struct vmm_machine *m)
{
	struct cvmm_event e = { .kind = CVMM_EVENT_MIGRATING };

	vmm_migrate_progress(m, &e.progress);
	vmm_event_publish(m, &e);
}
