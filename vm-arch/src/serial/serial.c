/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers of a 16550A (offset, with DLAB of LCR for 0 and 1). */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "serial/serial_private.h"

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6,
       SCR = 7 };

#define IER_RX		0x01
#define IER_TX		0x02
#define IER_LINE	0x04
#define IER_MODEM	0x08
#define LCR_DLAB	0x80
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define MCR_LOOP	0x10
#define LSR_DATA	0x01
#define LSR_OVERRUN	0x02
#define LSR_TX_EMPTY	0x60	/* holding and shift register */
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_RING	0x40
#define MSR_READY	0xb0	/* carrier, data set ready, clear to send */
#define MSR_OUTPUTS	0xc0	/* ring and carrier: outputs 1 and 2 looped */
#define MSR_LINES	0xf0	/* line states; the lower half: which of them changed */
#define IIR_MODEM	0x00
#define IIR_NONE	0x01
#define IIR_TX		0x02
#define IIR_RX		0x04
#define IIR_LINE	0x06
#define IIR_TIMEOUT	0x0c	/* fewer than the trigger level, none follows */
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02
#define FCR_TRIGGER(fcr) ((fcr) >> 6 & 3)

void varch_serial_init(struct varch_serial *s)
{
	s->dll = 0x01;		/* 115200 baud */
	s->msr = MSR_READY;
}

static bool has_fifo(const struct varch_serial *s)
{
	return s->fcr & FCR_ENABLE;
}

static unsigned int fifo_depth(const struct varch_serial *s)
{
	return has_fifo(s) ? VARCH_SERIAL_FIFO : 1;
}

static unsigned int fifo_trigger(const struct varch_serial *s)
{
	static const unsigned int levels[] = { 1, 4, 8, 14 };

	return has_fifo(s) ? levels[FCR_TRIGGER(s->fcr)] : 1;
}

/*
 * The pending cause of highest priority. Received bytes time out immediately.
 */
static uint8_t interrupt_pending(const struct varch_serial *s)
{
	if (s->overrun && (s->ier & IER_LINE))
		return IIR_LINE;
	if (s->count && (s->ier & IER_RX))
		return s->count >= fifo_trigger(s) ? IIR_RX : IIR_TIMEOUT;
	if (s->thr_empty_pending && !s->busy && (s->ier & IER_TX))
		return IIR_TX;
	if ((s->msr & ~MSR_LINES) && (s->ier & IER_MODEM))
		return IIR_MODEM;
	return IIR_NONE;
}

/*
 * The line rises once, and stays high until the driver has handled all causes.
 */
static void interrupt_update(struct varch_serial *s)
{
	const bool up = interrupt_pending(s) != IIR_NONE;

	if (up && !s->line && s->interrupt)
		s->interrupt(s->opaque);
	s->line = up;
}

void varch_serial_set_busy(struct varch_serial *s, bool busy)
{
	if (s->busy && !busy)
		s->thr_empty_pending = true;
	s->busy = busy;
	interrupt_update(s);
}

/* In loopback mode no external input is received. */
size_t varch_serial_room(const struct varch_serial *s)
{
	return s->mcr & MCR_LOOP ? 0 : fifo_depth(s) - s->count;
}

static void fifo_put(struct varch_serial *s, unsigned char byte)
{
	s->fifo[(s->head + s->count++) % VARCH_SERIAL_FIFO] = byte;
}

size_t varch_serial_input(struct varch_serial *s, const unsigned char *bytes,
			size_t n)
{
	const size_t room = varch_serial_room(s);
	size_t i;

	for (i = 0; i < n && i < room; i++)
		fifo_put(s, bytes[i]);
	interrupt_update(s);
	return i;
}

static uint8_t take_byte(struct varch_serial *s)
{
	uint8_t byte;

	if (!s->count)
		return 0;
	/*
	 * the rest below the trigger level waits for the time-out, a new cause
	 */
	if (s->count > 1 && s->count == fifo_trigger(s) && interrupt_pending(s) == IIR_RX)
		s->line = false;
	byte = s->fifo[s->head];
	s->head = (s->head + 1) % VARCH_SERIAL_FIFO;
	s->count--;
	return byte;
}

/*
 * An overrun keeps the FIFO and drops the new byte; without FIFO it replaces
 * the old byte.
 */
static void loop_byte(struct varch_serial *s, uint8_t byte)
{
	if (s->count == fifo_depth(s)) {
		s->overrun = true;
		if (has_fifo(s))
			return;
		s->count = 0;
	}
	fifo_put(s, byte);
}

/*
 * A write clears the transmitter's interrupt, and the byte is sent immediately.
 * Only the first of consecutive writes raises the line.
 */
static void send_byte(struct varch_serial *s, uint8_t byte)
{
	if (!s->filling) {
		s->thr_empty_pending = false;
		interrupt_update(s);
	}
	s->filling = true;
	if (s->mcr & MCR_LOOP)
		loop_byte(s, byte);
	else
		s->output(s->opaque, byte);
	s->thr_empty_pending = true;
}

static uint8_t read_iir(struct varch_serial *s)
{
	uint8_t iir = interrupt_pending(s);

	if (iir == IIR_TX)
		s->thr_empty_pending = false;	/* reading acknowledges it */
	return iir | (has_fifo(s) ? IIR_FIFO : 0);
}

static uint8_t read_lsr(struct varch_serial *s)
{
	const uint8_t lsr = (s->busy ? 0 : LSR_TX_EMPTY) |
			    (s->overrun ? LSR_OVERRUN : 0) |
			    (s->count ? LSR_DATA : 0);

	s->overrun = false;
	return lsr;
}

