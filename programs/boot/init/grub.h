/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Parts of the interpreter of grub.cfg: its words, and conditions.
 *
 * Threads: no state.
 */
#ifndef CVMM_BOOT_GRUB_H
#define CVMM_BOOT_GRUB_H

#include "entry.h"

#define GRUB_MAX_WORDS 256
#define GRUB_MAX_COMMAND 8192

/* The words of a command, with their variables replaced. */
struct grub_words {
	const char *at, *end;	/* the text that is read */
	const struct entry_variables *v; /* NULL: variables are not replaced, because the command is skipped */
	struct entry *entry;	/* notes variables that its kernel and initrds have no value of, or NULL */
	char text[GRUB_MAX_COMMAND]; /* one after another */
	char *words[GRUB_MAX_WORDS];
	unsigned int n;
	size_t used;
	bool too_long;
};

/*
 * grub_words.c: reads the next command, or keyword that precedes one. Returns what ended it: a
 * brace, ';', a newline, a blank for a keyword, or 0 for the end of the text.
 */
char grub_next_command(struct grub_words *w);
bool grub_loads_kernel(const char *word);
bool grub_loads_initrd(const char *word);
/* grub_words.c: "(DEVICE)/PATH": the device is a variable of "search", or has a name of GRUB's. */
const char *grub_skip_device(const char *path);

/* grub_test.c: the condition of "[" or "test", without its brackets. False also if it is not understood. */
bool grub_test(char *const *words, unsigned int n, const struct entry_files *files, bool *unknown);

#endif
