/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The watchers of a remote device's session, and the reports to its owner. */
#include <config.h>

#include "log/log.h"
#include "virtio/remote_session.h"

void vmm_remote_watch(struct remote *r)
{
	vmm_io_start(r->loop, &r->session);
	r->watched = true;
}

void vmm_remote_unwatch(struct remote *r)
{
	if (!r->watched)
		return;
	vmm_io_stop(&r->session);
	vmm_timer_stop(&r->refresh);
	vmm_timer_stop(&r->limit);
	r->watched = false;
}

void vmm_remote_notify(const struct remote *r, const struct vsu_error *err)
{
	const struct vmm_virtio_resources *resources =
		r->v ? vmm_virtio_get_resources(r->v) : NULL;

	if (resources && err && resources->away)
		resources->away(resources->opaque, err);
	else if (resources && !err && resources->back)
		resources->back(resources->opaque, virtdev_vhost_user_settings(r->user));
}

void vmm_remote_not_started(void *opaque, const struct vsu_error *err)
{
	const struct remote *r = opaque;

	vmm_log(r->log, VMM_LOG_WARNING, "not started",
		"the queues of '%s' cannot be started: %s; the guest has to reset the device",
		r->socket, err->msg);
}
