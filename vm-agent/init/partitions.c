/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* GPT (UEFI, 5.3) and MBR. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vm-agent/init.h"

#define GPT_HEADER 92
#define GPT_MIN_ENTRY 128
#define GPT_MAX_ENTRY 4096
#define GPT_LABEL_AT 56
#define GPT_LABEL 36		/* units */
#define MBR_TABLE 446
#define MBR_ENTRY 16
#define MBR_ENTRY_FIRST 8	/* sector */
#define MBR_ENTRY_SECTORS 12
#define MBR_SIGNATURE 510
#define MBR_PROTECTIVE 0xee
#define MBR_FIRST_LOGICAL 5
#define MBR_LAST_LOGICAL 15
#define MAX_TABLES 32		/* of logical partitions, some of which may be empty */

static uint32_t read_u32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t read_u64(const uint8_t *p)
{
	return read_u32(p) | (uint64_t)read_u32(p + 4) << 32;
}

/* CRC-32 of IEEE 802.3 */
static uint32_t checksum_of(const uint8_t *p, size_t len)
{
	uint32_t crc = 0xffffffff;
	int bit;

	while (len--) {
		crc ^= *p++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static int read_at(int fd, uint8_t *to, size_t len, uint64_t at)
{
	const ssize_t n = pread(fd, to, len, (off_t)at);

	return n < 0 ? -errno : (size_t)n < len ? -EBADMSG : 0;
}

/* The first three groups are little-endian numbers. */
static void print_uuid(const uint8_t *p, char text[37])
{
	snprintf(text, 37, "%08x-%04x-%04x-%02x%02x-%02x%02x%02x%02x%02x%02x", read_u32(p),
		 p[4] | p[5] << 8, p[6] | p[7] << 8, p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15]);
}

/* Types of the Discoverable Partitions Specification. */
static enum vagent_partition_role role_of_type(const uint8_t *type)
{
	static const struct {
		const char *type;
		enum vagent_partition_role role;
	} rows[] = {
		{ "bc13c2ff-59e6-4262-a352-b275fd6f7172", VAGENT_PARTITION_BOOT },
		{ "4f68bce3-e8cd-4db1-96e7-fbcaf984b709", VAGENT_PARTITION_ROOT },	/* x86-64 */
		{ "b921b045-1df0-41c3-af44-4c6f280d3fae", VAGENT_PARTITION_ROOT },	/* arm64 */
		{ "0fc63daf-8483-4772-8e79-3d69d8477de4", VAGENT_PARTITION_LINUX },
		{ "c12a7328-f81f-11d2-ba4b-00a0c93ec93b", VAGENT_PARTITION_ESP },
	};
	char text[37];
	unsigned int i;

	print_uuid(type, text);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (!strcmp(rows[i].type, text))
			return rows[i].role;
	return VAGENT_PARTITION_OTHER;
}

/* --------------------------------------------------------------------- GPT */

/* UTF-16 without surrogates; other units end the label, since no shell can have written them. */
static void read_label(const uint8_t *p, char label[VAGENT_PARTITION_LABEL])
{
	size_t n = 0;
	uint16_t unit;
	int i;

	for (i = 0; i < GPT_LABEL; i++, p += 2) {
		unit = (uint16_t)(p[0] | p[1] << 8);
		if (!unit || (unit >= 0xd800 && unit < 0xe000))
			break;
		if (unit >= 0x800)
			label[n++] = (char)(0xe0 | unit >> 12);
		if (unit >= 0x80)
			label[n++] = (char)(unit >= 0x800 ? 0x80 | (unit >> 6 & 0x3f) : 0xc0 | unit >> 6);
		label[n++] = (char)(unit >= 0x80 ? 0x80 | (unit & 0x3f) : unit);
	}
	label[n] = '\0';
}

static int read_entries(const uint8_t *table, uint32_t count, uint32_t size,
			struct vagent_partition parts[VAGENT_MAX_PARTITIONS])
{
	static const uint8_t unused[16];
	const uint8_t *entry;
	uint32_t i;
	int n = 0;

	for (i = 0; i < count; i++) {
		entry = table + (size_t)i * size;
		if (!memcmp(entry, unused, sizeof(unused)))
			continue;
		if (n == VAGENT_MAX_PARTITIONS)
			return -EBADMSG;
		parts[n].number = i + 1;
		parts[n].role = role_of_type(entry);
		read_label(entry + GPT_LABEL_AT, parts[n].label);
		print_uuid(entry + 16, parts[n++].uuid);
	}
	return n;
}

/* The checksum is that of a header whose checksum is 0. */
static bool is_gpt(uint8_t header[GPT_HEADER])
{
	const uint32_t sum = read_u32(header + 16);

	if (memcmp(header, "EFI PART", 8) != 0 || read_u32(header + 12) != GPT_HEADER)
		return false;
	memset(header + 16, 0, 4);
	return checksum_of(header, GPT_HEADER) == sum;
}

static int read_gpt(int fd, uint32_t sector, struct vagent_partition parts[VAGENT_MAX_PARTITIONS])
{
	uint8_t header[GPT_HEADER], *table;
	uint32_t count, size;
	int rc = read_at(fd, header, sizeof(header), sector);

	if (rc < 0)
		return rc;
	count = read_u32(header + 80);
	size = read_u32(header + 84);
	if (!is_gpt(header) || !count || count > VAGENT_MAX_PARTITIONS || size < GPT_MIN_ENTRY ||
	    size > GPT_MAX_ENTRY || read_u64(header + 72) > INT64_MAX / sector)
		return -EBADMSG;
	table = calloc(count, size);
	if (!table)
		return -ENOMEM;
	rc = read_at(fd, table, (size_t)count * size, read_u64(header + 72) * sector);
	if (!rc)
		rc = checksum_of(table, (size_t)count * size) == read_u32(header + 88) ?
			read_entries(table, count, size, parts) : -EBADMSG;
	free(table);
	return rc;
}

/* --------------------------------------------------------------------- MBR */

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static enum vagent_partition_role role_of_byte(uint8_t type)
{
	return type == 0xea ? VAGENT_PARTITION_BOOT : type == 0x83 ? VAGENT_PARTITION_LINUX :
	       type == 0xef ? VAGENT_PARTITION_ESP : VAGENT_PARTITION_OTHER;
}

static bool has_signature(const uint8_t *sector)
{
	return sector[MBR_SIGNATURE] == 0x55 && sector[MBR_SIGNATURE + 1] == 0xaa;
}

static void add_partition(struct vagent_partition *p, const uint8_t *sector, unsigned int number,
			  enum vagent_partition_role role)
{
	p->number = number;
	p->role = role;
	snprintf(p->uuid, sizeof(p->uuid), "%08x-%02x", read_u32(sector + 440), number);
}

/*
 * Logical partitions: a list of tables, each with one partition and the place of the next table in
 * sectors after the first one. A damaged list ends where it is damaged, as for the kernel.
 */
static int read_logical(int fd, uint32_t sector, const uint8_t *mbr, uint64_t start, struct vagent_partition *parts)
{
	uint8_t table[512];
	uint64_t at = start;
	const uint8_t *first = table + MBR_TABLE, *next = first + MBR_ENTRY;
	unsigned int number = MBR_FIRST_LOGICAL, tables;
	int n = 0;

	for (tables = 0; tables < MAX_TABLES && number <= MBR_LAST_LOGICAL; tables++) {
		if (read_at(fd, table, sizeof(table), at * sector) < 0 || !has_signature(table))
			break;
		if (read_u32(first + MBR_ENTRY_SECTORS) && !is_extended(first[4]))
			add_partition(&parts[n++], mbr, number++, role_of_byte(first[4]));
		if (!is_extended(next[4]) || !read_u32(next + MBR_ENTRY_SECTORS))
			break;
		at = start + read_u32(next + MBR_ENTRY_FIRST);
	}
	return n;
}

static int read_mbr(int fd, uint32_t sector, const uint8_t *mbr, struct vagent_partition *parts)
{
	const uint8_t *entry = mbr + MBR_TABLE;
	uint32_t start = 0;
	unsigned int i;
	int n = 0;

	for (i = 0; i < 4; i++, entry += MBR_ENTRY)
		if (is_extended(entry[4]))
			start = read_u32(entry + MBR_ENTRY_FIRST);
		else if (entry[4])
			add_partition(&parts[n++], mbr, i + 1, role_of_byte(entry[4]));
	return start ? n + read_logical(fd, sector, mbr, start, parts + n) : n;
}

static bool is_protective(const uint8_t *sector)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		if (sector[MBR_TABLE + i * MBR_ENTRY + 4] == MBR_PROTECTIVE)
			return true;
	return false;
}

/* A file system of FAT begins with the same signature, and no flags of entries. */
static bool is_mbr(const uint8_t *sector)
{
	unsigned int i;

	if (!has_signature(sector))
		return false;
	for (i = 0; i < 4; i++)
		if (sector[MBR_TABLE + i * MBR_ENTRY] & 0x7f)
			return false;
	return true;
}

int vagent_init_read_partitions(int fd, uint32_t sector,
				struct vagent_partition parts[VAGENT_MAX_PARTITIONS])
{
	uint8_t first[512];
	int rc = read_at(fd, first, sizeof(first), 0);

	memset(parts, 0, VAGENT_MAX_PARTITIONS * sizeof(*parts));
	if (rc < 0)
		return rc;
	if (!is_mbr(first))
		return 0;
	return is_protective(first) ? read_gpt(fd, sector, parts) : read_mbr(fd, sector, first, parts);
}
