/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of <vm-arch/kvm.h> as libcvmm had them, for one version.
 *
 * Threads: as there.
 */
#ifndef CVMM_KVM_H
#define CVMM_KVM_H

#include <vm-arch/kvm.h>

#define cvmm_kvm varch_kvm
#define cvmm_kvm_cpu varch_kvm_cpu
#define cvmm_kvm_new varch_kvm_new
#define cvmm_kvm_free varch_kvm_free
#define cvmm_kvm_set_memory varch_kvm_set_memory
#define cvmm_kvm_add_irqfd varch_kvm_add_irqfd
#define cvmm_kvm_add_cpu varch_kvm_add_cpu
#define cvmm_kvm_remove_cpu varch_kvm_remove_cpu

#endif
