/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about files as a stream: copies, and what a hostile writer cannot do. */
#define _GNU_SOURCE
#include <config.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../suite.h"
#include "files/pack.h"

static char folder[] = "/tmp/test-pack-XXXXXX";
static int stream;		/* a file in memory */
static struct vagent_priv_pack_failure why;

static void setup(void)
{
	strcpy(folder, "/tmp/test-pack-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	stream = memfd_create("stream", MFD_CLOEXEC);
	ck_assert_int_ge(stream, 0);
	ck_assert_int_eq(mkdir("to", 0755), 0);
}

static void teardown(void)
{
	char line[64];

	close(stream);
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert_int_eq(system(line), 0);
}

static void write_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static void file_is(const char *path, const char *text)
{
	char bytes[64] = "";
	const int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_ge(read(fd, bytes, sizeof(bytes) - 1), 0);
	ck_assert_str_eq(bytes, text);
	close(fd);
}

static int copies(const char *from, const char *to, mode_t modes)
{
	const int rc = vagent_priv_pack_write(stream, from, &why);

	lseek(stream, 0, SEEK_SET);
	return rc < 0 ? rc : vagent_priv_pack_read(stream, to, NULL, modes, &why);
}

static void adds_bytes(const void *bytes, size_t len)
{
	ck_assert_int_eq(write(stream, bytes, len), (ssize_t)len);
}

static void adds(uint32_t type, const char *name, const char *rest)
{
	const struct vagent_priv_pack_entry e = {
		.type = type, .mode = 0644, .name_len = (uint32_t)strlen(name),
		.target_len = type == PACK_LINK ? (uint32_t)strlen(rest) : 0,
	};
	const uint32_t lens[] = { (uint32_t)strlen(rest), 0 };

	adds_bytes(&e, sizeof(e));
	adds_bytes(name, strlen(name));
	if (type == PACK_FILE)
		adds_bytes(&lens[0], sizeof(lens[0]));
	adds_bytes(rest, strlen(rest));
	if (type == PACK_FILE && *rest)
		adds_bytes(&lens[1], sizeof(lens[1]));
}

static int reads(const char *to)
{
	lseek(stream, 0, SEEK_SET);
	return vagent_priv_pack_read(stream, to, NULL, 0777, &why);
}

/* -------------------------------------------------------------------- copies */

static void make_folder(void)
{
	const struct timespec times[] = { { 1000, 0 }, { 2000, 0 } };

	ck_assert_int_eq(mkdir("from", 0755), 0);
	ck_assert_int_eq(mkdir("from/sub", 0700), 0);
	write_file("from/sub/file", "text");
	ck_assert_int_eq(chmod("from/sub/file", 04711), 0);
	ck_assert_int_eq(symlink("/elsewhere", "from/link"), 0);
	write_file("from/empty", "");
	ck_assert_int_eq(chmod("from/sub", 0550), 0);
	ck_assert_int_eq(utimensat(AT_FDCWD, "from/sub", times, 0), 0);
}

START_TEST(folder_is_copied_with_modes_times_and_links)
{
	char target[16] = "";
	struct stat st;

	make_folder();
	ck_assert_msg(copies("from", "to", 0777) == 0, "%s", why.text);
	file_is("to/from/sub/file", "text");
	file_is("to/from/empty", "");
	ck_assert_int_eq(stat("to/from/sub/file", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert_int_eq(stat("to/from/sub", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0550);
	ck_assert_int_eq(st.st_mtim.tv_sec, 2000);
	ck_assert_int_eq(readlink("to/from/link", target, sizeof(target) - 1), 10);
	ck_assert_str_eq(target, "/elsewhere");
}
END_TEST

START_TEST(absent_destination_is_the_new_name)
{
	make_folder();
	ck_assert_msg(copies("from/", "to/other/", 07777) == 0, "%s", why.text);
	file_is("to/other/sub/file", "text");
}
END_TEST

START_TEST(existing_files_are_replaced_and_folders_are_merged)
{
	make_folder();
	ck_assert_int_eq(mkdir("to/from", 0755), 0);
	write_file("to/from/kept", "kept");
	write_file("to/from/empty", "not empty");
	ck_assert_msg(copies("from", "to", 0777) == 0, "%s", why.text);
	file_is("to/from/kept", "kept");
	file_is("to/from/empty", "");
}
END_TEST

START_TEST(existing_folders_keep_their_modes)
{
	struct stat st;

	make_folder();
	ck_assert_int_eq(mkdir("to/from", 0755), 0);
	ck_assert_int_eq(chmod("to/from", 0711), 0);
	ck_assert_int_eq(mkdir("to/from/sub", 0755), 0);
	ck_assert_int_eq(chmod("to/from/sub", 0700), 0);
	ck_assert_msg(copies("from", "to", 0777) == 0, "%s", why.text);
	ck_assert_int_eq(stat("to/from", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0711);
	ck_assert_int_eq(stat("to/from/sub", &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0700);
	ck_assert_int_ne(st.st_mtim.tv_sec, 2000);
}
END_TEST

START_TEST(folder_has_its_own_name_as_a_dot)
{
	make_folder();
	ck_assert_int_eq(chdir("from"), 0);
	ck_assert_msg(copies(".", "../to", 0777) == 0, "%s", why.text);
	file_is("../to/from/sub/file", "text");
}
END_TEST

START_TEST(files_have_the_content_that_is_read)
{
	char wanted[64] = "";
	const int fd = open("/proc/self/comm", O_RDONLY | O_CLOEXEC);

	ck_assert_int_gt(read(fd, wanted, sizeof(wanted) - 1), 0);
	close(fd);
	ck_assert_msg(copies("/proc/self/comm", "to", 0777) == 0, "%s", why.text);
	file_is("to/comm", wanted);
}
END_TEST

START_TEST(long_files_are_copied_in_pieces)
{
	struct stat st;

	write_file("from", "text");
	ck_assert_int_eq(truncate("from", 3 * PACK_MAX_PIECE + 1), 0);
	ck_assert_msg(copies("from", "to", 0777) == 0, "%s", why.text);
	ck_assert_int_eq(stat("to/from", &st), 0);
	ck_assert_int_eq(st.st_size, 3 * PACK_MAX_PIECE + 1);
}
END_TEST

START_TEST(fifo_is_refused_by_its_name)
{
	ck_assert_int_eq(mkdir("from", 0755), 0);
	ck_assert_int_eq(mkfifo("from/pipe", 0644), 0);
	ck_assert_int_eq(copies("from", "to", 0777), -EINVAL);
	ck_assert_str_eq(why.text, "'pipe' is a device, a socket or a FIFO, which cannot be copied");
}
END_TEST

START_TEST(destination_without_a_folder_is_refused)
{
	write_file("from", "text");
	ck_assert_int_eq(copies("from", "none/file", 0777), -ENOENT);
	ck_assert_str_eq(why.text, "cannot enter 'none': No such file or directory");
}
END_TEST

/* ------------------------------------------------------------- hostile streams */

static const char *const odd_names[] = { "..", ".", "a/b", "/a", "../a" };

START_TEST(name_that_is_a_path_is_refused)
{
	adds(PACK_FOLDER, "folder", "");
	adds(PACK_FILE, odd_names[_i], "text");
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_str_eq(why.text, "the files are not received further: a name that is a path");
	ck_assert_int_eq(access("a", F_OK), -1);
}
END_TEST

START_TEST(folder_gets_the_name_that_was_asked_for)
{
	adds(PACK_FILE, ".bashrc", "text");
	adds(PACK_END, "", "");
	lseek(stream, 0, SEEK_SET);
	ck_assert_int_eq(vagent_priv_pack_read(stream, "to", "/etc/hostname//", 0777, &why), 0);
	file_is("to/hostname", "text");
	ck_assert_int_eq(access("to/.bashrc", F_OK), -1);
}
END_TEST

static const char *const nameless[] = { "/", "//", ".", "..", "/a/..", "a/./" };

START_TEST(path_without_a_name_needs_a_new_destination)
{
	adds(PACK_FILE, ".bashrc", "text");
	adds(PACK_END, "", "");
	lseek(stream, 0, SEEK_SET);
	ck_assert_int_eq(vagent_priv_pack_read(stream, "to", nameless[_i], 0777, &why), -EINVAL);
	ck_assert_int_eq(access("to/.bashrc", F_OK), -1);
	ck_assert_int_eq(vagent_priv_pack_read(stream, "to/new", nameless[_i], 0777, &why), 0);
	file_is("to/new", "text");
}
END_TEST

START_TEST(link_of_the_stream_is_not_followed)
{
	ck_assert_int_eq(mkdir("outside", 0755), 0);
	adds(PACK_FOLDER, "folder", "");
	adds(PACK_LINK, "link", "../../outside");
	adds(PACK_FOLDER, "link", "");
	adds(PACK_FILE, "file", "text");
	ck_assert_int_lt(reads("to"), 0);
	ck_assert_int_eq(access("outside/file", F_OK), -1);
}
END_TEST

START_TEST(destination_is_not_followed_without_a_slash)
{
	write_file("from", "text");
	write_file("outside", "unchanged");
	ck_assert_int_eq(mkdir("folder", 0755), 0);
	ck_assert_int_eq(symlink("folder", "link"), 0);
	ck_assert_int_eq(symlink("outside", "other"), 0);
	ck_assert_int_eq(copies("from", "link", 0777), -ELOOP);
	ck_assert_str_eq(why.text, "the destination 'link' is a link; end it with '/' to copy into its folder");
	ck_assert_int_eq(reads("other"), -ELOOP);
	file_is("outside", "unchanged");
	ck_assert_int_eq(access("folder/from", F_OK), -1);
	ck_assert_int_eq(reads("link/"), 0);
	file_is("folder/from", "text");
}
END_TEST

START_TEST(file_replaces_a_link_and_not_its_target)
{
	write_file("outside", "unchanged");
	ck_assert_int_eq(symlink("../outside", "to/link"), 0);
	adds(PACK_FILE, "link", "text");
	adds(PACK_END, "", "");
	ck_assert_int_eq(reads("to"), 0);
	file_is("outside", "unchanged");
	file_is("to/link", "text");
}
END_TEST

static int count_names(const char *path)
{
	DIR *list = opendir(path);
	int n = 0;

	ck_assert_ptr_nonnull(list);
	while (readdir(list))
		n++;
	closedir(list);
	return n - 2;
}

START_TEST(incomplete_file_does_not_replace_one)
{
	write_file("to/file", "whole");
	adds(PACK_FILE, "file", "text");
	ck_assert_int_eq(ftruncate(stream, lseek(stream, 0, SEEK_CUR) - 1), 0);
	ck_assert_int_eq(reads("to"), -EBADMSG);
	file_is("to/file", "whole");
	ck_assert_int_eq(count_names("to"), 1);
}
END_TEST

START_TEST(fifo_and_folder_are_not_replaced)
{
	struct stat st;

	ck_assert_int_eq(_i ? mkdir("to/a", 0755) : mkfifo("to/a", 0644), 0);
	adds(PACK_FILE, "a", "text");
	adds(PACK_END, "", "");
	ck_assert_int_eq(reads("to"), -EEXIST);
	ck_assert_str_eq(why.text, "cannot replace 'a', which is neither a file nor a link");
	ck_assert_int_eq(stat("to/a", &st), 0);
	ck_assert(_i ? S_ISDIR(st.st_mode) : S_ISFIFO(st.st_mode));
	ck_assert_int_eq(count_names("to"), 1);
}
END_TEST

START_TEST(folder_does_not_replace_a_file)
{
	write_file("to/file", "text");
	adds(PACK_FOLDER, "file", "");
	ck_assert_int_eq(reads("to"), -ENOTDIR);
	file_is("to/file", "text");
}
END_TEST

START_TEST(truncated_stream_is_refused)
{
	write_file("from", "text");
	ck_assert_int_eq(vagent_priv_pack_write(stream, "from", &why), 0);
	ck_assert_int_eq(ftruncate(stream, lseek(stream, 0, SEEK_CUR) - 1 - _i * 44), 0);
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_str_eq(why.text, "the files are not received further: the stream ended early");
}
END_TEST

static const struct vagent_priv_pack_entry odd_entries[] = {
	{ .type = PACK_TYPES, .name_len = 1 },
	{ .type = PACK_FILE },
	{ .type = PACK_FILE, .name_len = PACK_MAX_NAME + 1 },
	{ .type = PACK_LINK, .name_len = 1, .target_len = PACK_MAX_TARGET + 1 },
	{ .type = PACK_LINK, .name_len = 1 },
	{ .type = PACK_FOLDER, .name_len = 1, .target_len = 1 },
	{ .type = PACK_FILE, .name_len = 1, .mode = 010000 },
	{ .type = PACK_UP },
	{ .type = PACK_UP, .name_len = 1 },
	{ .type = PACK_END },
};

START_TEST(invalid_entry_is_refused)
{
	ck_assert_int_eq(write(stream, &odd_entries[_i], sizeof(odd_entries[_i])), sizeof(odd_entries[_i]));
	ck_assert_int_eq(write(stream, "a", 1), 1);
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_int_eq(access("to/a", F_OK), -1);
}
END_TEST

START_TEST(too_long_a_piece_is_refused)
{
	const struct vagent_priv_pack_entry e = { .type = PACK_FILE, .name_len = 1 };
	const uint32_t len = PACK_MAX_PIECE + 1;

	adds_bytes(&e, sizeof(e));
	adds_bytes("a", 1);
	adds_bytes(&len, sizeof(len));
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_str_eq(why.text, "the files are not received further: too long a piece of a file");
}
END_TEST

START_TEST(second_file_at_the_top_is_refused)
{
	adds(PACK_FILE, "one", "text");
	adds(PACK_FILE, "two", "text");
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_int_eq(access("to/two", F_OK), -1);
}
END_TEST

START_TEST(depth_of_folders_is_limited)
{
	int i;

	for (i = 0; i <= PACK_MAX_DEPTH; i++)
		adds(PACK_FOLDER, "d", "");
	ck_assert_int_eq(reads("to"), -EBADMSG);
	ck_assert_str_eq(why.text, "the files are not received further: a folder that is too deep");
}
END_TEST

START_TEST(control_characters_of_names_are_not_printed)
{
	adds(PACK_FOLDER, "a\033[2J", "");
	write_file("to/a\033[2J", "");
	ck_assert_int_lt(reads("to"), 0);
	ck_assert_str_eq(why.text, "cannot enter 'a?[2J': Not a directory");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("agent");
	TCase *tc = tcase_create("pack");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, folder_is_copied_with_modes_times_and_links);
	tcase_add_test(tc, absent_destination_is_the_new_name);
	tcase_add_test(tc, existing_files_are_replaced_and_folders_are_merged);
	tcase_add_test(tc, existing_folders_keep_their_modes);
	tcase_add_test(tc, folder_has_its_own_name_as_a_dot);
	tcase_add_test(tc, files_have_the_content_that_is_read);
	tcase_add_test(tc, long_files_are_copied_in_pieces);
	tcase_add_test(tc, fifo_is_refused_by_its_name);
	tcase_add_test(tc, destination_without_a_folder_is_refused);
	tcase_add_loop_test(tc, name_that_is_a_path_is_refused, 0, 5);
	tcase_add_test(tc, folder_gets_the_name_that_was_asked_for);
	tcase_add_loop_test(tc, path_without_a_name_needs_a_new_destination, 0, sizeof(nameless) / sizeof(nameless[0]));
	tcase_add_test(tc, link_of_the_stream_is_not_followed);
	tcase_add_test(tc, destination_is_not_followed_without_a_slash);
	tcase_add_test(tc, file_replaces_a_link_and_not_its_target);
	tcase_add_test(tc, incomplete_file_does_not_replace_one);
	tcase_add_loop_test(tc, fifo_and_folder_are_not_replaced, 0, 2);
	tcase_add_test(tc, folder_does_not_replace_a_file);
	tcase_add_loop_test(tc, truncated_stream_is_refused, 0, 2);
	tcase_add_loop_test(tc, invalid_entry_is_refused, 0, sizeof(odd_entries) / sizeof(odd_entries[0]));
	tcase_add_test(tc, too_long_a_piece_is_refused);
	tcase_add_test(tc, second_file_at_the_top_is_refused);
	tcase_add_test(tc, depth_of_folders_is_limited);
	tcase_add_test(tc, control_characters_of_names_are_not_printed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
