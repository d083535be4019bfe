/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the tables of ACPI and the writer of their AML. */
#include <config.h>

#include "acpi/aml.h"
#include "arch/x86/acpi/tables.h"
#include "machines.h"

START_TEST(tables_sum_up_to_zero_and_point_to_each_other)
{
	build((unsigned int)_i);
	ck_assert_uint_eq(sum_of(&layout.rsdp), 0);
	ck_assert_uint_eq(sum_of(&layout.dsdt), 0);
	ck_assert_uint_eq(sum_of(&layout.fadt), 0);
	ck_assert_uint_eq(sum_of(&layout.madt), 0);
	ck_assert_uint_eq(sum_of(&layout.xsdt), 0);
	ck_assert_int_eq(memcmp(block, "RSD PTR ", 8), 0);
	ck_assert_uint_eq(get(24, 8), ACPI_GPA + layout.xsdt.offset);
	ck_assert_uint_eq(get(layout.xsdt.offset + 36, 8), ACPI_GPA + layout.fadt.offset);
	ck_assert_uint_eq(get(layout.xsdt.offset + 44, 8), ACPI_GPA + layout.madt.offset);
	if (sizes[_i][3]) {
		ck_assert_uint_eq(sum_of(&layout.mcfg), 0);
		ck_assert_uint_eq(get(layout.xsdt.offset + 52, 8),
				  ACPI_GPA + layout.mcfg.offset);
		ck_assert_uint_eq(get(layout.mcfg.offset + 44, 8), 0xe0000000);
	}
	ck_assert_uint_eq(get(layout.fadt.offset + 140, 8), ACPI_GPA + layout.dsdt.offset);
	ck_assert_uint_eq(get(layout.fadt.offset + 4, 4), layout.fadt.len);
}
END_TEST

START_TEST(each_table_has_its_header)
{
	const struct { const struct varch_acpi_table *table; const char *signature; unsigned char revision; } tables[] = {
		{ &layout.dsdt, "DSDT", 2 }, { &layout.fadt, "FACP", 6 }, { &layout.madt, "APIC", 5 },
		{ &layout.xsdt, "XSDT", 1 }, { &layout.mcfg, "MCFG", 1 },
	};
	unsigned int i;

	build(4);
	for_rows(i, COUNT(tables)) {
		const size_t at = tables[i].table->offset;

		ck_assert_uint_eq(at % 16, 0);
		ck_assert_mem_eq(block + at, tables[i].signature, 4);
		ck_assert_uint_eq(get(at + 4, 4), tables[i].table->len);
		ck_assert_uint_eq(block[at + 8], tables[i].revision);
		ck_assert_uint_eq(sum_of(tables[i].table), 0);
		ck_assert_mem_eq(block + at + 10, "CVMM  CVMM    \1\0\0\0CVMM\1\0\0\0", 26);
	}
}
END_TEST

/* Enabled, or absent and able to come. */
START_TEST(every_cpu_has_its_local_apic)
{
	const unsigned int n = sizes[_i][0] + sizes[_i][4];
	unsigned int i;
	size_t at;

	build((unsigned int)_i);
	at = layout.madt.offset + 44;
	ck_assert_uint_eq(layout.madt.len, 44 + 8 * n + 12 + 6);
	for (i = 0; i < n; i++, at += 8) {
		ck_assert_uint_eq(get(at, 2), 0x800);
		ck_assert_uint_eq(get(at + 2, 2), i << 8 | i);
		ck_assert_uint_eq(get(at + 4, 4), i < sizes[_i][0] ? 1 : 2);
	}
}
END_TEST

