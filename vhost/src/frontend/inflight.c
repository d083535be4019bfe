/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The in-flight area, kept for the back-end. The back-end allocates it; the
 * front-end holds its descriptor and sends it to this back-end and its
 * replacements, without reading the content.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include <vhost/frontend_device.h>

#include "frontend/priv.h"
#include "wire/descriptor.h"
#include "wire/kept.h"
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>

static uint16_t largest_ring(const struct vhost_user_frontend *f)
{
	uint32_t size = 0;
	unsigned int i;

	for (i = 0; i < f->nrings; i++)
		if (f->rings[i].described && f->rings[i].desc.size > size)
			size = f->rings[i].desc.size;
	return (uint16_t)size;
}

void vhost_user_priv_fe_drop_inflight(struct vhost_user_frontend *f)
{
	vsu_fd_close(&f->inflight.fd);
	f->inflight.list = FE_INFLIGHT_IN_USE;
}

int vhost_user_priv_fe_send_get_inflight(struct vhost_user_frontend *f,
					 unsigned int item,
					 struct vsu_error *err)
{
	const struct vhost_user_inflight ask = {
		.num_queues = (uint16_t)f->nrings,
		.queue_size = largest_ring(f),
	};
	const struct fe_request r = {
		.number = VHOST_USER_GET_INFLIGHT_FD,
		.head = &ask,
		.head_len = sizeof(ask),
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};
	int rc;

	(void)item;
	if (!fe_has(f, VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD) ||
	    f->inflight.fd >= 0)
		return 0;
	rc = vhost_user_priv_fe_request(f, &r, err);
	if (!rc)
		f->inflight.asked = true;
	return rc;
}

/* Waits for the area only, not for later replies. */
int vhost_user_priv_fe_send_set_inflight(struct vhost_user_frontend *f,
					 unsigned int item,
					 struct vsu_error *err)
{
	const struct fe_request r = {
		.number = VHOST_USER_SET_INFLIGHT_FD,
		.head = &f->inflight.area,
		.head_len = sizeof(f->inflight.area),
		.fds = &f->inflight.fd,
		.nfds = 1,
		.lasting = true,
		.note = { .in_sequence = true, .ring = FE_NO_ITEM },
	};

	(void)item;
	if (f->inflight.asked)
		return -EAGAIN;
	if (f->inflight.fd < 0)
		return 0;
	return vhost_user_priv_fe_request(f, &r, err);
}

bool vhost_user_frontend_kept_loads(const struct vhost_user_frontend *f,
				    uint64_t *loads)
{
	struct vhost_user_priv_kept head;
	uint64_t at;

	if (f->inflight.fd < 0 || !vhost_user_priv_kept_at(&f->inflight.area, &at) ||
	    pread(f->inflight.fd, &head, sizeof(head), (off_t)at) != sizeof(head) ||
	    head.magic != VHOST_USER_PRIV_KEPT_MAGIC)
		return false;
	*loads = head.loads;
	return true;
}

/* The file comes from the back-end, so its kind is checked. */
static int check_area(const struct vhost_user_frontend *f,
		      const struct vhost_user_inflight *in, int fd,
		      struct vsu_error *err)
{
	uint64_t size;
	int rc = vhost_user_priv_check_file(fd, f->shm.table.served_files,
					    "GET_INFLIGHT_FD", err);

	if (rc < 0)
		return rc;
	rc = vsu_fd_size(fd, &size);
	if (rc < 0)
		return vsu_error_sys(err, rc, "GET_INFLIGHT_FD");
	if (vsu_range_exceeds(in->mmap_offset, in->mmap_size, size))
		return vsu_error_set(err, -EBADMSG,
				     "GET_INFLIGHT_FD: %#" PRIx64 " bytes at %#" PRIx64 " exceed the file's %#" PRIx64,
				     in->mmap_size, in->mmap_offset, size);
	if (in->num_queues != f->nrings || in->queue_size < largest_ring(f))
		return vsu_error_set(err, -EBADMSG,
				     "GET_INFLIGHT_FD: the area is for %u rings of %u entries, requested were %u of %u",
				     in->num_queues, in->queue_size, f->nrings,
				     largest_ring(f));
	return 0;
}

static int accept_inflight(struct vhost_user_frontend *f,
			   const struct fe_pending *p,
			   const struct vhost_user_priv_msg *msg,
			   struct vsu_error *err)
{
	int rc;

	(void)p;
	f->inflight.asked = false;
	if (msg->nfds != 1)
		return vsu_error_set(err, -EBADMSG,
				     "GET_INFLIGHT_FD: the reply has no descriptor");
	rc = check_area(f, &msg->payload.inflight, msg->fds[0], err);
	if (rc < 0)
		return rc;
	rc = vsu_fd_dup(msg->fds[0]);
	if (rc < 0)
		return vsu_error_sys(err, rc,
				     "GET_INFLIGHT_FD: cannot keep its descriptor");
	f->inflight.fd = rc;
	f->inflight.area = msg->payload.inflight;
	return 0;
}

static const struct fe_handler rows[] = {
	{ FE_SENT(GET_INFLIGHT_FD), .accept = accept_inflight },
	{ FE_SENT(SET_INFLIGHT_FD) },
};
FE_HANDLERS(inflight, rows);
