/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the state of a vCPU that cannot be saved, on a KVM that this test plays. */
#include <config.h>

#include "../util.h"
#include "kvm/uapi.h"
#include "x86/cpu_state.h"

static const struct vmm_kvm kvm;
static struct vmm_state_writer writer;
static struct vsu_error err;
static struct kvm_nested_state nested;	/* of the vCPU */
static int nested_size, nested_result, xsave_size;

int __wrap_vmm_kvm_ioctl(int fd, unsigned long request, void *arg);
int __wrap_vmm_kvm_capability(const struct vmm_kvm *of, int capability);

int __wrap_vmm_kvm_capability(const struct vmm_kvm *of, int capability)
{
	(void)of;
	return capability == KVM_CAP_NESTED_STATE ? nested_size :
	       capability == KVM_CAP_XSAVE2 ? xsave_size : 0;
}

/* All other registers are 0. */
int __wrap_vmm_kvm_ioctl(int fd, unsigned long request, void *arg)
{
	struct kvm_nested_state *out = arg;

	(void)fd;
	if (request != KVM_GET_NESTED_STATE)
		return 0;
	ck_assert_uint_eq(out->size, nested_size);
	*out = nested;
	return nested_result;
}

static void setup(void)
{
	memset(&nested, 0, sizeof(nested));
	nested_size = sizeof(nested) + 8192;
	nested_result = 0;
	xsave_size = sizeof(struct kvm_xsave);
	memset(&writer, 0, sizeof(writer));
	vmm_state_begin(&writer);
}

static void teardown(void)
{
	free(writer.bytes);
}

static int save(void)
{
	return vmm_x86_cpu_save(&kvm, 3, 1, &writer, &err);
}

static void refused(int rc, const char *sentence)
{
	ck_assert_int_eq(save(), rc);
	ck_assert_str_eq(err.msg, sentence);
}

static void set_vmx(uint16_t flags, uint64_t vmxon_pa)
{
	nested.format = KVM_STATE_NESTED_FORMAT_VMX;
	nested.flags = flags;
	nested.hdr.vmx.vmxon_pa = vmxon_pa;
	nested.hdr.vmx.vmcs12_pa = UINT64_MAX;
}

static void set_svm(uint16_t flags)
{
	nested.format = KVM_STATE_NESTED_FORMAT_SVM;
	nested.flags = flags;
}

START_TEST(guest_that_uses_no_virtualization_is_saved)
{
	set_vmx(0, UINT64_MAX);
	ck_assert_int_eq(save(), 0);
	set_svm(KVM_STATE_NESTED_GIF_SET);
	ck_assert_int_eq(save(), 0);
	nested_size = 0;
	ck_assert_int_eq(save(), 0);
}
END_TEST

static const struct busy {
	uint16_t format, flags;
	uint64_t vmxon_pa;	/* VMX only */
} busy[] = {
	{ KVM_STATE_NESTED_FORMAT_VMX, KVM_STATE_NESTED_GUEST_MODE, 0x1000 },
	{ KVM_STATE_NESTED_FORMAT_VMX, KVM_STATE_NESTED_GUEST_MODE | KVM_STATE_NESTED_RUN_PENDING, 0x1000 },
	{ KVM_STATE_NESTED_FORMAT_VMX, 0, 0x1000 },	/* between two runs */
	{ KVM_STATE_NESTED_FORMAT_SVM, KVM_STATE_NESTED_GIF_SET | KVM_STATE_NESTED_GUEST_MODE, 0 },
	{ KVM_STATE_NESTED_FORMAT_SVM, KVM_STATE_NESTED_GIF_SET | KVM_STATE_NESTED_RUN_PENDING, 0 },
	{ KVM_STATE_NESTED_FORMAT_SVM, 0, 0 },	/* after CLGI */
};

START_TEST(guest_that_runs_guests_is_refused_by_name)
{
	if (busy[_i].format == KVM_STATE_NESTED_FORMAT_VMX)
		set_vmx(busy[_i].flags, busy[_i].vmxon_pa);
	else
		set_svm(busy[_i].flags);
	refused(-EOPNOTSUPP, "CPU 1: the guest runs nested virtual machines, whose state cannot be saved");
}
END_TEST

START_TEST(failed_call_is_named)
{
	set_svm(KVM_STATE_NESTED_GIF_SET);
	nested_result = -EIO;
	ck_assert_int_eq(save(), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "CPU 1: KVM_GET_NESTED_STATE"));
}
END_TEST

START_TEST(larger_extended_state_is_refused_with_the_remedy)
{
	set_svm(KVM_STATE_NESTED_GIF_SET);
	xsave_size = 11008;
	refused(-EOPNOTSUPP, "CPU 1: its extended state has 11008 bytes, but at most 4096 can be saved; use --cpu=plain");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cpu_state");
	TCase *tc = tcase_create("cpu_state");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, guest_that_uses_no_virtualization_is_saved);
	tcase_add_loop_test(tc, guest_that_runs_guests_is_refused_by_name, 0, COUNT(busy));
	tcase_add_test(tc, failed_call_is_named);
	tcase_add_test(tc, larger_extended_state_is_refused_with_the_remedy);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
