/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Interrupts of a guest at level 0: local APIC and I/O APIC. */
#ifndef GUEST_IRQ_H
#define GUEST_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#define IRQS 24

/* Sets up the descriptor table and both controllers, and a ticking timer. */
void irq_init(void);

/* handler runs when the line of irq rises. */
void irq_enable(uint32_t irq, void (*handler)(uint32_t irq));

/*
 * Halts until irq was raised since the previous wait; false if that takes
 * longer than limit_ms.
 */
bool irq_wait(uint32_t irq, uint32_t limit_ms);

uint32_t irq_count(uint32_t irq);

#endif
