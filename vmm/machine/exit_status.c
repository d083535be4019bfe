/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Codes become exit statuses: one table, the first row that fits counts. */
#include <config.h>

#include <errno.h>

#include "machine/exit_status.h"

#define ANY 0	/* of a row: every code */
#define ANY_STAGE -1

static const struct row {
	int stage;	/* enum vmm_stage */
	int code;
	int status;
} rows[] = {
	{ ANY_STAGE, -ENOMEM, VSU_EXIT_HOST },
	{ ANY_STAGE, -EMFILE, VSU_EXIT_HOST },
	{ ANY_STAGE, -ENFILE, VSU_EXIT_HOST },
	{ VMM_STAGE_OPTIONS, -ENOENT, VSU_EXIT_USAGE },
	{ VMM_STAGE_OPTIONS, ANY, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, -EBADMSG, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, -EINVAL, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, -E2BIG, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, -ENOSPC, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, -EFAULT, VSU_EXIT_DATA },
	{ VMM_STAGE_KERNEL, ANY, VSU_EXIT_INPUT },
	{ VMM_STAGE_KVM, ANY, VSU_EXIT_HOST },
	{ VMM_STAGE_MEMORY, -EINVAL, VSU_EXIT_DATA },
	{ VMM_STAGE_MEMORY, -EEXIST, VSU_EXIT_DATA },
	{ VMM_STAGE_MEMORY, -ERANGE, VSU_EXIT_DATA },
	{ VMM_STAGE_MEMORY, -ENAMETOOLONG, VSU_EXIT_DATA },
	{ VMM_STAGE_MEMORY, -ENOENT, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -EACCES, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -EPERM, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -EISDIR, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -ENOTDIR, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -EROFS, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -ENODEV, VSU_EXIT_INPUT },
	{ VMM_STAGE_MEMORY, -EBUSY, VSU_EXIT_BUSY },
	{ VMM_STAGE_MEMORY, ANY, VSU_EXIT_HOST },
	{ VMM_STAGE_DISK, -EINVAL, VSU_EXIT_DATA },
	{ VMM_STAGE_DISK, -EBUSY, VSU_EXIT_BUSY },
	{ VMM_STAGE_DISK, -EOPNOTSUPP, VSU_EXIT_HOST },
	{ VMM_STAGE_DISK, ANY, VSU_EXIT_INPUT },
	{ VMM_STAGE_SOCKET, -EINVAL, VSU_EXIT_DATA },
	{ VMM_STAGE_SOCKET, -ENAMETOOLONG, VSU_EXIT_DATA },
	{ VMM_STAGE_SOCKET, ANY, VSU_EXIT_HOST },
	{ VMM_STAGE_VHOST, -EINVAL, VSU_EXIT_DATA },
	{ VMM_STAGE_VHOST, -EBUSY, VSU_EXIT_BUSY },
	{ VMM_STAGE_VHOST, -EADDRINUSE, VSU_EXIT_BUSY },
	{ VMM_STAGE_VHOST, ANY, VSU_EXIT_HOST },
	{ VMM_STAGE_CONSOLE, ANY, VSU_EXIT_INPUT },
};

int vmm_exit_status(enum vmm_stage stage, int code)
{
	unsigned int i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if ((rows[i].stage == ANY_STAGE ||
		     rows[i].stage == (int)stage) &&
		    (rows[i].code == ANY || rows[i].code == code))
			return rows[i].status;
	return VSU_EXIT_INTERNAL;
}
