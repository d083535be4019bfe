/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Ports of a console: adding, removing, resizing, counters. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sized.h>

#include "console/priv.h"
#include "core/device_priv.h"

int virtdev_priv_port_check(const struct virtdev_console_port *port,
			    struct virtdev_console_port *p,
			    struct vsu_error *err)
{
	int rc = vsu_copy_sized(p, sizeof(*p), port,
				"struct virtdev_console_port", err);

	if (rc < 0)
		return rc;
	if (!p->host)
		return vsu_error_set(err, -EINVAL,
				     "console: a port without a host end");
	if (p->host->owned)
		return vsu_error_set(err, -EBUSY,
				     "console: the host end over %s belongs to a port already; make one for each port",
				     p->host->ops.name);
	if (p->name && strlen(p->name) > VIRTDEV_CONSOLE_MAX_NAME)
		return vsu_error_set(err, -EINVAL,
				     "console: port name '%s' has %zu bytes, at most %u are possible",
				     p->name, strlen(p->name),
				     VIRTDEV_CONSOLE_MAX_NAME);
	return 0;
}

void virtdev_priv_port_fini(struct port *p)
{
	virtdev_port_free(p->host);
	p->host = NULL;
	vsu_fd_close(&p->timer);
	free(p->kept);
	p->kept = NULL;
	p->nkept = 0;
	if (p->free_recorder)
		p->free_recorder(p->recorder);
	p->record = NULL;
	p->free_recorder = NULL;
}

static int port_attach(struct console *c, struct port *p)
{
	const uint32_t rx = console_rx_of((uint32_t)(p - c->ports));
	int rc;

	if (p->console) {
		p->timer = rc = vsu_timer_new();
		if (rc >= 0)
			rc = virtdev_priv_channel_add_timer(
					&c->channels[rx + 1], p->timer);
		if (rc < 0)
			return rc;
	}
	return virtdev_priv_port_attach(p->host, c->channels[rx].epfd,
				   c->channels[rx + 1].epfd);
}

int virtdev_priv_port_init(struct console *c, struct port *p,
			   const struct virtdev_console_port *config,
			   struct vsu_error *err)
{
	const uint32_t pending = p->pending;
	const enum port_progress progress = p->progress;
	int rc;

	memset(p, 0, sizeof(*p));
	p->pending = pending;
	p->progress = progress;
	p->timer = -1;
	p->host = config->host;
	p->console = config->console;
	p->in_ready = p->recheck = true;
	if (config->name)
		strcpy(p->name, config->name);
	rc = port_attach(c, p);
	if (rc < 0) {
		p->host = NULL;
		virtdev_priv_port_fini(p);
		return vsu_error_sys(err, rc, "console: port on %s",
				     config->host->ops.name);
	}
	p->host->owned = true;
	p->record = config->record;
	p->free_recorder = config->free_recorder;
	p->recorder = config->recorder;
	return 0;
}

static int add_port(struct console *c, const struct virtdev_console_port *port,
		    uint32_t *id, struct vsu_error *err)
{
	uint32_t i = 0;
	int rc;

	while (i < c->max_ports && c->ports[i].host)
		i++;
	if (i == c->max_ports)
		return vsu_error_set(err, -ENOSPC,
				     "console: all %" PRIu32 " ports are in use",
				     c->max_ports);
	rc = virtdev_priv_port_init(c, &c->ports[i], port, err);
	if (rc < 0)
		return rc;
	virtdev_priv_control_post(c, &c->ports[i], EVENT_PORT_ADD);
	virtdev_priv_channel_wake(c, console_rx_of(i));
	virtdev_priv_channel_wake(c, console_rx_of(i) + 1);
	*id = i;
	return 0;
}

int virtdev_console_add(struct virtdev *dev,
			const struct virtdev_console_port *port, uint32_t *id,
			struct vsu_error *err)
{
	struct console *c = virtdev_priv_self(dev, virtdev_priv_console_stats);
	struct virtdev_console_port p;
	int rc = virtdev_priv_port_check(port, &p, err);

