/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tables of registers (Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst of
 * Linux, and the GIC specification), in the order in which KVM has to get them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include <vm-arch/layout.h>

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic_rows.h"
#include "arch/arm64/gic_state.h"
#include "arch/arm64/gicv2_state.h"
#include "kvm/uapi.h"

#define SHARED_BASE 32u		/* number of the first shared interrupt */
#define WORDS(bits) (VARCH_SHARED_IRQS * (bits) / 32)	/* of all shared interrupts */
#define PER(bits) (SHARED_BASE * (bits) / 8)	/* where their first word is */

static const struct varch_gic_row distributor[] = {
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0008, 1 },			/* IIDR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0000, 1 },			/* CTLR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0010, 1 },			/* STATUSR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0080 + PER(1), WORDS(1) },	/* IGROUPR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x6000 + PER(64), WORDS(64) }, /* IROUTER */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0c00 + PER(2), WORDS(2) },	/* ICFGR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0400 + PER(8), WORDS(8) },	/* IPRIORITYR */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0200 + PER(1), WORDS(1) },	/* ISPENDR */
	{ KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, SHARED_BASE, WORDS(1) },
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0300 + PER(1), WORDS(1) },	/* ISACTIVER */
	{ KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0x0100 + PER(1), WORDS(1) },	/* ISENABLER */
};

#define SGI 0x10000u	/* the page of private interrupts */
#define ICENABLER0 (SGI + 0x0180)

static const struct varch_gic_row redistributor[] = {
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0010, 1 },	/* STATUSR */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0014, 1 },	/* WAKER */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0070, 2 },	/* PROPBASER */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0078, 2 },	/* PENDBASER */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, 0x0000, 1 },	/* CTLR */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0080, 1 },	/* IGROUPR0 */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0c00, 2 },	/* ICFGR */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0400, 8 },	/* IPRIORITYR */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0200, 1 },	/* ISPENDR0 */
	{ KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO, 0, 1 },
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0300, 1 },	/* ISACTIVER0 */
	{ KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, SGI + 0x0100, 1 },	/* ISENABLER0 */
};

#define ICC(op1, crn, crm, op2) ((op1) << 11 | (crn) << 7 | (crm) << 3 | (op2) | 3u << 14)

/* Registers of the CPU. A processor may lack some for active priorities. */
static const struct interface {
	uint32_t at;
	bool may_lack;
} interface[] = {
	{ ICC(0u, 12u, 12u, 5u), false },	/* SRE */
	{ ICC(0u, 12u, 12u, 4u), false },	/* CTLR */
	{ ICC(0u, 12u, 12u, 6u), false },	/* IGRPEN0 */
	{ ICC(0u, 12u, 12u, 7u), false },	/* IGRPEN1 */
	{ ICC(0u, 4u, 6u, 0u), false },		/* PMR */
	{ ICC(0u, 12u, 8u, 3u), false },	/* BPR0 */
	{ ICC(0u, 12u, 12u, 3u), false },	/* BPR1 */
	{ ICC(0u, 12u, 8u, 4u), true },		/* AP0R */
	{ ICC(0u, 12u, 8u, 5u), true },
	{ ICC(0u, 12u, 8u, 6u), true },
	{ ICC(0u, 12u, 8u, 7u), true },
	{ ICC(0u, 12u, 9u, 0u), true },		/* AP1R */
	{ ICC(0u, 12u, 9u, 1u), true },
	{ ICC(0u, 12u, 9u, 2u), true },
	{ ICC(0u, 12u, 9u, 3u), true },
};

#define ITS_CTLR 0x0000u

/* All but CTLR, which follows the tables. */
static const uint32_t its[] = {
	0x0004,				/* IIDR */
	0x0080, 0x0090, 0x0088,		/* CBASER, CREADR, CWRITER */
	0x0100, 0x0108, 0x0110, 0x0118, 0x0120, 0x0128, 0x0130, 0x0138,	/* BASER */
};

