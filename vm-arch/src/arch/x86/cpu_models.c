/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The names of the models, and the leaves of each. */
#include <config.h>

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "advise.h"
#include "arch/x86/cpu_models.h"

#define ECX_CMP_LEGACY (1u << 1)
#define ECX_XSAVE (1u << 26)
#define ECX_OSXSAVE (1u << 27)
#define ECX_AVX (1u << 28)
#define EBX_AVX512 (1u << 16)
#define ANY VARCH_CPUID_ANY

/* Extended state: the first component is followed by the second one's header. */
#define STATE_LEAF 0xdu
#define STATE_MIN 576u
#define STATE_BASIC 0x3u	/* x87, SSE */
#define STATE_AVX 0x4u
#define STATE_AVX512 0xe0u

#define LAST_LEAF 0xbu		/* without extended state */

/* Further bits of registers that the guest may see; those of features are added. */
static const struct mask {
	uint32_t function, index;
	enum varch_cpuid_reg reg;
	uint32_t keep;
} masks[] = {
	/* x2APIC, OSXSAVE (which follows the guest's CR4), hypervisor */
	{ 1, ANY, VARCH_ECX, 1u << 21 | 1u << 27 | 1u << 31 },
	/* FPU to SSE2, without debug store, thermal control and the like */
	{ 1, ANY, VARCH_EDX, 0x078bfbff },
	{ 7, 0, VARCH_EBX, 0 }, { 7, 0, VARCH_ECX, 0 }, { 7, 0, VARCH_EDX, 0 },
	{ 7, 1, VARCH_EAX, 0 }, { 7, 1, VARCH_EBX, 0 }, { 7, 1, VARCH_ECX, 0 }, { 7, 1, VARCH_EDX, 0 },
	{ 7, 2, VARCH_EAX, 0 }, { 7, 2, VARCH_EBX, 0 }, { 7, 2, VARCH_ECX, 0 }, { 7, 2, VARCH_EDX, 0 },
	/* the compacted format; its size is KVM's */
	{ STATE_LEAF, 1, VARCH_EAX, 0 }, { STATE_LEAF, 1, VARCH_ECX, 0 }, { STATE_LEAF, 1, VARCH_EDX, 0 },
	/* multi-core */
	{ 0x80000001, ANY, VARCH_ECX, ECX_CMP_LEGACY },
	/* SYSCALL, NX, RDTSCP, long mode, and leaf 1's features again */
	{ 0x80000001, ANY, VARCH_EDX, 0x28100800 | 0x0183f3ff },
	{ 0x80000008, ANY, VARCH_EBX, 0 },
};

static const char *const names[] = {
	[VARCH_CPU_HOST] = "host", [VARCH_CPU_PLAIN] = "plain", [VARCH_CPU_V2] = "x86-64-v2",
	[VARCH_CPU_V3] = "x86-64-v3", [VARCH_CPU_V4] = "x86-64-v4",
};

#define NNAMES (sizeof(names) / sizeof(names[0]))

int varch_cpu_choice_read(struct varch_cpu_choice *out, const char *text, struct vsu_error *err)
{
	struct varch_cpu_choice c = { .model = VARCH_CPU_DESCRIBED };
	unsigned int i = 0;
	int rc = 0;

	if (!strncmp(text, VARCH_CPU_LIST, strlen(VARCH_CPU_LIST))) {
		rc = varch_cpu_description_parse(&c.described, text + strlen(VARCH_CPU_LIST), err);
		if (rc < 0)
			return vsu_error_prefix(err, rc, "its list");
	} else {
		while (i < NNAMES && strcmp(names[i], text) != 0)
			i++;
		if (i == NNAMES)
			return -ENOENT;
		c.model = (enum varch_cpu_model)i;
	}
	*out = c;
	return rc;
}

/* ------------------------------------------------------------ features of this host */

static struct varch_cpu_set set_of(const struct varch_cpu_choice *c)
{
	return c->model == VARCH_CPU_DESCRIBED ? c->described.features :
	       varch_cpu_set_of_level(c->model < VARCH_CPU_V2 ? 2 : (unsigned int)(c->model - VARCH_CPU_V2) + 2);
}

static int check_description(const struct varch_cpu_description *d, struct kvm_cpuid2 *supported,
			     struct vsu_error *err)
{
	struct varch_cpu_description here;
	char lacks[256];
	int rc = varch_cpu_description_of(&here, supported, err);

	if (rc < 0)
		return rc;
	if (strcmp(d->vendor, here.vendor) != 0)
		return vsu_error_set(err, -EOPNOTSUPP, "the described processor is of %s, and this host's of %s; use a level such as x86-64-v2",
				     d->vendor, here.vendor);
	return !varch_cpu_set_names(&d->features, &here.features, lacks, sizeof(lacks)) ? 0 :
	       varch_advise(err, vsu_error_set(err, -EOPNOTSUPP, "this host's KVM lacks features of the described processor: %s", lacks),
			    VARCH_ADVICE_CPU_COMMON);
}

int varch_cpu_model_check(struct kvm_cpuid2 *supported, const struct varch_cpu_choice *choice,
			struct vsu_error *err)
{
	const struct varch_cpu_set here = varch_cpu_set_of_table(supported), set = set_of(choice);
	char lacks[256];

	if (choice->model == VARCH_CPU_DESCRIBED)
		return check_description(&choice->described, supported, err);
	if (choice->model < VARCH_CPU_V2 || !varch_cpu_set_names(&set, &here, lacks, sizeof(lacks)))
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM lacks features of the level %s: %s; choose a lower level",
			     names[choice->model], lacks);
}

/* --------------------------------------------------------------------- the table */

