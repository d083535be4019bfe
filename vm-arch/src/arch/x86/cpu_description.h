/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A processor described by words, for guests that run on several hosts: vendor, family, model,
 * stepping, and names of features (cpu_features.h). A file has the words in lines:
 *
 *	# a comment
 *	vendor=AuthenticAMD family=23 model=1 stepping=2
 *	sse3 ssse3 fma cx16
 *
 * Words are separated by blanks, newlines or commas; a comment ends with its line.
 *
 * Threads: no state.
 */
#ifndef VARCH_X86_CPU_DESCRIPTION_H
#define VARCH_X86_CPU_DESCRIPTION_H

#include <vm-arch/cpu_words.h>

#include "arch/x86/cpu_features.h"

/* Reads words, which another program may have written. -EBADMSG: err names the word that is refused. */
int varch_cpu_description_parse(struct varch_cpu_description *out, const char *text,
			      struct vsu_error *err);

/* Reads a file, of which fd is closed; negative: why it could not be opened. */
int varch_cpu_description_read(struct varch_cpu_description *out, int fd, struct vsu_error *err);

/* Writes all words, each followed by the separator but the last. The length; -ENOSPC: text is full. */
int varch_cpu_description_write(const struct varch_cpu_description *d, char separator, char *text,
			      size_t room);

/*
 * The processor of KVM's table. -EOPNOTSUPP: it has no vendor that a description can name.
 */
int varch_cpu_description_of(struct varch_cpu_description *out, struct kvm_cpuid2 *table,
			   struct vsu_error *err);

/*
 * Limits d to what other has, too: the features of both, and the older of both models.
 * -EOPNOTSUPP: processors of different vendors.
 */
int varch_cpu_description_limit(struct varch_cpu_description *d,
			      const struct varch_cpu_description *other, struct vsu_error *err);

/* Its family, model and stepping as EAX of leaf 1. */
uint32_t varch_cpu_description_signature(const struct varch_cpu_description *d);

#endif
