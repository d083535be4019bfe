/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The main thread and the writer agree by one atomic phase on who ends the pause. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/thread.h>

#include "machine/stop.h"
#include "transfer/writer.h"

/* Counted in time limits of a stop (stop.h). */
#define STALL_LIMITS 3u

/* False: another phase was first. */
static bool change_phase(struct vmm_writer *w, enum vmm_writer_phase to)
{
	enum vmm_writer_phase from = VMM_WRITER_RUNS;

	return __atomic_compare_exchange_n(&w->phase, &from, to, false, __ATOMIC_ACQ_REL,
					   __ATOMIC_ACQUIRE);
}

/* A device that resumes carries out requests, and the disk is no longer the saved one. */
void vmm_writer_release(struct vmm_writer *w, bool is_saved)
{
	const bool was_held = w->m->pause.stop.was_held;

	if (!vmm_stop_has_begun(w->m)) {
		if (w->held && !is_saved)	/* it failed after all was written */
			vmm_stop_release(w->m);
	} else if (w->m->pause.life.guest == VMM_PAUSED && (is_saved || was_held)) {
		vmm_stop_hold(w->m);
		w->held = !was_held;
	} else {
		vmm_stop_end(w->m);
	}
}

static void on_changed(void *opaque)
{
	struct vmm_writer *w = opaque;
	enum vmm_writer_phase phase;

	vsu_event_drain(w->changed_fd, NULL);
	phase = __atomic_load_n(&w->phase, __ATOMIC_ACQUIRE);
	if (phase == VMM_WRITER_WROTE && !w->holds)
		vmm_writer_release(w, w->saves);
	if (phase != VMM_WRITER_ENDED)
		return;
	vsu_alarm_stop(&w->stall);
	pthread_join(w->thread, NULL);
	w->phase = VMM_WRITER_NONE;
	w->ended(w->opaque);
}

static void on_stall(void *opaque)
{
	struct vmm_writer *w = opaque;
	const uint64_t progress = __atomic_load_n(&w->progress->moves, __ATOMIC_RELAXED) +
				  __atomic_load_n(&w->progress->done, __ATOMIC_RELAXED);
	struct vsu_error err = VSU_ERROR_INIT;

	w->unchanged = progress && progress == w->seen ? w->unchanged + 1 : 0;
	w->seen = progress;
	if (w->unchanged < STALL_LIMITS || !change_phase(w, VMM_WRITER_GIVEN_UP))
		return;
	vsu_alarm_stop(&w->stall);
	__atomic_store_n(&w->progress->cancel, true, __ATOMIC_RELAXED);
	vsu_error_set(&err, -ETIMEDOUT, "nothing was written for %g seconds; check whether the server of the file is available",
		      STALL_LIMITS * (double)vmm_stop_limit_ns(w->m) / 1e9);
	vmm_writer_release(w, false);
	vmm_answers_send(&w->m->answers, w->opaque, NULL, &err);
}

int vmm_writer_init(struct vmm_writer *w, struct vsu_error *err)
{
	w->phase = VMM_WRITER_NONE;
	w->changed_fd = vsu_event_new();
	if (w->changed_fd < 0)
		return vsu_error_set(err, -EMFILE, "no free descriptor");
	vsu_io_init(&w->changed, on_changed, w, w->changed_fd, VSU_IO_READ);
	vsu_io_start(w->m->loop, &w->changed);
	vsu_alarm_init(&w->stall, on_stall, w);
	return 0;
}

int vmm_writer_start(struct vmm_writer *w, void *(*main)(void *opaque), struct vsu_error *err)
{
	int rc;

	w->phase = VMM_WRITER_RUNS;
	rc = vsu_thread_start(&w->m->process.threads, &w->thread, main, w->opaque);
	if (rc < 0) {
		w->phase = VMM_WRITER_NONE;
		return vsu_error_sys(err, rc, "cannot start a thread");
	}
	w->unchanged = 0;
	vsu_alarm_start(w->m->loop, &w->stall, vmm_stop_limit_ns(w->m), vmm_stop_limit_ns(w->m));
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

void vmm_writer_moves(struct vmm_writer *w)
{
	__atomic_fetch_add(&w->progress->moves, 1, __ATOMIC_RELAXED);
}

void vmm_writer_ends(struct vmm_writer *w)
{
	__atomic_store_n(&w->phase, VMM_WRITER_ENDED, __ATOMIC_RELEASE);
	vsu_event_signal(w->changed_fd);
}

void vmm_writer_fini(struct vmm_writer *w)
{
	if (change_phase(w, VMM_WRITER_GIVEN_UP))
		__atomic_store_n(&w->progress->cancel, true, __ATOMIC_RELAXED);
	vsu_alarm_stop(&w->stall);
	if (w->changed_fd >= 0)
		vsu_io_stop(&w->changed);
	if (vmm_writer_works(w))
		pthread_join(w->thread, NULL);
	w->phase = VMM_WRITER_NONE;
	vsu_fd_close(&w->changed_fd);
}
