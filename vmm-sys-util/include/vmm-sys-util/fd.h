/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * File descriptors: closing, duplicating, types, sizes and complete transfers.
 *
 * Functions return 0 or a count on success, a negative errno on failure.
 *
 * Threads: any.
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
 * Closes the descriptors first to first + n - 1, by one close_range() if the
 * kernel supports it (Linux 5.9). Keeps errno.
 */
VSU_API void vsu_fd_close_run(int first, unsigned int n);

/*
 * Returns a close-on-exec duplicate that the caller owns, at least 3 so that it
 * never becomes a standard stream; or a negative errno.
 */
VSU_API int vsu_fd_dup(int fd) VSU_NODISCARD;

VSU_API int vsu_fd_set_nonblock(int fd) VSU_NODISCARD;
VSU_API int vsu_fd_set_cloexec(int fd) VSU_NODISCARD;

/* The kind of a descriptor, by fstat(). */
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

/* Returns the kind, a value of enum vsu_fd_kind, or a negative errno. */
VSU_API int vsu_fd_kind(int fd);

/* "a regular file", "a directory", ... for messages. */
VSU_API const char *vsu_fd_kind_name(int kind);

/*
 * The size in bytes of a regular file, memfd, guest_memfd or block device;
 * 0 for a character device; -EINVAL for other kinds. The file position does not
 * change.
 */
VSU_API int vsu_fd_size(int fd, uint64_t *size) VSU_NODISCARD;

/*
 * Transfer len bytes, continuing after EINTR and short transfers. Return the
 * number of transferred bytes. A number less than len means the end of the file
 * (reads) or a failure after that many bytes. If the first system call fails, its
 * negative errno is returned.
 */
VSU_API ssize_t vsu_fd_read_full(int fd, void *buf, size_t len) VSU_NODISCARD;
VSU_API ssize_t vsu_fd_write_full(int fd, const void *buf, size_t len)
	VSU_NODISCARD;
VSU_API ssize_t vsu_fd_pread_full(int fd, void *buf, size_t len, uint64_t pos)
	VSU_NODISCARD;

/*
 * One write() to a pipe, without SIGPIPE: the number of bytes, or a negative errno,
 * -EPIPE if no reader is left. Blocks the signal in this thread meanwhile, by further
 * system calls; a SIGPIPE that was pending before remains so. For sockets use
 * vsu_sock_send(), which needs no such calls.
 */
VSU_API ssize_t vsu_fd_write_quietly(int fd, const void *buf, size_t len)
	VSU_NODISCARD;

/*
 * Number of open descriptors of this process in /proc/self/fd, or a negative
 * errno. For tests and for programs that report their own use.
 */
VSU_API int vsu_fd_count(void);

VSU_END_DECLS

#endif
