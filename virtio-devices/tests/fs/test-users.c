/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about users of the guest: permissions and ownership. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <vmm-sys-util/endian.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;

static void setup(void)
{
	fs_rig_init(&r);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

static uint32_t mode_of(const char *name)
{
	return fs_rig_stat(&r, name).st_mode & 07777;
}

/* ---------------------------------------------------------------- SUID and SGID */

static void set_mode(mode_t mode)
{
	ck_assert_int_eq(fchmodat(r.dir, "file", mode, 0), 0);
}

static struct __user_cap_header_struct caps = {
	.version = _LINUX_CAPABILITY_VERSION_3 };

static bool has_fsetid(void)
{
	struct __user_cap_data_struct sets[2];

	return !syscall(SYS_capget, &caps, sets) && sets[0].effective >> CAP_FSETID & 1;
}

static void drop_fsetid(bool drop)
{
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &caps, sets), 0);
	sets[0].effective &= ~(UINT32_C(1) << CAP_FSETID);
	if (!drop)
		sets[0].effective |= sets[0].permitted & UINT32_C(1) << CAP_FSETID;
	ck_assert_int_eq(syscall(SYS_capset, &caps, sets), 0);
}

static void write_as(uint64_t node, uint64_t fh, uint32_t flags)
{
	const struct fuse_write_in in = { .fh = fh, .size = 1,
					  .write_flags = flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_WRITE, node, &in, sizeof(in), "x",
				    1), 0);
}

static void cut_as(uint64_t node, uint32_t flags)
{
	const struct fuse_setattr_in in = { .valid = FATTR_SIZE | flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in),
				    NULL, 0), 0);
}

static void open_as(uint64_t node, uint32_t flags)
{
	const struct fuse_open_in in = { .flags = O_WRONLY | O_TRUNC,
					 .open_flags = flags };

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_OPEN, node, &in, sizeof(in), NULL,
				    0), 0);
}

static void create_as(uint32_t flags)
{
	const struct fuse_create_in in = { .flags = O_RDWR | O_TRUNC,
					   .open_flags = flags };

	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in),
				     "file"), 0);
}

START_TEST(change_by_an_unprivileged_user_clears_suid)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	bool fsetid;

	drop_fsetid(_i);
	fsetid = has_fsetid();
	set_mode(06777);
	write_as(file, fh, FUSE_WRITE_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(06777);
	cut_as(file, FATTR_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(04755);
	open_as(file, FUSE_OPEN_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0755);
	set_mode(04755);
	create_as(FUSE_OPEN_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 0755);
	ck_assert_int_eq(has_fsetid(), fsetid);
	drop_fsetid(false);
}
END_TEST

START_TEST(change_by_a_privileged_user_keeps_suid)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);

	set_mode(06777);
	write_as(file, fh, 0);
	cut_as(file, 0);
	open_as(file, 0);
	create_as(0);
	ck_assert_uint_eq(mode_of("file"), 06777);
	/* SGID without group execute selects mandatory locking: no privilege */
	set_mode(02767);
	write_as(file, fh, FUSE_WRITE_KILL_SUIDGID);
	ck_assert_uint_eq(mode_of("file"), 02767);
}
END_TEST

START_TEST(fallocate_and_copies_by_a_user_clear_suid)
{
	const uint64_t file = fs_rig_lookup(&r, 1, "file");
	const uint64_t fh = fs_rig_open(&r, FUSE_OPEN, file, O_RDWR);
	const struct fuse_fallocate_in more = { .fh = fh, .length = 100 };
	const struct fuse_copy_file_range_in copy = {
		.fh_in = fh, .nodeid_out = file, .fh_out = fh, .off_out = 200,
		.len = 7,
	};

	r.uid = 1234;
	set_mode(06777);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_FALLOCATE, file, &more,
				    sizeof(more), NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0777);
	set_mode(06777);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_COPY_FILE_RANGE, file, &copy,
				    sizeof(copy), NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0777);
}
END_TEST

START_TEST(change_of_the_owner_clears_suid)
{
	const struct fuse_setattr_in in = {
		.valid = FATTR_GID | FATTR_KILL_SUIDGID, .gid = getgid(),
	};
	const uint64_t file = fs_rig_lookup(&r, 1, "file");

	set_mode(06755);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SETATTR, file, &in, sizeof(in),
				    NULL, 0), 0);
	ck_assert_uint_eq(mode_of("file"), 0755);
}
END_TEST

