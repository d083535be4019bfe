/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Named ports of a console device. */
#include "irq.h"
#include "lib.h"
#include "ports.h"
#include "virtio.h"

#define ID_CONSOLE 3
#define MULTIPORT (UINT64_C(1) << 1)
#define CONTROL_RX 2
#define CONTROL_TX 3
#define MAX_MESSAGES 64u	/* of the device, until the ports are open */

enum { DEVICE_READY = 0, PORT_ADD = 1, PORT_READY = 3, PORT_OPEN = 6, PORT_NAME = 7 };

struct message {
	uint32_t id;
	uint16_t event, value;
};

static struct device console;
static bool moved;		/* bytes, since the previous ports_wait() */

/* Queues of port 0 precede those of the control channel. */
static uint32_t rx_of(const struct port *p)
{
	return p->id ? 2 * p->id + 2 : 0;
}

static bool send_message(uint32_t id, uint16_t event)
{
	static struct message m;
	const struct piece piece = { &m, sizeof(m), false };

	m = (struct message){ id, event, 1 };
	return queue_do(&console, CONTROL_TX, &piece, 1) >= 0;
}

static void offer_input(struct port *p)
{
	const struct piece piece = { p->in, PORT_BYTES, true };

	p->have = p->at = 0;
	queue_offer(&console, rx_of(p), &piece, 1);
}

static bool is_name(const char *name, const char *text, int64_t len)
{
	int64_t i;

	for (i = 0; i < len && text[i]; i++)
		if (name[i] != text[i])
			return false;
	return !name[i];
}

/* Opens the port if it has one of the known names. Returns the number of opened ports. */
static unsigned int take_name(uint32_t id, const char *text, int64_t len, const char *const *names,
			      struct port *ports, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (ports[i].id || !is_name(names[i], text, len))
			continue;
		ports[i].id = id;
		offer_input(&ports[i]);
		return send_message(id, PORT_OPEN);
	}
	return 0;
}

static void on_interrupt(uint32_t irq)
{
	(void)irq;
	device_acknowledge(&console);
}

/* One line for all queues. */
static bool wait_for(struct device *dev, uint32_t queue)
{
	if (!queue_is_used(dev, queue))
		irq_halt();
	return true;
}

static void enable_interrupts(uint32_t irq)
{
	irq_init();
	irq_enable(irq, on_interrupt);
	console.wait = wait_for;
}

static bool find_console(const struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < boot->ndevices; i++) {
		if (!device_find(&console, boot->devices[i].gpa) || console.id != ID_CONSOLE)
			continue;
		if (boot->flags & CVMM_BOOT_LEVEL0)
			enable_interrupts(boot->devices[i].irq);
		return true;
	}
	return false;
}

static bool start_console(const struct cvmm_boot *boot)
{
	return find_console(boot) && device_negotiate(&console, FEATURE_VERSION_1 | MULTIPORT) &&
	       (console.features & MULTIPORT) && device_start(&console);
}

bool ports_open(const struct cvmm_boot *boot, const char *const *names, struct port *ports,
		unsigned int n)
{
	static struct {
		struct message m;
		char text[64];
	} from;
	const struct piece piece = { &from, sizeof(from), true };
	unsigned int i, found = 0;
	int64_t len;

	if (!start_console(boot) || !send_message(0, DEVICE_READY))
		return false;
	for (i = 0; i < MAX_MESSAGES && found < n; i++) {
		len = queue_do(&console, CONTROL_RX, &piece, 1) - (int64_t)sizeof(from.m);
		if (len < 0)
			return false;
		if (from.m.event == PORT_ADD && !send_message(from.m.id, PORT_READY))
			return false;
		if (from.m.event == PORT_NAME)
			found += take_name(from.m.id, from.text, len, names, ports, n);
	}
	return found == n;
}

uint32_t port_read(struct port *p, void *to, uint32_t len)
{
	uint32_t n;

	if (p->at == p->have) {
		if (!queue_is_used(&console, rx_of(p)))
			return 0;
		n = (uint32_t)queue_wait(&console, rx_of(p));
		p->have = n <= PORT_BYTES ? n : 0;
	}
	n = p->have - p->at < len ? p->have - p->at : len;
	memcpy(to, p->in + p->at, n);
	p->at += n;
	moved = true;
	if (p->at == p->have)
		offer_input(p);
	return n;
}

void ports_wait(void)
{
	if (!moved && console.wait)
		irq_halt();
	moved = false;
}

bool port_is_flushed(struct port *p)
{
	if (p->sends && queue_is_used(&console, rx_of(p) + 1))
		p->sends = queue_wait(&console, rx_of(p) + 1) < 0;
	return !p->sends;
}

uint32_t port_write(struct port *p, const void *from, uint32_t len)
{
	const struct piece piece = { p->out, len < PORT_BYTES ? len : PORT_BYTES, false };

	if (!len || !port_is_flushed(p))
		return 0;
	memcpy(p->out, from, piece.len);
	p->sends = moved = true;
	queue_offer(&console, rx_of(p) + 1, &piece, 1);
	return piece.len;
}
