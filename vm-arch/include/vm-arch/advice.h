/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The remedy of a failure, in the member arg of a struct vsu_error where it depends on the caller:
 * a program names an option of its own.
 *
 * Threads: no state.
 */
#ifndef VARCH_ADVICE_H
#define VARCH_ADVICE_H

enum varch_advice {
	VARCH_ADVICE_MEMORY = 0x76720001, /* more memory of the guest */
	VARCH_ADVICE_MODULES,	/* the folder of the kernel's modules, which it does not name */
	VARCH_ADVICE_TRANSPORT,	/* devices on virtio-mmio */
	VARCH_ADVICE_MEMORY_AT_0,	/* writable memory at address 0 of the guest */
	VARCH_ADVICE_MEMORY_AT_1G,	/* writable memory at 0x40000000 */
	VARCH_ADVICE_CPU_PLAIN,	/* CPUs of the model "plain", or another host */
	VARCH_ADVICE_CPU_PORTABLE,	/* CPUs of a model other than "host" */
	VARCH_ADVICE_CPU_COMMON,	/* a description of what all hosts have */
	VARCH_ADVICE_CPU_DESCRIPTION,	/* a whole description, as varch_cpu_description_write() writes it */
	VARCH_ADVICE_NO_KERNEL,	/* a kernel in place of this file, whose format is another one */
};

#endif
