/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the command line of a machine whose devices were changed. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include "config/options.h"
#include "machine/live.h"
#include "../util.h"
#include "../parse.h"

static struct varch_cpus cpus;
static struct vmm_machine m;
static struct vmm_options options;
static char words[1024], joined[2048];
static char *argv[17];

/* A running machine with this command line, whose words are separated by blanks. */
static void start(const char *line)
{
	char *word;
	unsigned int i;
	int argc = 0;

	memset(&m, 0, sizeof(m));
	snprintf(words, sizeof(words), "run %s", line);
	for (word = strtok(words, " "); word && argc < 16; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	vmm_options_free(&options);
	ck_assert_int_eq(parse_options(&options, argc, argv, NULL), 0);
	m.config = &options.machine;
	cpus.n = options.machine.cpus.n;
	m.cpus = &cpus;
	m.start = &options.start;
	m.ndevices = options.machine.ndevices;
	for (i = 0; i < m.ndevices; i++) {
		m.devices[i].spec = options.machine.specs[i];
		m.devices[i].virtio = (struct vmm_virtio *)&m;	/* is not used */
	}
}

static void add(unsigned int i, const char *list)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };

	ck_assert_int_eq(vmm_device_option_parse(&option, NULL, &m.devices[i].spec, NULL), 0);
	m.devices[i].added = true;
	m.devices[i].virtio = (struct vmm_virtio *)&m;
	if (i >= m.ndevices)
		m.ndevices = i + 1;
}

static void take_out(unsigned int i)
{
	memset(&m.devices[i], 0, sizeof(m.devices[i]));
}

static const char *live(void)
{
	struct vmm_words out;
	size_t len = 0;
	int i;

	ck_assert_int_eq(vmm_live_words(&m, &out, NULL), 0);
	joined[0] = '\0';
	for (i = 0; i < out.n; i++)
		len += (size_t)snprintf(joined + len, sizeof(joined) - len, "%s%s",
					i ? " " : "", out.words[i]);
	vmm_words_free(&out);
	return joined;
}

static int accept_limits(struct virtdev *dev, const void *config, struct vsu_error *err)
{
	(void)dev;
	(void)config;
	(void)err;
	return 0;
}

/* As the command "limit" changes them. */
static void change(unsigned int i, const char *keys)
{
	struct vmm_device_spec *spec = &m.devices[i].spec;
	struct devkind without_device = *spec->kind;

	without_device.limit = accept_limits;
	spec->kind = &without_device;
	ck_assert_int_eq(vmm_live_limit(&m.devices[i], NULL, keys, NULL), 0);
	spec->kind = devkind_blk();
}

START_TEST(an_unchanged_machine_keeps_its_options)
{
	start("builtin:selftest a.img --disk b.img --rng=1000 --cpus 2 --balloon=0 --latency -- -c.img");
	ck_assert_str_eq(live(), "builtin:selftest a.img --disk=b.img --rng=1000 --cpus=2 --balloon=0 "
				 "--latency ./-c.img");
}
END_TEST

START_TEST(added_cpus_are_in_the_option)
{
	start("builtin:selftest --cpus 2,max=8 --latency");
	ck_assert_str_eq(live(), "builtin:selftest --cpus=2,max=8 --latency");
	cpus.n = 5;
	ck_assert_str_eq(live(), "builtin:selftest --cpus=5,max=8 --latency");
	cpus.n = 8;
	ck_assert_str_eq(live(), "builtin:selftest --cpus=8,max=8 --latency");
	start("builtin:selftest --cpus=max=8");
	cpus.n = 2;
	ck_assert_str_eq(live(), "builtin:selftest --cpus=2,max=8");
}
END_TEST

START_TEST(memory_is_written_from_its_values)
{
	start("builtin:selftest --memory 64M --rng=1000 --memory backend=memfd,size=8K,at=4G");
	ck_assert_str_eq(live(), "builtin:selftest --memory=size=64M --rng=1000 "
				 "--memory=at=4294967296,backend=memfd,size=8K");
}
END_TEST

START_TEST(an_added_device_follows_all_others)
{
	start("builtin:selftest --rng=1000 --cpus 2");
	add(1, "disk,path=a.img");
	ck_assert_str_eq(live(), "builtin:selftest --rng=1000 --cpus=2 --device=disk,path=a.img");
}
END_TEST

START_TEST(a_file_that_was_passed_keeps_its_name)
{
	start("builtin:selftest");
	add(0, "disk,path=fd:17:/srv/a.img,overlay=fd:18:b.cow");
	ck_assert_str_eq(live(), "builtin:selftest --device=disk,path=/srv/a.img,overlay=b.cow");
	take_out(0);
	add(0, "disk,fd:17:/srv/a,,b.img,serial=fd:1:x");
	ck_assert_str_eq(live(), "builtin:selftest --device=disk,path=/srv/a,,b.img,serial=fd:1:x");
	take_out(0);
	add(0, "net,fd=7");
	ck_assert_str_eq(live(), "builtin:selftest --device=net,fd=7");
}
END_TEST

