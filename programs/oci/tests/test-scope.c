/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about scopes: their names, and requests to a process that stands for systemd. */
#define _GNU_SOURCE
#include <config.h>

#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "common/tests/skipping_clock.h"
#include "oci/scope.h"
#include "util.h"

static struct vsu_error err;
static struct oci_scope scope;

/* ------------------------------------------------------------------------ names */

static const struct {
	const char *path, *slice, *name;
} names[] = {
	{ "machine.slice:libpod:abc", "machine.slice", "libpod-abc.scope" },
	{ "kubepods-pod1.slice:cri-containerd:abc", "kubepods-pod1.slice", "cri-containerd-abc.scope" },
	{ ":libpod:abc", "system.slice", "libpod-abc.scope" },
	{ "a.slice::abc", "a.slice", "abc.scope" },
	{ "", "system.slice", "cvmm-oci-id.scope" },
	{ NULL, "system.slice", "cvmm-oci-id.scope" },
};

START_TEST(path_names_slice_and_scope)
{
	ck_assert_int_eq(oci_scope_parse(names[_i].path, "id", true, &scope, &err), 0);
	ck_assert_str_eq(scope.slice, names[_i].slice);
	ck_assert_str_eq(scope.name, names[_i].name);
}
END_TEST

START_TEST(slice_of_a_user_is_its_own)
{
	ck_assert_int_eq(oci_scope_parse(NULL, "id", false, &scope, &err), 0);
	ck_assert_str_eq(scope.slice, "user.slice");
}
END_TEST

static const char *const odd[] = {
	"/a/b", "a", "a.slice:b", "a.slice:b:", "a.slice:b:c:d", "a:b:c", ".slice:b:c", "a.slice:../b:c", "a.slice:b:c/d", "a.slice:b:c d",
};

START_TEST(other_paths_are_refused)
{
	ck_assert_int_eq(oci_scope_parse(odd[_i], "id", true, &scope, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "member 'linux.cgroupsPath'"));
}
END_TEST

START_TEST(name_that_is_too_long_is_refused)
{
	char path[600];

	memset(path, 'a', sizeof(path));
	memcpy(path, "a.slice:", 8);
	memcpy(path + 20, ":", 1);
	path[sizeof(path) - 1] = '\0';
	ck_assert_int_eq(oci_scope_parse(path, "id", true, &scope, &err), -EINVAL);
}
END_TEST

#ifdef HAVE_LIBSYSTEMD
#include <systemd/sd-bus.h>

/* --------------------------------------------------------------------- a systemd */

#define JOB "/org/freedesktop/systemd1/job/1"
#define OTHER_JOB "/org/freedesktop/systemd1/job/2"

/* Requests that it received, and its replies. */
static struct peer {
	char method[32], unit[256], properties[512];
	const char *result;	/* of the job */
	const char *refusal;	/* NULL, or the name of an error */
	bool is_busy;		/* with jobs of other units */
	bool subscribed;
} *peer;
static char bus_path[64];
static pid_t peer_pid;

static int on_hello(sd_bus_message *m, void *opaque, sd_bus_error *failure)
{
	(void)opaque;
	(void)failure;
	return sd_bus_reply_method_return(m, "s", ":1.1");
}

static int on_any(sd_bus_message *m, void *opaque, sd_bus_error *failure)
{
	(void)opaque;
	(void)failure;
	peer->subscribed = peer->subscribed || !strcmp(sd_bus_message_get_member(m), "Subscribe");
	return sd_bus_reply_method_return(m, NULL);
}

static void note_value(sd_bus_message *m, const char *name)
{
	char *end = peer->properties + strlen(peer->properties);
	const size_t room = sizeof(peer->properties) - strlen(peer->properties);
	const char *type, *text;
	const uint32_t *pids;
	uint64_t number;
	size_t size;
	int flag;

	sd_bus_message_peek_type(m, NULL, &type);
	if (*type == 't' && sd_bus_message_read(m, "v", "t", &number) >= 0)
		snprintf(end, room, "%s=%lld ", name, (long long)number);
	else if (*type == 's' && sd_bus_message_read(m, "v", "s", &text) >= 0)
		snprintf(end, room, "%s=%s ", name, text);
	else if (*type == 'b' && sd_bus_message_read(m, "v", "b", &flag) >= 0)
		snprintf(end, room, "%s=%s ", name, flag ? "yes" : "no");
	else if (!strcmp(type, "au") && sd_bus_message_enter_container(m, 'v', "au") >= 0 &&
		 sd_bus_message_read_array(m, 'u', (const void **)&pids, &size) >= 0 && sd_bus_message_exit_container(m) >= 0)
		snprintf(end, room, "%s=%u ", name, pids[0]);
}

static void note_properties(sd_bus_message *m)
{
	const char *name;

	sd_bus_message_enter_container(m, 'a', "(sv)");
	while (sd_bus_message_enter_container(m, 'r', "sv") > 0) {
		sd_bus_message_read(m, "s", &name);
		note_value(m, name);
		sd_bus_message_exit_container(m);
	}
	sd_bus_message_exit_container(m);
}

