/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the configuration of a container; those of engines were recorded. */
#include <config.h>

#include "oci/spec.h"
#include "util.h"

static struct oci_spec *spec;
static struct vsu_error err;

static void fini(void)
{
	oci_spec_free(spec);
	spec = NULL;
	vsu_error_clear(&err);
}

static void load(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), DATA_FOLDER "/%s.json", name);
	ck_assert_msg(!oci_spec_load(path, oci_spec_read, &spec, &err), "%s", err.msg);
}

/* A valid document with a further member. */
static int read_with(const char *member)
{
	static char text[65536];

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
		 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]}%s%s}", *member ? "," : "", member);
	return oci_spec_read(text, &spec, &err);
}

static int read_process(const char *text)
{
	char copy[4096];

	snprintf(copy, sizeof(copy), "%s", text);
	return oci_spec_read_process(copy, &spec, &err);
}

START_TEST(configuration_of_podman_is_read)
{
	load("podman-all");
	ck_assert_str_eq(spec->root, "/srv/root");
	ck_assert(spec->readonly_root);
	ck_assert_str_eq(spec->hostname, "box");
	ck_assert_uint_eq(spec->process.user, 1000);
	ck_assert_uint_eq(spec->process.groups[0], 100);
	ck_assert_str_eq(spec->process.args.words[2], "sleep 100");
	ck_assert_ptr_null(spec->process.args.words[3]);
	ck_assert_uint_eq(spec->process.limits[0].resource, 7);
	ck_assert_uint_eq(spec->process.limits[0].soft, 100);
	ck_assert_uint_eq(spec->process.capabilities[OCI_BOUNDING], 0);
	ck_assert(spec->process.no_new_privileges);
	ck_assert_int_eq(spec->resources.memory_limit, 314572800);
	ck_assert_int_eq(spec->resources.cpu_quota, 150000);
	ck_assert_str_eq(spec->remark, "");
}
END_TEST

START_TEST(mounts_of_podman_are_read)
{
	load("podman-all");
	ck_assert_uint_eq(spec->nmounts, 19);
	ck_assert_str_eq(spec->mounts[1].destination, "/tmp");
	ck_assert_str_eq(spec->mounts[1].type, "tmpfs");
	ck_assert_str_eq(spec->mounts[1].options.words[5], "tmpcopyup");
	ck_assert_ptr_null(spec->mounts[1].options.words[6]);
	ck_assert_uint_eq(spec->masked.n, 11);
	ck_assert_uint_eq(spec->readonly.n, 6);
	ck_assert_ptr_nonnull(oci_spec_namespace(spec, OCI_NAMESPACE_NETWORK));
	ck_assert_ptr_null(oci_spec_namespace(spec, OCI_NAMESPACE_USER));
}
END_TEST

START_TEST(system_calls_of_podman_are_read)
{
	const struct oci_rule *r;

	load("podman-all");
	ck_assert_int_eq(spec->seccomp.action, OCI_ACTION_ERRNO);
	ck_assert_uint_eq(spec->seccomp.errnum, ENOSYS);
	ck_assert_uint_eq(spec->seccomp.architectures.n, 3);
	ck_assert_uint_eq(spec->seccomp.nrules, 22);
	r = &spec->seccomp.rules[18];
	ck_assert_str_eq(r->names.words[0], "socket");
	ck_assert_uint_eq(r->errnum, EINVAL);
	ck_assert_uint_eq(r->nconditions, 2);
	ck_assert_uint_eq(r->conditions[1].value, 9);
	ck_assert_int_eq(r->conditions[1].op, OCI_EQ);
}
END_TEST

START_TEST(configuration_of_containerd_is_read)
{
	load("containerd");
	ck_assert_str_eq(spec->process.args.words[0], "/bin/sh");
	ck_assert_uint_eq(spec->process.environment.n, 0);
	ck_assert_uint_eq(spec->process.capabilities[OCI_PERMITTED] & 1, 1);
	ck_assert_uint_eq(spec->process.capabilities[OCI_AMBIENT], 0);
	ck_assert_uint_eq(spec->process.umask, 022);
	ck_assert_ptr_nonnull(spec->cgroup);
}
END_TEST

START_TEST(annotations_are_found_by_name)
{
	load("podman-plain");
	ck_assert_str_eq(oci_spec_annotation(spec, "io.container.manager"), "libpod");
	ck_assert_ptr_null(oci_spec_annotation(spec, "io.container"));
}
END_TEST

START_TEST(names_of_annotations_may_be_long)
{
	char member[600], name[321];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(member, sizeof(member), "\"annotations\":{\"%s\":\"v\"}", name);
	ck_assert_int_eq(read_with(member), 0);
	ck_assert_str_eq(oci_spec_annotation(spec, name), "v");
}
END_TEST

START_TEST(null_members_are_absent)
{
	ck_assert_int_eq(read_with("\"linux\":{\"namespaces\":null,\"seccomp\":null},\"mounts\":null,\"hostname\":null"), 0);
	ck_assert_uint_eq(spec->nmounts, 0);
	ck_assert_ptr_null(spec->hostname);
	ck_assert_int_eq(spec->seccomp.action, -1);
}
END_TEST

