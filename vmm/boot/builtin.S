/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The guests that come with cvmm, as the ELF files that were linked. */
	.section .rodata
	.balign 16
	.globl vmm_builtin_selftest, vmm_builtin_selftest_end
vmm_builtin_selftest:
	.incbin "selftest.elf"
vmm_builtin_selftest_end:
	.byte 0

	.section .note.GNU-stack, "", @progbits
