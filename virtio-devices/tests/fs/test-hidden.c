/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about names that are hidden from the driver. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <virtio-devices/state.h>

#include "../suite.h"
#include "fs/files/files.h"

#include "fs-rig.h"

static struct fs_rig r;

/* One name that is shown, among those that are hidden. */
static void fill_folder(void)
{
	char name[32];
	int i;

	ck_assert_int_eq(mkdirat(r.dir, "many", 0755), 0);
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), i == 300 ? "many/shown" : "many/hidden%d", i);
		fs_rig_put_file(&r, name, "");
	}
}

/* The folder has "file", "sub", and secrets in each. */
static void setup(void)
{
	fs_rig_folder(&r);
	fs_rig_put_file(&r, "secret", "content");
	fs_rig_put_file(&r, "sub/key", "content");
	fs_rig_put_file(&r, "sub/key.pub", "content");
	fill_folder();
	r.config.hidden = "secret:sub/*:!sub/key.pub:absent/key:many/hidden*";
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static int look(uint64_t folder, const char *name)
{
	return fs_rig_name(&r, FUSE_LOOKUP, folder, NULL, 0, name);
}

START_TEST(a8_22_hidden_name_is_not_found)
{
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(look(1, "secret"), -ENOENT);
	ck_assert_int_eq(look(sub, "key"), -ENOENT);
	ck_assert_int_eq(look(sub, "other"), -ENOENT);
	ck_assert_int_eq(look(sub, "key.pub"), 0);
	ck_assert_int_eq(look(1, "file"), 0);
}
END_TEST

/* Adds the names of a reply of READDIR or READDIRPLUS; returns the next offset. */
static uint64_t add_names(uint32_t opcode, char names[512])
{
	const size_t head = opcode == FUSE_READDIRPLUS ? sizeof(struct fuse_entry_out) : 0;
	const char *at = fs_rig_answer(&r), *end = at + fs_rig_answer_len(&r);
	struct fuse_dirent d = { .off = 0 };

	for (; at < end; at += head + FUSE_REC_ALIGN(FUSE_NAME_OFFSET + d.namelen)) {
		memcpy(&d, at + head, FUSE_NAME_OFFSET);
		snprintf(names + strlen(names), 512 - strlen(names), "/%.*s/", (int)d.namelen,
			 at + head + FUSE_NAME_OFFSET);
	}
	return d.off;
}

static void list(uint32_t opcode, uint64_t folder, char names[512])
{
	const uint64_t fh = fs_rig_open(&r, FUSE_OPENDIR, folder, O_RDONLY);
	uint64_t at = 0;

	*names = 0;
	do {
		ck_assert_int_eq(fs_rig_read(&r, opcode, folder, fh, at, 4096), 0);
		at = add_names(opcode, names);
	} while (at);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, folder, fh), 0);
}

static const uint32_t lists[] = { FUSE_READDIR, FUSE_READDIRPLUS };

START_TEST(a8_22_hidden_name_is_not_listed)
{
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");
	char names[512];

	list(lists[_i], 1, names);
	ck_assert_ptr_nonnull(strstr(names, "/file/"));
	ck_assert_ptr_null(strstr(names, "/secret/"));
	list(lists[_i], sub, names);
	ck_assert_ptr_nonnull(strstr(names, "/key.pub/"));
	ck_assert_ptr_null(strstr(names, "/key/"));
}
END_TEST

/* More names than one call of the host returns. */
START_TEST(hidden_entries_do_not_end_a_list)
{
	const uint64_t many = fs_rig_lookup(&r, 1, "many");
	char names[512];

	list(lists[_i], many, names);
	ck_assert_ptr_nonnull(strstr(names, "/shown/"));
	ck_assert_ptr_null(strstr(names, "/hidden1/"));
}
END_TEST

