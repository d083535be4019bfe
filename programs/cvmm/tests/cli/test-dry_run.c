/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about what a dry run says of a machine's memory. */
#include <config.h>

#include <vm-memory/space.h>

#include "cli/dry_run.h"
#include "memory.h"

static struct vmm_machine machine;
static struct vmm_config config;
static struct vmm_process_options process;
static char said[8192];

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

START_TEST(printed_arguments_make_the_same_machine)
{
	const char *words[] = { "kernel", "--dry-run", "--append", "a \"b\"", "--json",
			  "--disk=path=a", "--", "-d.img", "--json" };

	process.given = (char *const *)(uintptr_t)words;
	process.ngiven = COUNT(words);
	publish(empty_map());
	ck_says(report(true), "\"arguments\":[\"kernel\",\"--append\",\"a \\\"b\\\"\",\"--disk=path=a\",\"./-d.img\",\"./--json\"]}\n");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("dry_run");
	TCase *t = tcase_create("dry_run");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, each_piece_is_a_line_with_its_place_in_the_file);
	tcase_add_test(t, json_has_the_same_facts);
	tcase_add_test(t, memory_without_a_file_needs_no_descriptor);
	tcase_add_test(t, machine_without_memory_is_reported);
	tcase_add_test(t, block_is_described_apart_from_a_machine);
	tcase_add_test(t, printed_arguments_make_the_same_machine);
	suite_add_tcase(s, t);
	return run_suite(s);
}
