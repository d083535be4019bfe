/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The filter of system calls of a container. The host compiles it, because guest and host have the same
 * architecture.
 *
 * Threads: confined.
 */
#ifndef OCI_FILTER_H
#define OCI_FILTER_H

#include <stdbool.h>

#include "oci/spec.h"

struct sock_filter;

struct oci_filter {
	struct sock_filter *instructions; /* owned; NULL: none */
	unsigned int n;
	unsigned int flags;	/* SECCOMP_FILTER_FLAG_* */
};

/*
 * Compiles the rules of a configuration. -EOPNOTSUPP: this build has no libseccomp, or an action, an
 * architecture or a flag is not supported. Names of system calls that libseccomp does not know have no
 * effect, as with other runtimes: profiles list those of all kernels.
 */
int oci_seccomp_compile(const struct oci_seccomp *s, struct oci_filter *out, struct vsu_error *err);

/* Whether this build can make filters. */
bool oci_filter_is_possible(void);

/* Whether a name, such as "SCMP_ARCH_X86_64", is that of an architecture for filters. */
bool oci_filter_has_architecture(const char *name);

/* Flags of filters; a NULL ends them. */
extern const char *const oci_filter_flags[];

void oci_filter_free(struct oci_filter *f);

#endif
