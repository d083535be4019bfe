/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * How near a mistyped word is to a name: for "did you mean ...?".
 */
#ifndef VSU_NEAREST_H
#define VSU_NEAREST_H

#include <limits.h>

#define VSU_PRIV_FAR UINT_MAX

/* parse.c: 0 is nearest; VSU_PRIV_FAR when name is no sensible suggestion. */
unsigned int vsu_priv_distance(const char *word, const char *name);

#endif
