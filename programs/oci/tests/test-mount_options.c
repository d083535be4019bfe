/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the options of mounts. */
#include <config.h>

#include <sys/mount.h>

#include "oci/mount_options.h"
#include "util.h"

static struct oci_mount_options options;
static struct vsu_error err;

/* text: up to 8 words with blanks between them. */
static int read_options(const char *type, const char *text)
{
	struct oci_mount m = { .destination = "/at", .type = type };
	static char copy[OCI_MOUNT_DATA * 2];
	static char *words[9];

	snprintf(copy, sizeof(copy), "%s", text);
	m.options.words = words;
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		words[m.options.n++] = word;
	return oci_mount_options_read(&m, &options, &err);
}

START_TEST(words_of_a_bind_are_flags)
{
	ck_assert_int_eq(read_options("bind", "rbind ro nosuid rprivate"), 0);
	ck_assert(options.binds);
	ck_assert_uint_eq(options.flags, MS_BIND | MS_REC | MS_RDONLY | MS_NOSUID);
	ck_assert_uint_eq(options.propagation, MS_PRIVATE | MS_REC);
}
END_TEST

START_TEST(bind_needs_no_type)
{
	ck_assert_int_eq(read_options(NULL, "bind"), 0);
	ck_assert(options.binds);
	ck_assert_int_eq(read_options("bind", ""), 0);
	ck_assert(options.binds);
}
END_TEST

START_TEST(last_word_counts)
{
	ck_assert_int_eq(read_options("tmpfs", "ro nodev rw dev"), 0);
	ck_assert_uint_eq(options.flags, 0);
}
END_TEST

START_TEST(other_words_are_for_the_file_system)
{
	ck_assert_int_eq(read_options("tmpfs", "size=10m nosuid mode=755 tmpcopyup"), 0);
	ck_assert_str_eq(options.data, "size=10m,mode=755");
	ck_assert(options.copies_up);
}
END_TEST

START_TEST(bind_has_no_other_words)
{
	assert_refused(read_options("bind", "size=1"), -EINVAL,
		       "mount of '/at': option 'size=1' has no meaning for a bind", err);
}
END_TEST

START_TEST(shared_mounts_are_refused)
{
	assert_refused(read_options("bind", "rshared"), -EOPNOTSUPP,
		       "mount of '/at': option 'rshared' is not supported: mounts of a container's guest do not propagate to the host", err);
}
END_TEST

START_TEST(words_for_the_file_system_are_bounded)
{
	char word[OCI_MOUNT_DATA + 1];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	assert_refused(read_options("tmpfs", word), -E2BIG, "mount of '/at': more than 4096 bytes of options", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mount_options");
	TCase *t = tcase_create("mount_options");

	tcase_add_test(t, words_of_a_bind_are_flags);
	tcase_add_test(t, bind_needs_no_type);
	tcase_add_test(t, last_word_counts);
	tcase_add_test(t, other_words_are_for_the_file_system);
	tcase_add_test(t, bind_has_no_other_words);
	tcase_add_test(t, shared_mounts_are_refused);
	tcase_add_test(t, words_for_the_file_system_are_bounded);
	suite_add_tcase(s, t);
	return run_suite(s);
}