/* The reply has room for each name but the longest. */
START_TEST(entry_without_room_behind_hidden_entries_is_an_error)
{
	const uint32_t size = lists[_i] == FUSE_READDIR ? 32 : 160;
	const uint64_t many = fs_rig_lookup(&r, 1, "many");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPENDIR, many, O_RDONLY);
	char names[512] = "";
	uint64_t at = 0;
	int rc;

	ck_assert_int_eq(renameat(r.dir, "many/shown", r.dir, "many/shown-by-a-long-name"), 0);
	do {
		rc = fs_rig_read(&r, lists[_i], many, fh, at, size);
		at = rc ? 0 : add_names(lists[_i], names);
	} while (at);
	ck_assert_int_eq(rc, -EINVAL);
	ck_assert_int_eq(fs_rig_release(&r, FUSE_RELEASEDIR, many, fh), 0);
}
END_TEST

static int rename_to(uint64_t from, const char *old, uint64_t to, const char *new)
{
	const struct fuse_rename_in in = { .newdir = to };
	char names[64];
	const int len = snprintf(names, sizeof(names), "%s%c%s", old, 0, new) + 1;

	return fs_rig_ask(&r, FUSE_RENAME, from, &in, sizeof(in), names, (uint32_t)len);
}

START_TEST(a8_22_hidden_name_is_not_changed)
{
	const struct fuse_mkdir_in folder = { .mode = 0755 };
	const struct fuse_create_in file = { .flags = O_RDWR | O_CREAT | O_TRUNC, .mode = S_IFREG | 0644 };
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, sub, &folder, sizeof(folder), "new"), -EACCES);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &file, sizeof(file), "secret"), -EACCES);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, "secret"), -EACCES);
	ck_assert_int_eq(rename_to(1, "secret", 1, "stolen"), -EACCES);
	ck_assert_int_eq(rename_to(1, "file", 1, "secret"), -EACCES);
	ck_assert_int_eq(rename_to(1, "file", sub, "key"), -EACCES);
	ck_assert_int_eq(fs_rig_stat(&r, "secret").st_size, 7);
}
END_TEST

static int exchange(const char *old, const char *new, uint32_t flags)
{
	const struct fuse_rename2_in in = { .newdir = 1, .flags = flags };
	char names[64];
	const int len = snprintf(names, sizeof(names), "%s%c%s", old, 0, new) + 1;

	return fs_rig_ask(&r, FUSE_RENAME2, 1, &in, sizeof(in), names, (uint32_t)len);
}

/* The host moves it: the driver could show the names to the next device with these rules. */
START_TEST(a8_22_renamed_folder_hides_the_same_names)
{
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(renameat(r.dir, "sub", r.dir, "moved"), 0);
	ck_assert_int_eq(look(sub, "key"), -ENOENT);
	ck_assert_int_eq(look(fs_rig_lookup(&r, 1, "moved"), "key"), -ENOENT);
	ck_assert_int_eq(renameat(r.dir, "moved", r.dir, "sub"), 0);
}
END_TEST

START_TEST(a8_22_driver_does_not_move_the_folder_of_a_rule)
{
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");
	const uint64_t many = fs_rig_lookup(&r, 1, "many");

	ck_assert_int_eq(rename_to(1, "sub", 1, "moved"), -EBUSY);
	ck_assert_int_eq(rename_to(1, "sub", many, "moved"), -EBUSY);
	ck_assert_int_eq(exchange("sub", "file", RENAME_EXCHANGE), -EBUSY);
	ck_assert_int_eq(exchange("file", "sub", RENAME_EXCHANGE), -EBUSY);
	ck_assert_int_eq(exchange("file", "secret", RENAME_EXCHANGE), -EACCES);
	ck_assert_int_eq(exchange("secret", "file", RENAME_WHITEOUT), -EACCES);
	ck_assert_int_eq(look(sub, "key"), -ENOENT);
}
END_TEST

/* Nothing in it is hidden. */
START_TEST(driver_removes_an_empty_folder_of_a_rule)
{
	ck_assert_int_eq(unlinkat(r.dir, "sub/key", 0), 0);
	ck_assert_int_eq(unlinkat(r.dir, "sub/key.pub", 0), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, "sub"), 0);
}
END_TEST

