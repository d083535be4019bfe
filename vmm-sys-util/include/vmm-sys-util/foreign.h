/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Descriptors that a peer sent. A peer may send anything, and two ordinary
 * calls make it the master of the thread that uses them:
 *
 *   fstat()  of a file on FUSE waits for the peer's own file server
 *   close()  of such a file, of a socket that lingers, or of the last
 *            descriptor of a large file, waits as long as the peer likes
 *
 * vsu_foreign_kind() tells what a descriptor is without asking any file
 * server. vsu_foreign_close() closes it without waiting, with the help of a
 * thread that the program gives: libraries start none.
 *
 *	struct vsu_closer *closer;
 *
 *	rc = vsu_closer_new(&closer, &err);
 *	... on a thread of its own:  while (vsu_closer_turn(closer) > 0) ;
 *	... in the configuration of each session:  .closer = closer,
 *
 * Reads /proc. A process that does not see it, in a sandbox say, knows an eventfd
 * by writing 0 to it, an epoll as VSU_FOREIGN_OTHER, and a file that may be a
 * server's by its device alone: those of Btrfs are VSU_FOREIGN_SERVED then.
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
	VSU_FOREIGN_SHARED,	/* a memfd, or a file on tmpfs or hugetlbfs */
	VSU_FOREIGN_FILE,	/* a regular file on a file system of this host */
	VSU_FOREIGN_SERVED,	/* a file whose server may not answer: of FUSE, a
				   network, or a mount unknown to us */
	VSU_FOREIGN_BLOCK,	/* a block device */
	VSU_FOREIGN_CHAR,	/* a character device */
	VSU_FOREIGN_DIRECTORY,
	VSU_FOREIGN_SOCKET,
	VSU_FOREIGN_EPOLL,
	VSU_FOREIGN_PATH,	/* opened with O_PATH: good for nothing here */
	VSU_FOREIGN_OTHER,	/* timerfd, pidfd, ... */
};

/* One of enum vsu_foreign, or -EBADF. */
VSU_API int vsu_foreign_kind(int fd);

/*
 * For who expects an eventfd: true of one, a system call sooner. False says
 * nothing, and vsu_foreign_kind() tells.
 */
VSU_API bool vsu_foreign_is_event(int fd) VSU_NODISCARD;

/* "an eventfd", "a socket", ... for sentences. */
VSU_API const char *vsu_foreign_name(int kind);

/* The descriptors that a thread of the program is to close. */
struct vsu_closer;

VSU_API int vsu_closer_new(struct vsu_closer **out, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * How many files of kind VSU_FOREIGN_SERVED are kept open instead, until the
 * process ends: 64, if this is never called, so that no thread is lost to a
 * close() that cannot even be killed. Programs that use such files say 0. The
 * end of a process closes what is open, and waits for a dead server of FUSE as
 * close() does: of Linux 6.18 it was seen that it does, whoever ends it.
 */
VSU_API void vsu_closer_set_keep(struct vsu_closer *closer, uint32_t n);

/*
 * For a thread that may wait: waits for a descriptor and closes it. 1; 0 when
 * vsu_closer_stop() was called and nothing is left. Several threads may call
 * it, so that one descriptor that takes its time does not hold up the others;
 * of several, one is always left for what is no file of a server.
 */
VSU_API int vsu_closer_turn(struct vsu_closer *closer) VSU_NODISCARD;

/* Descriptors that were handed over and are not closed yet. */
VSU_API uint32_t vsu_closer_waiting(const struct vsu_closer *closer);

/* Files of servers that were kept open instead; they are not among the former. */
VSU_API uint32_t vsu_closer_kept(const struct vsu_closer *closer);

/* The end: no descriptor is handed over after it. */
VSU_API void vsu_closer_stop(struct vsu_closer *closer);

/* After the last turn returned. */
VSU_API void vsu_closer_free(struct vsu_closer *closer);

/*
 * Closes *fd if it is not negative and sets it to -1. An eventfd, a pipe
 * or a path is closed at once; all else goes to the closer. Without one
 * (NULL) it is closed here, and a peer can make that take long. Keeps errno.
 */
VSU_API void vsu_foreign_close(struct vsu_closer *closer, int *fd);

VSU_END_DECLS

#endif
