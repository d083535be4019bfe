/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The machine: all components of one "cvmm run".
 *
 * Created in steps (setup/setup.h). It runs until the guest, the user or a fault ends it.
 *
 * Threads: the main thread.
 */
#ifndef VMM_MACHINE_H
#define VMM_MACHINE_H

#include <sys/types.h>

#include <device-kinds/stdio.h>
#include <vm-arch/arch.h>
#include <vm-arch/bus.h>
#include <vm-arch/cpus.h>
#include <vm-arch/kernel.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vm-arch/pci_host.h>
#include <vm-arch/plug.h>
#include <vm-arch/slots.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/loop.h>
#include <vmm-sys-util/state.h>
#include <vmm-sys-util/thread.h>

#include "legacy/console.h"
#include "memory/memory.h"
#include "memory/prefetch.h"
#include "config/device_option.h"
#include "config/machine_config.h"
#include "memory/private_memory.h"
#include "memory/windows.h"
#include "machine/answers.h"
#include "machine/life.h"
#include "memory/image.h"
#include "owner/owner.h"
#include "virtio/virtio.h"

/* Maximum devices: limited by interrupts, and by slots of the bus. */
#define VMM_DEVICE_PLACES (VARCH_LAST_IRQ - VARCH_FIRST_DEVICE_IRQ + 1)

struct vmm_conversion;
struct vmm_postcopy;

/* Identifies a file at the time when it was specified. */
struct vmm_file_identity {
	bool known;
	dev_t dev;
	ino_t ino;
};

struct vmm_device {
	struct vmm_device_spec spec;
	struct vmm_file_identity file;	/* that it serves; set before it is created */
	struct vmm_virtio *virtio;
	struct virtdev *own;	/* of the kind "own"; borrowed */
	uint64_t gpa;		/* address of its registers */
	uint32_t irq;
	unsigned int slot;	/* on the PCI bus; 0: not on the bus */
	/* RETIRED: removed from the guest, still in use; UNUSED: it can be freed */
	enum { VMM_DEVICE_PRESENT, VMM_DEVICE_RETIRED, VMM_DEVICE_UNUSED } leaving;
	struct remote *coming;	/* handshake of a hot-plugged back-end in
				   progress; virtio is NULL until its end */
	struct vmm_machine *machine;	/* set during hot plug and removal */
	struct vmm_machine *owner;	/* set when the device is created */
	struct devkind_reporter reporter;
	uint64_t actual;	/* bytes of a balloon in the last event */
	bool added;		/* by device-add: no option of the start describes it */
	bool changed;		/* its limits or size, since its option was read */
};

/* Failed accesses of a CPU; see run/cpu_faults.c. */
struct vmm_fault_state {
	uint64_t seen;		/* map generation at the last fault */
	unsigned int tries;	/* retries since the last repair */
};

/* Watchers of the loop: run/loop.c, and run/console.c for the terminal. */
struct vmm_watchers {
	struct vsu_io keys, cpus, console, input, writable, cut, space, alarm;
	struct vsu_alarm look;
	struct vsu_alarm power_off;	/* ends a guest that was asked to power off */
	struct vsu_turn prepare;
	struct vsu_turn unused;	/* devices that a save or a migration still flushes */
	bool files;	/* behind memory, which another process can truncate */
};

/* The stop of CPUs and devices in progress; see stop.h. All zero at the beginning. */
struct vmm_stop {
	enum {
		VMM_STOP_NONE,
		VMM_STOP_BEGUN,	/* CPUs are paused, devices one after the other */
		VMM_STOP_HELD,	/* only devices are paused, and the guest by its user */
	} phase;
	bool was_held;		/* before it began */
	uint64_t number;	/* of stops so far */
	uint64_t begun_ns;	/* in the time of vsu_now_ns() */
	unsigned int npaused;	/* devices that are paused, from the first on */
	bool pausing;		/* the next one has begun to pause */
	unsigned int tries;	/* to stop the CPUs between two instructions */
	struct vsu_turn turn;	/* calls step */
	int (*step)(void *opaque);
	void *opaque;
};