/* A host's program may replace a secret file, such as passwd(1). */
START_TEST(replaced_file_remains_hidden)
{
	fs_rig_put_file(&r, "new", "other");
	ck_assert_int_eq(renameat(r.dir, "new", r.dir, "secret"), 0);
	ck_assert_int_eq(look(1, "secret"), -ENOENT);
}
END_TEST

/* A folder in the shared one, by the host. */
static void make_folder(const char *name, mode_t mode)
{
	ck_assert_int_eq(mkdirat(r.dir, name, mode), 0);
	ck_assert_int_eq(fchmodat(r.dir, name, mode, 0), 0);
}

START_TEST(a8_22_folder_that_is_made_later_hides_its_names)
{
	make_folder("absent", 0755);
	fs_rig_put_file(&r, "absent/key", "content");
	fs_rig_put_file(&r, "absent/other", "content");
	ck_assert_int_eq(look(fs_rig_lookup(&r, 1, "absent"), "key"), -ENOENT);
	ck_assert_int_eq(look(fs_rig_lookup(&r, 1, "absent"), "other"), 0);
}
END_TEST

START_TEST(a8_22_replaced_folder_hides_the_same_names)
{
	ck_assert_int_eq(renameat(r.dir, "sub", r.dir, "former"), 0);
	make_folder("sub", 0755);
	fs_rig_put_file(&r, "sub/key", "content");
	ck_assert_int_eq(look(fs_rig_lookup(&r, 1, "sub"), "key"), -ENOENT);
	ck_assert_int_eq(look(fs_rig_lookup(&r, 1, "former"), "key"), -ENOENT);
}
END_TEST

/* Its path alone identifies it: elsewhere its names would appear. */
START_TEST(a8_22_folder_that_is_made_later_keeps_its_name)
{
	make_folder("absent", 0755);
	make_folder("new", 0755);
	ck_assert_int_gt(fs_rig_lookup(&r, 1, "absent"), 0);
	ck_assert_int_eq(rename_to(1, "absent", 1, "moved"), -EBUSY);
	ck_assert_int_eq(rename_to(1, "new", 1, "absent"), -EBUSY);
	ck_assert_int_eq(rename_to(1, "new", 1, "moved"), 0);
}
END_TEST

/* The rig's device with other rules; its files remain. */
static void remake(const char *hidden, bool hide_private)
{
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
	r.config.hidden = hidden;
	r.config.hide_private = r.config.read_only = hide_private;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

/* The driver holds each folder that it found at the path, by its nodeid. */
START_TEST(folder_hides_its_names_after_two_replacements)
{
	uint64_t held, inner;
	char names[512];

	remake("absent/key:absent/inner/*", false);
	make_folder("absent", 0755);
	make_folder("absent/inner", 0755);
	fs_rig_put_file(&r, "absent/key", "content");
	fs_rig_put_file(&r, "absent/inner/file", "content");
	held = fs_rig_lookup(&r, 1, "absent");
	inner = fs_rig_lookup(&r, held, "inner");
	ck_assert_int_eq(look(inner, "file"), -ENOENT);
	ck_assert_int_eq(renameat(r.dir, "absent", r.dir, "former"), 0);
	make_folder("absent", 0755);
	make_folder("absent/inner", 0755);
	ck_assert_int_gt(fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "absent"), "inner"), 0);
	ck_assert_int_eq(look(held, "key"), -ENOENT);
	ck_assert_int_eq(look(inner, "file"), -ENOENT);
	ck_assert_int_eq(fs_rig_lookup(&r, held, "inner"), inner);
	ck_assert_int_eq(rename_to(held, "inner", 1, "moved"), -EBUSY);
	list(lists[_i], held, names);
	ck_assert_ptr_null(strstr(names, "/key/"));
}
END_TEST

