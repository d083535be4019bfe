/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared by the tests of the answers to options of other programs. */
#ifndef CVMM_TESTS_FOREIGN_H
#define CVMM_TESTS_FOREIGN_H

#include <check.h>
#include <stdbool.h>
#include <string.h>

#include "common/foreign_words.h"

#define MAX_WORDS 16

/* Splits a line at blanks; "+" stands for a blank in a word. */
static int split(const char *line, char *text, char **words)
{
	char *at, *save;
	int n = 1;

	strcpy(text, line);
	words[0] = text;
	for (at = strtok_r(text, " ", &save); at; at = strtok_r(NULL, " ", &save)) {
		for (char *c = at; *c; c++)
			*c = *c == '+' ? ' ' : *c;
		words[n++] = at;
	}
	words[n] = NULL;
	return n;
}

struct row {
	const char *line, *msg;
};

static bool has_option(const struct vsu_option *o, const char *name, size_t len)
{
	for (; o->name; o++)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			return true;
	return false;
}

/* Options that answers name of other commands, and of programs in the guest. */
static const char *const others[] = {
	"emulate", "publish", "scope", "cpu-list", "reuid", "clear-groups", "groups", "bounding-set", "version",
	"prometheus", "from", "dry-run", "oci", NULL,
};

static void assert_options_exist(const struct vmm_foreign_word *rows, const struct vsu_option *table)
{
	const char *at;
	size_t len, i;

	for (; rows->theirs; rows++)
		for (at = strstr(rows->ours, "--"); at; at = strstr(at + 2, "--")) {
			len = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");
			for (i = 0; others[i] && strncmp(others[i], at + 2, len) != 0; i++)
				;
			ck_assert_msg(!len || others[i] || has_option(table, at + 2, len), "%s: %s", rows->theirs, at);
		}
}

static void assert_words_are_theirs(const struct vmm_foreign_word *rows, const struct vsu_option *table)
{
	const char *at;
	size_t len;

	for (; rows->theirs; rows++)
		for (at = rows->theirs; *at; at += len + (at[len] == ' ')) {
			len = strcspn(at, " ");
			ck_assert_msg(at[0] == '-' && len >= 2, "%s", rows->theirs);
			ck_assert_msg(at[1] != '-' || !has_option(table, at + 2, len - 2), "%.*s is ours", (int)len, at);
		}
}

#endif
