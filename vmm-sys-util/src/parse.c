/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Parses numbers, sizes, times, truth values and addresses, and finds the nearest name. The
 * result does not depend on the locale.
 */
#include <config.h>

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <vmm-sys-util/checked.h>
#include <vmm-sys-util/parse.h>

#include "nearest.h"

static int char_lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

/* The value of a digit of that base, or a number that is not below it. */
static unsigned int digit_value(char c, unsigned int base)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (base == 16 && char_lower(c) >= 'a' && char_lower(c) <= 'f')
		return (unsigned int)(char_lower(c) - 'a' + 10);
	return base;
}

/* Reads digits up to the first other character, which *end points to. */
static int parse_digits(const char *text, const char **end, uint64_t *value)
{
	unsigned int base = 10;
	uint64_t sum = 0;
	bool over = false;
	const char *p = text;

	if (p[0] == '0' && (p[1] == 'x' || p[1] == 'X')) {
		base = 16;
		p += 2;
	}
	if (digit_value(*p, base) >= base)
		return -EINVAL;
	for (; digit_value(*p, base) < base; p++)
		over = over || vsu_u64_mul_overflow(sum, base, &sum) ||
		       vsu_u64_add_overflow(sum, digit_value(*p, base), &sum);
	*end = p;
	*value = sum;
	return over ? -ERANGE : 0;
}

int vsu_parse_u64(const char *text, uint64_t *value)
{
	const char *end = "";
	uint64_t number = 0;
	int rc = parse_digits(text, &end, &number);

	if (rc == -EINVAL || *end)
		return -EINVAL;
	if (!rc)
		*value = number;
	return rc;
}

static const char units[] = "kMGTPE";	/* each is 2^10 times the previous one */

static bool is_bytes(const char *suffix)
{
	return char_lower(*suffix) == 'b' && !suffix[1];
}

/* The power of two of a suffix; -EINVAL for another suffix. */
static int suffix_shift(const char *suffix)
{
	int i;

	if (!*suffix || is_bytes(suffix))
		return 0;
	for (i = 0; units[i]; i++)
		if (char_lower(*suffix) == char_lower(units[i]) &&
		    (!suffix[1] || is_bytes(suffix + 1) ||
		     (char_lower(suffix[1]) == 'i' && is_bytes(suffix + 2))))
			return 10 * (i + 1);
	return -EINVAL;
}

/* A decimal fraction, 0 <= part < whole. */
struct fraction {
	uint64_t part, whole;
};

/* Sufficient to distinguish single bytes of an exabyte; twice this number fits 64 bits. */
#define FRACTION_MAX UINT64_C(1000000000000000000)

/* Parses the digits after a point and ignores those beyond the limit. */
static void parse_fraction(const char **text, struct fraction *f)
{
	f->part = 0;
	f->whole = 1;
	for (; digit_value(**text, 10) < 10; ++*text) {
		if (f->whole >= FRACTION_MAX)
			continue;
		f->part = f->part * 10 + digit_value(**text, 10);
		f->whole *= 10;
	}
}

/* That fraction of 2^shift bytes, rounded to the nearest byte. */
static uint64_t fraction_bytes(struct fraction f, int shift)
{
	uint64_t bytes = 0;

	while (shift--) {
		f.part *= 2;
		bytes = bytes * 2 + (f.part >= f.whole);
		if (f.part >= f.whole)
			f.part -= f.whole;
	}
	return bytes + (f.part * 2 >= f.whole);
}

/* A hexadecimal number has no fraction, and "." alone is no number. */
static int parse_decimal(const char *text, const char **end, uint64_t *number,
			 struct fraction *f)
{
	bool hex = text[0] == '0' && char_lower(text[1]) == 'x';
	int rc = parse_digits(text, end, number);

	if (rc == -EINVAL && *text == '.' && digit_value(text[1], 10) < 10) {
		*number = 0;
		*end = text;
		rc = 0;
	}
	if (rc == -EINVAL || hex || **end != '.')
		return rc;
	++*end;
	parse_fraction(end, f);
	return rc;
}

int vsu_parse_size(const char *text, uint64_t *value)
{
	struct fraction f = { 0, 1 };
	const char *end = "";
	uint64_t number = 0;
	int rc = parse_decimal(text, &end, &number, &f);
	int shift = suffix_shift(end);

	if (rc == -EINVAL || shift < 0 || (f.part && !shift))
		return -EINVAL;
	if (rc < 0 || vsu_u64_mul_overflow(number, UINT64_C(1) << shift, &number) ||
	    vsu_u64_add_overflow(number, fraction_bytes(f, shift), &number))
		return -ERANGE;
	*value = number;
	return 0;
}

/* A fraction of this number of parts, multiplied by the milliseconds of a day, fits 64 bits. */
#define TIME_FRACTION_MAX UINT64_C(1000000000)

static const struct time_unit {
	const char *name;
	uint64_t ms;
} time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 },
	{ "min", 60000 }, { "sec", 1000 },
};

/* The milliseconds of the unit of len letters, or 0. */
static uint64_t unit_of_time(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < sizeof(time_units) / sizeof(time_units[0]); i++)
		if (strlen(time_units[i].name) == len && !memcmp(time_units[i].name, name, len))
			return time_units[i].ms;
	return 0;
}

static uint64_t fraction_ms(struct fraction f, uint64_t unit_ms)
{
	for (; f.whole > TIME_FRACTION_MAX; f.whole /= 10)
		f.part /= 10;
	return (f.part * unit_ms + f.whole / 2) / f.whole;
}

