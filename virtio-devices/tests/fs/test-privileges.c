/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about nosuid and nodev: the guest makes no file that gives privileges on the host. */
#define _GNU_SOURCE
#include <config.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <virtio-devices/state.h>

#include "../suite.h"
#include "fs-rig.h"

#define ACCESS_LIST "system.posix_acl_access"
#define CAPABILITIES "security.capability"

static struct fs_rig r;

static void begin(bool nosuid, bool nodev)
{
	fs_rig_folder(&r);
	r.config.nosuid = nosuid;
	r.config.nodev = nodev;
	r.config.posix_acl = getxattr(r.folder, ACCESS_LIST, NULL, 0) >= 0 || errno == ENODATA;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
}

static void setup(void)
{
	begin(true, true);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static uint32_t mode_of(const char *name)
{
	return fs_rig_stat(&r, name).st_mode & 07777;
}

static void set_mode(mode_t mode)
{
	ck_assert_int_eq(fchmodat(r.dir, "file", mode, 0), 0);
}

static bool exists(const char *name)
{
	return faccessat(r.dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ----------------------------------------------------------------- new modes */

static int make_node(uint32_t mode, uint32_t rdev)
{
	const struct fuse_mknod_in in = { .mode = mode, .rdev = rdev };

	return fs_rig_name(&r, FUSE_MKNOD, 1, &in, sizeof(in), "made");
}

static int create(uint32_t opcode, uint32_t mode)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_CREAT, .mode = S_IFREG | mode };

	return fs_rig_name(&r, opcode, 1, &in, sizeof(in), "made");
}

static int change_mode(uint64_t node, uint32_t mode)
{
	const struct fuse_setattr_in in = { .valid = FATTR_MODE, .mode = mode };

	return fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

/* Gives a new file, or "file", a mode in each way that FUSE has. */
static const uint32_t opcodes[] = { FUSE_MKNOD, FUSE_CREATE, FUSE_TMPFILE, FUSE_SETATTR };
#define OPCODES (sizeof(opcodes) / sizeof(*opcodes))

static int give(uint32_t opcode, uint32_t mode)
{
	if (opcode == FUSE_MKNOD)
		return make_node(S_IFREG | mode, 0);
	return opcode == FUSE_SETATTR ? change_mode(fs_rig_lookup(&r, 1, "file"), S_IFREG | mode) :
					create(opcode, mode);
}

static const uint32_t privileged[] = { 04755, 04600, 02755, 02644, 06777, 07000 };
#define PRIVILEGED (sizeof(privileged) / sizeof(*privileged))

START_TEST(nosuid_refuses_each_mode_with_privileges_in_each_way)
{
	size_t i, k;

	for_rows(i, PRIVILEGED)
		for (k = 0; k < OPCODES; k++) {
			ck_assert_int_eq(give(opcodes[k], privileged[i]), -EPERM);
			ck_assert(!exists("made"));
			ck_assert_uint_eq(mode_of("file"), 0644);
		}
}
END_TEST

START_TEST(nosuid_refuses_privileges_of_fifos_and_sockets)
{
	ck_assert_int_eq(make_node(S_IFIFO | 04644, 0), -EPERM);
	ck_assert_int_eq(make_node(S_IFSOCK | 02755, 0), -EPERM);
	ck_assert(!exists("made"));
	ck_assert_int_eq(make_node(S_IFIFO | 0644, 0), 0);
	ck_assert_int_eq(change_mode(fs_rig_lookup(&r, 1, "made"), S_IFIFO | 04644), -EPERM);
}
END_TEST

/* The refusal covers the request, not only its mode. */
START_TEST(refused_change_of_mode_changes_nothing_else)
{
	const struct fuse_setattr_in in = {
		.valid = FATTR_MODE | FATTR_SIZE | FATTR_MTIME, .mode = 04755, .size = 1, .mtime = 1,
	};

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, fs_rig_lookup(&r, 1, "file"), &in,
				    sizeof(in), NULL, 0), -EPERM);
	ck_assert_int_eq(fs_rig_stat(&r, "file").st_size, 7);
	ck_assert_int_ne(fs_rig_stat(&r, "file").st_mtime, 1);
}
END_TEST

