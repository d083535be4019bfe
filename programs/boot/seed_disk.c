/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* ISO 9660 (ECMA-119), and of Rock Ridge the fields SP, PX and NM. */
#define _GNU_SOURCE
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/fd.h>

#include "boot/seed_disk.h"

#define SECTOR 2048
/* Sectors: 16 of the system, descriptors, tables of paths, the folder, files. */
#define PRIMARY 16
#define TERMINATOR 17
#define PATHS_LITTLE 18
#define PATHS_BIG 19
#define FOLDER 20
#define FILES 21

#define MAX_NAME 30
#define ATTRIBUTE_FOLDER 2
#define MODE_FOLDER 040555
#define MODE_FILE 0100444

/* As vsu_le_store(). */
static void put_big(void *at, uint64_t value, size_t len)
{
	uint8_t *bytes = at;
	size_t i;

	for (i = 0; i < len; i++)
		bytes[len - 1 - i] = (uint8_t)(value >> 8 * i);
}

/* Both orders of bytes, one after the other. */
static void put_both(uint8_t *to, uint32_t value, size_t len)
{
	vsu_le_store(to, value, len);
	put_big(to + len, value, len);
}

static void put_text(uint8_t *to, size_t size, const char *text)
{
	memset(to, ' ', size);
	memcpy(to, text, strlen(text) < size ? strlen(text) : size);
}

/* ----------------------------------------------------------- records of a folder */

struct record {
	const char *id;		/* of ISO 9660; "" and "\1" are the folder and the one above */
	size_t id_len;
	const char *name;	/* of Rock Ridge, or NULL */
	uint32_t sector, len, mode;
	uint8_t attributes;
	bool first;		/* announces Rock Ridge */
};

static size_t put_field(uint8_t *to, const char *kind, uint8_t len)
{
	memcpy(to, kind, 2);
	to[2] = len;
	to[3] = 1;
	return len;
}

/* Linux reads Rock Ridge if the first record announces it. */
static size_t put_fields(uint8_t *to, const struct record *r)
{
	size_t n = 0;

	if (r->first) {
		n += put_field(to, "SP", 7);
		to[4] = 0xbe;
		to[5] = 0xef;
	}
	put_both(to + n + 4, r->mode, 4);
	put_both(to + n + 12, 1, 4);
	n += put_field(to + n, "PX", 36);
	if (r->name) {
		memcpy(to + n + 5, r->name, strlen(r->name));
		n += put_field(to + n, "NM", (uint8_t)(5 + strlen(r->name)));
	}
	return n;
}

static size_t put_record(uint8_t *to, const struct record *r)
{
	size_t n = 33 + r->id_len;

	put_both(to + 2, r->sector, 4);
	put_both(to + 10, r->len, 4);
	to[18] = 70;		/* 1970-01-01, for equal bytes of equal files */
	to[19] = to[20] = 1;
	to[25] = r->attributes;
	put_both(to + 28, 1, 2);
	to[32] = (uint8_t)r->id_len;
	memcpy(to + 33, r->id, r->id_len);
	n += n % 2;
	n += put_fields(to + n, r);
	n += n % 2;
	to[0] = (uint8_t)n;
	return n;
}

static struct record folder_record(const char *id, bool first)
{
	return (struct record){
		.id = id, .id_len = 1, .sector = FOLDER, .len = SECTOR, .mode = MODE_FOLDER,
		.attributes = ATTRIBUTE_FOLDER, .first = first,
	};
}

static uint32_t sectors_of(size_t len)
{
	return (uint32_t)((len + SECTOR - 1) / SECTOR);
}

static void put_folder(uint8_t *to, const struct vmm_seed_file *files, unsigned int n)
{
	struct record r = folder_record("", true);
	char id[MAX_NAME + 4];
	uint32_t sector = FILES;
	unsigned int i;
	size_t k;

	to += put_record(to, &r);
	r = folder_record("\1", false);
	to += put_record(to, &r);
	for (i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s.;1", files[i].name);
		for (k = 0; id[k]; k++)
			id[k] = (char)toupper((unsigned char)id[k]);
		r = (struct record){
			.id = id, .id_len = k, .name = files[i].name, .sector = sector,
			.len = (uint32_t)files[i].len, .mode = MODE_FILE,
		};
		to += put_record(to, &r);
		sector += sectors_of(files[i].len);
	}
}

/* ------------------------------------------------------------------ the disk */

static void put_descriptor(uint8_t *to, uint8_t type)
{
	to[0] = type;
	memcpy(to + 1, "CD001\1", 6);
}

static void put_no_date(uint8_t *to)
{
	memset(to, '0', 16);
}

static void put_primary(uint8_t *to, const char *label, uint32_t sectors)
{
	const struct record root = folder_record("", false);
	uint8_t record[SECTOR] = { 0 };
	int i;

	put_descriptor(to, 1);
	put_text(to + 8, 32, "");
	put_text(to + 40, 32, label);
	put_both(to + 80, sectors, 4);
	put_both(to + 120, 1, 2);
	put_both(to + 124, 1, 2);
	put_both(to + 128, SECTOR, 2);
	put_both(to + 132, 10, 4);
	vsu_le_store(to + 140, PATHS_LITTLE, 4);
	put_big(to + 148, PATHS_BIG, 4);
	put_record(record, &root);
	memcpy(to + 156, record, 34);
	to[156] = 34;		/* without fields */
	put_text(to + 190, 623, "");
	for (i = 0; i < 4; i++)
		put_no_date(to + 813 + 17 * i);
	to[881] = 1;
}

/* The table of paths has one folder. */
static void put_paths(uint8_t *to, void (*put)(void *at, uint64_t value, size_t len))
{
	to[0] = 1;
	put(to + 2, FOLDER, 4);
	put(to + 6, 1, 2);
}

static bool is_valid(const char *label, const struct vmm_seed_file *files, unsigned int n)
{
	unsigned int i;

	if (n > VMM_SEED_FILES || strlen(label) > 32)
		return false;
	for (i = 0; i < n; i++)
		if (!files[i].name[0] || strlen(files[i].name) > MAX_NAME || files[i].len > VMM_SEED_MAX_FILE)
			return false;
	return true;
}

static int write_disk(const uint8_t *bytes, size_t len)
{
	int fd = memfd_create("cloud-init", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = vsu_fd_write_full(fd, bytes, len);
	if (n == (ssize_t)len && !fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE))
		return fd;
	vsu_fd_close(&fd);
	return n < 0 ? (int)n : -EIO;
}

int vmm_seed_disk_make(const char *label, const struct vmm_seed_file *files, unsigned int n)
{
	uint32_t sectors = FILES, at;
	unsigned int i;
	uint8_t *disk;
	int fd;

	if (!is_valid(label, files, n))
		return -EINVAL;
	for (i = 0; i < n; i++)
		sectors += sectors_of(files[i].len);
	disk = calloc(sectors, SECTOR);
	if (!disk)
		return -ENOMEM;
	put_primary(disk + PRIMARY * SECTOR, label, sectors);
	put_descriptor(disk + TERMINATOR * SECTOR, 255);
	put_paths(disk + PATHS_LITTLE * SECTOR, vsu_le_store);
	put_paths(disk + PATHS_BIG * SECTOR, put_big);
	put_folder(disk + FOLDER * SECTOR, files, n);
	for (at = FILES, i = 0; i < n; at += sectors_of(files[i++].len))
		memcpy(disk + (size_t)at * SECTOR, files[i].bytes, files[i].len);
	fd = write_disk(disk, (size_t)sectors * SECTOR);
	free(disk);
	return fd;
}
