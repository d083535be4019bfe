/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the registers for hot plug. */
#include <config.h>

#include <vm-arch/layout.h>
#include <vm-arch/plug.h>

#include "../util.h"

#define PRESENT(word) (4 * (word))
#define CAME(word) (8 + 4 * (word))

static struct varch_bus bus;
static struct varch_plug plug;

static void start(unsigned int n)
{
	struct vsu_error err;

	memset(&bus, 0, sizeof(bus));
	memset(&plug, 0, sizeof(plug));
	ck_assert_int_eq(varch_plug_add(&plug, n, &bus, &err), 0);
}

static uint64_t read_n(uint64_t offset, uint32_t len)
{
	struct varch_access access = { .len = len };

	varch_bus_access(&bus, VARCH_CPU_PLUG_AT + offset, &access);
	return access.value;
}

static uint64_t read_at(uint64_t offset)
{
	return read_n(offset, 4);
}

START_TEST(a_new_machine_has_its_first_cpus)
{
	start(33);
	ck_assert_uint_eq(read_at(PRESENT(0)), UINT32_MAX);
	ck_assert_uint_eq(read_at(PRESENT(1)), 1);
	ck_assert_uint_eq(read_at(CAME(0)), 0);
	ck_assert_uint_eq(read_at(CAME(1)), 0);
	ck_assert(!varch_plug_is_unread(&plug));
}
END_TEST

START_TEST(more_cpus_than_the_registers_have_are_refused)
{
	struct vsu_error err;

	start(64);
	ck_assert_uint_eq(read_at(PRESENT(1)), UINT32_MAX);
	ck_assert_int_eq(varch_plug_add(&plug, 65, &bus, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "65 CPUs"));
	ck_assert_uint_eq(read_at(CAME(0)) | read_at(CAME(1)), 0);
}
END_TEST

START_TEST(a_cpu_that_came_is_reported_once_and_stays_present)
{
	start(1);
	varch_plug_note(&plug, VARCH_PLUG_CPU, 1);
	varch_plug_note(&plug, VARCH_PLUG_CPU, 63);
	ck_assert(varch_plug_is_unread(&plug));
	ck_assert_uint_eq(read_at(CAME(0)), 1u << 1);
	ck_assert_uint_eq(read_at(CAME(0)), 0);
	ck_assert(varch_plug_is_unread(&plug));
	ck_assert_uint_eq(read_at(CAME(1)), 1u << 31);
	ck_assert(!varch_plug_is_unread(&plug));
	ck_assert_uint_eq(read_at(PRESENT(0)), 3);
	ck_assert_uint_eq(read_at(PRESENT(1)), 1u << 31);
}
END_TEST

/* Each width at each offset of the range and beside it. */
START_TEST(only_aligned_reads_of_32_bits_change_a_register)
{
	uint64_t offset;
	uint32_t len;

	start(2);
	varch_plug_note(&plug, VARCH_PLUG_CPU, 2);
	varch_plug_note(&plug, VARCH_PLUG_CPU, 40);
	for (len = 1; len <= 8; len *= 2)
		for (offset = 0; offset < VARCH_CPU_PLUG_LEN + 8; offset++)
			if (len != 4 || offset % 4)
				(void)read_n(offset, len);
	ck_assert_uint_eq(read_at(CAME(0)), 1u << 2);
	ck_assert_uint_eq(read_at(CAME(1)), 1u << 8);
}
END_TEST

START_TEST(no_write_changes_a_register)
{
	struct varch_access access;
	uint64_t offset;
	uint32_t len;

	start(2);
	varch_plug_note(&plug, VARCH_PLUG_CPU, 2);
	for (len = 1; len <= 8; len *= 2)
		for (offset = 0; offset < VARCH_CPU_PLUG_LEN + 8; offset++) {
			access = (struct varch_access){ .len = len, .write = true, .value = UINT64_MAX };
			varch_bus_access(&bus, VARCH_CPU_PLUG_AT + offset, &access);
			access = (struct varch_access){ .len = len, .write = true };
			varch_bus_access(&bus, VARCH_CPU_PLUG_AT + offset, &access);
		}
	ck_assert_uint_eq(read_at(PRESENT(0)), 7);
	ck_assert_uint_eq(read_at(PRESENT(1)), 0);
	ck_assert_uint_eq(read_at(CAME(0)), 1u << 2);
	ck_assert_uint_eq(read_at(CAME(1)), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("plug");
	TCase *tc = tcase_create("plug");

	if (!VARCH_CPU_PLUG_LEN)
		return skip_all("this architecture has no hot plug of CPUs");
	tcase_add_test(tc, a_new_machine_has_its_first_cpus);
	tcase_add_test(tc, more_cpus_than_the_registers_have_are_refused);
	tcase_add_test(tc, a_cpu_that_came_is_reported_once_and_stays_present);
	tcase_add_test(tc, only_aligned_reads_of_32_bits_change_a_register);
	tcase_add_test(tc, no_write_changes_a_register);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
