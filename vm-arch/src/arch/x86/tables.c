/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The descriptor table and the identity page tables of a guest of the
 * built-in protocol. Pages of 2 MiB: every CPU has them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-arch/x86/ports.h>
#include <vm-memory/access.h>

#include "arch/x86/long_mode.h"

#define PAGE 4096u
#define ENTRIES 512u
#define ROOT_GIBS (ENTRIES * ENTRIES)	/* which the root maps */
#define TABLE_FLAGS 0x7u	/* present, writable, user */
#define LEAF_FLAGS 0x87u	/* and a large page */

/* Tables are taken one behind the other. */
struct tables {
	const struct vmem_view *view;
	uint64_t next, end;
	struct vsu_error *err;
};

static int new_table(struct tables *t, uint64_t *gpa)
{
	static const unsigned char zeros[PAGE];

	if (t->next == t->end)
		return vsu_error_set(t->err, -ENOSPC,
			"the identity map needs more than %u page tables: use less memory or fewer windows",
			(unsigned int)((t->end - VARCH_BOOT_TABLES_GPA) / PAGE));
	*gpa = t->next;
	t->next += PAGE;
	return vmem_write_exact(t->view, *gpa, zeros, PAGE);
}

/* The table that entry index of parent points to, made where missing. */
static int child_of(struct tables *t, uint64_t parent, unsigned int index,
		    uint64_t *child)
{
	uint64_t at = parent + index * 8, entry;
	int rc = vmem_read_exact(t->view, at, &entry, sizeof(entry));

	if (rc < 0)
		return rc;
	if (entry) {
		*child = entry & ~(uint64_t)(PAGE - 1);
		return 0;
	}
	rc = new_table(t, child);
	entry = *child | TABLE_FLAGS;
	return rc ? rc : vmem_write_exact(t->view, at, &entry, sizeof(entry));
}

static int fill_leaves(struct tables *t, uint64_t table, uint64_t gib)
{
	uint64_t leaves[ENTRIES];
	unsigned int i;

	for (i = 0; i < ENTRIES; i++)
		leaves[i] = (gib << 30) | ((uint64_t)i << 21) | LEAF_FLAGS;
	return vmem_write_exact(t->view, table, leaves, sizeof(leaves));
}

static int map_gib(struct tables *t, uint64_t gib)
{
	uint64_t pointers, leaves;
	int rc = child_of(t, VARCH_BOOT_TABLES_GPA, (unsigned int)(gib >> 9),
			  &pointers);

	if (!rc)
		rc = child_of(t, pointers, gib & (ENTRIES - 1), &leaves);
	return rc ? rc : fill_leaves(t, leaves, gib);
}

static int map_range(struct tables *t, const struct varch_board_range *range)
{
	uint64_t gib = range->first >> 30;
	uint64_t last = (range->first + range->len - 1) >> 30;
	int rc = 0;

	if (last >= ROOT_GIBS)
		return vsu_error_set(t->err, -ENOSPC, "the identity map ends at 256 TiB: use less memory or fewer windows, or lower addresses");
	for (; !rc && gib <= last; gib++)
		rc = map_gib(t, gib);
	return rc;
}

/*
 * Selectors 0x08/0x10: level 0 code and data; 0x18/0x20: level 3. Behind them
 * the same for the Linux boot protocol, which wants 0x10 and 0x18.
 */
static int write_descriptors(const struct vmem_view *view)
{
	static const uint64_t gdt[] = {
		0, 0x00af9b000000ffff, 0x00cf93000000ffff,
		0x00affb000000ffff, 0x00cff3000000ffff,
	};
	static const uint64_t linux_gdt[] = {
		0, 0, 0x00af9b000000ffff, 0x00cf93000000ffff,
	};
	int rc = vmem_write_exact(view, VARCH_BOOT_GDT_GPA, gdt, sizeof(gdt));

	return rc ? rc : vmem_write_exact(view, VARCH_BOOT_LINUX_GDT_GPA,
					  linux_gdt, sizeof(linux_gdt));
}

/*
 * Some KVMs consult the port map even at an I/O privilege level that needs no
 * permission, so it must not be whatever lies in memory. A bit of 0 allows.
 */
static int write_tss(const struct vmem_view *view)
{
	static const unsigned char zeros[VARCH_BOOT_TSS_LIMIT];
	const uint16_t map_at = 104;
	const uint8_t end = 0xff;
	int rc = vmem_write_exact(view, VARCH_BOOT_TSS_GPA, zeros, sizeof(zeros));

	if (!rc)
		rc = vmem_write_exact(view, VARCH_BOOT_TSS_GPA + 102, &map_at,
				      sizeof(map_at));
	return rc ? rc : vmem_write_exact(view, VARCH_BOOT_TSS_GPA +
					  VARCH_BOOT_TSS_LIMIT, &end, 1);
}

int varch_reset_vector_write(const struct vmem_view *view)
{
	static const unsigned char code[] = {
		0xb0, VARCH_RESET_VALUE,			/* mov al, value */
		0xba, VARCH_PORT_RESET & 0xff, VARCH_PORT_RESET >> 8, /* mov dx */
		0xee,					/* out dx, al */
		0xf4, 0xeb, 0xfd,			/* hlt, again */
	};

	return vmem_write_exact(view, VARCH_BOOT_RESET_GPA, code, sizeof(code));
}

int varch_long_mode_tables(const struct vmem_view *view,
			 const struct varch_board_range *ranges, unsigned int n,
			 struct vsu_error *err)
{
	const struct varch_board_range low = { 0, UINT64_C(4) << 30 };
	struct tables t = { view, VARCH_BOOT_TABLES_GPA, VARCH_BOOT_STACKS_GPA,
			    err };
	uint64_t root;
	unsigned int i;
	int rc = write_descriptors(view);

	if (!rc)
		rc = write_tss(view);
	if (!rc)
		rc = new_table(&t, &root);
	if (!rc)
		rc = map_range(&t, &low);
	for (i = 0; !rc && i < n; i++)
		rc = map_range(&t, &ranges[i]);
	return rc;
}
