/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the report of a dry run: memory, devices, and the words of the machine. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/configuration.h"
#include "common/config_words.h"
#include "common/dry_run.h"
#include "machine/kernels.h"
#include "machine/rig.h"
#include "memory.h"

static char said[8192];

static void setup(void)
{
	rig_init();
	kernel_pvh();
}

static const char *report(bool json)
{
	FILE *to = fmemopen(said, sizeof(said), "w");

	ck_assert_ptr_nonnull(to);
	rig.options.process.json = json;
	vmm_report(&rig.owned, &rig.options.process, to);
	ck_assert_int_eq(fclose(to), 0);
	return said;
}

/* Of a machine with 2 of 8 CPUs, and more words up to NULL */
static void make_machine(const char *first, const char *second)
{
	RIG_OPTIONS("kernel", "--memory=size=4M", "--cpus=2,max=8", "--serial=null", first, second);
	rig_make();
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
	rig_file("ram", "", 0);
	ck_assert_int_eq(truncate("ram", 8 * MIB), 0);
	make_machine("--memory=size=3M,backend=file,mem-path=ram,offset=1M,share=on,at=4G", NULL);
	ck_says(report(false), "cpus 2\nmax-cpus 8\nmemory ");
	ck_says(said, " 4194304 anon private rw hva=0x");
	ck_says(said, "memory 0x100000000 3145728 file shared rw hva=0x");
	ck_says(said, " fd_offset=0x100000 slot=plain\n");
}
END_TEST

START_TEST(json_has_the_same_facts)
{
	make_machine("--memory=size=3M,backend=memfd,at=4G", NULL);
	ck_says(report(true), "\"cpus\":2,\"max_cpus\":8,");
	ck_says(said, "\"gpa\":4294967296,\"size\":3145728,\"kind\":\"memfd\"");
	ck_says(said, "\"fd_offset\":0,\"slot\":\"plain\"}");
	ck_says(said, "\"devices\":[]");
	ck_assert_str_eq(said + strlen(said) - 2, "}\n");
}
END_TEST

START_TEST(free_slot_is_no_device)
{
	fake.has_msi = true;
	RIG_OPTIONS("kernel", "--memory=size=4M", "--cpus=2", "--serial=null", "--transport=pci", "--device=none", "--device=rng");
	rig_make();
	ck_says(report(false), "device id=4 pci=0000:00:02.0 ");
	ck_assert_ptr_null(strstr(said, "id=0"));
	ck_says(report(true), "\"devices\":[{\"id\":4,\"pci\":\"0000:00:02.0\",");
	ck_assert_ptr_null(strstr(said, "\"id\":0"));
}
END_TEST

START_TEST(memory_without_a_file_needs_no_descriptor)
{
	make_machine(NULL, NULL);
	ck_says(report(false), " 4194304 anon private rw hva=");
	ck_assert_ptr_null(strstr(said, "fd="));
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
	const struct vmm_process_options own = rig.options.process;
	struct vsu_option table[VMM_OPTION_ROWS];
	struct vsu_error err = VSU_ERROR_INIT;
	struct vmm_arguments given;
	struct vmm_configuration c;
	struct vmm_config_words w;
	int n = 0;

	while (words[n])
		n++;
	vmm_option_table(table);
	ck_assert_msg(!vmm_config_words_make(&w, table, n, (char *const *)(uintptr_t)words, &err), "%s", err.msg);
	ck_assert_msg(!vmm_arguments_parse(&given, w.n, w.words, &err), "%s", err.msg);
	ck_assert_msg(!vmm_configuration_read(&c, NULL, &given, NULL, NULL, &err), "%s", err.msg);
	ck_assert_msg(!vmm_configuration_parse(&c, &options, &saved, &err), "%s", err.msg);
	rig.options.process = options.process;
	rig.options.process.given = w.words + 1;
	rig.options.process.ngiven = w.n - 1;
	strcpy(text, report(true));
	rig.options.process = own;
	ck_assert_int_eq(vmm_arguments_write(&c.all, merged, NULL), 0);
	vmm_options_free(&options);
	vmm_options_free(&saved);
	vmm_configuration_free(&c);
	vmm_arguments_free(&given);
	vmm_config_words_free(&w);
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

/* Names of the report are in the folder of the rig. */
static void enter_folder(void)
{
	setup();
	make_machine(NULL, NULL);
	ck_assert_int_eq(mkdir("saved.dir", 0700), 0);
	write_file("saved.dir/machine.json", "{\"arguments\":[\"builtin:selftest\",\"--disk=a\",\"--cpus=2\"]}");
}

static void leave_folder(void)
{
	unlink("saved.dir/machine.json");
	rmdir("saved.dir");
	rig_fini();
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

	tcase_add_checked_fixture(t, setup, rig_fini);
	tcase_add_test(t, each_piece_is_a_line_with_its_place_in_the_file);
	tcase_add_test(t, json_has_the_same_facts);
	tcase_add_test(t, free_slot_is_no_device);
	tcase_add_test(t, memory_without_a_file_needs_no_descriptor);
	tcase_add_test(t, block_is_described_apart_from_a_machine);
	suite_add_tcase(s, t);
	t = tcase_create("arguments");
	tcase_add_checked_fixture(t, enter_folder, leave_folder);
	tcase_add_loop_test(t, e3_09_printed_arguments_make_the_same_machine, 0, COUNT(lines));
	suite_add_tcase(s, t);
	return run_suite(s);
}
