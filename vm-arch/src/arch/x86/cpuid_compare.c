/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Features of processors, word by word. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "advise.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpuid_compare.h"

/* Feature words, without bits that depend on the machine and not on the host. */
static const struct word {
	uint32_t function, index;
	enum varch_cpuid_reg reg;
	uint32_t ignored;
} words[] = {
	/* deadline timer, OSXSAVE, hypervisor */
	{ 0x1, VARCH_CPUID_ANY, VARCH_ECX, 1u << 24 | 1u << 27 | 1u << 31 },
	{ 0x1, VARCH_CPUID_ANY, VARCH_EDX, 1u << 28 },	/* several logical processors */
	{ 0x7, 0, VARCH_EBX, 0 },
	{ 0x7, 0, VARCH_ECX, 1u << 4 },	/* OSPKE */
	{ 0x7, 0, VARCH_EDX, 0 },
	{ 0x7, 1, VARCH_EAX, 0 },
	{ 0x7, 1, VARCH_EDX, 0 },
	{ 0x7, 2, VARCH_EDX, 0 },
	{ 0xd, 0, VARCH_EAX, 0 },
	{ 0xd, 1, VARCH_EAX, 0 },
	{ 0x80000001, VARCH_CPUID_ANY, VARCH_ECX, 0 },
	{ 0x80000001, VARCH_CPUID_ANY, VARCH_EDX, 0 },
	{ 0x80000008, VARCH_CPUID_ANY, VARCH_EBX, 0 },
};

static uint32_t value_of(struct kvm_cpuid2 *table, const struct word *w)
{
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, w->function,
						    w->index);

	return e ? *varch_cpuid_register(e, w->reg) : 0;
}

/* Features that have names, of all words. */
static void name_lacks(struct kvm_cpuid2 *saved, struct kvm_cpuid2 *here,
		       struct kvm_cpuid2 *shown, char *names, size_t room)
{
	const struct varch_cpu_set wanted = varch_cpu_set_of_table(saved);
	const struct varch_cpu_set more = varch_cpu_set_of_table(shown);
	struct varch_cpu_set has = varch_cpu_set_of_table(here);
	size_t i;

	for (i = 0; i < sizeof(has.bits) / sizeof(has.bits[0]); i++)
		has.bits[i] |= more.bits[i];
	varch_cpu_set_names(&wanted, &has, names, room);
}

static int refuse_host(const struct word *w, uint32_t lacks, const char *names,
		       struct vsu_error *err)
{
	static const char *const registers[] = { "eax", "ebx", "ecx", "edx" };

	return varch_advise(err, vsu_error_set(err, -EOPNOTSUPP, "this host's processor lacks features of the saved one: CPUID leaf %#" PRIx32 " %s bits %#" PRIx32 "%s%s%s",
					       w->function, registers[w->reg], lacks, names[0] ? " (" : "", names,
					       names[0] ? ")" : ""),
			    VARCH_ADVICE_CPU_PORTABLE);
}

int varch_cpuid_compare(struct kvm_cpuid2 *saved, struct kvm_cpuid2 *here,
		      struct kvm_cpuid2 *shown, struct vsu_error *err)
{
	const struct word *w = words, *end = words + sizeof(words) / sizeof(words[0]);
	char names[160];
	uint32_t lacks;

	for (; w < end; w++) {
		lacks = value_of(saved, w) & ~w->ignored & ~value_of(here, w) &
			~value_of(shown, w);
		if (!lacks)
			continue;
		name_lacks(saved, here, shown, names, sizeof(names));
		return refuse_host(w, lacks, names, err);
	}
	return 0;
}
