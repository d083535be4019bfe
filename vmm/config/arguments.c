/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Copies arguments, and writes them as words. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/json.h>

#include "config/arguments.h"
#include "config/option_row.h"

const char *vmm_argument_name(const struct vmm_argument *a)
{
	return a->row->option.name;
}

struct vmm_argument *vmm_arguments_find(const struct vmm_arguments *in, const char *name)
{
	unsigned int i;

	for (i = 0; i < in->n; i++)
		if (!strcmp(vmm_argument_name(&in->list[i]), name))
			return &in->list[i];
	return NULL;
}

static int no_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for options");
}

int vmm_arguments_copy(struct vmm_arguments *to, const struct vmm_arguments *from,
		       struct vsu_error *err)
{
	size_t size = 1;
	unsigned int i;
	char *at;

	for (i = 0; i < from->n; i++)
		size += strlen(from->list[i].value.text) + 1;
	to->n = 0;
	to->list = calloc(from->n + 1, sizeof(*to->list));
	to->text = at = malloc(size);
	if (!to->list || !at)
		return no_memory(err);
	for (; to->n < from->n; to->n++) {
		to->list[to->n] = from->list[to->n];
		to->list[to->n].value.text = at;
		at = stpcpy(at, from->list[to->n].value.text) + 1;
	}
	return 0;
}

/* ----------------------------------------------------------------------- words */

/* Writes the word at *at, which has room, and moves *at behind it. */
static char *write_word(const struct vmm_argument *a, char **at)
{
	char *word = *at;

	switch (a->row->option.kind) {
	case VSU_OPTION_OPERAND:	/* a word that begins with '-' is an option */
		*at = stpcpy(stpcpy(word, a->value.text[0] == '-' ? "./" : ""), a->value.text) + 1;
		break;
	case VSU_OPTION_FLAG:
		*at = stpcpy(stpcpy(word, "--"), vmm_argument_name(a)) + 1;
		break;
	default:
		*at = stpcpy(stpcpy(stpcpy(stpcpy(word, "--"), vmm_argument_name(a)), "="),
			     a->value.text) + 1;
	}
	return word;
}

int vmm_arguments_write(const struct vmm_arguments *a, struct vmm_words *out,
			struct vsu_error *err)
{
	size_t size = 1;
	unsigned int i;
	char *at;

	for (i = 0; i < a->n; i++)
		size += strlen(vmm_argument_name(&a->list[i])) + strlen(a->list[i].value.text) + sizeof("--=");
	*out = (struct vmm_words){ .words = calloc(a->n + 1, sizeof(*out->words)) };
	out->text = at = malloc(size);
	if (!out->words || !at) {
		vmm_words_free(out);
		return no_memory(err);
	}
	for (i = 0; i < a->n; i++)
		out->words[i] = write_word(&a->list[i], &at);
	out->n = (int)a->n;
	return 0;
}

void vmm_words_write_json(char *const *words, int n, FILE *to)
{
	struct vsu_json j = { .to = to };
	int i;

	vsu_json_open(&j, NULL, '{');
	vsu_json_open(&j, "arguments", '[');
	for (i = 0; i < n; i++)
		vsu_json_text(&j, NULL, words[i]);
	vsu_json_close(&j, ']');
	vsu_json_close(&j, '}');
	fputc('\n', to);
}

void vmm_arguments_free(struct vmm_arguments *a)
{
	free(a->list);
	free(a->text);
	memset(a, 0, sizeof(*a));
}

void vmm_words_free(struct vmm_words *words)
{
	free(words->words);
	free(words->text);
	memset(words, 0, sizeof(*words));
}
