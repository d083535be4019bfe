/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims that iasl accepts the tables of ACPI: their disassembly compiles
 * without a remark.
 */
#include <config.h>

#include "../../../acpi/iasl.h"
#include "machines.h"

START_TEST(iasl_accepts_the_tables_without_remarks)
{
	static const struct iasl_table tables[] = {
		{ "dsdt", &layout.dsdt }, { "facp", &layout.fadt }, { "apic", &layout.madt },
		{ "xsdt", &layout.xsdt }, { "mcfg", &layout.mcfg },
	};

	build((unsigned int)_i);
	assert_iasl_accepts(tables, COUNT(tables));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iasl");
	TCase *tc = tcase_create("iasl");

	if (iasl_lack())
		return skip_all(iasl_lack());
	tcase_add_loop_test(tc, iasl_accepts_the_tables_without_remarks, 0, (int)COUNT(sizes));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
