/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A 16550A serial port. A register model: it knows no file, thread or clock.
 * Output goes through a callback, input is offered by the owner, and a rise of
 * its interrupt line is a callback too.
 *
 * Time does not pass in it. A byte that is stored is sent at once, and received
 * bytes that do not reach the trigger level are timed out at once, for no more
 * of them come at that moment. The line rises once for all that is pending and
 * falls when the driver has dealt with it.
 *
 * Threads: the owner serialises all calls.
 */
#ifndef VMM_LEGACY_SERIAL_H
#define VMM_LEGACY_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/bus.h"

#define VMM_SERIAL_PORTS 8
#define VMM_SERIAL_FIFO 16	/* received bytes that wait; one without FIFO */

struct vmm_serial {
	void (*output)(void *opaque, unsigned char byte);
	void (*interrupt)(void *opaque); /* the line rises */
	void *opaque;
	/* private */
	unsigned char fifo[VMM_SERIAL_FIFO];
	unsigned int head, count;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	uint8_t msr;		/* lines of the modem, and which have changed */
	bool overrun;		/* a byte had no room, unreported */
	bool line;		/* the interrupt line is up */
	bool filling;		/* the last access stored a byte to send */
	bool busy;		/* the transmitter takes nothing now */
	bool thr_empty_pending;	/* the transmitter became empty, unreported */
};

void vmm_serial_init(struct vmm_serial *s);

/*
 * While busy, the port says that its transmitter is not empty: a driver waits
 * for the interrupt that comes when it is no longer so. Bytes that are stored
 * all the same go out.
 */
void vmm_serial_set_busy(struct vmm_serial *s, bool busy);

/* A handler for the bus; opaque is the struct vmm_serial. */
void vmm_serial_access(void *opaque, struct vmm_access *access);

/* Bytes the port can take now, and handing some over; returns how many. */
size_t vmm_serial_room(const struct vmm_serial *s);
size_t vmm_serial_input(struct vmm_serial *s, const unsigned char *bytes,
			size_t n);

#endif
