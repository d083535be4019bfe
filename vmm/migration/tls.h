/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * TLS between the two ends of a migration. Both ends have certificates that the same
 * authority has signed, and check each other's.
 *
 * A folder has the files that QEMU and libvirt use:
 *
 *   ca-cert.pem                       the authority's certificate
 *   ca-crl.pem                        optional: revoked certificates
 *   server-cert.pem, server-key.pem   of the destination
 *   client-cert.pem, client-key.pem   of the source
 *
 * TLS is done by a module (<vmm-sys-util/module.h>), which is loaded when it is needed, or before by
 * cvmm_tls_load().
 *
 * Threads: confined.
 */
#ifndef VMM_MIGRATION_TLS_H
#define VMM_MIGRATION_TLS_H

#include "migration/stream.h"

struct vmm_tls_config {
	const char *folder;	/* borrowed for vmm_tls_prepare() */
	const char *hostname;	/* in the server's certificate; copied */
	bool server;
};

/* The struct of the module. */
struct vmm_tls_module {
	const char *version;	/* PACKAGE_VERSION */
	struct vmm_stream_layer layer;
	/* Reads the files. */
	int (*open)(const struct vmm_tls_config *config, void **self,
		    struct vsu_error *err);
	/* Repeat after -EAGAIN, when the socket has one of *events. */
	int (*shake_hands)(void *self, int fd, short *events, struct vsu_error *err);
};

#define VMM_TLS_MODULE_SYMBOL "vmm_tls_module"
extern const struct vmm_tls_module vmm_tls_module;

/*
 * Reads the files, before a connection exists. -EOPNOTSUPP: the module is not installed;
 * -EINVAL: a file is missing or has other content.
 */
int vmm_tls_prepare(struct vmm_stream *s, const struct vmm_tls_config *config,
		    struct vsu_error *err);

/*
 * Makes the connection secure after that. -EPROTO: the peer is not the expected one;
 * -ETIMEDOUT: the handshake took longer than ns.
 */
int vmm_tls_start(struct vmm_stream *s, uint64_t ns, struct vsu_error *err);

#endif
