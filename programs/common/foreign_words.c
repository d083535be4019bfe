/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finds options of other programs in a command line, and answers them. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <cvmm/option_table.h>
#include <device-kinds/kind.h>
#include <virtio-devices/vhost_user.h>
#include <vmm-sys-util/parse.h>

#include "common/foreign_words.h"

/* The answers found so far, as one sentence. */
struct answers {
	char text[sizeof(((struct vsu_error *)0)->msg)];
	size_t len;
	bool elsewhere;		/* the only one, about the whole line */
};

/* A word of the command line. */
struct word {
	const char *name;
	size_t len;		/* without a value behind "=" */
	const char *value;	/* NULL: none follows */
	bool attached;		/* the value is in the same word */
};

static bool is_option(const char *text)
{
	return text && text[0] == '-' && text[1];
}

static bool has_name(const char *names, const char *name, size_t len)
{
	size_t n;

	for (; *names; names += n + (names[n] == ' ')) {
		n = strcspn(names, " ");
		if (n == len && !memcmp(names, name, n))
			return true;
	}
	return false;
}

static const struct vmm_foreign_word *find_row(const struct vmm_foreign_word *row, const struct word *w)
{
	char out[VMM_FOREIGN_TEXT];

	for (; row->theirs; row++)
		if (has_name(row->theirs, w->name, w->len) &&
		    (!row->is_other || !row->is_other(w->value ? w->value : "", out)))
			return row;
	return NULL;
}

/* "-v/src": a letter, and a value that does not look like the rest of a name. */
static bool split_letter(struct word *w)
{
	const char c = w->name[2];

	if (w->name[1] == '-' || w->len < 3 || (c >= 'a' && c <= 'z'))
		return false;
	w->value = w->name + 2;
	w->len = 2;
	w->attached = true;
	return true;
}

static struct word word_at(const char *text, const char *next)
{
	struct word w = { .name = text, .len = strcspn(text, "=") };
	const bool is_long = !strncmp(text, "--", 2);

	w.attached = text[w.len] && is_long;
	if (!is_long)
		w.len = strlen(text);
	w.value = w.attached ? text + w.len + 1 : is_option(next) ? NULL : next;
	return w;
}

/* The row of the table that has this name. */
static const struct vsu_option *find_ours(const struct vsu_option *o, const struct word *w)
{
	for (; o->name; o++)
		if (o->kind != VSU_OPTION_OPERAND &&
		    ((w->len == strlen(o->name) + 2 && !memcmp(w->name, "--", 2) &&
		      !memcmp(w->name + 2, o->name, w->len - 2)) ||
		     (w->len == 2 && o->letter && w->name[1] == o->letter)))
			return o;
	return NULL;
}

/* ------------------------------------------------------------------ values */

static bool copy_item(const char *item, size_t len, char out[VMM_FOREIGN_TEXT])
{
	snprintf(out, VMM_FOREIGN_TEXT, "%.*s", (int)(len < VMM_FOREIGN_TEXT ? len : 0), item);
	return *out;
}

bool vmm_foreign_item(const char *list, const char *keys, char out[VMM_FOREIGN_TEXT])
{
	const char *item = list;
	size_t len, key;

	for (; *item; item += len + (item[len] == ',')) {
		len = strcspn(item, ",");
		key = strcspn(item, "=,");
		if (key < len && has_name(keys, item, key))
			return copy_item(item + key + 1, len - key - 1, out);
	}
	len = strcspn(list, ",");
	return !memchr(list, '=', len) && copy_item(list, len, out);
}

bool vmm_foreign_memory(const char *value, char out[VMM_FOREIGN_TEXT])
{
	const uint64_t mib = 1 << 20;
	uint64_t n;

	if (!vmm_foreign_item(value, "size", out))
		return false;
	if (!vsu_parse_u64(out, &n) && n < mib)
		snprintf(out, VMM_FOREIGN_TEXT, "%" PRIu64 "M", n);
	return !vsu_parse_size(out, &n);
}

/* ----------------------------------------------------------------- answers */

/* The row's text, in which the value stands. */
static void fill_in(const struct vmm_foreign_word *row, const char *value, char out[VMM_FOREIGN_TEXT])
{
	char converted[VMM_FOREIGN_TEXT];
	const char *text = row->ours, *put = row->value ? row->value : "";
	size_t used = 0;

	if (row->value && value && *value && (!row->convert || row->convert(value, converted)))
		put = row->convert ? converted : value;
	for (; *text && used < VMM_FOREIGN_TEXT - 1; text++) {
		if (*text == '%')
			used += (size_t)snprintf(out + used, VMM_FOREIGN_TEXT - used, "%s", put);
		else
			out[used++] = *text;
		if (used >= VMM_FOREIGN_TEXT)
			used = VMM_FOREIGN_TEXT - 1;
	}
	out[used] = '\0';
}

/* The first answer always has room; others only as a whole. */
static void add_answer(struct answers *a, const struct word *w, const char *text)
{
	const size_t room = sizeof(a->text) - a->len;
	char sentence[VMM_FOREIGN_TEXT + 128];
	const int n = snprintf(sentence, sizeof(sentence), "%s'%.*s'%s %s%s", a->len ? "; " : "unknown option ",
			       (int)(w->len < 64 ? w->len : 64), w->name, a->len ? ":" : ";",
			       *text == '-' ? "write " : "", text);

	if (a->len && (size_t)n >= room)
		return;
	snprintf(a->text + a->len, room, "%.*s", (int)room - 1, sentence);
	a->len = strlen(a->text);
}

