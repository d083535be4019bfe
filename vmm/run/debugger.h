/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A debugger of the guest (--gdb): its socket, and the machine as <vm-arch/gdb.h> needs it. One
 * client at a time. When it connects, the guest stops; when it leaves, all breakpoints are removed and
 * the guest continues, unless its user had paused it before.
 *
 * While a client is connected the machine is neither saved nor moved, because breakpoints are in
 * its memory, and only the client stops and continues it.
 *
 * Threads: the main thread; exit for CPU threads.
 */
#ifndef VMM_RUN_DEBUGGER_H
#define VMM_RUN_DEBUGGER_H

#include "machine/machine.h"

/* Creates the socket of the option, if there is one. */
int vmm_debugger_open(struct vmm_machine *m, struct vsu_error *err);

/* Accepts clients from here on. With --gdb-wait the guest is paused before its CPUs start. */
void vmm_debugger_start(struct vmm_machine *m);

/* The machine ends: no CPU runs any more. */
void vmm_debugger_stop(struct vmm_machine *m);
void vmm_debugger_free(struct vmm_debugger *d);

/* Whether a client is connected, which alone stops and continues the guest. */
bool vmm_debugger_is_connected(const struct vmm_machine *m);

/* A CPU reached a breakpoint or has made a step. opaque is the machine. */
void vmm_debugger_exit(void *opaque, unsigned int cpu, const struct kvm_debug_exit_arch *exit);

#endif
