/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The remedy of a kernel that cannot be loaded, for the program to name. */
#ifndef VARCH_ADVISE_H
#define VARCH_ADVISE_H

#include <vm-arch/advice.h>
#include <vmm-sys-util/error.h>

/* Returns rc, the result of the function that has written the sentence. err may be NULL. */
static inline int varch_advise(struct vsu_error *err, int rc, enum varch_advice advice)
{
	(void)vsu_error_operands(err, (uint32_t)advice, 0, 0);
	return rc;
}

#endif
