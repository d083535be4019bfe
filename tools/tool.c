/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Files of results and numbers of devices, for several commands. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include <virtio-devices/vhost_user.h>

#include "tool.h"

FILE *tool_create(const char *path, struct vsu_error *err)
{
	FILE *file = fopen(path, "we");

	if (!file)
		vsu_error_sys(err, -errno, "cannot create '%s'", path);
	return file;
}

enum vsu_exit tool_close(FILE *file, const char *path, enum vsu_exit status, struct vsu_error *err)
{
	int rc = ferror(file) ? -EIO : 0;

	if (fclose(file) && rc == 0)
		rc = -errno;
	if (rc < 0)
		vsu_error_sys(err, rc, "cannot write '%s'", path);
	return rc < 0 ? VSU_EXIT_INPUT : status;
}

uint32_t tool_device_id(const char *device)
{
	return device ? virtdev_vhost_user_id_of(device, strlen(device)) : 0;
}
