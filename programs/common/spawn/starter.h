/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process "cvmm-starter", which starts daemons for devices with backend=spawn. It is
 * forked before cvmm restricts itself and keeps cvmm's original rights, so it trusts no
 * request: it runs programs of one folder only, with the properties of a device only. In a
 * machine with a sandbox these are the devices of the command line.
 *
 * A daemon ends if it is replaced, if cvmm abandons it, or if cvmm or this process ends.
 */
#ifndef VMM_SPAWN_STARTER_H
#define VMM_SPAWN_STARTER_H

#include <limits.h>

#include "common/spawn/daemon_spec.h"

/* Arguments that all daemons get. */
#define VMM_STARTER_COMMON 3
/* As many as a machine can have. */
#define VMM_STARTER_DEVICES 32

struct vmm_starter_setup {
	char folder[PATH_MAX];	/* of the daemons */
	char common[VMM_STARTER_COMMON][128]; /* "" or an option */
	bool locked;		/* permits only these devices, and devices without files */
	bool open;		/* the devices follow as requests, before all others */
	unsigned int n;
	struct vmm_daemon_spec devices[VMM_STARTER_DEVICES]; /* of the command line */
};

/*
 * A request, one datagram. A start is accompanied by descriptors: the daemon's end of a
 * vhost-user connection; a pipe for its log, which begins with its process id; and, for a
 * device that was added while the guest runs, those that its properties refer to, in their
 * order. A device of the command line has descriptors of the starter's parent process. A
 * start replaces the daemon of the same id.
 */
struct vmm_starter_request {
	enum vmm_starter_what {
		VMM_STARTER_START,
		VMM_STARTER_END,	/* the daemon of this id */
		VMM_STARTER_DEVICE,	/* of the command line */
		VMM_STARTER_COMPLETE,	/* after the last of these */
	} what;
	uint32_t id;		/* chosen by cvmm */
	uint32_t level;		/* enum vsu_log_level */
	uint32_t continues;	/* not 0: the guest has used the device before */
	struct vmm_daemon_spec spec;	/* sent up to its size */
};

enum { VMM_STARTER_SOCKET, VMM_STARTER_LOG, VMM_STARTER_FDS };

/* Serves requests, and exits when the other end of sock is closed. */
_Noreturn void vmm_starter_run(struct vmm_starter_setup *setup, int sock);

/*
 * starter_check.c: whether a valid request with npassed descriptors for its properties is
 * permitted; -EPERM with the reason.
 */
int vmm_starter_check(const struct vmm_starter_setup *setup, const struct vmm_daemon_spec *spec,
		      unsigned int npassed, struct vsu_error *err);

/*
 * starter_exec.c: closes all descriptors except sock, the standard streams and those that
 * devices refer to: a descriptor of another device ends when cvmm closes it.
 */
void vmm_starter_close_others(const struct vmm_starter_setup *setup, int sock);

/* starter_exec.c: the new process becomes the daemon. fds are those of the request. */
_Noreturn void vmm_starter_exec(const struct vmm_starter_setup *setup,
				const struct vmm_starter_request *request,
				const int *fds, unsigned int nfds);

#endif
