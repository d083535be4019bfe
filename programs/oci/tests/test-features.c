/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the list of features, whose names engines search. */
#include <config.h>

#include <stdlib.h>

#include "oci/feature_list.h"
#include "oci/filter.h"
#include "util.h"

static char *text;

static void init(void)
{
	size_t len;
	FILE *to = open_memstream(&text, &len);

	oci_features_print(to);
	ck_assert_int_eq(fclose(to), 0);
}

static void fini(void)
{
	free(text);
}

static const struct {
	const char *words;
	bool is_filter;
} listed[] = {
	{ "\"ociVersionMin\":\"1.0.0\"", false },
	{ "\"hooks\":[\"prestart\",\"createRuntime\",\"createContainer\",\"poststart\",\"poststop\"]", false },
	{ "\"rbind\"", false },
	{ "\"namespaces\":[\"cgroup\",\"ipc\",\"mount\",\"network\",\"pid\",\"uts\"]", false },
	{ "\"CAP_CHECKPOINT_RESTORE\"", false },
#ifdef HAVE_LIBSYSTEMD
	{ "\"cgroup\":{\"v1\":false,\"v2\":true,\"systemd\":true,\"systemdUser\":true,\"rdma\":false}", false },
#else
	{ "\"cgroup\":{\"v1\":false,\"v2\":true,\"systemd\":false,\"systemdUser\":false,\"rdma\":false}", false },
#endif
	{ "\"seccomp\":{\"enabled\":true,\"actions\":[\"SCMP_ACT_KILL\"", true },
	{ "\"operators\":[\"SCMP_CMP_NE\",\"SCMP_CMP_LT\",\"SCMP_CMP_LE\",\"SCMP_CMP_EQ\",\"SCMP_CMP_GE\",\"SCMP_CMP_GT\",\"SCMP_CMP_MASKED_EQ\"]", true },
	{ "\"SCMP_ARCH_AARCH64\"", true },
	{ "\"supportedFlags\":[\"SECCOMP_FILTER_FLAG_LOG\",\"SECCOMP_FILTER_FLAG_SPEC_ALLOW\",\"SECCOMP_FILTER_FLAG_TSYNC\"]", true },
	{ "\"apparmor\":{\"enabled\":true}", false },
	{ "\"selinux\":{\"enabled\":true}", false },
	{ "\"netDevices\":{\"enabled\":false}", false },
};

START_TEST(feature_is_listed)
{
	if (!listed[_i].is_filter || oci_filter_is_possible())
		ck_assert_msg(strstr(text, listed[_i].words), "%s", text);
}
END_TEST

static const char *const refused[] = { "startContainer", "SCMP_ACT_NOTIFY", "\"user\"", "\"time\"", "rshared" };

START_TEST(refused_feature_is_not_listed)
{
	ck_assert_msg(!strstr(text, refused[_i]), "%s", text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("features");
	TCase *t = tcase_create("features");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_loop_test(t, feature_is_listed, 0, COUNT(listed));
	tcase_add_loop_test(t, refused_feature_is_not_listed, 0, COUNT(refused));
	suite_add_tcase(s, t);
	return run_suite(s);
}
