/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The console device: operations, configuration space, features. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/sized.h>

#include "console/priv.h"

#define DEFAULT_QUEUE_MAX 256u

/* A buffer that spans several regions needs one piece for each. */
#define SPARE_PIECES 32u

/* Budget of one turn. */
#define MAX_CHAINS 256u
#define MAX_BYTES (UINT64_C(1) << 20)

/* The configuration space (VIRTIO 1.3, section 5.3.4). */
struct config_space {
	struct vsu_le16 cols, rows;
	struct vsu_le32 max_nr_ports, emerg_wr;
};

/* -------------------------------------------------------------------- queues */

static struct port *port_of(struct console *c, uint32_t queue)
{
	return &c->ports[queue < CONTROL_RX ? 0 : queue / 2 - 1];
}

static int channel_serve(struct turn *t)
{
	if (t->queue == CONTROL_RX)
		return virtdev_priv_control_serve_rx(t);
	if (t->queue == CONTROL_TX)
		return virtdev_priv_control_serve_tx(t);
	return t->queue & 1 ? virtdev_priv_port_serve_tx(t)
			    : virtdev_priv_port_serve_rx(t);
}

static int console_serve(void *self, uint32_t queue)
{
	struct console *c = self;
	struct turn t = {
		.c = c, .queue = queue, .port = port_of(c, queue),
		.chains = MAX_CHAINS, .bytes = MAX_BYTES,
	};
	int more = 0;

	pthread_mutex_lock(&c->lock);
	if (c->channels[queue].q)
		more = channel_serve(&t);
	pthread_mutex_unlock(&c->lock);
	return more;
}

/* Linux reads the size only after a configuration change interrupt. */
static int console_start(void *self, uint32_t queue, struct vq *q,
			 struct vsu_error *err)
{
	struct console *c = self;
	struct port *p = port_of(c, queue);

	(void)err;
	pthread_mutex_lock(&c->lock);
	c->channels[queue].q = q;
	p->in_ready = p->recheck = true;
	p->output = OUTPUT_FLOWS;
	pthread_mutex_unlock(&c->lock);
	if (!queue && p->cols && !console_has_messages(c))
		virtdev_config_changed(c->dev);
	return 0;
}

static void console_stop(void *self, uint32_t queue)
{
	struct console *c = self;

	pthread_mutex_lock(&c->lock);
	c->channels[queue].q = NULL;
	pthread_mutex_unlock(&c->lock);
}

/* A part of the first chain may have been written; the driver does not continue it. */
static void console_queue_reset(void *self, uint32_t queue)
{
	struct console *c = self;

	if (queue % 2 == 0 || queue == CONTROL_TX)
		return;
	pthread_mutex_lock(&c->lock);
	port_of(c, queue)->written = 0;
	pthread_mutex_unlock(&c->lock);
}

/* Only output is notified at the rate of the guest's data. */
static bool console_is_rare(void *self, uint32_t queue)
{
	(void)self;
	return queue % 2 == 0 || queue == CONTROL_TX;
}

static int console_host_fd(void *self, uint32_t queue)
{
	return ((struct console *)self)->channels[queue].epfd;
}

/* ------------------------------------------------------------- configuration */

static int console_set_features(void *self, uint64_t features,
				struct vsu_error *err)
{
	struct console *c = self;

	(void)err;
	c->features = features;
	return 0;
}

static void console_config_read(void *self, uint32_t off, void *buf,
				uint32_t len)
{
	const struct console *c = self;
	const struct config_space space = {
		.cols = vsu_le16_make(c->ports[0].cols),
		.rows = vsu_le16_make(c->ports[0].rows),
		.max_nr_ports = vsu_le32_make(c->max_ports),
	};

	memcpy(buf, (const char *)&space + off, len);
}

/* An emergency write has one byte, for any width of access. */
static int console_config_write(void *self, uint32_t off, const void *buf,
				uint32_t len)
{
	struct console *c = self;

	(void)len;
	if (off != offsetof(struct config_space, emerg_wr))
		return -EPERM;
	pthread_mutex_lock(&c->lock);
	virtdev_priv_port_emergency(c, *(const unsigned char *)buf);
	pthread_mutex_unlock(&c->lock);
	return 0;
}

static void console_reset(void *self)
{
	struct console *c = self;
	uint32_t id;

	c->features = 0;
	virtdev_priv_control_clear(c);
	for (id = 0; id < c->max_ports; id++)
		c->ports[id].written = 0;
}

/* ---------------------------------------------------------------------- life */

