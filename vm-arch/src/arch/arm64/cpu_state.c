/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Saves and loads a vCPU: its features, the registers that KVM lists, with their timers, what
 * the GIC has for it, and whether it waits for CPU_ON, or suspended for an interrupt.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/arch.h>

#include "arch/arm64/cpu.h"
#include "arch/arm64/gic_state.h"
#include "arch/own.h"
#include "kvm/ioctl.h"

#define MAX_REGISTERS 4096u
#define MAX_SIZE 256u		/* bytes of a register: of an SVE vector */

/* One vCPU, and what a function needs to speak about it. */
struct vcpu {
	const struct varch_vm *kvm;
	int fd;
	unsigned int number;
	struct vsu_error *err;
};

static int call_failed(const struct vcpu *c, int rc, const char *call)
{
	return vsu_error_sys(c->err, rc, "CPU %u: %s", c->number, call);
}

static uint32_t register_size(uint64_t id)
{
	const uint64_t shift = (id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT;

	return shift <= 8 ? 1u << shift : 0;
}

/* ------------------------------------------------------------------------------ save */

/* A CPU that is loaded has them already: KVM accepts them only before its other registers. */
static void remove_lengths(struct kvm_reg_list *list)
{
	uint64_t i, n = 0;

	for (i = 0; i < list->n; i++)
		if (list->reg[i] != KVM_REG_ARM64_SVE_VLS)
			list->reg[n++] = list->reg[i];
	list->n = n;
}

/* The caller frees *out by free(). */
static int list_registers(const struct vcpu *c, struct kvm_reg_list **out)
{
	struct kvm_reg_list *list = calloc(1, sizeof(*list) + MAX_REGISTERS * sizeof(list->reg[0]));
	int rc;

	if (!list)
		return call_failed(c, -ENOMEM, "KVM_GET_REG_LIST");
	list->n = MAX_REGISTERS;
	rc = varch_ioctl(c->fd, KVM_GET_REG_LIST, list);
	if (rc < 0) {
		free(list);
		return call_failed(c, rc, "KVM_GET_REG_LIST");
	}
	remove_lengths(list);
	*out = list;
	return 0;
}

static int save_register(const struct vcpu *c, uint64_t id, struct vsu_state_writer *w)
{
	const uint32_t size = register_size(id);
	unsigned char bytes[MAX_SIZE] = { 0 };
	int rc = size ? varch_arm64_get_register(c->fd, id, bytes) : -EOPNOTSUPP;

	if (rc < 0)
		return vsu_error_sys(c->err, rc, "CPU %u: KVM_GET_ONE_REG %#" PRIx64, c->number, id);
	vsu_state_put_u64(w, id);
	vsu_state_put(w, bytes, size);
	return 0;
}

static int save_registers(const struct vcpu *c, struct vsu_state_writer *w)
{
	struct kvm_reg_list *list = NULL;
	uint64_t i;
	int rc = list_registers(c, &list);

	if (rc < 0)
		return rc;
	vsu_state_put_u32(w, (uint32_t)list->n);
	for (i = 0; !rc && i < list->n; i++)
		rc = save_register(c, list->reg[i], w);
	free(list);
	return rc;
}

static int save_events(const struct vcpu *c, struct vsu_state_writer *w)
{
	struct kvm_vcpu_events events = { 0 };
	struct kvm_mp_state activity;
	int rc = varch_ioctl(c->fd, KVM_GET_VCPU_EVENTS, &events);

	if (rc < 0)
		return call_failed(c, rc, "KVM_GET_VCPU_EVENTS");
	vsu_state_put(w, &events, sizeof(events));
	rc = varch_ioctl(c->fd, KVM_GET_MP_STATE, &activity);
	if (rc < 0)
		return call_failed(c, rc, "KVM_GET_MP_STATE");
	vsu_state_put_u32(w, activity.mp_state);
	return 0;
}

int varch_cpu_save(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      struct vsu_state_writer *w, struct vsu_error *err)
{
	const struct vcpu c = { kvm, cpu_fd, cpu, err };
	int rc;

	vsu_state_section(w, "cpu", cpu);
	vsu_state_put_u32(w, varch_arm64_cpu_features(kvm));
	rc = save_registers(&c, w);
	if (!rc)
		rc = varch_gic_save_cpu(kvm, cpu, w, err);
	if (!rc)
		rc = save_events(&c, w);
	vsu_state_section_end(w);
	return rc;
}

/* ------------------------------------------------------------------------------ load */

/* KVM refuses what its processor does not have, or has with another value. */
static int load_register(const struct vcpu *c, struct vsu_state_fields *f)
{
	const uint64_t id = vsu_state_get_u64(f);
	const uint32_t size = register_size(id);
	unsigned char copy[MAX_SIZE];
	const unsigned char *bytes = size ? vsu_state_get_bytes(f, size) : NULL;
	int rc;

	if (!bytes)
		return vsu_error_set(c->err, -EBADMSG, "CPU %u: its registers are truncated or malformed", c->number);
	memcpy(copy, bytes, size);
	rc = varch_arm64_set_register(c->fd, id, copy);
	if (rc < 0 && rc != -EINVAL && rc != -ENOENT && rc != -EPERM)
		return vsu_error_sys(c->err, rc, "CPU %u: register %#" PRIx64, c->number, id);
	return rc < 0 ? vsu_error_set(c->err, -EOPNOTSUPP, "CPU %u: this host's KVM does not accept register %#" PRIx64 " of the state; its processor differs from the saved one",
				      c->number, id) : 0;
}

static int load_registers(const struct vcpu *c, struct vsu_state_fields *f)
{
	uint32_t n;
	int rc = 0;

	if (vsu_state_get_u32(f) != varch_arm64_cpu_features(c->kvm))
		return vsu_error_set(c->err, -EOPNOTSUPP, "CPU %u: its features are not those that this host's KVM offers", c->number);
	n = vsu_state_get_u32(f);
	if (n > MAX_REGISTERS)
		return vsu_error_set(c->err, -EBADMSG, "CPU %u: it has %" PRIu32 " registers; %u are possible", c->number,
				     n, MAX_REGISTERS);
	while (!rc && n--)
		rc = load_register(c, f);
	return rc;
}

static int load_events(const struct vcpu *c, struct vsu_state_fields *f)
{
	struct kvm_vcpu_events events;
	struct kvm_mp_state activity;
	int rc;

	vsu_state_get(f, &events, sizeof(events));
	activity.mp_state = vsu_state_get_u32(f);
	rc = vsu_state_fields_end(f, c->err);
	if (rc < 0)
		return rc;
	rc = varch_ioctl(c->fd, KVM_SET_VCPU_EVENTS, &events);
	if (rc < 0)
		return call_failed(c, rc, "KVM_SET_VCPU_EVENTS");
	rc = varch_ioctl(c->fd, KVM_SET_MP_STATE, &activity);
	return rc < 0 ? call_failed(c, rc, "KVM_SET_MP_STATE") : 0;
}

int varch_cpu_load(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		      const struct vsu_state *state, struct vsu_error *err)
{
	const struct vcpu c = { kvm, cpu_fd, cpu, err };
	struct vsu_state_fields f;
	int rc = vsu_state_find(state, "cpu", cpu, &f, err);

	if (!rc)
		rc = load_registers(&c, &f);
	if (!rc)
		rc = varch_gic_load_cpu(kvm, cpu, &f, err);
	return rc ? rc : load_events(&c, &f);
}

/* A state names its processor by numbers only. */
bool varch_cpu_name(const struct vsu_state *state, unsigned char name[48])
{
	(void)state;
	memset(name, 0, 48);
	return false;
}
