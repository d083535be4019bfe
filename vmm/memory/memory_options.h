/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The properties of guest memory: those of a memory back-end, and the guest
 * address. One table drives the parser.
 */
#ifndef VMM_MEMORY_OPTIONS_H
#define VMM_MEMORY_OPTIONS_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/option.h>

#define VMM_MAX_MEMORY 16	/* options */
#define VMM_MAX_PIECES 32	/* and their parts below 3 GiB and from 4 GiB */
#define VMM_MEMORY_ROWS 40	/* of the table, including its end */

/* Property lists as typed; they belong to argv. */
struct vmm_log;

struct vmm_memory_options {
	const char *lists[VMM_MAX_PIECES];
	unsigned int n;		/* 0: one list, the default */
	const char *what;	/* name of the option */
	const struct vmm_log *log;	/* of warnings; or NULL */
	const struct prog_threads *threads; /* that work on it; or NULL */
	bool shared;		/* a device requires shareable memory */
	bool trial;		/* do not modify content of files */
};

struct vmm_memory;

/* The table, for the parser and help texts. */
void vmm_memory_rows(struct vsu_option rows[VMM_MEMORY_ROWS]);

/*
 * Parses the lists into back-ends and requested addresses. -ENOENT: an unknown
 * key; -EINVAL: a rejected value or combination.
 */
int vmm_memory_parse(struct vmm_memory *memory,
		     const struct vmm_memory_options *o,
		     struct vsu_error *err);

/* Calls fn with each property of a list, as typed, until it returns an error. */
int vmm_memory_list_each(const char *list,
			 int (*fn)(void *opaque, const char *name, const char *value),
			 void *opaque, struct vsu_error *err);

/* Properties of a list that matter to the process and to a continued machine. */
struct vmm_memory_piece {
	char *path;		/* the file, or NULL */
	bool readonly;
	bool named;		/* POSIX shared memory, which has a name */
	bool has_private;	/* as vmm_memory_wants_private() */
};

struct vmm_memory_pieces {
	struct vmm_memory_piece list[VMM_MAX_MEMORY];
	unsigned int n;
};

/* Checks the lists as vmm_memory_parse() does; after a failure there are no pieces. */
int vmm_memory_pieces_read(const struct vmm_memory_options *o, struct vmm_memory_pieces *out,
			   struct vsu_error *err);
void vmm_memory_pieces_free(struct vmm_memory_pieces *pieces);
bool vmm_memory_pieces_private(const struct vmm_memory_pieces *pieces);

#endif