/* In capital letters, with a tilde, or not ASCII: where the folder lists it, it is no other file. */
START_TEST(listed_name_is_no_other_spelling_of_a_hidden_one)
{
	static const char *const names[] = { "SECRET", "secret~", "Sécret", "secret." };
	size_t i;

	for_rows(i, sizeof(names) / sizeof(names[0])) {
		ck_assert_int_eq(look(1, names[i]), -ENOENT);
		fs_rig_put_file(&r, names[i], "content");
		ck_assert_int_eq(look(1, names[i]), 0);
		ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, names[i]), 0);
	}
}
END_TEST

/* A file system that finds this name, which its folder lists in another spelling; of any type. */
static struct { const char *unlisted; bool is_vfat; } loose;

bool __real_virtdev_priv_fs_is_listed(const struct fs *fs, int folder, const char *name);
bool __wrap_virtdev_priv_fs_is_listed(const struct fs *fs, int folder, const char *name);

bool __wrap_virtdev_priv_fs_is_listed(const struct fs *fs, int folder, const char *name)
{
	return (!loose.unlisted || strcmp(name, loose.unlisted) != 0) &&
	       __real_virtdev_priv_fs_is_listed(fs, folder, name);
}

/* The symbols that the library calls; the linker redirects them to the wrappers. */
#if defined(__LP64__) || !defined(__GLIBC__)
#define REAL_FSTATFS __real_fstatfs
#define WRAP_FSTATFS __wrap_fstatfs
#else
#define REAL_FSTATFS __real_fstatfs64
#define WRAP_FSTATFS __wrap_fstatfs64
#endif

int REAL_FSTATFS(int fd, struct statfs *st);
int __attribute__((used)) WRAP_FSTATFS(int fd, struct statfs *st);

int WRAP_FSTATFS(int fd, struct statfs *st)
{
	const int rc = REAL_FSTATFS(fd, st);

	if (!rc && loose.is_vfat)
		st->f_type = MSDOS_SUPER_MAGIC;
	return rc;
}

#if defined(__LP64__) && defined(__GLIBC__)
/* The run-time library of ThreadSanitizer refers to it. */
int __real_fstatfs64(int fd, struct statfs64 *st);
int __attribute__((used)) __wrap_fstatfs64(int fd, struct statfs64 *st);
int __wrap_fstatfs64(int fd, struct statfs64 *st)
{
	return __real_fstatfs64(fd, st);
}
#endif

/* A short name without a tilde, as of vfat's "nonumtail"; Unicode's folded forms have other bytes. */
static const struct spelling {
	const char *rules, *name;
	bool is_vfat;
} spellings[] = {
	{ "longsecret.text", "LONGSE.TXT", true },
	{ "stra\xc3\x9f""e", "strasse", false },
	{ "longsecret.text:!*.txt", "longse.txt", true },
};

START_TEST(a8_22_name_that_the_folder_does_not_list_does_not_exist)
{
	const struct spelling *s = &spellings[_i];

	fs_rig_put_file(&r, s->name, "content");
	loose.is_vfat = s->is_vfat;
	remake(s->rules, false);
	ck_assert_int_eq(look(1, s->name), 0);
	loose.unlisted = s->name;
	ck_assert_int_eq(look(1, s->name), -ENOENT);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_UNLINK, 1, NULL, 0, s->name), -EACCES);
	ck_assert_int_eq(rename_to(1, s->name, 1, "moved"), -EACCES);
	ck_assert_int_eq(look(1, "file"), 0);
}
END_TEST

/* On many servers, only root can list /home, which has the mode 0711. */
START_TEST(name_of_an_exception_exists_in_a_folder_that_cannot_be_listed)
{
	loose.is_vfat = true;
	remake("*:!sub:!fi?e", false);
	loose.unlisted = "sub";
	ck_assert_int_eq(look(1, "sub"), 0);
	loose.unlisted = "file";
	ck_assert_int_eq(look(1, "file"), -ENOENT);
}
END_TEST