static uint64_t agreed(uint64_t flags)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = 38, .flags = (uint32_t)flags,
		.flags2 = (uint32_t)(flags >> 32),
	};
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	return out.flags | (uint64_t)out.flags2 << 32;
}

/* ----------------------------------------------------------------- more groups */

struct groups {
	uint32_t size, type, n, gids[5];
};

/* Creates a directory, with len bytes of extensions behind its name. */
static int mkdir_with(const char *name, const void *extensions, uint32_t len)
{
	const struct fuse_mkdir_in in = { .mode = 02755 };
	const uint32_t text = (uint32_t)strlen(name) + 1;
	unsigned char bytes[1024];
	int rc;

	memcpy(bytes, name, text);
	if (len)
		memcpy(bytes + text, extensions, len);
	r.extensions = len;
	rc = fs_rig_ask(&r, FUSE_MKDIR, 1, &in, sizeof(in), bytes, text + len);
	r.extensions = 0;
	return rc;
}

static struct groups group(uint32_t gid)
{
	return (struct groups){ .size = 16, .type = 32, .n = 1,
				.gids = { gid } };
}

#define SUPP_GROUP (UINT64_C(1) << 34)

/* Sets the root directory's group, and makes it writable for owner and group. */
static void folder_of(uint32_t gid)
{
	ck_assert_int_eq(fchown(r.dir, 0, gid), 0);
	ck_assert_int_eq(fchmod(r.dir, 02770), 0);
}

START_TEST(supplementary_group_of_the_request_permits_new_files)
{
	const struct groups ours = group(5678), others = group(5679);
	const int before = getgroups(0, NULL);
	struct stat st;

	ck_assert(agreed(FUSE_INIT_EXT | SUPP_GROUP) & SUPP_GROUP);
	folder_of(5678);
	r.uid = r.gid = 1234;
	ck_assert_int_eq(mkdir_with("a", NULL, 0), -EACCES);
	ck_assert_int_eq(mkdir_with("a", &others, others.size), -EACCES);
	ck_assert_int_eq(mkdir_with("a", &ours, ours.size), 0);
	st = fs_rig_stat(&r, "a");
	ck_assert_uint_eq(st.st_uid, 1234);
	ck_assert_uint_eq(st.st_gid, 5678);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 02755);
	/* the next request is not in that group */
	ck_assert_int_eq(mkdir_with("b", NULL, 0), -EACCES);
	ck_assert_int_eq(getgroups(0, NULL), before);
}
END_TEST

/* Effective capabilities of this thread, the first 32. */
static uint32_t capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	ck_assert_int_eq(syscall(SYS_capget, &header, sets), 0);
	return sets[0].effective;
}

static bool is_owned(const char *name, uint32_t uid, uint32_t gid)
{
	const struct stat st = fs_rig_stat(&r, name);

	return st.st_uid == uid && st.st_gid == gid;
}

/* Linux before 6.3 has checked the folder's permissions with all groups. */
START_TEST(without_groups_the_driver_checks_the_directory)
{
	const struct fuse_create_in create = { .flags = O_RDWR, .mode = 0644 };
	const struct fuse_mknod_in fifo = { .mode = S_IFIFO | 0644 };
	const uint32_t before = capabilities();

	ck_assert_uint_eq(agreed(0), 0);
	folder_of(5678);
	r.uid = r.gid = 1234;
	ck_assert_int_eq(mkdir_with("a", NULL, 0), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &create,
				     sizeof(create), "b"), 0);
	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKNOD, 1, &fifo, sizeof(fifo),
				     "c"), 0);
	ck_assert_int_eq(fs_rig_ask(&r, FUSE_SYMLINK, 1, NULL, 0, "d\0x", 4), 0);
	ck_assert(is_owned("a", 1234, 5678) && is_owned("b", 1234, 5678));
	ck_assert(is_owned("c", 1234, 5678) && is_owned("d", 1234, 5678));
	ck_assert_uint_eq(capabilities(), before);
}
END_TEST

/* The driver expected a new file, and has not checked that one. */
START_TEST(file_created_meanwhile_is_opened_by_its_own_mode)
{
	const struct fuse_create_in in = { .flags = O_RDWR, .mode = 0644 };

	ck_assert_uint_eq(agreed(0), 0);
	folder_of(5678);
	set_mode(0600);
	r.uid = r.gid = 1234;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in),
				     "file"), -EACCES);
}
END_TEST

