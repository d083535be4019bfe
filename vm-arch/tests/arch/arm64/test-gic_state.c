/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the state of GICs and of the ITS: from one KVM of this test's own, whose registers
 * all have different values, into another, which records what is written where and when.
 */
#include <config.h>

#include <vm-arch/arch.h>

#include "../../util.h"
#include "arch/own.h"
#include "kvm/uapi.h"

#define NCPUS 3u
#define CPU_FD 3
#define MAX_WRITES 1024u
#define DIST KVM_DEV_ARM_VGIC_GRP_DIST_REGS
#define CPU KVM_DEV_ARM_VGIC_GRP_CPU_REGS
#define REDIST KVM_DEV_ARM_VGIC_GRP_REDIST_REGS
#define SYSREGS KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS
#define LEVEL KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO
#define ITS KVM_DEV_ARM_VGIC_GRP_ITS_REGS
#define CTRL KVM_DEV_ARM_VGIC_GRP_CTRL
#define FROM_CPUS 0xffffu

enum { SOURCE_GIC = 10, SOURCE_ITS, TARGET_GIC, TARGET_ITS };

/* Registers of the GIC architecture, for 32 private and 32 shared interrupts. */
struct span {
	uint32_t group, from, to;	/* offsets; to: exclusive */
};

static const struct span shared_v2[] = {
	{ DIST, 0x000, 0x004 },		/* CTLR */
	{ DIST, 0x008, 0x00c },		/* IIDR */
	{ DIST, 0x084, 0x088 },		/* IGROUPR1 */
	{ DIST, 0x104, 0x108 },		/* ISENABLER1 */
	{ DIST, 0x204, 0x208 },		/* ISPENDR1 */
	{ DIST, 0x304, 0x308 },		/* ISACTIVER1 */
	{ DIST, 0x420, 0x440 },		/* IPRIORITYR8-15 */
	{ DIST, 0x820, 0x840 },		/* ITARGETSR8-15 */
	{ DIST, 0xc08, 0xc10 },		/* ICFGR2-3 */
};

static const struct span own_v2[] = {
	{ DIST, 0x080, 0x084 },		/* IGROUPR0 */
	{ DIST, 0x100, 0x104 },		/* ISENABLER0 */
	{ DIST, 0x200, 0x204 },		/* ISPENDR0 */
	{ DIST, 0x300, 0x304 },		/* ISACTIVER0 */
	{ DIST, 0x400, 0x420 },		/* IPRIORITYR0-7 */
	{ DIST, 0xc00, 0xc08 },		/* ICFGR0-1 */
	{ DIST, 0xf20, 0xf30 },		/* SPENDSGIR0-3 */
	{ CPU, 0x00, 0x0c },		/* CTLR, PMR, BPR */
	{ CPU, 0x1c, 0x20 },		/* ABPR */
	{ CPU, 0xd0, 0xd4 },		/* APR0 */
};

static const struct span shared_v3[] = {
	{ DIST, 0x0000, 0x0004 },	/* CTLR */
	{ DIST, 0x0008, 0x000c },	/* IIDR */
	{ DIST, 0x0010, 0x0014 },	/* STATUSR */
	{ DIST, 0x0084, 0x0088 },	/* IGROUPR1 */
	{ DIST, 0x0104, 0x0108 },	/* ISENABLER1 */
	{ DIST, 0x0204, 0x0208 },	/* ISPENDR1 */
	{ DIST, 0x0304, 0x0308 },	/* ISACTIVER1 */
	{ DIST, 0x0420, 0x0440 },	/* IPRIORITYR8-15 */
	{ DIST, 0x0c08, 0x0c10 },	/* ICFGR2-3 */
	{ DIST, 0x6100, 0x6200 },	/* IROUTER32-63 */
	{ LEVEL, 32, 64 },
	{ ITS, 0x000, 0x004 },		/* CTLR */
	{ ITS, 0x004, 0x008 },		/* IIDR */
	{ ITS, 0x080, 0x098 },		/* CBASER, CWRITER, CREADR */
	{ ITS, 0x100, 0x140 },		/* BASER0-7 */
};

