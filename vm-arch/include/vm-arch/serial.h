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
 * Its registers and received bytes are part of the state of a machine (<vm-arch/arch.h>).
 *
 * Threads: the owner serialises all calls.
 */
#ifndef VARCH_SERIAL_H
#define VARCH_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/bus.h>

VSU_BEGIN_DECLS

#define VARCH_SERIAL_LEN 8	/* registers, of a byte each */
#define VARCH_SERIAL_FIFO 16	/* capacity for received bytes; one without FIFO */

/* Its user zeroes it, sets the first three members, and calls varch_serial_init(). */
struct varch_serial {
	void (*output)(void *opaque, unsigned char byte);
	void (*interrupt)(void *opaque); /* the interrupt line rises; or NULL */
	void *opaque;
	/* private */
	unsigned char fifo[VARCH_SERIAL_FIFO];
	unsigned int head, count;
	uint8_t ier, lcr, mcr, scr, dll, dlm, fcr;
	uint8_t msr;		/* modem line states, and their changes */
	bool overrun;		/* a byte was dropped, unreported */
	bool line;		/* the interrupt line is up */
	bool filling;		/* the last access wrote a byte to send */
	bool busy;		/* the transmitter accepts nothing now */
	bool thr_empty_pending;	/* the transmitter became empty, unreported */
};

VARCH_API void varch_serial_init(struct varch_serial *s);

/*
 * While busy, the port reports a non-empty transmitter, and drivers wait for
 * the interrupt at its end. Bytes written regardless are sent.
 */
VARCH_API void varch_serial_set_busy(struct varch_serial *s, bool busy);

/* A handler for the bus; opaque is the struct varch_serial. */
VARCH_API void varch_serial_access(void *opaque, struct varch_access *access);

/* Return the number of bytes that the port accepts now, and that it has accepted. */
VARCH_API size_t varch_serial_room(const struct varch_serial *s);
VARCH_API size_t varch_serial_input(struct varch_serial *s, const unsigned char *bytes,
			size_t n);

VSU_END_DECLS

#endif
