/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The leaves of each model. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "x86/cpu_models.h"

#define ECX_CMP_LEGACY (1u << 1)
#define ANY VMM_CPUID_ANY

/* Extended state: the first component is followed by the second one's header. */
#define STATE_LEAF 0xdu
#define STATE_MIN 576u
#define STATE_V3 0x7u		/* x87, SSE, AVX */
#define STATE_V4 0xe7u		/* and AVX-512 */

/* Features that a level must have, beside those of all 64-bit processors. */
static const struct feature {
	enum vmm_cpu_model since;
	uint32_t function, index;
	enum vmm_cpuid_reg reg;
	unsigned int bit;
	const char *name;
} features[] = {
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 0, "sse3" },
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 9, "ssse3" },
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 13, "cx16" },
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 19, "sse4.1" },
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 20, "sse4.2" },
	{ VMM_CPU_V2, 1, ANY, VMM_ECX, 23, "popcnt" },
	{ VMM_CPU_V2, 0x80000001, ANY, VMM_ECX, 0, "lahf" },
	{ VMM_CPU_V3, 1, ANY, VMM_ECX, 12, "fma" },
	{ VMM_CPU_V3, 1, ANY, VMM_ECX, 22, "movbe" },
	{ VMM_CPU_V3, 1, ANY, VMM_ECX, 26, "xsave" },
	{ VMM_CPU_V3, 1, ANY, VMM_ECX, 28, "avx" },
	{ VMM_CPU_V3, 1, ANY, VMM_ECX, 29, "f16c" },
	{ VMM_CPU_V3, 7, 0, VMM_EBX, 3, "bmi1" },
	{ VMM_CPU_V3, 7, 0, VMM_EBX, 5, "avx2" },
	{ VMM_CPU_V3, 7, 0, VMM_EBX, 8, "bmi2" },
	{ VMM_CPU_V3, 0x80000001, ANY, VMM_ECX, 5, "lzcnt" },
	{ VMM_CPU_V4, 7, 0, VMM_EBX, 16, "avx512f" },
	{ VMM_CPU_V4, 7, 0, VMM_EBX, 17, "avx512dq" },
	{ VMM_CPU_V4, 7, 0, VMM_EBX, 28, "avx512cd" },
	{ VMM_CPU_V4, 7, 0, VMM_EBX, 30, "avx512bw" },
	{ VMM_CPU_V4, 7, 0, VMM_EBX, 31, "avx512vl" },
};

#define NFEATURES (sizeof(features) / sizeof(features[0]))

/* Further bits of registers that the guest may see; those of features are added. */
static const struct mask {
	uint32_t function, index;
	enum vmm_cpuid_reg reg;
	uint32_t keep;
} masks[] = {
	/* x2APIC, OSXSAVE (which follows the guest's CR4), hypervisor */
	{ 1, ANY, VMM_ECX, 1u << 21 | 1u << 27 | 1u << 31 },
	/* FPU to SSE2, without debug store, thermal control and the like */
	{ 1, ANY, VMM_EDX, 0x078bfbff },
	{ 7, 0, VMM_EAX, 0 }, { 7, 0, VMM_EBX, 0 }, { 7, 0, VMM_ECX, 0 }, { 7, 0, VMM_EDX, 0 },
	/* multi-core */
	{ 0x80000001, ANY, VMM_ECX, ECX_CMP_LEGACY },
	/* SYSCALL, NX, RDTSCP, long mode, and leaf 1's features again */
	{ 0x80000001, ANY, VMM_EDX, 0x28100800 | 0x0183f3ff },
	{ 0x80000008, ANY, VMM_EBX, 0 },
};

static bool has_feature(struct kvm_cpuid2 *table, const struct feature *f)
{
	struct kvm_cpuid_entry2 *e = vmm_cpuid_find(table, f->function, f->index);

	return e && *vmm_cpuid_register(e, f->reg) >> f->bit & 1;
}

int vmm_cpu_model_check(struct kvm_cpuid2 *supported, enum vmm_cpu_model model,
			struct vsu_error *err)
{
	char names[256] = "";
	size_t i, len = 0;

	for (i = 0; i < NFEATURES; i++)
		if (features[i].since <= model && !has_feature(supported, &features[i]))
			len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", len ? ", " : "",
						features[i].name);
	return len ? vsu_error_set(err, -EOPNOTSUPP, "this host's KVM lacks features of --cpu=x86-64-v%d: %s; choose a lower level",
				   (int)(model - VMM_CPU_V2) + 2, names) : 0;
}

/* --------------------------------------------------------------------- the table */

