/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The first disk: finds its partitions, file systems, and the kernel of its boot menu, or its root. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <linux/fs.h>

#include <vm-agent/init.h>

#include "image.h"

#define DISK "/dev/vda"
#define WHERE "/image"
#define DISK_MS 10000
#define PARTITION_MS 1000
#define BTRFS_TOP "subvolid=5"
#define READ_ONLY (MS_RDONLY | MS_NODEV | MS_NOSUID | MS_NOEXEC)
#define ROOT_WORDS 128		/* of a kernel's command line */

/*
 * Mounted without replaying a journal, which would write to the image; if nothing to boot is
 * found, with it. The top of btrfs is another tree than its default.
 */
static const struct file_system {
	const char *name;
	const char *options[4];
} file_systems[] = {
	{ "ext4", { "noload", "", NULL } },
	{ "xfs", { "norecovery", "", NULL } },
	{ "btrfs", { "rescue=nologreplay", "rescue=nologreplay," BTRFS_TOP, "", NULL } },
	{ "vfat", { "", NULL } },
	{ NULL, { NULL } },
};

/* Other contents of partitions. */
static const struct {
	const char *name;
	size_t at;
	const char *magic;
} unsupported[] = {
	{ "a physical volume of LVM", 0x200, "LABELONE" },
	{ "LUKS encryption", 0, "LUKS\xba\xbe" },
	{ "a part of a RAID", 0x1000, "\xfc\x4e\x2b\xa9" },
	{ "squashfs", 0, "hsqs" },
	{ "erofs", 0x400, "\xe2\xe1\xf5\xe0" },
	{ "swap space", 0xff6, "SWAPSPACE2" },
	{ NULL, 0, NULL },
};

/* A file system of the disk, which is mounted at WHERE. */
struct mounted {
	const struct vagent_partition *partition;
	const char *device, *type, *options;
};

/* How a search of all partitions mounts file systems with a journal. */
enum journals {
	SKIP_JOURNALS,		/* the image is not written to */
	REPLAY_JOURNALS,	/* file systems that were mounted without */
	USE_JOURNALS,		/* all file systems, with those that they have */
};

/* A use of the disk: what is done with each mounted file system. */
struct use {
	unsigned long flags;	/* of mount() */
	enum journals journals;
	bool (*fn)(const struct mounted *m, struct use *use); /* true: done */
	enum image_search search;
	char root[ROOT_WORDS];	/* names the first root that was found, or "" */
	image_start *start;	/* of a kernel, for boot_mounted() */
};

static bool path_exists(void *path)
{
	return access(path, F_OK) == 0;
}

static void name_device(char path[32], unsigned int number)
{
	if (number)
		snprintf(path, 32, DISK "%u", number);
	else
		snprintf(path, 32, DISK);
}

static bool has_magic(const char *bytes, size_t at, const char *magic)
{
	return !memcmp(bytes + at, magic, strlen(magic));
}

/* The console explains why nothing is found. */
static void report_unsupported(const char *device, const char *bytes)
{
	unsigned int i;

	for (i = 0; unsupported[i].name; i++)
		if (has_magic(bytes, unsupported[i].at, unsupported[i].magic))
			dprintf(STDERR_FILENO, "cvmm-init: %s has %s, which is not supported\n", device, unsupported[i].name);
}

static const struct file_system *probe_file_system(const char *device, bool reports)
{
	const struct file_system *f = file_systems;
	char *bytes = malloc(VAGENT_SUPERBLOCK_BYTES);
	const int fd = open(device, O_RDONLY | O_CLOEXEC);
	const ssize_t n = bytes && fd >= 0 ? pread(fd, bytes, VAGENT_SUPERBLOCK_BYTES, 0) : -1;
	const char *type = n == VAGENT_SUPERBLOCK_BYTES ?
			   vagent_init_superblock_type(bytes, VAGENT_SUPERBLOCK_BYTES) : NULL;

	while (f->name && (!type || strcmp(f->name, type) != 0))
		f++;
	if (!f->name && n == VAGENT_SUPERBLOCK_BYTES && reports)
		report_unsupported(device, bytes);
	free(bytes);
	if (fd >= 0)
		close(fd);
	return f->name ? f : NULL;
}

static bool is_writable(const char *device)
{
	const int fd = open(device, O_RDONLY | O_CLOEXEC);
	int read_only = 1;

	if (fd < 0)
		return false;
	ioctl(fd, BLKROGET, &read_only);
	close(fd);
	return !read_only;
}

