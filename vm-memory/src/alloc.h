/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A block that is being allocated by the properties of a builder. */
#ifndef VMEM_ALLOC_H
#define VMEM_ALLOC_H

#include "backend.h"

struct maker {
	const struct vmem_backend *b;
	struct vmem_backend_facts facts;
	struct vmem_block *block;
	struct vmem_priv_file file;
	struct vsu_error *err;
};

static inline uint64_t maker_prop(const struct maker *m, enum vmem_priv_prop p)
{
	return vmem_priv_prop(m->b, p);
}

/* Maps the block's file, or anonymous memory. flags are VMEM_BLOCK_*. */
int vmem_priv_map_made(struct maker *m, uint32_t flags);
/* Records in the block the properties that later functions of the block require. */
void vmem_priv_note_properties(struct maker *m);

#endif
