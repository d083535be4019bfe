/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Finding, adding and removing entries of a CPUID table; the one that KVM fills. */
#include <config.h>

#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arch/x86/cpuid_table.h"
#include "kvm/ioctl.h"

struct kvm_cpuid_entry2 *varch_cpuid_find(struct kvm_cpuid2 *table,
					uint32_t function, uint32_t index)
{
	struct kvm_cpuid_entry2 *e;

	for (e = table->entries; e < table->entries + table->nent; e++)
		if (e->function == function &&
		    (index == VARCH_CPUID_ANY || e->index == index))
			return e;
	return NULL;
}

uint32_t *varch_cpuid_register(struct kvm_cpuid_entry2 *e, enum varch_cpuid_reg reg)
{
	uint32_t *const regs[] = { &e->eax, &e->ebx, &e->ecx, &e->edx };

	return regs[reg];
}

/* Removes the entries from first to last. */
void varch_cpuid_remove_leaves(struct kvm_cpuid2 *table, uint32_t first,
			     uint32_t last)
{
	uint32_t i, n = 0;

	for (i = 0; i < table->nent; i++)
		if (table->entries[i].function < first ||
		    table->entries[i].function > last)
			table->entries[n++] = table->entries[i];
	table->nent = n;
}

int varch_cpuid_add(struct kvm_cpuid2 *table, const struct kvm_cpuid_entry2 *e)
{
	if (table->nent == VARCH_CPUID_MAX)
		return -ENOSPC;
	table->entries[table->nent++] = *e;
	return 0;
}

/* The entry of a part of the name that KVM has left empty, or NULL. */
static struct kvm_cpuid_entry2 *empty_name(struct kvm_cpuid2 *table, uint32_t part)
{
	struct kvm_cpuid_entry2 *e;

	e = varch_cpuid_find(table, VARCH_CPUID_NAME + part, VARCH_CPUID_ANY);
	return e && !e->eax && !e->ebx && !e->ecx && !e->edx ? e : NULL;
}

void varch_cpuid_name(struct kvm_cpuid2 *table, const uint32_t name[12])
{
	struct kvm_cpuid_entry2 *e;
	uint32_t i;

	for (i = 0; i < 3; i++) {
		e = empty_name(table, i);
		if (e)
			memcpy(&e->eax, name + 4 * i, 16);
	}
}

/* Most hosts fill in the name. CPUID is slow where the host is itself a virtual machine. */
static void host_name_take(struct kvm_cpuid2 *table)
{
	uint32_t name[12] = { 0 }, *at = name;
	uint32_t i;

	if (!empty_name(table, 0) && !empty_name(table, 1) && !empty_name(table, 2))
		return;
	if ((uint32_t)__get_cpuid_max(VARCH_CPUID_NAME & 0x80000000, NULL) < VARCH_CPUID_NAME + 2)
		return;
	for (i = 0; i < 3; i++, at += 4)
		__cpuid(VARCH_CPUID_NAME + i, at[0], at[1], at[2], at[3]);
	varch_cpuid_name(table, name);
}

#define TABLE_SIZE (sizeof(struct kvm_cpuid2) + VARCH_CPUID_MAX * sizeof(struct kvm_cpuid_entry2))

static int fetch_supported(const struct varch_vm *kvm, struct kvm_cpuid2 **out,
			   struct vsu_error *err)
{
	struct kvm_cpuid2 *table = calloc(1, TABLE_SIZE);
	int rc;

	if (!table)
		return vsu_error_sys(err, -ENOMEM, "CPUID table");
	table->nent = VARCH_CPUID_MAX;
	rc = varch_ioctl(kvm->kvm_fd, KVM_GET_SUPPORTED_CPUID, table);
	if (rc < 0) {
		free(table);
		return vsu_error_sys(err, rc, "KVM_GET_SUPPORTED_CPUID");
	}
	host_name_take(table);
	*out = table;
	return 0;
}

int varch_cpuid_fetch(struct varch_vm *kvm, struct vsu_error *err)
{
	return kvm->cpuid ? 0 : fetch_supported(kvm, &kvm->cpuid, err);
}

int varch_cpuid_supported(const struct varch_vm *kvm, struct kvm_cpuid2 **out,
			struct vsu_error *err)
{
	struct kvm_cpuid2 *table;

	if (!kvm->cpuid)
		return fetch_supported(kvm, out, err);
	table = malloc(TABLE_SIZE);
	if (!table)
		return vsu_error_sys(err, -ENOMEM, "CPUID table");
	memcpy(table, kvm->cpuid, TABLE_SIZE);
	*out = table;
	return 0;
}

int varch_cpuid_of_cpu(int cpu_fd, struct kvm_cpuid2 **out)
{
	struct kvm_cpuid2 *table = calloc(1, TABLE_SIZE);
	int rc;

	if (!table)
		return -ENOMEM;
	table->nent = VARCH_CPUID_MAX;
	rc = varch_ioctl(cpu_fd, KVM_GET_CPUID2, table);
	if (rc < 0)
		free(table);
	else
		*out = table;
	return rc < 0 ? rc : 0;
}
