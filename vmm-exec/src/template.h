/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The description of a template and its machine. Threads: no state. */
#ifndef CVMM_PRIV_TEMPLATE_H
#define CVMM_PRIV_TEMPLATE_H

#include <stdbool.h>

#include "cvmm/template.h"

/* More than two paths and the other members; the file of a template may have further lines. */
#define CVMM_PRIV_TEMPLATE_TEXT (16u << 10)

/*
 * Reads the description of a template, to whose text info refers. False: a required member is invalid
 * or missing.
 */
bool cvmm_priv_template_parse(struct cvmm_template_info *info, char *text);

/* -EINVAL: a text is NULL or has a line break; -E2BIG: it is too long. */
int cvmm_priv_template_write(const struct cvmm_template_info *info, char text[CVMM_PRIV_TEMPLATE_TEXT],
			     struct vsu_error *err);

/*
 * Checks the options of the saved machine. -EPERM: one is not of a template, such as a disk, or a folder
 * more than its description has; its clones would have it.
 */
int cvmm_priv_template_check_machine(const struct cvmm_template_info *info, struct vsu_error *err);

#endif
