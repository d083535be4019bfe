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
#include <vm-arch/state.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct elf_prstatus;
struct varch_parts;
struct varch_bus;
struct varch_cpu_choice;

/* ------------------------------------------------------------------- the VM */

/*
 * Appends what varch_vm_open() reads from a state. It makes no call for a vCPU: KVM
 * answers one only when the guest has left that vCPU, and a migration begins while it runs.
 */
VARCH_API void varch_cpus_describe(const struct varch_vm *kvm, struct varch_state_writer *w);

/* The state of the VM except its CPUs: interrupt controllers and clock. */
VARCH_API int varch_vm_save(const struct varch_vm *kvm, struct varch_state_writer *w, struct vsu_error *err) VSU_NODISCARD;

/* Loads a checked state into a VM whose CPUs have not run. */
VARCH_API int varch_vm_load(const struct varch_vm *kvm, const struct varch_state *state, struct vsu_error *err) VSU_NODISCARD;

/* The rest of it, which needs the state of the CPUs, and all memory with its content. */
VARCH_API int varch_vm_load_last(const struct varch_vm *kvm, const struct varch_state *state,
			  struct vsu_error *err) VSU_NODISCARD;

/*
 * True if KVM emulates the guest's kernel in software and does not support all of its
 * instructions: Linux does not boot there. Tries one in a virtual machine of its own; false as
 * well if the attempt fails.
 */
VARCH_API bool varch_emulates_level0(const struct varch_vm *kvm);

/* --------------------------------------------------------------------- a CPU */

/*
 * Appends section "cpu" of this number. -EOPNOTSUPP: the guest runs guests of its
 * own, or the processor has more extended state than is supported here.
 */
VARCH_API int varch_cpu_save(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      struct varch_state_writer *w, struct vsu_error *err) VSU_NODISCARD;

/*
 * Loads the section into a new vCPU. The state's format was checked, but its values
 * are untrusted: KVM accepts or rejects them. -EBADMSG; -EOPNOTSUPP: this host lacks a
 * feature of the saved processor, which err names.
 */
VARCH_API int varch_cpu_load(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      const struct varch_state *state, struct vsu_error *err) VSU_NODISCARD;

/* The name of the first processor in a checked state, padded with zeros. False: none. */
VARCH_API bool varch_cpu_name(const struct varch_state *state, unsigned char name[48]);

/*
 * The registers of a CPU as a core file has them (<sys/procfs.h>). Its process id is the number
 * of the CPU from 1 on; 0 is none.
 */
VARCH_API int varch_cpu_status(int cpu_fd, unsigned int cpu, struct elf_prstatus *out,
			struct vsu_error *err) VSU_NODISCARD;

/* The instruction that this CPU executes next. */
VARCH_API uint64_t varch_status_address(const struct elf_prstatus *status);

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
	int clock_irq_fd;	/* that of the real-time clock, if VARCH_CLOCK_IRQ is not 0 */
	struct varch_parts *parts;	/* of varch_power_add(): what only this architecture has; or NULL */
};

/*
 * Adds the registers by which the guest ends or restarts the machine, to the bus of
 * the machine's registers (ports on x86-64, else memory), the real-time clock and the pins of the button. -EEXIST: other registers are there.
 */
VARCH_API int varch_power_add(struct varch_power *power, struct varch_bus *registers, struct vsu_error *err) VSU_NODISCARD;

/* Also after a failure, and of a zeroed struct. */
VARCH_API void varch_power_free(struct varch_power *power);

/* Presses the power button; a guest that does not find it does not notice. */
VARCH_API void varch_press_button(struct varch_power *power);

/* Readable when an alarm of the real-time clock is due: call varch_alarm(). -1: there is no such clock. */
VARCH_API int varch_alarm_fd(const struct varch_power *power) VSU_NODISCARD;
VARCH_API void varch_alarm(struct varch_power *power);

/* The state of these registers; the load is of a checked state. */
VARCH_API void varch_power_save(const struct varch_power *power, struct varch_state_writer *w);
VARCH_API int varch_power_load(struct varch_power *power, const struct varch_state *state, struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
