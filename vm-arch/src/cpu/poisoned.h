/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The thread of a CPU, as the handler of SIGBUS knows it.
 *
 * Threads: that of the CPU.
 */
#ifndef VARCH_CPU_POISONED_H
#define VARCH_CPU_POISONED_H

#include <vm-arch/poison.h>

/* Marks this thread as running the guest, until leave. */
void varch_poison_enter(void);

/* Returns true if the guest accessed a lost page since enter; *hva is set. */
bool varch_poison_leave(uint64_t *hva);

#endif
