/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Tables of registers (Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst of
 * Linux, and the GIC specification), in the order in which KVM has to get them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/gic_state.h"
#include "target/layout.h"

#define SHARED_BASE 32u		/* number of the first shared interrupt */
#define WORDS(bits) (VMM_FIXED_ROUTES * (bits) / 32)	/* of all shared interrupts */
#define PER(bits) (SHARED_BASE * (bits) / 8)	/* where their first word is */

/* Words of n registers, one behind the other. */
struct row {
	uint32_t group, at, n;
};

static const struct row distributor[] = {
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

static const struct row redistributor[] = {
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

/* Registers of the CPU. Of active priorities, those that its processor has. */
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

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ----------------------------------------------------------------------------- calls */

static int device_call(const struct vmm_kvm *kvm, enum vmm_gic_chip chip, unsigned long call,
		       uint32_t group, uint64_t at, void *value)
{
	struct kvm_device_attr a = { .group = group, .attr = at, .addr = (uintptr_t)value };

	return vmm_kvm_ioctl(kvm->chips[chip], call, &a);
}

static int run_command(const struct vmm_kvm *kvm, enum vmm_gic_chip chip, uint64_t at)
{
	return device_call(kvm, chip, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, at, NULL);
}

static int call_failed(const char *call, const char *part, uint64_t at, int rc, struct vsu_error *err)
{
	return vsu_error_sys(err, rc, "KVM_%s_DEVICE_ATTR of the %s, register %#" PRIx64, call, part, at);
}

/* The name of a word: a CPU's by its affinity, levels by interrupts in a field of their own. */
static uint64_t row_at(const struct row *r, uint32_t i, uint64_t mpidr)
{
	const uint64_t step = r->group == KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO ? 32 : 4;

	return mpidr << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | (r->at + i * step);
}

static int save_rows(const struct vmm_kvm *kvm, const struct row *rows, size_t n, uint64_t mpidr,
		     struct vmm_state_writer *w, struct vsu_error *err)
{
	const struct row *r;
	uint32_t value, i;
	int rc = 0;

	for (r = rows; r < rows + n; r++)
		for (i = 0; i < r->n; i++) {
			rc = device_call(kvm, VMM_GIC, KVM_GET_DEVICE_ATTR, r->group,
					 row_at(r, i, mpidr), &value);
			if (rc < 0)
				return call_failed("GET", "GIC", row_at(r, i, mpidr), rc, err);
			vmm_state_put_u32(w, value);
		}
	return 0;
}

static int load_rows(const struct vmm_kvm *kvm, const struct row *rows, size_t n, uint64_t mpidr,
		     struct vmm_state_fields *f, struct vsu_error *err)
{
	const struct row *r;
	uint32_t value, i;
	int rc = 0;

	for (r = rows; r < rows + n; r++)
		for (i = 0; i < r->n; i++) {
			value = vmm_state_get_u32(f);
			rc = device_call(kvm, VMM_GIC, KVM_SET_DEVICE_ATTR, r->group,
					 row_at(r, i, mpidr), &value);
			if (rc < 0)
				return call_failed("SET", "GIC", row_at(r, i, mpidr), rc, err);
		}
	return 0;
}

/* ----------------------------------------------------------------------- distributor */

static int save_its(const struct vmm_kvm *kvm, struct vmm_state_writer *w, struct vsu_error *err)
{
	uint64_t value;
	unsigned int i;
	int rc = run_command(kvm, VMM_ITS, KVM_DEV_ARM_ITS_SAVE_TABLES);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_DEV_ARM_ITS_SAVE_TABLES");
	vmm_state_section(w, "its", 0);
	for (i = 0; i <= COUNT(its); i++) {
		const uint32_t at = i < COUNT(its) ? its[i] : ITS_CTLR;

		rc = device_call(kvm, VMM_ITS, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, at, &value);
		if (rc < 0)
			return call_failed("GET", "ITS", at, rc, err);
		vmm_state_put_u64(w, value);
	}
	vmm_state_section_end(w);
	return 0;
}

int vmm_gic_save(const struct vmm_kvm *kvm, struct vmm_state_writer *w, struct vsu_error *err)
{
	int rc = run_command(kvm, VMM_GIC, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES");
	vmm_state_section(w, "gic", 0);
	rc = save_rows(kvm, distributor, COUNT(distributor), 0, w, err);
	vmm_state_section_end(w);
	return rc || !vmm_gic_has_its(kvm) ? rc : save_its(kvm, w, err);
}

int vmm_gic_load(const struct vmm_kvm *kvm, const struct vmm_state *state, struct vsu_error *err)
{
	struct vmm_state_fields f;
	int rc = vmm_state_find(state, "gic", 0, &f, err);

	if (!rc)
		rc = load_rows(kvm, distributor, COUNT(distributor), 0, &f, err);
	return rc ? rc : vmm_state_fields_end(&f, err);
}

static int set_its(const struct vmm_kvm *kvm, uint32_t at, uint64_t value, struct vsu_error *err)
{
	int rc = device_call(kvm, VMM_ITS, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, at, &value);

	return rc < 0 ? call_failed("SET", "ITS", at, rc, err) : 0;
}

int vmm_gic_load_its(const struct vmm_kvm *kvm, const struct vmm_state *state, struct vsu_error *err)
{
	struct vmm_state_fields f;
	unsigned int i;
	int rc = vmm_state_find(state, "its", 0, &f, NULL);

	if (rc < 0)
		return 0;	/* the source had none */
	if (!vmm_gic_has_its(kvm))
		return vsu_error_set(err, -EOPNOTSUPP, "the state has an ITS, which this host's KVM lacks");
	for (i = 0; !rc && i < COUNT(its); i++)
		rc = set_its(kvm, its[i], vmm_state_get_u64(&f), err);
	if (!rc) {
		rc = run_command(kvm, VMM_ITS, KVM_DEV_ARM_ITS_RESTORE_TABLES);
		rc = rc < 0 ? vsu_error_sys(err, rc, "KVM_DEV_ARM_ITS_RESTORE_TABLES") : 0;
	}
	if (!rc)
		rc = set_its(kvm, ITS_CTLR, vmm_state_get_u64(&f), err);
	return rc ? rc : vmm_state_fields_end(&f, err);
}

/* ------------------------------------------------------------------------------ CPUs */

static uint64_t interface_at(const struct interface *r, uint64_t mpidr)
{
	return mpidr << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | r->at;
}

int vmm_gic_save_cpu(const struct vmm_kvm *kvm, unsigned int cpu, struct vmm_state_writer *w,
		     struct vsu_error *err)
{
	const uint64_t mpidr = vmm_arm64_mpidr(cpu);
	const struct interface *r;
	uint64_t value;
	int rc = save_rows(kvm, redistributor, COUNT(redistributor), mpidr, w, err);

	for (r = interface; !rc && r < interface + COUNT(interface); r++) {
		value = 0;
		rc = device_call(kvm, VMM_GIC, KVM_GET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				 interface_at(r, mpidr), &value);
		if (rc < 0 && (!r->may_lack || (rc != -EINVAL && rc != -ENXIO)))
			return call_failed("GET", "GIC", interface_at(r, mpidr), rc, err);
		vmm_state_put_u32(w, rc == 0);
		vmm_state_put_u64(w, value);
		rc = 0;
	}
	return rc;
}

int vmm_gic_load_cpu(const struct vmm_kvm *kvm, unsigned int cpu, struct vmm_state_fields *f,
		     struct vsu_error *err)
{
	const uint64_t mpidr = vmm_arm64_mpidr(cpu);
	const struct interface *r;
	uint32_t present;
	uint64_t value;
	uint32_t all = UINT32_MAX;
	int rc = device_call(kvm, VMM_GIC, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS,
			     mpidr << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT | ICENABLER0, &all);

	/* KVM enables interrupts between CPUs, and the register of the state can only enable them */
	if (rc < 0)
		return call_failed("SET", "GIC", ICENABLER0, rc, err);
	rc = load_rows(kvm, redistributor, COUNT(redistributor), mpidr, f, err);
	for (r = interface; !rc && r < interface + COUNT(interface); r++) {
		present = vmm_state_get_u32(f);
		value = vmm_state_get_u64(f);
		if (!present)
			continue;
		rc = device_call(kvm, VMM_GIC, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS,
				 interface_at(r, mpidr), &value);
		if (rc < 0)
			return call_failed("SET", "GIC", interface_at(r, mpidr), rc, err);
	}
	return rc;
}
