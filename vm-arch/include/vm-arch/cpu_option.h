/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A choice of CPUs as text, whose models are those of the architecture: the name of one, a file that describes a processor, or such a
 * description as a list. The list replaces the file before other options are read, so that a
 * confined process, a saved machine and another host do not need the file.
 *
 * Threads: no state.
 */
#ifndef VARCH_ARCH_CPU_OPTION_H
#define VARCH_ARCH_CPU_OPTION_H

#include <vm-arch/attributes.h>
#include <vm-arch/cpu_choice.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct varch_cpu_option {
	const char *text;	/* NULL: not given */
	struct varch_cpu_choice choice;
};

/* Reads the text. -EINVAL: a file, or an unknown name; -EBADMSG: a list that is refused. */
VARCH_API int varch_cpu_option_read(struct varch_cpu_option *option, struct vsu_error *err) VSU_NODISCARD;

/*
 * Reads the file that the text names. *out is the text with its content, which the caller
 * frees; NULL if the text names none. -ENOENT and the like: the file cannot be opened; -EBADMSG, -E2BIG: its
 * content is refused.
 */
VARCH_API int varch_cpu_option_expand(const char *text, char **out, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
