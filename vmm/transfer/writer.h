/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A thread that writes the memory of a paused guest into a file. The pause ends when it is
 * written, or when nothing was written for 30 seconds: a thread can be in a call that does
 * not return, and the guest does not wait for it. The thread may read
 * more of the guest's memory, which is not used.
 *
 * Threads: the main thread, except where said.
 */
#ifndef VMM_TRANSFER_WRITER_H
#define VMM_TRANSFER_WRITER_H

#include <pthread.h>

#include "machine/machine.h"
#include "memory/image.h"

enum vmm_writer_phase {
	VMM_WRITER_NONE,	/* no thread */
	VMM_WRITER_RUNS,
	VMM_WRITER_WROTE,
	VMM_WRITER_GIVEN_UP,	/* the guest continues; the thread cancels */
	VMM_WRITER_ENDED,
};

struct vmm_writer {
	struct vmm_machine *m;
	struct vmm_image_progress *progress;
	bool saves;		/* a success is a saved machine, with the disks of this moment */
	bool holds;		/* the guest stays paused until vmm_writer_release() */
	void (*ended)(void *opaque); /* the thread has ended and was joined */
	void *opaque;		/* also the subject of vmm_answers_send() */
	/* private to writer.c */
	enum vmm_writer_phase phase;	/* atomic */
	bool held;			/* devices, only because all is written */
	pthread_t thread;
	int changed_fd;			/* phase has changed */
	struct vsu_io changed;
	struct vsu_alarm stall;
	uint64_t seen;			/* progress at its last call */
	unsigned int unchanged;		/* calls since it was another one */
};

/* The first members are set. -EMFILE. */
int vmm_writer_init(struct vmm_writer *w, struct vsu_error *err);
/* main gets opaque, and may have stored its result by the return. */
int vmm_writer_start(struct vmm_writer *w, void *(*main)(void *opaque), struct vsu_error *err);
bool vmm_writer_works(const struct vmm_writer *w);

/*
 * Called on the thread, after all is written: the guest continues, unless it is held. -ECANCELED:
 * it was given up.
 */
int vmm_writer_wrote(struct vmm_writer *w, struct vsu_error *err);
/* Called on the thread: the writing begins, or a step of it is complete. */
void vmm_writer_moves(struct vmm_writer *w);
/* Called on the thread, at its end; what it has stored can be read in ended. */
void vmm_writer_ends(struct vmm_writer *w);

/*
 * The end of the pause. The devices of a guest that its user has paused stay paused if it is
 * saved, or if they were before.
 */
void vmm_writer_release(struct vmm_writer *w, bool is_saved);

/* Joins the thread, which is cancelled unless all is written. ended is not called. */
void vmm_writer_fini(struct vmm_writer *w);

#endif
