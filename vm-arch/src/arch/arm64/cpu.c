/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The features of a vCPU, and the registers with which it begins. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>

#include "advise.h"
#include "arch/arm64/cpu.h"
#include "arch/own.h"
#include "kvm/ioctl.h"

#define PSCI (1u << KVM_ARM_VCPU_PSCI_0_2)
#define SVE (1u << KVM_ARM_VCPU_SVE)

/* The model "host" has these features beside PSCI. KVM gives a CPU both kinds of pointer authentication, or none. */
static const struct optional {
	uint32_t bits;
	int capabilities[2];
	const char *name;
} optional[] = {
	{ SVE, { KVM_CAP_ARM_SVE, KVM_CAP_ARM_SVE }, "SVE" },
	{ 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC,
	  { KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC }, "pointer authentication" },
};

#define NOPTIONAL (sizeof(optional) / sizeof(optional[0]))

static bool host_has(const struct varch_vm *kvm, const struct optional *o)
{
	return varch_vm_capability(kvm, o->capabilities[0]) && varch_vm_capability(kvm, o->capabilities[1]);
}

uint32_t varch_arm64_cpu_features(const struct varch_vm *kvm)
{
	return kvm->cpu_features | (varch_vm_capability(kvm, KVM_CAP_ARM_PSCI_0_2) ? PSCI : 0);
}

/* ------------------------------------------------------------------- the choice */

static void choose_by_model(struct varch_vm *kvm, enum varch_cpu_model model)
{
	unsigned int i;

	for (i = 0; i < NOPTIONAL; i++)
		if (model == VARCH_CPU_HOST && host_has(kvm, &optional[i]))
			kvm->cpu_features |= optional[i].bits;
}

static int check_features(const struct varch_vm *kvm, uint32_t features, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < NOPTIONAL; i++) {
		if ((features & optional[i].bits) == optional[i].bits && !host_has(kvm, &optional[i]))
			return varch_advise(err, vsu_error_set(err, -EOPNOTSUPP, "the guest's processors have %s, which this host's KVM does not offer", optional[i].name),
					    VARCH_ADVICE_CPU_PLAIN);
		if ((features & optional[i].bits) == optional[i].bits)
			features &= ~optional[i].bits;
	}
	return !features ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP, "the guest's processors have features %#" PRIx32 ", which this version does not know", features);
}

/* Vectors of 128 bits exist wherever there is SVE. */
static int check_lengths(const struct varch_vm *kvm, uint32_t features, struct vsu_error *err)
{
	const bool has_vectors = features & SVE;
	uint64_t any = 0;
	unsigned int i;

	for (i = 0; i < VARCH_LENGTH_WORDS; i++)
		any |= kvm->vector_lengths[i];
	if (has_vectors ? kvm->vector_lengths[0] & 1 : !any)
		return 0;
	return vsu_error_set(err, -EBADMSG, "the state has lengths of SVE vectors that no processor has");
}

/* Without the section they have none. */
static int choose_by_state(struct varch_vm *kvm, const struct vsu_state *state, struct vsu_error *err)
{
	struct vsu_state_fields f;
	uint32_t features;
	unsigned int i;
	int rc;

	if (vsu_state_find(state, "features", 0, &f, NULL) < 0)
		return 0;
	features = vsu_state_get_u32(&f);
	for (i = 0; i < VARCH_LENGTH_WORDS; i++)
		kvm->vector_lengths[i] = vsu_state_get_u64(&f);
	rc = vsu_state_fields_end(&f, err);
	if (!rc)
		rc = check_features(kvm, features, err);
	if (!rc)
		rc = check_lengths(kvm, features, err);
	if (!rc)
		kvm->cpu_features = features;
	return rc;
}

int varch_cpus_choose(struct varch_vm *kvm, const struct varch_cpu_choice *choice,
			 const struct vsu_state *state, struct vsu_error *err)
{
	kvm->cpu_features = 0;
	memset(kvm->vector_lengths, 0, sizeof(kvm->vector_lengths));
	if (state)
		return choose_by_state(kvm, state, err);
	choose_by_model(kvm, choice->model);
	return 0;
}

void varch_vm_describe(const struct varch_vm *kvm, struct vsu_state_writer *w)
{
	unsigned int i;

	if (!kvm->cpu_features)
		return;
	vsu_state_section(w, "features", 0);
	vsu_state_put_u32(w, kvm->cpu_features);
	for (i = 0; i < VARCH_LENGTH_WORDS; i++)
		vsu_state_put_u64(w, kvm->vector_lengths[i]);
	vsu_state_section_end(w);
}

/* ------------------------------------------------------------------------ a CPU */

/* A CPU has the vector lengths of the state; without a state the first CPU has all of the host, and the others the same. */
static int choose_lengths(struct varch_vm *kvm, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	int rc;

	_Static_assert(VARCH_LENGTH_WORDS == KVM_ARM64_SVE_VLS_WORDS, "of the register");
	if (!kvm->vector_lengths[0]) {
		rc = varch_arm64_get_register(cpu_fd, KVM_REG_ARM64_SVE_VLS, kvm->vector_lengths);
		return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: the lengths of its SVE vectors", cpu) : 0;
	}
	rc = varch_arm64_set_register(cpu_fd, KVM_REG_ARM64_SVE_VLS, kvm->vector_lengths);
	if (rc == -EINVAL)
		return varch_advise(err, vsu_error_set(err, -EOPNOTSUPP, "CPU %u: the guest's SVE vectors have lengths that this host's KVM does not offer", cpu),
				    VARCH_ADVICE_CPU_PLAIN);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: the lengths of its SVE vectors", cpu) : 0;
}