START_TEST(a8_22_folder_of_a_rule_does_not_move_in_another_spelling)
{
	make_folder("SUB", 0755);
	loose.unlisted = "SUB";
	ck_assert_int_eq(rename_to(1, "SUB", 1, "moved"), -EACCES);
	ck_assert_int_eq(rename_to(1, "many", 1, "SUB"), -EBUSY);
	loose.unlisted = NULL;
	ck_assert_int_eq(rename_to(1, "SUB", 1, "moved"), 0);
}
END_TEST

START_TEST(sealed_folder_does_not_change)
{
	const struct fuse_setattr_in mode = { .valid = FATTR_MODE, .mode = 0700 };
	uint64_t sub;

	remake("sub/.:sub/*", false);
	sub = fs_rig_lookup(&r, 1, "sub");
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, sub, &mode, sizeof(mode), NULL, 0), -EACCES);
	ck_assert_int_eq(rename_to(1, "sub", 1, "moved"), -EBUSY);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_RMDIR, 1, NULL, 0, "sub"), -EBUSY);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, 1, &mode, sizeof(mode), NULL, 0), 0);
}
END_TEST

/* "private" is a folder that others may not enter; "open" in it is an exception. */
static void make_private(void)
{
	make_folder("private", 0750);
	make_folder("private/open", 0700);
	fs_rig_put_file(&r, "private/open/mine", "content");
	fs_rig_put_file(&r, "private/beside", "content");
	fs_rig_put_file(&r, "owner", "content");
	fs_rig_put_file(&r, "program", "content");
	ck_assert_int_eq(fchmodat(r.dir, "private/open/mine", 0600, 0), 0);
	ck_assert_int_eq(fchmodat(r.dir, "private/beside", 0600, 0), 0);
	ck_assert_int_eq(fchmodat(r.dir, "owner", 0660, 0), 0);
	ck_assert_int_eq(fchmodat(r.dir, "program", 04711, 0), 0);
}

START_TEST(private_files_do_not_exist)
{
	char names[512];

	make_private();
	remake(NULL, true);
	ck_assert_int_eq(look(1, "owner"), -ENOENT);
	ck_assert_int_eq(look(1, "private"), -ENOENT);
	ck_assert_int_eq(look(1, "program"), 0);
	ck_assert_int_eq(look(1, "file"), 0);
	list(lists[_i], 1, names);
	ck_assert_ptr_null(strstr(names, "/owner/"));
	ck_assert_ptr_null(strstr(names, "/private/"));
	ck_assert_ptr_nonnull(strstr(names, "/program/"));
}
END_TEST

START_TEST(private_files_of_an_exception_exist)
{
	uint64_t private, open;

	make_private();
	remake("!private/open", true);
	private = fs_rig_lookup(&r, 1, "private");
	open = fs_rig_lookup(&r, private, "open");
	ck_assert_int_eq(look(open, "mine"), 0);
	ck_assert_int_eq(look(private, "beside"), -ENOENT);
	ck_assert_int_eq(look(1, "owner"), -ENOENT);
}
END_TEST

/* Its own mode would show it, but others do not reach it. */
START_TEST(file_beside_the_way_through_a_private_folder_does_not_exist)
{
	char names[512];
	uint64_t private;

	make_private();
	fs_rig_put_file(&r, "private/readable", "content");
	make_folder("private/enterable", 0755);
	remake("!private/open", true);
	private = fs_rig_lookup(&r, 1, "private");
	ck_assert_int_eq(look(private, "readable"), -ENOENT);
	ck_assert_int_eq(look(private, "enterable"), -ENOENT);
	ck_assert_int_eq(look(private, "open"), 0);
	list(lists[_i], private, names);
	ck_assert_ptr_null(strstr(names, "/readable/"));
	ck_assert_ptr_nonnull(strstr(names, "/open/"));
}
END_TEST

