/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine of QEMU with the agent of libvm-agent, for the examples beside. */
#ifndef QEMU_MACHINE_H
#define QEMU_MACHINE_H

#include <sys/types.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/error.h>

/* QEMU, and the end of a pipe that QEMU keeps open. */
struct qemu {
	pid_t pid;
	int alive;		/* readable when QEMU has ended */
};

#define QEMU_NONE { -1, -1 }

/* The operands of the examples; each is described in qemu-exec.c. */
struct qemu_config {
	const char *kernel, *modules, *init, *socket;
	int ports[VAGENT_PORTS]; /* the guest's ends */
};

/* Starts QEMU. Its sockets are duplicates. -ENOENT and other errors of files; -EAGAIN: no process. */
int qemu_start(struct qemu *q, const struct qemu_config *c, struct vsu_error *err);
/* Ends QEMU, if it was started: a guest that has sent everything has nothing to save. */
void qemu_end(struct qemu *q);

#endif
