/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Writes command lines as JSON. */
#include <config.h>

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/json.h>

#include "base/command_line.h"

/* "./" keeps a name from being an option. */
static void put_file_name(const char *name, FILE *to)
{
	char path[PATH_MAX + 2];

	if (*name == '-' && strlen(name) < PATH_MAX) {
		snprintf(path, sizeof(path), "./%s", name);
		name = path;
	}
	vsu_json_string(name, to);
}

static bool is_one_of(const char *word, const char *const *list)
{
	while (*list && strcmp(*list, word) != 0)
		list++;
	return *list;
}

/* Separated by commas; see vmm_command_line_member(). */
static void put_words(char *const *words, int n, const char *const *skipped, FILE *to)
{
	const char *comma = "";
	bool only_names = false;
	int i;

	for (i = 0; i < n; i++) {
		if (!only_names && !strcmp(words[i], "--")) {
			only_names = true;
			continue;
		}
		if (!only_names && is_one_of(words[i], skipped))
			continue;
		fputs(comma, to);
		comma = ",";
		if (only_names)
			put_file_name(words[i], to);
		else
			vsu_json_string(words[i], to);
	}
}

void vmm_command_line_member(struct vsu_json *j, char *const *words, int n,
			const char *const *skipped)
{
	vsu_json_open(j, "arguments", '[');
	put_words(words, n, skipped, j->to);
	vsu_json_close(j, ']');
}

void vmm_command_line_write(FILE *to, char *const *words, int n)
{
	static const char *const none[] = { NULL };
	struct vsu_json j = { .to = to };

	vsu_json_open(&j, NULL, '{');
	vmm_command_line_member(&j, words, n, none);
	vsu_json_close(&j, '}');
	fputc('\n', to);
}
