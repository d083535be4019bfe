/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Conditions of grub.cfg: texts, numbers and files, with "!", "-a" and "-o". */
#include <stdlib.h>
#include <string.h>

#include "grub.h"

/* The words that are left. */
struct test {
	char *const *at, *const *end;
	const struct entry_files *files;
};

static bool is_word(const struct test *t, unsigned int i, const char *word)
{
	return (size_t)(t->end - t->at) > i && !strcmp(t->at[i], word);
}

enum comparison { EQUAL, UNEQUAL, LESS, LESS_OR_EQUAL, MORE, MORE_OR_EQUAL };

static const struct operator {
	const char *text;
	enum comparison comparison;
	bool numbers;
} operators[] = {
	{ "=", EQUAL, false }, { "==", EQUAL, false }, { "!=", UNEQUAL, false },
	{ "<", LESS, false }, { "<=", LESS_OR_EQUAL, false }, { ">", MORE, false }, { ">=", MORE_OR_EQUAL, false },
	{ "-eq", EQUAL, true }, { "-ne", UNEQUAL, true }, { "-lt", LESS, true },
	{ "-le", LESS_OR_EQUAL, true }, { "-gt", MORE, true }, { "-ge", MORE_OR_EQUAL, true },
	{ NULL, EQUAL, false },
};

static const struct operator *find_operator(const char *text)
{
	const struct operator *o = operators;

	while (o->text && strcmp(o->text, text) != 0)
		o++;
	return o->text ? o : NULL;
}

static int order_of(const struct operator *o, const char *a, const char *b)
{
	long left, right;

	if (!o->numbers)
		return strcmp(a, b);
	left = strtol(a, NULL, 0);
	right = strtol(b, NULL, 0);
	return (left > right) - (left < right);
}

static bool comparison_holds(const struct operator *o, const char *a, const char *b)
{
	const int order = order_of(o, a, b);

	switch (o->comparison) {
	case EQUAL:
		return order == 0;
	case UNEQUAL:
		return order != 0;
	case LESS:
		return order < 0;
	case LESS_OR_EQUAL:
		return order <= 0;
	case MORE:
		return order > 0;
	case MORE_OR_EQUAL:
		return order >= 0;
	}
	return false;
}

static bool file_exists(const struct test *t, const char *path)
{
	return t->files && t->files->exists(t->files->opaque, grub_skip_device(path));
}

/* "-z TEXT", "-f FILE" and so on */
static bool unary_holds(struct test *t, bool *known)
{
	const char option = t->at[0][0] == '-' && t->at[0][1] && !t->at[0][2] ? t->at[0][1] : '\0';
	const char *word = t->at[1];

	*known = true;
	switch (option) {
	case 'z':
		return !*word;
	case 'n':
		return *word;
	case 'e':
	case 'f':
	case 's':
		return file_exists(t, word);
	case 'd':
		return false;
	default:
		*known = false;
		return false;
	}
}

static bool primary_holds(struct test *t)
{
	const size_t left = (size_t)(t->end - t->at);
	const struct operator *o = left > 2 ? find_operator(t->at[1]) : NULL;
	bool known = false, result = false;

	if (o) {
		result = comparison_holds(o, t->at[0], t->at[2]);
		t->at += 3;
		return result;
	}
	if (left > 1)
		result = unary_holds(t, &known);
	if (known) {
		t->at += 2;
		return result;
	}
	return left && **t->at++;
}

/* "-a" binds closer than "-o". */
static bool all_hold(struct test *t)
{
	bool result = true, inverted, one;

	do {
		for (inverted = false; is_word(t, 0, "!") && t->end - t->at > 1; t->at++)
			inverted = !inverted;
		one = primary_holds(t);
		result &= one != inverted;
	} while (is_word(t, 0, "-a") && t->at++);
	return result;
}

bool grub_test(char *const *words, unsigned int n, const struct entry_files *files, bool *unknown)
{
	struct test t = { words, words + n, files };
	bool result = false;

	do
		result |= all_hold(&t);
	while (is_word(&t, 0, "-o") && t.at++);
	*unknown = t.at != t.end;
	return result && !*unknown;
}
