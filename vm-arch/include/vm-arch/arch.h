/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The architecture of guest and host: functions that each folder of src/arch has, of which
 * configure builds one. Addresses and interrupts are in <vm-arch/layout.h>.
 *
 * Threads: the main thread, while no CPU runs, except where a function names another.
 */
#ifndef VARCH_ARCH_H
#define VARCH_ARCH_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-arch/attributes.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/state.h>

VSU_BEGIN_DECLS

struct varch_parts;
struct varch_bus;
struct varch_cpus;
struct varch_serial;

/* Rows for a table of struct vsu_state_kind: the sections that this library writes. */
#define VARCH_STATE_KINDS \
	{ "clock", 1, false }, { "cpu", 1, false }, { "features", 1, false }, \
	{ "gic", 1, false }, { "gicv2", 1, false }, { "gpio", 1, false }, \
	{ "irqchip", 1, false }, { "its", 1, false }, { "rtc", 1, false }, \
	{ "serial", 1, false }

/* ------------------------------------------------------------------- the VM */

/*
 * Appends what varch_vm_open() reads from a state. It makes no call for a vCPU: KVM
 * answers one only when the guest has left that vCPU, and a migration begins while it runs.
 */
VARCH_API void varch_vm_describe(const struct varch_vm *kvm, struct vsu_state_writer *w);

/*
 * The rest of varch_machine_load(): interrupt controllers whose tables are in the guest's memory,
 * which has all of its content.
 */
VARCH_API int varch_vm_load_last(const struct varch_vm *kvm, const struct vsu_state *state,
			  struct vsu_error *err) VSU_NODISCARD;

/*
 * True if KVM emulates the guest's kernel in software and does not support all of its
 * instructions: Linux does not boot there. Tries one in a virtual machine of its own; false as
 * well if the attempt fails.
 */
VARCH_API bool varch_emulates_level0(const struct varch_vm *kvm);

/* --------------------------------------------------------------------- a CPU */

/* The name of the first processor in a checked state, padded with zeros. False: none. */
VARCH_API bool varch_cpu_name(const struct vsu_state *state, unsigned char name[48]);

/*
 * Reports the loss of the page at gpa to the guest. touched: this CPU is accessing
 * the page; else no CPU has done so yet. -EOPNOTSUPP: the guest cannot receive the report;
 * -EBUSY: it is handling another one. The CPU's thread, or any while it is paused.
 */
VARCH_API int varch_report_loss(int cpu_fd, uint64_t gpa, bool touched) VSU_NODISCARD;

/* -------------------------------------------------------- power and clock */

struct varch_power {
	/* The guest ended the machine with this status. CPU's thread. */
	void (*power)(void *opaque, uint8_t status);
	/* The guest asked for a reset. CPU's thread. */
	void (*reset)(void *opaque);
	/* The guest powered off by ACPI. CPU's thread. */
	void (*power_off)(void *opaque);
	/* Panic of the guest's kernel. CPU's thread. */
	void (*panic)(void *opaque);
	void *opaque;
	uint64_t start_ns;
	int button_irq_fd;	/* interrupt of the power button; its user closes both */
	int clock_irq_fd;	/* interrupt of the real-time clock, if VARCH_CLOCK_IRQ is not 0 */
	int alarm_fd;		/* of varch_power_add(): readable when an alarm of that clock is due; -1: never */
	struct varch_parts *parts;	/* of varch_power_add(): what only this architecture has; or NULL */
};

/*
 * Adds three parts to the bus of the machine's registers (ports on x86-64, else memory): registers by which
 * the guest ends or restarts the machine, the real-time clock, and the pins of the button. -EEXIST: an
 * address is in use.
 */
VARCH_API int varch_power_add(struct varch_power *power, struct varch_bus *registers, struct vsu_error *err) VSU_NODISCARD;

/* Frees the parts, also after a failure of varch_power_add(); power may be zeroed. */
VARCH_API void varch_power_free(struct varch_power *power);

enum varch_power_event {
	VARCH_POWER_BUTTON,	/* pressed; a guest that does not find it does not notice */
	VARCH_POWER_ALARM,	/* alarm_fd is readable */
};

VARCH_API void varch_power_note(struct varch_power *power, enum varch_power_event event);

/* ------------------------------------------------------ the state of a machine */

/* Parts that have a state, which is saved and loaded while no CPU runs. */
struct varch_machine {
	struct varch_vm *kvm;
	struct varch_cpus *cpus;
	struct varch_power *power;
	struct varch_serial *serial;	/* NULL: none */
};

/*
 * Appends interrupt controllers and clock, each CPU, and the registers of power and of the serial port. -EOPNOTSUPP: the
 * guest runs guests of its own, or a processor has more extended state than is supported here.
 */
VARCH_API int varch_machine_save(const struct varch_machine *machine, struct vsu_state_writer *w,
				 struct vsu_error *err) VSU_NODISCARD;

/*
 * Loads a state into a machine whose CPUs have not run. The state's format was checked, but its
 * values are untrusted: KVM accepts or rejects them. -EBADMSG; -EOPNOTSUPP: this host lacks a
 * feature of the saved processor, which err names.
 */
VARCH_API int varch_machine_load(const struct varch_machine *machine, const struct vsu_state *state,
				 struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
