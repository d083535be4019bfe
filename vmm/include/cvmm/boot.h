/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Names of <vm-arch/boot.h> as libcvmm had them, for one version.
 *
 * Threads: as there.
 */
#ifndef CVMM_BOOT_H
#define CVMM_BOOT_H

#include <cvmm/kvm.h>
#include <vm-arch/boot.h>

#define CVMM_PORT_END VARCH_PORT_END
#define CVMM_PORT_SLEEP VARCH_PORT_SLEEP
#define CVMM_PORT_RESTART VARCH_PORT_RESTART

#define cvmm_kernel varch_kernel
#define cvmm_kernel_device varch_kernel_device
#define cvmm_kernel_config varch_kernel_config
#define cvmm_kernel_load varch_kernel_load
#define cvmm_kernel_free varch_kernel_free
#define cvmm_kernel_enter varch_kernel_enter

#endif