START_TEST(sgid_of_another_group_is_cleared)
{
	const struct fuse_create_in in = { .flags = O_RDWR, .mode = 02755 };

	ck_assert_uint_eq(agreed(0), 0);
	folder_of(5678);
	r.uid = r.gid = 1234;
	ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in, sizeof(in), "b"),
			 0);
	ck_assert_uint_eq(mode_of("b"), 0755);
}
END_TEST

START_TEST(a8_11_unknown_extension_is_skipped)
{
	const struct groups rows[2] = { { .size = 16, .type = 77, .n = 9 },
					{ .size = 24, .type = 1 } };
	unsigned char bytes[40];

	memcpy(bytes, &rows[0], 16);
	memcpy(bytes + 16, &rows[1], 24);
	ck_assert_int_eq(mkdir_with("a", bytes, sizeof(bytes)), 0);
}
END_TEST

START_TEST(a8_11_inconsistent_extensions_are_refused)
{
	const uint32_t gids = 1000;
	const struct groups rows[] = {
		{ 0, 77, 0, { 0 } }, { 7, 77, 0, { 0 } }, { 12, 77, 0, { 0 } },
		{ 40, 77, 0, { 0 } }, { UINT32_MAX, 77, 0, { 0 } },
		{ 0xfffffff8u, 32, 1, { 1 } },
		/* groups: none, more than present, far too many */
		{ 8, 32, 1, { 1 } }, { 16, 32, 2, { 1 } }, { 32, 32, 6, { 1 } },
		{ 32, 32, UINT32_MAX, { 1 } }, { 32, 32, 0x40000001, { 1 } },
	};
	struct groups twice[2] = { group(gids), group(gids) };
	uint32_t many[2 * 17], i;

	for_rows(i, sizeof(rows) / sizeof(rows[0]))
		ck_assert_int_eq(mkdir_with("a", &rows[i], sizeof(rows[i])),
				 -EINVAL);
	/* two extensions of the same type */
	memcpy(&twice[0].gids[1], &twice[1], 16);
	ck_assert_int_eq(mkdir_with("a", twice, 32), -EINVAL);
	for (i = 0; i < 17; i++) {
		many[2 * i] = 8;
		many[2 * i + 1] = 77;
	}
	ck_assert_int_eq(mkdir_with("a", many, sizeof(many)), -EINVAL);
	ck_assert_int_eq(mkdir_with("a", many, 16 * 8), 0);
	ck_assert_int_eq(faccessat(r.dir, "a", F_OK, 0), 0);
}
END_TEST

START_TEST(driver_with_a_window_clears_suid_itself)
{
	const uint64_t both = FUSE_HANDLE_KILLPRIV_V2 | FUSE_ATOMIC_O_TRUNC;

	fs_rig_folder(&r);
	r.config.window = VIRTDEV_FS_WINDOW_ALIGN;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_uint_eq(agreed(both | FUSE_MAP_ALIGNMENT),
			  FUSE_MAP_ALIGNMENT);
	ck_assert_uint_eq(agreed(both), both);
	teardown();
}
END_TEST

/* ------------------------------------------------------- access control lists */

#define ACCESS_LIST "system.posix_acl_access"
#define DEFAULT_LIST "system.posix_acl_default"

/* The kernel's format: version 2; tag, permissions and ID of each entry. */
struct acl {
	struct vsu_le32 version;
	struct { struct vsu_le16 tag, rights; struct vsu_le32 id; } entries[5];
};

/* Owner and group: all permissions; a named user: rights; others: none. */
static struct acl list_of(uint16_t rights)
{
	static const uint16_t tags[] = { 1, 2, 4, 16, 32 };
	const uint16_t all[] = { 7, rights, 7, 7, 0 };
	struct acl list = { .version = vsu_le32_make(2) };
	unsigned int i;

	for (i = 0; i < 5; i++) {
		list.entries[i].tag = vsu_le16_make(tags[i]);
		list.entries[i].rights = vsu_le16_make(all[i]);
		list.entries[i].id = vsu_le32_make(i == 1 ? 1234 : UINT32_MAX);
	}
	return list;
}

