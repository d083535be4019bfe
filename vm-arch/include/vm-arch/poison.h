/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Hardware memory errors of the host (lost pages), to be reported to the guest.
 *
 * The kernel reports a lost page by SIGBUS: to the CPU's thread if the guest
 * accessed it (BUS_MCEERR_AR), or to any thread before an access
 * (BUS_MCEERR_AO). The handler only records the address. The page is not
 * replaced, so that the guest never reads zeros instead of its data.
 *
 * A thread of cpus.h has a thread-local record: whether it runs the guest, and the lost page that
 * the guest accessed there.
 *
 * Threads: varch_poison_note() is for the SIGBUS handler on any thread, varch_poison_take_early()
 * for the main thread, and varch_poison_wake() for any.
 *
 * The handler is that of the process, so the process owns struct varch_poison.
 */
#ifndef VARCH_POISON_H
#define VARCH_POISON_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>

VSU_BEGIN_DECLS

struct varch_poison {
	uint64_t early;	/* atomic: a page reported before any access; 0: none. Further pages
			   are reported on access */
	int wake_fd;	/* atomic: see varch_poison_wake() */
};

#define VARCH_POISON_INIT { 0, -1 }

/*
 * siginfo is the siginfo_t of a SIGBUS. Returns true if it reports a lost page
 * of the guest: the page is recorded, and the caller must not repair it. With NULL, pages
 * that this thread's guest accessed are recorded only.
 */
VARCH_API bool varch_poison_note(struct varch_poison *p, const void *siginfo);

/*
 * Sets the eventfd to signal when a page is lost before any access; negative: such pages
 * are not recorded.
 */
static inline void varch_poison_wake(struct varch_poison *p, int event_fd)
{
	__atomic_store_n(&p->wake_fd, event_fd, __ATOMIC_RELAXED);
}

/* Fetches the address of such a page; false if none is recorded. */
static inline bool varch_poison_take_early(struct varch_poison *p, uint64_t *hva)
{
	*hva = __atomic_exchange_n(&p->early, 0, __ATOMIC_ACQ_REL);
	return *hva != 0;
}

VSU_END_DECLS

#endif
