/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The dirty log of a migration. To enable it, the front-end sends the log, then
 * negotiates LOG_ALL, then enables logging of each ring. A start includes the
 * same steps. Back-ends made with this library refuse LOG_ALL if they refused
 * the log, because the reply to SET_LOG_BASE cannot express that.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "frontend/priv.h"
#include <vhost/frontend_device.h>
#include <vmm-sys-util/fd.h>

#define BITS_PER_BYTE 8u

static bool is_logging(const struct vhost_user_frontend *f)
{
	return f->log.fd >= 0;
}

int vhost_user_priv_fe_send_log(struct vhost_user_frontend *f,
				unsigned int item, struct vsu_error *err)
{
	const struct fe_request r = {
		.number = VHOST_USER_SET_LOG_BASE,
		.head = &f->log.area,
		.head_len = sizeof(f->log.area),
		.fds = &f->log.fd,
		.nfds = 1,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	(void)item;
	return is_logging(f) ? vhost_user_priv_fe_request(f, &r, err) : 0;
}

/* Bit 30 belongs to the protocol: without it SET_VRING_ENABLE is not legal. */
static int tell_features(struct vhost_user_frontend *f, uint64_t more,
			 struct vsu_error *err)
{
	return vhost_user_priv_fe_tell(f, VHOST_USER_SET_FEATURES, f->acked |
			(f->features & VHOST_USER_F_PROTOCOL_FEATURES) | more,
			err);
}

int vhost_user_priv_fe_send_features(struct vhost_user_frontend *f,
				     unsigned int item, struct vsu_error *err)
{
	(void)item;
	return tell_features(f, 0, err);
}

int vhost_user_priv_fe_send_log_all(struct vhost_user_frontend *f,
				    unsigned int item, struct vsu_error *err)
{
	(void)item;
	return is_logging(f) ? tell_features(f, VHOST_USER_F_LOG_ALL, err) : 0;
}

static int send_switch(struct vhost_user_frontend *f, unsigned int item,
		       struct vsu_error *err)
{
	(void)item;
	return tell_features(f, is_logging(f) ? VHOST_USER_F_LOG_ALL : 0, err);
}

void vhost_user_priv_fe_drop_log(struct vhost_user_frontend *f)
{
	vsu_fd_close(&f->log.fd);
}

static void log_done(struct vhost_user_frontend *f)
{
	f->log.switching = false;
	if (f->ops.log)
		f->ops.log(f->opaque);
}

static const struct fe_step log_steps[] = {
	{ .send = vhost_user_priv_fe_send_log },
	{ .send = send_switch, .wait = true },
	{ .send = vhost_user_priv_fe_send_addr,
	  .count = vhost_user_priv_fe_ring_count },
	{ .send = vhost_user_priv_fe_barrier },
};

/* A back-end that logs only partly is useless for a migration. */
static const struct fe_sequence log_sequence = {
	.steps = log_steps,
	.n = sizeof(log_steps) / sizeof(log_steps[0]),
	.done = log_done,
};

/* ------------------------------------------------------------------ checks */

static uint64_t bytes_needed(const struct vmem_map *map)
{
	const struct vmem_region *last;
	unsigned int n = map ? vmem_map_count(map) : 0;

	if (!n)
		return 0;
	last = vmem_map_region(map, n - 1);
	return (vmem_region_gpa(last) + vmem_region_len(last) - 1) /
	       VHOST_USER_LOG_PAGE / BITS_PER_BYTE + 1;
}

static int check_log(const struct vhost_user_frontend *f, uint64_t size,
		     struct vsu_error *err)
{
	uint64_t need = bytes_needed(f->mem.wanted);

	if (!(f->features & VHOST_USER_F_LOG_ALL) ||
	    !fe_has(f, VHOST_USER_PROTOCOL_F_LOG_SHMFD))
		return vsu_error_set(err, -EOPNOTSUPP,
				     "log: the back-end '%s' does not support logging (LOG_ALL and LOG_SHMFD)",
				     f->peer);
	if (size >= need && size)
		return 0;
	vsu_error_set(err, -EINVAL,
		      "log: %" PRIu64 " bytes, the guest's memory needs %" PRIu64,
		      size, need);
	vsu_error_operands(err, VHOST_USER_SET_LOG_BASE, size, need);
	return -EINVAL;
}

int vhost_user_priv_fe_check_logged(const struct vhost_user_frontend *f,
				    const struct vmem_map *map,
				    struct vsu_error *err)
{
	uint64_t need = bytes_needed(map), size = f->log.area.mmap_size;

	if (!is_logging(f) || size >= need)
		return 0;
	vsu_error_set(err, -EINVAL,
		      "memory: it exceeds the dirty log, which has %" PRIu64 " bytes and needs %" PRIu64 "; set a longer log first",
		      size, need);
	vsu_error_operands(err, VHOST_USER_SET_LOG_BASE, size, need);
	return -EINVAL;
}

static int check_when(const struct vhost_user_frontend *f,
		      struct vsu_error *err)
{
	if (f->reconnect.away || f->state == VHOST_USER_FRONTEND_NEGOTIATING ||
	    f->state == VHOST_USER_FRONTEND_DEAD)
		return vsu_error_set(err, -EPROTO,
				     "log: the session with '%s' is not ready",
				     f->peer);
	if (f->progress.seq)
		return vsu_error_set(err, -EBUSY,
				     "log: another change of the session with '%s' is under way",
				     f->peer);
	return 0;
}

int vhost_user_frontend_set_log(struct vhost_user_frontend *f, int fd,
				uint64_t size, uint64_t offset,
				struct vsu_error *err)
{
	int copy = -1, rc = check_when(f, err);

	if (!rc && fd >= 0)
		rc = check_log(f, size, err);
	if (!rc && fd >= 0)
		rc = copy = vsu_fd_dup(fd);
	if (rc < 0)
		return rc;
	vhost_user_priv_fe_drop_log(f);
	f->log.fd = copy;
	f->log.area.mmap_size = size;
	f->log.area.mmap_offset = offset;
	if (f->state == VHOST_USER_FRONTEND_RUNNING) {
		f->log.switching = true;
		vhost_user_priv_fe_begin(f, &log_sequence);
		vhost_user_priv_fe_push(f);
	}
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(SET_LOG_BASE) },
};
FE_HANDLERS(log, rows);