/* Nothing can be written then. */
static bool skips_journal(const char *options)
{
	return !strncmp(options, "no", 2) || !strncmp(options, "rescue=", 7);
}

/* A file system that has no journal is searched as if its journal were skipped. */
static bool is_of_search(const struct file_system *f, const char *options, enum journals journals)
{
	const bool replays = skips_journal(f->options[0]) && !skips_journal(options);

	return journals == USE_JOURNALS ? !skips_journal(options) : replays == (journals == REPLAY_JOURNALS);
}

/* Whether it is the first of several searches. */
static bool reports_unsupported(const struct use *use)
{
	return use->search == IMAGE_ROOT && (use->journals == SKIP_JOURNALS || !(use->flags & MS_RDONLY));
}

/* True: the use is done, and the file system stays mounted. */
static bool try_partition(const struct vagent_partition *p, struct use *use)
{
	const struct file_system *f;
	const char *const *options;
	struct mounted m;
	char device[32];

	name_device(device, p->number);
	if (!vagent_init_await(path_exists, device, PARTITION_MS) ||
	    !(f = probe_file_system(device, reports_unsupported(use))))
		return false;
	vagent_init_load_modules_until(f->name);
	for (options = f->options; *options; options++) {
		if (!is_of_search(f, *options, use->journals))
			continue;
		m = (struct mounted){ p, device, f->name, *options };
		if (mount(device, WHERE, f->name, use->flags, *options) < 0)
			dprintf(STDERR_FILENO, "cvmm-init: %s cannot be mounted as %s (%s): %s\n", device, f->name, *options, strerror(errno));
		else if (use->fn(&m, use))
			return true;
		umount2(WHERE, MNT_DETACH);
	}
	return false;
}

static bool try_partitions(const struct vagent_partition *parts, int n, struct use *use)
{
	int role, i;

	for (role = 0; role < VAGENT_PARTITION_ROLES; role++)
		for (i = 0; i < n; i++)
			if ((int)parts[i].role == role && try_partition(&parts[i], use))
				return true;
	return false;
}

/* If nothing is found without journals, with them. */
static bool try_all(const struct vagent_partition *parts, int n, struct use *use)
{
	if (try_partitions(parts, n, use))
		return true;
	if (use->journals != SKIP_JOURNALS)
		return false;
	use->journals = REPLAY_JOURNALS;
	return try_partitions(parts, n, use);
}

/*
 * A disk without a table is one file system. -ENXIO: there is no disk; errors of
 * vagent_init_read_partitions().
 */