/* False: the file system does not support ACLs. */
static bool make_with_lists(void)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	int rc;

	fs_rig_folder(&r);
	r.config.posix_acl = true;
	rc = virtdev_fs_new(&r.config, &dev, &err);
	if (rc == 0)
		virtdev_free(dev);
	else
		ck_assert_int_eq(rc, -EOPNOTSUPP);
	r.config.posix_acl = rc == 0;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	return rc == 0;
}

static uint32_t mkdir_masked(const char *name, uint32_t mode, uint32_t mask)
{
	const struct fuse_mkdir_in in = { .mode = mode, .umask = mask };

	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKDIR, 1, &in, sizeof(in), name),
			 0);
	return fs_rig_stat(&r, name).st_mode & 07777;
}

START_TEST(umask_is_applied_once_and_not_with_a_default_acl)
{
	const struct acl list = list_of(7);
	const struct fuse_create_in in = { .flags = O_RDWR, .mode = 0666,
					   .umask = 0077 };
	const mode_t ours = umask(022);

	if (make_with_lists()) {
		ck_assert_uint_eq(mkdir_masked("a", 0777, 0005), 0772);
		ck_assert_int_eq(fsetxattr(r.dir, DEFAULT_LIST, &list,
					   sizeof(list), 0), 0);
		ck_assert_uint_eq(mkdir_masked("b", 0777, 0077), 0770);
		ck_assert_int_eq(fs_rig_name(&r, FUSE_CREATE, 1, &in,
					     sizeof(in), "c"), 0);
		ck_assert_uint_eq(mode_of("c"), 0660);
	}
	teardown();
	umask(ours);
}
END_TEST

/* A default ACL set on the host applies, independent of the umask of the process. */
START_TEST(applies_default_acl_of_the_host)
{
	const struct acl list = list_of(7);
	const mode_t ours = umask(022);

	if (make_with_lists()) {
		ck_assert_int_eq(fsetxattr(r.dir, DEFAULT_LIST, &list,
					   sizeof(list), 0), 0);
		ck_assert_uint_eq(agreed(0), 0);
		ck_assert_uint_eq(mkdir_masked("a", 0777, 0), 0770);
	}
	teardown();
	umask(ours);
}
END_TEST

/* len: bytes of the arguments, with flags if FUSE_SETXATTR_EXT was negotiated. */
static int set_list(uint64_t node, const struct acl *list, uint32_t len,
		    uint32_t flags)
{
	const struct fuse_setxattr_in in = { .size = sizeof(*list),
					     .setxattr_flags = flags };
	char text[sizeof(ACCESS_LIST) + sizeof(*list)] = ACCESS_LIST;

	memcpy(text + sizeof(ACCESS_LIST), list, sizeof(*list));
	return fs_rig_ask(&r, FUSE_SETXATTR, node, &in, len, text,
			  sizeof(text));
}

START_TEST(acls_are_set_and_a_non_member_clears_sgid)
{
	const struct fuse_getxattr_in get = { .size = 100 };
	struct acl list = list_of(4);
	uint64_t file;

	if (make_with_lists()) {
		file = fs_rig_lookup(&r, 1, "file");
		set_mode(02755);
		ck_assert_int_eq(fchownat(r.dir, "file", getuid(), getgid(), 0),
				 0);
		set_mode(02775);
		ck_assert_int_eq(set_list(file, &list, 16, 0), 0);
		ck_assert_uint_eq(mode_of("file"), 02770);
		ck_assert_int_eq(fs_rig_name(&r, FUSE_GETXATTR, file, &get,
					     sizeof(get), ACCESS_LIST), 0);
		ck_assert_uint_eq(fs_rig_answer_len(&r), sizeof(list));
		ck_assert_mem_eq(fs_rig_answer(&r), &list, sizeof(list));
		r.gid = getgid() + 1;
		ck_assert_int_eq(set_list(file, &list, 16,
					  FUSE_SETXATTR_ACL_KILL_SGID), 0);
		if (!getuid())
			ck_assert_uint_eq(mode_of("file"), 0770);
		ck_assert_uint_eq(getegid(), getgid());
	}
	teardown();
}
END_TEST

START_TEST(acls_require_the_option)
{
	const struct acl list = list_of(4);

	ck_assert_uint_eq(agreed(FUSE_POSIX_ACL | FUSE_DONT_MASK |
				 FUSE_SETXATTR_EXT), 0);
	ck_assert_int_eq(set_list(fs_rig_lookup(&r, 1, "file"), &list, 8, 0),
			 -EOPNOTSUPP);
}
END_TEST

