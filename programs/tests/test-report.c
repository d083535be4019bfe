/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about reports: the same facts as JSON, lines and tables. */
#include <config.h>

#include <check.h>

#include "../../tests/support/suite.h"
#include "report.h"

static char said[1024];

static const struct vmm_fact facts[] = {
	{ "gpa", VMM_HEX(4096), .label = "" },
	{ "bytes", VMM_BYTES(3 * 1048576 - 1), .width = 9 },
	{ "room", VMM_ROOM(2 * 1048576 + 1), .label = "disk" },
	{ "fd", VMM_SIGNED(-1), .place = VMM_IN_JSON },
	{ "rom", VMM_BOOL(true), .as = "yes" },
	{ "backend", VMM_TEXT("user") },
	{ "socket", VMM_TEXT("a\x1b"), .label = "", .place = VMM_IS_JOINED },
	{ "kind", VMM_TEXT(NULL) },
	{ "slot", VMM_NUMBER(0), .is_absent = true },
	{ "server", VMM_TEXT("here"), .place = VMM_IN_TEXT },
	{ .name = NULL },
};

#define MEMBERS "\"gpa\":4096,\"bytes\":3145727,\"room\":2097153,\"fd\":-1,\"rom\":true,\"backend\":\"user\"," \
	"\"socket\":\"a\\u001b\""
#define ITEMS "0x1000 bytes=2M disk=3M rom=yes backend=user:a? server=here"

static FILE *begin(struct vmm_report *r, bool is_json, int width)
{
	FILE *to = fmemopen(said, sizeof(said), "w");

	ck_assert_ptr_nonnull(to);
	if (r)
		vmm_report_begin(r, is_json, width, to);
	return to;
}

static void ck_says(FILE *to, const char *text)
{
	ck_assert_int_eq(fclose(to), 0);
	ck_assert_str_eq(said, text);
}

START_TEST(line_has_the_facts_of_an_object)
{
	FILE *to = begin(NULL, false, 0);

	vmm_report_line(facts, _i, to);
	ck_says(to, _i ? "{" MEMBERS "}\n" : ITEMS "\n");
}
END_TEST

START_TEST(facts_of_a_report_are_lines)
{
	struct vmm_report r;
	FILE *to = begin(&r, false, 6);

	vmm_report_facts(&r, facts + 3);
	vmm_report_end(&r);
	ck_says(to, "rom    yes\nbackend user\n       a?\nserver here\n");
}
END_TEST

static void report_lists(struct vmm_report *r)
{
	static const struct vmm_fact one[] = { { "n", VMM_NUMBER(1) }, { .name = NULL } };

	vmm_report_list(r, "outer");
	vmm_report_element(r, "first", one);
	vmm_report_list(r, "inner");
	vmm_report_element(r, "below", one);
	vmm_report_element(r, "below", one);
	vmm_report_end_list(r);
	vmm_report_element(r, "second", one);
	vmm_report_end_list(r);
	vmm_report_list(r, "empty");
	vmm_report_end_list(r);
	vmm_report_end(r);
}

START_TEST(element_has_lists)
{
	struct vmm_report r;
	FILE *to = begin(&r, _i, 0);

	report_lists(&r);
	ck_says(to, _i ? "{\"outer\":[{\"n\":1,\"inner\":[{\"n\":1},{\"n\":1}]},{\"n\":1}],\"empty\":[]}\n" :
		"first n=1\nbelow n=1\nbelow n=1\nsecond n=1\n");
}
END_TEST

static void report_table(struct vmm_report *r)
{
	const struct vmm_fact full[] = {
		{ "name", VMM_TEXT("web"), .width = -6 }, { "size", VMM_NUMBER(7), .width = 4 },
		{ "path", VMM_TEXT("a\x1b") }, { "why", VMM_TEXT(NULL), .place = VMM_IS_JOINED }, { .name = NULL },
	}, stale[] = {
		{ "name", VMM_TEXT(NULL), .width = -6 }, { "size", VMM_NUMBER(7), .width = 4, .is_absent = true },
		{ "path", VMM_TEXT("b") }, { "why", VMM_TEXT("late"), .place = VMM_IS_JOINED }, { .name = NULL },
	};

	vmm_report_list(r, "all");
	vmm_report_row(r, full, true);
	vmm_report_row(r, full, false);
	vmm_report_row(r, stale, false);
	vmm_report_end_list(r);
	vmm_report_end(r);
}

START_TEST(table_has_a_column_for_each_fact)
{
	struct vmm_report r;
	FILE *to = begin(&r, _i, 0);

	report_table(&r);
	ck_says(to, _i ? "{\"all\":[{\"name\":\"web\",\"size\":7,\"path\":\"a\\u001b\"},{\"path\":\"b\",\"why\":\"late\"}]}\n" :
		"name   size path\nweb       7 a?\n-         - b: late\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *tc = tcase_create("report");

	tcase_add_loop_test(tc, line_has_the_facts_of_an_object, 0, 2);
	tcase_add_test(tc, facts_of_a_report_are_lines);
	tcase_add_loop_test(tc, element_has_lists, 0, 2);
	tcase_add_loop_test(tc, table_has_a_column_for_each_fact, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