static int find_partitions(struct vagent_partition parts[VAGENT_MAX_PARTITIONS])
{
	char disk[] = DISK;
	int fd, n, sector = 512;

	if (!vagent_init_await(path_exists, disk, DISK_MS))
		return -ENXIO;
	fd = open(DISK, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		ioctl(fd, BLKSSZGET, &sector);
	n = fd < 0 ? -errno : vagent_init_read_partitions(fd, (uint32_t)sector, parts);
	close(fd);
	return n ? n : 1;
}

static int require_partitions(struct vagent_partition parts[VAGENT_MAX_PARTITIONS])
{
	const int n = find_partitions(parts);

	if (n == -ENXIO)
		vagent_init_fail("the machine has no disk " DISK);
	if (n < 0)
		vagent_init_fail("the partition table of the image cannot be read: %s", n == -EBADMSG ? "it is damaged" : strerror(-n));
	return n;
}

/* --------------------------------------------------------------------- a root */

static bool is_system(const char *path)
{
	char etc[64], usr[64];

	snprintf(etc, sizeof(etc), "%s/etc", path);
	snprintf(usr, sizeof(usr), "%s/usr", path);
	return !access(etc, F_OK) && !access(usr, F_OK);
}

/* The path of the file system, or of a usual subvolume of btrfs, or NULL. Static. */
static const char *find_system(void)
{
	static char path[48];
	const char *const *subvolume;

	if (is_system(WHERE))
		return WHERE;
	for (subvolume = image_subvolumes; *subvolume; subvolume++) {
		snprintf(path, sizeof(path), WHERE "%s", *subvolume);
		if (is_system(path))
			return path;
	}
	return NULL;
}

static bool has_root(const struct mounted *m, struct use *use)
{
	(void)m;
	(void)use;
	return find_system() != NULL;
}

const char *image_mount_system(bool writable)
{
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	struct use use = { writable ? 0 : MS_RDONLY, writable ? USE_JOURNALS : SKIP_JOURNALS, has_root, IMAGE_ROOT, "", NULL };
	const int n = require_partitions(parts);

	vagent_init_make_folders(WHERE);
	if (!try_all(parts, n, &use))
		vagent_init_fail("the image has no root with /etc and /usr in %d partition(s) of ext4, xfs, btrfs or FAT", n);
	return find_system();
}

int image_open_system(void)
{
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	struct use use = { READ_ONLY, SKIP_JOURNALS, has_root, IMAGE_ROOT, "", NULL };
	const int n = find_partitions(parts);
	int fd;

	vagent_init_make_folders(WHERE);
	if (n < 0 || !try_all(parts, n, &use))
		return -1;
	fd = open(find_system(), O_PATH | O_DIRECTORY | O_CLOEXEC);
	umount2(WHERE, MNT_DETACH);
	return fd;
}

/* -------------------------------------------------------------------- booting */

/* The words for a root at a path below WHERE, which is a subvolume of btrfs unless it is "". */
static void name_root(const struct mounted *m, const char *path, char words[ROOT_WORDS])
{
	const char *uuid = m->partition->uuid;
	int len = snprintf(words, ROOT_WORDS, "root=%s%s %s", uuid[0] ? "PARTUUID=" : "",
			   uuid[0] ? uuid : m->device, is_writable(m->device) ? "rw" : "ro");

	if (strcmp(m->type, "btrfs") != 0)
		return;
	if (*path)
		snprintf(words + len, ROOT_WORDS - (size_t)len, " rootflags=subvol=%s", path + 1);
	else if (strstr(m->options, BTRFS_TOP))
		snprintf(words + len, ROOT_WORDS - (size_t)len, " rootflags=" BTRFS_TOP);
}

static bool remember_root(const struct mounted *m, struct use *use)
{
	const char *root = find_system();

	if (root)
		name_root(m, root + strlen(WHERE), use->root);
	return root != NULL;
}

/*
 * Returns only if there is nothing to boot. A kernel without an entry has the root beside it, or
 * else the one that was found.
 */
static bool boot_mounted(const struct mounted *m, struct use *use)
{
	const int root = open(WHERE, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *beside = find_system();
	char given[ROOT_WORDS];

	if (root < 0)
		return false;
	if (beside || !use->root[0])
		name_root(m, beside ? beside + strlen(WHERE) : "", given);
	else
		strcpy(given, use->root);
	image_try_root(root, m->device, given, use->search, use->start);
	close(root);
	return false;
}

static void try_kernels(const struct vagent_partition *parts, int n, struct use use, enum journals journals)
{
	use.fn = boot_mounted;
	use.search = IMAGE_KERNELS;
	use.journals = journals;
	try_partitions(parts, n, &use);
}

/* Menus come first. Without its journal, a file system may not show a root, which a kernel elsewhere needs. */
static void try_menus_and_kernels(const struct vagent_partition *parts, int n, struct use use)
{
	use.fn = boot_mounted;
	use.search = IMAGE_ENTRIES;
	try_partitions(parts, n, &use);
	use.fn = remember_root;
	use.search = IMAGE_ROOT;
	if (try_partitions(parts, n, &use))
		umount2(WHERE, MNT_DETACH);
	if (use.journals == USE_JOURNALS || use.root[0])
		try_kernels(parts, n, use, SKIP_JOURNALS);
	if (use.journals == USE_JOURNALS)
		try_kernels(parts, n, use, USE_JOURNALS);
}

static void try_disk(const struct vagent_partition *parts, int n, image_start *start)
{
	struct use use = { .flags = READ_ONLY, .journals = SKIP_JOURNALS, .start = start };

	vagent_init_make_folders(WHERE);
	try_menus_and_kernels(parts, n, use);
	use.journals = USE_JOURNALS;
	try_menus_and_kernels(parts, n, use);
}

void image_try_disk(image_start *start)
{
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	const int n = find_partitions(parts);

	if (n > 0)
		try_disk(parts, n, start);
}

void image_boot_disk(void)
{
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	const int n = require_partitions(parts);

	try_disk(parts, n, image_boot);
	vagent_init_fail("the image has no boot entry (loader/entries, grub.cfg) and no /boot/vmlinuz in %d partition(s) of ext4, xfs, btrfs or FAT", n);
}
