/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Checks all properties of a memory back-end against each other and against facts of the
 * host. Each rule is a function, called in the order of a table. Nothing is opened, created
 * or changed.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include <vmm-sys-util/checked.h>

#include "check_rules.h"

static int known_kind(const struct judge *j)
{
	if (j->kind <= VMEM_KIND_GUEST_MEMFD)
		return 0;
	return REFUSE(j, "a block over a caller's fd is not made by a memory back-end");
}

/* guest-memfd=on requires a memfd, independent of other mistakes in the list. */
static int guest_memfd_spelling(const struct judge *j)
{
	if (prop_given(j, PROP_GUEST_MEMFD) && !j->b->value[PROP_GUEST_MEMFD] &&
	    is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return REFUSE(j, "backend=guest-memfd and guest-memfd=off contradict each other; leave one of them out");
	if (!j->b->value[PROP_GUEST_MEMFD] ||
	    is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return 0;
	return REFUSE(j, "guest-memfd=on belongs to backend=memfd, not to backend=%s",
		      vmem_kind_name(j->kind));
}

struct kind_names {
	char s[64];
};

/*
 * The kinds that have a property, for the remedy. guest-memfd has some of them only to
 * refuse them by rules of its own.
 */
static struct kind_names kinds_of_property(uint32_t kinds)
{
	const uint32_t refused = 1u << VMEM_KIND_GUEST_MEMFD;
	struct kind_names names = { "" };
	size_t len = 0;
	int k;

	if (kinds & ~refused)
		kinds &= ~refused;
	for (k = 0; kinds >> k && len < sizeof(names.s); k++)
		if (kinds >> k & 1)
			len += (size_t)snprintf(names.s + len, sizeof(names.s) - len,
						"%sbackend=%s", len ? " or " : "",
						vmem_kind_name((enum vmem_kind)k));
	return names;
}

static int foreign_properties(const struct judge *j)
{
	unsigned int p;

	for (p = 0; p < PROP_COUNT; p++) {
		uint32_t kinds = vmem_priv_prop_kinds((enum vmem_priv_prop)p);

		if (!prop_given(j, (enum vmem_priv_prop)p) ||
		    kinds >> j->kind & 1)
			continue;
		return REFUSE(j, "%s is not a property of backend=%s; it belongs to %s",
			      vmem_priv_prop_name((enum vmem_priv_prop)p),
			      vmem_kind_name(j->kind),
			      kinds_of_property(kinds).s);
	}
	return 0;
}

static int size_given(const struct judge *j)
{
	if (!prop_given(j, PROP_SIZE))
		return REFUSE(j, "size is missing; give size=BYTES");
	if (!j->size)
		return REFUSE(j, "size is 0; memory needs at least one page");
	return 0;
}

static int path_given(const struct judge *j)
{
	if (!is_kind(j, VMEM_KIND_FILE) || (j->b->path && j->b->path[0]))
		return 0;
	return REFUSE(j, "backend=file needs mem-path=PATH");
}

/* Refuses three combinations of share, readonly and rom. */
static int rom_contradiction(const struct judge *j)
{
	uint64_t rom = judge_prop(j, PROP_ROM);

	if (rom == ROM_ON && !judge_prop(j, PROP_READONLY))
		return REFUSE(j, "rom=on needs readonly=on");
	if (rom == ROM_OFF && judge_prop(j, PROP_READONLY) && judge_prop(j, PROP_SHARE))
		return REFUSE(j, "rom=off with readonly=on needs share=off, because stores cannot reach a file that is open for reading");
	return 0;
}

static int share_needed(const struct judge *j)
{
	if (judge_prop(j, PROP_SHARE))
		return 0;
	if (is_kind(j, VMEM_KIND_SHM))
		return REFUSE(j, "backend=shm needs share=on");
	if (is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return REFUSE(j, "guest-memfd needs share=on");
	return 0;
}

/* Refuses properties that have no effect on a guest_memfd. */
static int guest_memfd_refusals(const struct judge *j)
{
	if (!is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return 0;
	if (judge_prop(j, PROP_HUGETLB))
		return REFUSE(j, "guest-memfd has no huge pages; leave hugetlb out");
	if (prop_given(j, PROP_HUGETLBSIZE))
		return REFUSE(j, "guest-memfd has no huge pages; leave hugetlbsize out");
	if (judge_prop(j, PROP_PRIVATE))
		return REFUSE(j, "private=on adds a guest_memfd to memory of another kind, and guest-memfd is one already; give backend=memfd,private=on, or leave private out");
	if (prop_given(j, PROP_MERGE) && judge_prop(j, PROP_MERGE))
		return REFUSE(j, "merge=on has no effect on guest-memfd, whose pages are shared; leave it out");
	if (prop_given(j, PROP_SEAL) && judge_prop(j, PROP_SEAL))
		return REFUSE(j, "guest-memfd takes no seals and cannot be resized anyway; leave seal out");
	return 0;
}

static int guest_memfd_host(const struct judge *j)
{
	uint32_t kvm = j->facts->kvm;

	if (!is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return 0;
	if (!(kvm & VMEM_KVM_PRESENT))
		return LACKS(j, "guest-memfd needs KVM, and there is no virtual machine to make it for");
	if (!(kvm & VMEM_KVM_GUEST_MEMFD))
		return LACKS(j, "the KVM of this host has no guest_memfd for this kind of virtual machine (Linux 6.18 or newer)");
	if (!(kvm & VMEM_KVM_GMEM_MMAP))
		return LACKS(j, "the guest_memfd of this host cannot be mapped (Linux 6.18 or newer)");
	if (judge_prop(j, PROP_POLICY) != POLICY_DEFAULT &&
	    !(kvm & VMEM_KVM_GMEM_POLICY))
		return LACKS(j, "policy has no effect on the guest_memfd of this host (Linux 6.19 or newer); leave it and host-nodes out");
	if (!(kvm & VMEM_KVM_GMEM_SHARED))
		return LACKS(j, "the guest_memfd of this host cannot begin shared (Linux 6.18 or newer)");
	return 0;
}

static int private_host(const struct judge *j)
{
	uint32_t kvm = j->facts->kvm;

	if (!judge_prop(j, PROP_PRIVATE))
		return 0;
	if (!(kvm & VMEM_KVM_PRESENT))
		return LACKS(j, "private=on needs KVM, and there is no virtual machine to make it for");
	if (!(kvm & VMEM_KVM_GUEST_MEMFD))
		return LACKS(j, "private=on needs guest_memfd, which the KVM of this host does not have");
	if (!(kvm & VMEM_KVM_PRIVATE))
		return LACKS(j, "private=on needs the memory attribute 'private', which the KVM of this host does not offer for this kind of virtual machine");
	return 0;
}

static int hugetlb_size(const struct judge *j)
{
	uint64_t size = judge_prop(j, PROP_HUGETLBSIZE);

	if (!is_kind(j, VMEM_KIND_MEMFD))
		return 0;
	if (prop_given(j, PROP_HUGETLBSIZE) && !judge_prop(j, PROP_HUGETLB))
		return REFUSE(j, "hugetlbsize needs hugetlb=on");
	if (prop_given(j, PROP_HUGETLBSIZE) && !vsu_is_power_of_two(size))
		return REFUSE(j, "hugetlbsize %s is not a power of two",
			      TYPED(j, PROP_HUGETLBSIZE));
	if (prop_given(j, PROP_HUGETLBSIZE) && size <= j->facts->host_page)
		return REFUSE(j, "hugetlbsize %s is not larger than a page of %s",
			      TYPED(j, PROP_HUGETLBSIZE),
			      BYTES(j->facts->host_page));
	if (judge_prop(j, PROP_HUGETLB) && !prop_given(j, PROP_HUGETLBSIZE) &&
	    !j->facts->huge_page)
		return LACKS(j, "hugetlb=on: this host has no huge pages");
	return 0;
}

static int prealloc_reserve(const struct judge *j)
{
	if (judge_prop(j, PROP_PREALLOC) && !judge_prop(j, PROP_RESERVE))
		return REFUSE(j, "prealloc=on and reserve=off exclude each other");
	return 0;
}

/* Only private memory without a file counts against swap space. */
static int reserve_host(const struct judge *j)
{
	if (judge_prop(j, PROP_RESERVE) || !is_kind(j, VMEM_KIND_ANON) ||
	    judge_prop(j, PROP_SHARE))
		return 0;
	if (j->facts->overcommit == VMEM_OVERCOMMIT_UNKNOWN)
		return LACKS(j, "reserve=off: cannot read whether this host allows it (/proc/sys/vm/overcommit_memory)");
	if (j->facts->overcommit == 2)
		return LACKS(j, "reserve=off: this host always reserves swap space (vm.overcommit_memory is 2)");
	return 0;
}

static int check_numa(const struct judge *j)
{
	bool nodes = prop_given(j, PROP_HOST_NODES);
	bool wants = judge_prop(j, PROP_POLICY) != POLICY_DEFAULT;

	if (nodes && !wants)
		return REFUSE(j, "host-nodes needs a policy other than default");
	if (wants && !nodes)
		return REFUSE(j, "a policy needs host-nodes=N");
	return 0;
}

/* Checks that all later sums of these numbers fit 64 bits. */
static int check_sums(const struct judge *j)
{
	uint64_t len, end;

	if (vsu_align_up_overflow(j->size, j->page, &len) || len > PTRDIFF_MAX)
		return REFUSE(j, "size %s exceeds what a process can map",
			      TYPED(j, PROP_SIZE));
	if (vsu_u64_add_overflow(j->offset, len, &end) || end > INT64_MAX)
		return REFUSE(j, "offset %s and size %s exceed what a file can hold",
			      TYPED(j, PROP_OFFSET), TYPED(j, PROP_SIZE));
	return 0;
}

/* Rules that require only the properties and facts of the host. */
static int (*const rules[])(const struct judge *j) = {
	known_kind,
	guest_memfd_spelling,
	foreign_properties,
	size_given,
	path_given,
	rom_contradiction,
	share_needed,
	guest_memfd_refusals,
	hugetlb_size,
	prealloc_reserve,
	check_numa,
	check_sums,
	reserve_host,
	guest_memfd_host,
	private_host,
};

int vmem_backend_check(const struct vmem_backend *backend,
		       const struct vmem_backend_facts *facts,
		       struct vsu_error *err)
{
	struct judge j = { backend, facts, vmem_priv_kind(backend),
			   vmem_priv_prop(backend, PROP_SIZE),
			   vmem_priv_prop(backend, PROP_OFFSET),
			   facts->page_size, err };
	unsigned int i;
	int rc = 0;

	for (i = 0; i < COUNT(rules) && !rc; i++)
		rc = rules[i](&j);
	if (is_kind(&j, VMEM_KIND_FILE) && facts->file == VMEM_FILE_UNKNOWN)
		return rc;
	return rc ? rc : vmem_priv_check_file(&j);
}
