/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entry of a built-in guest on arm64: x0 boot information, x1 CPU, sp a stack, EL1, MMU and
 * caches off. Enables both with a map of the first TiB, the first GiB of it for devices, and
 * calls guest_main().
 */
#define MAIR		0xff04	/* 0: device (nGnRE), 1: memory, write-back */
#define TCR		0x803518	/* 40 bits, pages of 4 KiB, write-back tables, inner shareable */
#define SCTLR_ON	0x1005	/* instruction cache, data cache, MMU */

#define TABLE		3
#define DEVICE		(1 << 54 | 1 << 53 | 0x401)	/* accessed, not executable */
#define MEMORY		0x705			/* accessed, inner shareable */
#define NO_CODE		(1 << 54 | 1 << 53)

	.section .text.start, "ax"
	.globl guest_start
guest_start:
	ldr	x2, =MAIR
	msr	mair_el1, x2
	ldr	x2, =TCR
	mrs	x3, id_aa64mmfr0_el1
	and	x3, x3, #7		/* the size of physical addresses */
	bfi	x2, x3, #32, #3
	msr	tcr_el1, x2
	adrp	x2, top_table
	msr	ttbr0_el1, x2
	adrp	x2, vectors
	msr	vbar_el1, x2
	ic	iallu
	tlbi	vmalle1
	dsb	sy
	isb
	mrs	x2, sctlr_el1
	ldr	x3, =SCTLR_ON
	orr	x2, x2, x3
	msr	sctlr_el1, x2
	isb
	mov	x29, xzr
	bl	guest_main
	ldr	x1, =0x09010004		/* CVMM_PORT_PARK */
1:	ldr	w0, [x1]
	b	1b

	.macro vector to
	.balign	128
	b	\to
	.endm

	.text
	.balign	4096
vectors:
	.rept	4
	vector	trap
	.endr
	vector	trap
	vector	interrupt
	.rept	10
	vector	trap
	.endr

trap:	mrs	x0, esr_el1
	mrs	x1, elr_el1
	mrs	x2, far_el1
	bl	on_trap

interrupt:
	stp	x29, x30, [sp, #-176]!
	stp	x0, x1, [sp, #16]
	stp	x2, x3, [sp, #32]
	stp	x4, x5, [sp, #48]
	stp	x6, x7, [sp, #64]
	stp	x8, x9, [sp, #80]
	stp	x10, x11, [sp, #96]
	stp	x12, x13, [sp, #112]
	stp	x14, x15, [sp, #128]
	stp	x16, x17, [sp, #144]
	str	x18, [sp, #160]
	bl	on_interrupt
	ldp	x0, x1, [sp, #16]
	ldp	x2, x3, [sp, #32]
	ldp	x4, x5, [sp, #48]
	ldp	x6, x7, [sp, #64]
	ldp	x8, x9, [sp, #80]
	ldp	x10, x11, [sp, #96]
	ldp	x12, x13, [sp, #112]
	ldp	x14, x15, [sp, #128]
	ldp	x16, x17, [sp, #144]
	ldr	x18, [sp, #160]
	ldp	x29, x30, [sp], #176
	eret

	/* Entries of 1 GiB each; guests are in the first one that has memory. */
	.section .rodata
	.balign	4096
top_table:
	.quad	tables + TABLE, tables + 4096 + TABLE
	.balign	4096
tables:
	.quad	DEVICE, MEMORY | 1 << 30
	.set	gib, 2
	.rept	1022
	.quad	MEMORY | NO_CODE | gib << 30
	.set	gib, gib + 1
	.endr

	/* struct cvmm_note: version 1 (and CVMM_BOOT_PCI) */
	.section .note.cvmm, "a", %note
	.balign	4
	.long	5, 8, 1
	.asciz	"cvmm"
	.balign	4
#ifdef BUS
	.long	1, 2
#else
	.long	1, 0
#endif

	.section .note.GNU-stack, "", %progbits
