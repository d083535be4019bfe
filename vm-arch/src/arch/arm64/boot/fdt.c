/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Nodes and properties, names of properties once each, and the header. */
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arch/arm64/boot/fdt.h"

#define MAGIC 0xd00dfeedu
#define FORMAT_VERSION 17u
#define COMPATIBLE_VERSION 16u
#define BEGIN_NODE 1u
#define END_NODE 2u
#define PROPERTY 3u
#define END 9u
#define HEADER_CELLS 10u
#define RESERVATIONS 16u	/* bytes of the empty list of reserved memory */
#define MAX_CELLS 320u	/* the lines of 32 slots */

static void store_cell(unsigned char *at, uint32_t value)
{
	const uint32_t cell = htobe32(value);

	memcpy(at, &cell, sizeof(cell));
}

static void append_bytes(struct varch_fdt *fdt, const void *bytes, size_t len)
{
	const size_t padded = (len + 3) & ~(size_t)3;

	if (!fdt->error && (len > VARCH_FDT_MAX || padded > sizeof(fdt->structure) - fdt->len))
		fdt->error = -ENOSPC;
	if (fdt->error)
		return;
	memset(fdt->structure + fdt->len, 0, padded);
	if (len)
		memcpy(fdt->structure + fdt->len, bytes, len);
	fdt->len += padded;
}

static void append_cell(struct varch_fdt *fdt, uint32_t value)
{
	unsigned char bytes[4];

	store_cell(bytes, value);
	append_bytes(fdt, bytes, sizeof(bytes));
}

void varch_fdt_begin(struct varch_fdt *fdt)
{
	fdt->len = fdt->nstrings = 0;
	fdt->depth = 0;
	fdt->error = 0;
	varch_fdt_node(fdt, "");
}

void varch_fdt_node(struct varch_fdt *fdt, const char *name)
{
	append_cell(fdt, BEGIN_NODE);
	append_bytes(fdt, name, strlen(name) + 1);
	fdt->depth++;
}

void varch_fdt_node_at(struct varch_fdt *fdt, const char *name, uint64_t address)
{
	char text[64];
	const int n = snprintf(text, sizeof(text), "%s@%" PRIx64, name, address);

	if (n < 0 || n >= (int)sizeof(text))
		fdt->error = fdt->error ? fdt->error : -ENOSPC;
	varch_fdt_node(fdt, text);
}

void varch_fdt_node_end(struct varch_fdt *fdt)
{
	if (fdt->depth <= 1)
		fdt->error = fdt->error ? fdt->error : -EINVAL;
	append_cell(fdt, END_NODE);
	fdt->depth--;
}

/* The offset of a name among the strings, where each is once. */
static uint32_t find_string(struct varch_fdt *fdt, const char *name)
{
	const size_t len = strlen(name) + 1;
	size_t at = 0;

	while (at < fdt->nstrings && strcmp(fdt->strings + at, name) != 0)
		at += strlen(fdt->strings + at) + 1;
	if (at < fdt->nstrings)
		return (uint32_t)at;
	if (len > sizeof(fdt->strings) - fdt->nstrings) {
		fdt->error = fdt->error ? fdt->error : -ENOSPC;
		return 0;
	}
	memcpy(fdt->strings + at, name, len);
	fdt->nstrings += len;
	return (uint32_t)at;
}

void varch_fdt_bytes(struct varch_fdt *fdt, const char *name, const void *bytes, size_t len)
{
	append_cell(fdt, PROPERTY);
	append_cell(fdt, (uint32_t)len);
	append_cell(fdt, find_string(fdt, name));
	append_bytes(fdt, bytes, len);
}

void varch_fdt_flag(struct varch_fdt *fdt, const char *name)
{
	varch_fdt_bytes(fdt, name, NULL, 0);
}

void varch_fdt_text(struct varch_fdt *fdt, const char *name, const char *text)
{
	varch_fdt_bytes(fdt, name, text, strlen(text) + 1);
}

void varch_fdt_number(struct varch_fdt *fdt, const char *name, uint32_t value)
{
	varch_fdt_cells(fdt, name, &value, 1);
}

void varch_fdt_cells(struct varch_fdt *fdt, const char *name, const uint32_t *cells, unsigned int n)
{
	unsigned char bytes[4 * MAX_CELLS];
	unsigned int i;

	if (n > MAX_CELLS) {
		fdt->error = fdt->error ? fdt->error : -ENOSPC;
		return;
	}
	for (i = 0; i < n; i++)
		store_cell(bytes + (size_t)4 * i, cells[i]);
	varch_fdt_bytes(fdt, name, bytes, (size_t)4 * n);
}

void varch_fdt_wide(struct varch_fdt *fdt, const char *name, const uint64_t *values, unsigned int n)
{
	uint32_t cells[MAX_CELLS];
	unsigned int i;

	if (n > MAX_CELLS / 2) {
		fdt->error = fdt->error ? fdt->error : -ENOSPC;
		return;
	}
	for (i = 0; i < n; i++) {
		cells[2 * i] = (uint32_t)(values[i] >> 32);
		cells[2 * i + 1] = (uint32_t)values[i];
	}
	varch_fdt_cells(fdt, name, cells, 2 * n);
}

int varch_fdt_finish(struct varch_fdt *fdt, unsigned char *bytes, size_t room)
{
	const uint32_t structure = HEADER_CELLS * 4 + RESERVATIONS;
	uint32_t header[HEADER_CELLS];
	size_t total;
	unsigned int i;

	if (!fdt->error && fdt->depth != 1)
		fdt->error = -EINVAL;
	append_cell(fdt, END_NODE);
	append_cell(fdt, END);
	total = structure + fdt->len + fdt->nstrings;
	if (!fdt->error && total > room)
		fdt->error = -ENOSPC;
	if (fdt->error)
		return fdt->error;
	memcpy(header, (const uint32_t[]){ MAGIC, (uint32_t)total, structure,
		(uint32_t)(structure + fdt->len), HEADER_CELLS * 4, FORMAT_VERSION, COMPATIBLE_VERSION, 0,
		(uint32_t)fdt->nstrings, (uint32_t)fdt->len }, sizeof(header));
	for (i = 0; i < HEADER_CELLS; i++)
		store_cell(bytes + (size_t)4 * i, header[i]);
	memset(bytes + HEADER_CELLS * 4, 0, RESERVATIONS);
	memcpy(bytes + structure, fdt->structure, fdt->len);
	memcpy(bytes + structure + fdt->len, fdt->strings, fdt->nstrings);
	return (int)total;
}
