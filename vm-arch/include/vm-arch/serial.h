/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A 16550A serial port: a register model without files, threads or clock.
 * Output and interrupts are callbacks; the owner supplies input.
 *
 * No time passes in it. A written byte is sent immediately, and received bytes
 * below the trigger level time out immediately, because no more follow at that
 * moment. The line rises once for all pending causes, and falls when the driver
 * has handled them.
 *
 * Threads: the owner serialises all calls.
 */
#ifndef VMM_LEGACY_SERIAL_H
#define VMM_LEGACY_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/bus.h>
#include <vm-arch/state.h>

#define VMM_SERIAL_PORTS 8
#define VMM_SERIAL_FIFO 16	/* capacity for received bytes; one without FIFO */

struct vmm_serial {
	void (*output)(void *opaque, unsigned char byte);
	void (*interrupt)(void *opaque); /* the interrupt line rises */
	void *opaque;
	/* private */
	unsigned char fifo[VMM_SERIAL_FIFO];
	unsigned int head, count;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	uint8_t msr;		/* modem line states, and their changes */
	bool overrun;		/* a byte was dropped, unreported */
	bool line;		/* the interrupt line is up */
	bool filling;		/* the last access wrote a byte to send */
	bool busy;		/* the transmitter accepts nothing now */
	bool thr_empty_pending;	/* the transmitter became empty, unreported */
};

void vmm_serial_init(struct vmm_serial *s);

/*
 * While busy, the port reports a non-empty transmitter, and drivers wait for
 * the interrupt at its end. Bytes written regardless are sent.
 */
void vmm_serial_set_busy(struct vmm_serial *s, bool busy);

/* A handler for the bus; opaque is the struct vmm_serial. */
void vmm_serial_access(void *opaque, struct vmm_access *access);

/* The number of bytes the port accepts now; passes bytes, returns how many. */
size_t vmm_serial_room(const struct vmm_serial *s);
size_t vmm_serial_input(struct vmm_serial *s, const unsigned char *bytes,
			size_t n);

/* The port's registers and received bytes. -EBADMSG: such a port cannot be. */
void vmm_serial_save(const struct vmm_serial *s, struct vmm_state_writer *w);
int vmm_serial_load(struct vmm_serial *s, struct vmm_state_fields *f,
		    struct vsu_error *err);

#endif
