/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Guest memory without a machine: whether this host provides what a value of the option "memory"
 * describes, and what it provides.
 *
 *	struct cvmm_memory_trial trial = {
 *		.size = sizeof(trial), .properties = "size=1G,backend=memfd,hugetlb=on",
 *	};
 *
 *	rc = cvmm_memory_new(&trial, &memory, &err);
 *	if (!rc)
 *		bytes = vmem_block_page_size(cvmm_memory_block(memory));
 *	cvmm_memory_free(memory);
 *
 * Threads: confined; memory with prealloc-threads has threads during the call.
 */
#ifndef CVMM_MEMORY_H
#define CVMM_MEMORY_H

#include <stddef.h>

#include <cvmm/attributes.h>
#include <cvmm/machine.h>
#include <vm-memory/block.h>
#include <vm-memory/sigbus.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

struct cvmm_memory;

/* The memory that is tried. All members but size and properties may be zero. */
struct cvmm_memory_trial {
	size_t size;		/* sizeof(struct cvmm_memory_trial); not 0 */
	const char *properties;	/* as those of the option "memory": "size=1G,backend=memfd" */
	const char *name;	/* of the memory in sentences; NULL: "memory" */
	/* Warnings about properties that this host provides in part; with opaque. */
	void (*log)(void *opaque, enum cvmm_log_level level, const char *cause, const char *text);
	void *opaque;
	struct vmem_sigbus *sigbus; /* lists the memory until it is freed; or NULL */
	int *status;		/* receives the exit status of a failure, one of enum vsu_exit; or NULL */
};

/*
 * Allocates memory as a machine would. Opens /dev/kvm if it provides the memory (guest_memfd). The
 * trial is borrowed during the call. -ENOENT, -EINVAL: a property; -E2BIG: a member of the trial that
 * this library does not have; -EBUSY: another machine uses the file; -ENOMEM, and errors of the
 * host. After a failure files are as they were.
 */
CVMM_API int cvmm_memory_new(const struct cvmm_memory_trial *trial, struct cvmm_memory **out,
			     struct vsu_error *err) VSU_NODISCARD;

/* The memory, which is borrowed until it is freed. */
CVMM_API const struct vmem_block *cvmm_memory_block(const struct cvmm_memory *memory);

/*
 * Frees the memory: a file that was created is removed, and one that was empty is empty again.
 * memory may be NULL.
 */
CVMM_API void cvmm_memory_free(struct cvmm_memory *memory);

VSU_END_DECLS

#endif