/* Adds one number with its unit to *ms. With unit_ms, the unit may be absent. */
static int parse_part(const char **text, uint64_t unit_ms, uint64_t *ms)
{
	struct fraction f = { 0, 1 };
	const char *end = "";
	uint64_t number = 0, unit = unit_ms;
	int rc = parse_decimal(*text, &end, &number, &f);
	const size_t len = strspn(end, "dhinmsec");

	if (len || !unit_ms)
		unit = unit_of_time(end, len);
	if (rc == -EINVAL || !unit)
		return -EINVAL;
	*text = end + len;
	if (rc < 0 || vsu_u64_mul_overflow(number, unit, &number) ||
	    vsu_u64_add_overflow(number, fraction_ms(f, unit), &number) ||
	    vsu_u64_add_overflow(*ms, number, ms))
		return -ERANGE;
	return 0;
}

int vsu_parse_time(const char *text, uint64_t unit_ms, uint64_t *ms)
{
	uint64_t sum = 0;
	int rc = parse_part(&text, unit_ms, &sum), part;

	while (rc != -EINVAL && *text) {
		/* A number without a unit must be the only one. */
		part = strchr("0123456789.", text[-1]) ? -EINVAL : parse_part(&text, 0, &sum);
		rc = part < 0 ? part : rc;
	}
	if (!rc)
		*ms = sum;
	return rc;
}

int vsu_parse_bool(const char *text, bool *value)
{
	static const char *const words[] = {
		"off", "on", "no", "yes", "false", "true", "n", "y",
	};
	unsigned int i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]))
			continue;
		*value = i & 1;
		return 0;
	}
	return -EINVAL;
}

const char *vsu_format_size(uint64_t value, char *buf, size_t size)
{
	int unit = -1;

	while (value && !(value & 1023) && units[unit + 1]) {
		value >>= 10;
		unit++;
	}
	if (unit < 0)
		snprintf(buf, size, "%" PRIu64, value);
	else
		snprintf(buf, size, "%" PRIu64 "%c", value, units[unit]);
	return buf;
}

const char *vsu_format_time(uint64_t ms, char *buf, size_t size)
{
	unsigned int i = 0;

	while (ms % time_units[i].ms)
		i++;
	snprintf(buf, size, "%" PRIu64 "%s", ms / time_units[i].ms, ms ? time_units[i].name : "s");
	return buf;
}

/* Longer words get no suggestion. */
#define WORD_MAX 48

/* Case and the kind of dash do not count as mistakes. */
static int char_folded(char c)
{
	return c == '_' ? '-' : char_lower(c);
}

static unsigned int least(unsigned int a, unsigned int b)
{
	return a < b ? a : b;
}

/*
 * The number of inserted, omitted and changed letters and of swapped neighbours. Three rows
 * of the table are sufficient: prev2 for a swap, prev and row.
 */
static unsigned int edits(const char *a, size_t alen, const char *b,
			  size_t blen)
{
	unsigned int rows[3][WORD_MAX + 1];
	unsigned int *prev2, *prev, *row;
	size_t i, j;

	for (j = 0; j <= blen; j++)
		rows[0][j] = (unsigned int)j;
	for (i = 1; i <= alen; i++) {
		row = rows[i % 3];
		prev = rows[(i + 2) % 3];
		prev2 = rows[(i + 1) % 3];
		row[0] = (unsigned int)i;
		for (j = 1; j <= blen; j++) {
			row[j] = least(prev[j], row[j - 1]) + 1;
			row[j] = least(row[j], prev[j - 1] +
				       (char_folded(a[i - 1]) != char_folded(b[j - 1])));
			if (i > 1 && j > 1 &&
			    char_folded(a[i - 1]) == char_folded(b[j - 2]) &&
			    char_folded(a[i - 2]) == char_folded(b[j - 1]))
				row[j] = least(row[j], prev2[j - 2] + 1);
		}
	}
	return rows[alen % 3][blen];
}

unsigned int vsu_priv_distance(const char *word, const char *name)
{
	size_t wlen = strnlen(word, WORD_MAX + 1);
	size_t nlen = strnlen(name, WORD_MAX + 1);
	unsigned int distance;

	/* A single letter is the beginning of too many names. */
	if (wlen < 2 || wlen > WORD_MAX || nlen > WORD_MAX)
		return VSU_PRIV_FAR;
	distance = edits(word, wlen, name, nlen);
	if (distance <= (wlen + 1) / 3)
		return distance;
	/* A word that is the beginning of a name is less similar than any mistyped one. */
	return strncmp(word, name, wlen) ? VSU_PRIV_FAR : WORD_MAX;
}

const char *vsu_nearest(const char *word, const char *const *names)
{
	unsigned int distance, best = VSU_PRIV_FAR;
	const char *nearest = NULL;

	for (; *names; names++) {
		distance = vsu_priv_distance(word, *names);
		if (distance >= best)
			continue;
		best = distance;
		nearest = *names;
	}
	return nearest;
}

bool vsu_is_ipv4(const char *text)
{
	struct in_addr a;

	return inet_pton(AF_INET, text, &a) == 1;
}

bool vsu_is_ipv4_prefixed(const char *text)
{
	const size_t len = strcspn(text, "/");
	char address[INET_ADDRSTRLEN];
	uint64_t bits;

	if (len >= sizeof(address) || text[len] != '/')
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	return vsu_is_ipv4(address) && !vsu_parse_u64(text + len + 1, &bits) && bits >= 1 && bits <= 32;
}
