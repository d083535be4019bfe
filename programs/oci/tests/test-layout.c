/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the files of a container below one folder, with roots that attack the host. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "oci/layout.h"
#include "util.h"

static char labelled[1024];	/* the options of a file system with a label */

int __real_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);

/* Few kernels have SELinux, and most of those no label that a test could name. */
int __wrap_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data)
{
	if (!data || !strstr(data, "context="))
		return __real_mount(source, target, type, flags, data);
	snprintf(labelled, sizeof(labelled), "%s", (const char *)data);
	errno = EINVAL;
	return -1;
}

static char folder[64], share[128];
static struct oci_spec *spec;
static struct oci_layout layout;
static struct vsu_error err;

static void run(const char *fmt, ...) VSU_PRINTF(1, 2);
static void run(const char *fmt, ...)
{
	char command[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	ck_assert_msg(!system(command), "%s", command);
}

static void init(void)
{
	strcpy(folder, "/tmp/oci-layout.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(share, sizeof(share), "%s/share", folder);
	run("cd %s && mkdir rootfs volume outside && echo root >rootfs/file && echo one >volume/one && echo secret >outside/secret", folder);
}

static void fini(void)
{
	oci_layout_free(&layout);
	oci_spec_free(spec);
	spec = NULL;
	vsu_error_clear(&err);
	run("rm -rf %s", folder);
}

/* mounts: elements of JSON, in which @ is the folder. */
static void read_spec(const char *mounts)
{
	char text[8192], *to = text;

	to += sprintf(to, "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
		      "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"mounts\":[");
	for (; *mounts; mounts++)
		to += *mounts == '@' ? sprintf(to, "%s", folder) : sprintf(to, "%c", *mounts);
	strcpy(to, "]}");
	ck_assert_msg(!oci_spec_read(text, &spec, &err), "%s", err.msg);
}

/*
 * Lays out in a process of its own, runs a script there in the shared folder, and returns its status;
 * 100: the layout failed.
 */
static int lay_out(const char *script)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (oci_layout_enter(&err) < 0 || oci_layout_make(spec, folder, share, &err) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			_exit(100);
		}
		execl("/bin/sh", "sh", "-c", script, "sh", share, (char *)NULL);
		_exit(101);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 102;
}

START_TEST(root_and_sources_are_below_one_folder)
{
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"rbind\"]},"
		  "{\"destination\":\"/f\",\"type\":\"bind\",\"source\":\"volume/one\",\"options\":[\"bind\"]}");
	ck_assert_int_eq(lay_out("cd $1 && grep -q root rootfs/file && grep -q one m0/one && grep -q one m1 && echo two >m0/two"), 0);
	run("grep -q two %s/volume/two", folder);
}
END_TEST

START_TEST(mounts_end_with_the_process)
{
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\"}");
	ck_assert_int_eq(lay_out("test -e $1/m0/one"), 0);
	run("! grep -q %s /proc/self/mounts && rmdir %s", folder, share);
}
END_TEST

START_TEST(read_only_sources_are_so_on_the_host)
{
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"ro\"]},"
		  "{\"destination\":\"/f\",\"type\":\"bind\",\"source\":\"@/volume/one\",\"options\":[\"ro\"]}");
	ck_assert_int_eq(lay_out("cd $1; ! touch m0/new 2>/dev/null && ! sh -c 'echo x >m1' 2>/dev/null"), 0);
	run("grep -q one %s/volume/one", folder);
}
END_TEST

/* A monitor that its guest controls can make nodes. */
START_TEST(device_nodes_open_no_device_of_the_host)
{
	run("cd %s && mknod rootfs/null c 1 3 && mknod volume/null c 1 3", folder);
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"rw\"]}");
	ck_assert_int_eq(lay_out("cd $1 && test -c rootfs/null && ! cat rootfs/null 2>/dev/null && ! cat m0/null 2>/dev/null"), 0);
}
END_TEST