static int run_command(const struct varch_vm *kvm, enum varch_gic_chip chip, uint64_t at)
{
	return varch_gic_call(kvm, chip, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, at, NULL);
}

/* ---------------------------------------------------------------------------- tables */

/*
 * KVM keeps tables in memory that the guest's driver chose. A guest that chose addresses without memory
 * or tables without room (a fault of its kernel, or hostile) has state that is nowhere: a save without
 * it would be a machine whose interrupts are lost, so the save fails and the guest continues.
 */
static bool is_of_guest(int rc)
{
	return rc == -EFAULT || rc == -EINVAL || rc == -E2BIG;
}

static int save_tables(const struct varch_vm *kvm, enum varch_gic_chip chip, struct vsu_error *err)
{
	const bool is_its = chip == VARCH_ITS;
	const int rc = run_command(kvm, chip, is_its ? KVM_DEV_ARM_ITS_SAVE_TABLES : KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);

	if (is_of_guest(rc))
		return vsu_error_set(err, rc, "the guest has given its interrupt controller (%s) tables outside of its memory, or too small for its interrupts; the machine cannot be saved or moved before the guest restarts",
				     is_its ? "ITS" : "GICv3");
	return rc < 0 ? vsu_error_sys(err, rc, is_its ? "KVM_DEV_ARM_ITS_SAVE_TABLES" : "KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES") : 0;
}

static int load_tables(const struct varch_vm *kvm, struct vsu_error *err)
{
	const int rc = run_command(kvm, VARCH_ITS, KVM_DEV_ARM_ITS_RESTORE_TABLES);

	if (is_of_guest(rc))
		return vsu_error_set(err, rc, "the tables of the interrupt controller (ITS) in the saved memory are invalid: the guest changed them, or the files of the save belong to different machines");
	return rc < 0 ? vsu_error_sys(err, rc, "KVM_DEV_ARM_ITS_RESTORE_TABLES") : 0;
}

/* ----------------------------------------------------------------------- distributor */

static int save_its(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err)
{
	uint64_t value;
	unsigned int i;
	int rc = save_tables(kvm, VARCH_ITS, err);

	if (rc < 0)
		return rc;
	vsu_state_section(w, "its", 0);
	for (i = 0; i <= VARCH_GIC_ROWS(its); i++) {
		const uint32_t at = i < VARCH_GIC_ROWS(its) ? its[i] : ITS_CTLR;

		rc = varch_gic_call(kvm, VARCH_ITS, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, at, &value);
		if (rc < 0)
			return varch_gic_failed("GET", "ITS", at, rc, err);
		vsu_state_put_u64(w, value);
	}
	vsu_state_section_end(w);
	return 0;
}

int varch_gic_save(const struct varch_vm *kvm, struct vsu_state_writer *w, struct vsu_error *err)
{
	int rc;

	if (kvm->gic == 2)
		return varch_gicv2_save(kvm, w, err);
	rc = save_tables(kvm, VARCH_GIC, err);
	if (rc < 0)
		return rc;
	vsu_state_section(w, "gic", 0);
	rc = varch_gic_save_rows(kvm, distributor, VARCH_GIC_ROWS(distributor), 0, w, err);
	vsu_state_section_end(w);
	return rc || !varch_gic_has_its(kvm) ? rc : save_its(kvm, w, err);
}

/* Sections of the one do not fit the other, and nor do device trees. */
static int check_version(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	const unsigned int other = 5 - kvm->gic;
	struct vsu_state_fields f;

	if (vsu_state_find(state, other == 2 ? "gicv2" : "gic", 0, &f, NULL) < 0)
		return 0;
	return vsu_error_set(err, -EOPNOTSUPP, "the saved machine has a GICv%u, and machines of this host a GICv%u; use a host with the same interrupt controller", other, kvm->gic);
}

