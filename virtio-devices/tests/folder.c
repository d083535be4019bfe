/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Temporary folders of tests. */
#include <config.h>

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "closed_on_exec.h"
#include "folder.h"

static char folder[64];

void folder_init(const char *where)
{
	snprintf(folder, sizeof(folder), "%s/virtdev-XXXXXX", where);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

void folder_fini(void)
{
	assert_closed_on_exec();
	ck_assert_int_eq(chdir("/"), 0);
	folder_remove(folder);
}

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void folder_remove(const char *path)
{
	nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}
