/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entry of a built-in guest that runs at privilege level 0, and one stub per
 * interrupt vector: it saves the registers that C code may change, and calls
 * on_vector().
 */
	.section .text.start, "ax"
	.globl guest_start
guest_start:
	xor	%ebp, %ebp
	call	guest_main
1:	mov	$0x604, %edx		/* CVMM_PORT_PARK */
	in	%dx, %eax
	jmp	1b

	.text
	.balign	16
	.globl vector_stubs		/* 16 bytes each */
vector_stubs:
	.set	vector, 0
	.rept	256
	.balign	16
	push	$vector
	jmp	common
	.set	vector, vector + 1
	.endr

common:	push	%rax
	push	%rcx
	push	%rdx
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	mov	72(%rsp), %edi		/* the vector */
	and	$0xff, %edi
	cld
	push	%rbp			/* keeps the stack aligned */
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	on_vector
	mov	%rbp, %rsp
	pop	%rbp
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$8, %rsp
	iretq

	/* struct cvmm_note: version 1, CVMM_BOOT_LEVEL0 (and CVMM_BOOT_PCI), or CVMM_BOOT_ANY_LEVEL */
	.section .note.cvmm, "a", @note
	.balign	4
	.long	5, 8, 1
	.asciz	"cvmm"
	.balign	4
#ifdef BUS
	.long	1, 3
#elif defined(ANY_LEVEL)
	.long	1, 4
#else
	.long	1, 1
#endif

	.section .note.GNU-stack, "", @progbits