/* KVM accepts lengths up to KVM_ARM_VCPU_FINALIZE, and runs no CPU before it. */
static int begin_vectors(struct varch_vm *kvm, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	int feature = KVM_ARM_VCPU_SVE;
	int rc = choose_lengths(kvm, cpu_fd, cpu, err);

	if (rc < 0)
		return rc;
	rc = varch_ioctl(cpu_fd, KVM_ARM_VCPU_FINALIZE, &feature);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_ARM_VCPU_FINALIZE", cpu) : 0;
}

int varch_arm64_cpu_init(struct varch_vm *kvm, int cpu_fd, unsigned int cpu, struct vsu_error *err)
{
	struct kvm_vcpu_init init = { 0 };
	int rc = varch_ioctl(kvm->vm_fd, KVM_ARM_PREFERRED_TARGET, &init);

	if (rc < 0)
		return vsu_error_sys(err, rc, "KVM_ARM_PREFERRED_TARGET");
	init.features[0] = varch_arm64_cpu_features(kvm);
	rc = varch_ioctl(cpu_fd, KVM_ARM_VCPU_INIT, &init);
	if (rc < 0)
		return vsu_error_sys(err, rc, "CPU %u: KVM_ARM_VCPU_INIT", cpu);
	return kvm->cpu_features & SVE ? begin_vectors(kvm, cpu_fd, cpu, err) : 0;
}

uint64_t varch_arm64_mpidr(unsigned int number)
{
	return (number & 15) | (uint64_t)(number >> 4) << 8;
}

int varch_arm64_get_register(int cpu_fd, uint64_t id, void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return varch_ioctl(cpu_fd, KVM_GET_ONE_REG, &reg);
}

int varch_arm64_set_register(int cpu_fd, uint64_t id, const void *value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

	return varch_ioctl(cpu_fd, KVM_SET_ONE_REG, &reg);
}

static int put_activity(int cpu_fd, uint32_t activity)
{
	struct kvm_mp_state state = { .mp_state = activity };

	return varch_ioctl(cpu_fd, KVM_SET_MP_STATE, &state);
}

static int set_activity(int cpu_fd, uint32_t activity, unsigned int cpu, struct vsu_error *err)
{
	int rc = put_activity(cpu_fd, activity);

	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_SET_MP_STATE", cpu) : 0;
}

struct register_value {
	uint64_t id, value;
};

/* After a failure, *id is that of the register. */
static int set_registers(int cpu_fd, const struct register_value *rows, unsigned int n, uint64_t *id)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < n; i++) {
		*id = rows[i].id;
		rc = varch_arm64_set_register(cpu_fd, rows[i].id, &rows[i].value);
	}
	return rc;
}

/* KVM has reset the CPU to EL1 with interrupts masked and caches off. */
int varch_arm64_start_cpu(int cpu_fd, unsigned int cpu, const struct varch_arm64_start *start,
			struct vsu_error *err)
{
	const struct register_value rows[] = {
		{ VARCH_ARM64_CORE(regs.pc), start->entry },
		{ VARCH_ARM64_CORE(regs.regs[0]), start->x0 },
		{ VARCH_ARM64_CORE(regs.regs[1]), start->x1 },
		{ VARCH_ARM64_CORE(sp_el1), start->stack_top },
	};
	uint64_t id;
	int rc;

	if (start->waits)
		return set_activity(cpu_fd, KVM_MP_STATE_STOPPED, cpu, err);
	rc = set_registers(cpu_fd, rows, sizeof(rows) / sizeof(rows[0]), &id);
	return rc < 0 ? vsu_error_sys(err, rc, "CPU %u: KVM_SET_ONE_REG %#" PRIx64, cpu, id) :
			set_activity(cpu_fd, KVM_MP_STATE_RUNNABLE, cpu, err);
}

/* ------------------------------------------------------------------------ suspend */

#define SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define SCTLR_RESET 0xc50078ull	/* the MMU and the caches are off, data is little-endian */
#define PSTATE_START 0x3c5ull	/* EL1h; all exceptions are masked */

/* The call does not return: the processor begins with the registers of CPU_ON. */
static int begin_again(int cpu_fd, uint64_t entry, uint64_t context)
{
	const struct register_value rows[] = {
		{ SCTLR_EL1, SCTLR_RESET },
		{ VARCH_ARM64_CORE(regs.pstate), PSTATE_START },
		{ VARCH_ARM64_CORE(regs.pc), entry },
		{ VARCH_ARM64_CORE(regs.regs[0]), context },
	};
	uint64_t id;

	return set_registers(cpu_fd, rows, sizeof(rows) / sizeof(rows[0]), &id);
}

int varch_arm64_suspend_cpu(int cpu_fd)
{
	uint64_t entry, context;
	int rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.regs[1]), &entry);

	if (!rc)
		rc = varch_arm64_get_register(cpu_fd, VARCH_ARM64_CORE(regs.regs[2]), &context);
	if (!rc)
		rc = begin_again(cpu_fd, entry, context);
	return rc ? rc : put_activity(cpu_fd, KVM_MP_STATE_SUSPENDED);
}

int varch_arm64_wake_cpu(int cpu_fd)
{
	return put_activity(cpu_fd, KVM_MP_STATE_RUNNABLE);
}

int varch_cpu_add(const struct varch_vm *kvm, int first_fd, int cpu_fd, unsigned int cpu,
		     struct vsu_error *err)
{
	(void)kvm;
	(void)first_fd;
	(void)cpu_fd;
	return vsu_error_set(err, -EOPNOTSUPP, "CPU %u: no CPU can be added to a GIC that has begun", cpu);
}
