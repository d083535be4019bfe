/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvirtio-devices, in the common part of C99 and C++11. */
#if !defined(_XOPEN_SOURCE)
#define _XOPEN_SOURCE 700
#endif

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/disk.h>
#include <virtio-devices/version.h>

int main(void)
{
	char path[] = "/tmp/c-vmm-consumer-XXXXXX";
	struct virtdev_disk_file file;
	struct virtdev_disk *disk = NULL;
	int fd = mkstemp(path);
	int rc = 1;

	memset(&file, 0, sizeof(file));
	file.size = sizeof(file);
	file.path = path;
	if (fd >= 0 && !ftruncate(fd, 1 << 20))
		rc = virtdev_disk_file_open(&file, &disk, NULL);
	virtdev_disk_free(disk);
	close(fd);
	unlink(path);
	return rc || !strlen(virtdev_version());
}
