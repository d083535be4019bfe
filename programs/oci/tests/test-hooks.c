/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about hooks, which are scripts of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <sys/stat.h>

#include "oci/hooks.h"
#include "util.h"

static char folder[64];
static struct oci_spec *spec;
static struct oci_state state;
static struct vsu_error err;

static void init(void)
{
	strcpy(folder, "/tmp/oci-hooks.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	state = (struct oci_state){ .id = "a", .status = OCI_CREATING, .pid = 7, .bundle = "/b" };
}

static void fini(void)
{
	char command[128];

	oci_spec_free(spec);
	spec = NULL;
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* The hooks of prestart are scripts of a shell, in the folder. */
static void read_hooks(const char *const *scripts, const char *more)
{
	char text[4096];
	int len = snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},"
			   "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"hooks\":{\"prestart\":[");
	unsigned int i;

	for (i = 0; scripts[i]; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len,
				"%s{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\",\"cd %s; %s\"]%s}", i ? "," : "", folder, scripts[i], more);
	snprintf(text + len, sizeof(text) - (size_t)len, "]}}");
	ck_assert_msg(!oci_spec_read(text, &spec, &err), "%s", err.msg);
}

static const char *read_made(const char *name)
{
	static char text[1024];
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	text[f ? fread(text, 1, sizeof(text) - 1, f) : 0] = '\0';
	if (f)
		fclose(f);
	return text;
}

START_TEST(hook_receives_the_state)
{
	static const char *const scripts[] = { "cat >got", NULL };

	read_hooks(scripts, "");
	ck_assert_int_eq(oci_hooks_run(spec, OCI_PRESTART, &state, &err), 0);
	ck_assert_ptr_nonnull(strstr(read_made("got"), "\"id\":\"a\",\"status\":\"creating\",\"pid\":7,\"bundle\":\"/b\""));
}
END_TEST

START_TEST(hook_has_its_own_variables_only)
{
	static const char *const scripts[] = { "echo $A $HOME >got", NULL };

	setenv("HOME", "/nowhere", 1);
	read_hooks(scripts, ",\"env\":[\"A=b\"]");
	ck_assert_int_eq(oci_hooks_run(spec, OCI_PRESTART, &state, &err), 0);
	ck_assert_str_eq(read_made("got"), "b\n");
}
END_TEST

START_TEST(first_failure_ends_the_others)
{
	static const char *const scripts[] = { "echo 1 >>got", "exit 3", "echo 2 >>got", NULL };

	read_hooks(scripts, "");
	assert_refused(oci_hooks_run(spec, OCI_PRESTART, &state, &err), -ECANCELED, "the hook '/bin/sh' ended with status 3", err);
	ck_assert_str_eq(read_made("got"), "1\n");
}
END_TEST

START_TEST(failures_of_later_moments_are_warnings)
{
	static const char *const scripts[] = { "kill -9 $$", "echo 2 >>got", NULL };
	struct oci_report report = OCI_REPORT_INIT;
	char path[128];

	snprintf(path, sizeof(path), "%s/report", folder);
	ck_assert_int_eq(oci_report_open(&report, path, &err), 0);
	read_hooks(scripts, "");
	oci_hooks_run_all(spec, OCI_PRESTART, &state, &report);
	oci_report_close(&report);
	ck_assert_str_eq(read_made("got"), "2\n");
	ck_assert_str_eq(read_made("report"), "cvmm-oci: warning: the hook '/bin/sh' was killed by signal 9\n");
}
END_TEST

START_TEST(hook_that_takes_too_long_is_killed)
{
	static const char *const scripts[] = { "exec sleep 1000", NULL };

	read_hooks(scripts, ",\"timeout\":1,\"env\":[\"PATH=/bin:/usr/bin\"]");
	assert_refused(oci_hooks_run(spec, OCI_PRESTART, &state, &err), -ETIMEDOUT, "the hook '/bin/sh' took longer than 1 seconds", err);
}
END_TEST

START_TEST(missing_hook_is_a_failure)
{
	char text[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
		      "\"hooks\":{\"prestart\":[{\"path\":\"/nonexistent\"}]}}";

	ck_assert_int_eq(oci_spec_read(text, &spec, &err), 0);
	assert_refused(oci_hooks_run(spec, OCI_PRESTART, &state, &err), -ECANCELED, "the hook '/nonexistent' ended with status 127", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hooks");
	TCase *t = tcase_create("hooks");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, hook_receives_the_state);
	tcase_add_test(t, hook_has_its_own_variables_only);
	tcase_add_test(t, first_failure_ends_the_others);
	tcase_add_test(t, failures_of_later_moments_are_warnings);
	tcase_add_test(t, hook_that_takes_too_long_is_killed);
	tcase_add_test(t, missing_hook_is_a_failure);
	suite_add_tcase(s, t);
	return run_suite(s);
}