START_TEST(invalid_acls_are_refused)
{
	struct virtdev_fs_config config = {
		.size = sizeof(config), .path = "/proc", .tag = "t",
		.posix_acl = true,
	};
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "xattr"));
	config.xattr = true;
	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "'/proc'"));
}
END_TEST

/* -------------------------------------------------------------- other numbers */

static void make_with_rules(void)
{
	static const char *const uids[] = {
		"map:1000:5000:10", "forbid-guest:2000:10",
		"squash-guest:3000:5009:10", "squash-host:0:65534:1",
	};
	static const char *const gids[] = {
		"map:1000:6000:10", "forbid-guest:2000:10", "host:7000:1:1",
	};

	fs_rig_folder(&r);
	r.config.uid_rules = uids;
	r.config.gid_rules = gids;
	r.config.nuid_rules = 4;
	r.config.ngid_rules = 3;
	fs_rig_make(&r, RIG_REQUESTS);
	ck_assert_int_eq(fs_rig_begin(&r), 0);
	ck_assert_int_eq(fchmod(r.dir, 0777), 0);
}

static int mkdir_as(const char *name, uint32_t uid, uint32_t gid)
{
	r.uid = uid;
	r.gid = gid;
	return mkdir_with(name, NULL, 0);
}

START_TEST(user_ids_are_translated)
{
	const struct groups forbidden = group(2000);
	const struct fuse_entry_out *out;

	make_with_rules();
	out = fs_rig_answer(&r);
	fs_rig_lookup(&r, 1, "file");
	if (!getuid())
		ck_assert_uint_eq(out->attr.uid, 65534);
	ck_assert_int_eq(mkdir_as("no", 2000, 1000), -EPERM);
	ck_assert_int_eq(mkdir_as("no", 1000, 2009), -EPERM);
	ck_assert_int_eq(mkdir_with("no", &forbidden, forbidden.size), -EPERM);
	ck_assert_int_eq(mkdir_as("a", 1000, 1009), 0);
	if (!getuid()) {
		ck_assert_uint_eq(out->attr.uid, 1000);
		ck_assert_uint_eq(out->attr.gid, 1009);
		ck_assert_uint_eq(fs_rig_stat(&r, "a").st_uid, 5000);
		ck_assert_uint_eq(fs_rig_stat(&r, "a").st_gid, 6009);
		ck_assert_int_eq(mkdir_as("b", 3005, 77), 0);
		ck_assert_uint_eq(fs_rig_stat(&r, "b").st_uid, 5009);
		ck_assert_uint_eq(fs_rig_stat(&r, "b").st_gid, 77);
		ck_assert_uint_eq(out->attr.uid, 1009);
	}
	ck_assert_int_lt(faccessat(r.dir, "no", F_OK, 0), 0);
	teardown();
}
END_TEST

static int give(uint64_t node, uint32_t valid, uint32_t uid, uint32_t gid)
{
	const struct fuse_setattr_in in = { .valid = valid, .uid = uid,
					    .gid = gid };

	return fs_rig_ask(&r, FUSE_SETATTR, node, &in, sizeof(in), NULL, 0);
}

START_TEST(new_owner_ids_are_translated)
{
	const uint32_t both = FATTR_UID | FATTR_GID;
	uint64_t file;

	make_with_rules();
	file = fs_rig_lookup(&r, 1, "file");
	ck_assert_int_eq(give(file, both, 2005, 1000), -EPERM);
	ck_assert_int_eq(give(file, both, 1000, 2000), -EPERM);
	ck_assert_int_eq(give(file, FATTR_UID, UINT32_MAX, 0), -EINVAL);
	ck_assert_uint_eq(fs_rig_stat(&r, "file").st_uid, getuid());
	if (!getuid()) {
		ck_assert_int_eq(give(file, both, 1003, 1004), 0);
		ck_assert_uint_eq(fs_rig_stat(&r, "file").st_uid, 5003);
		ck_assert_uint_eq(fs_rig_stat(&r, "file").st_gid, 6004);
		ck_assert_int_eq(give(file, FATTR_GID, 2005, 7000), 0);
		ck_assert_uint_eq(fs_rig_stat(&r, "file").st_uid, 5003);
		ck_assert_uint_eq(fs_rig_stat(&r, "file").st_gid, 7000);
	}
	teardown();
}
END_TEST

