/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Saves and loads a vCPU. The section has records of kind, length and content, in
 * the order in which KVM has to get them: CPUID decides which registers exist; the
 * local APIC precedes the MSRs, because the deadline of its timer is one of them;
 * events are last, because other calls change them.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <vm-arch/arch.h>

#include "advise.h"
#include "arch/x86/cpuid_compare.h"
#include "arch/x86/mce.h"
#include "arch/x86/msrs.h"
#include "arch/own.h"
#include "kvm/ioctl.h"
#include "kvm/uapi.h"

enum record {
	CPUID = 1, TSC_RATE, MP_STATE, REGS, SREGS, XSAVE, XCRS, DEBUG_REGS,
	LAPIC, MSRS, EVENTS,
};

/* Records whose content is one of KVM's structs. */
static const struct plain {
	enum record kind;
	unsigned long get, set;
	uint32_t size;
	const char *name;
} plains[] = {
	{ MP_STATE, KVM_GET_MP_STATE, KVM_SET_MP_STATE,
	  sizeof(struct kvm_mp_state), "MP_STATE" },
	{ REGS, KVM_GET_REGS, KVM_SET_REGS, sizeof(struct kvm_regs), "REGS" },
	{ SREGS, KVM_GET_SREGS2, KVM_SET_SREGS2, sizeof(struct kvm_sregs2),
	  "SREGS2" },
	{ XSAVE, KVM_GET_XSAVE, KVM_SET_XSAVE, sizeof(struct kvm_xsave),
	  "XSAVE" },
	{ XCRS, KVM_GET_XCRS, KVM_SET_XCRS, sizeof(struct kvm_xcrs), "XCRS" },
	{ DEBUG_REGS, KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS,
	  sizeof(struct kvm_debugregs), "DEBUGREGS" },
	{ LAPIC, KVM_GET_LAPIC, KVM_SET_LAPIC, sizeof(struct kvm_lapic_state),
	  "LAPIC" },
	{ MSRS, 0, 0, 0, "MSRS" },
	{ EVENTS, KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS,
	  sizeof(struct kvm_vcpu_events), "VCPU_EVENTS" },
};

#define NPLAINS (sizeof(plains) / sizeof(plains[0]))

/* One vCPU, and what a function needs to speak about it. */
struct vcpu {
	const struct varch_vm *kvm;
	int fd;
	unsigned int number;
	struct vsu_error *err;
};

static int call_failed(const struct vcpu *c, int rc, const char *call, const char *name)
{
	return vsu_error_sys(c->err, rc, "CPU %u: KVM_%s_%s", c->number, call,
			     name);
}

static void put_record(struct vsu_state_writer *w, enum record kind,
		       const void *bytes, size_t len)
{
	vsu_state_put_u32(w, (uint32_t)kind);
	vsu_state_put_u32(w, (uint32_t)len);
	vsu_state_put(w, bytes, len);
}

/* --------------------------------------------------------------------- save */

/* Also true between two runs: after VMXON, and after CLGI, with interrupts off. */
static bool runs_guests(const struct kvm_nested_state *s)
{
	return (s->flags & (KVM_STATE_NESTED_GUEST_MODE |
			    KVM_STATE_NESTED_RUN_PENDING)) ||
	       (s->format == KVM_STATE_NESTED_FORMAT_VMX &&
		s->hdr.vmx.vmxon_pa != UINT64_MAX) ||
	       (s->format == KVM_STATE_NESTED_FORMAT_SVM &&
		!(s->flags & KVM_STATE_NESTED_GIF_SET));
}

/* A guest that runs guests has state in KVM that is not saved here. */
static int check_nested(const struct vcpu *c)
{
	int size = varch_vm_capability(c->kvm, KVM_CAP_NESTED_STATE), rc;
	struct kvm_nested_state *state;
	bool busy;

	if (size < (int)sizeof(*state))
		return 0;
	state = calloc(1, (size_t)size);
	if (!state)
		return call_failed(c, -ENOMEM, "GET", "NESTED_STATE");
	state->size = (uint32_t)size;
	rc = varch_ioctl(c->fd, KVM_GET_NESTED_STATE, state);
	busy = rc >= 0 && runs_guests(state);
	free(state);
	if (rc < 0)
		return call_failed(c, rc, "GET", "NESTED_STATE");
	return !busy ? 0 : vsu_error_set(c->err, -EOPNOTSUPP,
			     "CPU %u: the guest runs nested virtual machines, whose state cannot be saved",
			     c->number);
}

static int check_xsave(const struct vcpu *c)
{
	int size = varch_vm_capability(c->kvm, KVM_CAP_XSAVE2);

	if (size <= (int)sizeof(struct kvm_xsave))
		return 0;
	return varch_advise(c->err, vsu_error_set(c->err, -EOPNOTSUPP, "CPU %u: its extended state has %d bytes, but at most %zu can be saved",
						  c->number, size, sizeof(struct kvm_xsave)),
			    VARCH_ADVICE_CPU_PLAIN);
}

