/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Writes a flattened device tree (Devicetree Specification 0.4, chapter 5). Nodes are nested
 * calls; the properties of a node precede its children. After a failure further calls have no
 * effect, and varch_fdt_finish() returns the error.
 *
 * Threads: confined.
 */
#ifndef VARCH_ARM64_FDT_H
#define VARCH_ARM64_FDT_H

#include <stddef.h>
#include <stdint.h>

#define VARCH_FDT_MAX 65536u	/* bytes of a tree */

struct varch_fdt {
	size_t len;		/* of the structure */
	size_t nstrings;	/* bytes of names */
	unsigned int depth;	/* open nodes */
	int error;
	unsigned char structure[VARCH_FDT_MAX];
	char strings[2048];
};

/* Begins a tree with the open root node; fdt need not be zeroed. */
void varch_fdt_begin(struct varch_fdt *fdt);

/* "NAME", or "NAME@ADDRESS" in hexadecimal digits. */
void varch_fdt_node(struct varch_fdt *fdt, const char *name);
void varch_fdt_node_at(struct varch_fdt *fdt, const char *name, uint64_t address);
void varch_fdt_node_end(struct varch_fdt *fdt);

void varch_fdt_bytes(struct varch_fdt *fdt, const char *name, const void *bytes, size_t len);
void varch_fdt_flag(struct varch_fdt *fdt, const char *name);
void varch_fdt_text(struct varch_fdt *fdt, const char *name, const char *text);
void varch_fdt_number(struct varch_fdt *fdt, const char *name, uint32_t value);
/* Up to 64 cells, in the byte order of the host. */
void varch_fdt_cells(struct varch_fdt *fdt, const char *name, const uint32_t *cells, unsigned int n);
/* Addresses and lengths, two cells each; n: their sum. */
void varch_fdt_wide(struct varch_fdt *fdt, const char *name, const uint64_t *values, unsigned int n);

/*
 * Closes the root node and writes the tree to bytes; its length. -ENOSPC: it does not fit;
 * -EINVAL: nodes are open.
 */
int varch_fdt_finish(struct varch_fdt *fdt, unsigned char *bytes, size_t room);

#endif
