/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the width of a guest's physical addresses, for each width that a KVM offers. */
#include <config.h>

#include <vm-arch/arch.h>

#include "../../util.h"
#include "arch/own.h"
#include "kvm/uapi.h"

static int offered;

int __wrap_varch_vm_capability(const struct varch_vm *kvm, int capability);
int __wrap_varch_vm_capability(const struct varch_vm *kvm, int capability)
{
	(void)kvm;
	return capability == KVM_CAP_ARM_VM_IPA_SIZE ? offered : 0;
}

/* The type 0 means 40 bits, for a KVM without the capability too. */
static const struct {
	int offered;
	unsigned int bits;
	unsigned long type;
} widths[] = {
	{ 0, 40, 0 }, { 32, 32, 32 }, { 36, 36, 36 }, { 40, 40, 40 }, { 48, 48, 48 },
	{ 52, 48, 48 },		/* LPA2 */
};

START_TEST(vm_has_the_bits_of_the_host_up_to_48)
{
	struct varch_vm kvm = { .vm_fd = -1 };
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned long type = 1;

	offered = widths[_i].offered;
	ck_assert_int_eq(varch_vm_type(&kvm, false, &type, &err), 0);
	ck_assert_uint_eq(type, widths[_i].type);
	ck_assert_int_eq(varch_phys_bits(&kvm, &err), 0);
	ck_assert_uint_eq(kvm.phys_bits, widths[_i].bits);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("arm64 vm");
	TCase *t = tcase_create("vm");

	tcase_add_loop_test(t, vm_has_the_bits_of_the_host_up_to_48, 0, COUNT(widths));
	suite_add_tcase(s, t);
	return run_suite(s);
}
