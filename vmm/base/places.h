/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Destinations of option values: a table parallel to the option table names a
 * member of the program's struct for each option that is only stored. The program
 * handles other options itself.
 *
 *	static const struct vmm_place places[] = {
 *		[CPUS] = VMM_PLACE(struct options, cpus),
 *		[VERBOSE] = VMM_PLACE_VERBOSE,
 *	};
 */
#ifndef VMM_BASE_PLACES_H
#define VMM_BASE_PLACES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/option.h>

struct vmm_place {
	enum vmm_place_kind {
		VMM_PLACE_NONE,
		VMM_PLACE_TEXT,	/* const char *, points into argv */
		VMM_PLACE_BOOL,
		VMM_PLACE_INT,		/* int, unsigned int or an enum */
		VMM_PLACE_U64,
		VMM_PLACE_OF_LEVEL,	/* vmm_log_take() */
		VMM_PLACE_OF_VERBOSE,	/* likewise */
	} kind;
	size_t at;		/* offset in the struct */
};

/* The member's type selects the conversion; other types do not compile. */
#define VMM_PLACE(type, member)					\
	{ _Generic(((type *)0)->member,					\
		   const char *: VMM_PLACE_TEXT,			\
		   bool: VMM_PLACE_BOOL,				\
		   int: VMM_PLACE_INT,					\
		   unsigned int: VMM_PLACE_INT,			\
		   uint64_t: VMM_PLACE_U64), offsetof(type, member) }

/* For the option rows of log.h. */
#define VMM_PLACE_LEVEL { VMM_PLACE_OF_LEVEL, 0 }
#define VMM_PLACE_VERBOSE { VMM_PLACE_OF_VERBOSE, 0 }

/* Stores a value in the struct; false: the row has no destination. */
bool vmm_place_store(const struct vmm_place *place, void *options,
		     const struct vsu_option_value *value);

/* Reads it from there; false: the row has no destination, or nothing but 0 or NULL was stored. */
bool vmm_place_load(const struct vmm_place *place, const void *options,
		    struct vsu_option_value *value);

#endif
