/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Destinations of option values: a table parallel to the option table names a
 * member of the program's struct for each option that is only stored. The program
 * handles other options itself.
 *
 *	static const struct prog_place places[] = {
 *		[CPUS] = PROG_PLACE(struct options, cpus),
 *		[VERBOSE] = PROG_PLACE_VERBOSE,
 *	};
 */
#ifndef VMM_BASE_PLACES_H
#define VMM_BASE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/option.h>

struct prog_place {
	enum prog_place_kind {
		PROG_PLACE_NONE,
		PROG_PLACE_TEXT,	/* const char *, points into argv */
		PROG_PLACE_BOOL,
		PROG_PLACE_INT,		/* int, unsigned int or an enum */
		PROG_PLACE_U64,
		PROG_PLACE_OF_LEVEL,	/* prog_log_take() */
		PROG_PLACE_OF_VERBOSE,	/* likewise */
	} kind;
	size_t at;		/* offset in the struct */
};

/* The member's type selects the conversion; other types do not compile. */
#define PROG_PLACE(type, member)					\
	{ _Generic(((type *)0)->member,					\
		   const char *: PROG_PLACE_TEXT,			\
		   bool: PROG_PLACE_BOOL,				\
		   int: PROG_PLACE_INT,					\
		   unsigned int: PROG_PLACE_INT,			\
		   uint64_t: PROG_PLACE_U64), offsetof(type, member) }

/* For the option rows of log.h. */
#define PROG_PLACE_LEVEL { PROG_PLACE_OF_LEVEL, 0 }
#define PROG_PLACE_VERBOSE { PROG_PLACE_OF_VERBOSE, 0 }

/* Stores a value in the struct; false: the row has no destination. */
bool prog_place_store(const struct prog_place *place, void *options,
		      const struct vsu_option_value *value);

#endif
