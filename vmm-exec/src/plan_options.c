/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of the machine of a plan. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "plan.h"

int cvmm_priv_plan_add(struct cvmm_exec_plan *p, struct vsu_error *err, const char *name, const char *fmt, ...)
{
	char *value;
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (rc < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = cvmm_options_add(p->options, name, value, err);
	free(value);
	return rc;
}
