/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process "cvmm-starter", which starts daemons for devices with backend=spawn. It is
 * forked before cvmm restricts itself and keeps cvmm's original rights, so it trusts no
 * request: it runs programs of one folder only, with the options of a device only. In a
 * machine with a sandbox these are the devices of the command line.
 *
 * A daemon ends if it is replaced, if cvmm abandons it, or if cvmm or this process ends.
 */
#ifndef VMM_SPAWN_STARTER_H
#define VMM_SPAWN_STARTER_H

#include <limits.h>

#include "config/machine_config.h"
#include "config/spawn_words.h"

/* Arguments that all daemons get. */
#define VMM_STARTER_COMMON 3

struct vmm_starter_command {
	const struct devkind *kind;
	struct vmm_spawn_words words;
};

struct vmm_starter_setup {
	char folder[PATH_MAX];	/* of the daemons */
	char common[VMM_STARTER_COMMON][128]; /* "" or an option */
	bool locked;		/* permits only these commands, and devices without files */
	bool open;		/* the commands follow as requests, before all others */
	unsigned int n;
	struct vmm_starter_command commands[VMM_MAX_DEVICES];
};

/*
 * A request, one datagram. A start is accompanied by descriptors: the daemon's end of a
 * vhost-user connection; a pipe for its log, which begins with its process id; and, for a
 * device that was added while the guest runs, those that its words refer to, in their
 * order. A device of the command line has descriptors of the starter's parent process. A
 * start replaces the daemon of the same id.
 */
struct vmm_starter_request {
	uint32_t id;		/* chosen by cvmm */
	uint32_t kind;		/* number of devkind_get(); VMM_STARTER_END: end the daemon */
	uint32_t level;		/* enum vsu_log_level */
	struct vmm_spawn_words words;	/* sent up to its length */
};

#define VMM_STARTER_END UINT32_MAX
/* As level: a command of the command line; with the kind VMM_STARTER_END, it was the last one. */
#define VMM_STARTER_COMMAND UINT32_MAX
enum { VMM_STARTER_SOCKET, VMM_STARTER_LOG, VMM_STARTER_FDS };

/* Serves requests, and exits when the other end of sock is closed. */
_Noreturn void vmm_starter_run(struct vmm_starter_setup *setup, int sock);

/*
 * starter_check.c: whether a request with npassed descriptors for its words is permitted;
 * -EPERM with the reason.
 */
int vmm_starter_check(const struct vmm_starter_setup *setup,
		      const struct devkind *kind,
		      const struct vmm_spawn_words *words, unsigned int npassed,
		      struct vsu_error *err);

/*
 * starter_exec.c: closes all descriptors except sock, the standard streams and those that
 * options refer to: a descriptor of another device ends when cvmm closes it.
 */
void vmm_starter_close_others(const struct vmm_starter_setup *setup, int sock);

/* starter_exec.c: the new process becomes the daemon. fds are those of the request. */
_Noreturn void vmm_starter_exec(const struct vmm_starter_setup *setup,
				const struct devkind *kind,
				const struct vmm_starter_request *request,
				const int *fds, unsigned int nfds);

#endif
