/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * One handler for all shared peripheral interrupts of a GICv3 or GICv2, on CPU 0. The
 * virtual timer wakes the CPU regularly to check the time, because an interrupt that is
 * never raised would halt it without end.
 */
#include "irq.h"
#include "lib.h"

#define DISTRIBUTOR UINT64_C(0x08000000)
#define GICD_CTLR 0x0000
#define GICD_IGROUPR 0x0080	/* a bit for each interrupt, as in the next one */
#define GICD_ISENABLER 0x0100
#define GICD_ICFGR 0x0c00	/* two bits for each interrupt */
#define GICD_IROUTER 0x6000	/* 8 bytes for each interrupt */
#define ENABLE_AFFINITY 0x12	/* group 1, routes by affinity */

#define REDISTRIBUTOR UINT64_C(0x080a0000)	/* of CPU 0 */
#define GICR_WAKER 0x0014
#define PROCESSOR_SLEEP 0x2
#define CHILDREN_ASLEEP 0x4
#define OWN_INTERRUPTS 0x10000	/* offset of the same registers for the first 32 interrupts */

/* A GICv2 has fewer registers of the distributor, and registers of the CPU in memory. */
#define GICD_ITARGETSR 0x0800	/* a byte for each interrupt */
#define ENABLE_ALL 0x1
#define INTERFACE UINT64_C(0x08010000)
#define GICC_CTLR 0x0000
#define GICC_PMR 0x0004
#define GICC_IAR 0x000c
#define GICC_EOIR 0x0010

#define INTID_TIMER 27
#define INTID_SHARED 32
#define INTID_SPURIOUS 1020	/* and above */
#define TICKS_PER_SECOND 100

#define READ_REGISTER(name, value) __asm__ volatile("mrs %0, " name : "=r"(value) : : "memory")
#define WRITE_REGISTER(name, value)	\
	__asm__ volatile("msr " name ", %0\n\tisb" : : "r"((uint64_t)(value)) : "memory")
#define ICC_PMR "s3_0_c4_c6_0"
#define ICC_IAR1 "s3_0_c12_c12_0"
#define ICC_EOIR1 "s3_0_c12_c12_1"
#define ICC_SRE "s3_0_c12_c12_5"
#define ICC_IGRPEN1 "s3_0_c12_c12_7"

void on_interrupt(void);

static bool is_v2;
static void (*handlers[IRQS])(uint32_t irq);
static volatile uint32_t counts[IRQS];
static uint32_t seen[IRQS];

static void timer_start(void)
{
	uint64_t frequency;

	READ_REGISTER("cntfrq_el0", frequency);
	WRITE_REGISTER("cntv_tval_el0", frequency / TICKS_PER_SECOND);
	WRITE_REGISTER("cntv_ctl_el0", 1);
}

static void on_irq(uint32_t irq)
{
	counts[irq]++;
	if (handlers[irq])
		handlers[irq](irq);
}

void on_interrupt(void)
{
	uint64_t id;

	if (is_v2)
		id = mmio_read32(INTERFACE + GICC_IAR);
	else
		READ_REGISTER(ICC_IAR1, id);
	if (id >= INTID_SPURIOUS)
		return;
	if (id == INTID_TIMER)
		timer_start();
	else if (id >= INTID_SHARED && id < INTID_SHARED + IRQS)
		on_irq((uint32_t)id - INTID_SHARED);
	if (is_v2)
		mmio_write32(INTERFACE + GICC_EOIR, (uint32_t)id);
	else
		WRITE_REGISTER(ICC_EOIR1, id);
}

/* Whether the CPU has registers of a GICv3. */
static bool has_registers(void)
{
	uint64_t features;

	READ_REGISTER("id_aa64pfr0_el1", features);
	return features >> 24 & 0xf;
}

static void init_v2(void)
{
	mmio_write32(DISTRIBUTOR + GICD_CTLR, ENABLE_ALL);
	mmio_write32(DISTRIBUTOR + GICD_ISENABLER, 1u << INTID_TIMER);
	mmio_write32(INTERFACE + GICC_PMR, 0xff);
	mmio_write32(INTERFACE + GICC_CTLR, ENABLE_ALL);
}

static void init_v3(void)
{
	mmio_write32(DISTRIBUTOR + GICD_CTLR, ENABLE_AFFINITY);
	mmio_write32(DISTRIBUTOR + GICD_IGROUPR + INTID_SHARED / 8, UINT32_MAX);
	mmio_write32(REDISTRIBUTOR + GICR_WAKER,
		     mmio_read32(REDISTRIBUTOR + GICR_WAKER) & ~(uint32_t)PROCESSOR_SLEEP);
	while (mmio_read32(REDISTRIBUTOR + GICR_WAKER) & CHILDREN_ASLEEP)
		cpu_pause();
	mmio_write32(REDISTRIBUTOR + OWN_INTERRUPTS + GICD_IGROUPR, UINT32_MAX);
	mmio_write32(REDISTRIBUTOR + OWN_INTERRUPTS + GICD_ISENABLER, 1u << INTID_TIMER);
	WRITE_REGISTER(ICC_SRE, 1);
	WRITE_REGISTER(ICC_PMR, 0xff);
	WRITE_REGISTER(ICC_IGRPEN1, 1);
}

void irq_init(void)
{
	is_v2 = !has_registers();
	if (is_v2)
		init_v2();
	else
		init_v3();
	timer_start();
}

/* A rising edge, to CPU 0. */
void irq_enable(uint32_t irq, void (*handler)(uint32_t irq))
{
	const uint32_t id = INTID_SHARED + irq;
	const uint64_t edges = DISTRIBUTOR + GICD_ICFGR + id / 16 * 4;

	handlers[irq] = handler;
	if (is_v2)
		mmio_write8(DISTRIBUTOR + GICD_ITARGETSR + id, 1);
	else
		mmio_write64(DISTRIBUTOR + GICD_IROUTER + id * 8, 0);
	mmio_write32(edges, mmio_read32(edges) | 2u << id % 16 * 2);
	mmio_write32(DISTRIBUTOR + GICD_ISENABLER + id / 32 * 4, 1u << id % 32);
}

/* A pending interrupt ends the halt although it is masked, so none is lost before. */
void irq_halt(void)
{
	__asm__ volatile("dsb sy\n\twfi\n\tmsr daifclr, #2\n\tisb\n\tmsr daifset, #2" : : : "memory");
}

bool irq_wait(uint32_t irq, uint32_t limit_ms)
{
	const uint32_t start = now_ms();
	bool came;

	while (!(came = counts[irq] != seen[irq]) && now_ms() - start < limit_ms)
		irq_halt();
	seen[irq] = counts[irq];
	return came;
}

uint32_t irq_count(uint32_t irq)
{
	return counts[irq];
}