START_TEST(other_modes_are_served)
{
	static const uint32_t modes[] = { 0755, 01644, 0 };
	size_t i, k;

	for_rows(i, sizeof(modes) / sizeof(*modes))
		for (k = 0; k < OPCODES; k++) {
			if (give(opcodes[k], modes[i]) != -EOPNOTSUPP)	/* of O_TMPFILE */
				ck_assert_int_eq(fs_rig_getattr(&r, 1), 0);
			ck_assert(opcodes[k] == FUSE_TMPFILE || opcodes[k] == FUSE_SETATTR ||
				  mode_of("made") == modes[i]);
			unlinkat(r.dir, "made", 0);
		}
	ck_assert_uint_eq(mode_of("file"), 0);
}
END_TEST

/* The group of new files, no privilege. */
START_TEST(folders_have_sgid)
{
	const struct fuse_mkdir_in in = { .mode = 02775 };
	const uint64_t sub = fs_rig_lookup(&r, 1, "sub");

	ck_assert_int_eq(change_mode(sub, S_IFDIR | 02775), 0);
	ck_assert_uint_eq(mode_of("sub"), 02775);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, sub, &in, sizeof(in), "more"), 0);
	ck_assert_uint_eq(mode_of("sub/more"), 02775);
}
END_TEST

START_TEST(guest_removes_privileges_that_the_host_gave)
{
	set_mode(06755);
	ck_assert_int_eq(change_mode(fs_rig_lookup(&r, 1, "file"), 06711), -EPERM);
	ck_assert_uint_eq(mode_of("file"), 06755);
	ck_assert_int_eq(change_mode(fs_rig_lookup(&r, 1, "file"), 0755), 0);
	ck_assert_uint_eq(mode_of("file"), 0755);
}
END_TEST

START_TEST(without_nosuid_the_guest_sets_them)
{
	size_t k;

	teardown();
	begin(false, true);
	for_rows(k, OPCODES) {
		if (opcodes[k] == FUSE_TMPFILE)
			continue;
		ck_assert_int_eq(give(opcodes[k], 04755), 0);
		ck_assert_uint_eq(mode_of(opcodes[k] == FUSE_SETATTR ? "file" : "made"), 04755);
		unlinkat(r.dir, "made", 0);
	}
}
END_TEST

/* --------------------------------------------- files that have privileges already */

static int write_byte(uint64_t node, uint64_t fh)
{
	const struct fuse_write_in in = { .fh = fh, .size = 1 };

	return fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), "x", 1);
}

static int append_byte(uint64_t node, uint64_t fh)
{
	const struct fuse_write_in in = { .fh = fh, .size = 1, .flags = O_APPEND };

	return fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), "x", 1);
}

static int write_cached(uint64_t node, uint64_t fh)
{
	const struct fuse_write_in in = { .fh = fh, .size = 1, .write_flags = FUSE_WRITE_CACHE };

	return fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), "x", 1);
}

static int truncate_path(uint64_t node, uint64_t fh)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE };

	(void)fh;
	return fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

static int truncate_open(uint64_t node, uint64_t fh)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE | FATTR_FH, .fh = fh, .size = 3 };

	return fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

static int open_truncating(uint64_t node, uint64_t fh)
{
	const struct fuse_open_in in = { .flags = O_WRONLY | O_TRUNC };

	(void)fh;
	return fs_rig_ask(&r, FUSE_OPEN, node, &in, sizeof(in), NULL, 0);
}

static int create_existing(uint64_t node, uint64_t fh)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TRUNC };

	(void)node;
	(void)fh;
	return fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in), "file");
}

static int allocate(uint64_t node, uint64_t fh)
{
	const struct fuse_fallocate_in in = { .fh = fh, .length = 100 };

	return fs_rig_ask(&r, FUSE_FALLOCATE, node, &in, sizeof(in), NULL, 0);
}

static int copy_range(uint64_t node, uint64_t fh)
{
	const struct fuse_copy_file_range_in in = {
		.fh_in = fh, .nodeid_out = node, .fh_out = fh, .off_out = 200, .len = 1,
	};

	return fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, node, &in, sizeof(in), NULL, 0);
}