int varch_gic_load(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	int rc = check_version(kvm, state, err);

	if (rc < 0)
		return rc;
	if (kvm->gic == 2)
		return varch_gicv2_load(kvm, state, err);
	rc = vsu_state_find(state, "gic", 0, &f, err);

	if (!rc)
		rc = varch_gic_load_rows(kvm, distributor, VARCH_GIC_ROWS(distributor), 0, &f, err);
	return rc ? rc : vsu_state_fields_end(&f, err);
}

static int set_its(const struct varch_vm *kvm, uint32_t at, uint64_t value, struct vsu_error *err)
{
	int rc = varch_gic_call(kvm, VARCH_ITS, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, at, &value);

	return rc < 0 ? varch_gic_failed("SET", "ITS", at, rc, err) : 0;
}

int varch_gic_load_its(const struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	unsigned int i;
	int rc = vsu_state_find(state, "its", 0, &f, NULL);

	if (rc < 0)
		return 0;	/* the source had none */
	if (!varch_gic_has_its(kvm))
		return vsu_error_set(err, -EOPNOTSUPP, "the state has an ITS, which this host's KVM lacks");
	for (i = 0; !rc && i < VARCH_GIC_ROWS(its); i++)
		rc = set_its(kvm, its[i], vsu_state_get_u64(&f), err);
	if (!rc)
		rc = load_tables(kvm, err);
	if (!rc)
		rc = set_its(kvm, ITS_CTLR, vsu_state_get_u64(&f), err);
	return rc ? rc : vsu_state_fields_end(&f, err);
}

/* ------------------------------------------------------------------------------ CPUs */

static uint64_t interface_at(const struct interface *r, uint64_t mpidr)
{
	return mpidr << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | r->at;
}

int varch_gic_save_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_writer *w,
		     struct vsu_error *err)
{
	const uint64_t mpidr = varch_arm64_mpidr(cpu);
	const struct interface *r;
	uint64_t value;
	int rc;

	if (kvm->gic == 2)
		return varch_gicv2_save_cpu(kvm, cpu, w, err);
	rc = varch_gic_save_rows(kvm, redistributor, VARCH_GIC_ROWS(redistributor), mpidr, w, err);

	for (r = interface; !rc && r < interface + VARCH_GIC_ROWS(interface); r++) {
		value = 0;
		rc = varch_gic_call(kvm, VARCH_GIC, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				 interface_at(r, mpidr), &value);
		if (rc < 0 && (!r->may_lack || (rc != -EINVAL && rc != -ENXIO)))
			return varch_gic_failed("GET", "GIC", interface_at(r, mpidr), rc, err);
		vsu_state_put_u32(w, rc == 0);
		vsu_state_put_u64(w, value);
		rc = 0;
	}
	return rc;
}

int varch_gic_load_cpu(const struct varch_vm *kvm, unsigned int cpu, struct vsu_state_fields *f,
		     struct vsu_error *err)
{
	const uint64_t mpidr = varch_arm64_mpidr(cpu);
	const struct interface *r;
	uint32_t present;
	uint64_t value;
	uint32_t all = UINT32_MAX;
	int rc;

	if (kvm->gic == 2)
		return varch_gicv2_load_cpu(kvm, cpu, f, err);
	rc = varch_gic_call(kvm, VARCH_GIC, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			     mpidr << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | ICENABLER0, &all);

	/* KVM enables interrupts between CPUs, and the register of the state can only enable them */
	if (rc < 0)
		return varch_gic_failed("SET", "GIC", ICENABLER0, rc, err);
	rc = varch_gic_load_rows(kvm, redistributor, VARCH_GIC_ROWS(redistributor), mpidr, f, err);
	for (r = interface; !rc && r < interface + VARCH_GIC_ROWS(interface); r++) {
		present = vsu_state_get_u32(f);
		value = vsu_state_get_u64(f);
		if (!present)
			continue;
		rc = varch_gic_call(kvm, VARCH_GIC, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				 interface_at(r, mpidr), &value);
		if (rc < 0)
			return varch_gic_failed("SET", "GIC", interface_at(r, mpidr), rc, err);
	}
	return rc;
}
