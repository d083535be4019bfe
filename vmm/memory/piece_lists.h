/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The property list of --memory in the command line of a clone.
 *
 * Threads: any.
 */
#ifndef VMM_MEMORY_PIECE_LISTS_H
#define VMM_MEMORY_PIECE_LISTS_H

#include <vmm-sys-util/error.h>

/*
 * A new list, which the caller frees; *out is NULL if a clone can have the list as it is, or
 * if the list is not valid.
 */
int vmm_piece_list_clone(const char *list, char **out, struct vsu_error *err);

#endif
