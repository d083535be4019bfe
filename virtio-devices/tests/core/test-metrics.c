/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about numbers as text. */
#include <config.h>

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/latency.h>
#include <virtio-devices/metrics.h>

#include "../suite.h"

static struct virtdev *dev;
static struct virtdev_measured measured[2];

static uint32_t on_stats(void *self, struct virtdev_stat *stats, uint32_t max)
{
	const struct virtdev_stat all[] = {
		{ "reads", 7 }, { "bytes-read", UINT64_MAX },
	};
	uint32_t i;

	(void)self;
	for (i = 0; i < 2 && i < max; i++)
		stats[i] = all[i];
	return 2;
}

static void make(bool measures)
{
	static const char *const kinds[] = { "read", "write", NULL };
	const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "model", .stats = on_stats,
		.latency_kinds = measures ? kinds : NULL,
	};
	const struct virtdev_info info = {
		.id = 42, .nqueues = 2, .queue_size_max = 16,
	};

	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &dev, NULL), 0);
	if (measures)
		ck_assert_int_eq(virtdev_measure(dev, measured), 0);
}

/* The text of the model's numbers, to be freed. */
static char *text_of(const char *labels)
{
	struct virtdev_metrics m = { .prefix = "my" };
	char *text;
	size_t len;

	virtdev_metrics_add_device(&m, dev, labels);
	ck_assert_int_eq(virtdev_metrics_text(&m, &text, &len), 0);
	ck_assert_uint_eq(len, strlen(text));
	virtdev_metrics_free(&m);
	return text;
}

START_TEST(statistics_have_names_and_the_label)
{
	char *text;

	make(false);
	text = text_of("kind=\"model\"");
	ck_assert_str_eq(text,
		"# HELP my_device_bytes_read_total Bytes that the guest read.\n"
		"# TYPE my_device_bytes_read_total counter\n"
		"my_device_bytes_read_total{kind=\"model\"} 18446744073709551615\n"
		"# HELP my_device_reads_total Read requests.\n"
		"# TYPE my_device_reads_total counter\n"
		"my_device_reads_total{kind=\"model\"} 7\n");
	free(text);
	virtdev_free(dev);
}
END_TEST

START_TEST(d4_09_samples_of_a_metric_follow_each_other)
{
	struct virtdev_metrics m = { .prefix = "my" };
	char *text;
	size_t len;

	virtdev_metrics_add_u64(&m, "b", "cpu=\"0\"", 1);
	virtdev_metrics_add(&m, "a-b", "", "2");
	virtdev_metrics_add(&m, "b", "cpu=\"1\"", "3");
	virtdev_metrics_add(&m, "a", "", "4");
	ck_assert_int_eq(virtdev_metrics_text(&m, &text, &len), 0);
	ck_assert_str_eq(text,
		"# HELP my_a Without a description.\n# TYPE my_a untyped\nmy_a 4\n"
		"# HELP my_a_b Without a description.\n# TYPE my_a_b untyped\nmy_a_b 2\n"
		"# HELP my_b Without a description.\n# TYPE my_b untyped\nmy_b{cpu=\"0\"} 1\nmy_b{cpu=\"1\"} 3\n");
	free(text);
	virtdev_metrics_free(&m);
}
END_TEST

START_TEST(d4_09_program_describes_its_metrics_and_labels_all_samples)
{
	static const struct virtdev_metric own[] = {
		{ "b", VIRTDEV_METRIC_GAUGE, "Bees." }, { .name = NULL },
	};
	struct virtdev_metrics m = { .prefix = "my", .labels = "machine=\"a\"", .described = own };
	char *text;
	size_t len;

	virtdev_metrics_add_u64(&m, "b", "cpu=\"0\"", 1);
	virtdev_metrics_add_u64(&m, "c", "", 2);
	ck_assert_int_eq(virtdev_metrics_text(&m, &text, &len), 0);
	ck_assert_str_eq(text,
		"# HELP my_b Bees.\n# TYPE my_b gauge\nmy_b{machine=\"a\",cpu=\"0\"} 1\n"
		"# HELP my_c Without a description.\n# TYPE my_c untyped\nmy_c{machine=\"a\"} 2\n");
	free(text);
	virtdev_metrics_free(&m);
}
END_TEST

