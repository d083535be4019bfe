/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The remarks of iasl about the tables of a block. */
#ifndef VARCH_TESTS_ACPI_IASL_H
#define VARCH_TESTS_ACPI_IASL_H

#include "tables.h"

struct iasl_table {
	const char *name;
	const struct varch_acpi_table *table; /* of length 0: absent */
};

/* Why there is no iasl, or NULL. */
static const char *iasl_lack(void)
{
	return system("command -v iasl >/dev/null 2>&1") ? "iasl is not installed (acpica-tools)" : NULL;
}

static void iasl_store(const char *folder, const struct iasl_table *t)
{
	char path[128];
	FILE *f;

	if (!t->table->len)
		return;
	snprintf(path, sizeof(path), "%s/%s.aml", folder, t->name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(block + t->table->offset, 1, t->table->len, f), t->table->len);
	fclose(f);
}

/*
 * iasl disassembles each table and compiles the result; the output is
 * "0 Errors, 0 Warnings, 0 Remarks" for the DSDT, and only the length for the others. The SPCR
 * is disassembled only: recent versions compile no revision but the last.
 */
static const char iasl_command[] =
	"cd '%s' && for t in *.aml; do t=${t%%.aml};"
	" iasl -d $t.aml >$t.log 2>&1 &&"
	" { [ $t = spcr ] || iasl -p again-$t $t.dsl >>$t.log 2>&1; } || { cat $t.log; exit 1; };"
	" grep -iE '(error|warning|remark)s?[^,]* *[0-9]* -' $t.log && exit 1; done;"
	" grep -q ' 0 Errors, 0 Warnings, 0 Remarks' dsdt.log || { cat dsdt.log; exit 1; }";

/* The compiled results of all tables, one of which is named dsdt, come without a remark. */
static void assert_iasl_accepts(const struct iasl_table *tables, unsigned int n)
{
	char folder[] = "/tmp/cvmm-acpi-XXXXXX", command[1024];
	unsigned int i;
	int rc;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	for (i = 0; i < n; i++)
		iasl_store(folder, &tables[i]);
	snprintf(command, sizeof(command), iasl_command, folder);
	rc = system(command);
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(rc, 0);
}

#endif
