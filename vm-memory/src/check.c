/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The judgement over all properties and what is known of the host and the
 * file. One function per rule, asked in the order of a table; nothing is
 * opened, made or changed here.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vmm-sys-util/checked.h>

#include "backend.h"

/* One judgement: the kind, and what every second rule needs. */
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

static uint64_t judge_prop(const struct judge *j, enum vmem_priv_prop p)
{
	return vmem_priv_prop(j->b, p);
}

static bool prop_given(const struct judge *j, enum vmem_priv_prop p)
{
	return vmem_priv_given(j->b, p);
}

static bool is_kind(const struct judge *j, enum vmem_kind kind)
{
	return j->kind == kind;
}

static int known_kind(const struct judge *j)
{
	if (j->kind <= VMEM_KIND_GUEST_MEMFD)
		return 0;
	return REFUSE(j, "a block over somebody's fd is not made by a memory back-end");
}

/* guest-memfd=on belongs to memfd, whatever else is wrong with the list. */
static int guest_memfd_spelling(const struct judge *j)
{
	if (prop_given(j, PROP_GUEST_MEMFD) && !j->b->value[PROP_GUEST_MEMFD] &&
	    is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return REFUSE(j, "backend=guest-memfd and guest-memfd=off contradict each other; leave one of them out");
	if (!j->b->value[PROP_GUEST_MEMFD] ||
	    is_kind(j, VMEM_KIND_GUEST_MEMFD))
		return 0;
	return REFUSE(j, "guest-memfd=on belongs to backend=memfd, not to backend=%s",
		      vmem_priv_kind_name(j->kind));
}

/* The kinds a property has, for the remedy. */
static const char *home_of(uint32_t kinds)
{
	enum vmem_kind k = VMEM_KIND_ANON;

	while (!(kinds >> k & 1))
		k = (enum vmem_kind)(k + 1);
	return vmem_priv_kind_name(k);
}

static int foreign_properties(const struct judge *j)
{
	unsigned int p;

	for (p = 0; p < PROP_COUNT; p++) {
		uint32_t kinds = vmem_priv_prop_kinds((enum vmem_priv_prop)p);

		if (!prop_given(j, (enum vmem_priv_prop)p) ||
		    kinds >> j->kind & 1)
			continue;
		return REFUSE(j, "%s is not a property of backend=%s; it belongs to backend=%s",
			      vmem_priv_prop_name((enum vmem_priv_prop)p),
			      vmem_priv_kind_name(j->kind), home_of(kinds));
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

/* The three refused rows of share x readonly x rom. */
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

/* Ignoring them would promise what guest_memfd does not do. */
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

/* Only private memory that comes from nowhere else counts against swap. */
static int reserve_host(const struct judge *j)
{
	if (judge_prop(j, PROP_RESERVE) || !is_kind(j, VMEM_KIND_ANON) ||
	    judge_prop(j, PROP_SHARE))
		return 0;
	if (j->facts->overcommit == VMEM_OVERCOMMIT_UNKNOWN)
		return LACKS(j, "reserve=off: cannot read whether this host allows it (/proc/sys/vm/overcommit_memory)");
	if (j->facts->overcommit == 2)
		return LACKS(j, "reserve=off: this host always sets swap space aside (vm.overcommit_memory is 2)");
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

/* Every sum that is made of the numbers later fits. */
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

static int wrong_kind(const struct judge *j, int code, const char *what)
{
	return vsu_error_set(j->err, code, "mem-path '%s' is %s", j->b->path,
			     what);
}

static int file_kind(const struct judge *j)
{
	bool readonly = judge_prop(j, PROP_READONLY);

	switch (j->facts->file) {
	case VMEM_FILE_MISSING:
		return readonly ? vsu_error_set(j->err, -ENOENT, "mem-path '%s' does not exist, and readonly=on makes no file",
						j->b->path) : 0;
	case VMEM_FILE_DIRECTORY:
		return readonly ? wrong_kind(j, -EISDIR, "a directory; readonly=on needs a file") : 0;
	case VMEM_FILE_FIFO:
		return wrong_kind(j, -ENODEV, "a FIFO, which cannot be mapped");
	case VMEM_FILE_SOCKET:
		return wrong_kind(j, -ENODEV,
				  "a socket, which cannot be mapped");
	case VMEM_FILE_OTHER:
		return wrong_kind(j, -ENODEV, "nothing that can be mapped");
	default:
		return 0;
	}
}

bool vmem_priv_may_grow(const struct vmem_backend *b,
			const struct vmem_backend_facts *f)
{
	return b->may_grow && f->file == VMEM_FILE_REGULAR &&
	       !vmem_priv_prop(b, PROP_READONLY);
}

/*
 * An empty file or a device without a size is not held to one. Half a page
 * behind the end is refused later, for being half a page.
 */
static int file_too_small(const struct judge *j)
{
	uint64_t have = j->facts->file_size;

	if (!have || !vsu_range_exceeds(j->offset, j->size, have) ||
	    vmem_priv_may_grow(j->b, j->facts))
		return 0;
	REFUSE(j, "mem-path '%s' is too small: it has %" PRIu64 " bytes, and size %s at offset %s needs more",
	       j->b->path, have, TYPED(j, PROP_SIZE), TYPED(j, PROP_OFFSET));
	vsu_error_operands(j->err, PROP_SIZE, j->offset + j->size, have);
	return -EINVAL;
}

/* An empty file that cannot grow: touching it would end the process. */
static int empty_and_readonly(const struct judge *j)
{
	if (j->facts->file != VMEM_FILE_REGULAR || j->facts->file_size ||
	    !judge_prop(j, PROP_READONLY))
		return 0;
	return REFUSE(j, "mem-path '%s' is empty, and readonly=on cannot grow it", j->b->path);
}

static int check_alignment(const struct judge *j)
{
	uint64_t align = judge_prop(j, PROP_ALIGN);

	if (j->facts->file_align > (align ? align : j->page))
		return REFUSE(j, "the device needs align=%" PRIu64,
			      j->facts->file_align);
	if (align & (j->page - 1))
		return REFUSE(j, "align %s is not a multiple of the page size %s",
			      TYPED(j, PROP_ALIGN), BYTES(j->page));
	if (align && !vsu_is_power_of_two(align))
		return REFUSE(j, "align %s is not a power of two",
			      TYPED(j, PROP_ALIGN));
	return 0;
}

static int offset_of_page(const struct judge *j)
{
	if (!(j->offset & (j->page - 1)))
		return 0;
	return REFUSE(j, "offset %s is not a multiple of the page size %s",
		      TYPED(j, PROP_OFFSET), BYTES(j->page));
}

/* Anonymous memory is rounded up; what has a file is what was said. */
static int size_of_page(const struct judge *j)
{
	if (is_kind(j, VMEM_KIND_ANON))
		return 0;
	if (j->size < j->page)
		return REFUSE(j, "size %s is smaller than a page of %s",
			      TYPED(j, PROP_SIZE), BYTES(j->page));
	if (j->size & (j->page - 1))
		return REFUSE(j, "size %s is not a multiple of the page size %s",
			      TYPED(j, PROP_SIZE), BYTES(j->page));
	return 0;
}

/* Rules that need only the properties and the host. */
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

/* Rules that need the facts of the file. */
static int (*const page_rules[])(const struct judge *j) = {
	file_kind,
	file_too_small,
	empty_and_readonly,
	check_alignment,
	offset_of_page,
	size_of_page,
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
	for (i = 0; i < COUNT(page_rules) && !rc; i++)
		rc = page_rules[i](&j);
	return rc;
}
