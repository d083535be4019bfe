/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks a sentence with the remedy that its reader has. Threads: pure functions. */
#ifndef CVMM_PRIV_ADVICE_H
#define CVMM_PRIV_ADVICE_H

#include "cvmm/exec.h"

/* Returns rc, the result of the function that has written the sentence. err may be NULL. */
static inline int cvmm_priv_advise(struct vsu_error *err, int rc, enum cvmm_exec_advice advice)
{
	(void)vsu_error_operands(err, (uint32_t)advice, 0, 0);
	return rc;
}

#endif
