/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Destinations of option values: a table parallel to the option table names a
 * member of the program's struct for each option that is only stored. The program
 * handles other options itself.
 *
 *	static const struct vsu_place places[] = {
 *		[CPUS] = VSU_PLACE(struct options, cpus),
 *		[VERBOSE] = VSU_PLACE_VERBOSE,
 *	};
 *
 * Threads: no state.
 */
#ifndef VMM_SYS_UTIL_OPTION_PLACE_H
#define VMM_SYS_UTIL_OPTION_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/option.h>

VSU_BEGIN_DECLS

enum vsu_place_kind {
	VSU_PLACE_NONE,
	VSU_PLACE_TEXT,		/* const char *, points into argv */
	VSU_PLACE_BOOL,
	VSU_PLACE_INT,		/* int, unsigned int or an enum */
	VSU_PLACE_U64,
	/* Rows of log_level.h, which the program handles itself. */
	VSU_PLACE_OF_LEVEL,
	VSU_PLACE_OF_VERBOSE,
};

struct vsu_place {
	enum vsu_place_kind kind;
	size_t at;		/* offset in the struct */
};

/* The member's type selects the conversion; other types do not compile. Requires C11. */
#define VSU_PLACE(type, member)					\
	{ _Generic(((type *)0)->member,					\
		   const char *: VSU_PLACE_TEXT,			\
		   bool: VSU_PLACE_BOOL,				\
		   int: VSU_PLACE_INT,					\
		   unsigned int: VSU_PLACE_INT,			\
		   uint64_t: VSU_PLACE_U64), offsetof(type, member) }

/* The destinations of VSU_LOG_LEVEL_OPTION and VSU_LOG_VERBOSE_OPTION. */
#define VSU_PLACE_LEVEL { VSU_PLACE_OF_LEVEL, 0 }
#define VSU_PLACE_VERBOSE { VSU_PLACE_OF_VERBOSE, 0 }

/* Stores a value in the struct; false: the row has no destination. */
VSU_API bool vsu_place_store(const struct vsu_place *place, void *options,
			     const struct vsu_option_value *value);

/* Reads a value from the struct; false: the row has no destination, or the value is 0 or NULL. */
VSU_API bool vsu_place_load(const struct vsu_place *place, const void *options,
			    struct vsu_option_value *value);

VSU_END_DECLS

#endif
