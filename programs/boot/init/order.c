/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The order of a menu: the UAPI group's Boot Loader Specification and Version Format Specification. */
#include <string.h>

#include "entry.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_separators(const char *at)
{
	while (*at && !is_digit(*at) && !is_letter(*at) && !strchr("-.~^", *at))
		at++;
	return at;
}

/* Numbers of any length. */
static int compare_numbers(const char **a, const char **b)
{
	size_t na, nb;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	na = strspn(*a, "0123456789");
	nb = strspn(*b, "0123456789");
	order = na != nb ? (na > nb) - (na < nb) : memcmp(*a, *b, na);
	*a += na;
	*b += nb;
	return order;
}

static int compare_letters(const char **a, const char **b)
{
	while (is_letter(**a) && **a == **b) {
		(*a)++;
		(*b)++;
	}
	if (is_letter(**a) && is_letter(**b))
		return **a > **b ? 1 : -1;
	return is_letter(**a) - is_letter(**b);
}

/* -1, 0 or 1 if one or both begin with a mark, which is then skipped; order is that of the one with it. */
static int compare_mark(const char **a, const char **b, char mark, int order)
{
	const bool in_a = **a == mark, in_b = **b == mark;

	if (in_a != in_b)
		return in_a ? order : -order;
	*a += in_a;
	*b += in_b;
	return 0;
}

/* The end of a version is below all but "~". */
static int compare_marks(const char **a, const char **b)
{
	static const struct { char mark; int order; } rows[] = { { '-', -1 }, { '^', 1 }, { '.', -1 } };
	int order = compare_mark(a, b, '~', -1);
	unsigned int i;

	if (!order && (!**a || !**b))
		return (**a != '\0') - (**b != '\0');
	for (i = 0; !order && i < sizeof(rows) / sizeof(rows[0]); i++)
		order = compare_mark(a, b, rows[i].mark, rows[i].order);
	return order;
}

int entry_compare_versions(const char *a, const char *b)
{
	int order = 0;

	while (!order) {
		a = skip_separators(a);
		b = skip_separators(b);
		if (!*a && !*b)
			return 0;
		order = compare_marks(&a, &b);
		if (order)
			break;
		order = is_digit(*a) || is_digit(*b) ? compare_numbers(&a, &b) : compare_letters(&a, &b);
	}
	return order;
}

/* The length of "+LEFT" or "+LEFT-DONE", which is the rest of a name; 0: it is another text. */
static size_t count_length(const char *plus)
{
	const size_t left = strspn(plus + 1, "0123456789");
	const char *at = plus + 1 + left;
	size_t done;

	if (left && *at == '-') {
		done = strspn(at + 1, "0123456789");
		at += done ? done + 1 : 0;
	}
	return left && !*at ? (size_t)(at - plus) : 0;
}

size_t entry_uncounted(const char *name, bool *failed)
{
	const char *plus = strrchr(name, '+');

	*failed = false;
	if (!plus || !count_length(plus))
		return strlen(name);
	*failed = strspn(plus + 1, "0") == strspn(plus + 1, "0123456789");
	return (size_t)(plus - name);
}

int entry_compare(const struct entry *a, const char *a_name, const struct entry *b, const char *b_name)
{
	bool a_failed, b_failed;
	int order = 0;

	entry_uncounted(a_name, &a_failed);
	entry_uncounted(b_name, &b_failed);
	if (a_failed != b_failed)
		return a_failed - b_failed;
	if (!a->sort_key[0] != !b->sort_key[0])
		return a->sort_key[0] ? -1 : 1;
	if (a->sort_key[0])
		order = strcmp(a->sort_key, b->sort_key);
	if (!order && a->sort_key[0])
		order = strcmp(a->machine_id, b->machine_id);
	if (!order && a->sort_key[0])
		order = -entry_compare_versions(a->version, b->version);
	return order ? order : -entry_compare_versions(a_name, b_name);
}
