/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The table of metrics, beside the status of a machine on the fake KVM. */
#include <config.h>

#include <vmm-sys-util/json_read.h>

#include "ctl/metrics.h"
#include "machine/plug_rig.h"

static void claim_known(void *opaque, const char *path, const char *value, bool is_string)
{
	unsigned int *numbers = opaque;

	(void)value;
	*numbers += !is_string;
	ck_assert_msg(is_string || vmm_status_knows(path), "%s", path);
}

static void walking(void)
{
	char reply[16384];
	unsigned int numbers = 0;

	assert_told("device-add balloon\n", ADDED(0));
	drive(1, 2);
	user_says("status\n");
	snprintf(reply, sizeof(reply), "%s", said);
	ck_assert_int_eq(vsu_json_walk(reply, claim_known, &numbers, NULL), 0);
	ck_assert_uint_gt(numbers, 25);
	ck_assert(!vmm_status_knows("cpu"));
}

/* Each metric has its meaning and a type, and each sample the label. */
static void describing(void)
{
	char reply[16384], text[32768] = "", *line, *more = text;
	FILE *to = fmemopen(text, sizeof(text), "w");

	assert_told("device-add balloon\n", ADDED(0));
	user_says("status\n");
	snprintf(reply, sizeof(reply), "%s", said);
	ck_assert_int_eq(vmm_status_print_prometheus(reply, "/run/a b", to, NULL), 0);
	fclose(to);
	while ((line = strsep(&more, "\n"))) {
		ck_assert_msg(!strstr(line, " untyped"), "%s", line);
		ck_assert_msg(!*line || *line == '#' || strstr(line, "{machine=\"a_b\""), "%s", line);
	}
}

static const char *const sockets[][2] = {
	{ "/run/cvmm/web/control", "{machine=\"web\"} 1\n" },
	{ "/run/cvmm/web.control", "{machine=\"web.control\"} 1\n" },
	{ "control", "{machine=\"control\"} 1\n" },
	{ "./control", "{machine=\".\"} 1\n" },
	{ "/control", "{machine=\"control\"} 1\n" },
};

START_TEST(machine_without_a_name_has_that_of_its_socket)
{
	char reply[] = "{\"cpus\":1}", text[512] = "";
	FILE *to = fmemopen(text, sizeof(text), "w");

	ck_assert_int_eq(vmm_status_print_prometheus(reply, sockets[_i][0], to, NULL), 0);
	fclose(to);
	ck_assert_msg(strstr(text, sockets[_i][1]) != NULL, "%s", text);
}
END_TEST

START_TEST(every_metric_of_the_status_is_described)
{
	machine_run("--transport=pci", OWN_MEMORY, describing);
}
END_TEST

START_TEST(every_number_of_the_status_is_in_the_table_of_metrics)
{
	machine_run("--transport=pci", OWN_MEMORY, walking);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status_metrics");
	TCase *tc = tcase_create("status_metrics");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_loop_test(tc, machine_without_a_name_has_that_of_its_socket, 0, (int)COUNT(sockets));
	tcase_add_test(tc, every_metric_of_the_status_is_described);
	tcase_add_test(tc, every_number_of_the_status_is_in_the_table_of_metrics);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