static void apply_masks(struct kvm_cpuid2 *table, const struct varch_cpu_set *set)
{
	struct kvm_cpuid_entry2 *e;
	const struct mask *m;

	for (m = masks; m < masks + sizeof(masks) / sizeof(masks[0]); m++) {
		e = varch_cpuid_find(table, m->function, m->index);
		if (e)
			*varch_cpuid_register(e, m->reg) &=
				m->keep | varch_cpu_set_bits(set, m->function, m->index, m->reg);
	}
}

/* A family without errata that need more than the table has. */
static uint32_t signature_of(const struct kvm_cpuid_entry2 *vendor)
{
	return vendor && vendor->ebx == 0x756e6547 /* "Genu" */ ? 0x00000f61 : 0x00060fb1;
}

static void set_brand(struct kvm_cpuid2 *table, enum varch_cpu_model model)
{
	static const char brands[][48] = {
		[VARCH_CPU_PLAIN] = "cvmm plain x86-64-v2 processor",
		[VARCH_CPU_V2] = "cvmm plain x86-64-v2 processor",
		[VARCH_CPU_V3] = "cvmm x86-64-v3 processor", [VARCH_CPU_V4] = "cvmm x86-64-v4 processor",
		[VARCH_CPU_DESCRIBED] = "cvmm described processor",
	};
	struct kvm_cpuid_entry2 *e;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		e = varch_cpuid_find(table, VARCH_CPUID_NAME + i, VARCH_CPUID_ANY);
		if (e)
			memcpy(&e->eax, brands[model] + 16 * i, 16);
	}
}

/* The first leaf of a range contains the number of its highest leaf. */
static void set_limit(struct kvm_cpuid2 *table, uint32_t first, uint32_t last)
{
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, first, VARCH_CPUID_ANY);

	if (e && e->eax > last)
		e->eax = last;
	varch_cpuid_remove_leaves(table, last + 1, first + 0xffff);
}

/* Subleaves of leaf 7 up to the last one with features of the set; a guest can read no others. */
static void limit_features(struct kvm_cpuid2 *table, const struct varch_cpu_set *set)
{
	const uint32_t last = varch_cpu_set_bits(set, 7, 2, VARCH_EDX) ? 2 :
		varch_cpu_set_bits(set, 7, 1, VARCH_EAX) || varch_cpu_set_bits(set, 7, 1, VARCH_EDX) ? 1 : 0;
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 7, 0);
	uint32_t i, n = 0;

	if (e)
		e->eax = last;
	for (i = 0; i < table->nent; i++)
		if (table->entries[i].function != 7 || table->entries[i].index <= last)
			table->entries[n++] = table->entries[i];
	table->nent = n;
}

static bool has_leaf7(const struct varch_cpu_set *set)
{
	const struct varch_cpu_feature *f = varch_cpu_features;

	while (f->name && (f->function != 7 || !varch_cpu_set_has(set, (unsigned int)(f - varch_cpu_features))))
		f++;
	return f->name;
}

static uint32_t components_of(const struct varch_cpu_set *set)
{
	return STATE_BASIC |
	       (varch_cpu_set_bits(set, 1, ANY, VARCH_ECX) & ECX_AVX ? STATE_AVX : 0) |
	       (varch_cpu_set_bits(set, 7, 0, VARCH_EBX) & EBX_AVX512 ? STATE_AVX512 : 0);
}

/* Removes other components. The size follows from the offsets of the remaining ones. */
static void limit_state(struct kvm_cpuid2 *table, uint32_t components)
{
	uint32_t i, n = 0, size = STATE_MIN;
	struct kvm_cpuid_entry2 *e, *first;

	for (i = 0; i < table->nent; i++) {
		e = &table->entries[i];
		if (e->function == STATE_LEAF && e->index &&
		    (e->index == 1 ? !e->eax : e->index > 31 || !(components >> e->index & 1)))
			continue;
		if (e->function == STATE_LEAF && e->index > 1 && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
		table->entries[n++] = *e;
	}
	table->nent = n;
	first = varch_cpuid_find(table, STATE_LEAF, 0);
	if (!first)
		return;
	first->eax &= components;
	first->ebx = first->ecx = size;
	first->edx = 0;
}

static void limit_leaves(struct kvm_cpuid2 *table, const struct varch_cpu_set *set)
{
	const bool state = varch_cpu_set_bits(set, 1, ANY, VARCH_ECX) & ECX_XSAVE;
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 1, ANY);

	if (e && !state)
		e->ecx &= ~ECX_OSXSAVE;
	/* power, counters */
	varch_cpuid_remove_leaves(table, 5, 6);
	varch_cpuid_remove_leaves(table, 8, 0xa);
	varch_cpuid_remove_leaves(table, 0xc, 0xc);
	if (has_leaf7(set))
		limit_features(table, set);
	else
		varch_cpuid_remove_leaves(table, 7, 7);
	if (state)
		limit_state(table, components_of(set));
	set_limit(table, 0, state ? STATE_LEAF : LAST_LEAF);
	varch_cpuid_remove_leaves(table, 0x80000005, 0x80000007);
	set_limit(table, 0x80000000, 0x80000008);
}

void varch_cpu_model_apply(struct kvm_cpuid2 *table, const struct varch_cpu_choice *choice)
{
	const struct varch_cpu_set set = set_of(choice);
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 1, ANY);

	apply_masks(table, &set);
	if (e && choice->model == VARCH_CPU_DESCRIBED)
		e->eax = varch_cpu_description_signature(&choice->described);
	else if (e)
		e->eax = signature_of(varch_cpuid_find(table, 0, ANY));
	set_brand(table, choice->model);
	limit_leaves(table, &set);
}
