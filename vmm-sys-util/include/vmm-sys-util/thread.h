/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Starting threads that leave the signals of the process to others. The library itself
 * starts none except for the lookup of a host (<vmm-sys-util/tcp.h>).
 *
 * Threads: any thread.
 */
#ifndef VMM_SYS_UTIL_THREAD_H
#define VMM_SYS_UTIL_THREAD_H

#include <pthread.h>
#include <signal.h>
#include <sys/select.h>	/* sigset_t: <signal.h> lacks it in strict C99 and C11 */

#include <vmm-sys-util/attributes.h>

VSU_BEGIN_DECLS

/* The program's hook for threads that libraries start in its process. */
struct vsu_threads {
	void (*begin)(void *opaque);	/* on the new thread, before its function; or NULL */
	void *opaque;
};

/*
 * Starts a thread with a stack of 512 KiB. The thread blocks all signals except those of its
 * own faults. threads may be NULL, and may be freed after the call: begin has returned by then.
 * Returns 0 or a negative errno.
 */
VSU_API int vsu_thread_start(const struct vsu_threads *threads, pthread_t *id, void *(*fn)(void *),
			     void *arg) VSU_NODISCARD;

/* Blocks these signals on the calling thread. *before receives its previous signal mask. */
VSU_API void vsu_thread_block_signals(sigset_t *before);

VSU_END_DECLS

#endif