static void console_free(void *self)
{
	struct console *c = self;
	uint32_t i;

	for (i = 0; i < c->max_ports; i++)
		virtdev_priv_port_fini(&c->ports[i]);
	for (i = 0; c->channels && i < c->nchannels; i++)
		virtdev_priv_channel_fini(&c->channels[i]);
	pthread_mutex_destroy(&c->lock);
	free(c->channels);
	free(c);
}

static int make_channels(struct console *c)
{
	uint32_t i;
	int rc = 0;

	c->channels = calloc(c->nchannels, sizeof(*c->channels));
	if (!c->channels)
		return -ENOMEM;
	for (i = 0; i < c->nchannels; i++)
		c->channels[i].epfd = -1;
	for (i = 0; !rc && i < c->nchannels; i++)
		rc = virtdev_priv_channel_init(&c->channels[i], i != CONTROL_RX && i != CONTROL_TX,
					       c->pieces);
	return rc;
}

static int make_device(struct console *c, uint32_t queue_size_max,
		       struct vsu_error *err)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "console",
		.set_features = console_set_features,
		.config_read = console_config_read,
		.config_write = console_config_write,
		.queue_start = console_start, .queue_serve = console_serve,
		.queue_stop = console_stop, .queue_reset = console_queue_reset,
		.queue_host_fd = console_host_fd, .queue_is_rare = console_is_rare,
		.reset = console_reset, .free = console_free,
		.state_version = 1, .state_save = virtdev_priv_console_save,
		.state_load = virtdev_priv_console_load,
		.stats = virtdev_priv_console_stats,
	};
	const struct virtdev_info info = {
		.id = VIRTDEV_ID_CONSOLE, .nqueues = c->nchannels,
		.queue_size_max = queue_size_max,
		.config_size = sizeof(struct config_space),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX | VQ_F_RING_PACKED | CONSOLE_F_SIZE |
			    CONSOLE_F_EMERG_WRITE |
			    (c->has_control ? CONSOLE_F_MULTIPORT : 0),
	};
	int rc;

	rc = virtdev_new(&ops, &info, c, &c->dev, err);
	if (!rc)
		virtdev_set_keeps(c->dev);
	return rc;
}

static int make_console(const struct virtdev_console_config *config,
			struct virtdev **out, struct vsu_error *err)
{
	struct console *c = calloc(1, sizeof(*c));
	uint32_t i;
	int rc;

	if (!c)
		return vsu_error_sys(err, -ENOMEM, "console");
	pthread_mutex_init(&c->lock, NULL);
	c->max_ports = config->max_ports;
	c->rows_first = config->rows_first;
	c->has_control = c->max_ports > 1 || config->port->name;
	c->nchannels = c->has_control ? 2 + 2 * c->max_ports : 2;
	c->pieces = config->queue_size_max + SPARE_PIECES;
	for (i = 0; i < c->max_ports; i++)
		c->ports[i].timer = -1;
	rc = make_channels(c);
	if (!rc)
		rc = virtdev_priv_port_init(c, &c->ports[0], config->port, NULL);
	if (rc < 0)
		vsu_error_sys(err, rc, "console");
	else
		rc = make_device(c, config->queue_size_max, err);
	if (rc < 0) {
		config->port->host->owned = false;	/* remains with the caller */
		c->ports[0].host = NULL;
		c->ports[0].free_recorder = NULL;
		console_free(c);
		return rc;
	}
	*out = c->dev;
	return 0;
}

int virtdev_console_new(const struct virtdev_console_config *config,
			struct virtdev **out, struct vsu_error *err)
{
	struct virtdev_console_config c = { 0 };
	struct virtdev_console_port port;
	int rc = vsu_copy_sized(&c, sizeof(c), config,
				"struct virtdev_console_config", err);

	if (!rc)
		rc = virtdev_priv_port_check(c.port, &port, err);
	if (rc < 0)
		return rc;
	c.port = &port;
	c.max_ports = c.max_ports ? c.max_ports : 1;
	if (!c.queue_size_max)
		c.queue_size_max = DEFAULT_QUEUE_MAX;
	if (c.max_ports > VIRTDEV_CONSOLE_MAX_PORTS)
		return vsu_error_set(err, -EINVAL,
				     "console: %" PRIu32 " ports; at most %u are possible",
				     c.max_ports, VIRTDEV_CONSOLE_MAX_PORTS);
	if (c.queue_size_max > VQ_MAX_SIZE)
		return vsu_error_set(err, -EINVAL,
				     "console: a queue of %" PRIu32 " entries; at most %u are possible",
				     c.queue_size_max, VQ_MAX_SIZE);
	return make_console(&c, out, err);
}
