/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The words of "cvmm run" of a plan. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "plan_words.h"

int vmm_plan_add_word(struct vmm_plan *p, struct vsu_error *err, const char *fmt, ...)
{
	va_list ap;
	int len;

	if (p->nwords == VMM_PLAN_MAX_WORDS - 1)
		return vsu_error_set(err, -E2BIG, "too many options");
	va_start(ap, fmt);
	len = vasprintf(&p->words[p->nwords], fmt, ap);
	va_end(ap);
	if (len < 0) {
		p->words[p->nwords] = NULL;
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	p->nwords++;
	return 0;
}

int vmm_plan_mark_own(struct vmm_plan *p, int rc)
{
	if (!rc)
		p->is_own[p->nwords - 1] = true;
	return rc;
}
