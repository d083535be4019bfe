/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the registers of a vCPU, on a KVM that this test plays. */
#include <config.h>

#include "../../util.h"
#include "arch/x86/msrs.h"

#define MANY 300u
#define DEADLINE 0x6e0u

static const struct varch_vm kvm;
static struct kvm_msr_entry all[VARCH_MAX_MSRS], written[VARCH_MAX_MSRS];
static uint32_t nwritten, ncalls, refused, value;

int __wrap_varch_ioctl(int fd, unsigned long request, void *arg);

/* KVM stops at the register that it refuses. */
static int take_msrs(const struct kvm_msrs *msrs)
{
	uint32_t i;

	ck_assert_uint_gt(msrs->nmsrs, 0);
	ck_assert_uint_lt(msrs->nmsrs, 256);
	ncalls++;
	for (i = 0; i < msrs->nmsrs && msrs->entries[i].index != refused; i++)
		written[nwritten++] = msrs->entries[i];
	return (int)i;
}

static int give_list(struct kvm_msr_list *list)
{
	uint32_t i;

	list->nmsrs = 4;
	for (i = 0; i < 4; i++)
		list->indices[i] = 0x10 + i;
	return 0;
}

/* The vCPU has no odd one. */
static int give_msr(struct kvm_msrs *msrs)
{
	ck_assert_uint_eq(msrs->nmsrs, 1);
	msrs->entries[0].data = value;
	return !(msrs->entries[0].index & 1);
}

int __wrap_varch_ioctl(int fd, unsigned long request, void *arg)
{
	(void)fd;
	return request == KVM_SET_MSRS ? take_msrs(arg) :
	       request == KVM_GET_MSRS ? give_msr(arg) : give_list(arg);
}

static void setup(void)
{
	uint32_t i;

	for (i = 0; i < MANY; i++)
		all[i] = (struct kvm_msr_entry){ .index = 0x1000 + 2 * i, .data = i };
	refused = UINT32_MAX;
}

START_TEST(many_are_written_in_order_by_few_calls)
{
	uint32_t which = 0, i;

	ck_assert_int_eq(varch_msrs_write(3, all, MANY, &which), 0);
	ck_assert_uint_eq(nwritten, MANY);
	ck_assert_uint_le(ncalls, 3);
	for (i = 0; i < MANY; i++)
		ck_assert_uint_eq(written[i].data, i);
}
END_TEST

START_TEST(deadline_of_the_timer_is_written_last)
{
	uint32_t which = 0;

	all[5].index = DEADLINE;
	ck_assert_int_eq(varch_msrs_write(3, all, MANY, &which), 0);
	ck_assert_uint_eq(nwritten, MANY);
	ck_assert_uint_eq(written[5].data, 6);
	ck_assert_uint_eq(written[MANY - 1].index, DEADLINE);
	ck_assert_uint_eq(written[MANY - 1].data, 5);
}
END_TEST

START_TEST(refused_value_that_the_register_has_is_no_error)
{
	uint32_t which = 0;

	refused = all[_i].index;
	value = (uint32_t)_i;
	ck_assert_int_eq(varch_msrs_write(3, all, MANY, &which), 0);
	ck_assert_uint_eq(nwritten, MANY - 1);
}
END_TEST

START_TEST(refused_value_names_the_register)
{
	uint32_t which = 0;

	refused = all[_i].index;
	value = MANY;
	ck_assert_int_eq(varch_msrs_write(3, all, MANY, &which), -EOPNOTSUPP);
	ck_assert_uint_eq(which, refused);
	ck_assert_uint_eq(nwritten, (uint32_t)_i);
}
END_TEST

START_TEST(nothing_is_written_without_registers)
{
	uint32_t which = 0;

	ck_assert_int_eq(varch_msrs_write(3, all, 0, &which), 0);
	ck_assert_uint_eq(ncalls, 0);
}
END_TEST

START_TEST(registers_that_the_cpu_lacks_are_not_read)
{
	value = 7;
	ck_assert_int_eq(varch_msrs_read(&kvm, 3, all), 2);
	ck_assert_uint_eq(all[0].index, 0x10);
	ck_assert_uint_eq(all[1].index, 0x12);
	ck_assert_uint_eq(all[1].data, 7);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("msrs");
	TCase *tc = tcase_create("msrs");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, many_are_written_in_order_by_few_calls);
	tcase_add_test(tc, deadline_of_the_timer_is_written_last);
	tcase_add_loop_test(tc, refused_value_that_the_register_has_is_no_error, 126, 130);
	tcase_add_loop_test(tc, refused_value_names_the_register, 126, 130);
	tcase_add_test(tc, nothing_is_written_without_registers);
	tcase_add_test(tc, registers_that_the_cpu_lacks_are_not_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