static int change_owner(uint64_t node, uint64_t fh)
{
	const struct fuse_setattr_in in = { .valid = FATTR_UID | FATTR_GID, .uid = getuid(),
					    .gid = getgid() };

	(void)fh;
	return fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

static int (*const changes[])(uint64_t node, uint64_t fh) = {
	write_byte, append_byte, write_cached, truncate_path, truncate_open, open_truncating,
	create_existing, allocate, copy_range, change_owner,
};

static void put_privileged(void)
{
	const int fd = openat(r.dir, "file", O_WRONLY | O_TRUNC | O_CLOEXEC);

	ck_assert_int_eq(write(fd, "content", 7), 7);
	close(fd);
	set_mode(06777);
}

/* Root of the guest, whose driver requests no clearing. */
START_TEST(each_change_of_content_or_owner_clears_privileges)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	size_t i;

	for_rows(i, sizeof(changes) / sizeof(*changes)) {
		put_privileged();
		ck_assert_int_eq(changes[i](file, fh), 0);
		ck_assert_uint_eq(mode_of("file"), 0777);
	}
}
END_TEST

START_TEST(existing_file_moves_and_has_more_links)
{
	const struct fuse_link_in link = { .oldnodeid = fs_rig_lookup(&r, 1, "file") };
	const struct fuse_rename_in to = { .newdir = fs_rig_lookup(&r, 1, "sub") };

	set_mode(04755);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_LINK, 1, &link, sizeof(link), "made"), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_RENAME, 1, &to, sizeof(to), "made\0moved", 11), 0);
	ck_assert_uint_eq(mode_of("sub/moved"), 04755);
}
END_TEST

/* ---------------------------------------------------------------- attributes */

static int set_attribute(uint64_t node, const char *name, const void *value, uint32_t len)
{
	const struct fuse_setxattr_in in = { .size = len };
	const uint32_t end = (uint32_t)strlen(name) + 1;
	char text[128];

	memcpy(text, name, end);
	memcpy(text + end, value, len);
	return fs_rig_ask(&r, FUSE_SETXATTR, node, &in,
			  r.config.posix_acl ? sizeof(in) : 8, text, end + len);
}

START_TEST(nosuid_refuses_file_capabilities)
{
	/* revision 2, effective; cap_chown permitted */
	const uint32_t value[5] = { htole32(0x02000001), htole32(1) };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	char path[80];

	snprintf(path, sizeof(path), "%s/file", r.folder);
	ck_assert_int_eq(set_attribute(file, CAPABILITIES, value, sizeof(value)), -EPERM);
	ck_assert_int_eq(set_attribute(file, CAPABILITIES, "", 0), -EPERM);
	ck_assert_int_lt(getxattr(path, CAPABILITIES, NULL, 0), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_REMOVEXATTR, file, NULL, 0, CAPABILITIES),
			 removexattr(path, CAPABILITIES) < 0 ? -errno : 0);
}
END_TEST

/* The list gives the group of the file execute permission. */
START_TEST(access_list_does_not_complete_sgid)
{
	const struct {
		uint32_t version;
		struct { uint16_t tag, rights; uint32_t id; } entries[3];
	} list = { htole32(2), {
		{ htole16(1), htole16(7), UINT32_MAX }, { htole16(4), htole16(7), UINT32_MAX },
		{ htole16(0x20), htole16(0), UINT32_MAX },
	} };
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const int plain = r.config.posix_acl ? 0 : -EOPNOTSUPP;

	set_mode(02644);
	ck_assert_int_eq(set_attribute(file, ACCESS_LIST, &list, sizeof(list)), -EPERM);
	ck_assert_uint_eq(mode_of("file"), 02644);
	set_mode(0644);
	ck_assert_int_eq(set_attribute(file, ACCESS_LIST, &list, sizeof(list)), plain);
}
END_TEST

/* ------------------------------------------------------------------- devices */

