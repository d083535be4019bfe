/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Entry of a guest by the PVH boot protocol, which cvmm offers to kernels with
 * devices on PCI: 32 bits, no paging. Maps the first 4 GiB, enters 64-bit mode
 * and calls guest_main with boot information that names no device.
 */
	.section .note.Xen, "a", @note
	.balign	4
	.long	4, 4, 18		/* XEN_ELFNOTE_PHYS32_ENTRY */
	.asciz	"Xen"
	.long	guest_start

	.code32
	.section .text.start, "ax"
	.globl guest_start
guest_start:
	mov	$stack_end, %esp
	movl	$directory_pointers + 3, top_table
	movl	$directories + 3, directory_pointers
	movl	$directories + 0x1003, directory_pointers + 8
	movl	$directories + 0x2003, directory_pointers + 16
	movl	$directories + 0x3003, directory_pointers + 24
	mov	$directories, %edi
	mov	$0x83, %eax		/* present, writable, 2 MiB */
1:	mov	%eax, (%edi)
	add	$8, %edi
	add	$0x200000, %eax
	jnc	1b
	mov	%cr4, %eax
	or	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$top_table, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx	/* EFER */
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	%cr0, %eax
	or	$0x80000001, %eax	/* PG, PE */
	mov	%eax, %cr0
	lgdt	table_pointer
	ljmp	$8, $long_mode

	.code64
long_mode:
	mov	$16, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$stack_end, %rsp
	mov	$no_devices, %rdi
	xor	%esi, %esi
	call	guest_main
2:	jmp	2b

	.data
	.balign	8
segments:
	.quad	0, 0x00af9b000000ffff, 0x00cf93000000ffff
table_pointer:
	.word	23
	.long	segments

	.bss
	.balign	4096
top_table:
	.skip	4096
directory_pointers:
	.skip	4096
directories:
	.skip	4 * 4096
	.skip	16384
stack_end:
no_devices:
	.skip	4096

	.section .note.GNU-stack, "", @progbits
