/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines and "key=value,..." lists from one table.
 *
 * A table row describes one option: its name, what it takes, a sentence for
 * the help text. Parser, help text, error sentences and the suggestion for a
 * mistyped name all come from the table. Nothing is printed here; a program
 * prints the text it is given.
 *
 * Rules: "--name=value" and "--name value" are the same; a flag takes no
 * value, and may have a letter, "-n"; "--" ends the options; an option that
 * may not repeat is refused the second time. A value that has the form of an
 * option of the table needs the form with "=". In a list "a=1,b=2" a comma
 * inside a value is doubled; a flag or choice without "=" is the same as
 * key=on, other keys must have a value. A table has at most 256 rows.
 *
 * Operands, the words that are no options, may stand between the options and
 * are delivered to the rows of the kind VSU_OPTION_OPERAND, in order. "-" is
 * an operand.
 *
 * Rows of the kind VSU_OPTION_ALIAS stand last. They are delivered as the row that
 * they name, and appear neither in the help text nor in suggestions. An alias whose
 * name an earlier row has is without effect.
 *
 * Threads: a table is constant and shareable; parsing touches only its
 * arguments.
 */
#ifndef VMM_SYS_UTIL_OPTION_H
#define VMM_SYS_UTIL_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

enum vsu_option_kind {
	VSU_OPTION_FLAG,	/* --name; in a list: name, name=on, name=off */
	VSU_OPTION_STRING,	/* kept as it is */
	VSU_OPTION_U64,		/* vsu_parse_u64(), within [min, max] */
	VSU_OPTION_SIZE,	/* vsu_parse_size(), within [min, max] */
	VSU_OPTION_CHOICE,	/* one of choices; value.number is its index */
	VSU_OPTION_OPERAND,	/* a word of a command line; name is the help's */
	VSU_OPTION_ALIAS,	/* another name of the row that arg names */
};

/*
 * One row. Fixed layout. Fill it by member names: what is left out is 0, which is
 * right for whatever a row does not need.
 */
struct vsu_option {
	const char *name;	/* without dashes; NULL ends the table */
	enum vsu_option_kind kind;
	const char *arg;	/* what the help calls the value: "PATH" */
	const char *help;	/* one line, no full stop */
	uint64_t min, max;	/* of numbers and sizes; both 0: no limits */
	const char *const *choices; /* NULL-terminated, of a CHOICE */
	bool repeat;		/* may be given more than once */
	char letter;		/* of a FLAG: 'h' for "-h"; 0: none */
	const char *preset;	/* for the help: the value without it, or NULL */
	const char *example;	/* for the help: a value, as in "1G", or NULL */
};

/* The rows that every program has; they are the same in all of them. */
#define VSU_OPTION_ROW_HELP \
	{ "help", VSU_OPTION_FLAG, NULL, "show this help and end", 0, 0, NULL, \
	  false, 'h', NULL, NULL }
#define VSU_OPTION_ROW_VERSION \
	{ "version", VSU_OPTION_FLAG, NULL, "show the version and end", 0, 0, \
	  NULL, false, 'V', NULL, NULL }

/* Fixed layout. */
struct vsu_option_value {
	const char *text;	/* as typed; lives as long as the input */
	uint64_t number;	/* a flag (0, 1), number, size, choice index */
};

/*
 * Called for each option in order. index is its row in the table. Returns 0
 * or a negative errno, with its sentence in *err, to stop.
 */
typedef int (*vsu_option_fn)(void *opaque, unsigned int index,
			     const struct vsu_option_value *value,
			     struct vsu_error *err);

/*
 * Parses argv[1..]. operands is NULL where operands may stand anywhere and
 * are delivered to rows; otherwise parsing ends at the first operand, and
 * *operands is its index, argc when there is none: for programs whose first
 * operand is a command with options of its own. Fails with
 *
 *   -ENOENT  an unknown option (the sentence names the nearest one), or more
 *            operands than the rows take
 *   -EINVAL  a value that is missing, superfluous, malformed or out of range
 *   or what fn answered.
 */
VSU_API int vsu_option_parse_argv(const struct vsu_option *table, int argc,
				  char *const *argv, vsu_option_fn fn,
				  void *opaque, int *operands,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * Parses "key=value,key=value". Values are copied into scratch (at least
 * strlen(list) + 1 bytes), which must live as long as the values are used.
 * what is the name of the list in sentences: "--disk".
 */
VSU_API int vsu_option_parse_list(const struct vsu_option *table,
				  const char *what, const char *list,
				  char *scratch, size_t scratch_size,
				  vsu_option_fn fn, void *opaque,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * One pair of such a list; value is as it is meant, without doubled commas,
 * and is delivered as it is.
 */
VSU_API int vsu_option_parse_pair(const struct vsu_option *table,
				  const char *what, const char *key,
				  const char *value, vsu_option_fn fn,
				  void *opaque, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Writes the help lines of the table, aligned, into buf. Returns the length
 * that all of it takes (as snprintf does).
 */
VSU_API size_t vsu_option_help(const struct vsu_option *table, char *buf,
			       size_t size);

/* The same for the keys of a list: "size=SIZE" for "--size=SIZE". */
VSU_API size_t vsu_option_help_list(const struct vsu_option *table, char *buf,
				    size_t size);

VSU_END_DECLS

#endif