START_TEST(process_of_an_exec_is_read)
{
	ck_assert_int_eq(read_process("{\"args\":[\"id\",\"-u\"],\"cwd\":\"/tmp\",\"env\":null,\"terminal\":true,"
				      "\"consoleSize\":{\"height\":30,\"width\":90},\"oomScoreAdj\":-17}"), 0);
	ck_assert_str_eq(spec->process.args.words[1], "-u");
	ck_assert(spec->process.terminal);
	ck_assert_uint_eq(spec->process.rows, 30);
	ck_assert_int_eq(spec->process.oom_score, -17);
}
END_TEST

START_TEST(process_without_words_is_refused)
{
	assert_refused(read_process("{\"args\":[],\"cwd\":\"/\"}"), -EBADMSG,
		       "member 'process.args' is missing or invalid", err);
}
END_TEST

START_TEST(resources_of_an_update_are_read)
{
	char text[] = "{\"cpu\":{\"quota\":50000,\"period\":100000},\"memory\":{\"limit\":-1},\"unified\":{\"cpu.weight\":\"7\"}}";

	ck_assert_int_eq(oci_spec_read_resources(text, &spec, &err), 0);
	ck_assert_int_eq(spec->resources.cpu_quota, 50000);
	ck_assert_int_eq(spec->resources.memory_limit, -1);
	ck_assert_str_eq(spec->resources.unified.items[0].name, "cpu.weight");
}
END_TEST

static const struct refusal {
	const char *member, *sentence;
	int rc;
} refusals[] = {
	{ "\"linux\":{\"devices\":[{\"path\":\"/dev/fuse\"}]}",
	  "member 'linux.devices.0.path' is not supported: a machine has no devices of the host", -EOPNOTSUPP },
	{ "\"linux\":{\"intelRdt\":{\"closID\":\"a\"}}", "member 'linux.intelRdt.closID' is not supported", -EOPNOTSUPP },
	{ "\"windows\":{\"layerFolders\":[\"c\"]}", "member 'windows.layerFolders.0' is for another platform than Linux", -EOPNOTSUPP },
	{ "\"linux\":{\"uidMappings\":[{\"containerID\":1,\"hostID\":1000,\"size\":1}]}",
	  "member 'linux.uidMappings.0.containerID' is not supported: files have the numbers of their owners that the host's root folder has", -EOPNOTSUPP },
	{ "\"hostname\":5", "member 'hostname': '5' is a value of another type, or out of range", -EBADMSG },
	{ "\"hostname\":{\"a\":\"b\"}", "member 'hostname.a': 'b' is a value of another type, or out of range", -EBADMSG },
	{ "\"linux\":7", "member 'linux': '7' is a value of another type, or out of range", -EBADMSG },
	{ "\"mounts\":[{\"type\":\"proc\"}]", "member 'mounts.0.destination' is missing or not absolute", -EBADMSG },
	{ "\"mounts\":[{},{\"destination\":\"x\"}]", "member 'mounts.0.destination' is missing or not absolute", -EBADMSG },
	{ "\"linux\":{\"namespaces\":[{\"type\":\"odd\"}]}", "member 'linux.namespaces.0.type': 'odd' is unknown", -EBADMSG },
	{ "\"linux\":{\"resources\":{\"memory\":{\"limit\":1.5}}}",
	  "member 'linux.resources.memory.limit': '1.5' is a value of another type, or out of range", -EBADMSG },
	{ "\"linux\":{\"resources\":{\"memory\":{\"limit\":9223372036854775808}}}",
	  "member 'linux.resources.memory.limit': '9223372036854775808' is a value of another type, or out of range", -EBADMSG },
	{ "\"linux\":{\"seccomp\":{\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\"}]}}",
	  "member 'linux.seccomp.defaultAction' is missing or invalid", -EBADMSG },
	{ "\"linux\":{\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]}}",
	  "member 'linux.seccomp.syscalls.0' has no names or no action", -EBADMSG },
	{ "\"linux\":{\"namespaces\":[{},{},{},{},{},{},{},{},{\"type\":\"pid\"}]}",
	  "member 'linux.namespaces.8.type': more than 8 elements", -E2BIG },
	{ "\"hooks\":{\"poststop\":[{\"path\":\"true\"}]}", "member 'hooks': the path of a hook is missing or not absolute", -EBADMSG },
	{ "\"ociVersion\":\"2.0\"", "member 'ociVersion': '2.0' is not a version from 1.0.0 to 1.2.1", -EBADMSG },
	{ "\"process\":{\"args\":[\"again\"]}", "member 'process.args.0': 'again' is a value of another type, or out of range", -EBADMSG },
	{ "\"process\":{\"cwd\":\"etc\"}", "member 'process.cwd' is missing or invalid", -EBADMSG },
	{ "\"process\":{\"user\":{\"umask\":512}}", "member 'process.user.umask' is missing or invalid", -EBADMSG },
};

