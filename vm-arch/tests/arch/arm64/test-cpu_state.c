/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a CPU of arm64 except its GIC, with a KVM of this test's own. */
#include <config.h>

#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/cpu_option.h>

#include "../../util.h"
#include "arch/arm64/cpu.h"
#include "arch/own.h"
#include "kvm/uapi.h"

#define NREGISTERS 4u
#define NLISTED (NREGISTERS + 1)	/* with the lengths of vectors */
#define MAX_SIZE 256u
#define DEVICE_FD 9

static const uint64_t ids[NREGISTERS] = {
	KVM_REG_ARM64 | KVM_REG_SIZE_U64 | 1, KVM_REG_ARM64 | KVM_REG_SIZE_U32 | 2,
	KVM_REG_ARM64 | KVM_REG_SIZE_U128 | 3, KVM_REG_ARM64_SVE_ZREG(31, 0),
};

static struct varch_vm kvm = { .kvm_fd = 1, .vm_fd = 2, .nchips = 1, .chips = { DEVICE_FD } };
static unsigned char registers[NREGISTERS][MAX_SIZE];
static uint64_t lengths[VARCH_LENGTH_WORDS];	/* of SVE vectors */
static bool has_vectors, finalized;
static bool in_guest;	/* as a thread that never leaves it: KVM would not answer */
static uint32_t features;	/* of the last CPU that was initialized */
static uint64_t refused;	/* id of a register that is refused */
static bool lacks_feature;
static uint32_t activity;
static struct vsu_state_writer writer;
static struct vsu_state state;
static struct vsu_error err;

int __wrap_varch_vm_capability(const struct varch_vm *k, int capability);
int __attribute__((used)) __wrap_varch_vm_capability(const struct varch_vm *k, int capability)
{
	(void)k;
	switch (capability) {
	case KVM_CAP_ARM_PSCI_0_2:
		return !lacks_feature;
	case KVM_CAP_ARM_SVE:
		return has_vectors;
	default:
		return 0;
	}
}

/* This processor has vectors of 128, 256 and 512 bits. */
static int access_lengths(uint64_t *value, bool set)
{
	if (!set)
		memcpy(value, lengths, sizeof(lengths));
	else if (finalized)
		return -EPERM;
	else if (value[0] & ~UINT64_C(0xb))
		return -EINVAL;
	else
		memcpy(lengths, value, sizeof(lengths));
	return 0;
}

static int access_register(const struct kvm_one_reg *r, bool set)
{
	unsigned int i;
	const size_t size = (size_t)1 << ((r->id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);

	ck_assert(!in_guest);
	if (has_vectors && r->id == KVM_REG_ARM64_SVE_VLS)
		return access_lengths((void *)(uintptr_t)r->addr, set);
	for (i = 0; i < NREGISTERS && ids[i] != r->id; i++)
		;
	if (i == NREGISTERS || r->id == refused)
		return -EINVAL;
	memcpy(set ? registers[i] : (void *)(uintptr_t)r->addr,
	       set ? (void *)(uintptr_t)r->addr : registers[i], size);
	return 0;
}

static int list(struct kvm_reg_list *l)
{
	ck_assert_uint_ge(l->n, NLISTED);
	l->n = has_vectors ? NLISTED : NREGISTERS;
	l->reg[NREGISTERS] = KVM_REG_ARM64_SVE_VLS;
	memcpy(l->reg, ids, sizeof(ids));
	return 0;
}

int __wrap_varch_ioctl(int fd, unsigned long request, void *arg);
int __attribute__((used)) __wrap_varch_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	switch (request) {
	case KVM_GET_REG_LIST:
		return list(arg);
	case KVM_ARM_PREFERRED_TARGET:
		return 0;
	case KVM_ARM_VCPU_INIT:
		features = ((struct kvm_vcpu_init *)arg)->features[0];
		return 0;
	case KVM_ARM_VCPU_FINALIZE:
		finalized = true;
		return *(int *)arg == KVM_ARM_VCPU_SVE ? 0 : -EINVAL;
	case KVM_GET_ONE_REG:
	case KVM_SET_ONE_REG:
		return access_register(arg, request == KVM_SET_ONE_REG);
	case KVM_GET_DEVICE_ATTR:
		*(uint32_t *)(uintptr_t)((struct kvm_device_attr *)arg)->addr = 0;
		return 0;
	case KVM_SET_DEVICE_ATTR:
		return 0;
	case KVM_GET_VCPU_EVENTS:
		memset(arg, 7, sizeof(struct kvm_vcpu_events));
		return 0;
	case KVM_GET_MP_STATE:
		((struct kvm_mp_state *)arg)->mp_state = KVM_MP_STATE_STOPPED;
		return 0;
	case KVM_SET_MP_STATE:
		activity = ((struct kvm_mp_state *)arg)->mp_state;
		return 0;
	case KVM_SET_VCPU_EVENTS:
		return ((unsigned char *)arg)[0] == 7 ? 0 : -EINVAL;
	default:
		return -ENOSYS;
	}
}

