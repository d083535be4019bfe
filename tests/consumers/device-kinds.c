/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libdevice-kinds, in the common part of C99 and C++11. */
#include <stdint.h>
#include <string.h>

#include <device-kinds/kind.h>
#include <device-kinds/version.h>

int main(void)
{
	uint64_t config[DEVKIND_MAX_CONFIG / sizeof(uint64_t)];
	const struct devkind *kind = devkind_find("rng", 3);
	struct devkind_common common;
	struct virtdev *dev = NULL;
	int rc = 1;

	memset(config, 0, sizeof(config));
	memset(&common, 0, sizeof(common));
	if (kind && !devkind_missing(kind, config))
		rc = devkind_make(kind, config, &common, &dev, NULL);
	if (!rc)
		virtdev_free(dev);
	return rc || !strlen(devkind_version());
}
