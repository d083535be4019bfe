/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Scripts in a folder of the test, in place of programs. Each records its arguments. */
#ifndef CVMM_TESTS_CLI_SCRIPTS_H
#define CVMM_TESTS_CLI_SCRIPTS_H

#include <sys/stat.h>

#include "util.h"

/* Valid until the next call. */
static inline const char *script_path(const char *folder, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

/*
 * The script writes its arguments into the file NAME.words, one per line, and continues with
 * the lines. There $fd is the argument behind --fd.
 */
static inline void script_write(const char *folder, const char *name, const char *lines)
{
	FILE *f = fopen(script_path(folder, name), "w");

	ck_assert_ptr_nonnull(f);
	fprintf(f, "#!/bin/bash\nfor word; do [ \"$before\" != --fd ] || fd=$word; before=$word; echo \"$word\"; done >%s/%s.words\n%s\n",
		folder, name, lines);
	ck_assert_int_eq(fchmod(fileno(f), 0755), 0);
	fclose(f);
}

/* The arguments, each with a newline; valid until the next call. */
static inline const char *script_words(const char *folder, const char *name)
{
	static char text[16384];
	char file[64];
	FILE *f;
	size_t n;

	snprintf(file, sizeof(file), "%s.words", name);
	f = fopen(script_path(folder, file), "r");
	ck_assert_ptr_nonnull(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

/* Removes the script and its arguments. */
static inline void script_remove(const char *folder, const char *name)
{
	char file[64];

	snprintf(file, sizeof(file), "%s.words", name);
	unlink(script_path(folder, name));
	unlink(script_path(folder, file));
}

#endif
