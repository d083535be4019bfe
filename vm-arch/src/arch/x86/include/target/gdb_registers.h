/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of an x86-64 CPU as gdb numbers and describes them. Numbers are in the byte
 * order of the target, little-endian. Each architecture has this header.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_GDB_REGISTERS_H
#define VARCH_TARGET_GDB_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 rip */
#define VARCH_GDB_GENERAL 17u
#define VARCH_GDB_RIP 16u
/* Registers in all, and their bytes in a packet. */
#define VARCH_GDB_REGISTERS 59u
#define VARCH_GDB_REGISTER_BYTES 552u

struct varch_gdb_registers {
	uint64_t general[VARCH_GDB_GENERAL];
	uint32_t eflags, segments[6];	/* cs ss ds es fs gs */
	unsigned char st[8][10];
	uint32_t fpu[8];	/* fctrl fstat ftag fiseg fioff foseg fooff fop */
	unsigned char xmm[16][16];
	uint32_t mxcsr;
	uint64_t fs_base, gs_base;
};

/* target.xml; static, ends with a zero byte. */
const char *varch_gdb_target_xml(void);

/* Copies a register; returns its bytes, at most 16, or 0: there is none of that number. */
size_t varch_gdb_register_get(const struct varch_gdb_registers *regs, unsigned int number, void *bytes);
/* Returns the number of bytes that were read, or 0. */
size_t varch_gdb_register_set(struct varch_gdb_registers *regs, unsigned int number, const void *bytes);
size_t varch_gdb_register_size(unsigned int number);

#endif
