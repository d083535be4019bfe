/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Pauses, saves, loads and resumes a device through its backend, and reads its counters. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "virtio/virtio.h"

static const struct virtdev_info *info_of(const struct vmm_virtio *v)
{
	return virtdev_get_info(virtdev_transport_device(vmm_virtio_transport(v)));
}

int vmm_virtio_check_save(const struct vmm_virtio *v, struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->check_save ? ops->check_save(backend, err) : 0;
}

/* Its queues are stopped already. */
static bool lacks_server(int rc)
{
	return rc == -ECONNRESET || rc == -ENOTCONN;
}

int vmm_virtio_pause(struct vmm_virtio *v, bool saves)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = virtdev_transport_is_resetting(vmm_virtio_transport(v)) ? -EAGAIN :
	     ops->pause(backend);
	if (!saves && lacks_server(rc))
		rc = 0;
	if (!rc && saves && ops->gather)
		rc = ops->gather(backend);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_resume(struct vmm_virtio *v)
{
	struct virtdev_transport *t = vmm_virtio_transport(v);
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	struct vq_config config;
	bool started;
	uint32_t i;
	int rc = 0;

	vmm_virtio_lock(v);
	if (!virtdev_transport_is_resetting(t))
		rc = ops->resume(backend);
	/* VIRTIO 1.3, 2.1.2: no notification before DRIVER_OK */
	started = virtdev_transport_status(t) & VIRTDEV_STATUS_DRIVER_OK;
	for (i = 0; started && i < info_of(v)->nqueues; i++)
		if (virtdev_transport_queue(t, i, &config))
			virtdev_transport_interrupt(t, i);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_announce(struct vmm_virtio *v, struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	if (!ops->announce)
		return 0;
	vmm_virtio_lock(v);
	rc = ops->announce(backend, err);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_take(struct vmm_virtio *v, void **bytes, size_t *len,
		    struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->take(backend, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_load(struct vmm_virtio *v, const void *bytes, size_t len,
		    struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->load(backend, bytes, len, err);
	vmm_virtio_unlock(v);
	return rc;
}

/* ------------------------------------------------------------ pages that it writes */

int vmm_virtio_check_log(const struct vmm_virtio *v, struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->check_log ? ops->check_log(backend, err) : 0;
}

int vmm_virtio_set_log(struct vmm_virtio *v, const struct vmm_dirty_log *log,
		       struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->set_log ? ops->set_log(backend, log, err) : 0;
	vmm_virtio_unlock(v);
	return rc;
}

/*
 * The lengths are those of split rings (VIRTIO 1.3, 2.7); packed rings are shorter. They
 * do not depend on the server: some log the wrong area of packed rings.
 */
void vmm_virtio_log_rings(struct vmm_virtio *v, const struct vmm_dirty_log *log)
{
	struct vq_config config;
	uint32_t i;

	for (i = 0; i < info_of(v)->nqueues; i++) {
		if (!virtdev_transport_queue(vmm_virtio_transport(v), i, &config))
			continue;
		vmm_dirty_log_add(log, config.desc_gpa, UINT64_C(16) * config.size);
		vmm_dirty_log_add(log, config.driver_gpa, 6 + UINT64_C(2) * config.size);
		vmm_dirty_log_add(log, config.device_gpa, 6 + UINT64_C(8) * config.size);
	}
}

/* -------------------------------------------------- memory that has not arrived */

int vmm_virtio_postcopy_advise(struct vmm_virtio *v, struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->postcopy_advise ? ops->postcopy_advise(backend, err) : 0;
	vmm_virtio_unlock(v);
	return rc;
}

int vmm_virtio_postcopy_listen(struct vmm_virtio *v, const struct virtdev_vhost_user_faults *to,
			       struct vsu_error *err)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);
	int rc;

	vmm_virtio_lock(v);
	rc = ops->postcopy_listen ? ops->postcopy_listen(backend, to, err) : 0;
	vmm_virtio_unlock(v);
	return rc;
}

void vmm_virtio_postcopy_end(struct vmm_virtio *v)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	vmm_virtio_lock(v);
	if (ops->postcopy_end)
		ops->postcopy_end(backend);
	vmm_virtio_unlock(v);
}

/* ---------------------------------------------------------------- counters */

uint32_t vmm_virtio_stats(const struct vmm_virtio *v,
			  struct virtdev_stat *stats, uint32_t max)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->stats ? ops->stats(backend, stats, max) :
	       virtdev_stats(virtdev_transport_device(vmm_virtio_transport(v)),
			     stats, max);
}

pid_t vmm_virtio_process(const struct vmm_virtio *v)
{
	void *backend;
	const struct vmm_virtio_backend *ops = vmm_virtio_get_backend(v, &backend);

	return ops->process ? ops->process(backend) : 0;
}

uint32_t vmm_virtio_some_stats(struct virtdev_stat *stats, uint32_t max,
			       const struct virtdev_stat *all, uint32_t n)
{
	memcpy(stats, all, (n < max ? n : max) * sizeof(*stats));
	return n;
}
