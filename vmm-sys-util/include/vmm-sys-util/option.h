/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Command lines and "key=value,..." lists from one table.
 *
 * A table row describes one option: its name, the kind of its value and a line
 * of the help text. Parsing, help text, error messages and the suggestion for a
 * mistyped name use the same table. The library prints nothing: it returns the
 * texts, and the program prints them. A table has at most 256 rows.
 *
 * Command line: "--name=value" and "--name value" are the same. A flag takes no
 * value and can have a letter, as in "-n". "--" ends the options. An option
 * without repeat is refused the second time. If a value looks like an option of
 * the table, write "--name=value": "--name" followed by it is refused.
 *
 * List, "a=1,b=2": a comma inside a value is doubled. A flag or choice without
 * "=" means key=on; other keys require a value.
 *
 * Operands are the words that do not begin with "-", and "-" itself. They can be
 * mixed with options and are delivered to the VSU_OPTION_OPERAND rows in order.
 *
 * Aliases (VSU_OPTION_ALIAS) are the last rows of a table. They are delivered as
 * the row that they name, and are absent from help text and suggestions. If an
 * earlier row has the same name, the alias has no effect.
 *
 * Threads: a table is constant and shareable; parsing has no other state than
 * its arguments.
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
	VSU_OPTION_TIME,	/* vsu_parse_time(), of seconds; value.number, min and max
				   are in milliseconds */
	VSU_OPTION_TIME_MS,	/* as VSU_OPTION_TIME; a number without a unit is milliseconds */
};

/*
 * One row. Fixed layout. Initialize it by member names: an omitted member is 0,
 * which means that the row does not use it.
 */
struct vsu_option {
	const char *name;	/* without dashes; NULL ends the table */
	enum vsu_option_kind kind;
	const char *arg;	/* name of the value in the help: "PATH" */
	const char *help;	/* one line, no full stop; a flag with NULL shares that of
				   the next row */
	uint64_t min, max;	/* of numbers, sizes and times; both 0: no limits */
	const char *const *choices; /* NULL-terminated, of a CHOICE */
	bool repeat;		/* may be given more than once */
	char letter;		/* of a FLAG: 'h' for "-h"; 0: none */
	const char *preset;	/* for the help: the default value, or NULL */
	const char *example;	/* for the help: a value, as in "1G", or NULL */
};

/* Rows for the options that all programs have in common. */
#define VSU_OPTION_ROW_HELP \
	{ "help", VSU_OPTION_FLAG, NULL, "show this help and end", 0, 0, NULL, \
	  false, 'h', NULL, NULL }
#define VSU_OPTION_ROW_VERSION \
	{ "version", VSU_OPTION_FLAG, NULL, "show the version and end", 0, 0, \
	  NULL, false, 'V', NULL, NULL }

/* Fixed layout. */
struct vsu_option_value {
	const char *text;	/* as typed; lives as long as the input */
	uint64_t number;	/* a flag (0, 1), number, size, milliseconds, choice index */
};

/*
 * Called for each option in order. index is its row in the table. Returns 0 to
 * continue, or a negative errno with the message in *err to stop.
 */
typedef int (*vsu_option_fn)(void *opaque, unsigned int index,
			     const struct vsu_option_value *value,
			     struct vsu_error *err);

/*
 * Parses argv[1..]. If operands is NULL, operands are delivered to their rows.
 * Otherwise parsing ends at the first operand, and *operands is its index, or
 * argc without an operand: for programs whose first operand is a command with
 * options of its own. Fails with the result of fn, or with
 *
 *   -ENOENT  an unknown option (the message names the nearest one, or --help
 *            if the table has it), or more operands than the rows accept
 *   -EINVAL  a value that is missing, superfluous, malformed or out of range
 */
VSU_API int vsu_option_parse_argv(const struct vsu_option *table, int argc,
				  char *const *argv, vsu_option_fn fn,
				  void *opaque, int *operands,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * Parses "key=value,key=value". Values are copied into scratch (at least
 * strlen(list) + 1 bytes), which must live as long as the values are used.
 * Messages name the list by what: "--disk".
 */
VSU_API int vsu_option_parse_list(const struct vsu_option *table,
				  const char *what, const char *list,
				  char *scratch, size_t scratch_size,
				  vsu_option_fn fn, void *opaque,
				  struct vsu_error *err) VSU_NODISCARD;

/*
 * Parses one pair of such a list. value is delivered unchanged: its commas are
 * not doubled.
 */
VSU_API int vsu_option_parse_pair(const struct vsu_option *table,
				  const char *what, const char *key,
				  const char *value, vsu_option_fn fn,
				  void *opaque, struct vsu_error *err)
	VSU_NODISCARD;

/*
 * Writes the help lines of the table, aligned, into buf. Returns the length of
 * the whole text, also if buf is too small (as snprintf does).
 */
VSU_API size_t vsu_option_help(const struct vsu_option *table, char *buf,
			       size_t size);

/* Writes the help lines of the keys of a list: "size=SIZE" for "--size=SIZE". */
VSU_API size_t vsu_option_help_list(const struct vsu_option *table, char *buf,
				    size_t size);

VSU_END_DECLS

#endif
