/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Loads the TLS module, and completes its handshake. */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/module.h>

#include "cvmm/configuration.h"
#include "migration/tls.h"

static const struct vsu_module module = {
	.file = "migration-tls.so", .folder = MODULES_DIR, .variable = "CVMM_MODULES",
	.version = PACKAGE_VERSION, .symbol = VMM_TLS_MODULE_SYMBOL,
	.subject = "TLS", .package = "cvmm-migration-tls", .library = "gnutls",
};

int cvmm_tls_load(struct vsu_error *err)
{
	const void *loaded;

	return vsu_module_load(&module, &loaded, err);
}

int vmm_tls_prepare(struct vmm_stream *s, const struct vmm_tls_config *config,
		    struct vsu_error *err)
{
	const struct vmm_tls_module *tls;
	const void *loaded = NULL;
	int rc = vsu_module_load(&module, &loaded, err);

	/* a filter denies this question */
	if (rc < 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) < 0) {
		rc = vsu_error_set(err, -EACCES, "TLS is not permitted in this sandbox");
		(void)vsu_error_operands(err, CVMM_ADVICE_TLS, 0, 0);
	}
	if (rc < 0)
		return rc;
	tls = loaded;
	rc = tls->open(config, &s->layer_self, err);
	if (!rc)
		s->layer = &tls->layer;
	return rc;
}

static const struct vmm_tls_module *module_of(const struct vmm_stream *s)
{
	return (const struct vmm_tls_module *)((uintptr_t)s->layer -
		offsetof(struct vmm_tls_module, layer));
}

int vmm_tls_start(struct vmm_stream *s, uint64_t ns, struct vsu_error *err)
{
	const uint64_t until = vsu_now_ns() + ns;
	short events = POLLIN;
	int rc;

	do {
		rc = module_of(s)->shake_hands(s->layer_self, s->fd, &events, err);
		if (rc != -EAGAIN)
			return rc;
		rc = vmm_stream_wait(s, s->fd, events, until, err);
		if (!rc)
			rc = vmm_stream_check(s, until, err);
	} while (!rc);
	return rc;
}
