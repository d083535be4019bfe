/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about security labels of new files. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "../suite.h"
#include "fs-rig.h"

static struct fs_rig r;

#define LABEL "security.test"
#define VALUE "u:r:t:s0"

static void begin(uint32_t minor)
{
	const struct fuse_init_in in = {
		.major = 7, .minor = minor, .flags = FUSE_INIT_EXT, .flags2 = 1,
	};
	struct fuse_init_out out;

	ck_assert_int_eq(fs_rig_ask(&r, FUSE_INIT, 0, &in, sizeof(in), NULL, 0),
			 0);
	memcpy(&out, fs_rig_answer(&r), sizeof(out));
	ck_assert_uint_eq(out.flags2 & 1, minor >= 38);
}

static void setup(void)
{
	fs_rig_folder(&r);
	r.config.xattr = r.config.security_label = true;
	fs_rig_make(&r, RIG_REQUESTS);
	begin(38);
}

static void teardown(void)
{
	fs_rig_fini(&r);
}

/* An extension with one label. */
struct label {
	uint32_t size, type, len, padding;
	char text[304];
};

static struct label make_label(const char *name, const char *value)
{
	struct label l = { .type = 1, .len = (uint32_t)strlen(value) };
	const size_t end = strlen(name) + 1;

	memcpy(l.text, name, end);
	memcpy(l.text + end, value, l.len);
	l.size = (uint32_t)(16 + end + l.len + 7) & ~7u;
	return l;
}

/* Creates "made"; a symbolic link points to "file". */
static int make(uint32_t opcode, uint32_t mode, const struct label *l,
		uint32_t bytes)
{
	const struct fuse_mkdir_in mkdir_in = { .mode = 0755 };
	const struct fuse_mknod_in mknod_in = { .mode = mode };
	const struct fuse_create_in create_in = { .flags = O_RDWR | O_CREAT,
						  .mode = S_IFREG | 0644 };
	const void *args = opcode == FUSE_MKDIR ? &mkdir_in :
			   opcode == FUSE_MKNOD ? (const void *)&mknod_in :
			   opcode == FUSE_SYMLINK ? NULL : &create_in;
	const uint32_t len = opcode == FUSE_MKDIR ? sizeof(mkdir_in) :
			     opcode == FUSE_MKNOD ? sizeof(mknod_in) :
			     opcode == FUSE_SYMLINK ? 0 : sizeof(create_in);
	const uint32_t text = opcode == FUSE_SYMLINK ? 10 : 5;
	char room[1024];
	int rc;

	memcpy(room, "made\0file", text);
	memcpy(room + text, l, bytes);
	r.extensions = bytes;
	rc = fs_rig_ask(&r, opcode, 1, args, len, room, text + bytes);
	r.extensions = 0;
	return rc;
}

