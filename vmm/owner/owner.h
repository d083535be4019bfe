/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The process that runs a machine, as its owner describes it (struct cvmm_host), in the forms in
 * which the machine's parts use it. The machine itself has no process-wide state: it installs no
 * filter, opens no file of the process, and does not end the process.
 *
 *	vmm_log(log, CVMM_LOG_WARNING, "refused", "ring %u: %s", ring, err->msg);
 *
 * Threads: any, which the owner's functions must permit; the closer as stated.
 */
#ifndef VMM_OWNER_H
#define VMM_OWNER_H

#include <stddef.h>

#include <device-kinds/kind.h>
#include <device-kinds/socket_access.h>
#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/thread.h>

#include "cvmm/machine.h"

/* Events of a machine that concern the operator and fail no call. */
struct vmm_log {
	/* cause: the kind of event, whose lines may be limited in number; NULL: no limit. */
	void (*line)(void *opaque, enum cvmm_log_level level, const char *cause,
		     const char *text);
	void *opaque;
};

/* Lines without a log (NULL) or a function are dropped. */
void vmm_log(const struct vmm_log *log, enum cvmm_log_level level, const char *cause,
	     const char *fmt, ...) VSU_PRINTF(4, 5);

/*
 * Threads of the owner that close descriptors of peers, so that no other thread waits for a file
 * whose server does not respond. Used on the main thread, or on the one that receives a machine
 * before it runs.
 */
struct vmm_closer {
	/*
	 * Starts its threads with the first call. NULL, with the reason: they cannot be started,
	 * so that descriptors are closed by the thread that has them.
	 */
	struct vsu_closer *(*get)(void *opaque, struct vsu_error *err);
	void *opaque;
};

/* NULL without an error: the owner has none. closer may be NULL. */
static inline struct vsu_closer *vmm_closer_get(const struct vmm_closer *closer,
						struct vsu_error *err)
{
	return closer && closer->get ? closer->get(closer->opaque, err) : NULL;
}

/* Parts of the owner, as the machine's parts use them. */
struct vmm_process {
	const struct cvmm_host *owner;
	struct devkind_host host; /* for devices */
	struct vmm_log log;
	struct vmm_closer closer;
	struct vsu_threads threads; /* all but those of CPUs */
	struct devkind_socket_access sockets; /* access to those that are created */
	int in_fd, out_fd;	/* the ends of "stdio", borrowed; negative: none */
};

/* owner was checked. Both stay where they are until the machine is freed. */
void vmm_process_init(struct vmm_process *p, const struct cvmm_host *owner);

/* /proc/self/pagemap, a descriptor of the caller, or a negative errno. */
int vmm_owner_pagemap(const struct cvmm_host *owner);

#endif