START_TEST(rejects_invalid_rules)
{
	static const char *const bad[] = { "map:0:1000:1", "map:0:2000:1" }, *const none = NULL;
	struct virtdev_fs_config config = {
		.size = sizeof(config), .path = "/", .tag = "t",
		.uid_rules = bad, .nuid_rules = 2,
	};
	struct baseline before = baseline_take();
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, bad[1]));
	config.nuid_rules = 1;
	config.posix_acl = config.xattr = true;
	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "lists"));
	config.posix_acl = config.xattr = false;
	config.uid_rules = &none;
	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EINVAL);
	config.uid_rules = NULL;
	ck_assert_int_eq(virtdev_fs_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is NULL, but its number is 1"));
	baseline_check(before);
}
END_TEST

START_TEST(squashed_user_has_the_permissions_of_its_host_user)
{
	make_with_rules();
	ck_assert_uint_eq(agreed(0), 0);
	folder_of(5678);
	r.uid = 3000;
	r.gid = 1234;
	ck_assert_int_eq(mkdir_with("a", NULL, 0), -EACCES);
	r.uid = 1000;
	ck_assert_int_eq(mkdir_with("a", NULL, 0), 0);
	ck_assert_uint_eq(fs_rig_stat(&r, "a").st_uid, 5000);
	teardown();
}
END_TEST

/* As the guest's kernel encodes it: new_encode_dev(). */
START_TEST(device_file_has_the_numbers_of_the_request)
{
	static const struct { unsigned int major, minor; } rows[] = { { 1, 3 }, { 259, 70000 }, { 4095, 255 } };
	const uint32_t major_bits = rows[_i].major, minor_bits = rows[_i].minor;
	const struct fuse_mknod_in node = {
		.mode = S_IFCHR | 0600,
		.rdev = (minor_bits & 0xff) | major_bits << 8 | (minor_bits & ~0xffu) << 12,
	};

	ck_assert_int_eq(fs_rig_name(&r, FUSE_MKNOD, 1, &node, sizeof(node), "node"), 0);
	ck_assert_uint_eq(fs_rig_stat(&r, "node").st_rdev, makedev(major_bits, minor_bits));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("users");
	TCase *tc = tcase_create("users"), *alone = tcase_create("alone");

	tcase_add_checked_fixture(tc, setup, teardown);
	/* of servers with CAP_FSETID and without */
	tcase_add_loop_test(tc, change_by_an_unprivileged_user_clears_suid, 0, 2);
	tcase_add_test_unless(tc, has_fsetid() ? NULL : "without CAP_FSETID the host always clears it",
			      change_by_a_privileged_user_keeps_suid);
	tcase_add_test(tc, fallocate_and_copies_by_a_user_clear_suid);
	tcase_add_test(tc, change_of_the_owner_clears_suid);
	tcase_add_test_unless(tc, not_root(), supplementary_group_of_the_request_permits_new_files);
	tcase_add_loop_test_unless(tc, not_root(), device_file_has_the_numbers_of_the_request, 0, 3);
	tcase_add_test_unless(tc, not_root(), without_groups_the_driver_checks_the_directory);
	tcase_add_test_unless(tc, not_root(), file_created_meanwhile_is_opened_by_its_own_mode);
	tcase_add_test_unless(tc, not_root(), sgid_of_another_group_is_cleared);
	tcase_add_test(tc, a8_11_unknown_extension_is_skipped);
	tcase_add_test(tc, a8_11_inconsistent_extensions_are_refused);
	tcase_add_test(alone, driver_with_a_window_clears_suid_itself);
	tcase_add_test(tc, acls_require_the_option);
	tcase_add_test(alone, umask_is_applied_once_and_not_with_a_default_acl);
	tcase_add_test(alone, applies_default_acl_of_the_host);
	tcase_add_test(alone, acls_are_set_and_a_non_member_clears_sgid);
	tcase_add_test(alone, invalid_acls_are_refused);
	tcase_add_test(alone, user_ids_are_translated);
	tcase_add_test(alone, new_owner_ids_are_translated);
	tcase_add_test(alone, rejects_invalid_rules);
	tcase_add_test_unless(alone, not_root(), squashed_user_has_the_permissions_of_its_host_user);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, alone);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
