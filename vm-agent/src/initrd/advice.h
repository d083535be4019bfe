/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The remedy of a failure, which depends on the caller: the sentence has the fact, and the member arg
 * of its struct vsu_error one of these, for which a program may have a text.
 */
#ifndef VMM_INITRD_ADVICE_H
#define VMM_INITRD_ADVICE_H

/* Unlike the numbers that other sentences have as arg. */
enum vagent_advice {
	VAGENT_ADVICE_KERNEL = 0x76610001, /* the file of a kernel */
	VAGENT_ADVICE_NO_MODULES, /* the folder of its modules, or that it needs none */
};

#endif
