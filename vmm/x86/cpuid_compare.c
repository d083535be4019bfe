/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Features of processors, word by word. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "x86/cpuid_compare.h"

/* Feature words, without bits that depend on the machine and not on the host. */
static const struct word {
	uint32_t function, index;
	enum vmm_cpuid_reg reg;
	uint32_t ignored;
} words[] = {
	/* deadline timer, OSXSAVE, hypervisor */
	{ 0x1, VMM_CPUID_ANY, VMM_ECX, 1u << 24 | 1u << 27 | 1u << 31 },
	{ 0x1, VMM_CPUID_ANY, VMM_EDX, 1u << 28 },	/* several logical processors */
	{ 0x7, 0, VMM_EBX, 0 },
	{ 0x7, 0, VMM_ECX, 1u << 4 },	/* OSPKE */
	{ 0x7, 0, VMM_EDX, 0 },
	{ 0x7, 1, VMM_EAX, 0 },
	{ 0xd, 0, VMM_EAX, 0 },
	{ 0xd, 1, VMM_EAX, 0 },
	{ 0x80000001, VMM_CPUID_ANY, VMM_ECX, 0 },
	{ 0x80000001, VMM_CPUID_ANY, VMM_EDX, 0 },
	{ 0x80000008, VMM_CPUID_ANY, VMM_EBX, 0 },
};

static uint32_t value_of(struct kvm_cpuid2 *table, const struct word *w)
{
	struct kvm_cpuid_entry2 *e = vmm_cpuid_find(table, w->function,
						    w->index);

	return e ? *vmm_cpuid_register(e, w->reg) : 0;
}

static int refuse_host(const struct word *w, uint32_t lacks,
		       struct vsu_error *err)
{
	static const char *const registers[] = { "eax", "ebx", "ecx", "edx" };

	return vsu_error_set(err, -EOPNOTSUPP,
			     "this host's processor lacks features of the saved one: CPUID leaf %#" PRIx32 " %s bits %#" PRIx32 "; --cpu=plain, or a level such as --cpu=x86-64-v3, saves a portable one",
			     w->function, registers[w->reg], lacks);
}

int vmm_cpuid_compare(struct kvm_cpuid2 *saved, struct kvm_cpuid2 *here,
		      struct kvm_cpuid2 *shown, struct vsu_error *err)
{
	const struct word *w = words, *end = words + sizeof(words) / sizeof(words[0]);
	uint32_t lacks;

	for (; w < end; w++) {
		lacks = value_of(saved, w) & ~w->ignored & ~value_of(here, w) &
			~value_of(shown, w);
		if (lacks)
			return refuse_host(w, lacks, err);
	}
	return 0;
}
