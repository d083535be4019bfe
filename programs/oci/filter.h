/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The filter of system calls of a container. The host compiles it, because guest and host have the same
 * architecture.
 *
 * Threads: confined.
 */
#ifndef OCI_FILTER_H
#define OCI_FILTER_H

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
void oci_filter_free(struct oci_filter *f);

#endif