static void report_job(sd_bus_message *m, const char *job)
{
	sd_bus_message *removed = NULL;

	sd_bus_message_new_signal(sd_bus_message_get_bus(m), &removed, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "JobRemoved");
	sd_bus_message_set_sender(removed, "org.freedesktop.systemd1");
	sd_bus_message_append(removed, "uoss", 1u, job, peer->unit, peer->result);
	sd_bus_send(NULL, removed, NULL);
	sd_bus_message_unref(removed);
}

static int reply_job(sd_bus_message *m)
{
	unsigned int i;

	sd_bus_reply_method_return(m, "o", JOB);
	for (i = 0; i < (peer->is_busy ? 100 : 1); i++)
		report_job(m, peer->is_busy ? OTHER_JOB : JOB);
	return 1;
}

static int on_request(sd_bus_message *m, void *opaque, sd_bus_error *failure)
{
	const char *unit, *mode;
	int flag;

	(void)opaque;
	snprintf(peer->method, sizeof(peer->method), "%s", sd_bus_message_get_member(m));
	if (peer->refusal)
		return sd_bus_error_set(failure, peer->refusal, "no");
	if (!strcmp(peer->method, "SetUnitProperties")) {
		sd_bus_message_read(m, "sb", &unit, &flag);
		snprintf(peer->unit, sizeof(peer->unit), "%s", unit);
		note_properties(m);
		return sd_bus_reply_method_return(m, NULL);
	}
	sd_bus_message_read(m, "ss", &unit, &mode);
	snprintf(peer->unit, sizeof(peer->unit), "%s", unit);
	if (!strcmp(peer->method, "StartTransientUnit"))
		note_properties(m);
	return reply_job(m);
}

