/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tests that are linked with -Wl,--wrap=lseek choose the data of a file: a file system with
 * small blocks has holes that begin and end inside a page.
 */
#ifndef VMM_TESTS_SPARSE_FILE_H
#define VMM_TESTS_SPARSE_FILE_H

#include <errno.h>
#include <stdbool.h>
#include <sys/types.h>
#include <unistd.h>

static struct {
	bool used;		/* false: as the true file */
	off_t begin, end;	/* of the only data in every file */
} sparse_file;

off_t __real_lseek(int fd, off_t at, int whence);
off_t __wrap_lseek(int fd, off_t at, int whence);
off_t __wrap_lseek(int fd, off_t at, int whence)
{
	const bool inside = at >= sparse_file.begin && at < sparse_file.end;

	if (!sparse_file.used || (whence != SEEK_DATA && whence != SEEK_HOLE))
		return __real_lseek(fd, at, whence);
	if (whence == SEEK_HOLE)
		return inside ? sparse_file.end : at;
	if (at < sparse_file.begin)
		return sparse_file.begin;
	errno = ENXIO;
	return inside ? at : -1;
}

#endif
