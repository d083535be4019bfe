/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Policies of the host for the pages of a block: huge pages, merging, core
 * dumps, NUMA nodes.
 */
#include <config.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "backend.h"
#include "uapi.h"

/*
 * Hints that a kernel may lack. Children do not inherit the memory: a fork would copy pages
 * to which KVM and others write.
 */
static void block_advise(const struct vmem_block *block, unsigned char *hva,
			 size_t len)
{
	madvise(hva, len, MADV_HUGEPAGE);
	madvise(hva, len, MADV_DONTFORK);
	/* Linux merges only private anonymous pages. */
	if (block->policy.merge && !(block->flags & VMEM_BLOCK_SHARED))
		madvise(hva, len, MADV_MERGEABLE);
	if (!block->policy.dump)
		madvise(hva, len, MADV_DONTDUMP);
}

static int mode_of(const struct vmem_backend *b)
{
	static const int modes[] = {
		[POLICY_DEFAULT] = MPOL_DEFAULT,
		[POLICY_PREFERRED] = MPOL_PREFERRED,
		[POLICY_BIND] = MPOL_BIND,
		[POLICY_INTERLEAVE] = MPOL_INTERLEAVE,
	};

	return modes[vmem_priv_prop(b, PROP_POLICY)];
}

static bool several_nodes(const struct vmem_priv_policy *policy)
{
	return __builtin_popcountll(policy->nodes[0]) +
	       __builtin_popcountll(policy->nodes[1]) > 1;
}

static int mbind_pages(const struct vmem_priv_policy *policy,
		       unsigned char *hva, size_t len, unsigned long flags)
{
	/* As an int, it would have an undefined upper half. */
	const unsigned long mode = (unsigned long)policy->mode;

	/* mbind() uses one bit less than maxnode */
	return (int)syscall(SYS_mbind, hva, len, mode, policy->nodes,
			    (unsigned long)MAX_NODES + 1, flags) < 0 ?
	       -errno : 0;
}

static int mbind_block(struct vmem_block *block, int mode)
{
	block->policy.mode = mode;
	return mbind_pages(&block->policy, block->mapping.hva,
			   block->mapping.len, MPOL_MF_STRICT | MPOL_MF_MOVE);
}

static int bind_nodes(struct vmem_block *block, int mode,
		      struct vsu_error *err)
{
	int rc = -EINVAL;

	if (mode == MPOL_DEFAULT)
		return 0;
	if (mode == MPOL_PREFERRED && several_nodes(&block->policy))
		rc = mbind_block(block, VMEM_MPOL_PREFERRED_MANY);
	if (rc == -EINVAL)
		rc = mbind_block(block, mode);
	if (rc == -EINVAL)
		return vsu_error_set(err, rc, "host-nodes: this host does not have one of these NUMA nodes online");
	return rc < 0 ? vsu_error_sys(err, rc, "cannot bind memory to NUMA nodes") : 0;
}

int vmem_priv_apply_policy(const struct vmem_backend *b,
			   struct vmem_block *block, struct vsu_error *err)
{
	struct vmem_priv_policy *policy = &block->policy;

	policy->applied = true;
	policy->merge = vmem_priv_prop(b, PROP_MERGE);
	policy->dump = vmem_priv_prop(b, PROP_DUMP);
	policy->mode = MPOL_DEFAULT;
	memcpy(policy->nodes, b->nodes, sizeof(policy->nodes));
	block_advise(block, block->mapping.hva, block->mapping.len);
	return bind_nodes(block, mode_of(b), err);
}

/* Ignores failures: a node may have gone offline since, but the memory is usable. */
void vmem_priv_repeat_policy(const struct vmem_block *block,
			     unsigned char *hva, size_t len)
{
	if (!block->policy.applied)
		return;
	block_advise(block, hva, len);
	if (block->policy.mode != MPOL_DEFAULT)
		mbind_pages(&block->policy, hva, len, 0);
}
