/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guests that come with cvmm, as the ELF files that were linked. */
	.macro	builtin name
	.balign 16
	.globl vmm_builtin_\name, vmm_builtin_\name\()_end
vmm_builtin_\name:
	.incbin "\name\().elf"
vmm_builtin_\name\()_end:
	.byte 0
	.endm

	.section .rodata
	builtin agent
	builtin irqtest
	builtin selftest

	.section .note.GNU-stack, "", @progbits
