/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The device that root=PARTUUID=, PARTLABEL=, UUID= or LABEL= names. Partitions are read from the
 * tables of the disks, and file systems from their superblocks.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/fs.h>

#include "init/agent.h"
#include "init/volume.h"

#define MAX_DEVICES 1024

enum kind { PARTUUID, PARTLABEL, UUID, LABEL, KINDS };

static const char *const prefixes[KINDS] = { "PARTUUID=", "PARTLABEL=", "UUID=", "LABEL=" };

static enum kind kind_of(const char *root)
{
	enum kind kind = PARTUUID;

	while (kind < KINDS && strncmp(root, prefixes[kind], strlen(prefixes[kind])) != 0)
		kind++;
	return kind;
}

bool vagent_priv_root_has_name(const char *root)
{
	return kind_of(root) < KINDS;
}

/* Finds a partition of a whole disk. Names of disks that end with a digit have a "p": "nvme0n1p1". */
static bool find_partition(int fd, const char *disk, enum kind kind, const char *name, char path[AGENT_DEVICE])
{
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	const bool digit = isdigit((unsigned char)disk[strlen(disk) - 1]);
	int sector = 512, n, i;

	ioctl(fd, BLKSSZGET, &sector);
	n = vagent_init_read_partitions(fd, (uint32_t)sector, parts);
	for (i = 0; i < n; i++)
		if (kind == PARTUUID ? !strcasecmp(parts[i].uuid, name) : !strcmp(parts[i].label, name)) {
			snprintf(path, AGENT_DEVICE, "/dev/%.200s%s%u", disk, digit ? "p" : "", parts[i].number);
			return true;
		}
	return false;
}

static bool has_volume(int fd, enum kind kind, const char *name)
{
	static uint8_t bytes[VOLUME_PROBE];
	struct volume v;

	memset(bytes, 0, sizeof(bytes));
	if (pread(fd, bytes, sizeof(bytes), 0) <= 0 || !vagent_priv_volume_read(bytes, &v))
		return false;
	return kind == UUID ? !strcasecmp(v.uuid, name) : !strcmp(v.label, name);
}

static bool is_named(const char *device, enum kind kind, const char *name, char path[AGENT_DEVICE])
{
	bool found;
	int fd;

	snprintf(path, AGENT_DEVICE, "/dev/%.200s", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	found = kind == PARTUUID || kind == PARTLABEL ? find_partition(fd, device, kind, name, path)
						      : has_volume(fd, kind, name);
	close(fd);
	return found;
}

bool vagent_priv_find_root(const char *root, char path[AGENT_DEVICE])
{
	const enum kind kind = kind_of(root);
	DIR *d = kind < KINDS ? opendir("/sys/class/block") : NULL;
	struct dirent *e;
	bool found = false;
	int n;

	for (n = 0; d && !found && n < MAX_DEVICES && (e = readdir(d)); n++)
		found = e->d_name[0] != '.' && is_named(e->d_name, kind, root + strlen(prefixes[kind]), path);
	if (d)
		closedir(d);
	return found;
}
