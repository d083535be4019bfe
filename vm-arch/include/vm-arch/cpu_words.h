/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Processors described by words, as a file for --cpu has them: the output of "cvmm cpu".
 *
 * Threads: no state.
 */
#ifndef VARCH_ARCH_CPU_WORDS_H
#define VARCH_ARCH_CPU_WORDS_H

#include <stddef.h>

#include <vm-arch/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

#define VARCH_CPU_MAX_TEXT 16384	/* bytes of a description, with its 0 */

/*
 * Words that the processors in n files have in common; without files, those of this host's KVM,
 * which is opened. words have VARCH_CPU_MAX_TEXT bytes. -EOPNOTSUPP: nothing, or this architecture
 * has no such words; others: a file is refused or cannot be read, or as varch_vm_open().
 */
VARCH_API int varch_cpu_words(const char *const *files, unsigned int n, char *words,
		    struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
