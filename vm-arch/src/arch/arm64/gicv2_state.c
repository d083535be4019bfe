/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tables of registers (Documentation/virt/kvm/devices/arm-vgic.rst of Linux, and the GIC
 * specification), in the order in which KVM has to get them.
 */
#include <config.h>

#include <vm-arch/layout.h>

#include "arch/arm64/gic_rows.h"
#include "arch/arm64/gicv2_state.h"
#include "kvm/uapi.h"

#define SHARED_BASE 32u		/* number of the first shared interrupt */
#define WORDS(bits) (VARCH_SHARED_IRQS * (bits) / 32)	/* of all shared interrupts */
#define PER(bits) (SHARED_BASE * (bits) / 8)	/* where their first word is */
#define DISTRIBUTOR KVM_DEV_ARM_VGIC_GRP_DIST_REGS

static const struct varch_gic_row distributor[] = {
	{ DISTRIBUTOR, 0x008, 1 },			/* IIDR */
	{ DISTRIBUTOR, 0x000, 1 },			/* CTLR */
	{ DISTRIBUTOR, 0x080 + PER(1), WORDS(1) },	/* IGROUPR */
	{ DISTRIBUTOR, 0x800 + PER(8), WORDS(8) },	/* ITARGETSR */
	{ DISTRIBUTOR, 0xc00 + PER(2), WORDS(2) },	/* ICFGR */
	{ DISTRIBUTOR, 0x400 + PER(8), WORDS(8) },	/* IPRIORITYR */
	{ DISTRIBUTOR, 0x200 + PER(1), WORDS(1) },	/* ISPENDR */
	{ DISTRIBUTOR, 0x300 + PER(1), WORDS(1) },	/* ISACTIVER */
	{ DISTRIBUTOR, 0x100 + PER(1), WORDS(1) },	/* ISENABLER */
};

/* Interrupts of one CPU, and its interface. */
static const struct varch_gic_row own[] = {
	{ DISTRIBUTOR, 0x080, 1 },			/* IGROUPR0 */
	{ DISTRIBUTOR, 0xc00, 2 },			/* ICFGR */
	{ DISTRIBUTOR, 0x400, 8 },			/* IPRIORITYR */
	{ DISTRIBUTOR, 0xf20, 4 },			/* SPENDSGIR */
	{ DISTRIBUTOR, 0x300, 1 },			/* ISACTIVER0 */
	{ DISTRIBUTOR, 0x100, 1 },			/* ISENABLER0 */
	{ KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0x000, 1 },	/* CTLR */
	{ KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0x004, 1 },	/* PMR */
	{ KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0x008, 1 },	/* BPR */
	{ KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0x01c, 1 },	/* ABPR */
	{ KVM_DEV_ARM_VGIC_GRP_CPU_REGS, 0x0d0, 1 },	/* APR0 */
};

#define ICENABLER0 0x180u
#define ISPENDR0 0x200u
#define FROM_CPUS 0xffffu	/* interrupts between CPUs, each of which has senders (SPENDSGIR) */

int varch_gicv2_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err)
{
	int rc;

	vsu_state_section(w, "gicv2", 0);
	rc = varch_gic_save_rows(kvm, distributor, VARCH_GIC_ROWS(distributor), 0, w, err);
	vsu_state_section_end(w);
	return rc;
}

int varch_gicv2_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, "gicv2", 0, &f, err);

	if (!rc)
		rc = varch_gic_load_rows(kvm, distributor, VARCH_GIC_ROWS(distributor), 0, &f, err);
	return rc ? rc : vsu_state_fields_end(&f, err);
}

/* A word of the distributor for one CPU. */
static int access_own(const struct varch_vm *kvm, bool set, unsigned int cpu, uint32_t at,
		      uint32_t *value, struct vsu_error *err)
{
	const uint64_t name = (uint64_t)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT | at;
	const int rc = varch_gic_call(kvm, VARCH_GIC, set ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR,
				    DISTRIBUTOR, name, value);

	return rc < 0 ? varch_gic_failed(set ? "SET" : "GET", "GIC", name, rc, err) : 0;
}

int varch_gicv2_save_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_writer *w,
		       struct vsu_error *err)
{
	uint32_t pending;
	int rc = varch_gic_save_rows(kvm, own, VARCH_GIC_ROWS(own), cpu, w, err);

	if (!rc)
		rc = access_own(kvm, false, cpu, ISPENDR0, &pending, err);
	if (!rc)
		vsu_state_put_u32(w, pending & ~FROM_CPUS);
	return rc;
}

int varch_gicv2_load_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_fields *f,
		       struct vsu_error *err)
{
	uint32_t all = UINT32_MAX, pending;
	int rc = access_own(kvm, true, cpu, ICENABLER0, &all, err);

	if (!rc)
		rc = varch_gic_load_rows(kvm, own, VARCH_GIC_ROWS(own), cpu, f, err);
	if (rc < 0)
		return rc;
	/* KVM would add this CPU to the senders of an interrupt between CPUs. */
	pending = vsu_state_get_u32(f) & ~FROM_CPUS;
	return access_own(kvm, true, cpu, ISPENDR0, &pending, err);
}