START_TEST(names_of_a_shared_folder_that_is_private_exist)
{
	ck_assert_int_eq(fchmodat(r.dir, ".", 0700, 0), 0);
	remake(NULL, true);
	ck_assert_int_eq(look(1, "file"), 0);
	ck_assert_uint_ne(fs_rig_open(&r, FUSE_OPENDIR, 1, O_RDONLY), 0);
}
END_TEST

START_TEST(exception_of_names_keeps_private_files_hidden)
{
	uint64_t shown;

	make_folder("data", 0755);
	make_folder("data/shown", 0755);
	fs_rig_put_file(&r, "data/shown/own", "content");
	fs_rig_put_file(&r, "data/shown/readable", "content");
	ck_assert_int_eq(fchmodat(r.dir, "data/shown/own", 0640, 0), 0);
	remake(_i ? "data/*:!data/shown/" : "data/*:!data/shown", true);
	shown = fs_rig_lookup(&r, fs_rig_lookup(&r, 1, "data"), "shown");
	ck_assert_int_eq(look(shown, "readable"), 0);
	ck_assert_int_eq(look(shown, "own"), _i ? -ENOENT : 0);
}
END_TEST

START_TEST(private_fifo_does_not_exist)
{
	ck_assert_int_eq(mknodat(r.dir, "own", S_IFIFO | 0600, 0), 0);
	ck_assert_int_eq(mknodat(r.dir, "group", S_IFIFO | 0660, 0), 0);
	ck_assert_int_eq(mknodat(r.dir, "all", S_IFIFO | 0644, 0), 0);
	remake(NULL, true);
	ck_assert_int_eq(look(1, "own"), -ENOENT);
	ck_assert_int_eq(look(1, "group"), -ENOENT);
	ck_assert_int_eq(look(1, "all"), 0);
}
END_TEST

static int open_node(uint32_t opcode, uint64_t node)
{
	const struct fuse_open_in in = { .flags = O_RDONLY };

	return fs_rig_ask(&r, opcode, node, &in, sizeof(in), NULL, 0);
}

/* The driver holds them by their nodeids. */
START_TEST(file_that_became_private_is_not_opened)
{
	const struct fuse_getxattr_in xattr = { .size = 16 };
	uint64_t file, sub;

	r.config.xattr = true;
	remake(NULL, true);
	file = fs_rig_lookup(&r, 1, "file");
	sub = fs_rig_lookup(&r, 1, "sub");
	ck_assert_int_eq(open_node(FUSE_OPEN, file), 0);
	ck_assert_int_eq(open_node(FUSE_OPENDIR, sub), 0);
	ck_assert_int_eq(fchmodat(r.dir, "file", 0600, 0), 0);
	ck_assert_int_eq(fchmodat(r.dir, "sub", 0700, 0), 0);
	ck_assert_int_eq(open_node(FUSE_OPEN, file), -ESTALE);
	ck_assert_int_eq(open_node(FUSE_OPENDIR, sub), -ESTALE);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &xattr, sizeof(xattr), "user.a"), -ESTALE);
	ck_assert_int_eq(look(sub, "key.pub"), -ENOENT);
	ck_assert_int_eq(fchmodat(r.dir, "file", 0644, 0), 0);
	ck_assert_int_eq(open_node(FUSE_OPEN, file), 0);
}
END_TEST

START_TEST(private_files_are_hidden_in_read_only_folders_only)
{
	struct virtdev_fs_config c = r.config;

	c.hide_private = true;
	ck_assert_int_eq(virtdev_fs_config_check(&c, NULL), -EINVAL);
	c.read_only = true;
	ck_assert_int_eq(virtdev_fs_config_check(&c, NULL), 0);
}
END_TEST

static const char *const invalid[] = {
	"", ":", "/etc", "a//b", "../a/b", "./b/c", "a/", "a/../b", "!", "a:", "!/b", "!/", "!a//",
};

START_TEST(rejects_invalid_names)
{
	struct virtdev_fs_config c = r.config;

	c.hidden = invalid[_i];
	ck_assert_int_eq(virtdev_fs_config_check(&c, NULL), -EINVAL);
}
END_TEST