/* The time limit of the stop in progress; see stop.h. */
struct vmm_stop_limit {
	struct vsu_alarm timer;		/* from the first wait on */
	double seconds;		/* 0: the default */
	unsigned int over;	/* how many times they have passed */
};

/* Conversions of private memory that wait for devices; see run/conversion.c. */
struct vmm_converting {
	struct vmm_conversion *first;	/* on the stacks of waiting CPUs */
};

/* The machine's activity, and the job for which no CPU runs. */
struct vmm_pause {
	struct vmm_life life;
	struct vmm_stop stop;
	struct vmm_save *save;	/* in progress, or NULL */
	struct vmm_core *core;	/* likewise */
	struct vmm_migration *migration; /* likewise */
	struct vmm_converting converting;
	struct vmm_stop_limit limit;	/* of stop */
	struct vmm_debugger *debugger;	/* run/debugger.h: with --gdb; or NULL */
	bool awaits_debugger;	/* by --gdb-wait, until the guest runs; not a pause by its user */
};

/* A saved machine whose state a new one gets. */
struct vmm_restore {
	const char *folder;	/* of --from; or NULL */
	struct vmm_stream *stream;	/* from the source of a migration; or NULL */
	unsigned char *bytes;	/* state, saved or received; NULL: the machine boots */
	struct vsu_state state;
	struct vmm_image_pieces memory;
	struct vmm_image_base base;	/* from which the memory is mapped; n 0: none */
	int memory_fd;		/* its file, of a folder that was passed; or -1 */
	int base_fd;		/* likewise, of the folder of --base */
	bool on_bus;
	uint64_t age_ns;	/* how long the guest had run */
	struct vmm_prefetch *prefetch;	/* with --prefetch; or NULL */
	struct vmm_recording *recording; /* in progress, or NULL */
	struct vmm_postcopy *postcopy;	/* memory may arrive later; or NULL */
};

struct vmm_machine {
	const struct vmm_config *config;
	const struct vmm_start *start;
	struct cvmm_host owner;
	struct vmm_process process;
	struct vsu_loop *loop;
	struct varch_file kernel;	/* until loaded */
	struct varch_file initrd;
	struct varch_vm kvm;
	struct vmm_memory memory;
	struct vmm_private private_memory;
	struct varch_slots *slots;
	struct vmm_windows shmem;
	struct varch_bus mmio, ports;
	bool on_bus;		/* devices are PCI functions with MSI-X */
	struct varch_pci_host pci;
	struct varch_plug plug;	/* registers for hot plug */
	struct varch_power power;
	struct varch_cpus *cpus;
	struct vmm_console *console;
	int serial_irq_fd;
	int event_irq_fd;	/* hot plug, or a new VM Generation ID */
	struct devkind_stdio *stdio;	/* used by a console device, or NULL */
	struct vmm_device *stdio_device;
	int console_in, console_out;
	bool close_console;
	unsigned int ndevices;	/* used entries of devices */
	struct vmm_device devices[VMM_MAX_DEVICES]; /* in a running machine, entries
				   without virtio and coming are free */
	struct varch_loaded loaded;
	struct vmm_fault_state faults[VARCH_MAX_CPUS];
	struct vmm_pause pause;
	struct vmm_answers answers;	/* that requests await */
	uint64_t events;	/* kinds that the owner receives, as CVMM_EVENT_BIT() */
	struct vmm_disk_flush *flush;	/* disk_flush.h: in progress, or NULL */
	struct vmm_restore restore;	/* with --from */
	struct vmm_watchers watch;
	unsigned int lost;	/* devices whose back-end was lost */
	uint64_t made_ns;	/* when this process made it */
};

/* The bus of the registers of serial port and hot plug. */
static inline struct varch_bus *vmm_machine_registers(struct vmm_machine *m)
{
	return VARCH_HAS_PORTS ? &m->ports : &m->mmio;
}

#endif
