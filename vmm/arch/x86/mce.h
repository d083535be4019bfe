/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Machine checks: report a lost page of memory to the guest (Intel SDM volume
 * 3, "Machine-Check Architecture").
 *
 * Threads: the CPU's own, or any while it is paused.
 */
#ifndef VMM_MCE_H
#define VMM_MCE_H

#include <stdbool.h>
#include <stdint.h>

#include "kvm/kvm.h"

/*
 * Enables the machine checks that KVM supports; without support does nothing.
 */
void vmm_mce_setup(const struct vmm_kvm *kvm, int cpu_fd);

/*
 * Reports the loss of the page at gpa to the guest. touched: this CPU is accessing
 * the page; else no CPU has done so yet. -EOPNOTSUPP: the guest has not enabled
 * machine checks; -EBUSY: the guest is handling another one.
 */
int vmm_mce_inject(int cpu_fd, uint64_t gpa, bool touched);

#endif