static bool is_made(void)
{
	return faccessat(r.dir, "made", F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Whether this process may set security attributes. */
static const char *no_labels(void)
{
	char folder[] = "/tmp/vfs-test-label-XXXXXX";
	const bool can = mkdtemp(folder) && !setxattr(folder, LABEL, "x", 1, 0);

	rmdir(folder);
	return can ? NULL : "this process may not set security attributes in /tmp";
}

static const struct {
	uint32_t opcode, mode;
} kinds[] = {
	{ FUSE_MKDIR, 0 }, { FUSE_CREATE, 0 },
	{ FUSE_MKNOD, S_IFREG | 0600 },
	{ FUSE_MKNOD, S_IFIFO | 0600 }, { FUSE_SYMLINK, 0 },
};
#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

START_TEST(new_file_has_its_label_or_does_not_exist)
{
	const struct label l = make_label(LABEL, VALUE);
	char path[96], value[32] = "";

	snprintf(path, sizeof(path), "%s/made", r.folder);
	ck_assert_int_eq(make(kinds[_i].opcode, kinds[_i].mode, &l, l.size), 0);
	ck_assert_int_eq(lgetxattr(path, LABEL, value, sizeof(value)),
			 sizeof(VALUE) - 1);
	ck_assert_str_eq(value, VALUE);
}
END_TEST

/* The host rejects this malformed capability attribute. */
START_TEST(removes_a_new_file_if_its_label_fails)
{
	const struct label l = make_label("security.capability", "none");

	ck_assert_int_lt(make(kinds[_i].opcode, kinds[_i].mode, &l, l.size), 0);
	ck_assert(!is_made());
	ck_assert_int_eq(fs_rig_getattr(&r, 1), 0);
}
END_TEST

START_TEST(nosuid_refuses_capabilities_as_a_label)
{
	const struct label capability = make_label("security.capability", "any");

	teardown();
	fs_rig_folder(&r);
	r.config.xattr = r.config.security_label = r.config.nosuid = true;
	fs_rig_make(&r, RIG_REQUESTS);
	begin(38);
	ck_assert_int_eq(make(kinds[_i].opcode, kinds[_i].mode, &capability, capability.size),
			 -EPERM);
	ck_assert(!is_made());
}
END_TEST

START_TEST(existing_file_keeps_its_label)
{
	const struct label l = make_label("security.capability", "none");

	fs_rig_put_file(&r, "made", "old");
	ck_assert_int_eq(make(FUSE_CREATE, 0, &l, l.size), 0);
	ck_assert_int_eq(fs_rig_stat(&r, "made").st_size, 3);
}
END_TEST

START_TEST(driver_without_the_feature_sends_no_labels)
{
	const struct label l = make_label("security.capability", "none");

	begin(37);
	ck_assert_int_eq(make(FUSE_MKDIR, 0, &l, l.size), 0);
	ck_assert(is_made());
}
END_TEST

START_TEST(request_whose_extensions_have_no_label_is_served)
{
	const struct label none = { .size = 8, .type = 0 };

	ck_assert_int_eq(make(FUSE_MKDIR, 0, &none, 8), 0);
}
END_TEST

START_TEST(labels_are_attributes)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	r.config.xattr = false;
	ck_assert_int_eq(virtdev_fs_new(&r.config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "(xattr)"));
}
END_TEST

/* ------------------------------------------------------------------- hostile */

static struct label changed(uint32_t size, uint32_t type, uint32_t len)
{
	struct label l = make_label(LABEL, VALUE);

	l.size = size;
	l.type = type;
	l.len = len;
	return l;
}

static void refused(const struct label *l, uint32_t bytes, int code)
{
	ck_assert_int_eq(make(FUSE_MKDIR, 0, l, bytes), code);
	ck_assert_int_eq(make(FUSE_SYMLINK, 0, l, bytes), code);
	ck_assert(!is_made());
}

START_TEST(a8_11_inconsistent_labels_are_refused)
{
	const uint32_t whole = make_label(LABEL, VALUE).size;
	const struct label rows[] = {
		/* values that are longer than what is there */
		changed(whole, 1, whole), changed(whole, 1, UINT32_MAX),
		changed(whole, 1, 0xfffffff0u), changed(whole, 1, whole - 29),
		/* more labels than supported, or than present */
		changed(whole, 2, 8), changed(whole, 31, 8),
		/* an extension that ends in its head, in its name, or beyond */
		changed(8, 1, 8), changed(16, 1, 0), changed(24, 1, 0),
		changed(whole + 8, 1, 8), changed(0, 1, 8),
		changed(whole - 1, 1, 8), changed(UINT32_MAX, 1, 8),
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		refused(&rows[i], whole, -EINVAL);
}
END_TEST

START_TEST(a8_11_unterminated_or_repeated_label_is_refused)
{
	struct label l = { .size = 320, .type = 1, .len = 8 }, pair[2];
	char both[2 * sizeof(l)];

	memset(l.text, 'n', sizeof(l.text));
	refused(&l, 320, -EINVAL);
	/* a name of 256 bytes */
	l.text[256] = 0;
	refused(&l, 320, -EINVAL);
	pair[0] = make_label(LABEL, VALUE);
	memcpy(both, &pair[0], pair[0].size);
	memcpy(both + pair[0].size, &pair[0], pair[0].size);
	memcpy(&pair, both, sizeof(both));
	refused(&pair[0], 2 * pair[0].size, -EINVAL);
}
END_TEST

START_TEST(a8_11_other_attributes_are_no_labels)
{
	const struct label user = make_label("user.test", VALUE);
	const struct label list = make_label("system.posix_acl_access", VALUE);
	const struct label none = make_label("", VALUE);

	refused(&user, user.size, -EOPNOTSUPP);
	refused(&list, list.size, -EOPNOTSUPP);
	refused(&none, none.size, -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("label");
	TCase *tc = tcase_create("label");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test_unless(tc, no_labels(), new_file_has_its_label_or_does_not_exist, 0,
				   KINDS);
	tcase_add_loop_test(tc, removes_a_new_file_if_its_label_fails, 0, KINDS);
	tcase_add_loop_test(tc, nosuid_refuses_capabilities_as_a_label, 0, KINDS);
	tcase_add_test(tc, existing_file_keeps_its_label);
	tcase_add_test(tc, driver_without_the_feature_sends_no_labels);
	tcase_add_test(tc, request_whose_extensions_have_no_label_is_served);
	tcase_add_test(tc, labels_are_attributes);
	tcase_add_test(tc, a8_11_inconsistent_labels_are_refused);
	tcase_add_test(tc, a8_11_unterminated_or_repeated_label_is_refused);
	tcase_add_test(tc, a8_11_other_attributes_are_no_labels);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
