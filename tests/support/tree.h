/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Removal of folders with their content. */
#ifndef SUPPORT_TREE_H
#define SUPPORT_TREE_H

#include <ftw.h>
#include <stdio.h>

static inline int tree_entry_remove(const char *path, const struct stat *st,
				    int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

/* Links are removed and not followed. */
static inline void tree_remove(const char *path)
{
	nftw(path, tree_entry_remove, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
