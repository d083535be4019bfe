/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Exceptions, and interrupts of a guest that expects none. */
#include "lib.h"

void __attribute__((noreturn)) on_trap(uint64_t cause, uint64_t pc, uint64_t address);
void on_interrupt(void);

void on_trap(uint64_t cause, uint64_t pc, uint64_t address)
{
	print("FAULT: exception 0x%lx at 0x%lx, address 0x%lx\n", cause, pc, address);
	power_off(2);
}

/* irq.c replaces it. */
void __attribute__((weak)) on_interrupt(void)
{
	print("FAULT: an interrupt\n");
	power_off(2);
}
