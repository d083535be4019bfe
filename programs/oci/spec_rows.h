/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The members of the runtime specification as a table: the form of a member's path, the kind of its
 * value, and its place in a struct.
 *
 * Threads: constants.
 */
#ifndef OCI_SPEC_ROWS_H
#define OCI_SPEC_ROWS_H

#include <stddef.h>

/* Elements of a list of objects or numbers: an array with its number of elements. */
struct oci_array {
	const char *name;	/* for messages: "mounts" */
	size_t items, n;	/* offsets, in the struct or in an element of outer */
	size_t size;		/* bytes of an element */
	unsigned int max;
	const struct oci_array *outer;
	const void *preset;	/* of a new element; NULL: zero */
};

enum oci_kind {
	OCI_TEXT,
	OCI_BOOL,
	OCI_U32,
	OCI_U64,
	OCI_I32,
	OCI_I64,
	OCI_CHOICE,		/* an int: the index in choices */
	OCI_LIST,		/* one of the words of a struct oci_list */
	OCI_PAIR,		/* one of a struct oci_pairs: its name is what * stands for */
	OCI_CAPABILITY,		/* one of the names of a set */
	OCI_SATISFIED,		/* a machine is as the member requires, whatever its value */
	OCI_REFUSED,		/* unless its value is that of an absent member */
};

struct oci_row {
	const char *form;	/* # is an index; * at the end is one or more names */
	enum oci_kind kind;
	size_t at;		/* offset in the struct, or in an element of array */
	const struct oci_array *array;
	const char *const *choices;
	const char *why;	/* of OCI_REFUSED: behind the name */
};

/* A form of NULL ends them. */
extern const struct oci_row oci_rows[];

/* Names, indexed by their enums; a NULL ends them. */
extern const char *const oci_action_names[], *const oci_operator_names[];

/* Names without "CAP_", indexed by their numbers. */
extern const char *const oci_capability_names[];

#endif
