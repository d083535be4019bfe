/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The remedy of a failure, which depends on the caller: a program that embeds the machine sets a
 * member of a struct, and a user writes an option. The sentence has the fact, and the member arg
 * of its struct vsu_error one of these, for which the program cvmm has a text.
 *
 * Threads: pure functions.
 */
#ifndef VMM_BASE_ADVICE_H
#define VMM_BASE_ADVICE_H

#include <vmm-sys-util/error.h>

/* Unlike the numbers that other sentences have as arg. */
enum vmm_advice {
	VMM_ADVICE_MEMBER = 0x61640001,	/* the sentence begins with a member of cvmm_exec_config */
	VMM_ADVICE_TEMPLATES,	/* the folder of templates */
};

/* Returns rc, the result of the function that has written the sentence. err may be NULL. */
static inline int vmm_advise(struct vsu_error *err, int rc, enum vmm_advice advice)
{
	(void)vsu_error_operands(err, (uint32_t)advice, 0, 0);
	return rc;
}

#endif
