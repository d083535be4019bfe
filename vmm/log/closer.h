/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The closer of a machine's owner: threads that close descriptors of peers, so that no
 * other thread waits for a file whose server does not respond (vmm-sys-util/foreign.h).
 *
 * Threads: the main thread, or the one that receives a machine before it runs.
 */
#ifndef VMM_LOG_CLOSER_H
#define VMM_LOG_CLOSER_H

#include <stddef.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>

struct vmm_closer {
	/*
	 * Starts its threads with the first call. NULL, with the reason: they cannot be started,
	 * so that descriptors are closed by the thread that has them.
	 */
	struct vsu_closer *(*get)(void *opaque, struct vsu_error *err);
	void *opaque;
};

/* NULL without an error: the owner has none. closer may be NULL. */
static inline struct vsu_closer *vmm_closer_get(const struct vmm_closer *closer,
						struct vsu_error *err)
{
	return closer && closer->get ? closer->get(closer->opaque, err) : NULL;
}

#endif
