/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Values and keys of options of the same name in QEMU, Firecracker, crosvm, Cloud
 * Hypervisor and kvmtool, which here would be an unknown key or, worse, the name of a file
 * or an interface.
 *
 * Threads: no state.
 */
#ifndef VMM_FOREIGN_VALUES_H
#define VMM_FOREIGN_VALUES_H

#include <vmm-sys-util/error.h>

/*
 * For the value of an option, "serial" for --serial. Names cvmm's value or key in place of
 * the other program's. -EINVAL: a value; -ENOENT: a key.
 */
int vmm_foreign_value_check(const char *option, const char *text, struct vsu_error *err);

#endif
