/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds options among words. */
#include <config.h>

#include <string.h>

#include "config/option_words.h"

struct vmm_option_word vmm_option_word_at(char *const *words, int n)
{
	const char *name = strncmp(words[0], "--", 2) ? "" : words[0] + 2;
	const size_t len = strcspn(name, "=");
	struct vmm_option_word w = { .row = vmm_option_named(name, len), .used = 1 };

	if (w.row && w.row->option.kind == VSU_OPTION_OPERAND)
		w.row = NULL;
	if (!w.row || w.row->option.kind == VSU_OPTION_FLAG)
		return w;
	if (!name[len])
		w.used = n < 2 ? 1 : 2;
	w.value = name[len] ? name + len + 1 : n < 2 ? NULL : words[1];
	return w;
}

int vmm_option_words_find(char *const *words, int n, const struct vmm_option_row *row,
			  struct vmm_option_word *out)
{
	struct vmm_option_word w;
	int i;

	for (i = 0; i < n && strcmp(words[i], "--"); i += w.used) {
		w = vmm_option_word_at(words + i, n - i);
		if (w.row != row)
			continue;
		*out = w;
		return i;
	}
	return n;
}
