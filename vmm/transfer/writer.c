/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The main thread and the writer agree by one atomic phase on who ends the pause. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "base/thread.h"
#include "machine/stop.h"
#include "transfer/writer.h"

/* In time limits of a stop (stop.h). */
#define STALL_LIMITS 3u

static uint64_t stall_ns(const struct vmm_writer *w)
{
	return STALL_LIMITS * vmm_stop_limit_ns(w->m);
}

/* False: another phase was first. */
static bool change_phase(struct vmm_writer *w, enum vmm_writer_phase to)
{
	enum vmm_writer_phase from = VMM_WRITER_RUNS;

	return __atomic_compare_exchange_n(&w->phase, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

void vmm_writer_release(const struct vmm_writer *w)
{
	if (!vmm_stop_has_begun(w->m))
		return;
	/* A device that resumes carries out requests, and the disk is no longer the saved one. */
	if (w->m->pause.life.guest == VMM_PAUSED)
		vmm_stop_hold(w->m);
	else
		vmm_stop_end(w->m);
}

static void on_changed(void *opaque)
{
	struct vmm_writer *w = opaque;
	enum vmm_writer_phase phase;

	vsu_event_drain(w->changed_fd, NULL);
	phase = __atomic_load_n(&w->phase, __ATOMIC_ACQUIRE);
	if (phase == VMM_WRITER_WROTE && !w->holds)
		vmm_writer_release(w);
	if (phase != VMM_WRITER_ENDED)
		return;
	vmm_timer_stop(&w->stall);
	pthread_join(w->thread, NULL);
	w->phase = VMM_WRITER_NONE;
	w->ended(w->opaque);
}

static void on_stall(void *opaque)
{
	struct vmm_writer *w = opaque;
	const uint64_t done = __atomic_load_n(&w->progress->done, __ATOMIC_RELAXED);
	struct vsu_error err = VSU_ERROR_INIT;

	if (done != w->seen || !vmm_stop_has_begun(w->m)) {
		w->seen = done;
		vmm_timer_start(w->m->loop, &w->stall, stall_ns(w), 0);
	} else if (change_phase(w, VMM_WRITER_GIVEN_UP)) {
		__atomic_store_n(&w->progress->cancel, true, __ATOMIC_RELAXED);
		vsu_error_set(&err, -ETIMEDOUT, "nothing was written for %g seconds; check whether the server of the file is available",
			      (double)stall_ns(w) / 1e9);
		vmm_writer_release(w);
		vmm_control_answer(w->m->control, w->opaque, NULL, &err);
	}
}

int vmm_writer_init(struct vmm_writer *w, struct vsu_error *err)
{
	w->phase = VMM_WRITER_NONE;
	w->changed_fd = vsu_event_new();
	if (w->changed_fd < 0)
		return vsu_error_set(err, -EMFILE, "no free descriptor");
	vmm_io_init(&w->changed, on_changed, w, w->changed_fd, VMM_IO_READ);
	vmm_io_start(w->m->loop, &w->changed);
	vmm_timer_init(&w->stall, on_stall, w);
	return 0;
}

int vmm_writer_start(struct vmm_writer *w, void *(*main)(void *opaque), struct vsu_error *err)
{
	int rc;

	w->phase = VMM_WRITER_RUNS;
	rc = vmm_thread_start(w->m->owner.threads, &w->thread, main, w->opaque);
	if (rc < 0) {
		w->phase = VMM_WRITER_NONE;
		return vsu_error_sys(err, rc, "cannot start a thread");
	}
	vmm_timer_start(w->m->loop, &w->stall, stall_ns(w), 0);
	return 0;
}

bool vmm_writer_works(const struct vmm_writer *w)
{
	return __atomic_load_n(&w->phase, __ATOMIC_RELAXED) != VMM_WRITER_NONE;
}

int vmm_writer_wrote(struct vmm_writer *w, struct vsu_error *err)
{
	if (!change_phase(w, VMM_WRITER_WROTE))
		return vsu_error_set(err, -ECANCELED, "nothing was written for too long");
	vsu_event_signal(w->changed_fd);
	return 0;
}

void vmm_writer_ends(struct vmm_writer *w)
{
	__atomic_store_n(&w->phase, VMM_WRITER_ENDED, __ATOMIC_RELEASE);
	vsu_event_signal(w->changed_fd);
}

void vmm_writer_fini(struct vmm_writer *w)
{
	__atomic_store_n(&w->progress->cancel, true, __ATOMIC_RELAXED);
	vmm_timer_stop(&w->stall);
	if (w->changed_fd >= 0)
		vmm_io_stop(&w->changed);
	if (vmm_writer_works(w))
		pthread_join(w->thread, NULL);
	w->phase = VMM_WRITER_NONE;
	vsu_fd_close(&w->changed_fd);
}
