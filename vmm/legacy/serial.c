/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers of a 16550 (offset, with DLAB of LCR for 0 and 1). */
#include <config.h>

#include <string.h>

#include "serial.h"

enum { RBR_THR = 0, IER = 1, IIR_FCR = 2, LCR = 3, MCR = 4, LSR = 5, MSR = 6,
       SCR = 7 };

#define IER_RX		0x01
#define IER_TX		0x02
#define LCR_DLAB	0x80
#define MCR_LOOP	0x10
#define LSR_DATA	0x01
#define LSR_TX_EMPTY	0x60	/* holding and shift register */
#define MSR_READY	0xb0	/* carrier, data set ready, clear to send */
#define MSR_CTS		0x10
#define MSR_DSR		0x20
#define MSR_OUTPUTS	0xc0	/* ring and carrier: outputs 1 and 2 looped */
#define MCR_DTR		0x01
#define MCR_RTS		0x02
#define IIR_NONE	0x01
#define IIR_TX		0x02
#define IIR_RX		0x04
#define IIR_FIFO	0xc0
#define FCR_ENABLE	0x01
#define FCR_CLEAR_RX	0x02

void vmm_serial_init(struct vmm_serial *s)
{
	s->dll = 0x01;		/* 115200 baud */
}

static uint8_t interrupt_pending(const struct vmm_serial *s)
{
	if (s->count && (s->ier & IER_RX))
		return IIR_RX;
	if (s->thr_empty_pending && !s->busy && (s->ier & IER_TX))
		return IIR_TX;
	return IIR_NONE;
}

static void interrupt_update(struct vmm_serial *s)
{
	if (interrupt_pending(s) != IIR_NONE && s->interrupt)
		s->interrupt(s->opaque);
}

void vmm_serial_set_busy(struct vmm_serial *s, bool busy)
{
	if (s->busy && !busy)
		s->thr_empty_pending = true;
	s->busy = busy;
	interrupt_update(s);
}

size_t vmm_serial_room(const struct vmm_serial *s)
{
	return VMM_SERIAL_FIFO - s->count;
}

size_t vmm_serial_input(struct vmm_serial *s, const unsigned char *bytes,
			size_t n)
{
	size_t i;

	for (i = 0; i < n && s->count < VMM_SERIAL_FIFO; i++, s->count++)
		s->fifo[(s->head + s->count) % VMM_SERIAL_FIFO] = bytes[i];
	interrupt_update(s);
	return i;
}

static uint8_t take_byte(struct vmm_serial *s)
{
	uint8_t byte;

	if (!s->count)
		return 0;
	byte = s->fifo[s->head];
	s->head = (s->head + 1) % VMM_SERIAL_FIFO;
	s->count--;
	interrupt_update(s);
	return byte;
}

static void send_byte(struct vmm_serial *s, uint8_t byte)
{
	if (s->mcr & MCR_LOOP)
		vmm_serial_input(s, &byte, 1);
	else
		s->output(s->opaque, byte);
	s->thr_empty_pending = true;
	interrupt_update(s);
}

static uint8_t read_iir(struct vmm_serial *s)
{
	uint8_t iir = interrupt_pending(s);

	if (iir == IIR_TX)
		s->thr_empty_pending = false;	/* reading acknowledges it */
	return iir | (s->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

/* In loopback the outputs for a modem are its inputs: drivers look for it. */
static uint8_t read_msr(const struct vmm_serial *s)
{
	if (!(s->mcr & MCR_LOOP))
		return MSR_READY;
	return (s->mcr & MCR_RTS ? MSR_CTS : 0) |
	       (s->mcr & MCR_DTR ? MSR_DSR : 0) |
	       (uint8_t)(s->mcr << 4 & MSR_OUTPUTS);
}

static uint8_t read_register(struct vmm_serial *s, uint64_t offset)
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
		return (s->busy ? 0 : LSR_TX_EMPTY) |
		       (s->count ? LSR_DATA : 0);
	case MSR:
		return read_msr(s);
	default:
		return s->scr;
	}
}

static void write_ier(struct vmm_serial *s, uint8_t value)
{
	/* Enabling it while the transmitter is empty interrupts at once. */
	if ((value & IER_TX) && !(s->ier & IER_TX))
		s->thr_empty_pending = true;
	s->ier = value & 0x0f;
	interrupt_update(s);
}

static void write_fcr(struct vmm_serial *s, uint8_t value)
{
	if (value & FCR_CLEAR_RX)
		s->count = 0;
	s->fcr = value;
}

static void write_register(struct vmm_serial *s, uint64_t offset,
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
		s->mcr = value & 0x1f;
		break;
	case SCR:
		s->scr = value;
		break;
	}
}

void vmm_serial_access(void *opaque, struct vmm_access *access)
{
	struct vmm_serial *s = opaque;

	if (access->write)
		write_register(s, access->offset, (uint8_t)access->value);
	else
		access->value = read_register(s, access->offset);
}