static uint32_t kept_bits(const struct mask *m, enum vmm_cpu_model model)
{
	uint32_t keep = m->keep;
	size_t i;

	for (i = 0; i < NFEATURES; i++)
		if (features[i].since <= model && features[i].function == m->function &&
		    features[i].index == m->index && features[i].reg == m->reg)
			keep |= 1u << features[i].bit;
	return keep;
}

static void apply_masks(struct kvm_cpuid2 *table, enum vmm_cpu_model model)
{
	struct kvm_cpuid_entry2 *e;
	size_t i;

	for (i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
		e = vmm_cpuid_find(table, masks[i].function, masks[i].index);
		if (e)
			*vmm_cpuid_register(e, masks[i].reg) &= kept_bits(&masks[i], model);
	}
}

/* A family without errata that need more than the table has. */
static uint32_t signature_of(const struct kvm_cpuid_entry2 *vendor)
{
	return vendor && vendor->ebx == 0x756e6547 /* "Genu" */ ? 0x00000f61 : 0x00060fb1;
}

static void set_brand(struct kvm_cpuid2 *table, enum vmm_cpu_model model)
{
	static const char brands[][48] = {
		[VMM_CPU_V2] = "cvmm plain x86-64-v2 processor",
		[VMM_CPU_V3] = "cvmm x86-64-v3 processor", [VMM_CPU_V4] = "cvmm x86-64-v4 processor",
	};
	struct kvm_cpuid_entry2 *e;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		e = vmm_cpuid_find(table, VMM_CPUID_NAME + i, VMM_CPUID_ANY);
		if (e)
			memcpy(&e->eax, brands[model] + 16 * i, 16);
	}
}

/* The first leaf of a range contains the number of its highest leaf. */
static void set_limit(struct kvm_cpuid2 *table, uint32_t first, uint32_t last)
{
	struct kvm_cpuid_entry2 *e = vmm_cpuid_find(table, first, VMM_CPUID_ANY);

	if (e && e->eax > last)
		e->eax = last;
	vmm_cpuid_remove_leaves(table, last + 1, first + 0xffff);
}

/* Subleaves after the first one have features of no level; a guest can read them all. */
static void remove_subleaves(struct kvm_cpuid2 *table, uint32_t function)
{
	uint32_t i, n = 0;

	for (i = 0; i < table->nent; i++)
		if (table->entries[i].function != function || !table->entries[i].index)
			table->entries[n++] = table->entries[i];
	table->nent = n;
}

/* Removes other components. The size follows from the offsets of the remaining ones. */
static void limit_state(struct kvm_cpuid2 *table, uint32_t components)
{
	uint32_t i, n = 0, size = STATE_MIN;
	struct kvm_cpuid_entry2 *e, *first;

	for (i = 0; i < table->nent; i++) {
		e = &table->entries[i];
		if (e->function == STATE_LEAF && e->index &&
		    (e->index == 1 || e->index > 31 || !(components >> e->index & 1)))
			continue;
		if (e->function == STATE_LEAF && e->index && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
		table->entries[n++] = *e;
	}
	table->nent = n;
	first = vmm_cpuid_find(table, STATE_LEAF, 0);
	if (!first)
		return;
	first->eax &= components;
	first->ebx = first->ecx = size;
	first->edx = 0;
}

void vmm_cpu_model_apply(struct kvm_cpuid2 *table, enum vmm_cpu_model model)
{
	const enum vmm_cpu_model level = model < VMM_CPU_V2 ? VMM_CPU_V2 : model;
	struct kvm_cpuid_entry2 *e = vmm_cpuid_find(table, 1, VMM_CPUID_ANY);

	apply_masks(table, level);
	if (e)
		e->eax = signature_of(vmm_cpuid_find(table, 0, VMM_CPUID_ANY));
	set_brand(table, level);
	if (level == VMM_CPU_V2) {
		if (e)
			e->ecx &= ~(1u << 27);	/* without extended state */
		vmm_cpuid_remove_leaves(table, 5, 0xa);	/* power, features, counters */
		set_limit(table, 0, 0xb);
	} else {
		vmm_cpuid_remove_leaves(table, 5, 6);
		remove_subleaves(table, 7);
		vmm_cpuid_remove_leaves(table, 8, 0xa);
		vmm_cpuid_remove_leaves(table, 0xc, 0xc);
		limit_state(table, level == VMM_CPU_V3 ? STATE_V3 : STATE_V4);
		set_limit(table, 0, STATE_LEAF);
	}
	vmm_cpuid_remove_leaves(table, 0x80000005, 0x80000007);
	set_limit(table, 0x80000000, 0x80000008);
}
