/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How the properties of memory pass to the machine that continues a guest. One table has
 * every property, and what becomes of it.
 *
 *   mapped   the saved file, mapped privately: memory without properties that a mapping
 *            of an ordinary file cannot have, and ROM
 *   own      memory that the machine allocates; the saved file is read into it
 *   clone    the options of a clone, whose memory is not at the mem-path of the
 *            saved machine
 *
 * Threads: any.
 */
#ifndef VMM_MEMORY_PIECES_H
#define VMM_MEMORY_PIECES_H

#include <vmm-sys-util/error.h>

#include "memory/memory_specs.h"

enum vmm_piece_passage {
	VMM_PIECE_MAPPED = 1,
	VMM_PIECE_OWN = 2,
	VMM_PIECE_CLONE = 4,
};

/* A part of the saved file, and its guest address. */
struct vmm_image_part {
	const char *path;
	uint64_t gpa, len, at;
};

/* Properties of a piece that decide what becomes of the others. */
struct vmm_piece_facts {
	bool file, anon, shared, readonly, rom;
	bool own;		/* its memory cannot be a mapping, because of one such as hugetlb=on */
	uint64_t huge_page;	/* of a file on hugetlbfs; 0: none */
};

struct vmm_piece_facts vmm_piece_facts_of(const struct vmm_memory_spec *spec);

/* Whether the new memory has the property as it was typed. backend is not in this table. */
bool vmm_piece_keeps(const char *property, enum vmm_piece_passage passage);

/*
 * New pieces, which the caller frees after success. shared: also if the saved machine's
 * memory was not.
 */
int vmm_piece_map(const struct vmm_memory_spec *spec, const struct vmm_image_part *part,
		  struct vmm_memory_spec *out, struct vsu_error *err);
int vmm_piece_own(const struct vmm_memory_spec *spec, const struct vmm_image_part *part,
		  bool shared, struct vmm_memory_spec *out, struct vsu_error *err);

/*
 * The memory of a command line of another process: no number in it is a descriptor of this one. A clone
 * has memory of its own in place of shared files, which the saved machine may use meanwhile. -ENOMEM.
 */
int vmm_pieces_continue(struct vmm_memory_specs *specs, bool clone, struct vsu_error *err);

#endif