static const struct span own_v3[] = {
	{ REDIST, 0x00000, 0x00004 },	/* CTLR */
	{ REDIST, 0x00010, 0x00018 },	/* STATUSR, WAKER */
	{ REDIST, 0x00070, 0x00080 },	/* PROPBASER, PENDBASER */
	{ REDIST, 0x10080, 0x10084 },	/* IGROUPR0 */
	{ REDIST, 0x10100, 0x10104 },	/* ISENABLER0 */
	{ REDIST, 0x10200, 0x10204 },	/* ISPENDR0 */
	{ REDIST, 0x10300, 0x10304 },	/* ISACTIVER0 */
	{ REDIST, 0x10400, 0x10420 },	/* IPRIORITYR0-7 */
	{ REDIST, 0x10c00, 0x10c08 },	/* ICFGR0-1 */
	{ LEVEL, 0, 32 },
	{ SYSREGS, 0xc230, 0xc231 },	/* PMR */
	{ SYSREGS, 0xc643, 0xc64c },	/* BPR0, AP0R0-3, AP1R0-3 */
	{ SYSREGS, 0xc663, 0xc668 },	/* BPR1, CTLR, SRE, IGRPEN0, IGRPEN1 */
};

static const struct model {
	unsigned int version, nchips;
	const struct span *shared, *own;
	size_t nshared, nown;
	unsigned int cpus[NCPUS];
	uint64_t names[NCPUS];		/* by which KVM distinguishes the CPUs */
	struct { uint32_t group, at; } icenabler0;
	size_t commands;		/* of loading */
} models[] = {
	{ 2, 1, shared_v2, own_v2, COUNT(shared_v2), COUNT(own_v2), { 0, 1, 7 }, { 0, 1, 7 }, { DIST, 0x180 }, 0 },
	{ 3, 2, shared_v3, own_v3, COUNT(shared_v3), COUNT(own_v3), { 0, 1, 17 }, { 0, 1, 0x101 }, { REDIST, 0x10180 }, 1 },
};

#define V2 0
#define V3 1

struct write {
	int fd;
	uint32_t group;
	uint64_t attr, value;
};

static const struct model *model;
static struct varch_vm source, target;
static struct write writes[MAX_WRITES];
static size_t nwrites;
static size_t begins[NCPUS + 1];	/* first write of each CPU, then of the ITS */
static int lack;			/* error of AP0R1-3 and AP1R1-3 of the source; 0: it has them */
static uint64_t lacked;			/* another register that it lacks */
static struct { uint64_t command; int error; } refused;	/* a command on tables, by either KVM */
static bool stopped;
static struct vsu_state_writer writer;
static struct vsu_state state;
static struct vsu_error err;

/* ------------------------------------------------------------------------------ KVMs */

static uint64_t value_of(uint32_t group, uint64_t attr)
{
	uint64_t x = (attr ^ (uint64_t)group << 56) + UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) | 1;
}

static size_t width_of(uint32_t group)
{
	return group == SYSREGS || group == ITS ? 8 : 4;
}

static uint32_t step_of(uint32_t group)
{
	return group == SYSREGS ? 1 : group == ITS ? 8 : group == LEVEL ? 32 : 4;
}

static bool is_in(const struct span *s, size_t n, uint32_t group, uint32_t at)
{
	while (n-- > 0)
		if (s[n].group == group && at >= s[n].from && at < s[n].to &&
		    (at - s[n].from) % step_of(group) == 0)
			return true;
	return false;
}

static bool is_known(int fd, const struct kvm_device_attr *a)
{
	const uint64_t cpu = a->attr >> 32;
	const uint32_t at = (uint32_t)a->attr;
	unsigned int i;

	if ((fd == SOURCE_ITS || fd == TARGET_ITS) != (a->group == ITS))
		return false;
	for (i = 0; i < NCPUS; i++)
		if (model->names[i] == cpu && is_in(model->own, model->nown, a->group, at))
			return true;
	return !cpu && is_in(model->shared, model->nshared, a->group, at);
}

static bool is_lacked(const struct kvm_device_attr *a)
{
	const uint32_t at = (uint32_t)a->attr;

	return a->group == SYSREGS && ((at >= 0xc645 && at <= 0xc647) || (at >= 0xc649 && at <= 0xc64b));
}

static int get(int fd, const struct kvm_device_attr *a)
{
	const uint64_t value = value_of(a->group, a->attr);

	if ((fd != SOURCE_GIC && fd != SOURCE_ITS) || !is_known(fd, a) || (lacked && a->attr == lacked))
		return -ENXIO;
	if (lack && is_lacked(a))
		return lack;
	memcpy((void *)(uintptr_t)a->addr, &value, width_of(a->group));
	return 0;
}

