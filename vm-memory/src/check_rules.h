/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* State and helpers of the rules that check a memory back-end. */
#ifndef VM_MEMORY_CHECK_RULES_H
#define VM_MEMORY_CHECK_RULES_H

#include <errno.h>

#include "backend.h"

/* One check: the back-end, the facts, and values that many rules use. */
struct judge {
	const struct vmem_backend *b;
	const struct vmem_backend_facts *facts;
	enum vmem_kind kind;
	uint64_t size, offset, page;
	struct vsu_error *err;
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define REFUSE(j, ...) vsu_error_set((j)->err, -EINVAL, __VA_ARGS__)
#define TYPED(j, p) (vmem_priv_typed((j)->b, p).s)
#define BYTES(n) (vmem_priv_size_text(n).s)
#define LACKS(j, ...) vsu_error_set((j)->err, -EOPNOTSUPP, __VA_ARGS__)

static inline uint64_t judge_prop(const struct judge *j, enum vmem_priv_prop p)
{
	return vmem_priv_prop(j->b, p);
}

static inline bool prop_given(const struct judge *j, enum vmem_priv_prop p)
{
	return vmem_priv_given(j->b, p);
}

static inline bool is_kind(const struct judge *j, enum vmem_kind kind)
{
	return j->kind == kind;
}

/* Rules that need the facts of the file (check_file.c); the first failure. */
int vmem_priv_check_file(const struct judge *j);

#endif
