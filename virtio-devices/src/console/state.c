/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Save and load of a console's state. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <virtio-devices/state.h>

#include "console/priv.h"
#include "core/state_priv.h"

/* Bits of a port in the state. */
enum { KNOWN = 1, READY = 2, GUEST_OPEN = 4, HOST_OPEN = 8, ALL = 15 };

static const uint8_t bits_of[] = {
	[PORT_ANNOUNCED] = KNOWN,
	[PORT_READY] = KNOWN | READY,
	[PORT_OPEN] = KNOWN | READY | GUEST_OPEN,
};

struct saved {
	uint8_t flags;
	uint8_t pending;
	uint32_t written;
};

void virtdev_priv_console_save(void *self, struct virtdev_state_writer *w)
{
	const struct console *c = self;
	uint32_t id;

	virtdev_state_put_u8(w, c->driver_ready);
	virtdev_state_put_u32(w, c->max_ports);
	for (id = 0; id < c->max_ports; id++) {
		const struct port *p = &c->ports[id];

		virtdev_state_put_u8(w, (uint8_t)(bits_of[p->progress] |
						  (p->host_open ? HOST_OPEN : 0)));
		virtdev_state_put_u8(w, (uint8_t)p->pending);
		virtdev_state_put_u32(w, w->running ? 0 : p->written);
	}
}

/*
 * The driver assumes the port states last reported to it. Recheck each host
 * stream, and report ports that the saved device did not have or that this one
 * lacks.
 */
static void port_load(const struct console *c, struct port *p,
		      const struct saved *s)
{
	p->progress = !(s->flags & KNOWN) ? PORT_UNKNOWN : s->flags & GUEST_OPEN ? PORT_OPEN :
		      s->flags & READY ? PORT_READY : PORT_ANNOUNCED;
	p->host_open = s->flags & HOST_OPEN;
	p->pending = s->pending;
	p->written = s->written;
	p->recheck = true;
	if (!p->host) {
		p->pending = p->progress != PORT_UNKNOWN ? 1u << EVENT_PORT_REMOVE : 0;
		console_port_lost(p);
	} else if (p->progress == PORT_UNKNOWN && c->driver_ready) {
		p->pending |= 1u << EVENT_PORT_ADD;
	}
}

static int check_ports(const struct console *c, uint32_t nports,
		       struct vsu_error *err)
{
	return nports == c->max_ports ? 0 :
	       vsu_error_set(err, -EBADMSG,
			     "console: a state of %" PRIu32 " ports for a device of %" PRIu32,
			     nports, c->max_ports);
}

int virtdev_priv_console_load(void *self, uint32_t version,
			      struct virtdev_state_reader *r,
			      struct vsu_error *err)
{
	struct saved saved[VIRTDEV_CONSOLE_MAX_PORTS];
	struct console *c = self;
	const uint8_t ready = virtdev_state_get_u8(r);
	int rc = check_ports(c, virtdev_state_get_u32(r), err);
	uint32_t id;

	(void)version;
	for (id = 0; !rc && id < c->max_ports; id++) {
		saved[id].flags = virtdev_state_get_u8(r);
		saved[id].pending = virtdev_state_get_u8(r);
		saved[id].written = virtdev_state_get_u32(r);
		if (saved[id].flags > ALL)
			rc = vsu_error_set(err, -EBADMSG,
					   "console: port %" PRIu32 " of the state has bits %#x",
					   id, saved[id].flags);
	}
	if (!rc)
		rc = virtdev_state_end(r, err);
	if (!rc && ready > 1)
		rc = vsu_error_set(err, -EBADMSG,
				   "console: the driver of the state is ready in %u ways",
				   ready);
	if (rc < 0)
		return rc;
	c->driver_ready = ready;
	for (id = 0; id < c->max_ports; id++)
		port_load(c, &c->ports[id], &saved[id]);
	return 0;
}
