/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The boot information of the built-in protocol (<vm-arch/boot_protocol.h>).
 *
 * Threads: no state.
 */
#ifndef VARCH_BOOT_INFO_H
#define VARCH_BOOT_INFO_H

#include <vm-arch/boot_protocol.h>
#include <vm-arch/load.h>
#include <vm-memory/map.h>
#include <vmm-sys-util/error.h>

/*
 * Describes the machine in a zeroed boot: CPUs, devices and private memory.
 * -EINVAL: the kernel expects no bus.
 */
int varch_builtin_describe(const struct varch_load *load, const struct varch_loaded *loaded,
			 struct cvmm_boot *boot, struct vsu_error *err);

/*
 * Completes the boot information by what is the same for all machines and by
 * the memory that there is, and writes it to gpa. 0 or a negative errno.
 */
int varch_builtin_hand_over(struct cvmm_boot *boot, const struct vmem_view *view,
			  uint64_t gpa);

#endif
