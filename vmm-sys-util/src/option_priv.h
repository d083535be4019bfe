/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Shared by the parsing of options, the checks of values and the help. */
#ifndef VSU_OPTION_PRIV_H
#define VSU_OPTION_PRIV_H

#include <vmm-sys-util/option.h>

#define VSU_PRIV_MAX_ROWS 256

/* Bytes for the variable part of a message. */
#define VSU_PRIV_PHRASE 160

/* The state of one parse: its arguments, and the rows that were given. */
struct vsu_priv_parse {
	const struct vsu_option *table;
	vsu_option_fn fn;
	void *opaque;
	struct vsu_error *err;
	const char *list;	/* "--disk"; NULL for a command line */
	uint64_t seen[VSU_PRIV_MAX_ROWS / 64];
};

/* option_value.c */

/* Whether messages may refer to --help. */
bool vsu_priv_has_help(const struct vsu_option *table);

/* The row of a name of len bytes, or -ENOENT; rows for operands have none. */
int vsu_priv_find_row(const struct vsu_option *table, const char *name,
		      size_t len);
/* name is without dashes, word as it was typed. */
int vsu_priv_unknown(const struct vsu_priv_parse *p, const char *name,
		     const char *word);
int vsu_priv_missing_value(const struct vsu_priv_parse *p,
			   const struct vsu_option *o, const char *next);
bool vsu_priv_was_seen(const struct vsu_priv_parse *p, unsigned int row);
/* Checks text, which is not NULL, and delivers the row to the caller. */
int vsu_priv_deliver(struct vsu_priv_parse *p, unsigned int row,
		     const char *text);

/* option_help.c */

/* The name of a value in the help and in messages: "PATH", "SIZE". */
const char *vsu_priv_arg_name(const struct vsu_option *o);
/* "1 to 16", "4k to 1T", or "" for a row without limits. */
const char *vsu_priv_limits(const struct vsu_option *o, char *buf,
			    size_t size);

#endif
