/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Interrupts of a guest at level 0: local APIC and I/O APIC, or a GIC. */
#ifndef GUEST_IRQ_H
#define GUEST_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQS 24		/* lines of the I/O APIC, or shared interrupts of the GIC */
#define MESSAGES 24	/* interrupts by message; their numbers follow those of the lines */

/* Sets up the descriptor table and both controllers, and a ticking timer. */
void irq_init(void);

/* x86 only, as the functions for messages. Another CPU has this table, and its own controller and timer. */
void irq_init_cpu(void);

/* Sends the messages of a number from IRQS on to this CPU; at first to CPU 0. */
void irq_message_route(uint32_t irq, uint32_t cpu);
uint32_t irq_message_address(uint32_t irq);
uint32_t irq_message_data(uint32_t irq);

/* handler runs when the line of irq rises. */
void irq_enable(uint32_t irq, void (*handler)(uint32_t irq));

/*
 * Halts until irq was raised since the previous wait; false if that takes
 * longer than limit_ms. On the CPU that receives it.
 */
bool irq_wait(uint32_t irq, uint32_t limit_ms);

/*
 * Halts until an interrupt, at once if one was raised since the previous halt; the timer
 * ends it, too. They are off otherwise.
 */
void irq_halt(void);

uint32_t irq_count(uint32_t irq);

#endif
