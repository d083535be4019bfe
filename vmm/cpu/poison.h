/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pages that the memory hardware of the host lost, on their way to the guest.
 *
 * The kernel tells a thread by SIGBUS: the CPU's own thread when the guest
 * touched such a page (BUS_MCEERR_AR), any thread when nobody did yet
 * (BUS_MCEERR_AO). The handler only notes where; nothing takes the page's
 * place, so that the guest never reads zeros for what it had stored there.
 *
 * Threads: enter and leave are each CPU's; note is for the handler of SIGBUS,
 * on any thread; take_early is the main thread's.
 */
#ifndef VMM_POISON_H
#define VMM_POISON_H

#include <stdbool.h>
#include <stdint.h>

/* This thread runs the guest from now on, until leave. */
void vmm_poison_enter(void);

/* True when the guest touched a lost page since enter; *hva is its address. */
bool vmm_poison_leave(uint64_t *hva);

/*
 * siginfo is the siginfo_t of a SIGBUS. True when it concerns a page that was
 * lost under the guest: it is noted, and nothing is to be repaired.
 */
bool vmm_poison_note(const void *siginfo);

/* Makes the eventfd readable when a page is lost that nobody has touched. */
void vmm_poison_wake(int event_fd);

/* Takes the address of such a page; false when there is none. */
bool vmm_poison_take_early(uint64_t *hva);

#endif