static void save(void)
{
	memset(&writer, 0, sizeof(writer));
	vsu_state_begin(&writer, NULL);
	in_guest = true;
	varch_vm_describe(&kvm, &writer);
	in_guest = false;
	ck_assert_int_eq(varch_cpu_save(&kvm, 3, 0, &writer, &err), 0);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, &err), 0);
}

static int load(void)
{
	vsu_error_clear(&err);
	return varch_cpu_load(&kvm, 3, 0, &state, &err);
}

static void setup(void)
{
	unsigned int i, k;

	for (i = 0; i < NREGISTERS; i++)
		for (k = 0; k < MAX_SIZE; k++)
			registers[i][k] = (unsigned char)(16 * i + k);
	refused = 0;
	activity = UINT32_MAX;
	lacks_feature = has_vectors = finalized = false;
	lengths[0] = 0xb;
	kvm.cpu_features = features = 0;
	kvm.gic = 3;
	save();
}

static void teardown(void)
{
	free(writer.out.bytes);
}

START_TEST(registers_and_activity_are_loaded)
{
	unsigned char before[NREGISTERS][MAX_SIZE];

	memcpy(before, registers, sizeof(before));
	memset(registers[0], 0, 8);
	memset(registers[1], 0, 4);
	memset(registers[2], 0, 16);
	memset(registers[3], 0, 256);
	ck_assert_int_eq(load(), 0);
	ck_assert_mem_eq(registers, before, sizeof(before));
	ck_assert_uint_eq(activity, KVM_MP_STATE_STOPPED);
}
END_TEST

START_TEST(register_that_the_host_lacks_is_named)
{
	refused = ids[1];
	ck_assert_int_eq(load(), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "does not accept register 0x6020000000000002"));
	ck_assert_uint_eq(activity, UINT32_MAX);
}
END_TEST

START_TEST(features_that_the_host_lacks_are_refused)
{
	lacks_feature = true;
	ck_assert_int_eq(load(), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "features"));
}
END_TEST

static const struct varch_cpu_choice host = { .model = VARCH_CPU_HOST }, plain = { .model = VARCH_CPU_PLAIN };

/* A new VM for the state, or for the choice; then its CPU. */
static int begin(const struct varch_cpu_choice *choice, const struct vsu_state *from)
{
	int rc;

	vsu_error_clear(&err);
	finalized = false;
	rc = varch_cpus_choose(&kvm, choice, from, &err);
	return rc ? rc : varch_arm64_cpu_init(&kvm, 3, 0, &err);
}

static void save_with_vectors(void)
{
	free(writer.out.bytes);
	has_vectors = true;
	ck_assert_int_eq(begin(&host, NULL), 0);
	save();
}

START_TEST(option_names_the_model)
{
	struct varch_cpu_option option = { 0 };

	ck_assert_int_eq(varch_cpu_option_read(&option, &err), 0);
	ck_assert_int_eq(option.choice.model, VARCH_CPU_HOST);
	option.text = "plain";
	ck_assert_int_eq(varch_cpu_option_read(&option, &err), 0);
	ck_assert_int_eq(option.choice.model, VARCH_CPU_PLAIN);
	option.text = "x86-64-v2";
	ck_assert_int_eq(varch_cpu_option_read(&option, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "host and plain"));
}
END_TEST

START_TEST(model_chooses_the_features)
{
	has_vectors = true;
	ck_assert_int_eq(begin(&plain, NULL), 0);
	ck_assert_uint_eq(features, 1u << KVM_ARM_VCPU_PSCI_0_2);
	ck_assert(!finalized);
	ck_assert_int_eq(begin(&host, NULL), 0);
	ck_assert_uint_eq(features, 1u << KVM_ARM_VCPU_PSCI_0_2 | 1u << KVM_ARM_VCPU_SVE);
	ck_assert(finalized);
	has_vectors = false;
	ck_assert_int_eq(begin(&host, NULL), 0);
	ck_assert_uint_eq(features, 1u << KVM_ARM_VCPU_PSCI_0_2);
}
END_TEST

START_TEST(vectors_are_those_of_the_state)
{
	lengths[0] = 3;
	save_with_vectors();
	lengths[0] = 0xb;
	ck_assert_int_eq(begin(&plain, &state), 0);
	ck_assert(finalized);
	ck_assert_uint_eq(lengths[0], 3);
	lengths[0] = 0xb;
	finalized = false;
	ck_assert_int_eq(varch_arm64_cpu_init(&kvm, 4, 1, &err), 0);
	ck_assert_uint_eq(lengths[0], 3);
	memset(registers, 0, sizeof(registers));
	ck_assert_int_eq(load(), 0);
	ck_assert_uint_eq(registers[3][255], (unsigned char)(16 * 3 + 255));
}
END_TEST

