/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names: links, renames and permitted characters. */
#define _GNU_SOURCE
#include "posix-fs.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int links_are_counted(void)
{
	CLAIM(file_make("a", "one") == 0 && links_of("a") == 1);
	CLAIM(link("a", "b") == 0 && link("a", "c") == 0 && links_of("b") == 3);
	CLAIM(unlink("a") == 0 && links_of("c") == 2);
	CLAIM(file_make("d", "two") == 0 && rename("d", "b") == 0);
	CLAIM(links_of("c") == 1 && links_of("b") == 1);
	CLAIM(file_holds("b", "two") && file_holds("c", "one"));
	return VERDICT_OK;
}

/* POSIX requires that both names of one file remain. */
static int rename_onto_itself_does_nothing(void)
{
	CLAIM(file_make("a", "one") == 0 && link("a", "b") == 0);
	CLAIM(rename("a", "b") == 0 && is_there("a") && is_there("b"));
	CLAIM(rename("a", "a") == 0 && links_of("a") == 2);
	return VERDICT_OK;
}

/* A file system that counts folders adds a link for each subfolder. */
static int folders_are_counted(void)
{
	nlink_t before;

	CLAIM(mkdir("d", 0755) == 0);
	before = links_of("d");
	if (before == 1)
		return is_skipped("this file system does not count them");
	CLAIM(before == 2 && mkdir("d/e", 0755) == 0 && links_of("d") == 3);
	CLAIM(mkdir("f", 0755) == 0 && rename("d/e", "f/e") == 0);
	CLAIM(links_of("d") == 2 && links_of("f") == 3);
	CLAIM(rmdir("f/e") == 0 && links_of("f") == 2);
	return VERDICT_OK;
}

static int kind_make(const char *name, mode_t kind)
{
	switch (kind) {
	case S_IFREG:
		return file_make(name, "text");
	case S_IFDIR:
		return mkdir(name, 0755);
	case S_IFLNK:
		return symlink("elsewhere", name);
	default:
		return mknod(name, kind | 0644, makedev(1, 3));
	}
}

static int kinds_meet(mode_t from, mode_t to)
{
	CLAIM(kind_make("from", from) == 0 && kind_make("to", to) == 0);
	if ((from == S_IFDIR) == (to == S_IFDIR)) {
		CLAIM(rename("from", "to") == 0 && !is_there("from"));
		CLAIM((mode_of("to") & S_IFMT) == from && remove("to") == 0);
		return VERDICT_OK;
	}
	REFUSED(rename("from", "to"), to == S_IFDIR ? EISDIR : ENOTDIR);
	CLAIM(remove("from") == 0 && remove("to") == 0);
	return VERDICT_OK;
}

static int exchange_meets(mode_t from, mode_t to)
{
	CLAIM(kind_make("from", from) == 0 && kind_make("to", to) == 0);
	CLAIM(renameat2(AT_FDCWD, "from", AT_FDCWD, "to", RENAME_EXCHANGE) == 0);
	CLAIM((mode_of("to") & S_IFMT) == from);
	CLAIM((mode_of("from") & S_IFMT) == to);
	CLAIM(remove("from") == 0 && remove("to") == 0);
	return VERDICT_OK;
}

static int each_pair(int (*meet)(mode_t from, mode_t to))
{
	static const mode_t kinds[] = {
		S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFCHR, S_IFBLK, S_IFSOCK,
	};
	size_t i, k;

	for (i = 0; i < COUNT(kinds); i++)
		for (k = 0; k < COUNT(kinds); k++)
			if (meet(kinds[i], kinds[k]) != VERDICT_OK)
				return VERDICT_WRONG;
	return VERDICT_OK;
}

static int each_kind_takes_its_place(void)
{
	return each_pair(kinds_meet);
}

static int each_kind_is_exchanged(void)
{
	return each_pair(exchange_meets);
}

static int folder_moves_with_all(void)
{
	CLAIM(mkdir("a", 0755) == 0 && mkdir("a/b", 0755) == 0 &&
	      mkdir("c", 0755) == 0);
	CLAIM(file_make("a/b/f", "text") == 0);
	CLAIM(rename("a/b", "c/d") == 0 && file_holds("c/d/f", "text"));
	CLAIM(chdir("c/d/..") == 0 && file_holds("d/f", "text"));
	CLAIM(mkdir("../a/empty", 0755) == 0 && rename("d", "../a/empty") == 0);
	CLAIM(file_holds("../a/empty/f", "text"));
	return VERDICT_OK;
}

/* All bytes except the slash and zero are permitted. */
static int odd_names(void)
{
	static const char *const names[] = {
		" ", "\n", "\\", "\xff\xfe", "\xc3\xa4", "a\xcc\x88", "-", "...",
		".hidden", "*", "a b", "\"", "\x01\x7f", "CON", "a", "A", "~",
	};
	size_t i;

	for (i = 0; i < COUNT(names); i++)
		CLAIM(file_make(names[i], names[i]) == 0);
	for (i = 0; i < COUNT(names); i++)
		CLAIM(file_holds(names[i], names[i]) && links_of(names[i]) == 1);
	for (i = 0; i < COUNT(names); i++)
		CLAIM(unlink(names[i]) == 0 && !is_there(names[i]));
	return VERDICT_OK;
}

