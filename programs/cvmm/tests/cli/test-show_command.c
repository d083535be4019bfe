/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about "cvmm show": what it prints of a folder, and which folders it refuses. */
#include <config.h>

#include <sys/stat.h>

#include <vmm-sys-util/exit.h>

#include "cli/show_command.h"
#include "memory/image_sums.h"
#include "util.h"

#define WORDS "{\"arguments\":[\"vmlinuz\",\"--memory=size=4k\",\"--cpus=2,max=8\",\"--name=web\",\"--disk=d.img,readonly\",\"--vsock=3,path=v.sock\",\"--device=rng,rate=64k\",\"--device=rng\"]}\n"

static struct vsu_error err;
static char folder[64], printed[4096];
static unsigned char page[VMM_IMAGE_PAGE];

static void write_file(const char *name, const void *bytes, size_t len)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
}

static void put_numbers(struct vsu_state_writer *w, uint32_t value, unsigned int n)
{
	while (n--)
		vsu_state_put_u32(w, value);
}

/* A machine of two CPUs and one page at byte at of its file. */
static void write_state(uint64_t at, const char *version)
{
	struct vsu_state_writer w = { .section = 0 };
	struct vmm_image_sums sums;

	ck_assert_int_eq(vmm_image_sums_new(&sums, sizeof(page)), 0);
	vmm_image_sums_add(&sums, 0, page, sizeof(page));
	vsu_state_begin(&w, NULL);
	vsu_state_section(&w, "machine", 0);
	put_numbers(&w, 2, 8);
	vsu_state_put_u64(&w, UINT64_C(7000000000));
	vsu_state_put_u32(&w, 0);
	vsu_state_section_end(&w);
	vsu_state_section(&w, "memory", 0);
	vsu_state_put_u64(&w, 0);
	vsu_state_put_u64(&w, sizeof(page));
	vsu_state_put_u64(&w, at);
	vsu_state_section_end(&w);
	vsu_state_section(&w, "origin", 0);
	vsu_state_put_u64(&w, 1);
	vsu_state_put(&w, version, strlen(version));
	vsu_state_section_end(&w);
	vmm_image_sums_put(&sums, &w);
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	write_file("state", w.out.bytes, w.out.len);
	free(w.out.bytes);
	vmm_image_sums_free(&sums);
}

