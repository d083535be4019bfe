/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors received from a peer. A peer may send any descriptor, and two ordinary
 * calls can block the thread that uses it:
 *
 *   fstat()  of a file on FUSE waits for the peer's own file server
 *   close()  of such a file, of a lingering socket, or of the last descriptor of
 *            a large file can take as long as the peer likes
 *
 * vsu_foreign_kind() determines the kind of a descriptor without a request to a file
 * server. vsu_foreign_close() closes it without blocking, by a thread that the
 * program provides; libraries start no threads.
 *
 *	struct vsu_closer *closer;
 *
 *	rc = vsu_closer_new(&closer, &err);
 *	... on a thread of its own:  while (vsu_closer_turn(closer) > 0) ;
 *	... in the configuration of each session:  .closer = closer,
 *
 * These functions read /proc. Without /proc, for example in a sandbox, an eventfd is
 * recognised by writing 0 to it, and an epoll descriptor is VSU_FOREIGN_OTHER. Regular
 * files are then judged by their device number alone: a file on Btrfs, for example, is
 * VSU_FOREIGN_SERVED.
 *
 * Threads: any.
 */
#ifndef VMM_SYS_UTIL_FOREIGN_H
#define VMM_SYS_UTIL_FOREIGN_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

enum vsu_foreign {
	VSU_FOREIGN_EVENT,	/* an eventfd */
	VSU_FOREIGN_PIPE,	/* a pipe or FIFO, either end */
	VSU_FOREIGN_SHARED,	/* a memfd, a file on tmpfs or hugetlbfs, a
				   guest_memfd or a dma-buf */
	VSU_FOREIGN_FILE,	/* a regular file on a local file system: ext4,
				   XFS, Btrfs, ... */
	VSU_FOREIGN_SERVED,	/* a regular file or FIFO of a file server, which
				   may be unresponsive: FUSE, a network file
				   system, an unknown file system or mount */
	VSU_FOREIGN_BLOCK,	/* a block device */
	VSU_FOREIGN_CHAR,	/* a character device */
	VSU_FOREIGN_DIRECTORY,
	VSU_FOREIGN_SOCKET,
	VSU_FOREIGN_EPOLL,
	VSU_FOREIGN_PATH,	/* opened with O_PATH: no I/O is possible */
	VSU_FOREIGN_OTHER,	/* timerfd, pidfd, ...; a file of procfs, sysfs,
				   debugfs or similar */
};

/* Returns the kind, a value of enum vsu_foreign, or -EBADF. */
VSU_API int vsu_foreign_kind(int fd);

/*
 * A faster test for callers that expect an eventfd: true means VSU_FOREIGN_EVENT. If
 * false, call vsu_foreign_kind().
 */
VSU_API bool vsu_foreign_is_event(int fd) VSU_NODISCARD;

/* "an eventfd", "a socket", ... for messages. */
VSU_API const char *vsu_foreign_name(int kind);

/* A queue of descriptors to be closed by threads of the program. */
struct vsu_closer;

VSU_API int vsu_closer_new(struct vsu_closer **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Sets how many further files of kind VSU_FOREIGN_SERVED stay open instead of being
 * closed (default: 64). Reason: a thread in close() waits, unkillable, for an
 * unresponsive server. 0 also queues the first 64 files that were kept open. Programs
 * that accept such files set 0 at their start, other programs at their end. In both
 * cases the process ends only when its FUSE servers have replied.
 */
VSU_API void vsu_closer_set_keep(struct vsu_closer *closer, uint32_t n);

/*
 * Waits for a descriptor and closes it, on a thread that may block. Returns 1; 0 after
 * vsu_closer_stop() when no descriptor is left for this thread. Several threads may call
 * it, so that one slow close does not delay others. If there are several, one of them
 * always remains for descriptors that are not VSU_FOREIGN_SERVED.
 */
VSU_API int vsu_closer_turn(struct vsu_closer *closer) VSU_NODISCARD;

/* Number of queued descriptors that are not closed yet. */
VSU_API uint32_t vsu_closer_waiting(const struct vsu_closer *closer);

/* Number of VSU_FOREIGN_SERVED files that stay open; vsu_closer_waiting() omits them. */
VSU_API uint32_t vsu_closer_kept(const struct vsu_closer *closer);

/* Ends vsu_closer_turn() on all threads; do not queue further descriptors. */
VSU_API void vsu_closer_stop(struct vsu_closer *closer);

/* Call it after the last vsu_closer_turn() has returned. */
VSU_API void vsu_closer_free(struct vsu_closer *closer);

/*
 * Closes *fd, if not negative, and sets it to -1. An eventfd, a pipe or an O_PATH
 * descriptor is closed immediately. Others are queued to the closer, or stay open
 * (vsu_closer_set_keep()). Without a closer (NULL) the calling thread closes all of
 * them, and a peer can block it. Keeps errno.
 */
VSU_API void vsu_foreign_close(struct vsu_closer *closer, int *fd);

VSU_END_DECLS

#endif