START_TEST(nodev_refuses_devices_and_no_other_nodes)
{
	const uint32_t null = 1 << 8 | 3;

	ck_assert_int_eq(make_node(S_IFCHR | 0666, null), -EPERM);
	ck_assert_int_eq(make_node(S_IFBLK | 0666, null), -EPERM);
	ck_assert_int_eq(make_node(S_IFBLK | 0666, 0), -EPERM);
	/* numbers whose parts are at both ends of the word */
	ck_assert_int_eq(make_node(S_IFCHR | 0666, 1), -EPERM);
	ck_assert_int_eq(make_node(S_IFCHR | 0666, UINT32_C(1) << 31), -EPERM);
	/* bits above those of a mode, which the host's kernel ignores */
	ck_assert_int_eq(make_node(UINT32_C(1) << 16 | S_IFCHR | 0666, null), -EPERM);
	ck_assert(!exists("made"));
	ck_assert_int_eq(make_node(S_IFIFO | 0600, null), 0);
	unlinkat(r.dir, "made", 0);
	ck_assert_int_eq(make_node(S_IFSOCK | 0600, null), 0);
}
END_TEST

/* The host's kernel allows them to each user, since Linux 5.8. */
START_TEST(nodev_allows_whiteouts_as_the_host_does)
{
	const int host = mknodat(r.dir, "host", S_IFCHR, 0) < 0 ? -errno : 0;

	ck_assert_int_eq(make_node(S_IFCHR, 0), host);
}
END_TEST

START_TEST(without_nodev_the_guest_makes_devices_as_the_host_allows)
{
	int host;

	teardown();
	begin(true, false);
	host = mknodat(r.dir, "host", S_IFCHR | 0600, makedev(1, 3)) < 0 ? -errno : 0;
	ck_assert_int_eq(make_node(S_IFCHR | 0600, 1 << 8 | 3), host);
}
END_TEST

/* -------------------------------------------------------------------- states */

/* The properties are those of the device, in no state: the driver of a saved one is refused. */
START_TEST(device_that_loads_a_state_keeps_its_own_properties)
{
	uint64_t file, fh;
	size_t len;
	void *bytes;

	teardown();
	begin(false, false);
	file = fs_rig_lookup(&r, 1, "file");
	fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	ck_assert_int_eq(change_mode(file, 04755), 0);
	virtdev_queue_stop(r.dev, r.queue);
	virtdev_pause(r.dev);
	ck_assert_int_eq(virtdev_state_take(r.dev, &bytes, &len, NULL), 0);
	virtdev_free(r.dev);
	r.config.nosuid = r.config.nodev = true;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &r.dev, NULL), 0);
	ck_assert_int_eq(virtdev_state_load(r.dev, bytes, len, NULL), 0);
	free(bytes);
	ck_assert_int_eq(virtdev_queue_start(r.dev, r.queue, r.g.q, NULL), 0);
	ck_assert_int_eq(write_byte(file, fh), 0);
	ck_assert_uint_eq(mode_of("file"), 0755);
	ck_assert_int_eq(change_mode(file, 04755), -EPERM);
	ck_assert_int_eq(make_node(S_IFCHR | 0666, 1 << 8 | 3), -EPERM);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("privileges");
	TCase *tc = tcase_create("privileges");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nosuid_refuses_each_mode_with_privileges_in_each_way);
	tcase_add_test(tc, nosuid_refuses_privileges_of_fifos_and_sockets);
	tcase_add_test(tc, refused_change_of_mode_changes_nothing_else);
	tcase_add_test(tc, other_modes_are_served);
	tcase_add_test(tc, folders_have_sgid);
	tcase_add_test(tc, guest_removes_privileges_that_the_host_gave);
	tcase_add_test(tc, without_nosuid_the_guest_sets_them);
	tcase_add_test(tc, each_change_of_content_or_owner_clears_privileges);
	tcase_add_test(tc, existing_file_moves_and_has_more_links);
	tcase_add_test(tc, nosuid_refuses_file_capabilities);
	tcase_add_test(tc, access_list_does_not_complete_sgid);
	tcase_add_test(tc, nodev_refuses_devices_and_no_other_nodes);
	tcase_add_test(tc, nodev_allows_whiteouts_as_the_host_does);
	tcase_add_test(tc, without_nodev_the_guest_makes_devices_as_the_host_allows);
	tcase_add_test(tc, device_that_loads_a_state_keeps_its_own_properties);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
