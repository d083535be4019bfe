/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * File descriptors: every one close-on-exec from birth, every one with one
 * owner, every system call continued after EINTR and after a short transfer.
 *
 * Functions return 0 or a count on success, a negative errno on failure.
 *
 * Threads: any thread; a descriptor is as shareable as the kernel makes it.
 */
#ifndef VMM_SYS_UTIL_FD_H
#define VMM_SYS_UTIL_FD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Closes *fd if it is not negative and sets it to -1. Keeps errno. */
VSU_API void vsu_fd_close(int *fd);

/*
 * Closes n descriptors whose numbers follow each other from first on, by one
 * system call where the kernel has it (Linux 5.9). Keeps errno.
 */
VSU_API void vsu_fd_close_run(int first, unsigned int n);

/*
 * A close-on-exec duplicate, owned by the caller and never 0, 1 or 2, or a
 * negative errno.
 */
VSU_API int vsu_fd_dup(int fd) VSU_NODISCARD;

VSU_API int vsu_fd_set_nonblock(int fd) VSU_NODISCARD;
VSU_API int vsu_fd_set_cloexec(int fd) VSU_NODISCARD;

/* The kind of a descriptor, from the open descriptor and not from a path. */
enum vsu_fd_kind {
	VSU_FD_REGULAR,
	VSU_FD_DIRECTORY,
	VSU_FD_BLOCK,
	VSU_FD_CHAR,
	VSU_FD_FIFO,
	VSU_FD_SOCKET,
	VSU_FD_SYMLINK,	/* an O_PATH descriptor of a link */
	VSU_FD_OTHER,	/* eventfd, epoll, ... (anonymous inodes) */
};

/* One of enum vsu_fd_kind, or a negative errno. */
VSU_API int vsu_fd_kind(int fd);

/* "a regular file", "a directory", ... for sentences. */
VSU_API const char *vsu_fd_kind_name(int kind);

/*
 * The size in bytes of a regular file, memfd, guest_memfd or block device;
 * 0 for a character device; -EINVAL for anything else. The file position of a
 * block device is kept.
 */
VSU_API int vsu_fd_size(int fd, uint64_t *size) VSU_NODISCARD;

/*
 * Reads or writes all of it, continuing after EINTR and short transfers.
 * Return the number of bytes done, less than len only at the end of the
 * file (read), or a negative errno when nothing was done before the failure.
 */
VSU_API ssize_t vsu_fd_read_full(int fd, void *buf, size_t len) VSU_NODISCARD;
VSU_API ssize_t vsu_fd_write_full(int fd, const void *buf, size_t len)
	VSU_NODISCARD;
VSU_API ssize_t vsu_fd_pread_full(int fd, void *buf, size_t len, uint64_t pos)
	VSU_NODISCARD;
/*
 * Number of open descriptors of this process, or a negative errno. For
 * tests and for programs that watch themselves; reads /proc/self/fd.
 */
VSU_API int vsu_fd_count(void);

VSU_END_DECLS

#endif
