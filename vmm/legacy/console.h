/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The console: a serial port whose output goes to a descriptor and whose input
 * comes from one, through the main loop. Both can be the client of a terminal or socket; without
 * a client, the last 64 KiB are kept for the next one, and older output is dropped and counted.
 *
 * Output is buffered up to a limit. If the reader is slower than the guest, the
 * port reports a busy transmitter, and nothing is lost. If the reader makes no
 * progress for a second, the guest no longer waits: excess output is dropped
 * and counted. No CPU ever blocks here. Input that the guest does not read
 * stays unread in its source. A terminal is always read, in raw mode, so that
 * Ctrl-A x ends the machine in any state of the guest (Ctrl-A twice sends one).
 * Up to 16 MiB of its input are held; more is dropped and counted.
 *
 * A log (<device-kinds/port_log.h>) receives all output, also of a port without a reader. The guest waits
 * for it as for a reader, but it does not stop: it loses bytes that it cannot write.
 *
 * Threads: the bus handler runs on CPU threads; everything else on the main
 * thread.
 */
#ifndef VMM_CONSOLE_H
#define VMM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/port.h>
#include <vm-arch/bus.h>
#include <vmm-sys-util/error.h>

struct varch_serial;
struct vmm_console;

struct vmm_console_config {
	int in_fd, out_fd;	/* borrowed; -1: none */
	struct virtdev_port *port; /* in place of both, owned after success; NULL: none */
	struct devkind_port_log *log; /* owned after success; NULL: none */
	void (*interrupt)(void *opaque); /* the port's interrupt; any thread */
	void (*leave)(void *opaque);	/* Ctrl-A x */
	void (*tell)(void *opaque);	/* Ctrl-A c: print information */
	void *opaque;
};

int vmm_console_new(const struct vmm_console_config *config,
		    struct vmm_console **out, struct vsu_error *err);

/*
 * Writes buffered output, waiting up to a second for the reader, and restores
 * the terminal.
 */
void vmm_console_free(struct vmm_console *console);

/* Only restores the terminal, for an end that cannot wait. */
void vmm_console_restore(struct vmm_console *console);
/* Called before this process stops, and after it is continued. */
void vmm_console_suspend(struct vmm_console *console);
void vmm_console_resume(struct vmm_console *console);

/* The handler of eight ports of the bus; opaque is the console. */
void vmm_console_access(void *opaque, struct varch_access *access);

/*
 * Readable when output is buffered or input may resume: call
 * vmm_console_flush(), which writes what is buffered then; what the guest prints meanwhile
 * makes it readable again.
 */
int vmm_console_event_fd(const struct vmm_console *console);

/* False: the reader accepts no more now; wait until it does, for vmm_console_out_fd(). */
bool vmm_console_flush(struct vmm_console *console);

/* The descriptors to wait for: that of input when it is readable; that of output when it
 * is writable, or for a port when it is readable. -1: none. */
int vmm_console_in_fd(const struct vmm_console *console);
int vmm_console_out_fd(const struct vmm_console *console);

/* Call it when the descriptor of input is readable. False: end of input, stop watching. */
bool vmm_console_input(struct vmm_console *console);

/*
 * True if the port accepts input; else check again at the next event. In the background of a terminal, it
 * does not: vmm_console_resume() looks again.
 */
bool vmm_console_wants_input(struct vmm_console *console);

/*
 * The serial port, whose state is that of the machine; bytes on their way to the reader are
 * not part of it. While no CPU runs.
 */
struct varch_serial *vmm_console_port(struct vmm_console *console);

uint64_t vmm_console_dropped(const struct vmm_console *console);

/*
 * For a hand-over of the log to another process, while no CPU runs: locks it (-EBUSY), or writes
 * what the guest has printed, and unlocks it. Without a log nothing happens.
 */
int vmm_console_set_log_locked(struct vmm_console *console, bool locked, struct vsu_error *err);

/* Bytes that the log lost. */
uint64_t vmm_console_unrecorded(const struct vmm_console *console);

#endif
