/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads of an overlay and its base. */
#include <config.h>

#include <errno.h>
#include <unistd.h>

#include "disk/overlay.h"

int virtdev_priv_overlay_pread(int fd, void *to, uint64_t len, uint64_t pos)
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
