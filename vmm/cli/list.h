/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Lists "key=value,..." that belong to two readers: the keys of one are cut
 * out, the rest goes to the other.
 */
#ifndef VMM_LIST_H
#define VMM_LIST_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies list to rest without its elements named key, and the value of the
 * last of them to value (of size bytes each; a doubled comma stays doubled).
 * 1: found; 0: not there; -ENAMETOOLONG: something does not fit.
 */
int vmm_list_cut(const char *list, const char *key, char *rest, char *value,
		 size_t size);

bool vmm_list_has(const char *list, const char *key);

#endif