START_TEST(targets_within_a_read_only_source_are_made)
{
	read_spec("{\"destination\":\"/run/secrets\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"ro\"]},"
		  "{\"destination\":\"/run/secrets/a/file\",\"type\":\"bind\",\"source\":\"@/outside/secret\"},"
		  "{\"destination\":\"/run/secrets/folder\",\"type\":\"tmpfs\"}");
	ck_assert_int_eq(lay_out("cd $1/m0 && test -f a/file && test -d folder"), 0);
}
END_TEST

START_TEST(slashes_after_a_target_are_no_part_of_its_name)
{
	read_spec("{\"destination\":\"/run////////\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"ro\"]},"
		  "{\"destination\":\"/run/new\",\"type\":\"tmpfs\"}");
	ck_assert_int_eq(lay_out("test -d $1/m0/new"), 0);
}
END_TEST

START_TEST(links_do_not_lead_out_of_a_source)
{
	run("ln -s %s/outside %s/volume/a && ln -s ../../outside %s/volume/b", folder, folder, folder);
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"ro\"]},"
		  "{\"destination\":\"/v/a/new\",\"type\":\"tmpfs\"},{\"destination\":\"/v/b/new\",\"type\":\"tmpfs\"}");
	lay_out("true");
	run("! ls %s/outside | grep new", folder);
}
END_TEST

START_TEST(links_of_the_root_are_not_followed)
{
	run("rm -r %s/rootfs/* && ln -s %s/outside %s/rootfs/v", folder, folder, folder);
	read_spec("{\"destination\":\"/v/new\",\"type\":\"bind\",\"source\":\"@/volume\"},{\"destination\":\"/v/other\",\"type\":\"tmpfs\"}");
	ck_assert_int_eq(lay_out("true"), 0);
	run("test \"$(ls %s/outside)\" = secret", folder);
}
END_TEST

START_TEST(mount_within_a_source_is_shared_if_the_bind_is_recursive)
{
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL))
		ck_abort_msg("no namespace");
	run("mkdir %s/volume/in && mount -t tmpfs in %s/volume/in && touch %s/volume/in/x", folder, folder, folder);
	read_spec("{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"rbind\"]},"
		  "{\"destination\":\"/b\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"bind\"]}");
	ck_assert_int_eq(lay_out("cd $1 && test -e m0/in/x && ! test -e m1/in/x"), 0);
	run("umount %s/volume/in", folder);
}
END_TEST

#define OVERLAY "{\"destination\":\"/o\",\"type\":\"overlay\",\"source\":\"overlay\",\"options\":[\"lowerdir=@/volume\",\"upperdir=@/up\",\"workdir=@/work\",\"private\"]}"

START_TEST(overlay_is_made_on_the_host)
{
	run("mkdir %s/up %s/work", folder, folder);
	read_spec(OVERLAY);
	ck_assert_int_eq(lay_out("cd $1 && grep -q one m0/one && echo two >m0/two"), 0);
	run("cd %s && grep -q two up/two && ! test -e volume/two", folder);
	ck_assert_int_eq(oci_layout_describe(&layout, spec, NULL, &err), 0);
	ck_assert_str_eq(layout.mounts[0].source, "/share/m0");
	ck_assert_uint_eq(layout.mounts[0].flags, MS_BIND | MS_PRIVATE);
}
END_TEST

/* A name of 50 bytes in a path of an option, whose commas are escaped. */
#define NAME50 "a\\\\,b23456789012345678901234567890123456789012345678"
#define LAYER "@/" NAME50 "/" NAME50 "/" NAME50 "/" NAME50 "/" NAME50 "/" NAME50

