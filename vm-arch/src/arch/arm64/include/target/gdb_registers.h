/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The registers of an arm64 CPU as gdb numbers and describes them. Numbers are in the byte
 * order of the target, little-endian. Each architecture has this header.
 *
 * Threads: no state.
 */
#ifndef VARCH_TARGET_GDB_REGISTERS_H
#define VARCH_TARGET_GDB_REGISTERS_H

#include <stddef.h>
#include <stdint.h>

/* x0 to x30 sp pc */
#define VARCH_GDB_GENERAL 33u
#define VARCH_GDB_RIP 32u
/* Registers in all, and their bytes in a packet. */
#define VARCH_GDB_REGISTERS 34u
#define VARCH_GDB_REGISTER_BYTES 268u

struct varch_gdb_registers {
	uint64_t general[VARCH_GDB_GENERAL];
	uint32_t cpsr;
};

/* target.xml; static, ends with a zero byte. */
const char *varch_gdb_target_xml(void);

/* Copies a register; returns its bytes, at most 16, or 0: there is none of that number. */
size_t varch_gdb_register_get(const struct varch_gdb_registers *regs, unsigned int number, void *bytes);
/* Returns the number of bytes that were read, or 0. */
size_t varch_gdb_register_set(struct varch_gdb_registers *regs, unsigned int number, const void *bytes);
size_t varch_gdb_register_size(unsigned int number);

#endif
