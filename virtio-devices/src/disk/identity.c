/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Recognizes the content of a file by its size, its ends and its time. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/identity.h"

/* Bytes at each end that identify a file. */
#define SAMPLE 65536u
#define SUM_START UINT64_C(0xcbf29ce484222325)

int virtdev_priv_read_all(int fd, void *to, uint64_t len, uint64_t pos)
{
	char *p = to;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENODATA;
		p += n;
		len -= (uint64_t)n;
		pos += (uint64_t)n;
	}
	return 0;
}

static uint64_t add_to_sum(uint64_t sum, const void *data, size_t len)
{
	const uint8_t *p = data;

	while (len--)
		sum = (sum ^ *p++) * UINT64_C(0x100000001b3);
	return sum;
}

uint64_t virtdev_priv_sum(const void *data, size_t len)
{
	return add_to_sum(SUM_START, data, len);
}

static int sum_ends(int fd, uint64_t bytes, uint64_t *sum)
{
	const uint64_t len = bytes < SAMPLE ? bytes : SAMPLE;
	char *sample = malloc(SAMPLE);
	int rc = sample ? virtdev_priv_read_all(fd, sample, len, 0) : -ENOMEM;

	if (!rc) {
		*sum = add_to_sum(SUM_START, sample, len);
		rc = virtdev_priv_read_all(fd, sample, len, bytes - len);
	}
	if (!rc)
		*sum = add_to_sum(*sum, sample, len);
	free(sample);
	return rc;
}

int virtdev_priv_identify(int fd, uint64_t bytes, const char *path,
			  struct virtdev_disk_identity *out, struct vsu_error *err)
{
	struct virtdev_disk_identity id = { .bytes = bytes };
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return vsu_error_sys(err, -errno, "cannot inspect '%s'", path);
	if (S_ISREG(st.st_mode)) {
		id.seconds = st.st_mtim.tv_sec;
		id.ns = (uint32_t)st.st_mtim.tv_nsec;
	}
	rc = sum_ends(fd, bytes, &id.sum);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot read '%s'", path);
	*out = id;
	return 0;
}
