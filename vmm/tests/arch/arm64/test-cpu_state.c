/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a CPU of arm64 except its GIC, with a KVM of this test's own. */
#include <config.h>

#include "../../util.h"
#include "arch/arch.h"
#include "kvm/uapi.h"

#define NREGISTERS 3u
#define DEVICE_FD 9

static const uint64_t ids[NREGISTERS] = {
	KVM_REG_ARM64 | KVM_REG_SIZE_U64 | 1, KVM_REG_ARM64 | KVM_REG_SIZE_U32 | 2,
	KVM_REG_ARM64 | KVM_REG_SIZE_U128 | 3,
};

static struct vmm_kvm kvm = { .kvm_fd = 1, .vm_fd = 2, .nchips = 1, .chips = { DEVICE_FD } };
static unsigned char registers[NREGISTERS][16];
static uint64_t refused;	/* id of a register that is refused */
static bool lacks_feature;
static uint32_t activity;
static struct vmm_state_writer writer;
static struct vmm_state state;
static struct vsu_error err;

int __wrap_vmm_kvm_capability(const struct vmm_kvm *k, int capability);
int __attribute__((used)) __wrap_vmm_kvm_capability(const struct vmm_kvm *k, int capability)
{
	(void)k;
	return capability == KVM_CAP_ARM_PSCI_0_2 && !lacks_feature;
}

static int access_register(const struct kvm_one_reg *r, bool set)
{
	unsigned int i;
	const size_t size = (size_t)1 << ((r->id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);

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
	ck_assert_uint_ge(l->n, NREGISTERS);
	l->n = NREGISTERS;
	memcpy(l->reg, ids, sizeof(ids));
	return 0;
}

int __wrap_vmm_kvm_ioctl(int fd, unsigned long request, void *arg);
int __attribute__((used)) __wrap_vmm_kvm_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	switch (request) {
	case KVM_GET_REG_LIST:
		return list(arg);
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
	vmm_state_begin(&writer);
	ck_assert_int_eq(vmm_arch_cpu_save(&kvm, 3, 0, &writer, &err), 0);
	ck_assert_int_eq(vmm_state_finish(&writer), 0);
	state = (struct vmm_state){ writer.out.bytes, writer.out.len };
	ck_assert_int_eq(vmm_state_check(&state, &err), 0);
}

static int load(void)
{
	vsu_error_clear(&err);
	return vmm_arch_cpu_load(&kvm, 3, 0, &state, &err);
}

static void setup(void)
{
	unsigned int i, k;

	for (i = 0; i < NREGISTERS; i++)
		for (k = 0; k < 16; k++)
			registers[i][k] = (unsigned char)(16 * i + k);
	refused = 0;
	activity = UINT32_MAX;
	lacks_feature = false;
	kvm.gic = 3;
	save();
}

static void teardown(void)
{
	free(writer.out.bytes);
}

START_TEST(registers_and_activity_are_loaded)
{
	unsigned char before[NREGISTERS][16];

	memcpy(before, registers, sizeof(before));
	memset(registers[0], 0, 8);
	memset(registers[1], 0, 4);
	memset(registers[2], 0, 16);
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

/* The same section with another number of bytes, or of registers. */
static void save_raw(uint32_t count, size_t left_out)
{
	struct vmm_state_fields f;
	struct vmm_state_writer w = { 0 };
	unsigned char *bytes;

	ck_assert_int_eq(vmm_state_find(&state, "cpu", 0, &f, NULL), 0);
	bytes = malloc(f.in.left);
	ck_assert_ptr_nonnull(bytes);
	memcpy(bytes, f.in.at, f.in.left);
	memcpy(bytes + 4, &count, sizeof(count));
	vmm_state_begin(&w);
	vmm_state_section(&w, "cpu", 0);
	vmm_state_put(&w, bytes, f.in.left - left_out);
	vmm_state_section_end(&w);
	ck_assert_int_eq(vmm_state_finish(&w), 0);
	free(bytes);
	free(writer.out.bytes);
	writer = w;
	state = (struct vmm_state){ w.out.bytes, w.out.len };
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
	suite_add_tcase(s, t);
	return run_suite(s);
}