static const sd_bus_vtable bus_calls[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Hello", NULL, "s", on_hello, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("AddMatch", "s", NULL, on_any, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("RemoveMatch", "s", NULL, on_any, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};
static const sd_bus_vtable calls[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Subscribe", NULL, NULL, on_any, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StartTransientUnit", "ssa(sv)a(sa(sv))", "o", on_request, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("SetUnitProperties", "sba(sv)", NULL, on_request, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("StopUnit", "ss", "o", on_request, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_VTABLE_END,
};

/* Serves one connection after another. */
static void serve(int listener)
{
	const sd_id128_t id = { { 1 } };
	sd_bus *bus;
	int fd, rc;

	for (;;) {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 || sd_bus_new(&bus) < 0)
			_exit(1);
		sd_bus_set_fd(bus, fd, fd);
		sd_bus_set_server(bus, 1, id);
		sd_bus_set_trusted(bus, 1);
		sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/DBus", "org.freedesktop.DBus", bus_calls, NULL);
		sd_bus_add_object_vtable(bus, NULL, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", calls, NULL);
		rc = sd_bus_start(bus);
		while (rc >= 0) {
			rc = sd_bus_process(bus, NULL);
			if (!rc)
				rc = sd_bus_wait(bus, UINT64_MAX);
		}
		sd_bus_close(bus);
		sd_bus_unref(bus);
	}
}

static void setup(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char address[80];

	snprintf(bus_path, sizeof(bus_path), "/tmp/oci-bus.%d", (int)getpid());
	strcpy(a.sun_path, bus_path);
	snprintf(address, sizeof(address), "unix:path=%s", bus_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&a, sizeof(a)), 0);
	ck_assert_int_eq(listen(listener, 4), 0);
	peer = mmap(NULL, sizeof(*peer), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	peer->result = "done";
	peer_pid = fork();
	if (!peer_pid)
		serve(listener);
	close(listener);
	vsu_error_clear(&err);
	scope = (struct oci_scope){ "machine.slice", "libpod-a.scope" };
}

static void after(void)
{
	kill(peer_pid, SIGKILL);
	ck_assert_int_eq(waitpid(peer_pid, NULL, 0), peer_pid);
	munmap(peer, sizeof(*peer));
	unlink(bus_path);
	unsetenv("DBUS_SYSTEM_BUS_ADDRESS");
	unsetenv("DBUS_SESSION_BUS_ADDRESS");
}

/* ---------------------------------------------------------------------- requests */

static const struct oci_resources limits = {
	.memory_limit = 100, .memory_swap = 300, .memory_reservation = 50, .cpu_shares = 1024, .cpu_quota = 150000, .cpu_period = 100000,
	.block_weight = 7,
};
#define LIMITS "CPUWeight=39 CPUQuotaPerSecUSec=1500000 MemoryLow=50 MemorySwapMax=200 IOWeight=7 "

START_TEST(scope_starts_with_a_process_and_its_limits)
{
	ck_assert_msg(!oci_scope_start(&scope, 77, &limits, &err), "%s", err.msg);
	ck_assert_str_eq(peer->method, "StartTransientUnit");
	ck_assert_str_eq(peer->unit, "libpod-a.scope");
	ck_assert_str_eq(peer->properties, "Description=machine of libpod-a.scope Slice=machine.slice Delegate=yes DefaultDependencies=no CollectMode=inactive-or-failed PIDs=77 " LIMITS);
	ck_assert(peer->subscribed);
}
END_TEST

START_TEST(absent_limits_are_not_sent)
{
	const struct oci_resources none = { .memory_limit = 5, .cpu_quota = -1 };

	ck_assert_int_eq(oci_scope_update("libpod-a.scope", &none, &err), 0);
	ck_assert_str_eq(peer->properties, "CPUQuotaPerSecUSec=-1 ");
}
END_TEST

START_TEST(quota_that_systemd_cannot_express_is_none)
{
	const struct oci_resources much = { .cpu_quota = INT64_MAX, .cpu_period = 1000000 };

	ck_assert_int_eq(oci_scope_update("libpod-a.scope", &much, &err), 0);
	ck_assert_str_eq(peer->properties, "CPUQuotaPerSecUSec=-1 ");
}
END_TEST

START_TEST(update_changes_limits)
{
	ck_assert_int_eq(oci_scope_update("libpod-a.scope", &limits, &err), 0);
	ck_assert_str_eq(peer->method, "SetUnitProperties");
	ck_assert_str_eq(peer->unit, "libpod-a.scope");
	ck_assert_str_eq(peer->properties, LIMITS);
}
END_TEST

START_TEST(stop_ends_the_unit)
{
	ck_assert_int_eq(oci_scope_stop("libpod-a.scope", &err), 0);
	ck_assert_str_eq(peer->method, "StopUnit");
}
END_TEST

START_TEST(unit_that_does_not_exist_is_stopped)
{
	peer->refusal = "org.freedesktop.systemd1.NoSuchUnit";
	ck_assert_int_eq(oci_scope_stop("libpod-a.scope", &err), 0);
}
END_TEST

START_TEST(unit_that_exists_is_refused)
{
	peer->refusal = "org.freedesktop.systemd1.UnitExists";
	assert_refused(oci_scope_start(&scope, 77, &limits, &err), -EEXIST, "systemd refuses the scope 'libpod-a.scope': no", err);
}
END_TEST

START_TEST(job_that_fails_is_named)
{
	peer->result = "failed";
	assert_refused(oci_scope_start(&scope, 77, &limits, &err), -EIO, "systemd's job for the scope 'libpod-a.scope' ended with 'failed'", err);
}
END_TEST

START_TEST(jobs_of_other_units_do_not_extend_the_limit)
{
	peer->is_busy = true;
	skipped_ns = UINT64_C(1000000000);
	assert_refused(oci_scope_start(&scope, 77, &limits, &err), -ETIMEDOUT,
		       "systemd does not report the end of its job for the scope 'libpod-a.scope': Connection timed out", err);
	skipped_ns = 0;
}
END_TEST

START_TEST(missing_systemd_is_named)
{
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent", 1);
	assert_refused(oci_scope_start(&scope, 77, &limits, &err), -ENOENT,
		       "cannot reach systemd; run it, or choose the manager 'cgroupfs' of the engine: No such file or directory", err);
}
END_TEST

static void add_requests(Suite *s)
{
	TCase *t = tcase_create("requests");

	tcase_add_checked_fixture(t, setup, after);
	tcase_add_test(t, scope_starts_with_a_process_and_its_limits);
	tcase_add_test(t, absent_limits_are_not_sent);
	tcase_add_test(t, quota_that_systemd_cannot_express_is_none);
	tcase_add_test(t, update_changes_limits);
	tcase_add_test(t, stop_ends_the_unit);
	tcase_add_test(t, unit_that_does_not_exist_is_stopped);
	tcase_add_test(t, unit_that_exists_is_refused);
	tcase_add_test(t, job_that_fails_is_named);
	tcase_add_test(t, jobs_of_other_units_do_not_extend_the_limit);
	tcase_add_test(t, missing_systemd_is_named);
	suite_add_tcase(s, t);
}
#else

START_TEST(requests_are_refused)
{
	const struct oci_resources none = { .memory_limit = 0 };

	ck_assert_int_eq(oci_scope_start(&scope, 77, &none, &err), -EOPNOTSUPP);
	ck_assert_int_eq(oci_scope_update("a.scope", &none, &err), -EOPNOTSUPP);
	ck_assert_int_eq(oci_scope_stop("a.scope", &err), -EOPNOTSUPP);
}
END_TEST

static void add_requests(Suite *s)
{
	TCase *t = tcase_create("requests");

	tcase_add_test(t, requests_are_refused);
	suite_add_tcase(s, t);
}
#endif

int main(void)
{
	Suite *s = suite_create("scope");
	TCase *t = tcase_create("names");

	tcase_add_loop_test(t, path_names_slice_and_scope, 0, COUNT(names));
	tcase_add_test(t, slice_of_a_user_is_its_own);
	tcase_add_loop_test(t, other_paths_are_refused, 0, COUNT(odd));
	tcase_add_test(t, name_that_is_too_long_is_refused);
	suite_add_tcase(s, t);
	add_requests(s);
	return run_suite(s);
}
