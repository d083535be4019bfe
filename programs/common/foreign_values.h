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
 * The words of a command line from "run" on, with its table. Names cvmm's value or key in place of the other
 * program's. -EINVAL: a value; -ENOENT: a key. 0 for words that cannot be parsed.
 */
int vmm_foreign_values_check(const struct vsu_option *table, int argc, char *const *argv,
			     struct vsu_error *err);

#endif