/* The state, the entry of the MADT, and a notification: of CPUs that are added later only. */
START_TEST(only_cpus_that_are_added_later_have_methods)
{
	char name[16];
	unsigned int i;

	build((unsigned int)_i);
	for (i = 0; i < 64; i++) {
		const unsigned int n = sizes[_i][0], all = n + sizes[_i][4];
		const unsigned char mat[] = { 0x0a, 8, 0, 8, (unsigned char)i, (unsigned char)i, 1, 0, 0, 0 };

		snprintf(name, sizeof(name), "C%03X\x08_HID", i);
		ck_assert_msg(table_has(&layout.dsdt, name, 9) == (i < all), "device of CPU %u", i);
		ck_assert_msg(table_has(&layout.dsdt, mat, sizeof(mat)) == (i >= n && i < all), "_MAT of CPU %u", i);
		snprintf(name, sizeof(name), "\x86" "C%03X\x01", i);
		ck_assert_msg(table_has(&layout.dsdt, name, 6) == (i >= n && i < all), "notification of CPU %u", i);
	}
	ck_assert_int_eq(table_has(&layout.dsdt, "CPUL", 4), sizes[_i][4] != 0);
}
END_TEST

START_TEST(d2_13_tables_that_do_not_fit_are_refused_at_every_size)
{
	const struct varch_board m = machine_of(64, 19, 16);
	size_t size, need;

	build(3);
	need = layout.len;
	for (size = 0; size < need; size += size < 600 ? 1 : 37) {
		ck_assert_int_eq(varch_acpi_build(&m, ACPI_GPA, block, size, &layout, &err), -ENOSPC);
		ck_assert_ptr_nonnull(strstr(err.msg, "use fewer CPUs"));
	}
	ck_assert_int_eq(varch_acpi_build(&m, ACPI_GPA, block, need, &layout, &err), 0);
}
END_TEST

static struct varch_aml aml;
static unsigned char bytes[4096];

static void begin(size_t size)
{
	memset(bytes, 0xee, sizeof(bytes));
	varch_aml_init(&aml, bytes, size);
}

static void assert_written(const void *want, size_t n)
{
	size_t len = 0;

	ck_assert_int_eq(varch_aml_finish(&aml, &len), 0);
	ck_assert_uint_eq(len, n);
	ck_assert_mem_eq(bytes, want, n);
}

static const struct { uint64_t value; size_t n; unsigned char want[9]; } numbers[] = {
	{ 0, 1, { 0x00 } }, { 1, 1, { 0x01 } }, { 2, 2, { 0x0a, 2 } },
	{ 0xff, 2, { 0x0a, 0xff } }, { 0x100, 3, { 0x0b, 0, 1 } },
	{ 0x10000, 5, { 0x0c, 0, 0, 1, 0 } },
	{ 0x100000000, 9, { 0x0e, 0, 0, 0, 0, 1, 0, 0, 0 } },
};

START_TEST(aml_integer_takes_the_fewest_bytes)
{
	begin(sizeof(bytes));
	varch_aml_integer(&aml, numbers[_i].value);
	assert_written(numbers[_i].want, numbers[_i].n);
}
END_TEST

START_TEST(aml_names_are_filled_and_joined)
{
	begin(sizeof(bytes));
	varch_aml_name(&aml, "\\_SB.PWRB");
	varch_aml_name(&aml, "A1");
	varch_aml_name(&aml, "A.B.C");
	assert_written("\x08\\\x2e_SB_PWRB\x08" "A1__\x08\x2f\x03" "A___B___C___", 31);
}
END_TEST

static const char *const bad_names[] = {
	"", "\\", "1A", "a", "ABCDE", "A.", ".A", "A..B", "A B", "A\\B",
};

START_TEST(aml_name_that_is_none_is_refused)
{
	size_t len;

	begin(sizeof(bytes));
	varch_aml_name(&aml, bad_names[_i]);
	varch_aml_integer(&aml, 1);
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -EINVAL);
}
END_TEST

START_TEST(aml_identifier_of_a_device_is_packed)
{
	begin(sizeof(bytes));
	varch_aml_eisa_id(&aml, "PNP0501");
	assert_written("\x0c\x41\xd0\x05\x01", 5);
}
END_TEST

static const char *const bad_ids[] = { "", "PNP050", "PNP05011", "pnp0501", "PNP050g", "P1P0501" };

START_TEST(aml_bytes_and_results_have_their_lengths)
{
	begin(sizeof(bytes));
	varch_aml_bytes(&aml, "\0\xff" "a", 3);
	varch_aml_return(&aml, 15);
	assert_written("\x11\x06\x0a\x03\0\xff" "a\xa4\x0a\x0f", 10);
}
END_TEST

