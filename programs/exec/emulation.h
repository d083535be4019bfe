/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The guest of a command where KVM cannot run Linux: QEMU emulates the processor, and daemons
 * share the folders and serve its network card, which drops frames as the card of this program does.
 *
 * Threads: the main thread.
 */
#ifndef VMM_EXEC_EMULATION_H
#define VMM_EXEC_EMULATION_H

#include <stdbool.h>
#include <stdint.h>

#include <cvmm/exec_plan.h>
#include <vmm-sys-util/error.h>

#include "child/leash.h"

struct vmm_emulation_config {
	const struct cvmm_exec_parts *parts; /* of a Linux kernel */
	const int *ports;	/* VAGENT_PORTS ends of the agent's ports; NULL: those of parts */
	uint64_t memory;	/* bytes */
	unsigned int cpus;
	const char *log;	/* file; NULL: kernel messages are discarded */
	const char *tap;	/* name of the interface of its network card, or NULL */
	int net;		/* the socket (passt) or tap of its network card, if there is no name; -1: no card */
	const char *mac;	/* of the card; "": QEMU's own */
	const char *block;	/* addresses that the card drops, as its property */
	const char *daemons;	/* the folder of cvmm-vhost-user-fs and -net */
};

/* More than the name of an event in quotes. */
#define VMM_EMULATION_EVENT 32

struct vmm_emulation {
	struct prog_leash qemu;
	int end_fd;		/* readable when QEMU has ended */
	int messages;		/* a file with what the programs print */
	int events;		/* QEMU's monitor (QMP); -1 from its end on */
	char last[VMM_EMULATION_EVENT];	/* end of what was read, which the next bytes may continue */
	bool panicked;		/* the guest's kernel */
	struct prog_leash card;	/* the daemon of the card */
};

#define VMM_EMULATION_INIT { .end_fd = -1, .messages = -1, .events = -1, .qemu = PROG_LEASH_INIT, .card = PROG_LEASH_INIT }

/*
 * Starts QEMU, which vmm_emulation_free() or this process's end kills, and the daemons, which
 * end with QEMU. -ENOENT: a program is not
 * installed.
 */
int vmm_emulation_start(struct vmm_emulation *e, const struct vmm_emulation_config *c,
			struct vsu_error *err);

/* Reads some events, which a guest can cause without a limit. Call it while they are readable. */
void vmm_emulation_read(struct vmm_emulation *e);

/*
 * After QEMU has ended: why. -EFAULT: the guest's kernel panicked, or QEMU failed;
 * -ECONNRESET: the guest ended. hint: how users keep the kernel's messages.
 */
int vmm_emulation_end(struct vmm_emulation *e, const char *hint, struct vsu_error *err);

void vmm_emulation_free(struct vmm_emulation *e);

#endif
