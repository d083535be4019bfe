/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about addresses of hosts, whose name server is this file. */
#include <config.h>

#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "../util.h"
#include "migration/tcp.h"

int __real_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out);

static int answer;		/* an eventfd: the name server answers */
static unsigned int lookups;	/* atomic */
static unsigned int ended;	/* atomic */

/* Each name is that of the loopback address, except "nowhere". */
int __wrap_getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
		       struct addrinfo **out)
{
	struct pollfd p = { .fd = answer, .events = POLLIN };
	int rc;

	if (hints->ai_flags & AI_NUMERICHOST)
		return __real_getaddrinfo(host, port, hints, out);
	__atomic_add_fetch(&lookups, 1, __ATOMIC_ACQ_REL);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	rc = strcmp(host, "nowhere") ? __real_getaddrinfo("127.0.0.1", port, hints, out) : EAI_NONAME;
	__atomic_add_fetch(&ended, 1, __ATOMIC_ACQ_REL);
	return rc;
}

static struct vmm_stream s;
static struct vsu_error err;
static struct addrinfo *list;

static void setup(void)
{
	vmm_stream_init(&s);
	vsu_error_clear(&err);
	list = NULL;
	lookups = ended = 0;
	answer = vsu_event_new();
	ck_assert_int_ge(answer, 0);
}

/* A thread that nothing waits for ends by itself. */
static void teardown(void)
{
	vsu_event_signal(answer);
	while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) < __atomic_load_n(&lookups, __ATOMIC_ACQUIRE))
		poll(NULL, 0, 1);
	if (list)
		freeaddrinfo(list);
	close(answer);
}

static int look_up(const char *host, bool passive)
{
	return vmm_lookup_tcp(host, "4444", passive, &s, &list, &err);
}

static const struct {
	const char *host;
	int family;
} numbers[] = {
	{ "127.0.0.1", AF_INET }, { "::1", AF_INET6 }, { "192.0.2.1", AF_INET },
};

START_TEST(numeric_address_needs_no_name_server)
{
	ck_assert_msg(!look_up(numbers[_i].host, false), "%s", err.msg);
	ck_assert_int_eq(list->ai_family, numbers[_i].family);
	ck_assert_uint_eq(lookups, 0);
}
END_TEST

START_TEST(listener_without_a_host_needs_no_name_server)
{
	ck_assert_msg(!look_up("", true), "%s", err.msg);
	ck_assert_uint_eq(lookups, 0);
}
END_TEST

START_TEST(name_is_looked_up)
{
	vsu_event_signal(answer);
	ck_assert_msg(!look_up("somewhere", false), "%s", err.msg);
	ck_assert_int_eq(list->ai_family, AF_INET);
	ck_assert_uint_eq(lookups, 1);
}
END_TEST

START_TEST(unknown_name_is_refused_by_name)
{
	vsu_event_signal(answer);
	ck_assert_int_eq(look_up("nowhere", false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "'nowhere'"));
}
END_TEST

START_TEST(e2_40_lookup_that_hangs_ends_when_cancelled)
{
	s.cancel_fd = vsu_event_new();
	vsu_event_signal(s.cancel_fd);
	ck_assert_int_eq(look_up("somewhere", false), -ECANCELED);
	close(s.cancel_fd);
}
END_TEST

START_TEST(e2_40_lookup_that_hangs_ends_at_the_deadline)
{
	s.deadline_ns = vsu_now_ns();
	ck_assert_int_eq(look_up("somewhere", false), -ETIMEDOUT);
	ck_assert_str_eq(err.msg, "'somewhere': the name server does not answer; use the numeric address");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lookup");
	TCase *tc = tcase_create("lookup");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, numeric_address_needs_no_name_server, 0, COUNT(numbers));
	tcase_add_test(tc, listener_without_a_host_needs_no_name_server);
	tcase_add_test(tc, name_is_looked_up);
	tcase_add_test(tc, unknown_name_is_refused_by_name);
	tcase_add_test(tc, e2_40_lookup_that_hangs_ends_when_cancelled);
	tcase_add_test(tc, e2_40_lookup_that_hangs_ends_at_the_deadline);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
