/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control messages (VIRTIO 1.3, section 5.3.6.2). */
#include <config.h>

#include <string.h>

#include <virtio-devices/state.h>

#include "console/priv.h"

struct message {
	struct vsu_le32 id;
	struct vsu_le16 event, value;
};

/* The order in which pending events are sent to the driver. */
static const enum console_event order[] = {
	EVENT_PORT_REMOVE, EVENT_PORT_ADD, EVENT_CONSOLE_PORT, EVENT_RESIZE,
	EVENT_PORT_NAME, EVENT_PORT_OPEN,
};

#define NORDER (sizeof(order) / sizeof(order[0]))

/* -------------------------------------------------------------- to the driver */

void virtdev_priv_control_post(struct console *c, struct port *p,
			       enum console_event event)
{
	const bool early = event == EVENT_PORT_ADD ||
			   event == EVENT_PORT_REMOVE;

	if (!console_has_messages(c) || !c->driver_ready ||
	    (!early && p->progress < PORT_READY))
		return;
	p->pending |= 1u << event;
	virtdev_priv_channel_wake(c, CONTROL_RX);
}

/* Finds the first pending message. */
static bool find_message(struct console *c, struct port **p,
			 enum console_event *event)
{
	uint32_t id;
	size_t i;

	for (id = 0; id < c->max_ports; id++) {
		for (i = 0; c->ports[id].pending && i < NORDER; i++) {
			if (!(c->ports[id].pending & 1u << order[i]))
				continue;
			*p = &c->ports[id];
			*event = order[i];
			return true;
		}
	}
	return false;
}

static uint32_t put_size(const struct console *c, const struct port *p,
			 unsigned char *at)
{
	const struct vsu_le16 size[] = {
		vsu_le16_make(c->rows_first ? p->rows : p->cols),
		vsu_le16_make(c->rows_first ? p->cols : p->rows),
	};

	memcpy(at, size, sizeof(size));
	return sizeof(size);
}

/* Encodes a message with its payload; returns its length. */
static uint32_t put_message(const struct console *c, const struct port *p,
			    enum console_event event, unsigned char *at)
{
	const bool value = event == EVENT_PORT_OPEN ? p->host_open : true;
	const struct message m = {
		.id = vsu_le32_make((uint32_t)(p - c->ports)),
		.event = vsu_le16_make((uint16_t)event),
		.value = vsu_le16_make(value),
	};
	uint32_t len = 0;

	memcpy(at, &m, sizeof(m));
	if (event == EVENT_RESIZE)
		len = put_size(c, p, at + sizeof(m));
	if (event == EVENT_PORT_NAME) {
		len = (uint32_t)strlen(p->name);
		memcpy(at + sizeof(m), p->name, len);
	}
	return (uint32_t)sizeof(m) + len;
}

/* A buffer that is too short for a message is returned empty. */
static enum verdict chain_report(struct turn *t, struct vq *q,
			       struct vq_chain *chain, uint32_t *used)
{
	unsigned char text[sizeof(struct message) + VIRTDEV_CONSOLE_MAX_NAME];
	enum console_event event;
	struct vq_cursor writer;
	struct port *p;
	uint32_t len;

	if (!find_message(t->c, &p, &event))
		return TURN_WAIT;
	len = put_message(t->c, p, event, text);
	vq_writer_init(&writer, q, chain);
	if (chain->fault.why || !vq_cursor_write_exact(&writer, text, len))
		return TURN_DONE;
	*used = len;
	p->pending &= ~(1u << event);
	if (event == EVENT_PORT_REMOVE) {
		/* The other events are about the previous port with this number. */
		p->pending &= 1u << EVENT_PORT_ADD;
		p->progress = PORT_UNKNOWN;
	} else if (event == EVENT_PORT_ADD && p->progress == PORT_UNKNOWN) {
		p->progress = PORT_ANNOUNCED;
	}
	virtdev_keep(t->c->dev);
	return TURN_DONE;
}

int virtdev_priv_control_serve_rx(struct turn *t)
{
	enum console_event event;
	struct port *p;

	virtdev_priv_channel_events(&t->c->channels[t->queue]);
	return find_message(t->c, &p, &event) ?
	       virtdev_priv_channel_turn(t, chain_report) : 0;
}

/* ------------------------------------------------------------ from the driver */

void virtdev_priv_control_clear(struct console *c)
{
	uint32_t id;

	c->driver_ready = false;
	for (id = 0; id < c->max_ports; id++) {
		c->ports[id].pending = 0;
		c->ports[id].progress = PORT_UNKNOWN;
	}
}

/* After DEVICE_READY the driver receives every port again. */
static bool device_ready(struct console *c, uint16_t value)
{
	uint32_t id;

	virtdev_priv_control_clear(c);
	c->driver_ready = value == 1;
	for (id = 0; id < c->max_ports; id++)
		if (c->ports[id].host)
			virtdev_priv_control_post(c, &c->ports[id],
						  EVENT_PORT_ADD);
	return value == 1;
}

static bool port_ready(struct console *c, struct port *p, uint16_t value)
{
	if (value != 1) {
		p->progress = PORT_ANNOUNCED;
		return false;
	}
	if (p->progress < PORT_READY)
		p->progress = PORT_READY;
	if (p->console)
		virtdev_priv_control_post(c, p, EVENT_CONSOLE_PORT);
	if (p->cols && (c->features & CONSOLE_F_SIZE))
		virtdev_priv_control_post(c, p, EVENT_RESIZE);
	if (p->name[0])
		virtdev_priv_control_post(c, p, EVENT_PORT_NAME);
	if (p->host_open)
		virtdev_priv_control_post(c, p, EVENT_PORT_OPEN);
	return true;
}

static bool port_open(struct console *c, struct port *p, uint16_t value)
{
	const uint32_t rx = console_rx_of((uint32_t)(p - c->ports));

	if (value)
		p->progress = PORT_OPEN;
	else if (p->progress == PORT_OPEN)
		p->progress = PORT_READY;
	virtdev_priv_channel_wake(c, rx);
	return true;
}

/* Returns false for an invalid message or port. */
static bool handle_message(struct console *c, uint32_t id, uint16_t event,
			 uint16_t value)
{
	struct port *p;

	if (event == EVENT_DEVICE_READY)
		return device_ready(c, value);
	if (id >= c->max_ports || !c->ports[id].host || c->ports[id].progress == PORT_UNKNOWN)
		return false;
	p = &c->ports[id];
	switch (event) {
	case EVENT_PORT_READY:
		return port_ready(c, p, value);
	case EVENT_PORT_OPEN:
		return port_open(c, p, value);
	}
	return false;
}

static enum verdict chain_take(struct turn *t, struct vq *q,
			       struct vq_chain *chain, uint32_t *used)
{
	struct vq_cursor reader;
	struct message m;

	(void)used;
	vq_reader_init(&reader, q, chain);
	if (chain->fault.why || !vq_cursor_read_obj(&reader, &m) ||
	    !handle_message(t->c, vsu_le32_load(m.id), vsu_le16_load(m.event),
			  vsu_le16_load(m.value)))
		t->c->refused++;
	virtdev_keep(t->c->dev);
	return TURN_DONE;
}

int virtdev_priv_control_serve_tx(struct turn *t)
{
	return virtdev_priv_channel_turn(t, chain_take);
}
