/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* JSON strings. */
#ifndef PROGRAMS_JSON_H
#define PROGRAMS_JSON_H

#include <stdio.h>

/*
 * Writes text as a JSON string with quotes. File names may contain arbitrary bytes;
 * invalid UTF-8 becomes U+FFFD.
 */
void prog_json_string(const char *text, FILE *to);

#endif
