/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the report of a dry run: memory, devices, and the words of the machine. */
#include <config.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/run_line.h"
#include "common/dry_run.h"
#include "machine/kernels.h"
#include "machine/rig.h"
#include "memory.h"
#include "parsed.h"

static struct vmm_run_line empty;
static struct vmm_program_options process = { .line = &empty };
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
	process.json = json;
	vmm_report(&rig.owned, &process, to);
	ck_assert_int_eq(fclose(to), 0);
	return said;
}

/* Makes a machine with 2 of 8 CPUs, and further words up to NULL. */
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
	  "[\"kernel\",\"--append=a \\\"b\\\"\",\"--disk=path=a\",\"./-d.img\",\"./--json\"]" },
	{ { "run", "kernel", "--append=--json", "--json", "--dry-run", "--cpu=x86-64-v2" },
	  "[\"kernel\",\"--append=--json\",\"--cpu=x86-64-v2\"]" },
	{ { "run", "--from", "saved.dir", "--disk", "copy", "--dry-run", "--json" },
	  "[\"--from=saved.dir\",\"--disk=copy\"]" },
	{ { "run", "--clone", "--from=saved.dir", "--disk=copy", "--control=c", "--dry-run", "--json" },
	  "[\"--clone\",\"--from=saved.dir\",\"--disk=copy\",\"--control=c\"]" },
};

/* The options of the machine, a line for each. */
static void list_options(const struct cvmm_configuration *c, char text[sizeof(said)])
{
	struct cvmm_option o;
	unsigned int i;
	size_t len = 0;

	for (i = 0; !cvmm_configuration_get_option(c, i, &o, NULL); i++)
		len += (size_t)snprintf(text + len, sizeof(said) - len, "%s=%s\n", o.name, o.value.text);
}

/* Writes the report and the options of the machine that the words make. */
static void describe(const char *const *words, char text[sizeof(said)], char options[sizeof(said)])
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct cvmm_options *o;
	struct vmm_run_line l;
	struct parsed p;
	int n = 0;

	while (words[n])
		n++;
	ck_assert_msg(!vmm_run_line_parse(&l, n, (char *const *)(uintptr_t)words, &err), "%s", err.msg);
	ck_assert_msg(!vmm_run_line_read_file(&l, &err), "%s", err.msg);
	ck_assert_int_eq(cvmm_options_new_for(vmm_program_rows, &o, &err), 0);
	ck_assert_msg(!vmm_run_line_add_to(&l, o, &err), "%s", err.msg);
	ck_assert_msg(!parsed_options(&p, o, &err), "%s", err.msg);
	process = p.options;
	process.line = &l;
	strcpy(text, report(true));
	list_options(p.c, options);
	parsed_free(&p);
	vmm_run_line_free(&l);
}

static void write_file(const char *name, const char *text)
{
	FILE *to = fopen(name, "w");

	ck_assert_ptr_nonnull(to);
	ck_assert_int_ge(fputs(text, to), 0);
	ck_assert_int_eq(fclose(to), 0);
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
	static char first[sizeof(said)], second[sizeof(said)], options[sizeof(said)], options_again[sizeof(said)];

	describe(lines[_i].words, first, options);
	ck_says(first, lines[_i].arguments);
	write_file("machine.json", first);
	describe(again, second, options_again);
	ck_assert_str_eq(first, second);
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