/* The vCPU's table, for free(). */
static int get_cpuid(const struct vcpu *c, struct kvm_cpuid2 **out)
{
	int rc = varch_cpuid_of_cpu(c->fd, out);

	return rc < 0 ? call_failed(c, rc, "GET", "CPUID2") : 0;
}

static int save_cpuid(const struct vcpu *c, struct vsu_state_writer *w)
{
	struct kvm_cpuid2 *table;
	int rc = get_cpuid(c, &table);

	if (rc < 0)
		return rc;
	put_record(w, CPUID, table->entries,
		   table->nent * sizeof(table->entries[0]));
	free(table);
	return 0;
}

static int save_tsc_rate(const struct vcpu *c, struct vsu_state_writer *w)
{
	int khz = varch_ioctl(c->fd, KVM_GET_TSC_KHZ, NULL);
	uint32_t rate = (uint32_t)khz;

	if (khz < 0)
		return call_failed(c, khz, "GET", "TSC_KHZ");
	put_record(w, TSC_RATE, &rate, sizeof(rate));
	return 0;
}

static int save_msrs(const struct vcpu *c, struct vsu_state_writer *w)
{
	struct kvm_msr_entry *found = calloc(VARCH_MAX_MSRS, sizeof(*found));
	int n = found ? varch_msrs_read(c->kvm, c->fd, found) : -ENOMEM;

	if (n >= 0)
		put_record(w, MSRS, found, (size_t)n * sizeof(found[0]));
	free(found);
	return n < 0 ? call_failed(c, n, "GET", "MSR_INDEX_LIST") : 0;
}

static int save_plain(const struct vcpu *c, const struct plain *p,
		      struct vsu_state_writer *w)
{
	unsigned char bytes[sizeof(struct kvm_xsave)] = { 0 };
	int rc;

	if (p->kind == MSRS)
		return save_msrs(c, w);
	rc = varch_ioctl(c->fd, p->get, bytes);
	if (rc < 0)
		return call_failed(c, rc, "GET", p->name);
	put_record(w, p->kind, bytes, p->size);
	return 0;
}

int varch_cpu_save(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		     struct vsu_state_writer *w, struct vsu_error *err)
{
	const struct vcpu c = { kvm, cpu_fd, cpu, err };
	unsigned int i;
	int rc = check_nested(&c);

	if (!rc)
		rc = check_xsave(&c);
	vsu_state_section(w, "cpu", cpu);
	if (!rc)
		rc = save_cpuid(&c, w);
	if (!rc)
		rc = save_tsc_rate(&c, w);
	for (i = 0; !rc && i < NPLAINS; i++)
		rc = save_plain(&c, &plains[i], w);
	vsu_state_section_end(w);
	return rc;
}

/* --------------------------------------------------------------------- load */

/*
 * A KVM without privilege level 0 shows the host's processor to guests and ignores
 * their table. So compare also with what a vCPU with all supported features shows.
 */
static int compare_features(const struct vcpu *c, struct kvm_cpuid2 *saved)
{
	struct kvm_cpuid2 *here = NULL, *shown = NULL;
	int rc = varch_cpuid_supported(c->kvm, &here, c->err);

	if (!rc && !varch_cpuid_compare(saved, here, here, NULL)) {
		free(here);
		return 0;
	}
	if (!rc)
		rc = varch_ioctl(c->fd, KVM_SET_CPUID2, here);
	if (!rc)
		rc = get_cpuid(c, &shown);
	if (!rc)
		rc = varch_cpuid_compare(saved, here, shown, c->err);
	free(here);
	free(shown);
	return rc;
}

static int load_cpuid(const struct vcpu *c, const unsigned char *bytes,
		      uint32_t len)
{
	const uint32_t n = len / (uint32_t)sizeof(struct kvm_cpuid_entry2);
	struct kvm_cpuid2 *table;
	int rc;

	if (n > VARCH_CPUID_MAX || len % sizeof(struct kvm_cpuid_entry2))
		return call_failed(c, -EBADMSG, "SET", "CPUID2");
	table = calloc(1, sizeof(*table) + len);
	if (!table)
		return call_failed(c, -ENOMEM, "SET", "CPUID2");
	table->nent = n;
	memcpy(table->entries, bytes, len);
	rc = compare_features(c, table);
	if (!rc) {
		rc = varch_ioctl(c->fd, KVM_SET_CPUID2, table);
		rc = rc < 0 ? call_failed(c, rc, "SET", "CPUID2") : 0;
	}
	free(table);
	return rc;
}

/* A host without scaling cannot change the rate, and need not for its own one. */
static int load_tsc_rate(const struct vcpu *c, const unsigned char *bytes,
			 uint32_t len)
{
	uint32_t khz;
	int here = varch_ioctl(c->fd, KVM_GET_TSC_KHZ, NULL);

	if (len != sizeof(khz))
		return call_failed(c, -EBADMSG, "SET", "TSC_KHZ");
	memcpy(&khz, bytes, sizeof(khz));
	if (here == (int)khz ||
	    !varch_ioctl(c->fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)khz))
		return 0;
	return vsu_error_set(c->err, -EOPNOTSUPP,
			     "CPU %u: its time stamp counter has %" PRIu32 " kHz, and this host's %d kHz cannot be scaled",
			     c->number, khz, here);
}