static void setup(void)
{
	strcpy(folder, "/tmp/test-show.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	memset(page, 1, sizeof(page));
	write_state(0, "9.8.7");
	write_file("memory", page, sizeof(page));
	write_file("machine.json", WORDS, strlen(WORDS));
}

static void teardown(void)
{
	static const char *const names[] = { "state", "memory", "machine.json" };
	unsigned int i;

	for (i = 0; i < COUNT(names); i++)
		remove(names[i]);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}

static int show(const char *option)
{
	static char name[] = "show";
	char *words[] = { name, folder, (char *)(uintptr_t)option, NULL };
	struct vmm_show_command c;
	FILE *out = fmemopen(printed, sizeof(printed), "w");
	int status;

	vsu_error_clear(&err);
	memset(printed, 0, sizeof(printed));
	ck_assert_int_eq(vmm_show_command_parse(&c, option ? 3 : 2, words, &err), 0);
	status = vmm_show_command_run(&c, out, &err);
	fclose(out);
	return status;
}

START_TEST(folder_is_described_without_its_disks)
{
	static const char *const lines[] = {
		"kind       saved machine\n", "name       web\n", "version    9.8.7\n", "kernel     vmlinuz\n",
		"cpus       2\n", "max-cpus   8\n", "ran        7 s\n", "device 0   blk d.img\n", "device 1   vsock 3,path=v.sock\n", "device 2   rng rate=64k\n", "device 3   rng\n", "checksums  present;",
	};
	size_t i;

	ck_assert_msg(!show(NULL), "%s", err.msg);
	for_rows(i, COUNT(lines))
		ck_assert_ptr_nonnull(strstr(printed, lines[i]));
	ck_assert_int_eq(show("--json"), 0);
	ck_assert_ptr_nonnull(strstr(printed, "\"cpus\":2,\"max_cpus\":8,\"processor\":\"\",\"age_ns\":7000000000,\"memory\":4096,"));
	ck_assert_ptr_nonnull(strstr(printed, "{\"device\":1,\"kind\":\"vsock\",\"options\":\"3,path=v.sock\"}"));
}
END_TEST

START_TEST(memory_is_verified_on_demand)
{
	ck_assert_int_eq(show("--verify"), 0);
	ck_assert_ptr_nonnull(strstr(printed, "checksums  verified\n"));
	page[9] ^= 1;
	write_file("memory", page, sizeof(page));
	ck_assert_int_eq(show(NULL), 0);
	ck_assert_int_eq(show("--verify"), VSU_EXIT_DATA);
	ck_assert_str_eq(printed, "");
	ck_assert_ptr_nonnull(strstr(err.msg, "file 'memory' is damaged"));
}
END_TEST

/* --------------------------------------------------------------- hostile input */

static void cut_state(void)
{
	ck_assert_int_eq(truncate("state", 100), 0);
}

static void empty_state(void)
{
	write_file("state", "", 0);
}

static void memory_beyond_the_end(void)
{
	write_state(1, "1");
}

static void memory_that_wraps(void)
{
	write_state(UINT64_MAX - 4095, "1");
}

static void short_memory(void)
{
	ck_assert_int_eq(truncate("memory", 4095), 0);
}

static void pipe_as_memory(void)
{
	remove("memory");
	ck_assert_int_eq(mkfifo("memory", 0600), 0);
}

static void pipe_as_state(void)
{
	remove("state");
	ck_assert_int_eq(mkfifo("state", 0600), 0);
}

static void pipe_as_words(void)
{
	remove("machine.json");
	ck_assert_int_eq(mkfifo("machine.json", 0600), 0);
}

static void no_words(void)
{
	write_file("machine.json", "{}", 2);
}

static void unknown_option(void)
{
	static const char text[] = "{\"arguments\":[\"k\",\"--no-such-option\"]}";

	write_file("machine.json", text, strlen(text));
}

static void too_many_words(void)
{
	static char text[(2 << 20) + 64];

	memset(text, ' ', sizeof(text));
	write_file("machine.json", text, sizeof(text));
}

static void (*const damages[])(void) = {
	cut_state, empty_state, memory_beyond_the_end, memory_that_wraps, short_memory, pipe_as_memory,
	pipe_as_state, pipe_as_words, no_words, unknown_option, too_many_words,
};

START_TEST(e2_43_damaged_folder_is_refused_with_a_sentence)
{
	damages[_i]();
	ck_assert_int_ne(show(NULL), 0);
	ck_assert_str_eq(printed, "");
	ck_assert_str_ne(err.msg, "");
}
END_TEST

START_TEST(e2_43_text_that_a_terminal_would_obey_is_replaced)
{
	static const char text[] = "{\"arguments\":[\"k\\u001b[2J\\u0007\",\"--memory=size=4k\"]}";

	write_file("machine.json", text, strlen(text));
	write_state(0, "1\x1b[2J");
	ck_assert_msg(!show(NULL), "%s", err.msg);
	ck_assert_ptr_nonnull(strstr(printed, "kernel     k?[2J?\n"));
	ck_assert_ptr_nonnull(strstr(printed, "version    unknown\n"));
	ck_assert_ptr_null(strchr(printed, '\x1b'));
}
END_TEST

START_TEST(missing_folder_is_named)
{
	remove("state");
	ck_assert_int_eq(show(NULL), VSU_EXIT_INPUT);
	ck_assert_ptr_nonnull(strstr(err.msg, "/state'"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("show_command");
	TCase *tc = tcase_create("show_command");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, folder_is_described_without_its_disks);
	tcase_add_test(tc, memory_is_verified_on_demand);
	tcase_add_loop_test(tc, e2_43_damaged_folder_is_refused_with_a_sentence, 0, COUNT(damages));
	tcase_add_test(tc, e2_43_text_that_a_terminal_would_obey_is_replaced);
	tcase_add_test(tc, missing_folder_is_named);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
