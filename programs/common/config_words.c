/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Words of a command line from a file. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>

#include "common/config_words.h"
#include "common/option_words.h"

#define MAX_WORDS 1024
#define MAX_BYTES (1u << 20)

/* The number of words, which point into *text. */
static int read_words(char **text, const char *path, char **words, struct vsu_error *err)
{
	int fd = vsu_file_value_open(path, O_RDONLY | O_NOCTTY);
	int i, n, rc = fd < 0 ? vsu_error_sys(err, fd, "cannot open it") :
			       vsu_file_value_read_text(fd, MAX_BYTES, text, err);

	vsu_fd_close(&fd);
	if (rc < 0)
		return rc;
	n = vsu_json_read_strings(*text, "arguments", words, MAX_WORDS, err);
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "'--' cannot be in a configuration; write ./ before a name that begins with '-'");
	return n;
}

static bool has_option(const struct vsu_option *table, char *const *words, int n, const char *name)
{
	struct vmm_option_word word;

	return vmm_option_words_find(table, words, n, name, &word) < n;
}

/* The words [at, at + n) are those of the file. */
static int check_repeated(const struct vmm_config_words *w, const struct vsu_option *table, int at,
			  int n, struct vsu_error *err)
{
	struct vmm_option_word word;
	int i;

	for (i = at; i < at + n; i += word.used) {
		word = vmm_option_word_at(table, w->words + i, at + n - i);
		if (!word.row || word.row->repeat)
			continue;
		if (has_option(table, w->words + 1, at - 1, word.row->name) ||
		    has_option(table, w->words + at + n, w->n - at - n, word.row->name))
			return vsu_error_set(err, -EINVAL, "--%s is in the file and on the command line; leave it out of one of them",
					     word.row->name);
	}
	return 0;
}

/* Replaces the option at argv[at], of some words, by the words of the file. */
static int insert_file(struct vmm_config_words *w, const struct vsu_option *table, int at,
		       const struct vmm_option_word *config, struct vsu_error *err)
{
	const int rest = w->n - at - config->used;
	char **file = calloc(MAX_WORDS, sizeof(*file));
	int n = file ? read_words(&w->text, config->value, file, err) :
		       vsu_error_set(err, -ENOMEM, "no memory for options");

	if (n >= 0) {
		memmove(w->words + at + n, w->words + at + config->used, (size_t)(rest + 1) * sizeof(*w->words));
		memcpy(w->words + at, file, (size_t)n * sizeof(*file));
		w->n = at + n + rest;
	}
	free(file);
	return n < 0 ? n : check_repeated(w, table, at, n, err);
}

int vmm_config_words_make(struct vmm_config_words *w, const struct vsu_option *table, int argc,
			  char *const *argv, struct vsu_error *err)
{
	struct vmm_option_word config = { .value = NULL };
	int at, rc;

	*w = (struct vmm_config_words){ .words = calloc((size_t)argc + MAX_WORDS + 1, sizeof(*w->words)), .n = argc };
	if (!w->words)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	memcpy(w->words, argv, (size_t)argc * sizeof(*argv));
	if (has_option(table, argv + 1, argc - 1, "incoming"))
		return 0;
	at = vmm_option_words_find(table, argv + 1, argc - 1, "config", &config) + 1;
	if (!config.value)
		return 0;
	rc = insert_file(w, table, at, &config, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "--config '%s'", config.value);
	return vmm_option_words_find(table, w->words + 1, w->n - 1, "config", &config) < w->n - 1 ?
	       vsu_error_set(err, -EINVAL, "a second --config '%s'; only one is allowed", config.value ? config.value : "") : 0;
}

int vmm_config_words_set(struct vmm_config_words *w, const struct vsu_option *table, const char *name,
			 const char *value, struct vsu_error *err)
{
	struct vmm_option_word word = { .used = 0 };
	const int at = vmm_option_words_find(table, w->words + 1, w->n - 1, name, &word) + 1;

	if (!word.used)
		return 0;
	if (asprintf(&w->replaced, "--%s=%s", name, value) < 0) {
		w->replaced = NULL;
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	}
	w->words[at] = w->replaced;
	memmove(w->words + at + 1, w->words + at + word.used, (size_t)(w->n - at - word.used + 1) * sizeof(*w->words));
	w->n -= word.used - 1;
	return 0;
}

void vmm_config_words_free(struct vmm_config_words *w)
{
	free(w->words);
	free(w->text);
	free(w->replaced);
	*w = (struct vmm_config_words){ .n = 0 };
}
