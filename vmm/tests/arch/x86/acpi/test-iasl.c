/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims that iasl accepts the tables of ACPI: their disassembly compiles
 * without a remark.
 */
#include <config.h>

#include "machines.h"

static void store(const char *folder, const char *name,
		  const struct vmm_acpi_table *t)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.aml", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(block + t->offset, 1, t->len, f), t->len);
	fclose(f);
}

/*
 * iasl disassembles each table and compiles the result; the output is
 * "0 Errors, 0 Warnings, 0 Remarks" for the DSDT, and only the length for the others.
 */
static const char judge[] =
	"cd '%s' && for t in dsdt facp apic xsdt $(test -s mcfg.aml && echo mcfg); do"
	" iasl -d $t.aml >$t.log 2>&1 && iasl -p again-$t $t.dsl >>$t.log 2>&1"
	" || { cat $t.log; exit 1; };"
	" grep -iE '(error|warning|remark)s?[^,]* *[0-9]* -' $t.log && exit 1; done;"
	" grep -q ' 0 Errors, 0 Warnings, 0 Remarks' dsdt.log || { cat dsdt.log; exit 1; }";

START_TEST(iasl_accepts_the_tables_without_remarks)
{
	char folder[] = "/tmp/cvmm-acpi-XXXXXX", command[1024];
	int rc;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	build((unsigned int)_i);
	store(folder, "dsdt", &layout.dsdt);
	store(folder, "facp", &layout.fadt);
	store(folder, "apic", &layout.madt);
	store(folder, "xsdt", &layout.xsdt);
	store(folder, "mcfg", &layout.mcfg);
	snprintf(command, sizeof(command), judge, folder);
	rc = system(command);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(rc, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("iasl");
	TCase *tc = tcase_create("iasl");

	if (system("command -v iasl >/dev/null 2>&1"))
		return skip_all("iasl is not installed (acpica-tools)");
	tcase_add_loop_test(tc, iasl_accepts_the_tables_without_remarks, 0, (int)COUNT(sizes));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
