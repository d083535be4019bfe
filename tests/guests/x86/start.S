/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Entry of a built-in guest: rdi boot information, rsi CPU, rsp a stack. */
	.section .text.start, "ax"
	.globl guest_start
guest_start:
	xor	%ebp, %ebp
	call	guest_main
1:	mov	$0x604, %edx		/* CVMM_PORT_PARK */
	in	%dx, %eax
	jmp	1b

	/* struct cvmm_note: version 1, to be entered at level 3 (and CVMM_BOOT_PCI) */
	.section .note.cvmm, "a", @note
	.balign	4
	.long	5, 8, 1
	.asciz	"cvmm"
	.balign	4
#ifdef BUS
	.long	1, 2
#else
	.long	1, 0
#endif

	.section .note.GNU-stack, "", @progbits
