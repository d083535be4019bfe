/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine: everything that one "cvmm run" is made of.
 *
 * Made in steps, each of which may fail with a sentence and the exit status
 * for it; then run until the guest, the user or a fault ends it; freed from
 * any state.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <ev.h>

#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

#include "boot/elf.h"
#include "bus/bus.h"
#include "bus/pci_host.h"
#include "legacy/console.h"
#include "control/control.h"
#include "cpu/cpus.h"
#include "devices/devices.h"
#include "devices/stdio.h"
#include "kvm/kvm.h"
#include "kvm/msi.h"
#include "legacy/port_numbers.h"
#include "legacy/ports.h"
#include "memory/memory.h"
#include "acpi/plug.h"
#include "cli/options.h"
#include "memory/memory_private.h"
#include "memory/windows.h"
#include "memory/slots.h"
#include "machine/signals.h"
#include "virtio/slot.h"

/* Addresses of the transports, and the interrupts of the machine. */
#define VMM_TRANSPORTS_GPA UINT64_C(0xd0000000)
#define VMM_FIRST_DEVICE_IRQ 5
#define VMM_LAST_IRQ 23
/* Devices that there are interrupts for, and slots of the bus. */
#define VMM_DEVICE_PLACES (VMM_LAST_IRQ - VMM_FIRST_DEVICE_IRQ + 1)

struct vmm_device {
	struct vmm_device_spec spec;
	struct vmm_virtio *virtio;
	uint64_t gpa;		/* of its registers */
	uint32_t irq;
	unsigned int slot;	/* on the PCI bus, or 0 */
	bool retired;		/* the guest has it no more, but it still ends */
	struct remote *coming;	/* it has no virtio yet: its back-end's
				   handshake is under way */
	struct vmm_machine *machine;	/* of one that comes or goes */
};

/* A CPU's accesses that failed; see cpu_faults.c. */
struct vmm_fault_state {
	uint64_t seen;		/* changes of the map at the last of them */
	unsigned int tries;	/* since something was mended */
};

struct vmm_machine {
	const struct vmm_options *options;
	struct vmem_sigbus *sigbus;	/* borrowed */
	struct ev_loop *loop;
	struct vmm_kernel kernel;	/* until they are in guest memory */
	struct vmm_file initrd;
	struct vmm_kvm kvm;
	struct vmm_memory memory;
	struct vmm_private private_memory;
	struct vmm_slots *slots;
	struct vmm_shmem shmem;
	struct vmm_bus mmio, ports;
	bool on_bus;		/* devices are functions of pci, with msi */
	struct vmm_pci_host pci;
	struct vmm_msi *msi;
	struct vmm_plug plug;	/* of the bus's slots */
	int plug_irq_fd;
	struct vmm_ports small_ports;
	struct vmm_cpus *cpus;
	struct vmm_console *console;
	struct vmm_control *control;	/* with --control */
	int serial_irq_fd;
	int button_irq_fd;	/* the power button */
	bool asked;		/* the guest was asked to power off */
	struct vmm_stdio *stdio;	/* of a console device, or NULL */
	struct vmm_device *stdio_device;
	int console_in, console_out;
	bool close_console;
	unsigned int ndevices;	/* places that were ever taken */
	struct vmm_device devices[VMM_MAX_DEVICES]; /* those with neither virtio
				   nor coming are free, once it runs */
	struct vmm_loaded loaded;
	struct vmm_fault_state faults[VMM_MAX_CPUS];
	bool paused;		/* by a memory error, for good */
	/* watchers of the loop */
	ev_io on_keys;
	ev_signal on_winch;
	ev_io on_cpus, on_console, on_input, on_writable, on_cut, on_space;
	ev_timer on_look;
	ev_signal on_int, on_term, on_hup, on_quit;
	struct vmm_signals signals;
	unsigned int lost;	/* devices whose back-end died */
	/* how it ended */
	int status;
	struct vsu_error why;
};

/* *m is all zero. Returns 0 or an exit status, with its sentence. */
int vmm_machine_make(struct vmm_machine *m, const struct vmm_options *options,
		     struct vmem_sigbus *sigbus, struct vsu_error *err);

/* Runs it to its end; the exit status, with a sentence where there is one. */
int vmm_machine_run(struct vmm_machine *m, struct vsu_error *err);

void vmm_machine_free(struct vmm_machine *m);

#endif
