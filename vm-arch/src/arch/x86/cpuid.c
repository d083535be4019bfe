/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Edits a CPUID table in this order: the leaves of the CPU model, the leaves that
 * must be removed, features, topology.
 */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "arch/x86/cpuid.h"
#include "arch/x86/cpuid_table.h"
#include "arch/x86/kvm_x86.h"

/* Leaf 1 */
#define ECX_TSC_DEADLINE (1u << 24)
#define ECX_HYPERVISOR (1u << 31)
#define EDX_HTT (1u << 28)
/* Leaf 0x80000001 */
#define ECX_CMP_LEGACY (1u << 1)

#define LEVEL_THREAD 1u
#define LEVEL_CORE 2u

/* Bits of a register that the guest may see. */
struct mask {
	uint32_t function, index;
	enum varch_cpuid_reg reg;
	uint32_t keep;
};

static void masks_apply(struct kvm_cpuid2 *table, const struct mask *masks,
			unsigned int n)
{
	struct kvm_cpuid_entry2 *e;
	const struct mask *m;

	for (m = masks; m < masks + n; m++) {
		e = varch_cpuid_find(table, m->function, m->index);
		if (e)
			*varch_cpuid_register(e, m->reg) &= m->keep;
	}
}

/*
 * Features that this VMM does not support: enclaves require memory of their own
 * (SGX), processor trace and resource control belong to the host, memory
 * encryption requires a VM of that type.
 */
static const struct mask unkept[] = {
	{ 7, 0, VARCH_EBX, ~(1u << 2 | 1u << 12 | 1u << 15 | 1u << 25) },
	{ 7, 0, VARCH_ECX, ~(1u << 30) },
};

static const uint32_t unkept_leaves[][2] = {
	{ 0x3, 0x3 },		/* serial number */
	{ 0xf, 0x10 },		/* resource control */
	{ 0x12, 0x12 },		/* enclaves */
	{ 0x14, 0x14 },		/* trace */
	{ 0x8000001f, 0x8000001f }, /* memory encryption */
};

/* Ids of CPUs of one socket take that many bits. */
static unsigned int id_bits(unsigned int ncpus)
{
	unsigned int bits = 0;

	while (1u << bits < ncpus)
		bits++;
	return bits;
}

static void features_set(struct kvm_cpuid2 *table,
			 const struct varch_cpuid_config *config)
{
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 1, VARCH_CPUID_ANY);

	if (e) {
		e->ecx = (e->ecx & ~ECX_TSC_DEADLINE) | ECX_HYPERVISOR |
			 (config->tsc_deadline ? ECX_TSC_DEADLINE : 0);
		e->edx = (e->edx & ~EDX_HTT) |
			 (config->ncpus > 1 ? EDX_HTT : 0);
		/* line size for CLFLUSH stays; the count */
		e->ebx = (e->ebx & 0xff00) | 1u << id_bits(config->ncpus) << 16;
	}
	e = varch_cpuid_find(table, KVM_CPUID_FEATURES, VARCH_CPUID_ANY);
	if (e && config->map_hypercall)
		e->eax |= 1u << KVM_FEATURE_HC_MAP_GPA_RANGE;
	e = varch_cpuid_find(table, 0x80000001, VARCH_CPUID_ANY);
	if (e && config->ncpus == 1)
		e->ecx &= ~ECX_CMP_LEGACY;
}

/* Leaf 0xb or 0x1f: threads of a core, cores of the socket, the end. */
static int levels_add(struct kvm_cpuid2 *table, uint32_t function,
		      const struct varch_cpuid_config *config)
{
	const struct kvm_cpuid_entry2 levels[] = {
		{ .index = 0, .eax = 0, .ebx = 1, .ecx = LEVEL_THREAD << 8 },
		{ .index = 1, .eax = id_bits(config->ncpus), .ebx = config->ncpus,
		  .ecx = LEVEL_CORE << 8 | 1 },
		{ .index = 2, .ecx = 2 },
	};
	struct kvm_cpuid_entry2 e;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(levels) / sizeof(levels[0]); i++) {
		e = levels[i];
		e.function = function;
		e.flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
		rc = varch_cpuid_add(table, &e);
	}
	return rc;
}

static int topology_leaf_set(struct kvm_cpuid2 *table, uint32_t function,
			     const struct varch_cpuid_config *config)
{
	const struct kvm_cpuid_entry2 *base = varch_cpuid_find(table, 0, VARCH_CPUID_ANY);

	varch_cpuid_remove_leaves(table, function, function);
	return base && base->eax >= function ?
		levels_add(table, function, config) : 0;
}

/* Caches up to the second level are a core's, the others all cores'. */
static void caches_set(struct kvm_cpuid2 *table, uint32_t function,
		       const struct varch_cpuid_config *config)
{
	struct kvm_cpuid_entry2 *e;
	uint32_t level, shared;

	for (e = table->entries; e < table->entries + table->nent; e++) {
		if (e->function != function || !(e->eax & 0x1f))
			continue;
		level = e->eax >> 5 & 7;
		shared = level < 3 ? 0 : (1u << id_bits(config->ncpus)) - 1;
		e->eax = (e->eax & 0x3fff) | shared << 14;
		if (function == 4)	/* and how many cores there are */
			e->eax |= ((1u << id_bits(config->ncpus)) - 1) << 26;
	}
}

/* AMD counts cores in these. */
static void amd_topology_set(struct kvm_cpuid2 *table,
			     const struct varch_cpuid_config *config)
{
	struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 0x80000008, VARCH_CPUID_ANY);

	if (e)
		e->ecx = id_bits(config->ncpus) << 12 | (config->ncpus - 1);
	e = varch_cpuid_find(table, 0x8000001e, VARCH_CPUID_ANY);
	if (e)
		e->ecx = 0;	/* one node */
}

void varch_cpuid_set_number(struct kvm_cpuid2 *table, unsigned int cpu)
{
	struct kvm_cpuid_entry2 *e;

	for (e = table->entries; e < table->entries + table->nent; e++) {
		if (e->function == 1)
			e->ebx = (e->ebx & 0xffffff) | cpu << 24;
		else if (e->function == 0xb || e->function == 0x1f)
			e->edx = cpu;
		else if (e->function == 0x8000001e)	/* one thread in each core */
			e->eax = e->ebx = cpu;
	}
}

int varch_cpuid_shape(struct kvm_cpuid2 *table,
		    const struct varch_cpuid_config *config)
{
	unsigned int i;
	int rc;

	if (config->choice.model != VARCH_CPU_HOST)
		varch_cpu_model_apply(table, &config->choice);
	masks_apply(table, unkept, sizeof(unkept) / sizeof(unkept[0]));
	for (i = 0; i < sizeof(unkept_leaves) / sizeof(unkept_leaves[0]); i++)
		varch_cpuid_remove_leaves(table, unkept_leaves[i][0], unkept_leaves[i][1]);
	features_set(table, config);
	caches_set(table, 4, config);
	caches_set(table, 0x8000001d, config);
	amd_topology_set(table, config);
	rc = topology_leaf_set(table, 0xb, config);
	if (!rc)
		rc = topology_leaf_set(table, 0x1f, config);
	if (!rc)
		varch_cpuid_set_number(table, config->cpu);
	return rc;
}
