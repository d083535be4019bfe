/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds options among words. */
#include <config.h>

#include <string.h>

#include "common/option_words.h"

const struct vsu_option *vmm_option_row(const struct vsu_option *table, const char *name, size_t len)
{
	for (; table->name; table++)
		if (table->kind != VSU_OPTION_OPERAND && strlen(table->name) == len && !memcmp(table->name, name, len))
			return table;
	return NULL;
}

struct vmm_option_word vmm_option_word_at(const struct vsu_option *table, char *const *words, int n)
{
	const char *name = strncmp(words[0], "--", 2) ? "" : words[0] + 2;
	const size_t len = strcspn(name, "=");
	struct vmm_option_word w = { .row = vmm_option_row(table, name, len), .used = 1 };

	if (!w.row || w.row->kind == VSU_OPTION_FLAG)
		return w;
	if (!name[len])
		w.used = n < 2 ? 1 : 2;
	w.value = name[len] ? name + len + 1 : n < 2 ? NULL : words[1];
	return w;
}

int vmm_option_words_find(const struct vsu_option *table, char *const *words, int n,
			  const char *name, struct vmm_option_word *out)
{
	struct vmm_option_word w;
	int i;

	for (i = 0; i < n && strcmp(words[i], "--"); i += w.used) {
		w = vmm_option_word_at(table, words + i, n - i);
		if (!w.row || strcmp(w.row->name, name) != 0)
			continue;
		*out = w;
		return i;
	}
	return n;
}
