/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files of a mounted image, whose content is the guest's. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../../../tests/support/suite.h"
#include "image.h"

#define MAX_TEXT (1u << 20)

static char folder[] = "/tmp/test-image.XXXXXX";
static int root = -1;

static void make_file(const char *name, const char *text)
{
	const int fd = openat(root, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void setup(void)
{
	strcpy(folder, "/tmp/test-image.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	root = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(mkdirat(root, "etc", 0700), 0);
	make_file("etc/passwd", "of the image");
	ck_assert_int_eq(symlinkat("/etc/passwd", root, "absolute"), 0);
	ck_assert_int_eq(symlinkat("../../../../etc/passwd", root, "relative"), 0);
	ck_assert_int_eq(symlinkat("loop", root, "loop"), 0);
	ck_assert_int_eq(mkfifoat(root, "fifo", 0600), 0);
}

static void teardown(void)
{
	static const char *const names[] = { "etc/passwd", "absolute", "relative", "loop", "fifo", "long" };
	unsigned int i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(root, names[i], 0);
	unlinkat(root, "etc", AT_REMOVEDIR);
	close(root);
	ck_assert_int_eq(rmdir(folder), 0);
}

static const char *const same[] = {
	"etc/passwd", "/etc/passwd", "../../etc/passwd", "absolute", "relative",
};

START_TEST(path_leads_to_a_file_of_the_image)
{
	size_t len = 0;
	char *text = image_read(root, same[_i], &len);

	ck_assert_ptr_nonnull(text);
	ck_assert_uint_eq(len, strlen("of the image"));
	ck_assert_int_eq(memcmp(text, "of the image", len), 0);
	free(text);
}
END_TEST

static const char *const others[] = { "nothing", "etc", "fifo", "loop", "etc/passwd/x", "" };

START_TEST(other_than_a_regular_file_has_no_text)
{
	size_t len;

	ck_assert_int_lt(image_open(root, others[_i]), 0);
	ck_assert_ptr_null(image_read(root, others[_i], &len));
}
END_TEST

/* The end of a text is known only if it is within the limit. */
static const struct {
	off_t size;
	bool accepted;
} sizes[] = {
	{ 0, true }, { MAX_TEXT - 1, true }, { MAX_TEXT, false }, { 2 * MAX_TEXT, false },
};

START_TEST(text_is_shorter_than_a_mebibyte)
{
	size_t len = 1;
	char *text;

	make_file("long", "");
	ck_assert_int_eq(truncate(strcat(strcpy((char[64]){ 0 }, folder), "/long"), sizes[_i].size), 0);
	text = image_read(root, "long", &len);
	ck_assert_int_eq(text != NULL, sizes[_i].accepted);
	ck_assert(!text || len == (size_t)sizes[_i].size);
	free(text);
}
END_TEST

START_TEST(folder_is_opened_as_such)
{
	int fd = image_open_folder(root, "/etc");

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	ck_assert_int_lt(image_open_folder(root, "etc/passwd"), 0);
}
END_TEST

/* NULL, or why files cannot be opened below a folder. */
static const char *no_openat2(void)
{
	return syscall(SYS_openat2, -1, NULL, NULL, 0) < 0 && (errno == ENOSYS || errno == EPERM) ?
	       "the kernel has no openat2()" : NULL;
}

int main(void)
{
	Suite *s = suite_create("image files");
	TCase *tc = tcase_create("image files");
	const char *why = no_openat2();

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test_unless(tc, why, path_leads_to_a_file_of_the_image, 0,
				   sizeof(same) / sizeof(same[0]));
	tcase_add_loop_test_unless(tc, why, other_than_a_regular_file_has_no_text, 0,
				   sizeof(others) / sizeof(others[0]));
	tcase_add_loop_test_unless(tc, why, text_is_shorter_than_a_mebibyte, 0,
				   sizeof(sizes) / sizeof(sizes[0]));
	tcase_add_test_unless(tc, why, folder_is_opened_as_such);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
