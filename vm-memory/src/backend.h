/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of the builder, for the files that record, check and apply them. */
#ifndef VMEM_BACKEND_PRIV_H
#define VMEM_BACKEND_PRIV_H

#include <vm-memory/backend.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/parse.h>

#include "priv.h"

/* Rows of the property table, in its order. */
enum vmem_priv_prop {
	PROP_BACKEND,
	PROP_SIZE,
	PROP_MEM_PATH,
	PROP_OFFSET,
	PROP_ALIGN,
	PROP_SHARE,
	PROP_READONLY,
	PROP_ROM,
	PROP_DISCARD_DATA,
	PROP_PMEM,
	PROP_MERGE,
	PROP_DUMP,
	PROP_PREALLOC,
	PROP_PREALLOC_THREADS,
	PROP_RESERVE,
	PROP_POLICY,
	PROP_HOST_NODES,
	PROP_HUGETLB,
	PROP_HUGETLBSIZE,
	PROP_SEAL,
	PROP_GUEST_MEMFD,
	PROP_PRIVATE,
	PROP_SLOT,
	PROP_COUNT,
};

enum { ROM_AUTO, ROM_ON, ROM_OFF };
enum { POLICY_DEFAULT, POLICY_PREFERRED, POLICY_BIND, POLICY_INTERLEAVE };
enum { SLOT_PLAIN, SLOT_BOUND };

#define MAX_NODES VMEM_PRIV_MAX_NODES

/* Bytes for any size as text; longer texts are replaced by their shortest form. */
#define SIZE_TEXT 24

struct vmem_backend {
	uint64_t given;			/* bit per property that was set */
	uint64_t value[PROP_COUNT];	/* numbers, flags, choices */
	char typed[PROP_COUNT][SIZE_TEXT];	/* sizes as the user typed them */
	char *path;
	uint64_t nodes[MAX_NODES / 64];
	struct vmem_sigbus *sigbus;
	int vm_fd;			/* borrowed; -1 */
	int file_fd;			/* borrowed; -1: none */
	uint64_t gpa;
	bool leave_prealloc;
	bool may_grow;			/* a file with content may be extended */
	vmem_backend_warn_fn warn;
	void *warn_opaque;
};

/* backend.c */

/* The value that was set, or the default of the kind. */
uint64_t vmem_priv_prop(const struct vmem_backend *b, enum vmem_priv_prop p);
bool vmem_priv_given(const struct vmem_backend *b, enum vmem_priv_prop p);
/* The kind; a memfd with guest-memfd=on is a guest_memfd. */
enum vmem_kind vmem_priv_kind(const struct vmem_backend *b);
/* A size for a message: as typed, or in its largest exact unit. */
struct vmem_priv_text {
	char s[SIZE_TEXT];
};

static inline struct vmem_priv_text vmem_priv_size_text(uint64_t size)
{
	struct vmem_priv_text text;

	vsu_format_size(size, text.s, sizeof(text.s));
	return text;
}

struct vmem_priv_text vmem_priv_typed(const struct vmem_backend *b,
				      enum vmem_priv_prop p);
bool vmem_priv_rom(const struct vmem_backend *b);
const char *vmem_priv_prop_name(enum vmem_priv_prop p);
uint32_t vmem_priv_prop_kinds(enum vmem_priv_prop p);
void vmem_priv_warn(const struct vmem_backend *b, const char *sentence);

/* host.c: facts that only the host can provide */

int vmem_priv_host_facts(const struct vmem_backend *b,
			 struct vmem_backend_facts *facts);
/* Size and alignment of an open device DAX; false for any other device. */
bool vmem_priv_dax_size(int fd, uint64_t *size, uint64_t *align);

/* file.c */

/* The open file of a new block, and what to undo after a failure. */
struct vmem_priv_file {
	int fd;			/* -1: nothing to undo */
	bool created;		/* created by this call: unlink it */
	bool grown;		/* extended by this call: restore old_size */
	uint64_t old_size;
	char *path;		/* borrowed */
};

int vmem_priv_file_open(const struct vmem_backend *b,
			struct vmem_backend_facts *facts,
			struct vmem_priv_file *file, struct vsu_error *err);
/*
 * Checks before mmap(), which returns no reason, that the open file of this name permits
 * the access. stores: stores reach the file. -EACCES: its mode; -EPERM: its seals.
 */
int vmem_priv_check_access(int fd, bool stores, const char *name, struct vsu_error *err);
void vmem_priv_file_undo(struct vmem_priv_file *file);

/* check.c */
/* Whether a regular file that is too short may be extended. */
bool vmem_priv_may_grow(const struct vmem_backend *b,
			const struct vmem_backend_facts *f);

/* guest_memfd.c */

/* Adds what KVM offers to the facts. */
void vmem_priv_kvm_facts(int vm_fd, struct vmem_backend_facts *facts);
int vmem_priv_guest_memfd(int vm_fd, uint64_t size, uint64_t flags);

/* policy.c */

/* Sets the host's policies for the pages, before their first access. */
int vmem_priv_apply_policy(const struct vmem_backend *b,
			   struct vmem_block *block, struct vsu_error *err);

/* nodes.c */

/* Adds the nodes of the text to the bits of nodes. -EINVAL. */
int vmem_priv_nodes_add(uint64_t *nodes, const char *text, struct vsu_error *err);

#endif