	if (!rc && !c)
		rc = vsu_error_set(err, -EINVAL, "'%s' is not a console",
				   virtdev_name(dev));
	if (rc < 0)
		return rc;
	pthread_mutex_lock(&c->lock);
	rc = add_port(c, &p, id, err);
	pthread_mutex_unlock(&c->lock);
	return rc;
}

/* Locks the console and returns one of its ports; NULL: not locked. */
static struct port *port_lock(struct virtdev *dev, uint32_t id,
			      struct console **out)
{
	struct console *c = virtdev_priv_self(dev, virtdev_priv_console_stats);

	if (!c || id >= c->max_ports)
		return NULL;
	pthread_mutex_lock(&c->lock);
	*out = c;
	if (c->ports[id].host)
		return &c->ports[id];
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* Omit PORT_REMOVE if the driver has not received PORT_ADD. */
static void remove_port(struct console *c, struct port *p)
{
	virtdev_priv_port_fini(p);
	p->pending = 0;
	console_port_lost(p);
	if (p->progress != PORT_UNKNOWN)
		virtdev_priv_control_post(c, p, EVENT_PORT_REMOVE);
}

int virtdev_console_remove(struct virtdev *dev, uint32_t id)
{
	struct console *c;
	struct port *p = id ? port_lock(dev, id, &c) : NULL;

	if (!p)
		return -ENOENT;
	remove_port(c, p);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

int virtdev_console_resize(struct virtdev *dev, uint32_t id, uint16_t cols,
			   uint16_t rows)
{
	struct console *c;
	struct port *p = port_lock(dev, id, &c);

	if (!p)
		return -ENOENT;
	p->cols = cols;
	p->rows = rows;
	if (c->features & CONSOLE_F_SIZE)
		virtdev_priv_control_post(c, p, EVENT_RESIZE);
	pthread_mutex_unlock(&c->lock);
	if (!id)
		virtdev_config_changed(dev);
	return 0;
}

int virtdev_console_get_counts(struct virtdev *dev, uint32_t id,
			       struct virtdev_console_counts *out)
{
	struct virtdev_console_counts now;
	const size_t size = out->size;
	const struct port *p;
	struct console *c;

	if (size <= sizeof(now.size) || size > sizeof(now))
		return -EINVAL;
	p = port_lock(dev, id, &c);
	if (!p)
		return -ENOENT;
	now = (struct virtdev_console_counts) {
		.size = size, .to_guest = p->to_guest,
		.from_guest = p->from_guest, .dropped = p->dropped,
		.refused = c->refused, .host_open = p->host_open,
		.guest_open = p->progress == PORT_OPEN, .unrecorded = p->unrecorded,
	};
	pthread_mutex_unlock(&c->lock);
	memcpy(out, &now, size);
	return 0;
}

void *virtdev_console_recorder(struct virtdev *dev, uint32_t id)
{
	struct console *c;
	const struct port *p = port_lock(dev, id, &c);
	void *recorder;

	if (!p)
		return NULL;
	recorder = p->recorder;
	pthread_mutex_unlock(&c->lock);
	return recorder;
}

/* Sums over all ports. */
uint32_t virtdev_priv_console_stats(void *self, struct virtdev_stat *stats,
				    uint32_t max)
{
	struct virtdev_stat all[] = {
		{ "bytes-to-guest", 0 }, { "bytes-from-guest", 0 },
		{ "bytes-dropped", 0 }, { "messages-refused", 0 },
		{ "bytes-unrecorded", 0 },
	};
	const uint32_t n = sizeof(all) / sizeof(all[0]);
	struct console *c = self;
	uint32_t i;

	pthread_mutex_lock(&c->lock);
	for (i = 0; i < c->max_ports; i++) {
		all[0].value += c->ports[i].to_guest;
		all[1].value += c->ports[i].from_guest;
		all[2].value += c->ports[i].dropped;
		all[4].value += c->ports[i].unrecorded;
	}
	all[3].value = c->refused;
	pthread_mutex_unlock(&c->lock);
	for (i = 0; i < n && i < max; i++)
		stats[i] = all[i];
	return n;
}
