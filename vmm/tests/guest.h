/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine for tests: CPUs that run a few instructions at level 3, memory,
 * and one port and one register page whose accesses the test sees.
 */
#ifndef VMM_TESTS_GUEST_H
#define VMM_TESTS_GUEST_H

#include <linux/kvm.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/cpus.h>
#include <vm-arch/file.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vm-arch/slots.h>
#include <vm-arch/vm.h>
#include <vm-memory/access.h>

#include "memory.h"
#include "no_kvm.h"

#define CODE_GPA VARCH_BOOT_KERNEL_GPA
#define COUNTER_GPA UINT64_C(0x200000)
#define REGISTER_GPA UINT64_C(0xd0000000)
#define END_PORT 0x600
#define RAM_SIZE (4 * MIB)

/* Guest code between GUEST(name) and its end; rdi is an argument. */
#define GUEST(name, code)						\
	__asm__(".pushsection .rodata\n" #name ":\n" code		\
		"\n" #name "_end:\n.popsection");			\
	extern const unsigned char name[], name##_end[]

struct vm {
	struct varch_vm kvm;
	struct varch_bus mmio, ports;
	struct varch_slots *slots;
	struct varch_cpus *cpus;
	struct vmem_map *map;
	unsigned char *ram;	/* this process's view of RAM_SIZE bytes */
	struct vsu_error err;
	int status;
	/* as the CPUs' hook; set before they are made */
	void (*stuck)(void *opaque);	/* with a patience of 1 ns */
	int (*poisoned)(void *opaque, unsigned int cpu, uint64_t hva,
			struct vsu_error *err);
};

static inline void on_end_port(void *opaque, struct varch_access *access)
{
	struct vm *vm = opaque;

	varch_cpus_end(vm->cpus, (uint8_t)access->value, "port written with %u",
		     (unsigned int)(uint8_t)access->value);
	access->park = true;
}

static inline void vm_add(struct vm *vm, struct varch_bus *bus, uint64_t first,
			  uint64_t len, varch_access_fn fn)
{
	const struct varch_range range = { first, len, "test", fn, vm };

	ck_assert_int_eq(varch_bus_add(bus, &range, NULL), 0);
}

/* A VM with RAM from 0 and no CPUs yet. */
static inline void vm_make(struct vm *vm)
{
	memset(vm, 0, sizeof(*vm));
	ck_assert_int_eq(varch_vm_open(&vm->kvm, NULL, NULL), 0);
	vm->map = make_memory(RAM_SIZE);
	vm->ram = vmem_region_hva(vmem_map_region(vm->map, 0));
	ck_assert_int_eq(varch_slots_new(&vm->kvm, &vm->slots), 0);
	ck_assert_int_eq(varch_slots_apply(vm->slots, vm->map, NULL), 0);
	vm_add(vm, &vm->ports, END_PORT, 1, on_end_port);
}

/* The CPU begins at the code; rdi is COUNTER_GPA + 64 * number. */
static inline void vm_set_cpu(const struct vm *vm, unsigned int i)
{
	static const struct varch_cpu_choice choice = { .model = VARCH_CPU_HOST };
	const struct varch_loaded code = { .protocol = VARCH_PROTOCOL_BUILTIN, .entry = CODE_GPA };
	const int fd = vm->cpus->cpu[i].fd;
	struct kvm_regs regs;

	ck_assert_int_eq(varch_load_cpu(&code, &vm->kvm, fd, i, 1, &choice, NULL), 0);
	ck_assert_int_eq(ioctl(fd, KVM_GET_REGS, &regs), 0);
	regs.rdi = COUNTER_GPA + 64 * i;
	ck_assert_int_eq(ioctl(fd, KVM_SET_REGS, &regs), 0);
}

/* Page tables, which are written with the boot information of a kernel. */
static inline void vm_write_tables(const struct vm *vm)
{
	static const struct varch_board board = { .ncpus = 1 };
	static const struct varch_file none;
	const struct varch_loaded code = { .protocol = VARCH_PROTOCOL_BUILTIN };
	const struct varch_load load = { .map = vm->map, .initrd = &none, .cmdline = "", .board = &board };

	ck_assert_int_eq(varch_load_hand_over(&load, &code, NULL), 0);
}

/* ncpus CPUs that begin at code. */
static inline void vm_add_cpus(struct vm *vm, unsigned int ncpus,
			       const unsigned char *code,
			       const unsigned char *end,
			       bool (*repair)(void *, unsigned int),
			       void *opaque)
{
	const struct varch_cpus_config config = {
		.kvm = &vm->kvm, .n = ncpus,
		.hooks = {
			.memory = &vm->mmio, .ports = &vm->ports,
			.repair = repair, .poisoned = vm->poisoned,
			.opaque = opaque,
		},
		.stuck = vm->stuck, .patience_ns = vm->stuck ? 1 : 0,
	};
	unsigned int i;

	memcpy(vm->ram + CODE_GPA, code, (size_t)(end - code));
	vm_write_tables(vm);
	ck_assert_int_eq(varch_cpus_new(&config, &vm->cpus, NULL), 0);
	for (i = 0; i < ncpus; i++)
		vm_set_cpu(vm, i);
}

static inline void vm_start(struct vm *vm, unsigned int ncpus,
			    const unsigned char *code,
			    const unsigned char *end)
{
	vm_add_cpus(vm, ncpus, code, end, NULL, NULL);
	ck_assert_int_eq(varch_cpus_start(vm->cpus, NULL), 0);
}

/* The main loop's turn: waits for a CPU; true when the machine is to end. */
static inline bool vm_turn(struct vm *vm)
{
	struct pollfd p = { .fd = vm->cpus->event_fd,
			    .events = POLLIN };

	poll(&p, 1, -1);
	return varch_cpus_dispatch(vm->cpus);
}

/* Runs until the guest ends it; vm->status and vm->err say how. */
static inline void vm_run_to_end(struct vm *vm)
{
	while (!vm_turn(vm))
		;
	varch_cpus_stop(vm->cpus, &vm->status, &vm->err);
}

static inline void vm_stop(struct vm *vm)
{
	varch_cpus_stop(vm->cpus, &vm->status, &vm->err);
}

static inline void vm_free(struct vm *vm)
{
	varch_cpus_free(vm->cpus);
	varch_slots_free(vm->slots);
	vmem_map_unref(vm->map);
	varch_vm_close(&vm->kvm);
}

static inline uint64_t counter_at(const void *at)
{
	return __atomic_load_n((const uint64_t *)at, __ATOMIC_ACQUIRE);
}

static inline uint64_t vm_counter(const struct vm *vm, unsigned int cpu)
{
	return counter_at(vm->ram + COUNTER_GPA + 64 * cpu);
}

/* Waits for the guest, without a limit but the test's own. */
static inline void wait_above(const void *at, uint64_t value)
{
	while (counter_at(at) <= value)
		sched_yield();
}

static inline void vm_wait_above(const struct vm *vm, unsigned int cpu,
				 uint64_t value)
{
	wait_above(vm->ram + COUNTER_GPA + 64 * cpu, value);
}

#endif
