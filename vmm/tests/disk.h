/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Whether files of a test are on a disk. */
#ifndef VMM_TESTS_DISK_H
#define VMM_TESTS_DISK_H

#include <fcntl.h>
#include <stddef.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/foreign.h>

/* NULL, or the reason why tests of files of a disk cannot run in the folder. Needs _GNU_SOURCE. */
static inline const char *no_disk(const char *folder)
{
	int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	const int kind = vsu_foreign_kind(fd);

	vsu_fd_close(&fd);
	return kind == VSU_FOREIGN_FILE ? NULL : "the folder of the test's files is not on a disk";
}

#endif
