/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about pods: the annotations of engines, and what a member joins. */
#define _GNU_SOURCE
#include <config.h>

#include <unistd.h>

#include "oci/container.h"
#include "oci/pod.h"
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

/* annotations, and platform: members of the objects "annotations" and "linux". */
static void read_spec(const char *annotations, const char *platform)
{
	char text[4096];

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"annotations\":{%s},"
		 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},\"linux\":{%s}}", annotations, platform);
	ck_assert_msg(!oci_spec_read(text, &spec, &err), "%s", err.msg);
}

#define CONTAINERD "\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"box\""
#define CRIO "\"io.kubernetes.cri-o.ContainerType\":\"container\",\"io.kubernetes.cri-o.SandboxID\":\"box\""
#define SANDBOX "\"io.kubernetes.cri.container-type\":\"sandbox\",\"io.kubernetes.cri.sandbox-id\":\"box\""
#define ALONE "{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"network\"}"

/* ------------------------------------------------------------------------- roles */

START_TEST(member_names_its_sandbox)
{
	static const char *const annotations[] = { CONTAINERD, CRIO };

	read_spec(annotations[_i], "");
	ck_assert_str_eq(oci_pod_sandbox(spec), "box");
	ck_assert(!oci_pod_is_sandbox(spec));
}
END_TEST

/* The user of a pod may choose those that the engine only passes on. */
START_TEST(annotations_of_crio_precede_those_of_containerd)
{
	read_spec(CRIO ",\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"other\"", "");
	ck_assert_str_eq(oci_pod_sandbox(spec), "box");
	fini();
	read_spec(CRIO "," SANDBOX, "");
	ck_assert(!oci_pod_is_sandbox(spec));
	fini();
	read_spec("\"io.kubernetes.cri-o.ContainerType\":\"sandbox\",\"io.kubernetes.cri.sandbox-memory\":\"7\"", "");
	ck_assert(oci_pod_is_sandbox(spec));
	ck_assert_int_eq(oci_pod_resources(spec).memory_limit, 0);
}
END_TEST

START_TEST(sandbox_is_no_member)
{
	read_spec(SANDBOX, "");
	ck_assert_ptr_null(oci_pod_sandbox(spec));
	ck_assert(oci_pod_is_sandbox(spec));
}
END_TEST

START_TEST(other_containers_have_no_pod)
{
	read_spec("\"io.kubernetes.cri.sandbox-id\":\"box\"", "");
	ck_assert_ptr_null(oci_pod_sandbox(spec));
	ck_assert(!oci_pod_is_sandbox(spec));
	ck_assert_ptr_null(oci_pod_sandbox(NULL));
}
END_TEST

START_TEST(member_without_a_sandbox_is_refused)
{
	read_spec("\"io.kubernetes.cri.container-type\":\"container\"",
		  "\"namespaces\":[" ALONE ",{\"type\":\"ipc\"},{\"type\":\"uts\"}]");
	assert_refused(oci_container_check(spec, &err), -EINVAL,
		       "member 'annotations': the sandbox of the container has no id", err);
}
END_TEST

START_TEST(containers_of_a_pod_of_podman_are_accepted)
{
	load("podman-sandbox");
	ck_assert_ptr_null(oci_pod_sandbox(spec));
	ck_assert_msg(!oci_container_check(spec, &err), "%s", err.msg);
	fini();
	load("podman-member");
	ck_assert_str_eq(oci_pod_sandbox(spec), "2070f69d134278009074547d20cb69166ab85a5007832345969cdb76a69bff9f");
	ck_assert_msg(!oci_container_check(spec, &err), "%s", err.msg);
}
END_TEST

/* -------------------------------------------------------------------- namespaces */

START_TEST(only_containers_of_a_pod_join_namespaces)
{
	static const char *const annotations[] = { "", SANDBOX, CONTAINERD, CRIO };

	read_spec(annotations[_i], "\"namespaces\":[" ALONE ",{\"type\":\"uts\"},{\"type\":\"ipc\",\"path\":\"/proc/1/ns/ipc\"}]");
	if (*annotations[_i])
		ck_assert_int_eq(oci_container_check(spec, &err), 0);
	else
		assert_refused(oci_container_check(spec, &err), -EOPNOTSUPP,
			       "member 'linux.namespaces': 'ipc' with a path is not supported: a machine has a kernel of its own", err);
}
END_TEST

START_TEST(processes_of_a_pod_are_not_shared)
{
	read_spec(CONTAINERD, "\"namespaces\":[{\"type\":\"pid\",\"path\":\"/proc/1/ns/pid\"}]");
	assert_refused(oci_container_check(spec, &err), -EOPNOTSUPP,
		       "member 'linux.namespaces': 'pid' with a path is not supported: a machine has a kernel of its own", err);
}
END_TEST