static int names_of_255_bytes(void)
{
	char name[NAME_MAX + 2], other[NAME_MAX + 2];

	memset(name, 'a', sizeof(name));
	memset(other, 'b', sizeof(other));
	name[NAME_MAX] = other[NAME_MAX] = '\0';
	CLAIM(file_make(name, "text") == 0 && link(name, other) == 0);
	CLAIM(unlink(name) == 0 && rename(other, name) == 0);
	CLAIM(symlink(name, other) == 0 && file_holds(other, "text"));
	CLAIM(unlink(other) == 0 && mkdir(other, 0755) == 0);
	CLAIM(rmdir(other) == 0);
	name[NAME_MAX] = 'a';
	name[NAME_MAX + 1] = '\0';
	REFUSED(mkdir(name, 0755), ENAMETOOLONG);
	return VERDICT_OK;
}

static int link_of_any_length(void)
{
	char text[PATH_MAX], said[PATH_MAX];
	struct stat st;

	memset(text, 't', sizeof(text));
	text[PATH_MAX - 1] = '\0';
	CLAIM(symlink(text, "l") == 0 && lstat("l", &st) == 0);
	CLAIM(st.st_size == PATH_MAX - 1);
	CLAIM(readlink("l", said, sizeof(said)) == PATH_MAX - 1);
	CLAIM(!memcmp(text, said, PATH_MAX - 1));
	CLAIM(readlink("l", said, 10) == 10);
	REFUSED(open("l", O_RDONLY), ENAMETOOLONG);
	return VERDICT_OK;
}

/* The kernel follows at most 40 links. */
static int forty_links(void)
{
	char name[16], next[16];
	int i;

	CLAIM(file_make("0", "text") == 0);
	for (i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "%d", i);
		snprintf(next, sizeof(next), "%d", i - 1);
		CLAIM(symlink(next, name) == 0);
	}
	CLAIM(file_holds("40", "text"));
	REFUSED(open("41", O_RDONLY), ELOOP);
	return VERDICT_OK;
}

static int link_of_a_link(void)
{
	char said[16];

	CLAIM(symlink("x", "l") == 0);
	CLAIM(linkat(AT_FDCWD, "l", AT_FDCWD, "m", 0) == 0);
	CLAIM(links_of("l") == 2 && unlink("l") == 0);
	CLAIM(readlink("m", said, sizeof(said)) == 1 && said[0] == 'x');
	return VERDICT_OK;
}

static int text_goes_through(int from, int to)
{
	char said[4];

	CLAIM(write(from, "text", 4) == 4 && read(to, said, 4) == 4);
	CLAIM(!memcmp(said, "text", 4));
	close(from);
	close(to);
	return VERDICT_OK;
}

static int fifo_joins_two(void)
{
	int from, to;

	CLAIM(mkfifo("p", 0600) == 0);
	CLAIM((to = open("p", O_RDONLY | O_NONBLOCK)) >= 0);
	CLAIM((from = open("p", O_WRONLY)) >= 0);
	return text_goes_through(from, to);
}

static int socket_joins_two(void)
{
	const struct sockaddr_un where = { AF_UNIX, "s" };
	const int server = socket(AF_UNIX, SOCK_STREAM, 0);
	const int client = socket(AF_UNIX, SOCK_STREAM, 0);

	CLAIM(bind(server, (const void *)&where, sizeof(where)) == 0);
	CLAIM(S_ISSOCK(mode_of("s")) && listen(server, 1) == 0);
	CLAIM(connect(client, (const void *)&where, sizeof(where)) == 0);
	CLAIM(unlink("s") == 0);
	return text_goes_through(client, accept(server, NULL, NULL));
}

static int device_has_its_number(void)
{
	struct stat st;

	CLAIM(mknod("null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	CLAIM(stat("null", &st) == 0 && S_ISCHR(st.st_mode));
	CLAIM(st.st_rdev == makedev(1, 3));
	CLAIM(mknod("big", S_IFBLK | 0600, makedev(259, 70000)) == 0);
	CLAIM(stat("big", &st) == 0 && st.st_rdev == makedev(259, 70000));
	return VERDICT_OK;
}

/* An inode number identifies one file under all its names. */
static int numbers_of_files(void)
{
	struct stat a, b, c;

	CLAIM(file_make("a", "") == 0 && file_make("c", "") == 0);
	CLAIM(link("a", "b") == 0 && stat("a", &a) == 0 && stat("b", &b) == 0);
	CLAIM(stat("c", &c) == 0 && a.st_ino == b.st_ino && a.st_dev == c.st_dev);
	CLAIM(a.st_ino != c.st_ino && rename("a", "d") == 0);
	CLAIM(stat("d", &b) == 0 && a.st_ino == b.st_ino);
	return VERDICT_OK;
}

static const struct check checks[] = {
	{ "links are counted", links_are_counted },
	{ "rename between names of one file", rename_onto_itself_does_nothing },
	{ "links of folders are counted", folders_are_counted },
	{ "rename of each type onto each", each_kind_takes_its_place },
	{ "exchange of each type with each", each_kind_is_exchanged },
	{ "a folder moves with its content", folder_moves_with_all },
	{ "odd names", odd_names },
	{ "names of 255 and 256 bytes", names_of_255_bytes },
	{ "a link of 4095 bytes", link_of_any_length },
	{ "40 links, and 41", forty_links },
	{ "a second name of a link", link_of_a_link },
	{ "FIFO", fifo_joins_two },
	{ "UNIX socket", socket_joins_two },
	{ "device numbers", device_has_its_number },
	{ "inode numbers", numbers_of_files },
};

const struct suite suite_names = { "names", checks, COUNT(checks) };
