/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the text of a device's numbers. */
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

START_TEST(statistics_have_names_and_the_label)
{
	char *text;
	size_t len;

	make(false);
	ck_assert_int_eq(virtdev_metrics(dev, "my", NULL, &text, &len), 0);
	ck_assert_str_eq(text,
		"# TYPE my_device_reads untyped\n"
		"my_device_reads{kind=\"model\"} 7\n"
		"# TYPE my_device_bytes_read untyped\n"
		"my_device_bytes_read{kind=\"model\"} 18446744073709551615\n");
	ck_assert_uint_eq(len, strlen(text));
	free(text);
	virtdev_free(dev);
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
	size_t len;

	make(true);	/* clears them */
	measured[0].kinds[1].buckets[0] = 2;
	measured[1].kinds[1].buckets[5] = 3;
	measured[1].kinds[1].sum = UINT64_C(1200000034);
	measured[1].depth_max = 9;
	ck_assert_int_eq(virtdev_metrics(dev, "my", "disk", &text, &len), 0);
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.000001\"} 2");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.00002\"} 2");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"0.00005\"} 5");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"10\"} 5");
	expect(text, "my_device_latency_seconds_bucket{kind=\"disk\",request=\"write\",le=\"+Inf\"} 5");
	expect(text, "my_device_latency_seconds_sum{kind=\"disk\",request=\"write\"} 1.200000034");
	expect(text, "my_device_latency_seconds_count{kind=\"disk\",request=\"read\"} 0");
	expect(text, "my_ring_max_in_flight{kind=\"disk\",ring=\"1\"} 9");
	ck_assert_uint_eq(len, strlen(text));
	free(text);
	virtdev_free(dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_test(tc, statistics_have_names_and_the_label);
	tcase_add_test(tc, latencies_are_cumulative_histograms);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
