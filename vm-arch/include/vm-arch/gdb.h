/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The commands of gdb's remote serial protocol for a machine, whose CPUs are the threads 1 to N
 * of one process. All of them stop together.
 *
 * The stub has one reply at a time and reads nothing until the caller has sent it, so a client
 * that does not read occupies a bounded amount of memory. The machine is reached by operations,
 * and the processor is a table: this module depends on no KVM and on no architecture.
 *
 * A build with --disable-gdb, and one for arm64, is without this header.
 *
 * Threads: one at a time.
 */
#ifndef VARCH_GDB_STUB_H
#define VARCH_GDB_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vm-arch/attributes.h>

VSU_BEGIN_DECLS

/* Breakpoints of the processor's debug registers, and CPUs. */
#define VARCH_GDB_MAX_HARDWARE 4u
#define VARCH_GDB_MAX_CPUS 64u
/* Bytes of all registers of a CPU. */
#define VARCH_GDB_MAX_REGISTERS 1024u

struct varch_gdb_stub;

/* Consecutive registers of one size. */
struct varch_gdb_register_row {
	unsigned int n, bytes;
};

/* A processor as gdb sees it. What it refers to is borrowed, and must outlive the stub. */
struct varch_gdb_target {
	size_t size;		/* sizeof(struct varch_gdb_target); not 0 */
	const char *xml;	/* target.xml: the description of the registers */
	const struct varch_gdb_register_row *rows;	/* in the order of gdb's numbers, from 0 */
	unsigned int nrows;
	unsigned int counter;	/* number of the program counter, which has 8 bytes */
	unsigned char trap;	/* the instruction that is a breakpoint in memory */
};

/* The registers of a CPU, each in the byte order of the processor, without gaps between them. */
struct varch_gdb_registers {
	unsigned char bytes[VARCH_GDB_MAX_REGISTERS];
};

enum varch_gdb_kind {		/* as in Z packets */
	VARCH_GDB_SOFTWARE, VARCH_GDB_EXECUTION, VARCH_GDB_WRITE, VARCH_GDB_READ, VARCH_GDB_ACCESS,
};

struct varch_gdb_breakpoint {
	enum varch_gdb_kind kind;
	uint64_t address;
	unsigned int len;
};

enum varch_gdb_action { VARCH_GDB_HOLDS, VARCH_GDB_RUNS, VARCH_GDB_STEPS };

/* Why the CPUs have stopped. */
struct varch_gdb_stop {
	unsigned int cpu;
	bool interrupted;	/* by the client or the host; else a trap */
	bool watched;		/* data was accessed at address */
	enum varch_gdb_kind kind;
	uint64_t address;
};

/* 0 or a negative errno. Called while the CPUs are stopped, except interrupt and kill. */
struct varch_gdb_ops {
	size_t size;		/* sizeof(struct varch_gdb_ops); not 0 */
	int (*get_registers)(void *opaque, unsigned int cpu, struct varch_gdb_registers *regs);
	int (*set_registers)(void *opaque, unsigned int cpu, const struct varch_gdb_registers *regs);
	/* The guest's physical address, by the page tables of the CPU. -EFAULT: none. */
	int (*find_memory)(void *opaque, unsigned int cpu, uint64_t address, uint64_t *gpa);
	/* Within one page. write: also to memory that is read-only for the guest's programs. */
	int (*read_memory)(void *opaque, uint64_t gpa, void *to, size_t n);
	int (*write_memory)(void *opaque, uint64_t gpa, const void *from, size_t n);
	/* All of hardware; replaces the former ones. */
	int (*set_breakpoints)(void *opaque, const struct varch_gdb_breakpoint *list, unsigned int n);
	int (*resume)(void *opaque, const enum varch_gdb_action *actions);
	void (*interrupt)(void *opaque);	/* varch_gdb_stopped() follows */
	void (*kill)(void *opaque);
};

/*
 * A client has connected; the CPUs are stopped. target and ops are copied. cpus is 1 to
 * VARCH_GDB_MAX_CPUS. -EINVAL: a wrong argument; -ENOMEM.
 */
VARCH_API int varch_gdb_new(const struct varch_gdb_target *target, const struct varch_gdb_ops *ops, void *opaque,
			    unsigned int cpus, struct varch_gdb_stub **out, struct vsu_error *err) VSU_NODISCARD;

/* The client has left: removes all breakpoints. The CPUs are stopped. NULL is ignored. */
VARCH_API void varch_gdb_free(struct varch_gdb_stub *s);

/* Handles bytes until there is a reply to send; returns how many were handled. */
VARCH_API size_t varch_gdb_input(struct varch_gdb_stub *s, const unsigned char *bytes, size_t n);

/*
 * The first bytes of the output, sent of them, have been sent: returns how many are left to be
 * sent. *at is valid until the next call. -ECONNRESET: none are left, and the client has detached:
 * the connection ends.
 */
VARCH_API int varch_gdb_output(struct varch_gdb_stub *s, size_t sent, const char **at) VSU_NODISCARD;

/* All CPUs stop. False: they had stopped before, so that the client receives no report. */
VARCH_API bool varch_gdb_stopped(struct varch_gdb_stub *s, const struct varch_gdb_stop *why);

/* Whether a breakpoint in memory is the client's: others are the guest's own. */
VARCH_API bool varch_gdb_has_software(const struct varch_gdb_stub *s, uint64_t address);

VSU_END_DECLS

#endif
