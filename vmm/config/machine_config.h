/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The typed values that make a machine, and how it starts. Read from a command line by
 * options.h; the process that runs the machine has options of its own there.
 *
 * Threads: no state.
 */
#ifndef VMM_CONFIG_MACHINE_CONFIG_H
#define VMM_CONFIG_MACHINE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/cpu_option.h>

#include "config/arguments.h"
#include "config/cpus_option.h"
#include "config/device_spec.h"
#include "config/ends.h"
#include "memory/memory_specs.h"

#define VMM_MAX_DEVICES 32
#define VMM_MAX_FORMER 2

/* The user's choice for a guest that lost a part of its memory. */
enum vmm_on_memory_error {
	VMM_ON_MEMORY_ERROR_STOP,	/* the machine ends */
	VMM_ON_MEMORY_ERROR_CONTINUE,	/* zeros replace the lost part */
	VMM_ON_MEMORY_ERROR_PAUSE,	/* the guest is paused until a signal ends cvmm */
};

/* The bus on which a guest finds its devices. */
enum vmm_transport {
	VMM_TRANSPORT_AUTO,	/* the bus, unless the kernel is one of ours */
	VMM_TRANSPORT_MMIO,
	VMM_TRANSPORT_PCI,
};

/* A machine. Its strings are in arguments, or are part of the program. */
struct vmm_config {
	const char *name;	/* of the machine, for people; or NULL */
	const char *kernel, *initrd, *cmdline, *append;
	const char *gdb;	/* socket for a debugger; or NULL */
	struct vmm_cpus_option cpus;
	struct varch_cpu_option cpu;
	struct vmm_memory_specs memory;	/* owned; of a saved machine: what it was started with */
	bool shareable;		/* daemons may be added, which share the memory */
	struct vmm_device_option devices[VMM_MAX_DEVICES];
	struct vmm_device_spec *specs;	/* what they mean; owned */
	unsigned int ndevices;
	enum vmm_transport transport;
	bool acpi;		/* describes the machine, whatever the architecture prefers */
	struct vmm_serial_end serial;
	enum vmm_on_memory_error on_memory_error;
	bool latency;		/* is measured */
	uint64_t power_off_ms;	/* until a guest that was asked to power off is ended; 0: never */
	struct vmm_arguments arguments;	/* its command line, saved and moved with it; owned */
	/* names of its kernel and initrd, if those of arguments were descriptors of another process; owned */
	char *former[VMM_MAX_FORMER];
};

/* One start of a machine. All zero: its kernel boots. */
struct vmm_start {
	const char *from;	/* a saved machine's folder; the kernel is not loaded */
	const char *base;	/* with from: the folder of which that one is an incremental save; or NULL */
	bool clone;		/* with from: shares nothing with the saved machine */
	bool prefetch;		/* with from: loads the memory in the background */
	bool changed_disks;	/* with from: they are accepted */
	bool gdb_wait;		/* with gdb: the guest is paused at its start */
	bool rebooted;		/* the guest ran before, in another machine of this process */
	bool dry_run;		/* modifies nothing, and no guest will run */
	const struct vmm_config *saved; /* with clone: the saved machine */
	struct vmm_stream *stream; /* with --incoming: the source's stream; else NULL */
	struct vmm_channels *channels; /* with stream: its other connections */
};

/* Each option is in the part of its scope; see option_rows.h. */
struct vmm_options {
	struct vmm_config machine;	/* its arguments have the strings of the other part, too */
	struct vmm_start start;
};

#endif
