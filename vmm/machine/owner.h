/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The interface between a machine and the process that runs it. The machine itself has no
 * process-wide state: it installs no filter, opens no file of the process, and does not
 * end the process.
 */
#ifndef VMM_MACHINE_OWNER_H
#define VMM_MACHINE_OWNER_H

#include <device-kinds/socket_access.h>
#include <vm-arch/poison.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

#include "log/closer.h"
#include "log/log.h"
#include "virtio/daemon.h"

struct cvmm_event;
struct cvmm_own_device;
struct vmm_machine;

/* Kinds of threads that a machine starts. */
enum vmm_thread {
	VMM_THREAD_CPU,		/* runs guest code */
	VMM_THREAD_SIGNALS,
};

/* The machine copies the struct and borrows what it refers to. */
struct vmm_owner {
	void *opaque;		/* argument of the functions below */
	struct vmem_sigbus *sigbus;	/* NULL: the machine repairs no mapping */
	struct varch_poison *poison;	/* filled by the SIGBUS handler; requires sigbus; NULL: none */
	const struct vmm_daemons *daemons; /* NULL: none can be started */
	struct vmm_log log;	/* lines for the operator */
	struct vmm_closer closer; /* closes descriptors of peers */
	struct vmm_closer file_closer; /* closes files of shared folders */
	const struct devkind_socket_access *sockets; /* access to the sockets of devices; NULL: 0600 */
	void (*event)(void *opaque, const struct cvmm_event *event); /* or NULL */
	uint64_t events;	/* kinds that event receives at first, as CVMM_EVENT_BIT() */
	const struct cvmm_own_device *devices; /* for options "own:NAME" */
	unsigned int ndevices;
	bool jailed;		/* the process has only the files of the machine's options */
	const char *no_network;	/* why no migration can use TCP; NULL: it can */
	bool lends_cpus;	/* its threads run the CPUs (varch_cpus_run()) */
	const struct vsu_threads *threads; /* how the machine starts threads; NULL: plainly */
	const int *kvm;		/* a descriptor of /dev/kvm; NULL: the machine opens it */
	int pagemap_fd;		/* /proc/self/pagemap; negative: the machine opens it */
	/* On a new thread before its work: narrows its rights, or is NULL. An error ends the machine. */
	int (*begin_thread)(void *opaque, enum vmm_thread kind, struct vsu_error *err);
	/*
	 * A thread of the machine is blocked in the kernel, so that the machine cannot be
	 * freed: ends the process with this exit status. Any thread. If it returns or is NULL,
	 * the machine waits for the blocked thread without limit.
	 */
	void (*abandon)(void *opaque, int status, const struct vsu_error *why);
	/*
	 * The ends of "stdio", borrowed; negative: none. Those on a terminal are in raw mode until
	 * the machine ends.
	 */
	int in_fd, out_fd;
	/* Prints a line that the user at this terminal has requested by Ctrl-A c. NULL: nothing is printed. */
	void (*tell)(void *opaque, const char *line);
	/*
	 * The machine has its loop and what it opens, and is loaded or received next: opens what peers
	 * of the owner connect to. An error fails the machine as one of a socket. NULL: nothing.
	 */
	int (*listen)(void *opaque, struct vsu_error *err);
};

/*
 * A thread still uses the machine, which therefore cannot be freed: restores the terminals
 * and calls the owner's function of this name. Any thread. May return.
 */
void vmm_machine_abandon(const struct vmm_machine *m, int status, const struct vsu_error *why);

/* /proc/self/pagemap, a descriptor of the caller, or a negative errno. */
int vmm_owner_pagemap(const struct vmm_owner *owner);

#endif
