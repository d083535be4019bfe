/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Rows of hidden files: hidden_table.c has those of this host, hidden_links.c adds the targets of
 * symbolic links, hidden_list.c writes the rules of one shared folder.
 *
 * Threads: as of hidden.h.
 */
#ifndef CVMM_PRIV_HIDDEN_ROWS_H
#define CVMM_PRIV_HIDDEN_ROWS_H

#include <limits.h>
#include <stdbool.h>

enum cvmm_priv_hidden_kind {
	CVMM_PRIV_HIDDEN_SECRET,
	CVMM_PRIV_HIDDEN_SYSTEM,	/* the guest has its own; cannot be shown */
	CVMM_PRIV_HIDDEN_HOMES,
	CVMM_PRIV_HIDDEN_DOTS,	/* of a home: settings, keys and histories */
	CVMM_PRIV_HIDDEN_OWN,		/* a folder of the user: shown if the command uses it */
	CVMM_PRIV_HIDDEN_TEMPORARY,	/* likewise; not in a writable root */
	CVMM_PRIV_HIDDEN_DATA,	/* of this host, except of programs; not in a writable root */
	CVMM_PRIV_HIDDEN_GIVEN,	/* by hide, which has an effect */
};

struct cvmm_priv_hidden_row {
	char *folder;		/* without links */
	char *pattern;
	const char *except;	/* names with spaces between them that are not hidden; or NULL */
	enum cvmm_priv_hidden_kind kind;
};

struct cvmm_priv_hidden {
	struct cvmm_priv_hidden_row *rows;
	unsigned int nrows;
	char **used;
	unsigned int nused, nshown; /* the last ones are those of show */
	bool is_writable;	/* the root */
};

/* The part of a path that follows a folder, or NULL: the path is not in the folder. */
const char *cvmm_priv_hidden_path_below(const char *folder, const char *path);
/* Without links, as far as it exists: the last name may be a pattern. */
int cvmm_priv_hidden_path_split(const char *path, char folder[PATH_MAX], const char **last);

/* The row hides this name of its folder. */
bool cvmm_priv_hidden_row_has(const struct cvmm_priv_hidden_row *row, const char *name);

/* Copies the texts but except. 0 for a folder of which everything is hidden; -ENOMEM. */
int cvmm_priv_hidden_add(struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *row);
/* Rows of this host, and of a home; -ENOMEM. */
int cvmm_priv_hidden_add_table(struct cvmm_priv_hidden *h);
int cvmm_priv_hidden_add_home(struct cvmm_priv_hidden *h, const char *home);
/* Homes of others, in which the command may be. */
int cvmm_priv_hidden_add_other_home(struct cvmm_priv_hidden *h, const char *used);
/* The targets of symbolic links that rows from first on hide, each step of a chain. */
int cvmm_priv_hidden_add_targets(struct cvmm_priv_hidden *h, unsigned int first);

#endif
