/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The common part of all servers of queues behind a transport. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <vhost/frontend.h>

#include "core/device_struct.h"
#include "core/server_priv.h"
#include "core/transport_priv.h"

/* ------------------------------------------------------------ transport and device */

int virtdev_priv_server_attach(struct virtdev_server *s, const struct virtdev_server_ops *ops,
			       struct vsu_error *err)
{
	if (s->t->server || virtdev_set_server(s->t->dev, ops, s) < 0)
		return vsu_error_set(err, -EBUSY, "%s has a server already; free that one first",
				     virtdev_name(s->t->dev));
	s->t->server = s;
	return 0;
}

void virtdev_priv_server_detach(struct virtdev_server *s)
{
	(void)!virtdev_set_server(s->t->dev, NULL, NULL);
	s->t->server = NULL;
}

void virtdev_priv_server_config_changed(void *opaque)
{
	const struct virtdev_server *s = opaque;

	virtdev_transport_config_changed(s->t);
}

void virtdev_priv_server_queue_broken(void *opaque, uint32_t queue)
{
	const struct virtdev_server *s = opaque;

	(void)queue;
	virtdev_transport_needs_reset(s->t);
}

void virtdev_priv_describe_ring(const struct virtdev_transport *t, uint32_t queue,
				const struct virtdev_server_queue *fds,
				struct vhost_user_ring *ring)
{
	struct vq_config config;

	memset(ring, 0, sizeof(*ring));
	if (!virtdev_transport_queue(t, queue, &config))
		return;
	ring->size = config.size;
	ring->base = config.base;
	ring->desc_gpa = config.desc_gpa;
	ring->driver_gpa = config.driver_gpa;
	ring->device_gpa = config.device_gpa;
	ring->kick_fd = fds->kick_fd;
	ring->call_fd = fds->call_fd;
	ring->err_fd = fds->err_fd;
}

/* ------------------------------------------------------------------- the interface */

void virtdev_server_free(struct virtdev_server *s)
{
	if (s)
		s->ops->free(s->self);
}

int virtdev_server_fd(const struct virtdev_server *s)
{
	return s->fd;
}

void virtdev_server_dispatch(struct virtdev_server *s)
{
	s->ops->dispatch(s->self);
}

int virtdev_server_kick_fd(const struct virtdev_server *s, uint32_t queue)
{
	return queue < s->t->nrings ? s->ops->kick_fd(s->self, queue) : -EINVAL;
}

int virtdev_server_set_memory(struct virtdev_server *s, struct vmem_map *map,
			      struct vsu_error *err)
{
	return s->ops->set_memory(s->self, map, err);
}

int virtdev_server_stop(struct virtdev_server *s)
{
	return s->ops->stop(s->self);
}

int virtdev_server_fail(struct virtdev_server *s, const struct vsu_error *why)
{
	return s->ops->fail ? s->ops->fail(s->self, why) : -EOPNOTSUPP;
}

uint64_t virtdev_server_faults(const struct virtdev_server *s, uint32_t queue,
			       struct vq_fault *last)
{
	const struct vq_fault none = { 0 };

	if (last)
		*last = none;
	return s->ops->faults && queue < s->t->nrings ? s->ops->faults(s->self, queue, last) : 0;
}

int virtdev_server_check_save(const struct virtdev_server *s, struct vsu_error *err)
{
	return s->ops->check_save ? s->ops->check_save(s->self, err) : 0;
}

int virtdev_server_pause(struct virtdev_server *s, bool saves, struct vsu_error *err)
{
	int rc = s->ops->pause(s->self);

	return rc || !saves || !s->ops->collect ? rc : s->ops->collect(s->self, err);
}

int virtdev_server_resume(struct virtdev_server *s, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = s->ops->resume(s->self, &why);

	if (rc < 0) {
		virtdev_priv_server_report(s, rc, &why);
		virtdev_transport_needs_reset(s->t);
		if (err)
			*err = why;
	}
	return rc;
}

int virtdev_server_take(struct virtdev_server *s, void **bytes, size_t *len,
			struct vsu_error *err)
{
	return s->ops->take(s->self, bytes, len, err);
}

int virtdev_server_load(struct virtdev_server *s, const void *bytes, size_t len,
			struct vsu_error *err)
{
	return s->ops->load(s->self, bytes, len, err);
}

/* ----------------------------------------------------------------------- migration */

int virtdev_server_check_log(const struct virtdev_server *s, struct vsu_error *err)
{
	return s->ops->check_log ? s->ops->check_log(s->self, err) : 0;
}

int virtdev_server_set_log(struct virtdev_server *s, const struct virtdev_server_log *log,
			   struct vsu_error *err)
{
	return s->ops->set_log ? s->ops->set_log(s->self, log, err) : 0;
}

int virtdev_server_postcopy_advise(struct virtdev_server *s, struct vsu_error *err)
{
	return s->ops->postcopy_advise ? s->ops->postcopy_advise(s->self, err) : 0;
}

int virtdev_server_postcopy_listen(struct virtdev_server *s, const struct virtdev_page_faults *to,
				   struct vsu_error *err)
{
	return s->ops->postcopy_listen ? s->ops->postcopy_listen(s->self, to, err) : 0;
}

void virtdev_server_postcopy_end(struct virtdev_server *s)
{
	if (s->ops->postcopy_end)
		s->ops->postcopy_end(s->self);
}
