/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Privilege level 0 on this host. Some KVMs emulate its instructions in
 * software and support only some of them: Linux does not boot there.
 */
#ifndef VMM_KVM_LEVEL0_H
#define VMM_KVM_LEVEL0_H

#include <stdbool.h>

#include "kvm/kvm.h"

/*
 * Runs one instruction in a virtual machine of its own. True if KVM reports
 * that it cannot emulate the instruction; false as well if the attempt fails.
 */
bool vmm_kvm_emulates_level0(const struct vmm_kvm *kvm);

#endif
