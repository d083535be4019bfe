/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about limits of a container in its guest: what the agent receives. */
#define _GNU_SOURCE
#include <config.h>

#include <string.h>
#include <sys/socket.h>

#include "oci/container.h"
#include "oci/tests/agent.h"
#include "util.h"

#define MEMBER "\"io.kubernetes.cri.container-type\":\"container\",\"io.kubernetes.cri.sandbox-id\":\"box\""

static struct vagent_guest *g;
static struct oci_spec *spec;
static struct vsu_error err;
static char received[65536];	/* messages to the agent */
static size_t len;

static void init(void)
{
	g = agent_serves();
	spec = NULL;
	vsu_error_clear(&err);
}

static void fini(void)
{
	oci_spec_free(spec);
	vagent_guest_free(g);
}

/* resources: members of the object */
static void add_container(const char *annotations, const char *resources)
{
	const struct oci_layout layout = { .root = "/share/rootfs" };
	char text[1024];
	unsigned int number;
	ssize_t n;

	snprintf(text, sizeof(text), "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"annotations\":{%s},"
		 "\"process\":{\"cwd\":\"/\",\"args\":[\"sh\"]},"
		 "\"linux\":{\"namespaces\":[{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}],\"resources\":{%s}}}", annotations, resources);
	ck_assert_msg(!oci_spec_read(text, &spec, &err), "%s", err.msg);
	ck_assert_int_eq(oci_container_add(g, spec, &layout, &number, &err), 0);
	n = recv(vagent_guest_port(g, VAGENT_CONTROL), received, sizeof(received), MSG_DONTWAIT);
	ck_assert_int_gt(n, 0);
	len = (size_t)n;
}

static bool has(const char *text)
{
	return memmem(received, len, text, strlen(text)) != NULL;
}

static const char *const roles[] = { "", MEMBER };

/* Threads of the kernel and the agent are none of the container. */
START_TEST(limit_of_threads_is_that_of_the_container)
{
	add_container(roles[_i], "\"pids\":{\"limit\":30}");
	ck_assert(has("pids.max=30"));
	ck_assert(!has("threads-max"));
}
END_TEST

static const char *const unlimited[] = { "-1", "0", "4194304", "9223372036854775807" };

START_TEST(number_that_no_kernel_reaches_is_no_limit)
{
	char resources[64];

	snprintf(resources, sizeof(resources), "\"pids\":{\"limit\":%s}", unlimited[_i]);
	add_container("", resources);
	ck_assert(!has("pids.max"));
}
END_TEST

START_TEST(other_limits_are_those_of_the_machine)
{
	add_container("", "\"memory\":{\"limit\":1048576},\"cpu\":{\"quota\":50000}");
	ck_assert(!has("memory.max"));
	ck_assert(!has("cpu.max"));
}
END_TEST

START_TEST(limits_of_a_member_are_all_in_the_guest)
{
	add_container(MEMBER, "\"memory\":{\"limit\":1048576},\"cpu\":{\"quota\":50000}");
	ck_assert(has("memory.max=1048576"));
	ck_assert(has("cpu.max=50000 100000"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("container");
	TCase *t = tcase_create("container");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_loop_test(t, limit_of_threads_is_that_of_the_container, 0, COUNT(roles));
	tcase_add_loop_test(t, number_that_no_kernel_reaches_is_no_limit, 0, COUNT(unlimited));
	tcase_add_test(t, other_limits_are_those_of_the_machine);
	tcase_add_test(t, limits_of_a_member_are_all_in_the_guest);
	suite_add_tcase(s, t);
	return run_suite(s);
}
