/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The extended state of a CPU (XSAVE), and the features that it is of. */
#include <config.h>

#include <stdbool.h>

#include "x86/cpuid_state.h"
#include "x86/cpuid_table.h"

#define ECX_XSAVE (1u << 26)	/* leaf 1 */
/* Bytes of the state that every processor has, and of the header */
#define STATE_LEGACY (512u + 64)

/* Parts of the extended state, and the feature that each of them is of. */
static const struct state_part {
	uint32_t bit, function;
	enum vmm_cpuid_reg reg;
	uint32_t feature;
} state_parts[] = {
	{ 2, 1, VMM_ECX, 1u << 28 },			/* AVX */
	{ 3, 7, VMM_EBX, 1u << 14 }, { 4, 7, VMM_EBX, 1u << 14 }, /* MPX */
	{ 5, 7, VMM_EBX, 1u << 16 }, { 6, 7, VMM_EBX, 1u << 16 },
	{ 7, 7, VMM_EBX, 1u << 16 },			/* AVX-512 */
	{ 9, 7, VMM_ECX, 1u << 3 },			/* protection keys */
	{ 17, 7, VMM_EDX, 1u << 24 }, { 18, 7, VMM_EDX, 1u << 24 }, /* tiles */
};

static bool has_feature(struct kvm_cpuid2 *table, uint32_t function,
			enum vmm_cpuid_reg reg, uint32_t feature)
{
	const uint32_t index = function == 7 ? 0 : VMM_CPUID_ANY;
	struct kvm_cpuid_entry2 *e = vmm_cpuid_find(table, function, index);

	return e && (*vmm_cpuid_register(e, reg) & feature);
}

/* The area holds what is there: the legacy part, a header, the others. */
static void state_size_set(struct kvm_cpuid2 *table,
			   struct kvm_cpuid_entry2 *whole)
{
	const struct kvm_cpuid_entry2 *e;
	uint32_t size = STATE_LEGACY;

	for (e = table->entries; e < table->entries + table->nent; e++)
		if (e->function == 0xd && e->index > 1 && e->index < 32 &&
		    (whole->eax & 1u << e->index) && e->ebx + e->eax > size)
			size = e->ebx + e->eax;
	whole->ecx = size;
	if (whole->ebx > size)
		whole->ebx = size;
}

static uint32_t parts_without_feature(struct kvm_cpuid2 *table, uint32_t parts)
{
	const struct state_part *p = state_parts;
	uint32_t without = 0;

	for (; p < state_parts + sizeof(state_parts) / sizeof(*p); p++)
		if (!has_feature(table, p->function, p->reg, p->feature))
			without |= 1u << p->bit;
	return parts & without;
}

/*
 * A kernel checks the extended state against the features. KVM can offer
 * state of a feature that it does not offer: what it runs on has the state
 * enabled, and its own kernel does not use the feature.
 */
void vmm_cpuid_state(struct kvm_cpuid2 *table)
{
	struct kvm_cpuid_entry2 *whole, *part;
	uint32_t dropped, i;

	if (!has_feature(table, 1, VMM_ECX, ECX_XSAVE))
		vmm_cpuid_remove_leaves(table, 0xd, 0xd);
	whole = vmm_cpuid_find(table, 0xd, 0);
	dropped = whole ? parts_without_feature(table, whole->eax) : 0;
	if (!dropped)
		return;
	for (i = 2; i < 32; i++) {
		part = vmm_cpuid_find(table, 0xd, i);
		if (part && (dropped & 1u << i))
			vmm_cpuid_remove(table, part);
	}
	whole = vmm_cpuid_find(table, 0xd, 0);
	whole->eax &= ~dropped;
	state_size_set(table, whole);
}
