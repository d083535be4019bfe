/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Guards a back-end against a front-end that disappears during postcopy.
 *
 * A thread that accesses a page which has not arrived sleeps in the kernel until the
 * front-end places the page. If that thread is the one that dispatches the session, it
 * cannot see that the front-end has disconnected. A guard is driven by another thread,
 * which the program provides; libraries start no threads.
 *
 *	struct vhost_user_postcopy_guard *guard;
 *
 *	rc = vhost_user_postcopy_guard_new(&guard, &err);
 *	... in the configuration of the session:  .postcopy_guard = guard,
 *	... on a thread of its own:  if vhost_user_postcopy_guard_fd() is readable,
 *	    vhost_user_postcopy_guard_release(guard);
 *
 * After a release all memory of the session that postcopy covers is lost. If the session
 * has a SIGBUS table (vm-memory/sigbus.h), system calls that access the memory fail with
 * EFAULT, and other accesses raise SIGBUS, which the table repairs. Otherwise pages that
 * never arrived read as zeros. The session ends in either case.
 *
 * Threads: any may release; a guard is configured for one session at a time.
 */
#ifndef VHOST_POSTCOPY_H
#define VHOST_POSTCOPY_H

#include <vhost/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct vhost_user_postcopy_guard;

VHOST_USER_API int vhost_user_postcopy_guard_new(
		struct vhost_user_postcopy_guard **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Call it when neither a session nor a thread uses the guard. */
VHOST_USER_API void vhost_user_postcopy_guard_free(
		struct vhost_user_postcopy_guard *g);

/*
 * Returns an epoll descriptor, borrowed, which never changes. It becomes readable if
 * the front-end disconnects during postcopy, and stays so until the session ends or
 * vhost_user_postcopy_guard_release() is called.
 */
VHOST_USER_API int vhost_user_postcopy_guard_fd(
		const struct vhost_user_postcopy_guard *g);

/*
 * Wakes all threads that wait for pages. If a program must end, but its session cannot
 * end because such a thread waits, it calls this function while the front-end is still
 * connected. Without postcopy it does nothing.
 */
VHOST_USER_API void vhost_user_postcopy_guard_release(
		struct vhost_user_postcopy_guard *g);

VSU_END_DECLS

#endif
