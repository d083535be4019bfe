/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The registers of an x86-64 CPU in the order of gdb, little-endian and without gaps. */
#ifndef VARCH_X86_GDB_REGISTERS_H
#define VARCH_X86_GDB_REGISTERS_H

#include <stdint.h>

#include <vm-arch/gdb.h>

/* rax rbx rcx rdx rsi rdi rbp rsp r8 to r15 rip */
#define VARCH_X86_GENERAL 17u
#define VARCH_X86_RIP 16u

struct varch_x86_registers {
	uint64_t general[VARCH_X86_GENERAL];
	uint32_t eflags, segments[6];	/* cs ss ds es fs gs */
	unsigned char st[8][10];
	uint32_t fpu[8];	/* fctrl fstat ftag fiseg fioff foseg fooff fop */
	unsigned char xmm[16][16];
	uint32_t mxcsr;
	uint64_t fs_base, gs_base;
};

extern const struct varch_gdb_target varch_x86_target;

#endif
