/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The pieces of guest memory as typed values: the properties of a memory back-end, and the
 * guest address. Read from --memory by memory_options.h, made from those of a saved
 * machine by pieces.h. Any number of machines may be made of them.
 *
 * Threads: any, while none changes them.
 */
#ifndef VMM_MEMORY_SPECS_H
#define VMM_MEMORY_SPECS_H

#include <stdbool.h>
#include <stdint.h>

#include <vm-memory/backend.h>

#define VMM_MAX_MEMORY 16	/* options */
#define VMM_MAX_PIECES 32	/* and their parts below 3 GiB and from 4 GiB */

struct vsu_threads;
struct vmm_log;

struct vmm_memory_spec {
	struct vmem_backend *backend;	/* owned */
	bool has_at;
	uint64_t at;
};

struct vmm_memory_specs {
	const char *what;	/* name of the option in messages; static */
	struct vmm_memory_spec list[VMM_MAX_PIECES];
	unsigned int n;
	bool preset;		/* the default memory; no option was given */
};

/* Circumstances of one machine. NULL is the same as zeros. */
struct vmm_memory_use {
	const struct vmm_log *log;	/* of warnings; or NULL */
	const struct vsu_threads *threads; /* that work on it; or NULL */
	bool shared;		/* a device requires shareable memory */
	bool trial;		/* do not modify content of files */
};

/*
 * Writes the name of piece i into a buffer: "--memory" if there is one, "--memory 2" if
 * there are several.
 */
void vmm_memory_specs_name(const struct vmm_memory_specs *specs, unsigned int i,
			   char *name, size_t size);

/* Whether a piece has a private half (vmm_memory_wants_private()). */
bool vmm_memory_specs_private(const struct vmm_memory_specs *specs);

void vmm_memory_specs_free(struct vmm_memory_specs *specs);

#endif