static uint8_t read_msr(struct varch_serial *s)
{
	const uint8_t msr = s->msr;

	s->msr &= MSR_LINES;
	return msr;
}

static uint8_t read_register(struct varch_serial *s, uint64_t offset)
{
	switch (offset) {
	case RBR_THR:
		return s->lcr & LCR_DLAB ? s->dll : take_byte(s);
	case IER:
		return s->lcr & LCR_DLAB ? s->dlm : s->ier;
	case IIR_FCR:
		return read_iir(s);
	case LCR:
		return s->lcr;
	case MCR:
		return s->mcr;
	case LSR:
		return read_lsr(s);
	case MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void write_ier(struct varch_serial *s, uint8_t value)
{
	/*
	 * Enabling the interrupt while the transmitter is empty raises it
	 * immediately.
	 */
	if ((value & IER_TX) && !(s->ier & IER_TX))
		s->thr_empty_pending = true;
	s->ier = value & 0x0f;
}

/*
 * Other bits count only if the first is set; changing the first clears the
 * FIFOs.
 */
static void write_fcr(struct varch_serial *s, uint8_t value)
{
	if (((value ^ s->fcr) & FCR_ENABLE) ||
	    ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX)))
		s->count = 0;
	s->fcr = value & FCR_ENABLE ? value : 0;
}

/*
 * In loopback mode the modem outputs are connected to the inputs, which drivers
 * test.
 */
static uint8_t modem_lines(const struct varch_serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_READY;
	return (s->mcr & MCR_RTS ? MSR_CTS : 0) |
	       (s->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (uint8_t)(s->mcr << 4 & MSR_OUTPUTS);
}

/* Only the trailing edge of the ring indicator is a change. */
static void write_mcr(struct varch_serial *s, uint8_t value)
{
	uint8_t lines, changed;

	s->mcr = value & 0x1f;
	lines = modem_lines(s);
	changed = (uint8_t)(lines ^ s->msr) & MSR_LINES;
	changed &= (uint8_t)~(lines & MSR_RING);
	s->msr = (uint8_t)(lines | (s->msr & ~MSR_LINES) | changed >> 4);
}

static void write_register(struct varch_serial *s, uint64_t offset,
			   uint8_t value)
{
	bool dlab = s->lcr & LCR_DLAB;

	switch (offset) {
	case RBR_THR:
		if (dlab)
			s->dll = value;
		else
			send_byte(s, value);
		break;
	case IER:
		if (dlab)
			s->dlm = value;
		else
			write_ier(s, value);
		break;
	case IIR_FCR:
		write_fcr(s, value);
		break;
	case LCR:
		s->lcr = value;
		break;
	case MCR:
		write_mcr(s, value);
		break;
	case SCR:
		s->scr = value;
		break;
	}
}

void varch_serial_access(void *opaque, struct varch_access *access)
{
	struct varch_serial *s = opaque;

	if (!access->write || access->offset != RBR_THR)
		s->filling = false;
	if (access->write)
		write_register(s, access->offset, (uint8_t)access->value);
	else
		access->value = read_register(s, access->offset);
	interrupt_update(s);
}

/* Lists the registers in the order of the state. */
static void list_registers(struct varch_serial *s, uint8_t *registers[8])
{
	uint8_t *const all[8] = { &s->ier, &s->lcr, &s->mcr, &s->scr, &s->dll,
				  &s->dlm, &s->fcr, &s->msr };

	memcpy(registers, all, sizeof(all));
}

static void list_flags(struct varch_serial *s, bool *flags[5])
{
	bool *const all[5] = { &s->overrun, &s->line, &s->filling,
			       &s->thr_empty_pending, &s->busy };

	memcpy(flags, all, sizeof(all));
}

void varch_serial_save(const struct varch_serial *s, struct vsu_state_writer *w)
{
	struct varch_serial copy = *s;
	uint8_t *registers[8];
	bool *flags[5];
	unsigned int i;

	list_registers(&copy, registers);
	list_flags(&copy, flags);
	vsu_state_section(w, "serial", 0);
	for (i = 0; i < 8; i++)
		vsu_state_put_u32(w, *registers[i]);
	for (i = 0; i < 5; i++)
		vsu_state_put_u32(w, *flags[i]);
	vsu_state_put_u32(w, s->count);
	for (i = 0; i < s->count; i++)
		vsu_state_put_u32(w, s->fifo[(s->head + i) % VARCH_SERIAL_FIFO]);
	vsu_state_section_end(w);
}

int varch_serial_load(struct varch_serial *s, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	uint8_t *registers[8];
	bool *flags[5];
	unsigned int i;
	int rc = vsu_state_find(state, "serial", 0, &f, err);

	if (rc < 0)
		return rc;
	list_registers(s, registers);
	list_flags(s, flags);
	for (i = 0; i < 8; i++)
		*registers[i] = (uint8_t)vsu_state_get_u32(&f);
	for (i = 0; i < 5; i++)
		*flags[i] = vsu_state_get_u32(&f);
	s->head = 0;
	s->count = vsu_state_get_u32(&f);
	if (s->count > fifo_depth(s)) {
		vsu_error_set(err, -EBADMSG, "the serial port of the state has received %u bytes, but holds %u",
			      s->count, fifo_depth(s));
		s->count = 0;
		return -EBADMSG;
	}
	for (i = 0; i < s->count; i++)
		s->fifo[i] = (unsigned char)vsu_state_get_u32(&f);
	s->line = false;	/* the interrupt controller may have been saved without the last edge */
	varch_serial_set_busy(s, false);	/* the new reader has taken nothing yet */
	return vsu_state_fields_end(&f, err);
}