START_TEST(members_are_refused_by_name)
{
	assert_refused(read_with(refusals[_i].member), refusals[_i].rc, refusals[_i].sentence, err);
	ck_assert_ptr_null(spec);
}
END_TEST

START_TEST(refused_members_may_have_the_value_of_absent_ones)
{
	ck_assert_int_eq(read_with("\"linux\":{\"resources\":{\"memory\":{\"disableOOMKiller\":false,\"kernel\":0},"
				   "\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},\"mountLabel\":\"\",\"devices\":[]}"), 0);
	ck_assert_str_eq(spec->remark, "");
}
END_TEST

START_TEST(unknown_members_have_no_effect)
{
	ck_assert_int_eq(read_with("\"unknown\":{\"a\":[1]}"), 0);
	ck_assert_str_eq(spec->remark, "member 'unknown.a.0' is unknown and has no effect");
}
END_TEST

START_TEST(unknown_capabilities_are_not_granted)
{
	ck_assert_int_eq(read_process("{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":{\"bounding\":[\"CAP_NEW\",\"CAP_CHECKPOINT_RESTORE\"]}}"), 0);
	ck_assert_uint_eq(spec->process.capabilities[OCI_BOUNDING], UINT64_C(1) << 40);
	ck_assert_str_eq(spec->remark, "capability 'CAP_NEW' is unknown and is not granted");
}
END_TEST

#define CHOWN "[\"CAP_CHOWN\"]"

/* As buildah asks: without the set that the ambient one requires. */
static const struct { const char *sets; uint64_t effective, inheritable, ambient; const char *remark; } excesses[] = {
	{ "\"permitted\":" CHOWN ",\"ambient\":" CHOWN, 0, 0, 0,
	  "capability 'CAP_CHOWN' is not granted as 'ambient', because 'permitted' or 'inheritable' lacks it" },
	{ "\"effective\":" CHOWN, 0, 0, 0, "capability 'CAP_CHOWN' is not granted as 'effective', because 'permitted' lacks it" },
	{ "\"inheritable\":" CHOWN, 0, 0, 0, "capability 'CAP_CHOWN' is not granted as 'inheritable', because 'bounding' lacks it" },
	{ "\"bounding\":" CHOWN ",\"permitted\":" CHOWN ",\"effective\":" CHOWN ",\"inheritable\":" CHOWN ",\"ambient\":" CHOWN,
	  1, 1, 1, "" },
};

START_TEST(capabilities_that_the_kernel_refuses_are_not_granted)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"args\":[\"a\"],\"cwd\":\"/\",\"capabilities\":{%s}}", excesses[_i].sets);
	ck_assert_int_eq(read_process(text), 0);
	ck_assert_uint_eq(spec->process.capabilities[OCI_EFFECTIVE], excesses[_i].effective);
	ck_assert_uint_eq(spec->process.capabilities[OCI_INHERITABLE], excesses[_i].inheritable);
	ck_assert_uint_eq(spec->process.capabilities[OCI_AMBIENT], excesses[_i].ambient);
	ck_assert_str_eq(spec->remark, excesses[_i].remark);
}
END_TEST

START_TEST(short_strings_fit_in_the_storage)
{
	ck_assert_int_eq(read_process("{\"args\":[\"a\",\"\",\"\"],\"env\":[\"\"],\"cwd\":\"/\"}"), 0);
	ck_assert_uint_eq(spec->process.args.n, 3);
	ck_assert_ptr_null(spec->process.args.words[3]);
	ck_assert_uint_eq(spec->process.environment.n, 1);
}
END_TEST

START_TEST(missing_file_is_named)
{
	assert_refused(oci_spec_load("/nonexistent/config.json", oci_spec_read, &spec, &err), -ENOENT,
		       "cannot read '/nonexistent/config.json': No such file or directory", err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("spec");
	TCase *t = tcase_create("spec");

	tcase_add_checked_fixture(t, NULL, fini);
	tcase_add_test(t, configuration_of_podman_is_read);
	tcase_add_test(t, mounts_of_podman_are_read);
	tcase_add_test(t, system_calls_of_podman_are_read);
	tcase_add_test(t, configuration_of_containerd_is_read);
	tcase_add_test(t, annotations_are_found_by_name);
	tcase_add_test(t, names_of_annotations_may_be_long);
	tcase_add_test(t, null_members_are_absent);
	tcase_add_test(t, process_of_an_exec_is_read);
	tcase_add_test(t, process_without_words_is_refused);
	tcase_add_test(t, resources_of_an_update_are_read);
	tcase_add_loop_test(t, members_are_refused_by_name, 0, COUNT(refusals));
	tcase_add_test(t, refused_members_may_have_the_value_of_absent_ones);
	tcase_add_test(t, unknown_members_have_no_effect);
	tcase_add_test(t, unknown_capabilities_are_not_granted);
	tcase_add_test(t, short_strings_fit_in_the_storage);
	tcase_add_loop_test(t, capabilities_that_the_kernel_refuses_are_not_granted, 0, sizeof(excesses) / sizeof(excesses[0]));
	tcase_add_test(t, missing_file_is_named);
	suite_add_tcase(s, t);
	return run_suite(s);
}