static int set(int fd, const struct kvm_device_attr *a)
{
	struct write w = { fd, a->group, a->attr, 0 };

	ck_assert_uint_lt(nwrites, MAX_WRITES);
	if (a->group == CTRL && refused.error && a->attr == refused.command)
		return refused.error;
	if (a->group != CTRL) {
		if ((fd != TARGET_GIC && fd != TARGET_ITS) ||
		    (!is_known(fd, a) && (uint32_t)a->attr != model->icenabler0.at))
			return -ENXIO;
		memcpy(&w.value, (void *)(uintptr_t)a->addr, width_of(a->group));
	}
	writes[nwrites++] = w;
	return 0;
}

int __wrap_varch_vm_capability(const struct varch_vm *k, int capability);
int __attribute__((used)) __wrap_varch_vm_capability(const struct varch_vm *k, int capability)
{
	(void)k;
	return capability == KVM_CAP_ARM_PSCI_0_2;
}

/* CPUs have no other registers. */
int __wrap_varch_ioctl(int fd, unsigned long request, void *arg);
int __attribute__((used)) __wrap_varch_ioctl(int fd, unsigned long request, void *arg)
{
	switch (request) {
	case KVM_GET_DEVICE_ATTR:
		return get(fd, arg);
	case KVM_SET_DEVICE_ATTR:
		return set(fd, arg);
	case KVM_GET_REG_LIST:
		((struct kvm_reg_list *)arg)->n = 0;
		return 0;
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state = KVM_MP_STATE_STOPPED;
		return 0;
	case KVM_SET_MP_STATE:
		stopped = ((struct kvm_mp_state *)arg)->mp_state == KVM_MP_STATE_STOPPED;
		return 0;
	case KVM_GET_VCPU_EVENTS:
	case KVM_SET_VCPU_EVENTS:
		return 0;
	default:
		return -ENOSYS;
	}
}

/* ----------------------------------------------------------------------------- state */

static int save(void)
{
	unsigned int i;
	int rc;

	free(writer.out.bytes);
	memset(&writer, 0, sizeof(writer));
	vsu_error_clear(&err);
	nwrites = 0;
	vsu_state_begin(&writer, NULL);
	rc = varch_vm_save(&source, &writer, &err);
	for (i = 0; !rc && i < NCPUS; i++)
		rc = varch_cpu_save(&source, CPU_FD, model->cpus[i], &writer, &err);
	if (rc < 0)
		return rc;
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	return vsu_state_check(&state, NULL, &err);
}

static int load_cpu(unsigned int i)
{
	vsu_error_clear(&err);
	stopped = false;
	return varch_cpu_load(&target, CPU_FD, model->cpus[i], &state, &err);
}

static void load(void)
{
	unsigned int i;

	nwrites = 0;
	vsu_error_clear(&err);
	ck_assert_int_eq(varch_vm_load(&target, &state, &err), 0);
	for (i = 0; i < NCPUS; i++) {
		begins[i] = nwrites;
		ck_assert_int_eq(load_cpu(i), 0);
	}
	begins[NCPUS] = nwrites;
	ck_assert_int_eq(varch_vm_load_last(&target, &state, &err), 0);
}

static void use(unsigned int version)
{
	model = &models[version];
	source = (struct varch_vm){ .gic = model->version, .nchips = model->nchips, .chips = { SOURCE_GIC, SOURCE_ITS } };
	target = (struct varch_vm){ .gic = model->version, .nchips = model->nchips, .chips = { TARGET_GIC, TARGET_ITS } };
	lack = 0;
	lacked = 0;
	refused.error = 0;
	ck_assert_int_eq(save(), 0);
}

static void teardown(void)
{
	free(writer.out.bytes);
	memset(&writer, 0, sizeof(writer));
}

/* A state of one section, with bytes added to its end or removed from there. */
static void resize(const char *name, uint32_t instance, int change)
{
	struct vsu_state_fields f;
	struct vsu_state_writer w = { 0 };
	const unsigned char zeros[8] = { 0 };

	ck_assert_int_eq(vsu_state_find(&state, name, instance, &f, NULL), 0);
	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, name, instance);
	vsu_state_put(&w, f.in.at, f.in.left - (change < 0 ? (size_t)-change : 0));
	vsu_state_put(&w, zeros, change > 0 ? (size_t)change : 0);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	free(writer.out.bytes);
	writer = w;
	state = (struct vsu_state){ w.out.bytes, w.out.len };
}