START_TEST(namespaces_must_be_those_of_the_sandbox)
{
	read_spec(CONTAINERD, "\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/self/ns/net\"},{\"type\":\"uts\",\"path\":\"/proc/self/ns/uts\"}]");
	ck_assert_int_eq(oci_pod_check_namespaces(spec, getpid(), &err), 0);
	fini();
	read_spec(CONTAINERD, "\"namespaces\":[{\"type\":\"network\",\"path\":\"/proc/self/ns/uts\"}]");
	assert_refused(oci_pod_check_namespaces(spec, getpid(), &err), -EOPNOTSUPP,
		       "member 'linux.namespaces': '/proc/self/ns/uts' is not the net namespace of the sandbox 'box', whose machine the container joins", err);
}
END_TEST

/* --------------------------------------------------------------------- resources */

START_TEST(machine_has_the_size_of_its_pod)
{
	struct oci_resources r;

	read_spec(SANDBOX ",\"io.kubernetes.cri.sandbox-memory\":\"1073741824\",\"io.kubernetes.cri.sandbox-cpu-quota\":\"150000\","
		  "\"io.kubernetes.cri.sandbox-cpu-period\":\"100000\"", "\"resources\":{\"cpu\":{\"shares\":2}}");
	r = oci_pod_resources(spec);
	ck_assert_int_eq(r.memory_limit, 1073741824);
	ck_assert_int_eq(r.cpu_quota, 150000);
	ck_assert_int_eq(r.cpu_period, 100000);
	ck_assert_int_eq(r.cpu_shares, 2);
}
END_TEST

START_TEST(machine_has_the_size_that_crio_annotates)
{
	struct oci_resources r;

	read_spec("\"io.kubernetes.cri-o.ContainerType\":\"sandbox\",\"io.kubernetes.cri-o.PodLinuxResources\":"
		  "\"{\\\"cpu_period\\\":100000,\\\"cpu_quota\\\":200000,\\\"memory_limit_in_bytes\\\":536870912}\"", "");
	r = oci_pod_resources(spec);
	ck_assert_int_eq(r.memory_limit, 536870912);
	ck_assert_int_eq(r.cpu_quota, 200000);
	ck_assert_int_eq(r.cpu_period, 100000);
}
END_TEST

START_TEST(limits_of_crio_that_cannot_be_read_are_none)
{
	read_spec("\"io.kubernetes.cri-o.ContainerType\":\"sandbox\",\"io.kubernetes.cri-o.PodLinuxResources\":"
		  "\"{\\\"memory_limit_in_bytes\\\":536870912\"", "");
	ck_assert_int_eq(oci_pod_resources(spec).memory_limit, 0);
}
END_TEST

START_TEST(pod_without_limits_has_those_of_its_sandbox)
{
	struct oci_resources r;

	read_spec(SANDBOX ",\"io.kubernetes.cri.sandbox-memory\":\"0\",\"io.kubernetes.cri.sandbox-cpu-quota\":\"-1\"",
		  "\"resources\":{\"memory\":{\"limit\":7}}");
	r = oci_pod_resources(spec);
	ck_assert_int_eq(r.memory_limit, 7);
	ck_assert_int_eq(r.cpu_quota, 0);
}
END_TEST

START_TEST(limits_of_the_host_are_refused_for_a_member)
{
	static const struct {
		const char *member, *name;
	} rows[] = {
		{ "\"cpu\":{\"cpus\":\"0-1\"}", "cpu.cpus" },
		{ "\"cpu\":{\"mems\":\"0\"}", "cpu.mems" },
		{ "\"blockIO\":{\"weight\":10}", "blockIO.weight" },
	};
	char platform[256], sentence[256];

	snprintf(platform, sizeof(platform), "\"resources\":{%s},\"namespaces\":[" ALONE ",{\"type\":\"ipc\"},{\"type\":\"uts\"}]", rows[_i].member);
	snprintf(sentence, sizeof(sentence), "member 'linux.resources.%s' is not supported for a member of a pod, whose limits hold in the guest", rows[_i].name);
	read_spec(CRIO, platform);
	assert_refused(oci_container_check(spec, &err), -EOPNOTSUPP, sentence, err);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pod");
	TCase *t = tcase_create("pod");

	tcase_add_checked_fixture(t, NULL, fini);
	tcase_add_loop_test(t, member_names_its_sandbox, 0, 2);
	tcase_add_test(t, annotations_of_crio_precede_those_of_containerd);
	tcase_add_test(t, sandbox_is_no_member);
	tcase_add_test(t, other_containers_have_no_pod);
	tcase_add_test(t, member_without_a_sandbox_is_refused);
	tcase_add_test(t, containers_of_a_pod_of_podman_are_accepted);
	tcase_add_loop_test(t, only_containers_of_a_pod_join_namespaces, 0, 4);
	tcase_add_test(t, processes_of_a_pod_are_not_shared);
	tcase_add_test(t, namespaces_must_be_those_of_the_sandbox);
	tcase_add_test(t, machine_has_the_size_of_its_pod);
	tcase_add_test(t, machine_has_the_size_that_crio_annotates);
	tcase_add_test(t, limits_of_crio_that_cannot_be_read_are_none);
	tcase_add_test(t, pod_without_limits_has_those_of_its_sandbox);
	tcase_add_loop_test(t, limits_of_the_host_are_refused_for_a_member, 0, 3);
	suite_add_tcase(s, t);
	return run_suite(s);
}