START_TEST(aml_identifier_that_is_none_is_refused)
{
	size_t len;

	begin(sizeof(bytes));
	varch_aml_eisa_id(&aml, bad_ids[_i]);
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -EINVAL);
}
END_TEST

/* The length counts itself: its own size changes at 63, 4095 and so on. */
static const struct { unsigned int content; size_t head; } lengths[] = {
	{ 62, 1 }, { 63, 2 }, { 4093, 2 },
};

START_TEST(aml_length_is_right_where_its_own_size_changes)
{
	static unsigned char large[8192];
	unsigned int i;
	size_t len = 0;

	varch_aml_init(&aml, large, sizeof(large));
	varch_aml_package(&aml, 0);	/* the count is content too */
	for (i = 1; i < lengths[_i].content; i++)
		varch_aml_integer(&aml, 0);
	varch_aml_end(&aml);
	ck_assert_int_eq(varch_aml_finish(&aml, &len), 0);
	ck_assert_uint_eq(len, 1 + lengths[_i].head + lengths[_i].content);
	if (lengths[_i].head == 1)
		ck_assert_uint_eq(large[1], len - 1);
	else
		ck_assert_uint_eq((large[1] & 0xf) | large[2] << 4, len - 1);
}
END_TEST

START_TEST(unbalanced_aml_packages_are_reported)
{
	size_t len;
	int i;

	begin(sizeof(bytes));
	varch_aml_end(&aml);
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -EPROTO);
	begin(sizeof(bytes));
	varch_aml_scope(&aml, "A");
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -EPROTO);
	begin(sizeof(bytes));
	for (i = 0; i <= VARCH_AML_DEPTH; i++)
		varch_aml_package(&aml, 1);
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -ELOOP);
}
END_TEST

START_TEST(aml_that_does_not_fit_stays_inside_its_buffer)
{
	size_t size, len, i;

	for (size = 0; size < 64; size++) {
		begin(size);
		varch_aml_device(&aml, "DEV");
		varch_aml_name(&aml, "_CRS");
		varch_aml_resources(&aml);
		varch_aml_memory64(&aml, GIB, GIB);
		varch_aml_end(&aml);
		varch_aml_end(&aml);
		if (varch_aml_finish(&aml, &len))
			ck_assert_int_eq(varch_aml_finish(&aml, &len), -ENOSPC);
		for (i = size; i < 128; i++)
			ck_assert_uint_eq(bytes[i], 0xee);
	}
	ck_assert_int_eq(varch_aml_finish(&aml, &len), -ENOSPC);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("acpi");
	TCase *tc = tcase_create("acpi");

	tcase_add_loop_test(tc, tables_sum_up_to_zero_and_point_to_each_other, 0, 4);
	tcase_add_test(tc, each_table_has_its_header);
	tcase_add_loop_test(tc, every_cpu_has_its_local_apic, 0, (int)COUNT(sizes));
	tcase_add_loop_test(tc, only_cpus_that_are_added_later_have_methods, 0, (int)COUNT(sizes));
	tcase_add_test(tc, d2_13_tables_that_do_not_fit_are_refused_at_every_size);
	tcase_add_loop_test(tc, aml_integer_takes_the_fewest_bytes, 0, (int)COUNT(numbers));
	tcase_add_test(tc, aml_names_are_filled_and_joined);
	tcase_add_loop_test(tc, aml_name_that_is_none_is_refused, 0, (int)COUNT(bad_names));
	tcase_add_test(tc, aml_identifier_of_a_device_is_packed);
	tcase_add_test(tc, aml_bytes_and_results_have_their_lengths);
	tcase_add_loop_test(tc, aml_identifier_that_is_none_is_refused, 0, (int)COUNT(bad_ids));
	tcase_add_loop_test(tc, aml_length_is_right_where_its_own_size_changes, 0, 3);
	tcase_add_test(tc, unbalanced_aml_packages_are_reported);
	tcase_add_test(tc, aml_that_does_not_fit_stays_inside_its_buffer);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
