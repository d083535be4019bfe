/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options as QEMU, Firecracker, crosvm, Cloud Hypervisor and virtiofsd spell
 * them, with the options of cvmm that correspond.
 *
 * Threads: no state.
 */
#ifndef VMM_SPELLINGS_H
#define VMM_SPELLINGS_H

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

/*
 * Names cvmm's option for the first word of the command line that is an option
 * of another program, or "--KIND" of a device without an option of its own.
 * Words of the table are passed over, but for values of other programs
 * (foreign_values.h). For command lines that were refused: *err is replaced if such a word
 * exists, and unchanged otherwise.
 */
void vmm_spellings_explain(const struct vsu_option *options, int argc,
			   char *const *argv, struct vsu_error *err);

#endif
