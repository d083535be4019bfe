/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How the properties of memory pass to the machine that continues a guest. One table has
 * every property, and what becomes of it.
 *
 *   mapped   the saved file, mapped privately: memory without properties that a mapping
 *            of an ordinary file cannot have, and ROM
 *   own      memory that the machine allocates; the saved file is read into it
 *   clone    the command line of a clone, whose memory is not at the mem-path of the
 *            saved machine
 *
 * Threads: any.
 */
#ifndef VMM_MEMORY_PIECE_LISTS_H
#define VMM_MEMORY_PIECE_LISTS_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>

/* A part of the saved file, and its guest address. */
struct vmm_image_part {
	const char *path;
	uint64_t gpa, len, at;
};

/*
 * Whether the memory of a list must be of its own, because of a property such as
 * hugetlb=on. False for ROM and an invalid list.
 */
bool vmm_piece_needs_own(const char *list);
bool vmm_piece_is_rom(const char *list);

/*
 * New lists, which the caller frees. list NULL: without properties. shared: also if the
 * saved machine's memory was not.
 */
int vmm_piece_list_mapped(const char *list, const struct vmm_image_part *part,
			  char **out, struct vsu_error *err);
int vmm_piece_list_own(const char *list, const struct vmm_image_part *part,
		       bool shared, char **out, struct vsu_error *err);

/* *out is NULL if a clone can have the list as it is. */
int vmm_piece_list_clone(const char *list, char **out, struct vsu_error *err);

/* Whether the table has the property. */
bool vmm_piece_knows(const char *property);

#endif