START_TEST(a_removed_device_leaves_its_slot_free)
{
	start("builtin:selftest a.img --disk b.img --rng=1000");
	take_out(0);
	take_out(1);
	ck_assert_str_eq(live(), "builtin:selftest --device=none --device=none --rng=1000");
	ck_assert_uint_eq(vmm_live_places(&m), 3);
}
END_TEST

START_TEST(free_slots_behind_the_last_device_are_left_out)
{
	start("builtin:selftest --rng=1000 a.img --disk b.img");
	take_out(2);
	take_out(1);
	ck_assert_str_eq(live(), "builtin:selftest --rng=1000");
	ck_assert_uint_eq(vmm_live_places(&m), 1);
}
END_TEST

START_TEST(a_device_in_the_place_of_another_has_its_number)
{
	start("builtin:selftest --disk a.img --rng=1000");
	take_out(0);
	add(0, "balloon,64M");
	ck_assert_str_eq(live(), "builtin:selftest --device=balloon,size=67108864 --rng=1000");
}
END_TEST

START_TEST(e3_25_changed_keys_replace_those_of_the_option)
{
	start("builtin:selftest a,b.img --disk b.img,rate=1M,readonly=on --balloon=0 --disk c.img,rate=1M");
	change(0, "rate=2M");
	change(1, "rate=3M,iops=4");
	vmm_live_resize(&m.devices[2], 33554432);
	ck_assert_str_eq(live(), "builtin:selftest --disk=path=a,,b.img,rate=2097152 "
				 "--disk=path=b.img,readonly=on,rate=3145728,iops=4 --balloon=size=33554432 "
				 "--disk=c.img,rate=1M");
	ck_assert_uint_eq(vmm_live_size(&m.devices[2]), 33554432);
	change(0, "rate=5M");
	change(1, "rate=0");
	vmm_live_resize(&m.devices[2], 0);
	ck_assert_str_eq(live(), "builtin:selftest --disk=path=a,,b.img,rate=5242880 "
				 "--disk=path=b.img,readonly=on,iops=4 --balloon= --disk=c.img,rate=1M");
	ck_assert_uint_eq(vmm_live_size(&m.devices[2]), 0);
}
END_TEST

START_TEST(an_added_device_can_be_changed_too)
{
	start("builtin:selftest --balloon=size=1M,free-page-reporting=on --mem size=1G");
	add(2, "disk,a.img,rate=1M");
	add(3, "balloon,64M,deflate-on-oom=on");
	vmm_live_resize(&m.devices[0], 2097152);
	vmm_live_resize(&m.devices[1], 4096);	/* belongs to its state */
	change(2, "rate=2M");
	vmm_live_resize(&m.devices[3], 0);
	ck_assert_str_eq(live(), "builtin:selftest --balloon=size=2097152,free-page-reporting=on "
				 "--mem=size=1G --device=disk,path=a.img,rate=2097152 "
				 "--device=balloon,deflate-on-oom=on");
}
END_TEST

START_TEST(a_device_that_comes_or_goes_is_refused)
{
	struct vmm_words out;
	struct vsu_error err;

	start("builtin:selftest --rng=1000");
	m.devices[0].leaving = VMM_DEVICE_RETIRED;
	ck_assert_int_eq(vmm_live_words(&m, &out, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "device 0 is being removed; try again");
	m.devices[0].leaving = VMM_DEVICE_PRESENT;
	m.devices[0].coming = (struct remote *)&m;
	ck_assert_int_eq(vmm_live_words(&m, &out, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "device 0 is being added; try again");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("live");
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, an_unchanged_machine_keeps_its_options);
	tcase_add_test(tc, added_cpus_are_in_the_option);
	tcase_add_test(tc, memory_is_written_from_its_values);
	tcase_add_test(tc, an_added_device_follows_all_others);
	tcase_add_test(tc, a_file_that_was_passed_keeps_its_name);
	tcase_add_test(tc, a_removed_device_leaves_its_slot_free);
	tcase_add_test(tc, free_slots_behind_the_last_device_are_left_out);
	tcase_add_test(tc, a_device_in_the_place_of_another_has_its_number);
	tcase_add_test(tc, e3_25_changed_keys_replace_those_of_the_option);
	tcase_add_test(tc, an_added_device_can_be_changed_too);
	tcase_add_test(tc, a_device_that_comes_or_goes_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
