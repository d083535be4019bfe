/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Machine checks: how a guest learns that a page of its memory is gone (Intel
 * SDM volume 3, "Machine-Check Architecture").
 *
 * Threads: the CPU's own, or any while it is paused.
 */
#ifndef VMM_MCE_H
#define VMM_MCE_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm/kvm.h"

/* Offers the guest what KVM has for them; without any it has none. */
void vmm_mce_setup(const struct vmm_kvm *kvm, int cpu_fd);

/*
 * Tells the guest that the page at gpa is lost. touched: this CPU needs it
 * now; else nobody does yet. -EOPNOTSUPP when the guest has not enabled
 * machine checks, -EBUSY when it is in the middle of one.
 */
int vmm_mce_inject(int cpu_fd, uint64_t gpa, bool touched);

#endif
