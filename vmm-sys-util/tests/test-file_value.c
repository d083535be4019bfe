/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files that options name. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/file_value.h>

#include "util.h"

START_TEST(other_text_is_a_path)
{
	static const char *const paths[] = { "disk.img", "/fd:3", "./fd:3", "fd", "nbd://fd:3" };
	struct vsu_file_value v;

	ck_assert_int_eq(vsu_file_value_read(paths[_i], &v, NULL), 0);
	ck_assert(!v.has_fd);
	ck_assert_str_eq(v.name, paths[_i]);
	ck_assert_str_eq(vsu_file_value_name(paths[_i]), paths[_i]);
}
END_TEST

START_TEST(descriptor_has_a_number_and_perhaps_a_name)
{
	struct vsu_file_value v;

	ck_assert_int_eq(vsu_file_value_read("fd:7", &v, NULL), 0);
	ck_assert(v.has_fd);
	ck_assert_int_eq(v.fd, 7);
	ck_assert_str_eq(v.name, "fd:7");
	ck_assert_int_eq(vsu_file_value_read("fd:8:/a:b", &v, NULL), 0);
	ck_assert_int_eq(v.fd, 8);
	ck_assert_str_eq(v.name, "/a:b");
	ck_assert_int_eq(vsu_file_value_read("fd:9:", &v, NULL), 0);
	ck_assert_str_eq(v.name, "fd:9:");
}
END_TEST

START_TEST(descriptor_without_a_number_is_rejected)
{
	static const char *const words[] = {
		"fd:", "fd:x", "fd:-1", "fd::a", "fd:2147483648", "fd:99999999999999999999",
	};
	struct vsu_file_value v = { .fd = 5 };

	ck_assert_int_eq(vsu_file_value_read(words[_i], &v, NULL), -EINVAL);
	ck_assert_int_eq(v.fd, 5);
}
END_TEST

START_TEST(descriptor_of_another_process_is_rejected)
{
	struct vsu_file_value v = { .fd = 5 };
	struct vsu_error err;

	ck_assert_int_eq(vsu_file_value_read("fd:former", &v, &err), -EBADF);
	ck_assert_int_eq(vsu_file_value_read("fd:former:/a", &v, &err), -EBADF);
	ck_assert_ptr_nonnull(strstr(err.msg, "'fd:former:/a' was a descriptor"));
	ck_assert_str_eq(vsu_file_value_name("fd:former:/a"), "/a");
	ck_assert_int_eq(vsu_file_value_open("fd:former", 0), -EBADF);
	ck_assert_int_eq(v.fd, 5);
}
END_TEST

static const struct { const char *text, *former; } formers[] = {
	{ "fd:7", "fd:former" }, { "fd:7:/a:b", "fd:former:/a:b" }, { "fd:former:/a", "fd:former:/a" },
	{ "/a", "/a" }, { "./fd:7", "./fd:7" }, { "fd:x", "fd:x" },
};

START_TEST(descriptor_has_no_number_in_another_process)
{
	char *text = vsu_file_value_former(formers[_i].text);

	ck_assert_str_eq(text, formers[_i].former);
	free(text);
}
END_TEST

/* "a" and "b" are one file, and descriptor 100 is that file, too. */
static const struct {
	const char *a, *b;
	bool same;
} pairs[] = {
	{ "a", "a", true }, { "a", "b", true }, { "a", "c", false }, { "absent", "absent", false },
	{ "fd:100", "b", true }, { "c", "fd:100", false }, { "fd:100:c", "a", true },
	{ "fd:100:c", "c", false }, { "fd:100:a", "fd:100:b", true }, { "./fd:100", "a", false },
	{ "fd:101", "a", false }, { "fd:former:a", "a", false },
};

START_TEST(file_is_that_of_its_path_or_descriptor)
{
	char folder[] = "/tmp/test-file_value.XXXXXX";
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	close(open("c", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	fd = open("a", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(link("a", "b"), 0);
	ck_assert_int_eq(dup3(fd, 100, O_CLOEXEC), 100);
	close(101);
	ck_assert(vsu_file_value_is_same(pairs[_i].a, pairs[_i].b) == pairs[_i].same);
	close(100);
	close(fd);
	unlink("a");
	unlink("b");
	unlink("c");
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

static const struct {
	const char *text;
	size_t len, max;
	int rc;
	const char *msg;
} texts[] = {
	{ "abc", 3, 4, 0, "" }, { "", 0, 1, 0, "" }, { "abcd", 4, 4, -E2BIG, "more than 4 bytes" },
	{ "a\0b", 3, 8, -EBADMSG, "byte 1 is 0" },
};

START_TEST(text_of_a_pipe_is_read_to_its_end)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char *text = NULL;
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], texts[_i].text, texts[_i].len), (ssize_t)texts[_i].len);
	close(ends[1]);
	ck_assert_int_eq(vsu_file_value_read_text(ends[0], texts[_i].max, &text, &err), texts[_i].rc);
	ck_assert_str_eq(err.msg, texts[_i].msg);
	ck_assert(texts[_i].rc < 0 ? !text : !strcmp(text, texts[_i].text));
	free(text);
	close(ends[0]);
}
END_TEST

START_TEST(text_that_cannot_be_read_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int fd = open("/", O_RDONLY | O_CLOEXEC);
	char *text = NULL;

	ck_assert_int_eq(vsu_file_value_read_text(fd, 8, &text, &err), -EISDIR);
	ck_assert_int_eq(strncmp(err.msg, "cannot read it: ", 16), 0);
	close(fd);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("file_value");
	TCase *tc = tcase_create("file_value");

	tcase_add_loop_test(tc, other_text_is_a_path, 0, 5);
	tcase_add_test(tc, descriptor_has_a_number_and_perhaps_a_name);
	tcase_add_loop_test(tc, descriptor_without_a_number_is_rejected, 0, 6);
	tcase_add_test(tc, descriptor_of_another_process_is_rejected);
	tcase_add_loop_test(tc, descriptor_has_no_number_in_another_process, 0,
			    sizeof(formers) / sizeof(formers[0]));
	tcase_add_loop_test(tc, file_is_that_of_its_path_or_descriptor, 0,
			    sizeof(pairs) / sizeof(pairs[0]));
	tcase_add_loop_test(tc, text_of_a_pipe_is_read_to_its_end, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(tc, text_that_cannot_be_read_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
