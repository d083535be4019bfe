/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Field offsets are those of UEFI 2.10, sections 4.3 to 4.6 and 7.2. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <vmm-sys-util/endian.h>

#include "arch/arm64/boot/efi.h"

#define SIGNATURE UINT64_C(0x5453595320494249)	/* "IBI SYST" */
#define REVISION (2u << 16 | 100)		/* 2.10 */
#define GUID_LEN 16

enum { CONVENTIONAL = 7, RESERVED = 0, ACPI_TABLES = 9 };
#define WRITE_BACK 8u	/* attribute: cached memory */
#define PAGE UINT64_C(4096)

/* The parts of the block. */
enum { SYSTEM = 0, SYSTEM_LEN = 120, CONFIGURATION = 128, SERVICES = 208, KEPT = 224, VENDOR = 240, MAP = 256 };

#define KEPT_LEN 16
#define NTABLES 3u
#define TABLE_LEN (GUID_LEN + 8)

/* A string of 16-bit characters, of which Linux reads 100 at most */
static const unsigned char vendor[] = { 'c', 0, '-', 0, 'v', 0, 'm', 0, 'm', 0, 0, 0 };
_Static_assert(VENDOR + sizeof(vendor) <= MAP, "the vendor's name ends before the map");

static const unsigned char acpi_guid[GUID_LEN] = {
	0x71, 0xe8, 0x68, 0x88, 0xf1, 0xe4, 0xd3, 0x11, 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81,
};
/* EFI_RT_PROPERTIES_TABLE */
static const unsigned char services_guid[GUID_LEN] = {
	0x8a, 0x91, 0x66, 0xeb, 0xef, 0x7e, 0x2a, 0x40, 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9,
};

/*
 * A list to which Linux adds memory that a kernel after it shall not touch, such as that of an ITS;
 * empty, all zeros. Without it Linux warns.
 */
static const unsigned char kept_guid[GUID_LEN] = {
	0xc6, 0xb0, 0x8e, 0x88, 0xde, 0x8e, 0xf5, 0x4f, 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2,
};
_Static_assert(CONFIGURATION + NTABLES * TABLE_LEN <= SERVICES && KEPT + KEPT_LEN <= VENDOR, "parts do not overlap");

static uint32_t crc32_of(const unsigned char *bytes, size_t n)
{
	uint32_t crc = UINT32_MAX;
	unsigned int bit;

	for (; n; n--, bytes++) {
		crc ^= *bytes;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* The services that a system may call: none. */
static void write_services(unsigned char *t)
{
	vsu_le_store(t, 1 | 8u << 16, 4);	/* version and length */
	vsu_le_store(t + 4, 0, 4);
}

static void write_table(unsigned char *t, const unsigned char guid[GUID_LEN], uint64_t gpa)
{
	memcpy(t, guid, GUID_LEN);
	vsu_le_store(t + GUID_LEN, gpa, 8);
}

static void write_configuration(unsigned char *t, const struct varch_efi *efi)
{
	write_table(t, acpi_guid, efi->rsdp_gpa);
	write_table(t + TABLE_LEN, services_guid, efi->gpa + SERVICES);
	write_table(t + 2 * TABLE_LEN, kept_guid, efi->gpa + KEPT);
}

static void write_system(unsigned char *t, const struct varch_efi *efi)
{
	vsu_le_store(t, SIGNATURE, 8);
	vsu_le_store(t + 8, REVISION, 4);
	vsu_le_store(t + 12, SYSTEM_LEN, 4);
	vsu_le_store(t + 24, efi->gpa + VENDOR, 8);
	vsu_le_store(t + 104, NTABLES, 8);	/* tables of the configuration */
	vsu_le_store(t + 112, efi->gpa + CONFIGURATION, 8);
	vsu_le_store(t + 16, crc32_of(t, SYSTEM_LEN), 4);
}

/* ------------------------------------------------------------------------- map of memory */

struct map {
	unsigned char *at;
	size_t room, len;
	bool full;
};

static void add_descriptor(struct map *map, uint32_t type, uint64_t first, uint64_t end)
{
	unsigned char t[VARCH_EFI_DESCRIPTOR_LEN] = { 0 };

	if (first >= end)
		return;
	vsu_le_store(t, type, 4);
	vsu_le_store(t + 8, first, 8);
	vsu_le_store(t + 24, (end - first) / PAGE, 8);
	vsu_le_store(t + 32, WRITE_BACK, 8);
	if (map->room - map->len < sizeof(t))
		map->full = true;
	if (map->full)
		return;
	memcpy(map->at + map->len, t, sizeof(t));
	map->len += sizeof(t);
}

static uint64_t clamp_address(uint64_t at, uint64_t first, uint64_t end)
{
	return at < first ? first : at > end ? end : at;
}

/*
 * Adds the beginning of [*first, end): memory before part is free, and part, which another range
 * may continue, has the type. *first is then the end of part.
 */
static void add_part(struct map *map, uint64_t *first, uint64_t end, const struct varch_board_range *part,
		     uint32_t type)
{
	const uint64_t from = clamp_address(part->first, *first, end);
	const uint64_t to = clamp_address(part->first + part->len, *first, end);

	if (from == to)
		return;
	add_descriptor(map, CONVENTIONAL, *first, from);
	add_descriptor(map, type, from, to);
	*first = to;
}

/* Memory that the guest cannot write is a device's. */
static void add_memory(struct map *map, const struct varch_efi *efi)
{
	const struct vmem_range *r;
	uint64_t first, end;
	uint32_t i;

	for (i = 0; i < efi->memory->n; i++) {
		r = &efi->memory->ranges[i];
		if (!(r->flags & VMEM_WRITE))
			continue;
		first = r->first;
		end = r->first + r->span + 1;
		add_part(map, &first, end, &efi->tables, ACPI_TABLES);
		add_part(map, &first, end, &efi->reserved, RESERVED);
		add_descriptor(map, CONVENTIONAL, first, end);
	}
}

int varch_efi_build(const struct varch_efi *efi, void *bytes, size_t size, struct varch_efi_layout *out,
		  struct vsu_error *err)
{
	struct map map = { .at = (unsigned char *)bytes + MAP, .room = size < MAP ? 0 : size - MAP };

	if (size >= MAP)
		add_memory(&map, efi);
	if (size < MAP || map.full)
		return vsu_error_set(err, -ENOSPC, "the map of the guest's memory needs more than %zu bytes; use fewer pieces of memory", size);
	memset(bytes, 0, MAP);
	memcpy((unsigned char *)bytes + VENDOR, vendor, sizeof(vendor));
	write_services((unsigned char *)bytes + SERVICES);
	write_configuration((unsigned char *)bytes + CONFIGURATION, efi);
	write_system((unsigned char *)bytes + SYSTEM, efi);
	*out = (struct varch_efi_layout){ .map = MAP, .map_len = map.len, .len = MAP + map.len };
	return 0;
}
