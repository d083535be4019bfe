/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Text in JSON. */
#ifndef PROGRAMS_JSON_H
#define PROGRAMS_JSON_H

#include <stdio.h>

/*
 * Writes text as a JSON string, with its quotes. The name of a file may hold
 * any bytes; those that are no UTF-8, which JSON has to be, become U+FFFD.
 */
void prog_json_string(const char *text, FILE *to);

#endif