/* ---------------------------------------------------------------------------- claims */

/* GICv2 keeps pending interrupts between CPUs by their senders, in SPENDSGIR. */
static uint64_t wanted(uint32_t group, uint64_t attr)
{
	const uint64_t value = value_of(group, attr);

	if (model->version == 2 && group == DIST && (uint32_t)attr == 0x200)
		return (uint32_t)value & ~FROM_CPUS;
	return width_of(group) == 8 ? value : (uint32_t)value;
}

/* One write between two of the record. */
static void check_word(uint32_t group, uint64_t attr, uint64_t value, size_t from, size_t to)
{
	const int fd = group == ITS ? TARGET_ITS : TARGET_GIC;
	unsigned int n = 0;

	for (; from < to; from++)
		if (writes[from].fd == fd && writes[from].group == group && writes[from].attr == attr) {
			ck_assert_uint_eq(writes[from].value, value);
			n++;
		}
	ck_assert_msg(n == 1, "register %#" PRIx64 " of group %u was written %u times", attr, group, n);
}

static size_t check_spans(const struct span *s, size_t n, uint64_t cpu, size_t from, size_t to)
{
	const struct span *end = s + n;
	size_t count = 0;
	uint32_t at;

	for (; s < end; s++)
		for (at = s->from; at < s->to; at += step_of(s->group), count++)
			check_word(s->group, cpu << 32 | at, wanted(s->group, cpu << 32 | at),
				   s->group == ITS ? begins[NCPUS] : from, s->group == ITS ? nwrites : to);
	return count;
}

START_TEST(each_register_is_loaded_where_it_was)
{
	size_t n;
	unsigned int i;

	use((unsigned int)_i);
	load();
	n = check_spans(model->shared, model->nshared, 0, 0, begins[0]);
	for (i = 0; i < NCPUS; i++) {
		n += check_spans(model->own, model->nown, model->names[i], begins[i], begins[i + 1]);
		check_word(model->icenabler0.group, model->names[i] << 32 | model->icenabler0.at, UINT32_MAX,
			   begins[i], begins[i + 1]);
	}
	ck_assert_uint_eq(nwrites, n + NCPUS + model->commands);	/* and no other */
}
END_TEST

/* KVM requires an order of writes: the position of a write in it. */
static unsigned int rank_of(const struct write *w)
{
	const uint32_t at = (uint32_t)w->attr;

	if (w->group == CTRL)	/* tables of the ITS */
		return 2;
	if (w->group == ITS)	/* CBASER resets CREADR; CTLR follows the tables */
		return at == 0x000 ? 3 : at == 0x004 || at == 0x080 ? 0 : 1;
	if (w->group == CPU || w->group == SYSREGS)
		return 3;
	if (w->group == model->icenabler0.group && at == model->icenabler0.at)
		return 0;
	if (w->group == DIST && at == 0x008)	/* IIDR decides what other registers mean */
		return 0;
	if (w->group == REDIST && at < 0x10000 && at != 0)	/* CTLR enables messages */
		return 0;
	return w->group != LEVEL && (at & 0xfff8) == 0x100 ? 2 : 1;	/* ISENABLER */
}

static void check_order(size_t from, size_t to)
{
	unsigned int rank = 0;

	for (; from < to; from++) {
		if (model->version == 2 && writes[from].group == DIST && (uint32_t)writes[from].attr == 0x200)
			continue;	/* ISPENDR0 has no place */
		ck_assert_msg(rank_of(&writes[from]) >= rank, "register %#" PRIx64 " of group %u is late",
			      writes[from].attr, writes[from].group);
		rank = rank_of(&writes[from]);
	}
}

START_TEST(iidr_is_loaded_first_and_interfaces_of_cpus_last)
{
	unsigned int i;

	use((unsigned int)_i);
	load();
	ck_assert_uint_eq(writes[0].group, DIST);
	ck_assert_uint_eq(writes[0].attr, 0x008);
	check_order(0, begins[0]);
	for (i = 0; i < NCPUS; i++) {
		ck_assert_uint_eq(writes[begins[i]].attr, model->names[i] << 32 | model->icenabler0.at);
		check_order(begins[i], begins[i + 1]);
	}
	check_order(begins[NCPUS], nwrites);
}
END_TEST

