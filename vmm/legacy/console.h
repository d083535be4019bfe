/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The console: a serial port whose output goes to a descriptor and whose
 * input comes from one, through the main loop.
 *
 * Output waits in a bounded buffer; when whoever reads it is slower than the
 * guest, the port says that it is busy, and nothing is lost. A reader that
 * takes nothing for a second is waited for no more: what does not fit is dropped
 * and counted. No CPU ever waits in here. Input that the guest does not take
 * stays unread; on a terminal it is taken raw and held, up to 16 MiB, so that
 * Ctrl-A x ends the machine whatever the guest does (Ctrl-A twice sends one).
 * Behind that it is lost and counted, too.
 *
 * Threads: the bus handler runs on CPU threads; all else on the main thread.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

#include "bus/bus.h"

struct vmm_console;

struct vmm_console_config {
	int in_fd, out_fd;	/* borrowed; -1: none */
	void (*interrupt)(void *opaque); /* the port's line; any thread */
	void (*leave)(void *opaque);	/* Ctrl-A x */
	void (*tell)(void *opaque);	/* Ctrl-A c: of itself */
	void *opaque;
};

int vmm_console_new(const struct vmm_console_config *config,
		    struct vmm_console **out, struct vsu_error *err);

/*
 * Writes what is left, as far as the reader takes it within a second, and
 * restores the terminal.
 */
void vmm_console_free(struct vmm_console *console);

/* Restores the terminal only, for an end that cannot wait for more. */
void vmm_console_restore(const struct vmm_console *console);

/* For the bus: eight ports. opaque is the console. */
void vmm_console_access(void *opaque, struct vmm_access *access);

/* Readable when output waits or input may go on: call vmm_console_flush(). */
int vmm_console_event_fd(const struct vmm_console *console);

/* False when the reader does not take more now: wait until it does. */
bool vmm_console_flush(struct vmm_console *console);

/* in_fd is readable. False at its end: stop watching it. */
bool vmm_console_input(struct vmm_console *console);

/* True when the port can take input; else look again at the next event. */
bool vmm_console_wants_input(struct vmm_console *console);

uint64_t vmm_console_dropped(const struct vmm_console *console);

#endif
