/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Options of a machine: the names and values of cvmm(1).
 *
 *	struct cvmm_options *o;
 *
 *	rc = cvmm_options_new(&o, &err);
 *	rc = cvmm_options_add(o, "kernel", "/boot/vmlinuz", &err);
 *	rc = cvmm_options_add(o, "memory", "size=1G", &err);
 *	rc = cvmm_options_add(o, "disk", "root.img,readonly", &err);
 *
 * Each value is checked when it is added: its keys, numbers and words. An option that cannot be
 * repeated, or that contradicts another one, is refused by cvmm_machine_new(), which checks all of
 * them together before it opens a file. Options of cvmm's process, such as --jail and --control,
 * are not options of a machine: its owner confines itself, and can add them by a table
 * (<cvmm/option_table.h>). A machine with "dry-run" is made without changing a file, and not started.
 *
 * Names have no dashes here. Sentences of errors name an option as words of a command line have it,
 * "--memory", whichever call added it.
 *
 * Threads: confined.
 */
#ifndef CVMM_OPTIONS_H
#define CVMM_OPTIONS_H

#include <stddef.h>

#include <cvmm/attributes.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

VSU_BEGIN_DECLS

struct cvmm_options;

/* The longest value of an option of a device, in bytes without the terminating NUL. */
#define CVMM_OPTION_MAX_LIST 6143

/* Characters of the option "name", and their largest number; a program that shows names expects no others. */
#define CVMM_OPTION_NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define CVMM_OPTION_MAX_NAME 64

/* -ENOMEM. */
CVMM_API int cvmm_options_new(struct cvmm_options **out, struct vsu_error *err) VSU_NODISCARD;
CVMM_API void cvmm_options_free(struct cvmm_options *options);

/*
 * Adds --NAME=VALUE; "kernel" is the first operand of cvmm(1). value is NULL for an option
 * without one. Both are copied. -ENOENT: no option of a machine has this
 * name; -EINVAL: the value is refused; -ENOMEM. After a failure nothing was added.
 */
CVMM_API int cvmm_options_add(struct cvmm_options *options, const char *name,
			      const char *value, struct vsu_error *err) VSU_NODISCARD;

/* A property of a device. value is NULL for a key alone, as "readonly". */
struct cvmm_property {
	const char *key, *value;
};

/*
 * Adds --NAME with a list of n properties, such as those of a device. Values are literal: commas in
 * a path are not doubled. -E2BIG: the list exceeds CVMM_OPTION_MAX_LIST, and err->got is its length; other
 * errors are those of cvmm_options_add().
 */
CVMM_API int cvmm_options_add_properties(struct cvmm_options *options, const char *name,
					 const struct cvmm_property *properties, size_t n,
					 struct vsu_error *err) VSU_NODISCARD;

/*
 * Adds the words of a command line that follow "cvmm run". Errors are those of cvmm_options_add().
 */
CVMM_API int cvmm_options_add_words(struct cvmm_options *options, size_t n,
				    const char *const *words, struct vsu_error *err) VSU_NODISCARD;

/*
 * Adds the member "arguments" of a JSON object, as "cvmm run --dry-run --json" prints it.
 * text ends with a NUL. -EBADMSG: not such an object; other errors are those of cvmm_options_add().
 */
CVMM_API int cvmm_options_add_json(struct cvmm_options *options, const char *text,
				   struct vsu_error *err) VSU_NODISCARD;

/* An option. Fixed layout. */
struct cvmm_option {
	const char *name;	/* "disk"; "kernel": the first operand of cvmm(1) */
	struct vsu_option_value value;
	int own;		/* the index of its row in the table of the owner (option_table.h), or -1 */
};

/*
 * Option number i, counted from 0, in the order in which they were added. Its texts are valid until another one
 * is added. -ENOENT: there are fewer options.
 */
CVMM_API int cvmm_options_get(const struct cvmm_options *options, unsigned int i, struct cvmm_option *out,
			      struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
