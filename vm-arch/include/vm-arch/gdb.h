/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of gdb's remote serial protocol for a machine, whose CPUs are the threads 1 to N
 * of one process. All of them stop together.
 *
 * The stub has one reply at a time and reads nothing until the caller has sent it, so a client
 * that does not read occupies a bounded amount of memory. The machine is reached by operations:
 * this module depends on no KVM.
 *
 * Threads: one at a time.
 */
#ifndef VMM_GDB_STUB_H
#define VMM_GDB_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vm-arch/gdb_packet.h>

struct vmm_gdb_registers;

/* Breakpoints in memory, and those of the processor's debug registers. */
#define VMM_GDB_MAX_SOFTWARE 64u
#define VMM_GDB_MAX_HARDWARE 4u
#define VMM_GDB_MAX_CPUS 64u

enum vmm_gdb_kind {		/* as in Z packets */
	VMM_GDB_SOFTWARE, VMM_GDB_EXECUTION, VMM_GDB_WRITE, VMM_GDB_READ, VMM_GDB_ACCESS,
};

struct vmm_gdb_breakpoint {
	enum vmm_gdb_kind kind;
	uint64_t address;
	unsigned int len;
};

enum vmm_gdb_action { VMM_GDB_HOLDS, VMM_GDB_RUNS, VMM_GDB_STEPS };

/* Why the CPUs have stopped. */
struct vmm_gdb_stop {
	unsigned int cpu;
	bool interrupted;	/* by the client or the host; else a trap */
	bool watched;		/* data was accessed at address */
	enum vmm_gdb_kind kind;
	uint64_t address;
};

/* 0 or a negative errno. Called while the CPUs are stopped, except interrupt and kill. */
struct vmm_gdb_ops {
	int (*get_registers)(void *opaque, unsigned int cpu, struct vmm_gdb_registers *regs);
	int (*set_registers)(void *opaque, unsigned int cpu, const struct vmm_gdb_registers *regs);
	/* The guest's physical address, by the page tables of the CPU. -EFAULT: none. */
	int (*find_memory)(void *opaque, unsigned int cpu, uint64_t address, uint64_t *gpa);
	/* Within one page. write: also to memory that is read-only for the guest's programs. */
	int (*read_memory)(void *opaque, uint64_t gpa, void *to, size_t n);
	int (*write_memory)(void *opaque, uint64_t gpa, const void *from, size_t n);
	/* All of hardware; replaces the former ones. */
	int (*set_breakpoints)(void *opaque, const struct vmm_gdb_breakpoint *list, unsigned int n);
	int (*resume)(void *opaque, const enum vmm_gdb_action *actions);
	void (*interrupt)(void *opaque);	/* vmm_gdb_stopped() follows */
	void (*kill)(void *opaque);
};

struct vmm_gdb_stub {
	const struct vmm_gdb_ops *ops;
	void *opaque;
	unsigned int cpus;	/* 1 to VMM_GDB_MAX_CPUS */
	/* private */
	enum { VMM_GDB_STOPPED, VMM_GDB_RUNNING, VMM_GDB_DETACHED } state;
	bool no_ack;
	unsigned int cpu;	/* of registers and memory */
	struct vmm_gdb_stop last;
	struct vmm_gdb_reader reader;
	struct vmm_gdb_writer writer;
	bool has_reply;		/* writer has a packet, for a repetition */
	char out[2 * VMM_GDB_PACKET + 256];	/* the last packet, repeated, and a stop */
	size_t out_at, out_len;
	struct { uint64_t address, gpa; unsigned char byte; } software[VMM_GDB_MAX_SOFTWARE];
	unsigned int nsoftware;
	struct vmm_gdb_breakpoint hardware[VMM_GDB_MAX_HARDWARE];
	unsigned int nhardware;
};

/* A client has connected; the CPUs are stopped. */
void vmm_gdb_begin(struct vmm_gdb_stub *s, const struct vmm_gdb_ops *ops, void *opaque, unsigned int cpus);

/* Removes all breakpoints: the client has left. The CPUs are stopped. */
void vmm_gdb_end(struct vmm_gdb_stub *s);

/* Handles bytes until there is a reply to send; returns how many were handled. */
size_t vmm_gdb_input(struct vmm_gdb_stub *s, const unsigned char *bytes, size_t n);

/* Bytes to be sent; at is valid until the next call. */
size_t vmm_gdb_output(struct vmm_gdb_stub *s, const char **at);
void vmm_gdb_sent(struct vmm_gdb_stub *s, size_t n);

/* All CPUs have stopped; ignored if they had before. */
void vmm_gdb_stopped(struct vmm_gdb_stub *s, const struct vmm_gdb_stop *why);

/* Whether the client has detached: after the output the connection ends. */
bool vmm_gdb_is_detached(const struct vmm_gdb_stub *s);

/* Whether a breakpoint in memory is the client's: others are the guest's own. */
bool vmm_gdb_has_software(const struct vmm_gdb_stub *s, uint64_t address);

#endif
