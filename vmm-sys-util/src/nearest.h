/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The similarity of a mistyped word to a name, for "did you mean ...?". */
#ifndef VSU_NEAREST_H
#define VSU_NEAREST_H

#include <limits.h>

#define VSU_PRIV_FAR UINT_MAX

/* parse.c: 0: most similar; VSU_PRIV_FAR: name is no useful suggestion */
unsigned int vsu_priv_distance(const char *word, const char *name);

#endif
