/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a dry run says of a machine's memory. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-memory/space.h>

#include "api/configuration.h"
#include "common/dry_run.h"
#include "memory.h"

static struct vmm_machine machine;
static struct vmm_config config;
static struct vmm_process_options process;
static char said[8192];
static char folder[] = "dry_run.XXXXXX";

static void setup(void)
{
	memset(&machine, 0, sizeof(machine));
	config.cpus.n = 2;
	config.cpus.max = 8;
	machine.config = &config;
	ck_assert_int_eq(vmem_space_new(&machine.memory.space), 0);
}

static void teardown(void)
{
	vmem_space_free(machine.memory.space);
}

static void publish(struct vmem_map *map)
{
	ck_assert_int_eq(vmem_space_publish(machine.memory.space, map), 0);
	vmem_map_unref(map);
}

static struct vmem_map *two_pieces(void)
{
	struct vmem_block *block = make_block("backend=memfd,size=4M");
	struct vmem_map *map = with_piece(empty_map(), block, 0, 0, 1 * MIB);

	map = with_piece(map, block, 1 * MIB, 4 * GIB, 3 * MIB);
	vmem_block_unref(block);
	return map;
}

static const char *report(bool json)
{
	FILE *to = fmemopen(said, sizeof(said), "w");

	ck_assert_ptr_nonnull(to);
	process.json = json;
	vmm_report(&machine, &process, to);
	ck_assert_int_eq(fclose(to), 0);
	return said;
}

static const char *report_block(const char *properties, bool json)
{
	struct vmem_block *block = make_block(properties);
	FILE *to = fmemopen(said, sizeof(said), "w");

	ck_assert_ptr_nonnull(to);
	vmm_report_block(block, to, json);
	ck_assert_int_eq(fclose(to), 0);
	vmem_block_unref(block);
	return said;
}

static void ck_says(const char *text, const char *part)
{
	ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part,
		      text);
}

START_TEST(each_piece_is_a_line_with_its_place_in_the_file)
{
	publish(two_pieces());
	ck_says(report(false), "cpus 2\nmax-cpus 8\nmemory 0 1048576 memfd shared rw");
	ck_says(said, "memory 0x100000000 3145728 memfd shared rw");
	ck_says(said, " fd_offset=0x100000 slot=plain\n");
}
END_TEST

START_TEST(json_has_the_same_facts)
{
	publish(two_pieces());
	ck_says(report(true), "\"cpus\":2,\"max_cpus\":8,");
	ck_says(said, "\"gpa\":4294967296,\"size\":3145728,\"kind\":\"memfd\"");
	ck_says(said, "\"fd_offset\":1048576,\"slot\":\"plain\"}");
	ck_says(said, "\"devices\":[]");
	ck_assert_str_eq(said + strlen(said) - 2, "}\n");
}
END_TEST

START_TEST(free_slot_is_no_device)
{
	publish(empty_map());
	machine.devices[0].spec.absent = true;
	machine.devices[1].spec = (struct vmm_device_spec){ .kind = devkind_rng(), .id = VIRTDEV_ID_ENTROPY };
	machine.devices[1].slot = 2;
	machine.ndevices = 2;
	ck_says(report(false), "device id=4 pci=0000:00:02.0 ");
	ck_assert_ptr_null(strstr(said, "id=0"));
	ck_says(report(true), "\"devices\":[{\"id\":4,\"pci\":\"0000:00:02.0\",");
	ck_assert_ptr_null(strstr(said, "\"id\":0"));
}
END_TEST

START_TEST(memory_without_a_file_needs_no_descriptor)
{
	publish(make_memory(1 * MIB));
	ck_says(report(false), "memory 0 1048576 anon private rw");
	ck_assert_ptr_null(strstr(said, "fd="));
}
END_TEST

START_TEST(machine_without_memory_is_reported)
{
	publish(empty_map());
	ck_says(report(true), "\"memory\":[]");
}
END_TEST

START_TEST(block_is_described_apart_from_a_machine)
{
	ck_says(report_block("backend=memfd,size=1M,prealloc=on", false), "memfd size=1048576");
	ck_says(said, "mapping=shared protection=rw");
	ck_says(said, "guest-store=shared slot=plain populated=1048576\n");
	ck_says(report_block("size=1M", true), "\"mapping\":\"private\"");
	ck_says(said, "\"guest_store\":\"kept-private\"");
	ck_says(said, "\"fd\":-1");
}
END_TEST

