/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Recognizes the base of an overlay. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "disk/overlay_base.h"

/* Bytes at each end of the base that identify it. */
#define SAMPLE 65536u
#define SUM_START UINT64_C(0xcbf29ce484222325)

static uint64_t add_to_sum(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		sum = (sum ^ *p++) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t virtdev_priv_overlay_sum(const void *data, size_t len)
{
	return add_to_sum(SUM_START, data, len);
}

int virtdev_priv_overlay_sum_base(const struct virtdev_priv_overlay *o, uint64_t *sum,
				  struct vsu_error *err)
{
	const uint64_t bytes = o->base_bytes;
	const uint64_t len = bytes < SAMPLE ? bytes : SAMPLE;
	char *sample = malloc(SAMPLE);
	int rc = sample ? virtdev_priv_overlay_pread(o->base->fd, sample, len, 0) : -ENOMEM;

	if (!rc) {
		*sum = add_to_sum(SUM_START, sample, len);
		rc = virtdev_priv_overlay_pread(o->base->fd, sample, len, bytes - len);
	}
	if (!rc)
		*sum = add_to_sum(*sum, sample, len);
	free(sample);
	return rc < 0 ? vsu_error_sys(err, rc, "cannot read '%s'", o->base->path) : 0;
}

int virtdev_priv_overlay_base_time(const struct virtdev_priv_overlay *o,
				   struct timespec *time, struct vsu_error *err)
{
	struct stat st;

	if (fstat(o->base->fd, &st) < 0)
		return vsu_error_sys(err, -errno, "cannot inspect '%s'", o->base->path);
	*time = S_ISREG(st.st_mode) ? st.st_mtim : (struct timespec){ 0 };
	return 0;
}

static bool is_known(const struct timespec *time)
{
	return time->tv_sec || time->tv_nsec;
}

/* Finds changes between the ends, too. */
static int check_time(const struct virtdev_priv_overlay *o, const struct timespec *was,
		      struct vsu_error *err)
{
	struct timespec now;
	int rc = virtdev_priv_overlay_base_time(o, &now, err);

	if (rc < 0 || !is_known(was) || !is_known(&now) ||
	    (now.tv_sec == was->tv_sec && now.tv_nsec == was->tv_nsec))
		return rc;
	return vsu_error_set(err, -EINVAL,
			     "the base '%s' was changed after overlay '%s' was made; restore it, or if it has the same content: touch -d @%" PRId64 ".%09ld '%s'",
			     o->base->path, o->path, (int64_t)was->tv_sec, was->tv_nsec,
			     o->base->path);
}

int virtdev_priv_overlay_check_base(const struct virtdev_priv_overlay *o,
				    const struct virtdev_priv_overlay_origin *was,
				    struct vsu_error *err)
{
	uint64_t sum;
	int rc;

	if (was->bytes != o->base_bytes)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for a base of %" PRIu64 " bytes, and '%s' has %" PRIu64 "; use the base that it was made for",
				     o->path, was->bytes, o->base->path, o->base_bytes);
	rc = virtdev_priv_overlay_sum_base(o, &sum, err);
	if (!rc && sum != was->sum)
		return vsu_error_set(err, -EINVAL,
				     "overlay '%s' is for another base than '%s', or the base was changed; use the base that it was made for",
				     o->path, o->base->path);
	return rc ? rc : check_time(o, &was->time, err);
}