START_TEST(tables_in_memory_are_saved_and_loaded)
{
	size_t i, n = 0;

	use(V3);
	ck_assert_uint_eq(nwrites, 2);
	ck_assert_int_eq(writes[0].fd, SOURCE_GIC);
	ck_assert_uint_eq(writes[0].attr, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
	ck_assert_int_eq(writes[1].fd, SOURCE_ITS);
	ck_assert_uint_eq(writes[1].attr, KVM_DEV_ARM_ITS_SAVE_TABLES);
	load();
	for (i = 0; i < nwrites; i++)
		n += writes[i].group == CTRL && writes[i].fd == TARGET_ITS && writes[i].attr == KVM_DEV_ARM_ITS_RESTORE_TABLES;
	ck_assert_uint_eq(n, 1);
}
END_TEST

/* The guest has given its controller memory that it lacks, or that is too small: no error of the host. */
static const struct refusal {
	uint64_t command;
	int error;
	const char *sentence;
} refusals[] = {
	{ KVM_DEV_ARM_ITS_SAVE_TABLES, -EINVAL, "the guest has given its interrupt controller (ITS) tables outside of its memory, or too small for its interrupts; the machine cannot be saved or moved before the guest restarts" },
	{ KVM_DEV_ARM_ITS_SAVE_TABLES, -EFAULT, "the guest has given its interrupt controller (ITS) tables outside" },
	{ KVM_DEV_ARM_ITS_SAVE_TABLES, -EBUSY, "KVM_DEV_ARM_ITS_SAVE_TABLES: Device or resource busy" },
	{ KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, -EFAULT, "the guest has given its interrupt controller (GICv3) tables outside" },
	{ KVM_DEV_ARM_ITS_RESTORE_TABLES, -EINVAL, "the tables of the interrupt controller (ITS) in the saved memory are invalid: the guest changed them, or the files of the save belong to different machines" },
	{ KVM_DEV_ARM_ITS_RESTORE_TABLES, -ENOMEM, "KVM_DEV_ARM_ITS_RESTORE_TABLES: Cannot allocate memory" },
};

START_TEST(tables_of_a_hostile_guest_are_explained)
{
	const struct refusal *r = &refusals[_i];

	use(V3);
	load();
	refused.command = r->command;
	refused.error = r->error;
	if (r->command == KVM_DEV_ARM_ITS_RESTORE_TABLES)
		ck_assert_int_eq(varch_vm_load_last(&target, &state, &err), r->error);
	else
		ck_assert_int_eq(save(), r->error);
	ck_assert_msg(strstr(err.msg, r->sentence), "%s", err.msg);
	/* the guest restarts */
	refused.error = 0;
	ck_assert_int_eq(save(), 0);
}
END_TEST

/* ISPENDR0 precedes events and activity. */
START_TEST(interrupts_between_cpus_are_pending_by_their_senders_only)
{
	const size_t behind = sizeof(struct kvm_vcpu_events) + 4;
	const uint64_t attr = model->names[1] << 32 | 0x200;
	const uint32_t all = UINT32_MAX;
	struct vsu_state_fields f;
	uint32_t saved;

	ck_assert_uint_ne(value_of(DIST, attr) & FROM_CPUS, 0);
	resize("cpu", model->cpus[1], 0);
	ck_assert_int_eq(vsu_state_find(&state, "cpu", model->cpus[1], &f, &err), 0);
	memcpy(&saved, f.in.at + f.in.left - behind - 4, 4);
	ck_assert_uint_eq(saved, (uint32_t)value_of(DIST, attr) & ~FROM_CPUS);
	memcpy(writer.out.bytes + (f.in.at - state.bytes) + f.in.left - behind - 4, &all, 4);
	nwrites = 0;
	ck_assert_int_eq(load_cpu(1), 0);
	check_word(DIST, attr, all & ~FROM_CPUS, 0, nwrites);
}
END_TEST

START_TEST(priorities_that_the_processor_lacks_are_left_out)
{
	size_t full;

	use(V3);
	load();
	full = nwrites;
	lack = _i ? -EINVAL : -ENXIO;
	ck_assert_int_eq(save(), 0);
	load();
	ck_assert_uint_eq(nwrites, full - 6 * NCPUS);
	check_word(SYSREGS, 0xc644, value_of(SYSREGS, 0xc644), begins[0], begins[1]);
	check_word(SYSREGS, 0xc648, value_of(SYSREGS, 0xc648), begins[0], begins[1]);
	check_word(SYSREGS, 0xc663, value_of(SYSREGS, 0xc663), begins[0], begins[1]);
	lack = -EACCES;
	ck_assert_int_eq(save(), -EACCES);
}
END_TEST

START_TEST(register_that_cannot_be_read_is_named)
{
	use((unsigned int)_i);
	lacked = model->names[2] << 32 | (_i == V3 ? 0xc665 : 0xf24);
	ck_assert_int_eq(save(), -ENXIO);
	ck_assert_ptr_nonnull(strstr(err.msg, _i == V3 ? "GIC, register 0x1010000c665" : "GIC, register 0x700000f24"));
}
END_TEST

START_TEST(sections_of_another_length_are_refused)
{
	static const int changes[] = { -8, -4, -1, 1, 4, 8 };
	const char *gic;
	size_t i;

	use((unsigned int)_i);
	gic = _i == V3 ? "gic" : "gicv2";
	for_rows(i, COUNT(changes)) {
		resize(gic, 0, changes[i]);
		ck_assert_int_eq(varch_vm_load(&target, &state, &err), -EBADMSG);
		ck_assert_int_eq(save(), 0);
		resize("cpu", model->cpus[2], changes[i]);
		ck_assert_int_eq(load_cpu(2), -EBADMSG);
		ck_assert(!stopped);
		ck_assert_int_eq(save(), 0);
		if (_i == V2)
			continue;
		resize("its", 0, changes[i]);
		ck_assert_int_eq(varch_vm_load_last(&target, &state, &err), -EBADMSG);
		ck_assert_int_eq(save(), 0);
	}
	resize("cpu", model->cpus[2], 0);
	ck_assert_int_eq(load_cpu(2), 0);
	ck_assert(stopped);
	ck_assert_int_eq(varch_vm_load(&target, &state, &err), -EBADMSG);
}
END_TEST

START_TEST(state_of_another_gic_is_refused)
{
	nwrites = 0;
	target.gic = 3;
	assert_refused(varch_vm_load(&target, &state, &err), -EOPNOTSUPP,
		       "the saved machine has a GICv2, and machines of this host a GICv3; use a host with the same interrupt controller", err);
	use(V3);
	nwrites = 0;
	target.gic = 2;
	assert_refused(varch_vm_load(&target, &state, &err), -EOPNOTSUPP,
		       "the saved machine has a GICv3, and machines of this host a GICv2; use a host with the same interrupt controller", err);
	ck_assert_uint_eq(nwrites, 0);
}
END_TEST

START_TEST(its_is_loaded_only_from_an_its_to_an_its)
{
	use(V3);
	nwrites = 0;
	target.nchips = 1;
	assert_refused(varch_vm_load_last(&target, &state, &err), -EOPNOTSUPP,
		       "the state has an ITS, which this host's KVM lacks", err);
	source.nchips = 1;
	target.nchips = 2;
	ck_assert_int_eq(save(), 0);
	nwrites = 0;
	ck_assert_int_eq(varch_vm_load_last(&target, &state, &err), 0);
	ck_assert_uint_eq(nwrites, 0);
}
END_TEST

static void setup(void)
{
	use(V2);
}

int main(void)
{
	Suite *s = suite_create("gic_state");
	TCase *t = tcase_create("gic_state");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_register_is_loaded_where_it_was, V2, V3 + 1);
	tcase_add_loop_test(t, iidr_is_loaded_first_and_interfaces_of_cpus_last, V2, V3 + 1);
	tcase_add_test(t, tables_in_memory_are_saved_and_loaded);
	tcase_add_loop_test(t, tables_of_a_hostile_guest_are_explained, 0, COUNT(refusals));
	tcase_add_test(t, interrupts_between_cpus_are_pending_by_their_senders_only);
	tcase_add_loop_test(t, priorities_that_the_processor_lacks_are_left_out, 0, 2);
	tcase_add_loop_test(t, register_that_cannot_be_read_is_named, V2, V3 + 1);
	tcase_add_loop_test(t, sections_of_another_length_are_refused, V2, V3 + 1);
	tcase_add_test(t, state_of_another_gic_is_refused);
	tcase_add_test(t, its_is_loaded_only_from_an_its_to_an_its);
	suite_add_tcase(s, t);
	return run_suite(s);
}