/* ------------------------------------------------------------------- arguments */

static const struct command_line {
	const char *words[12];
	const char *arguments;	/* of the report */
} lines[] = {
	{ { "run", "kernel", "--dry-run", "--append", "a \"b\"", "--json", "--disk=path=a", "--", "-d.img", "--json" },
	  "[\"kernel\",\"--append\",\"a \\\"b\\\"\",\"--disk=path=a\",\"./-d.img\",\"./--json\"]" },
	{ { "run", "kernel", "--append=--json", "--json", "--dry-run", "--cpu=x86-64-v2" },
	  "[\"kernel\",\"--append=--json\",\"--cpu=x86-64-v2\"]" },
	{ { "run", "--from", "saved.dir", "--disk", "copy", "--dry-run", "--json" },
	  "[\"--from\",\"saved.dir\",\"--disk\",\"copy\"]" },
	{ { "run", "--clone", "--from=saved.dir", "--disk=copy", "--control=c", "--dry-run", "--json" },
	  "[\"--clone\",\"--from=saved.dir\",\"--disk=copy\",\"--control=c\"]" },
};

/* Of the machine that the words make: a report, and the words of its options. */
static void describe(const char *const *words, char text[sizeof(said)], struct vmm_words *merged)
{
	struct vmm_options options = { .machine.kernel = NULL }, saved = { .machine.kernel = NULL };
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_configuration c;
	int n = 0;

	while (words[n])
		n++;
	ck_assert_msg(!vmm_configuration_read(&c, n, (char *const *)(uintptr_t)words, NULL, NULL, &err),
		      "%s", err.msg);
	ck_assert_msg(!vmm_configuration_parse(&c, &options, &saved, &err), "%s", err.msg);
	process = options.process;
	strcpy(text, report(true));
	ck_assert_int_eq(vmm_arguments_write(&c.all, merged, NULL), 0);
	vmm_options_free(&options);
	vmm_options_free(&saved);
	vmm_configuration_free(&c);
}

static void write_file(const char *name, const char *text)
{
	FILE *to = fopen(name, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_int_ge(fputs(text, to), 0);
	ck_assert_int_eq(fclose(to), 0);
}

static void ck_same_words(const struct vmm_words *a, const struct vmm_words *b)
{
	int i;

	ck_assert_int_eq(a->n, b->n);
	for (i = 0; i < a->n; i++)
		ck_assert_str_eq(a->words[i], b->words[i]);
}

static void enter_folder(void)
{
	setup();
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert_int_eq(mkdir("saved.dir", 0700), 0);
	write_file("saved.dir/machine.json", "{\"arguments\":[\"builtin:selftest\",\"--disk=a\",\"--cpus=2\"]}");
	publish(empty_map());
}

static void leave_folder(void)
{
	unlink("machine.json");
	unlink("saved.dir/machine.json");
	rmdir("saved.dir");
	ck_assert_int_eq(chdir(".."), 0);
	rmdir(folder);
	teardown();
}

START_TEST(e3_09_printed_arguments_make_the_same_machine)
{
	static const char *const again[] = { "run", "--config=machine.json", "--dry-run", "--json", NULL };
	static char first[sizeof(said)], second[sizeof(said)];
	struct vmm_words merged, merged_again;

	describe(lines[_i].words, first, &merged);
	ck_says(first, lines[_i].arguments);
	write_file("machine.json", first);
	describe(again, second, &merged_again);
	ck_assert_str_eq(first, second);
	ck_same_words(&merged, &merged_again);
	vmm_words_free(&merged);
	vmm_words_free(&merged_again);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dry_run");
	TCase *t = tcase_create("dry_run");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_piece_is_a_line_with_its_place_in_the_file);
	tcase_add_test(t, json_has_the_same_facts);
	tcase_add_test(t, free_slot_is_no_device);
	tcase_add_test(t, memory_without_a_file_needs_no_descriptor);
	tcase_add_test(t, machine_without_memory_is_reported);
	tcase_add_test(t, block_is_described_apart_from_a_machine);
	suite_add_tcase(s, t);
	t = tcase_create("arguments");
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_loop_test(t, e3_09_printed_arguments_make_the_same_machine, 0, COUNT(lines));
	suite_add_tcase(s, t);
	return run_suite(s);
}