static const struct {
	const char *name, *value, *line;
} exposed[] = {
	{ "age_ns", "1500000000", "my_age_seconds_total 1.500000000\n" },
	{ "age_ns", "7", "my_age_seconds_total 0.000000007\n" },
	{ "age_ns", "123456789", "my_age_seconds_total 0.123456789\n" },
	{ "age_ns", "0", "my_age_seconds_total 0.000000000\n" },
	{ "left_ms", "1500", "my_left_seconds 1.500\n" },
	{ "down-us", "18446744073709551615", "my_down_us 18446744073709551615\n" },
	{ "down_us", "18446744073709551615", "my_down_seconds 18446744073709.551615\n" },
	{ "done_total", "4", "my_done_size_bytes 4\n" },
	{ "bees", "4", "my_bees_total 4\n" },
	{ "others", "x", "my_others x\n" },
};

START_TEST(names_follow_the_rules_of_prometheus)
{
	static const struct virtdev_metric own[] = {
		{ "age_ns", VIRTDEV_METRIC_COUNTER, "Seconds." }, { "bees", VIRTDEV_METRIC_COUNTER, "Bees." },
		{ "left_ms", VIRTDEV_METRIC_GAUGE, "Seconds." }, { "done_total", VIRTDEV_METRIC_GAUGE, "Bytes." },
		{ .name = NULL },
	};
	struct virtdev_metrics m = { .prefix = "my", .described = own };
	char *text;
	size_t len;

	virtdev_metrics_add(&m, exposed[_i].name, "", exposed[_i].value);
	ck_assert_int_eq(virtdev_metrics_text(&m, &text, &len), 0);
	ck_assert_msg(!strcmp(strrchr(text, '#') + strcspn(strrchr(text, '#'), "\n") + 1, exposed[_i].line), "%s", text);
	free(text);
	virtdev_metrics_free(&m);
}
END_TEST

START_TEST(no_samples_are_an_empty_text)
{
	struct virtdev_metrics m = { .prefix = "my" };
	char *text;
	size_t len;

	ck_assert_int_eq(virtdev_metrics_text(&m, &text, &len), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_str_eq(text, "");
	free(text);
}
END_TEST

/* The text has this line, followed by a newline. */
static void expect(const char *text, const char *line)
{
	const char *at = strstr(text, line);

	ck_assert_msg(at && at[strlen(line)] == '\n', "no line '%s'", line);
}

START_TEST(latencies_are_cumulative_histograms)
{
	char *text;

	make(true);	/* clears them */
	measured[0].kinds[1].buckets[0] = 2;
	measured[1].kinds[1].buckets[5] = 3;
	measured[1].kinds[1].sum = UINT64_C(1200000034);
	measured[1].depth_max = 9;
	text = text_of("kind=\"disk\"");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.000001\"} 2");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.00002\"} 2");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.00005\"} 5");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"10\"} 5");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"+Inf\"} 5");
	expect(text, "my_device_latency_seconds_sum{kind=\"disk\",request=\"write\"} 1.200000034");
	expect(text, "my_device_latency_seconds_count{kind=\"disk\",request=\"read\"} 0");
	expect(text, "my_ring_max_in_flight{kind=\"disk\",ring=\"1\"} 9");
	free(text);
	virtdev_free(dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_test(tc, statistics_have_names_and_the_label);
	tcase_add_test(tc, d4_09_samples_of_a_metric_follow_each_other);
	tcase_add_test(tc, d4_09_program_describes_its_metrics_and_labels_all_samples);
	tcase_add_loop_test(tc, names_follow_the_rules_of_prometheus, 0, (int)(sizeof(exposed) / sizeof(exposed[0])));
	tcase_add_test(tc, no_samples_are_an_empty_text);
	tcase_add_test(tc, latencies_are_cumulative_histograms);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
