/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The dirty log: the kernel sets a bit for each page that it stores to. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/fd.h>

#include "kernel/priv.h"

/* Bytes of guest memory per byte of the log. */
#define LOGGED_BY_BYTE (8u * 4096u)

static int check_length(const struct vhost_kern *k, const struct kern_log *log,
			const struct vmem_map *map, struct vsu_error *err)
{
	const unsigned int n = vmem_map_count(map);
	const struct vmem_region *last = n ? vmem_map_region(map, n - 1) : NULL;
	uint64_t need;

	if (!log->bits || !last)
		return 0;
	need = (vmem_region_gpa(last) + vmem_region_len(last) - 1) /
	       LOGGED_BY_BYTE + 1;
	if (need <= log->len)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "'%s': a dirty log of %zu bytes is too short; the guest's memory requires %" PRIu64,
			     k->name, log->len, need);
}

int vhost_kern_priv_check_log(const struct vhost_kern *k,
			      const struct vmem_map *map,
			      struct vsu_error *err)
{
	return check_length(k, &k->log, map, err);
}

/* A stopped ring receives its flag at the next start. */
static int update_rings(const struct vhost_kern *k)
{
	uint32_t i;
	int rc = k->running ? vhost_kern_priv_send_features(k) : 0;

	for (i = 0; !rc && i < VHOST_KERN_RINGS; i++)
		if (k->rings[i].running)
			rc = vhost_kern_priv_send_addresses(k, i);
	return rc;
}

/* Set the base first: the kernel checks it when logging is enabled. */
static int send_log(struct vhost_kern *k, const struct kern_log *log)
{
	uint64_t base = (uintptr_t)log->bits;
	int rc = 0, event_fd = log->event_fd;

	k->log = *log;
	if (log->bits)
		rc = vhost_kern_priv_call(k, VHOST_SET_LOG_BASE, &base);
	if (!rc)
		rc = vhost_kern_priv_call(k, VHOST_SET_LOG_FD, &event_fd);
	return rc ? rc : update_rings(k);
}

static int make_log(const struct vhost_kern *k, int event_fd,
		    struct kern_log *log, struct vsu_error *err)
{
	int rc = check_length(k, log, k->map, err);

	if (rc < 0)
		return rc;
	if (log->bits && event_fd >= 0)
		log->event_fd = rc = vsu_fd_dup(event_fd);
	return rc < 0 ? vsu_error_sys(err, rc, "'%s': event of the dirty log", k->name) : 0;
}

int vhost_kern_set_log(struct vhost_kern *k, void *log, size_t len,
		       int event_fd, struct vsu_error *err)
{
	struct kern_log next = { log, len, -1 }, former = k->log;
	int rc;

	if (log && !(k->offered & UINT64_C(1) << VHOST_F_LOG_ALL))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "'%s' does not support a dirty log", k->name);
	rc = make_log(k, event_fd, &next, err);
	if (rc < 0)
		return rc;
	rc = send_log(k, &next);
	if (rc < 0) {
		(void)!send_log(k, &former);	/* the kernel may have switched in part */
		vsu_fd_close(&next.event_fd);
		return vsu_error_sys(err, rc, "'%s': dirty log", k->name);
	}
	vsu_fd_close(&former.event_fd);
	return 0;
}