/* "--gpu" or "--blk": a kind of device without an option of its own. */
static bool answer_device(struct answers *a, const struct word *w)
{
	const char *name = w->name + 2;
	const struct devkind *kind;
	char text[VMM_FOREIGN_TEXT];

	if (w->len < 3 || memcmp(w->name, "--", 2) != 0)
		return false;
	kind = devkind_find(name, w->len - 2);
	if (kind)
		snprintf(text, sizeof(text), "--%s=PROPERTIES", cvmm_option_of_kind(kind->name));
	else if (virtdev_vhost_user_id_of(name, w->len - 2))
		snprintf(text, sizeof(text), "--device=%.*s,backend=user:SOCKET", (int)w->len - 2, name);
	else
		return false;
	add_answer(a, w, text);
	return true;
}

/* Returns the number of words that the option has, or 0 for one that nobody knows. */
static int answer_word(struct answers *a, const struct vmm_foreign_word *rows,
		       const struct vsu_option *table, struct word *w)
{
	static const struct word device = { "--device", sizeof("--device") - 1, NULL, false };
	const struct vmm_foreign_word *row = find_row(rows, w);
	char text[VMM_FOREIGN_TEXT];

	if (!row && split_letter(w))
		row = find_row(rows, w);
	if (row) {
		fill_in(row, w->value, text);
		if (row->elsewhere)
			*a = (struct answers){ .elsewhere = true };
		add_answer(a, w, text);
		return row->value && w->value && !w->attached ? 2 : 1;
	}
	return find_ours(table, &device) && answer_device(a, w) ? 1 : 0;
}

/* "1.5" as percents of a processor; 0: not such a number. */
static uint64_t percents_of(const char *value)
{
	char digits[8] = "", tail[3] = "00";
	const size_t whole = strspn(value, "0123456789");
	const size_t part = value[whole] == '.' ? strspn(value + whole + 1, "0123456789") : 0;
	uint64_t n;

	if (!part || value[whole + 1 + part] || whole > 2)
		return 0;
	memcpy(tail, value + whole + 1, part > 2 ? 2 : part);
	snprintf(digits, sizeof(digits), "%.*s%s", (int)whole, value, tail);
	return vsu_parse_u64(digits, &n) < 0 ? 0 : n;
}

/* Our option with a value that others accept: a part of a processor. */
static void answer_value(struct answers *a, const struct vsu_option *ours, const struct word *w)
{
	const uint64_t percents = w->value && !strcmp(ours->name, "cpus") ? percents_of(w->value) : 0;

	if (!percents || a->len)
		return;
	snprintf(a->text, sizeof(a->text), "option --cpus: '%s' is not a whole number of processors; write --cpus=%" PRIu64 ", and before the command line 'systemd-run --scope -p CPUQuota=%" PRIu64 "%%' limits its time on them",
		 w->value, (percents + 99) / 100, percents);
	a->len = strlen(a->text);
}

/* How many words our option has. The next word is its value unless it is an option of ours. */
static int pass_option(struct answers *a, const struct vsu_option *table,
		       const struct vsu_option *ours, struct word *w, const char *next)
{
	struct word other;

	if (ours->kind == VSU_OPTION_FLAG)
		return 1;
	if (!w->attached && is_option(next)) {
		other = word_at(next, NULL);
		w->value = find_ours(table, &other) || !strcmp(next, "--") ? NULL : next;
	} else if (!w->attached) {
		w->value = next;
	}
	answer_value(a, ours, w);
	return w->attached || !w->value ? 1 : 2;
}

/*
 * Options that widen the rights of a guest or of its machine. A user who has misspelled another word
 * would follow the guess.
 */
static const char *const widening[] = { "rw", "show" };

static void forget_guess(struct vsu_error *err)
{
	static const char guess[] = "; did you mean '--";
	const struct vsu_error why = *err;
	const char *at = strstr(why.msg, guess), *name = at ? at + strlen(guess) : "";
	const size_t len = strcspn(name, "'");
	unsigned int i;

	for (i = 0; i < sizeof(widening) / sizeof(widening[0]); i++)
		if (strlen(widening[i]) == len && !memcmp(widening[i], name, len))
			vsu_error_set(err, why.code, "%.*s; try --help for the list of options",
				      (int)(at - why.msg), why.msg);
}

void vmm_foreign_explain(const struct vmm_foreign_word *rows, const struct vsu_option *table,
			 int argc, char *const *argv, bool operands, struct vsu_error *err)
{
	struct answers a = { .len = 0 };
	const struct vsu_option *ours;
	struct word w;
	int i, used;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0 && !a.elsewhere; i += used) {
		used = 1;
		if (!is_option(argv[i]) && operands)
			break;
		if (!is_option(argv[i]))
			continue;
		w = word_at(argv[i], argv[i + 1]);
		ours = find_ours(table, &w);
		if (ours)
			used = pass_option(&a, table, ours, &w, argv[i + 1]);
		else
			used = answer_word(&a, rows, table, &w);
		if (!used && operands)
			break;	/* whether a value follows is unknown */
		used = used ? used : 1;
	}
	if (a.len)
		vsu_error_set(err, -ENOENT, "%s", a.text);
	else if (err)
		forget_guess(err);
}
