/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the file of a container's status, which a guest may control. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci/status.h"
#include "util.h"

static char path[64], sentence[OCI_STATUS_SENTENCE];
static struct oci_status_page *page;
static struct vsu_error err;
static int folder;

static void init(void)
{
	strcpy(path, "/tmp/oci-status.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(oci_status_open(folder, &page, &err), 0);
}

static void fini(void)
{
	oci_status_close(page);
	page = NULL;
	unlinkat(folder, "status", 0);
	close(folder);
	rmdir(path);
}

START_TEST(status_and_sentence_are_read)
{
	oci_status_write(page, OCI_PAUSED);
	ck_assert_int_eq(oci_status_read(folder, sentence), OCI_PAUSED);
	ck_assert_str_eq(sentence, "");
	oci_status_fail(page, "no memory");
	ck_assert_int_eq(oci_status_read(folder, sentence), OCI_PAUSED);
	ck_assert_str_eq(sentence, "no memory");
}
END_TEST

START_TEST(new_file_has_no_status)
{
	ck_assert_int_eq(oci_status_read(folder, sentence), OCI_CREATING);
}
END_TEST

static int next_descriptor(void)
{
	const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	close(fd);
	return fd;
}

/* With one, a process that a guest controls could fill the file system. */
START_TEST(owner_keeps_no_descriptor)
{
	const int next = next_descriptor();

	oci_status_close(page);
	ck_assert_int_eq(oci_status_open(folder, &page, &err), 0);
	ck_assert_int_eq(next_descriptor(), next);
}
END_TEST

START_TEST(file_has_its_size_at_once)
{
	char text[2 * OCI_STATUS_SENTENCE];
	struct stat st;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	ck_assert_int_eq(fstatat(folder, "status", &st, 0), 0);
	ck_assert_int_eq(st.st_size, sizeof(*page));
	oci_status_fail(page, text);
	ck_assert_int_eq(fstatat(folder, "status", &st, 0), 0);
	ck_assert_int_eq(st.st_size, sizeof(*page));
	oci_status_read(folder, sentence);
	ck_assert_uint_eq(strlen(sentence), OCI_STATUS_SENTENCE - 1);
}
END_TEST

START_TEST(sentence_without_an_end_is_terminated)
{
	memset(page, 'r', sizeof(*page));
	ck_assert_int_eq(oci_status_read(folder, sentence), OCI_RUNNING);
	ck_assert_uint_eq(strlen(sentence), OCI_STATUS_SENTENCE - 1);
}
END_TEST

START_TEST(mark_changes_the_status_alone)
{
	oci_status_fail(page, "why");
	ck_assert_int_eq(oci_status_mark(folder, OCI_RUNNING, &err), 0);
	ck_assert_int_eq(oci_status_read(folder, sentence), OCI_RUNNING);
	ck_assert_str_eq(sentence, "why");
	ck_assert_int_eq(unlinkat(folder, "status", 0), 0);
	assert_refused(oci_status_mark(folder, OCI_RUNNING, &err), -ENOENT, "cannot write the status: No such file or directory", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("status");
	TCase *t = tcase_create("status");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, status_and_sentence_are_read);
	tcase_add_test(t, new_file_has_no_status);
	tcase_add_test(t, owner_keeps_no_descriptor);
	tcase_add_test(t, file_has_its_size_at_once);
	tcase_add_test(t, sentence_without_an_end_is_terminated);
	tcase_add_test(t, mark_changes_the_status_alone);
	suite_add_tcase(s, t);
	return run_suite(s);
}