START_TEST(backslash_escapes_any_byte)
{
	struct virtdev_fs_config c = r.config;

	c.hidden = "a\\:b/c\\:d:\\!e:\\*";
	ck_assert_int_eq(virtdev_fs_config_check(&c, NULL), 0);
}
END_TEST

/* The session of a device that hid nothing continues with this one. */
START_TEST(a8_22_state_does_not_open_a_hidden_file)
{
	const struct virtdev_fs_config with = r.config;
	uint64_t secret;
	size_t len;
	void *bytes;

	virtdev_queue_stop(r.dev, r.queue);
	virtdev_free(r.dev);
	r.config.hidden = NULL;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	secret = fs_rig_lookup(&r, 1, "secret");
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_pause(r.dev);
	ck_assert_int_eq(virtdev_state_take(r.dev, &bytes, &len, NULL), 0);
	virtdev_free(r.dev);
	r.config = with;
	r.config.lost = VIRTDEV_FS_LOST_ERROR;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_state_load(r.dev, bytes, len, NULL), 0);
	free(bytes);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(fs_rig_getattr(&r, secret), -ESTALE);
}
END_TEST

int main(void)
{
	const int ninvalid = sizeof(invalid) / sizeof(*invalid);
	Suite *s = suite_create("hidden");
	TCase *tc = tcase_create("hidden");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a8_22_hidden_name_is_not_found);
	tcase_add_loop_test(tc, a8_22_hidden_name_is_not_listed, 0, 2);
	tcase_add_loop_test(tc, hidden_entries_do_not_end_a_list, 0, 2);
	tcase_add_loop_test(tc, entry_without_room_behind_hidden_entries_is_an_error, 0, 2);
	tcase_add_test(tc, a8_22_hidden_name_is_not_changed);
	tcase_add_test(tc, a8_22_renamed_folder_hides_the_same_names);
	tcase_add_test(tc, a8_22_driver_does_not_move_the_folder_of_a_rule);
	tcase_add_test(tc, driver_removes_an_empty_folder_of_a_rule);
	tcase_add_test(tc, replaced_file_remains_hidden);
	tcase_add_test(tc, a8_22_folder_that_is_made_later_hides_its_names);
	tcase_add_test(tc, a8_22_replaced_folder_hides_the_same_names);
	tcase_add_test(tc, a8_22_folder_that_is_made_later_keeps_its_name);
	tcase_add_loop_test(tc, folder_hides_its_names_after_two_replacements, 0, 2);
	tcase_add_test(tc, listed_name_is_no_other_spelling_of_a_hidden_one);
	tcase_add_loop_test(tc, a8_22_name_that_the_folder_does_not_list_does_not_exist, 0,
			    sizeof(spellings) / sizeof(*spellings));
	tcase_add_test(tc, name_of_an_exception_exists_in_a_folder_that_cannot_be_listed);
	tcase_add_test(tc, a8_22_folder_of_a_rule_does_not_move_in_another_spelling);
	tcase_add_test(tc, sealed_folder_does_not_change);
	tcase_add_loop_test(tc, private_files_do_not_exist, 0, 2);
	tcase_add_test(tc, private_files_of_an_exception_exist);
	tcase_add_loop_test(tc, file_beside_the_way_through_a_private_folder_does_not_exist, 0, 2);
	tcase_add_test(tc, names_of_a_shared_folder_that_is_private_exist);
	tcase_add_loop_test(tc, exception_of_names_keeps_private_files_hidden, 0, 2);
	tcase_add_test(tc, private_fifo_does_not_exist);
	tcase_add_test(tc, file_that_became_private_is_not_opened);
	tcase_add_test(tc, private_files_are_hidden_in_read_only_folders_only);
	tcase_add_loop_test(tc, rejects_invalid_names, 0, ninvalid);
	tcase_add_test(tc, backslash_escapes_any_byte);
	tcase_add_test(tc, a8_22_state_does_not_open_a_hidden_file);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
