/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses, saves, loads and resumes a device, sets its memory, and reads its counters. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "owner/owner.h"
#include "virtio/virtio_private.h"

static const struct virtdev_info *info_of(const struct vmm_virtio *v)
{
	return virtdev_get_info(virtdev_transport_device(v->transport));
}

/* ------------------------------------------------------------ pause, save and load */

int vmm_virtio_check_save(const struct vmm_virtio *v, struct vsu_error *err)
{
	return virtdev_server_check_save(v->server, err);
}

/* The result is only a code, so the reason is logged. */
int vmm_virtio_pause(struct vmm_virtio *v, bool saves)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int rc = -EAGAIN;

	vmm_virtio_lock(v);
	if (!virtdev_transport_is_resetting(v->transport))
		rc = virtdev_server_pause(v->server, saves, &err);
	vmm_virtio_unlock(v);
	if (!saves && (rc == -ECONNRESET || rc == -ENOTCONN))
		return 0;	/* without a server, queues are stopped already */
	if (rc < 0 && rc != -EAGAIN && err.code)
		vmm_log(v->resources.log, CVMM_LOG_WARNING, "state", "%s", err.msg);
	return rc;
}

int vmm_virtio_resume(struct vmm_virtio *v)
{
	struct vq_config config;
	bool started;
	uint32_t i;
	int rc = 0;

	vmm_virtio_lock(v);
	if (!virtdev_transport_is_resetting(v->transport))
		rc = virtdev_server_resume(v->server, NULL);
	/* VIRTIO 1.3, 2.1.2: no notification before DRIVER_OK */
	started = virtdev_transport_status(v->transport) & VIRTDEV_STATUS_DRIVER_OK;
	for (i = 0; started && i < info_of(v)->nqueues; i++)
		if (virtdev_transport_queue(v->transport, i, &config))
			virtdev_transport_interrupt(v->transport, i);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_take(struct vmm_virtio *v, void **bytes, size_t *len,
		    struct vsu_error *err)
{
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_server_take(v->server, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_load(struct vmm_virtio *v, const void *bytes, size_t len,
		    struct vsu_error *err)
{
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_server_load(v->server, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

/* Returns the queues to the guest without waiting for the back-end. */
int vmm_virtio_force_stop(struct vmm_virtio *v)
{
	struct vsu_error why;

	if (!v->gone)
		return -EOPNOTSUPP;
	vsu_error_set(&why, -ECANCELED, "the machine no longer waits for the server of this device");
	return virtdev_server_fail(v->server, &why);
}

/* --------------------------------------------------------------- the guest's memory */

void vmm_virtio_refresh(struct vmm_virtio *v)
{
	vmm_virtio_lock(v);
	if (v->ops->refresh)
		v->ops->refresh(v->backend);
	else
		(void)!virtdev_server_set_memory(v->server, NULL, NULL);
	vmm_virtio_unlock(v);
}

int vmm_virtio_announce(struct vmm_virtio *v, struct vsu_error *err)
{
	int rc;

	if (!v->ops->announce)
		return 0;
	vmm_virtio_lock(v);
	rc = v->ops->announce(v->backend, err);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_give_memory(struct vmm_virtio *v, bool with_windows, struct vsu_error *err)
{
	struct vmem_map *map;
	int rc = vmm_window_map_for(v->resources.shmem, v, with_windows, &map);

	if (rc < 0)
		return vsu_error_sys(err, rc, "the guest's memory");
	rc = virtdev_server_set_memory(v->server, map, err);
	vmem_map_unref(map);
	return rc;
}

/* ------------------------------------------------------------ pages that it writes */

static int add_remedy(int rc, const struct vsu_error *why, const struct vmm_virtio_remedy *remedy, struct vsu_error *err)
{
	if (rc == -EOPNOTSUPP && remedy->text) {
		vsu_error_set(err, rc, "%s%s", why->msg, remedy->text);
		(void)vsu_error_operands(err, remedy->advice, 0, 0);
		return rc;
	}
	if (rc < 0 && err)
		*err = *why;
	return rc;
}

int vmm_virtio_check_log(const struct vmm_virtio *v, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = virtdev_server_check_log(v->server, &why);

	return add_remedy(rc, &why, &v->ops->log_remedy, err);
}

int vmm_virtio_set_log(struct vmm_virtio *v, const struct vhost_dirty_log *log,
		       struct vsu_error *err)
{
	struct virtdev_server_log own;
	int rc;

	if (log)
		own = (struct virtdev_server_log){ log->words, log->fd, log->size };
	vmm_virtio_lock(v);
	rc = virtdev_server_set_log(v->server, log ? &own : NULL, err);
	vmm_virtio_unlock(v);
	return rc;
}

/*
 * The lengths are those of split rings (VIRTIO 1.3, 2.7); packed rings are shorter. They
 * do not depend on the server: some log the wrong area of packed rings.
 */
void vmm_virtio_log_rings(struct vmm_virtio *v, const struct vhost_dirty_log *log)
{
	struct vq_config config;
	uint32_t i;

	for (i = 0; i < info_of(v)->nqueues; i++) {
		if (!virtdev_transport_queue(v->transport, i, &config))
			continue;
		vhost_dirty_log_add(log, config.desc_gpa, UINT64_C(16) * config.size);
		vhost_dirty_log_add(log, config.driver_gpa, 6 + UINT64_C(2) * config.size);
		vhost_dirty_log_add(log, config.device_gpa, 6 + UINT64_C(8) * config.size);
	}
}

/* -------------------------------------------------- memory that has not arrived */

int vmm_virtio_postcopy_advise(struct vmm_virtio *v, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_server_postcopy_advise(v->server, &why);
	vmm_virtio_unlock(v);
	return add_remedy(rc, &why, &v->ops->postcopy_remedy, err);
}

int vmm_virtio_postcopy_listen(struct vmm_virtio *v, const struct virtdev_page_faults *to,
			       struct vsu_error *err)
{
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_server_postcopy_listen(v->server, to, err);
	vmm_virtio_unlock(v);
	return rc;
}

void vmm_virtio_postcopy_end(struct vmm_virtio *v)
{
	vmm_virtio_lock(v);
	virtdev_server_postcopy_end(v->server);
	vmm_virtio_unlock(v);
}

/* ---------------------------------------------------------------- counters */

uint32_t vmm_virtio_stats(const struct vmm_virtio *v,
			  struct virtdev_stat *stats, uint32_t max)
{
	return v->ops->stats ? v->ops->stats(v->backend, stats, max) :
	       virtdev_stats(virtdev_transport_device(v->transport), stats, max);
}

pid_t vmm_virtio_process(const struct vmm_virtio *v)
{
	return v->ops->process ? v->ops->process(v->backend) : 0;
}

uint32_t vmm_virtio_some_stats(struct virtdev_stat *stats, uint32_t max,
			       const struct virtdev_stat *all, uint32_t n)
{
	memcpy(stats, all, (n < max ? n : max) * sizeof(*stats));
	return n;
}
