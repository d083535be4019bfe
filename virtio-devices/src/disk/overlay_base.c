/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Recognizes the base of an overlay. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "disk/identity.h"
#include "disk/overlay_base.h"

static bool is_known(const struct virtdev_disk_identity *id)
{
	return id->seconds || id->ns;
}

/* Finds changes between the ends, too. */
static int check_time(const struct virtdev_priv_overlay *o,
		      const struct virtdev_disk_identity *was,
		      const struct virtdev_disk_identity *now, struct vsu_error *err)
{
	if (!is_known(was) || !is_known(now) ||
	    (now->seconds == was->seconds && now->ns == was->ns))
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "the base '%s' was changed after overlay '%s' was made; restore it, or if it has the same content: touch -d @%" PRId64 ".%09" PRIu32 " '%s'",
			     o->base->path, o->path, was->seconds, was->ns,
			     o->base->path);
}

int virtdev_priv_overlay_check_base(const struct virtdev_priv_overlay *o,
				    const struct virtdev_disk_identity *was,
				    struct vsu_error *err)
{
	struct virtdev_disk_identity now;
	int rc;

	if (was->bytes != o->base_bytes)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for a base of %" PRIu64 " bytes, and '%s' has %" PRIu64 "; use the base that it was made for",
				     o->path, was->bytes, o->base->path, o->base_bytes);
	rc = virtdev_priv_identify(o->base->fd, o->base_bytes, o->base->path, &now, err);
	if (!rc && now.sum != was->sum)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for another base than '%s', or the base was changed; use the base that it was made for",
				     o->path, o->base->path);
	return rc ? rc : check_time(o, was, &now, err);
}
