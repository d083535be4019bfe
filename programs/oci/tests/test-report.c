/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the lines that a command reports. */
#include <config.h>

#include "oci/report.h"
#include "util.h"

static struct oci_report report;
static struct vsu_error err;
static char path[64];
static char text[4096];

static void init(void)
{
	report = (struct oci_report)OCI_REPORT_INIT;
	strcpy(path, "/tmp/oci-report.XXXXXX");
	close(mkstemp(path));
	ck_assert_int_eq(oci_report_open(&report, path, &err), 0);
}

static void fini(void)
{
	oci_report_close(&report);
	unlink(path);
}

static const char *read_report(void)
{
	FILE *f = fopen(path, "r");

	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

START_TEST(line_of_text_names_the_program)
{
	oci_report_line(&report, OCI_REPORT_ERROR, "no '%s'", "x");
	oci_report_line(&report, OCI_REPORT_WARNING, "odd\033[2J");
	ck_assert_str_eq(read_report(), "cvmm-oci: no 'x'\ncvmm-oci: warning: odd?[2J\n");
}
END_TEST

START_TEST(line_of_json_has_level_text_and_time)
{
	report.format = OCI_REPORT_JSON;
	oci_report_line(&report, OCI_REPORT_ERROR, "no \"x\"");
	ck_assert_ptr_eq(strstr(read_report(), "{\"level\":\"error\",\"msg\":\"no \\\"x\\\"\",\"time\":\"20"), text);
	ck_assert_str_eq(text + strlen(text) - 4, "Z\"}\n");
}
END_TEST

START_TEST(details_are_wanted_or_not_written)
{
	oci_report_line(&report, OCI_REPORT_DEBUG, "a");
	report.has_details = true;
	oci_report_line(&report, OCI_REPORT_DEBUG, "b");
	ck_assert_str_eq(read_report(), "cvmm-oci: b\n");
}
END_TEST

START_TEST(failure_has_status_1)
{
	vsu_error_set(&err, -EINVAL, "why");
	ck_assert_int_eq(oci_report_failure(&report, &err), 1);
	ck_assert_str_eq(read_report(), "cvmm-oci: why\n");
}
END_TEST

START_TEST(file_that_cannot_be_opened_is_named)
{
	struct oci_report other = OCI_REPORT_INIT;

	assert_refused(oci_report_open(&other, "/nonexistent/log", &err), -ENOENT,
		       "option --log: cannot open '/nonexistent/log': No such file or directory", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("report");
	TCase *t = tcase_create("report");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, line_of_text_names_the_program);
	tcase_add_test(t, line_of_json_has_level_text_and_time);
	tcase_add_test(t, details_are_wanted_or_not_written);
	tcase_add_test(t, failure_has_status_1);
	tcase_add_test(t, file_that_cannot_be_opened_is_named);
	suite_add_tcase(s, t);
	return run_suite(s);
}
