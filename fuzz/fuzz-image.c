/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Texts and tables that the first program of a guest reads from a disk image. The first byte
 * selects one, the rest is its content. Invariants: texts end within their arrays, a valid entry
 * has a kernel, and roles and numbers of partitions are in their ranges.
 */
#define _GNU_SOURCE
#include <config.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "entry.h"
#include "vm-agent/init.h"

#define SECTOR 512
#define DISK_MAX 32768

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct entry e;
static struct entry_variables v;

static void demand(bool holds)
{
	if (!holds)
		abort();
}

#define demand_text(array) demand(memchr(array, '\0', sizeof(array)) != NULL)

static void check_entry(void)
{
	unsigned int i;

	demand_text(e.title);
	demand_text(e.version);
	demand_text(e.linux_path);
	demand_text(e.options);
	demand_text(e.sort_key);
	demand_text(e.machine_id);
	demand_text(e.why);
	demand_text(e.unset);
	demand(e.ninitrds <= ENTRY_INITRDS);
	for (i = 0; i < e.ninitrds; i++)
		demand_text(e.initrds[i]);
}

static void check_variables(void)
{
	unsigned int i;

	demand(v.n <= ENTRY_VARIABLES);
	for (i = 0; i < v.n; i++) {
		demand_text(v.rows[i].name);
		demand_text(v.rows[i].value);
		demand(v.rows[i].value[0]);
	}
}

static uint32_t get(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put(uint8_t *to, uint32_t value)
{
	int i;

	for (i = 0; i < 4; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t checksum(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;
	int i;

	for (; len--; p++)
		for (crc ^= *p, i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	return ~crc;
}

/* Stores checksums, which no mutation finds. */
static void seal(uint8_t *disk)
{
	uint8_t *header = disk + SECTOR;
	const uint64_t at = (uint64_t)get(header + 72) * SECTOR;
	const uint64_t len = (uint64_t)get(header + 80) * get(header + 84);

	if (at <= DISK_MAX && len <= DISK_MAX - at)
		put(header + 88, checksum(disk + at, len));
	put(header + 16, 0);
	put(header + 16, checksum(header, 92));
}

static void check_partitions(const uint8_t *data, size_t size)
{
	static uint8_t disk[DISK_MAX];
	static struct vagent_partition parts[VAGENT_MAX_PARTITIONS];
	const int fd = memfd_create("disk", MFD_CLOEXEC);
	int i, n;

	memset(disk, 0, sizeof(disk));
	memcpy(disk, data, size < sizeof(disk) ? size : sizeof(disk));
	seal(disk);
	demand(fd >= 0 && write(fd, disk, sizeof(disk)) == sizeof(disk));
	n = vagent_init_read_partitions(fd, SECTOR, parts);
	close(fd);
	demand(n <= VAGENT_MAX_PARTITIONS);
	for (i = 0; i < n; i++) {
		demand(parts[i].number >= 1 && parts[i].number <= VAGENT_MAX_PARTITIONS);
		demand(parts[i].role >= 0 && parts[i].role < VAGENT_PARTITION_ROLES);
		demand_text(parts[i].uuid);
	}
}

/* A copy of the menu for each file that it reads. */
static struct {
	const char *text;
	size_t size;
} file;

static bool file_exists(void *opaque, const char *path)
{
	(void)opaque;
	return *path == '/';
}

static char *file_read(void *opaque, const char *path, size_t *len)
{
	char *copy = malloc(file.size + 1);

	(void)opaque;
	(void)path;
	if (copy)
		memcpy(copy, file.text, file.size);
	*len = file.size;
	return copy;
}

static void check_menu(const char *text, size_t size)
{
	static const struct entry_files files = { file_read, file_exists, NULL };
	struct entry_menu menu = { .files = &files };

	file.text = text;
	file.size = size;
	if (entry_read_grub(&e, text, size, &v, &menu)) {
		check_entry();
		demand(e.linux_path[0] && !e.invalid);
	}
	demand_text(menu.report);
}

/* The order has no circles: one of two texts is above the other, or they are equal. */
static void check_order(const char *text, size_t size)
{
	char a[64], b[64];
	const size_t half = size / 2 < sizeof(a) - 1 ? size / 2 : sizeof(a) - 1;
	bool failed;
	int order;

	memcpy(a, text, half);
	memcpy(b, text + half, half);
	a[half] = b[half] = '\0';
	order = entry_compare_versions(a, b);
	demand((order > 0) == (entry_compare_versions(b, a) < 0) && !entry_compare_versions(a, a));
	demand(entry_uncounted(a, &failed) <= half);
}

static void check_default(const char *text, size_t size)
{
	char pattern[16];

	if (entry_read_default(text, size, pattern, sizeof(pattern)))
		demand_text(pattern);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data + 1;

	if (!size--)
		return 0;
	memset(&v, 0, sizeof(v));
	switch (data[0] % 4) {
	case 0:
		check_partitions(data + 1, size);
		return 0;
	case 1:
		entry_set(&v, "kernelopts", 10, "root=/dev/vda1");
		entry_read_bls(&e, "name", text, size, &v);
		check_entry();
		check_default(text, size);
		return 0;
	case 2:
		check_menu(text, size);
		check_order(text, size);
		break;
	default:
		entry_read_environment(&v, text, size);
		break;
	}
	check_variables();
	return 0;
}