static int load_msrs(const struct vcpu *c, const unsigned char *bytes,
		     uint32_t len)
{
	const uint32_t n = len / (uint32_t)sizeof(struct kvm_msr_entry);
	struct kvm_msr_entry *all;
	uint32_t refused = 0;
	int rc;

	if (n > VARCH_MAX_MSRS || len % sizeof(*all))
		return call_failed(c, -EBADMSG, "SET", "MSRS");
	all = calloc(1, len + sizeof(*all));
	if (!all)
		return call_failed(c, -ENOMEM, "SET", "MSRS");
	memcpy(all, bytes, len);
	rc = varch_msrs_write(c->fd, all, n, &refused);
	free(all);
	if (rc != -EOPNOTSUPP)
		return rc < 0 ? call_failed(c, rc, "SET", "MSRS") : 0;
	return vsu_error_set(c->err, rc,
			     "CPU %u: this host's KVM does not accept MSR %#" PRIx32 " of the state",
			     c->number, refused);
}

/* A processor without XSAVE has none, and KVM refuses to set none. */
static bool has_no_xcrs(const unsigned char *bytes)
{
	struct kvm_xcrs xcrs;

	memcpy(&xcrs, bytes, sizeof(xcrs));
	return !xcrs.nr_xcrs;
}

static int load_plain(const struct vcpu *c, const struct plain *p,
		      const unsigned char *bytes, uint32_t len)
{
	unsigned char copy[sizeof(struct kvm_xsave)];
	int rc;

	if (p->kind == MSRS)
		return load_msrs(c, bytes, len);
	if (len != p->size)
		return call_failed(c, -EBADMSG, "SET", p->name);
	memcpy(copy, bytes, len);
	if (p->kind == XCRS && has_no_xcrs(copy))
		return 0;
	rc = varch_ioctl(c->fd, p->set, copy);
	return rc < 0 ? call_failed(c, rc, "SET", p->name) : 0;
}

/* The content of the next record, which must be of that kind. */
static const unsigned char *next_record(const struct vcpu *c,
					struct vsu_state_fields *f,
					enum record kind, uint32_t *len)
{
	const unsigned char *bytes = NULL;

	if (vsu_state_get_u32(f) == (uint32_t)kind) {
		*len = vsu_state_get_u32(f);
		bytes = vsu_state_get_bytes(f, *len);
	}
	if (!bytes)
		vsu_error_set(c->err, -EBADMSG,
			      "CPU %u: its section lacks record %d", c->number,
			      kind);
	return bytes;
}

int varch_cpu_load(const struct varch_vm *kvm, int cpu_fd, unsigned int cpu,
		     const struct vsu_state *state, struct vsu_error *err)
{
	const struct vcpu c = { kvm, cpu_fd, cpu, err };
	struct vsu_state_fields f;
	const unsigned char *bytes;
	unsigned int i;
	uint32_t len;
	int rc = vsu_state_find(state, "cpu", cpu, &f, err);

	if (!rc)
		rc = (bytes = next_record(&c, &f, CPUID, &len)) ?
		     load_cpuid(&c, bytes, len) : -EBADMSG;
	varch_mce_setup(kvm, cpu_fd);
	if (!rc)
		rc = (bytes = next_record(&c, &f, TSC_RATE, &len)) ?
		     load_tsc_rate(&c, bytes, len) : -EBADMSG;
	for (i = 0; !rc && i < NPLAINS; i++)
		rc = (bytes = next_record(&c, &f, plains[i].kind, &len)) ?
		     load_plain(&c, &plains[i], bytes, len) : -EBADMSG;
	return rc ? rc : vsu_state_fields_end(&f, err);
}

/* Leaves of the name, with 16 bytes each. */
#define FIRST_NAME 0x80000002u
#define NAME_LEAVES 3u

static void copy_name(const struct kvm_cpuid_entry2 *e, unsigned char name[48], unsigned int *found)
{
	const uint32_t registers[4] = { e->eax, e->ebx, e->ecx, e->edx };
	const uint32_t leaf = e->function - FIRST_NAME;

	if (leaf >= NAME_LEAVES)
		return;
	memcpy(name + leaf * sizeof(registers), registers, sizeof(registers));
	*found |= 1u << leaf;
}

bool varch_cpu_name(const struct vsu_state *state, unsigned char name[48])
{
	const struct vcpu c = { .fd = -1 };
	struct kvm_cpuid_entry2 entry;
	const unsigned char *bytes;
	struct vsu_state_fields f;
	unsigned int found = 0;
	uint32_t len = 0, at;

	memset(name, 0, 48);
	if (vsu_state_find(state, "cpu", 0, &f, NULL) < 0)
		return false;
	bytes = next_record(&c, &f, CPUID, &len);
	for (at = 0; bytes && len - at >= sizeof(entry); at += sizeof(entry)) {
		memcpy(&entry, bytes + at, sizeof(entry));
		copy_name(&entry, name, &found);
	}
	return found == (1u << NAME_LEAVES) - 1;
}
