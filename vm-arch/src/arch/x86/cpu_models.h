/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Models of processors: sets of features that guests can use on different hosts. Models of the
 * levels x86-64-v2 to x86-64-v4 of the psABI have the features of their level and no others, so
 * that a guest finds the same ones on each host that has them.
 *
 * Threads: no state.
 */
#ifndef VARCH_X86_CPU_MODELS_H
#define VARCH_X86_CPU_MODELS_H

#include "arch/x86/cpu_description.h"

/* Before the words of a description, separated by commas, as they are saved with a machine. */
#define VARCH_CPU_LIST "list:"

/* A name or a list. -ENOENT: neither, without a sentence; -EBADMSG: a list that is refused. */
int varch_cpu_choice_read(struct varch_cpu_choice *out, const char *text, struct vsu_error *err);

/*
 * Whether KVM supports all features of a level or description, by its table; other models
 * need none. -EOPNOTSUPP: err names those that are missing, or the other vendor.
 */
int varch_cpu_model_check(struct kvm_cpuid2 *supported, const struct varch_cpu_choice *choice,
			struct vsu_error *err);

/* Removes what is not in the model, which is not VARCH_CPU_HOST, from KVM's table. */
void varch_cpu_model_apply(struct kvm_cpuid2 *table, const struct varch_cpu_choice *choice);

#endif