START_TEST(state_without_features_gives_none)
{
	has_vectors = true;
	ck_assert_int_eq(begin(&host, &state), 0);
	ck_assert_uint_eq(features, 1u << KVM_ARM_VCPU_PSCI_0_2);
	ck_assert_int_eq(load(), 0);
}
END_TEST

START_TEST(vectors_that_the_host_lacks_are_named)
{
	lengths[0] = 0x81;
	save_with_vectors();
	ck_assert_int_eq(begin(&host, &state), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "SVE vectors have lengths"));
	has_vectors = false;
	ck_assert_int_eq(begin(&host, &state), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "have SVE, which"));
	ck_assert_uint_eq(kvm.cpu_features, 0);
}
END_TEST

START_TEST(unknown_features_are_refused)
{
	kvm.cpu_features = 1u << 20;
	free(writer.out.bytes);
	save();
	ck_assert_int_eq(begin(&host, &state), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "0x100000"));
}
END_TEST

START_TEST(truncated_features_are_refused)
{
	free(writer.out.bytes);
	memset(&writer, 0, sizeof(writer));
	vsu_state_begin(&writer, NULL);
	vsu_state_section(&writer, "features", 0);
	vsu_state_put_u32(&writer, 1u << KVM_ARM_VCPU_SVE);
	vsu_state_section_end(&writer);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	has_vectors = true;
	ck_assert_int_eq(begin(&host, &state), -EBADMSG);
	ck_assert_uint_eq(kvm.cpu_features, 0);
}
END_TEST

static const struct { uint32_t features; uint64_t first, last; } impossible[] = {
	{ 1u << KVM_ARM_VCPU_SVE, 0, 0 }, { 1u << KVM_ARM_VCPU_SVE, 2, 0 }, { 1u << KVM_ARM_VCPU_SVE, 0, 1 },
	{ 0, 1, 0 }, { 0, 0, 1 },
};

START_TEST(lengths_of_vectors_that_cannot_be_are_refused)
{
	unsigned int i;

	free(writer.out.bytes);
	memset(&writer, 0, sizeof(writer));
	vsu_state_begin(&writer, NULL);
	vsu_state_section(&writer, "features", 0);
	vsu_state_put_u32(&writer, impossible[_i].features);
	for (i = 0; i < VARCH_LENGTH_WORDS; i++)
		vsu_state_put_u64(&writer, !i ? impossible[_i].first : i == VARCH_LENGTH_WORDS - 1 ? impossible[_i].last : 0);
	vsu_state_section_end(&writer);
	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	has_vectors = true;
	ck_assert_int_eq(begin(&host, &state), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.msg, "lengths of SVE vectors"));
	ck_assert_uint_eq(kvm.cpu_features, 0);
}
END_TEST

/* Saves the section with another number of registers, and without its last bytes. */
static void save_raw(uint32_t count, size_t left_out)
{
	struct vsu_state_fields f;
	struct vsu_state_writer w = { 0 };
	unsigned char *bytes;

	ck_assert_int_eq(vsu_state_find(&state, "cpu", 0, &f, NULL), 0);
	bytes = malloc(f.in.left);
	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, f.in.at, f.in.left);
	memcpy(bytes + 4, &count, sizeof(count));
	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "cpu", 0);
	vsu_state_put(&w, bytes, f.in.left - left_out);
	vsu_state_section_end(&w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	free(bytes);
	free(writer.out.bytes);
	writer = w;
	state = (struct vsu_state){ w.out.bytes, w.out.len };
}

START_TEST(sections_of_another_length_are_refused)
{
	save_raw(NREGISTERS, 1);
	ck_assert_int_eq(load(), -EBADMSG);
	save_raw(UINT32_MAX, 0);
	ck_assert_int_eq(load(), -EBADMSG);
	save_raw(NREGISTERS + 1, 0);
	ck_assert_int_lt(load(), 0);
	ck_assert_uint_eq(activity, UINT32_MAX);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_state");
	TCase *t = tcase_create("cpu_state");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, registers_and_activity_are_loaded);
	tcase_add_test(t, register_that_the_host_lacks_is_named);
	tcase_add_test(t, features_that_the_host_lacks_are_refused);
	tcase_add_test(t, sections_of_another_length_are_refused);
	tcase_add_test(t, option_names_the_model);
	tcase_add_test(t, model_chooses_the_features);
	tcase_add_test(t, vectors_are_those_of_the_state);
	tcase_add_test(t, state_without_features_gives_none);
	tcase_add_test(t, vectors_that_the_host_lacks_are_named);
	tcase_add_test(t, unknown_features_are_refused);
	tcase_add_test(t, truncated_features_are_refused);
	tcase_add_loop_test(t, lengths_of_vectors_that_cannot_be_are_refused, 0, sizeof(impossible) / sizeof(impossible[0]));
	suite_add_tcase(s, t);
	return run_suite(s);
}
