/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Values and keys of options of the same name in QEMU, Firecracker, crosvm, Cloud
 * Hypervisor and kvmtool, which here would be an unknown key or, worse, the name of a file
 * or an interface.
 *
 * Threads: no state.
 */
#ifndef VMM_COMMON_FOREIGN_VALUES_H
#define VMM_COMMON_FOREIGN_VALUES_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

/*
 * The value of an option of "cvmm run". Names cvmm's value or key in place of the other program's. -EINVAL: a
 * value; -ENOENT: a key.
 */
int vmm_foreign_value_check(const struct vsu_option *row, const char *text, struct vsu_error *err);

#endif
