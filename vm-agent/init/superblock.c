/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Magic numbers of file systems. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/agent.h"

/* ext2 and ext3 are mounted as ext4, whose superblock they have. */
static const struct {
	const char *type;
	size_t at;
	const char *magic;
} rows[] = {
	{ "ext4", 0x438, "\x53\xef" },
	{ "xfs", 0, "XFSB" },
	{ "btrfs", 0x10040, "_BHRfS_M" },
	{ "squashfs", 0, "hsqs" },
	{ "erofs", 0x400, "\xe2\xe1\xf5\xe0" },
	{ "f2fs", 0x400, "\x10\x20\xf5\xf2" },
	{ "iso9660", 0x8001, "CD001" },
	{ "vfat", 0x52, "FAT32" },
	{ "vfat", 0x36, "FAT" },
};

const char *vagent_init_superblock_type(const char *bytes, size_t len)
{
	size_t i, n;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		n = strlen(rows[i].magic);
		if (rows[i].at + n <= len && !memcmp(bytes + rows[i].at, rows[i].magic, n))
			return rows[i].type;
	}
	return NULL;
}

const char *vagent_priv_superblock_type_of(const char *path)
{
	char *bytes = malloc(VAGENT_SUPERBLOCK_BYTES);
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = bytes && fd >= 0 ? pread(fd, bytes, VAGENT_SUPERBLOCK_BYTES, 0) : -1;
	const char *type = n > 0 ? vagent_init_superblock_type(bytes, (size_t)n) : NULL;

	free(bytes);
	if (fd >= 0)
		close(fd);
	return type;
}
