/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One handler for all lines. A line that is never raised would halt the guest without end,
 * so the timer of the local APIC wakes the CPU regularly to check the time.
 */
#include "irq.h"
#include "lib.h"

#define LAPIC UINT64_C(0xfee00000)
#define LAPIC_EOI 0x0b0
#define LAPIC_SPURIOUS 0x0f0
#define LAPIC_TIMER 0x320
#define LAPIC_TIMER_COUNT 0x380
#define LAPIC_TIMER_DIVIDE 0x3e0
#define LAPIC_ENABLE 0x100
#define TIMER_PERIODIC 0x20000
#define TIMER_COUNT 10000000	/* some 10 ms at KVM's 1 GHz */

#define IOAPIC UINT64_C(0xfec00000)
#define IOAPIC_WINDOW 0x10
#define IOAPIC_TABLE 0x10	/* two registers for each line */

#define VECTOR_IRQ 0x30
#define VECTOR_TIMER 0x60
#define VECTOR_SPURIOUS 0xff
#define EXCEPTIONS 32

#define CODE_SELECTOR 0x08
#define INTERRUPT_GATE 0x8e

struct gate {
	uint16_t low, selector;
	uint8_t stack, type;
	uint16_t middle;
	uint32_t high, zero;
};

extern const unsigned char vector_stubs[];	/* 16 bytes each */
void on_vector(uint32_t vector);

static struct gate idt[256] __attribute__((aligned(16)));
static void (*handlers[IRQS])(uint32_t irq);
static volatile uint32_t counts[IRQS + MESSAGES];
static uint32_t seen[IRQS + MESSAGES];
static uint32_t routes[IRQS + MESSAGES];

static void lapic_write(uint32_t reg, uint32_t value)
{
	mmio_write32(LAPIC + reg, value);
}

static void ioapic_write(uint32_t reg, uint32_t value)
{
	mmio_write32(IOAPIC, reg);
	mmio_write32(IOAPIC + IOAPIC_WINDOW, value);
}

static void on_irq(uint32_t irq)
{
	counts[irq]++;
	if (irq < IRQS && handlers[irq])
		handlers[irq](irq);
}

void on_vector(uint32_t vector)
{
	if (vector < EXCEPTIONS) {
		print("FAULT: exception %u\n", vector);
		power_off(2);
	}
	if (vector == VECTOR_SPURIOUS)
		return;		/* without an end of interrupt */
	if (vector >= VECTOR_IRQ && vector < VECTOR_IRQ + IRQS + MESSAGES)
		on_irq(vector - VECTOR_IRQ);
	lapic_write(LAPIC_EOI, 0);
}

static void fill_table(void)
{
	uint64_t stub;
	unsigned int i;

	for (i = 0; i < 256; i++) {
		stub = (uint64_t)(vector_stubs + 16 * i);
		idt[i].low = (uint16_t)stub;
		idt[i].middle = (uint16_t)(stub >> 16);
		idt[i].high = (uint32_t)(stub >> 32);
		idt[i].selector = CODE_SELECTOR;
		idt[i].type = INTERRUPT_GATE;
	}
}

/* Masks both 8259 controllers, which are not used. */
static void mask_pics(void)
{
	out8(0x21, 0xff);
	out8(0xa1, 0xff);
}

void irq_init_cpu(void)
{
	struct { uint16_t limit; uint64_t base; } __attribute__((packed)) at = {
		sizeof(idt) - 1, (uint64_t)idt,
	};

	__asm__ volatile("lidt %0" : : "m"(at));
	lapic_write(LAPIC_SPURIOUS, LAPIC_ENABLE | VECTOR_SPURIOUS);
	lapic_write(LAPIC_TIMER_DIVIDE, 0xb);	/* by 1 */
	lapic_write(LAPIC_TIMER, TIMER_PERIODIC | VECTOR_TIMER);
	lapic_write(LAPIC_TIMER_COUNT, TIMER_COUNT);
}

void irq_init(void)
{
	fill_table();
	mask_pics();
	irq_init_cpu();
}

void irq_message_route(uint32_t irq, uint32_t cpu)
{
	routes[irq] = cpu;
}

uint32_t irq_message_address(uint32_t irq)
{
	return (uint32_t)LAPIC | routes[irq] << 12;
}

uint32_t irq_message_data(uint32_t irq)
{
	return VECTOR_IRQ + irq;
}

/* A rising edge, active high, to the first CPU. */
void irq_enable(uint32_t irq, void (*handler)(uint32_t irq))
{
	handlers[irq] = handler;
	ioapic_write(IOAPIC_TABLE + 2 * irq + 1, 0);
	ioapic_write(IOAPIC_TABLE + 2 * irq, VECTOR_IRQ + irq);
}

/* sti delays interrupts by one instruction, so none is lost before hlt. */
void irq_halt(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}

bool irq_wait(uint32_t irq, uint32_t limit_ms)
{
	const uint32_t start = now_ms();
	bool came;

	__asm__ volatile("cli" : : : "memory");
	while (!(came = counts[irq] != seen[irq]) &&
	       now_ms() - start < limit_ms)
		irq_halt();
	seen[irq] = counts[irq];
	return came;
}

uint32_t irq_count(uint32_t irq)
{
	return counts[irq];
}
