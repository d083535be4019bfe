/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* JSON strings, and command lines as JSON. */
#ifndef PROGRAMS_JSON_H
#define PROGRAMS_JSON_H

#include <stdio.h>

/*
 * Writes text as a JSON string with quotes. File names may contain arbitrary bytes;
 * invalid UTF-8 becomes U+FFFD.
 */
void prog_json_string(const char *text, FILE *to);

/*
 * Writes the n words of a command line, separated by commas, without the flags of
 * skipped, which ends with NULL. Words behind "--", which are names of files, get
 * "./" in front if they look like options, and "--" itself is left out.
 */
void prog_json_words(char *const *words, int n, const char *const *skipped,
		     FILE *to);

#endif
