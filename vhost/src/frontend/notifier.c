/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Host notifiers: pages of a back-end's device through which a guest kicks a
 * ring without an exit. They are checked here and mapped by the owner.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "frontend/priv.h"
#include "wire/descriptor.h"
#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

/* Checks for exactly one page of an existing ring. */
static int check_area(const struct vhost_user_frontend *f,
		      const struct vhost_user_vring_area *a,
		      struct vsu_error *why)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t ring = a->u64 & ~(uint64_t)VHOST_USER_VRING_NOFD;

	if (ring >= f->nrings || !f->rings[ring].described)
		return vsu_error_set(why, -EBADMSG,
				     "no ring %#" PRIx64, ring);
	if (a->u64 & VHOST_USER_VRING_NOFD ||
	    (a->size == page && vsu_is_aligned(a->offset, page)))
		return 0;
	return vsu_error_set(why, -EBADMSG,
			     "%#" PRIx64 " bytes at %#" PRIx64 " are not one page",
			     a->size, a->offset);
}

/* A kernel device (VFIO) has neither a known file kind nor a size. */
static int check_page(const struct vhost_user_frontend *f,
		      const struct vhost_user_vring_area *a, int fd,
		      struct vsu_error *why)
{
	uint64_t size = 0;
	int rc;

	if (vsu_foreign_kind(fd) == VSU_FOREIGN_OTHER)
		return 0;
	rc = vhost_user_priv_check_file(fd, f->shm.table.served_files,
					"VRING_HOST_NOTIFIER_MSG", why);
	if (rc < 0)
		return rc;
	rc = vsu_fd_size(fd, &size);
	if (rc < 0)
		return vsu_error_sys(why, rc, "the size of its file");
	if (!size || !vsu_range_exceeds(a->offset, a->size, size))
		return 0;
	return vsu_error_set(why, -EBADMSG,
			     "a page at %#" PRIx64 " exceeds its file's %#" PRIx64,
			     a->offset, size);
}

static int serve_notifier(struct vhost_user_frontend *f,
			  const struct vhost_user_priv_msg *msg, int *fd,
			  struct vsu_error *why)
{
	const struct vhost_user_vring_area *a = &msg->payload.area;
	int page = msg->nfds ? msg->fds[0] : -1;
	int rc = check_area(f, a, why);

	(void)fd;
	if (rc == 0 && page >= 0)
		rc = check_page(f, a, page, why);
	if (rc < 0)
		return rc;
	return f->device.host_notifier(f->opaque,
				       (uint32_t)(a->u64 &
						  VHOST_USER_VRING_INDEX_MASK),
				       page, page < 0 ? 0 : a->offset);
}

static const struct fe_handler rows[] = {
	{ FE_SERVED(VRING_HOST_NOTIFIER_MSG), .serve = serve_notifier,
	  .ops = { FE_OP(device.host_notifier) } },
};
FE_HANDLERS(notifier, rows);