START_TEST(layers_of_an_overlay_may_have_long_names_and_commas)
{
	run("mkdir -p %s/up %s/work && n='a,b23456789012345678901234567890123456789012345678' && n=$n/$n/$n && mkdir -p %s/$n/$n && touch %s/$n/$n/x",
	    folder, folder, folder, folder);
	read_spec("{\"destination\":\"/o\",\"type\":\"overlay\",\"options\":[\"lowerdir=" LAYER ":@/volume\",\"upperdir=@/up\",\"workdir=@/work\"]}");
	ck_assert_int_eq(lay_out("cd $1 && test -e m0/x && grep -q one m0/one && test -e rootfs/file && test $(grep -c \"$1.* overlay \" /proc/self/mounts) = 1"), 0);
}
END_TEST

START_TEST(failed_overlay_is_named)
{
	read_spec(OVERLAY);
	ck_assert_int_ge(oci_layout_enter(&err), 0);
	assert_refused(oci_layout_make(spec, folder, share, &err), -ENOENT,
		       "mount of '/o': cannot make the file system 'overlay': No such file or directory", err);
	run("umount -l %s", share);
}
END_TEST

START_TEST(file_system_of_the_host_has_the_label_of_mounts)
{
	read_spec(OVERLAY);
	spec->mount_label = "a:b:c:s0:c1,c2";
	ck_assert_int_ge(oci_layout_enter(&err), 0);
	ck_assert_int_eq(oci_layout_make(spec, folder, share, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(labelled, "/work,context=\"a:b:c:s0:c1,c2\""));
	run("umount -l %s", share);
}
END_TEST

START_TEST(guest_mounts_in_the_order_of_the_configuration)
{
	read_spec("{\"destination\":\"/run\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":[\"nosuid\",\"size=1m\"]},"
		  "{\"destination\":\"/run/v\",\"type\":\"bind\",\"source\":\"@/volume\",\"options\":[\"ro\",\"rprivate\"]},"
		  "{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\"}");
	ck_assert_int_eq(oci_layout_describe(&layout, spec, NULL, &err), 0);
	ck_assert_str_eq(layout.root, "/share/rootfs");
	ck_assert_uint_eq(layout.nmounts, 3);
	ck_assert_str_eq(layout.mounts[0].type, "tmpfs");
	ck_assert_str_eq(layout.mounts[0].data, "size=1m");
	ck_assert_uint_eq(layout.mounts[0].flags, MS_NOSUID);
	ck_assert_str_eq(layout.mounts[1].source, "/share/m1");
	ck_assert_str_eq(layout.mounts[1].target, "/run/v");
	ck_assert_uint_eq(layout.mounts[1].flags, MS_BIND | MS_RDONLY | MS_PRIVATE | MS_REC);
	ck_assert_str_eq(layout.mounts[2].type, "cgroup2");
	ck_assert_str_eq(layout.mounts[2].data, "nsdelegate");
}
END_TEST

START_TEST(folder_of_a_member_has_a_name_that_is_no_id)
{
	char name[OCI_LAYOUT_MEMBER], other[OCI_LAYOUT_MEMBER];

	oci_layout_name_member(name, "rootfs", 7);
	ck_assert_str_eq(name, ":rootfs.7");
	oci_layout_name_member(other, "rootfs", 8);
	ck_assert_str_ne(name, other);
}
END_TEST

START_TEST(member_of_a_pod_has_a_folder_of_its_own)
{
	read_spec("{\"destination\":\"/v\",\"type\":\"bind\",\"source\":\"@/volume\"}");
	ck_assert_int_eq(oci_layout_describe(&layout, spec, "one", &err), 0);
	ck_assert_str_eq(layout.root, "/share/one/rootfs");
	ck_assert_str_eq(layout.mounts[0].source, "/share/one/m0");
}
END_TEST

static const struct refusal {
	const char *mounts, *sentence;
	int rc;
} refusals[] = {
	{ "{\"destination\":\"/a\",\"type\":\"nfs\",\"source\":\"x:/\"}", "mount of '/a': type 'nfs' is not supported", -EOPNOTSUPP },
	{ "{\"destination\":\"/a\",\"type\":\"bind\"}", "mount of '/a': a bind has no source", -EINVAL },
	{ "{\"destination\":\"/a\"}", "mount of '/a': type '' is not supported", -EOPNOTSUPP },
};

START_TEST(mounts_are_checked_before_anything_is_made)
{
	read_spec(refusals[_i].mounts);
	assert_refused(oci_layout_check(spec, &err), refusals[_i].rc, refusals[_i].sentence, err);
}
END_TEST

START_TEST(missing_source_is_named)
{
	read_spec("{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/nonexistent\"}");
	if (oci_layout_enter(&err) < 0)
		ck_abort_msg("%s", err.msg);
	assert_refused(oci_layout_make(spec, folder, share, &err), -ENOENT,
		       "cannot open '/nonexistent': No such file or directory", err);
	run("umount -l %s", share);
}
END_TEST

/* Root may lack the right in a container, and Linux 5.12 has the calls. */
static const char *why_no_mounts(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid)
		_exit(oci_layout_enter(NULL) < 0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return "this process may not make a namespace of mounts";
	return NULL;
}

/* A kernel may lack it, and the file system of /tmp may not support an upper folder. */
static const char *why_no_overlay(void)
{
	static const char script[] =
		"d=$(mktemp -d) && cd $d && mkdir l u w m || exit 1; "
		"unshare -m mount -t overlay o -o lowerdir=l,upperdir=u,workdir=w m 2>/dev/null; rc=$?; rm -rf $d; exit $rc";

	return why_no_mounts() ? why_no_mounts() : system(script) ? "no overlay is possible here" : NULL;
}

/* Root of a user namespace may make none. */
static const char *why_no_nodes(void)
{
	char name[64];
	int rc;

	snprintf(name, sizeof(name), "/tmp/oci-layout-node.%d", (int)getpid());
	rc = mknod(name, S_IFCHR | 0600, makedev(1, 3));
	unlink(name);
	return rc < 0 ? "this process may not make device nodes" : why_no_mounts();
}

int main(void)
{
	Suite *s = suite_create("layout");
	TCase *t = tcase_create("layout");
	const char *why = why_no_mounts();

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test_unless(t, why, root_and_sources_are_below_one_folder);
	tcase_add_test_unless(t, why, mounts_end_with_the_process);
	tcase_add_test_unless(t, why, read_only_sources_are_so_on_the_host);
	tcase_add_test_unless(t, why_no_nodes(), device_nodes_open_no_device_of_the_host);
	tcase_add_test_unless(t, why, targets_within_a_read_only_source_are_made);
	tcase_add_test_unless(t, why, slashes_after_a_target_are_no_part_of_its_name);
	tcase_add_test_unless(t, why, links_do_not_lead_out_of_a_source);
	tcase_add_test_unless(t, why, links_of_the_root_are_not_followed);
	tcase_add_test_unless(t, why, mount_within_a_source_is_shared_if_the_bind_is_recursive);
	tcase_add_test_unless(t, why_no_overlay(), overlay_is_made_on_the_host);
	tcase_add_test_unless(t, why_no_overlay(), layers_of_an_overlay_may_have_long_names_and_commas);
	tcase_add_test_unless(t, why_no_overlay(), failed_overlay_is_named);
	tcase_add_test_unless(t, why, file_system_of_the_host_has_the_label_of_mounts);
	tcase_add_test(t, guest_mounts_in_the_order_of_the_configuration);
	tcase_add_test(t, folder_of_a_member_has_a_name_that_is_no_id);
	tcase_add_test(t, member_of_a_pod_has_a_folder_of_its_own);
	tcase_add_loop_test(t, mounts_are_checked_before_anything_is_made, 0, COUNT(refusals));
	tcase_add_test_unless(t, why, missing_source_is_named);
	suite_add_tcase(s, t);
	return run_suite(s);
}
