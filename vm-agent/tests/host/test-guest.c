/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about containers and processes of a guest, with a scripted agent at the guest's ends. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "../suite.h"
#include "vm-agent/process.h"

static const char *const command[] = { "true", NULL };

static struct vagent_guest *g;
static struct vagent_process *p;
static struct vsu_error why;
static int in[2], out[2], err[2];
static unsigned int container;
static char received[1u << 20];	/* the payload of the last message to the agent */

/* ----------------------------------------------------------------- the agent */

static int port(enum vagent_port port)
{
	return vagent_guest_port(g, port);
}

static void agent_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };

	ck_assert_int_eq(send(port(VAGENT_CONTROL), &h, sizeof(h), 0), sizeof(h));
	if (len)
		ck_assert_int_eq(send(port(VAGENT_CONTROL), payload, len, 0), (ssize_t)len);
}

static void agent_is_ready(uint32_t version)
{
	agent_sends(VAGENT_READY, &version, sizeof(version));
}

/* Reads a message, whose type is checked, into received; returns its length. */
static uint32_t agent_reads(uint32_t type)
{
	struct vagent_header h;

	ck_assert_int_eq(recv(port(VAGENT_CONTROL), &h, sizeof(h), MSG_WAITALL | MSG_DONTWAIT), sizeof(h));
	ck_assert_uint_eq(h.type, type);
	ck_assert_uint_le(h.len, sizeof(received));
	if (h.len)
		ck_assert_int_eq(recv(port(VAGENT_CONTROL), received, h.len, MSG_WAITALL | MSG_DONTWAIT), (ssize_t)h.len);
	return h.len;
}

static void agent_reads_nothing(enum vagent_port from)
{
	char byte;

	ck_assert_int_eq(recv(port(from), &byte, 1, MSG_DONTWAIT), -1);
}

static void agent_writes(uint32_t process, uint32_t stream, const void *bytes, uint32_t len)
{
	const struct vagent_frame f = { process, stream, len };

	ck_assert_int_eq(send(port(VAGENT_OUT), &f, sizeof(f), 0), sizeof(f));
	if (len)
		ck_assert_int_eq(send(port(VAGENT_OUT), bytes, len, MSG_DONTWAIT), (ssize_t)len);
}

static void agent_ends(uint32_t process, uint32_t how, uint32_t status, uint32_t cause)
{
	const struct vagent_process_ended m = { process, how, status, cause };

	agent_sends(VAGENT_PROCESS_ENDED, &m, sizeof(m));
}

static void agent_prepared(uint32_t process, uint32_t pid)
{
	const struct vagent_prepared m = { process, pid };

	agent_sends(VAGENT_PREPARED, &m, sizeof(m));
}

/* ----------------------------------------------------------------- the host */

/* Turns until nothing is to be done. */
static bool turns(void)
{
	struct pollfd ready = { vagent_guest_fd(g), POLLIN, 0 };
	bool lives = vagent_guest_dispatch(g);

	while (lives && poll(&ready, 1, 0) > 0)
		lives = vagent_guest_dispatch(g);
	return lives;
}

static void fails(int rc, const char *text)
{
	ck_assert(!turns());
	ck_assert_int_eq(vagent_guest_failure(g, &why), rc);
	ck_assert_str_eq(why.msg, text);
}

#define is_distrusted(what) \
	fails(-EPROTO, "the guest's agent sent " what "; the guest is not trusted further")

static void serve(void)
{
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	ck_assert_uint_eq(agent_reads(VAGENT_MOMENT), sizeof(struct vagent_moment));
	agent_reads(VAGENT_GUEST);
	ck_assert(!vagent_guest_is_ready(g));
	agent_sends(VAGENT_SERVES, NULL, 0);
	ck_assert(turns());
	ck_assert(vagent_guest_is_ready(g));
}

static void add_container(void)
{
	const struct vagent_container c = { .size = sizeof(c), .root = "/share" };

	ck_assert_int_eq(vagent_guest_add_container(g, &c, &container, NULL), 0);
	agent_reads(VAGENT_CONTAINER);
}

static struct vagent_process *prepare(bool terminal)
{
	const int streams[] = { in[0], out[1], err[1] };
	const struct vagent_process_config c = {
		.size = sizeof(c), .command = command, .streams = streams, .terminal = terminal,
	};
	struct vagent_process *made;

	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &made, NULL), 0);
	agent_reads(VAGENT_PREPARE);
	return made;
}

static void setup(void)
{
	const struct vagent_guest_config c = { .size = sizeof(c) };

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe2(in, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(out, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(err, O_CLOEXEC), 0);
	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	p = NULL;
	why = (struct vsu_error)VSU_ERROR_INIT;
}

static void setup_container(void)
{
	setup();
	serve();
	add_container();
}

static void setup_process(void)
{
	setup_container();
	p = prepare(false);
	agent_prepared(1, 77);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_start(p, NULL), 0);
	agent_reads(VAGENT_START);
	agent_sends(VAGENT_RUNNING, &(uint32_t){ 1 }, 4);
	ck_assert(turns());
}

static void after(void)
{
	int i;

	vagent_process_free(p);
	vagent_guest_free(g);
	for (i = 0; i < 2; i++) {
		vsu_fd_close(&in[i]);
		vsu_fd_close(&out[i]);
		vsu_fd_close(&err[i]);
	}
}

/* ------------------------------------------------------------------ the guest */

START_TEST(older_agent_is_refused)
{
	agent_is_ready(1);
	fails(-EPROTO, "the guest's agent has version 1 of the protocol, but this program has 4; make the template again, or use the cvmm-init that was installed with this program");
}
END_TEST

START_TEST(failure_of_the_agent_is_reported)
{
	agent_sends(VAGENT_FAILURE, "no device", 9);
	fails(-ECANCELED, "in the guest: no device");
}
END_TEST

START_TEST(agent_that_does_not_serve_in_time_fails)
{
	const struct vagent_guest_config c = { .size = sizeof(c), .timeout_ms = 1 };
	struct pollfd ready;

	vagent_guest_free(g);
	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	ready = (struct pollfd){ vagent_guest_fd(g), POLLIN, 0 };
	while (vagent_guest_dispatch(g))
		poll(&ready, 1, -1);
	ck_assert_int_eq(vagent_guest_failure(g, NULL), -ETIMEDOUT);
}
END_TEST

START_TEST(closed_port_fails_the_guest)
{
	vagent_guest_close_ports(g);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_guest_failure(g, NULL), -ECONNRESET);
}
END_TEST

START_TEST(clone_is_greeted)
{
	const struct vagent_guest_config c = { .size = sizeof(c), .clone = true };

	vagent_guest_free(g);
	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_HELLO), 0);
}
END_TEST

START_TEST(file_systems_and_network_cards_are_records)
{
	static const char records[] = "Droot:ro:/share\0Jeth0\0m02:00:00:00:00:01\0u1400\0a192.0.2.2/24\0afd00::2/64\0rdefault 192.0.2.1";
	static const char *const addresses[] = { "192.0.2.2/24", "fd00::2/64", NULL };
	static const char *const routes[] = { "default 192.0.2.1", NULL };
	const struct vagent_share share = { "root", "/share", true };
	const struct vagent_interface card = { "eth0", "02:00:00:00:00:01", addresses, routes, 1400 };
	const struct vagent_guest_config c = {
		.size = sizeof(c), .shares = &share, .nshares = 1, .interfaces = &card, .ninterfaces = 1,
	};

	vagent_guest_free(g);
	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_reads(VAGENT_MOMENT);
	ck_assert_uint_eq(agent_reads(VAGENT_GUEST), sizeof(records));
	ck_assert_mem_eq(received, records, sizeof(records));
}
END_TEST

START_TEST(invalid_guest_is_refused)
{
	const struct vagent_share shares[] = { { "a:b", "/share", true }, { "root", "share", true }, { "", "/a", false } };
	const struct vagent_guest_config c = { .size = sizeof(c), .shares = &shares[_i], .nshares = _i < 3 ? 1 : 33 };
	struct vagent_guest *other;

	ck_assert_int_eq(vagent_guest_new(&other, &c, &why), -EINVAL);
	ck_assert_str_ne(why.msg, "");
}
END_TEST

static const struct vagent_guest_config counts[] = {
	{ .size = sizeof(counts[0]), .nshares = 1 }, { .size = sizeof(counts[0]), .ninterfaces = 1 },
};

START_TEST(count_without_an_array_is_refused)
{
	struct vagent_guest *other;

	ck_assert_int_eq(vagent_guest_new(&other, &counts[_i], &why), -EINVAL);
	ck_assert_msg(strstr(why.msg, "config->"), "%s", why.msg);
}
END_TEST

START_TEST(system_of_a_request_is_records)
{
	const struct vagent_share share = { "root", "/share", true };
	struct vagent_request system = { NULL, 0, 0 };
	struct vagent_guest_config c = { .size = sizeof(c), .system = &system };

	vagent_guest_free(g);
	vagent_request_add(&system, 'R', "ro");
	ck_assert_int_eq(vagent_guest_new(&g, &c, NULL), 0);
	agent_is_ready(VAGENT_VERSION);
	ck_assert(turns());
	agent_reads(VAGENT_MOMENT);
	ck_assert_uint_eq(agent_reads(VAGENT_GUEST), 4);
	ck_assert_mem_eq(received, "Rro", 4);
	c.shares = &share;
	c.nshares = 1;
	ck_assert_int_eq(vagent_guest_new(&g, &c, &why), -EINVAL);
	vagent_request_free(&system);
}
END_TEST

START_TEST(empty_records_are_not_added)
{
	static char records[] = "\0Rro\0";
	const struct vagent_request others = { records, sizeof(records), 0 };
	struct vagent_request r = { NULL, 0, 0 };

	vagent_request_add_all(&r, &others);
	ck_assert_int_eq(vagent_request_check(&r, NULL), 0);
	ck_assert_uint_eq(r.len, 4);
	ck_assert_mem_eq(r.records, "Rro", 4);
	vagent_request_free(&r);
}
END_TEST

START_TEST(calls_before_the_agent_serves_are_refused)
{
	const struct vagent_container c = { .size = sizeof(c), .root = "/share" };

	ck_assert_int_eq(vagent_guest_add_container(g, &c, &container, &why), -EAGAIN);
	ck_assert_str_eq(why.msg, "the guest's agent does not serve containers yet");
	ck_assert_int_eq(vagent_guest_set_clock(g, &why), -EAGAIN);
}
END_TEST

/* ------------------------------------------------------------------- containers */

START_TEST(guest_without_a_system_runs_nothing_itself)
{
	const struct vagent_process_config c = { .size = sizeof(c), .command = command };
	struct vagent_process *other;

	serve();
	ck_assert_int_eq(vagent_process_prepare(g, VAGENT_ITSELF, &c, &other, &why), -ENOENT);
}
END_TEST

START_TEST(invalid_request_of_a_process_is_refused)
{
	static char records[][8] = { "Atrue", "Eno=one", "Atrue" };
	static const uint32_t lens[] = { 5, 8, 6 };	/* the first one has no end */
	struct vagent_request request = { records[_i], lens[_i], 0 };
	const struct vagent_process_config c = {
		.size = sizeof(c), .request = &request, .folder = _i == 2 ? "/" : NULL,
	};
	struct vagent_process *other;

	serve();
	add_container();
	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &other, &why), -EINVAL);
}
END_TEST

START_TEST(container_is_records)
{
	static const char records[] = "\1\0\0\0R/share/a\0O\0Hbox\0N4000000\0M/proc\0tproc\0f0\0c\0"
				      "M/etc/hosts\0s/share/hosts\0f1001\0Bc 1:3 666 0 5 /dev/null\0K/proc/kcore\0k/proc/sys\0Sa.b=1\0Lpids.max=5";
	static const char *const masked[] = { "/proc/kcore", NULL }, *const readonly[] = { "/proc/sys", NULL };
	static const char *const sysctls[] = { "a.b=1", NULL }, *const limits[] = { "pids.max=5", NULL };
	const struct vagent_mount mounts[] = {
		{ .type = "proc", .target = "/proc", .copies_up = true }, { .source = "/share/hosts", .target = "/etc/hosts", .flags = 0x1001 },
	};
	const struct vagent_device device = { "/dev/null", 'c', 1, 3, 0666, 0, 5 };
	const struct vagent_container c = {
		.size = sizeof(c), .root = "/share/a", .hostname = "box", .readonly_root = true, .mounts = mounts,
		.nmounts = 2, .devices = &device, .ndevices = 1, .masked = masked, .readonly = readonly,
		.sysctls = sysctls, .namespaces = CLONE_NEWUTS, .limits = limits,
	};

	serve();
	ck_assert_int_eq(vagent_guest_add_container(g, &c, &container, NULL), 0);
	ck_assert_uint_eq(container, 1);
	ck_assert_uint_eq(agent_reads(VAGENT_CONTAINER), sizeof(records));
	ck_assert_mem_eq(received, records, sizeof(records));
}
END_TEST

static const struct vagent_mount odd_mount = { .target = "proc" };
static const struct vagent_device odd_device = { .path = "/dev/a", .type = 'x' };
static const char *const odd_texts[] = { "a", NULL }, *const odd_limits[] = { "../cgroup.procs=0", NULL };
static const struct vagent_container odd_containers[] = {
	{ .size = sizeof(odd_containers[0]) },
	{ .size = sizeof(odd_containers[0]), .root = "share" },
	{ .size = sizeof(odd_containers[0]), .root = "/", .namespaces = CLONE_NEWUSER },
	{ .size = sizeof(odd_containers[0]), .root = "/", .hostname = "box" },
	{ .size = sizeof(odd_containers[0]), .root = "/", .hostname = "", .namespaces = CLONE_NEWUTS },
	{ .size = sizeof(odd_containers[0]), .root = "/", .mounts = &odd_mount, .nmounts = 1 },
	{ .size = sizeof(odd_containers[0]), .root = "/", .nmounts = 1 },
	{ .size = sizeof(odd_containers[0]), .root = "/", .ndevices = 1 },
	{ .size = sizeof(odd_containers[0]), .root = "/", .devices = &odd_device, .ndevices = 1 },
	{ .size = sizeof(odd_containers[0]), .root = "/", .masked = odd_texts },
	{ .size = sizeof(odd_containers[0]), .root = "/", .readonly = odd_texts },
	{ .size = sizeof(odd_containers[0]), .root = "/", .sysctls = odd_texts },
	{ .size = sizeof(odd_containers[0]), .root = "/", .limits = odd_texts },
	{ .size = sizeof(odd_containers[0]), .root = "/", .limits = odd_limits },
};

START_TEST(invalid_container_is_refused)
{
	serve();
	ck_assert_int_eq(vagent_guest_add_container(g, &odd_containers[_i], &container, &why), -EINVAL);
	ck_assert_str_ne(why.msg, "");
	agent_reads_nothing(VAGENT_CONTROL);
}
END_TEST

START_TEST(removed_container_has_no_processes)
{
	const struct vagent_process_config c = { .size = sizeof(c), .command = command };
	struct vagent_process *other;

	ck_assert_int_eq(vagent_guest_remove_container(g, container, NULL), 0);
	agent_reads(VAGENT_REMOVE);
	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &other, NULL), -ENOENT);
	ck_assert_int_eq(vagent_guest_remove_container(g, container, NULL), -ENOENT);
}
END_TEST

static unsigned int listed;

static void on_list(void *opaque, const uint32_t *pids, unsigned int n)
{
	ck_assert_ptr_eq(opaque, &listed);
	ck_assert_uint_eq(pids[0], 5);
	ck_assert_uint_eq(pids[n - 1], 7);
	listed += n;
}

START_TEST(list_is_complete_after_its_last_message)
{
	const struct {
		struct vagent_listed head;
		uint32_t pids[2];
	} first = { { 1, 1 }, { 5, 6 } }, last = { { 1, 0 }, { 7, 0 } };

	listed = 0;
	ck_assert_int_eq(vagent_guest_list(g, container, on_list, &listed, NULL), 0);
	agent_reads(VAGENT_LIST);
	agent_sends(VAGENT_LISTED, &first, sizeof(first));
	ck_assert(turns());
	ck_assert_uint_eq(listed, 0);
	agent_sends(VAGENT_LISTED, &last, sizeof(last.head) + 4);
	ck_assert(turns());
	ck_assert_uint_eq(listed, 3);
}
END_TEST

START_TEST(list_that_was_not_requested_is_distrusted)
{
	const struct vagent_listed m = { 1, 0 };

	agent_sends(VAGENT_LISTED, &m, sizeof(m));
	is_distrusted("an invalid list of processes");
}
END_TEST

static void on_usage(void *opaque, const struct vagent_usage *usage)
{
	*(struct vagent_usage *)opaque = *usage;
}

START_TEST(measurement_is_that_of_the_agent)
{
	const struct vagent_measured m = { 1, 3, 10, 20, 30, 25, 5 };
	struct vagent_usage usage = { .memory = 0 };

	ck_assert_int_eq(vagent_guest_measure(g, container, on_usage, &usage, NULL), 0);
	agent_reads(VAGENT_MEASURE);
	agent_sends(VAGENT_MEASURED, &m, sizeof(m));
	ck_assert(turns());
	ck_assert_uint_eq(usage.processes, 3);
	ck_assert_uint_eq(usage.memory, 10);
	ck_assert_uint_eq(usage.max_memory, 20);
	ck_assert_uint_eq(usage.cpu, 30);
	ck_assert_uint_eq(usage.user, 25);
	ck_assert_uint_eq(usage.system, 5);
}
END_TEST

START_TEST(measurement_of_another_container_is_distrusted)
{
	const struct vagent_measured m = { .container = 2 };
	struct vagent_usage usage;

	ck_assert_int_eq(vagent_guest_measure(g, container, on_usage, &usage, NULL), 0);
	agent_reads(VAGENT_MEASURE);
	agent_sends(VAGENT_MEASURED, &m, sizeof(m));
	is_distrusted("an invalid measurement");
}
END_TEST

START_TEST(clock_is_that_of_the_host)
{
	struct vagent_moment m;
	struct timespec t;

	ck_assert_int_eq(clock_gettime(CLOCK_REALTIME, &t), 0);
	ck_assert_int_eq(vagent_guest_set_clock(g, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_MOMENT), sizeof(m));
	memcpy(&m, received, sizeof(m));
	ck_assert_uint_ge(m.seconds, (uint64_t)t.tv_sec);
	ck_assert_uint_lt(m.nanoseconds, 1000000000);
}
END_TEST

/* -------------------------------------------------------------------- processes */

START_TEST(process_is_records)
{
	static const char records[] = "\1\0\0\0\1\0\0\0Ash\0A-c\0EA=b\0C/srv\0T24x80\0U1000 100 77\0G4\0P1 2 3 4 5\0"
				      "L7 400 ffffffffffffffff\0n\0F2 0006000000050000\0X-5";
	static const char *const words[] = { "sh", "-c", NULL }, *const environment[] = { "A=b", NULL };
	const struct { uint16_t code; uint8_t jt, jf; uint32_t k; } filter = { 6, 0, 0, 0x50000 };
	const struct vagent_limit limit = { 7, 1024, UINT64_MAX };
	const uint64_t sets[] = { 1, 2, 3, 4, 5 };
	const uint32_t group = 4;
	const struct vagent_process_config c = {
		.size = sizeof(c), .command = words, .environment = environment, .folder = "/srv", .user = 1000,
		.group = 100, .groups = &group, .ngroups = 1, .has_umask = true, .umask = 077, .capabilities = sets,
		.limits = &limit, .nlimits = 1, .no_new_privileges = true, .nfilter = 1, .filter_flags = 2,
		.filter = (const struct sock_filter *)(const void *)&filter, .has_oom_score_adj = true,
		.oom_score_adj = -5, .terminal = true,
	};

	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &p, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_PREPARE), sizeof(records));
	ck_assert_mem_eq(received, records, sizeof(records));
}
END_TEST

static const char *const odd_variable[] = { "A", NULL };
static const struct vagent_process_config odd_processes[] = {
	{ .size = sizeof(odd_processes[0]) },
	{ .size = sizeof(odd_processes[0]), .command = odd_variable + 1 },
	{ .size = sizeof(odd_processes[0]), .command = command, .folder = "srv" },
	{ .size = sizeof(odd_processes[0]), .command = command, .environment = odd_variable },
	{ .size = sizeof(odd_processes[0]), .command = command, .nfilter = 1 },
	{ .size = sizeof(odd_processes[0]), .command = command, .ngroups = 1 },
	{ .size = sizeof(odd_processes[0]), .command = command, .nlimits = 1 },
	{ .size = sizeof(odd_processes[0]), .command = command, .rows = 65536 },
	{ .size = sizeof(odd_processes[0]), .command = command, .has_oom_score_adj = true, .oom_score_adj = 1001 },
};

START_TEST(invalid_process_is_refused)
{
	struct vagent_process *other;

	ck_assert_int_eq(vagent_process_prepare(g, container, &odd_processes[_i], &other, &why), -EINVAL);
	ck_assert_str_ne(why.msg, "");
	agent_reads_nothing(VAGENT_CONTROL);
}
END_TEST

START_TEST(closed_stream_is_refused)
{
	const int streams[] = { -1, 9999, -1 };
	const struct vagent_process_config c = { .size = sizeof(c), .command = command, .streams = streams };
	struct vagent_process *other;

	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &other, NULL), -EBADF);
}
END_TEST

START_TEST(process_starts_after_it_is_prepared)
{
	p = prepare(false);
	ck_assert_int_eq(vagent_process_start(p, NULL), -EAGAIN);
	agent_prepared(1, 77);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_state(p), VAGENT_WAITING);
	ck_assert_uint_eq(vagent_process_id(p), 77);
	ck_assert_int_eq(vagent_process_start(p, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_START), 4);
}
END_TEST

START_TEST(missing_program_ends_the_preparation)
{
	const struct {
		struct vagent_process_ended m;
		char text[3];
	} m = { { 1, VAGENT_NOT_FOUND, 0, 0 }, "no\n" };
	struct vagent_end end;

	p = prepare(false);
	ck_assert_int_eq(vagent_process_end(p, &end, NULL), -EAGAIN);
	agent_sends(VAGENT_PROCESS_ENDED, &m, sizeof(m.m) + sizeof(m.text));
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_end(p, &end, &why), 0);
	ck_assert_int_eq(end.kind, VAGENT_END_NOT_FOUND);
	ck_assert_str_eq(why.msg, "in the guest: no?");
}
END_TEST

START_TEST(process_finishes_after_its_output)
{
	struct vagent_end end;
	char bytes[8] = "";

	agent_ends(1, VAGENT_EXITED, 7, 0);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_state(p), VAGENT_EXECUTED);
	agent_writes(1, VAGENT_STDOUT, "out", 3);
	agent_writes(1, VAGENT_STDOUT, NULL, 0);
	agent_writes(1, VAGENT_STDERR, NULL, 0);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_end(p, &end, &why), 0);
	ck_assert_int_eq(end.kind, VAGENT_END_STATUS);
	ck_assert_int_eq(end.value, 7);
	ck_assert_int_eq(read(out[0], bytes, sizeof(bytes)), 3);
	ck_assert_str_eq(bytes, "out");
}
END_TEST

START_TEST(closed_ports_fail_the_guest_after_its_output)
{
	static char bytes[VAGENT_WINDOW];
	struct vagent_end end;
	int i;

	for (i = 0; i < 100; i++)
		agent_writes(1, VAGENT_STDOUT, "twenty bytes of text", 20);
	agent_writes(1, VAGENT_STDOUT, NULL, 0);
	agent_writes(1, VAGENT_STDERR, NULL, 0);
	agent_ends(1, VAGENT_EXITED, 7, 0);
	vagent_guest_close_ports(g);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_guest_failure(g, NULL), -ECONNRESET);
	ck_assert_int_eq(vagent_process_end(p, &end, &why), 0);
	ck_assert_int_eq(end.kind, VAGENT_END_STATUS);
	ck_assert_int_eq(end.value, 7);
	ck_assert_int_eq(read(out[0], bytes, sizeof(bytes)), 2000);
}
END_TEST

START_TEST(input_is_frames_and_an_end)
{
	const struct vagent_frame text = { 1, VAGENT_STDIN, 3 }, last = { 1, VAGENT_STDIN, 0 };
	char bytes[sizeof(text) + 3 + sizeof(last)];

	ck_assert_int_eq(write(in[1], "abc", 3), 3);
	ck_assert(turns());
	vsu_fd_close(&in[1]);
	ck_assert(turns());
	ck_assert_int_eq(recv(port(VAGENT_IN), bytes, sizeof(bytes), MSG_DONTWAIT), sizeof(bytes));
	ck_assert_mem_eq(bytes, &text, sizeof(text));
	ck_assert_mem_eq(bytes + sizeof(text), "abc", 3);
	ck_assert_mem_eq(bytes + sizeof(text) + 3, &last, sizeof(last));
}
END_TEST

/* Reads all frames of the input, and returns their bytes. */
static size_t count_input(void)
{
	static char bytes[VAGENT_MAX_FRAME];
	struct vagent_frame f;
	size_t n = 0;

	while (recv(port(VAGENT_IN), &f, sizeof(f), MSG_DONTWAIT) == (ssize_t)sizeof(f)) {
		ck_assert_int_eq(recv(port(VAGENT_IN), bytes, f.len, MSG_DONTWAIT), (ssize_t)f.len);
		n += f.len;
	}
	return n;
}

START_TEST(input_stops_at_its_window)
{
	static const char bytes[VAGENT_WINDOW + 4096];
	const struct vagent_credit credit = { 1, VAGENT_STDIN, 1000 };

	ck_assert_int_ge(fcntl(in[1], F_SETPIPE_SZ, 1 << 18), 0);
	ck_assert_int_eq(write(in[1], bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert(turns());
	ck_assert_uint_eq(count_input(), VAGENT_WINDOW);
	agent_sends(VAGENT_CREDITED, &credit, sizeof(credit));
	ck_assert(turns());
	ck_assert_uint_eq(count_input(), 1000);
}
END_TEST

static void fill_output(void)
{
	static const char bytes[VAGENT_WINDOW];

	ck_assert_int_ge(fcntl(out[1], F_SETPIPE_SZ, 4096), 0);
	ck_assert_int_eq(fcntl(out[1], F_SETFL, O_NONBLOCK), 0);
	while (write(out[1], bytes, 1) > 0)
		;
	agent_writes(1, VAGENT_STDOUT, bytes, VAGENT_MAX_FRAME);
	ck_assert(turns());
	agent_writes(1, VAGENT_STDOUT, bytes, VAGENT_MAX_FRAME);
	ck_assert(turns());
}

START_TEST(slow_reader_stops_only_its_stream)
{
	char bytes[8];

	fill_output();
	agent_reads_nothing(VAGENT_CONTROL);
	agent_writes(1, VAGENT_STDERR, "err", 3);
	ck_assert(turns());
	ck_assert_int_eq(read(err[0], bytes, sizeof(bytes)), 3);
}
END_TEST

START_TEST(closed_ports_fail_the_guest_after_a_slow_reader)
{
	static char bytes[VAGENT_WINDOW];
	struct vagent_end end;

	fill_output();
	vagent_guest_close_ports(g);
	ck_assert(turns());
	while (turns())
		ck_assert_int_gt(read(out[0], bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(vagent_process_end(p, &end, &why), 0);
	ck_assert_int_eq(end.kind, VAGENT_END_MACHINE);
}
END_TEST

START_TEST(killed_process_of_closed_ports_awaits_no_reader)
{
	fill_output();
	vagent_guest_close_ports(g);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_signal(p, SIGKILL, false, NULL), 0);
	ck_assert(!turns());
}
END_TEST

/* Its output is not complete. */
START_TEST(kill_of_an_ended_process_of_closed_ports_awaits_no_reader)
{
	fill_output();
	agent_ends(1, VAGENT_SIGNALLED, SIGTERM, 0);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_signal(p, SIGKILL, false, NULL), -EAGAIN);
	vagent_guest_close_ports(g);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_signal(p, SIGKILL, false, NULL), 0);
	ck_assert(!turns());
}
END_TEST

START_TEST(read_bytes_are_credited)
{
	static char bytes[VAGENT_WINDOW];
	struct vagent_credit credit;
	ssize_t n = 0;

	fill_output();
	while (n < VAGENT_WINDOW / 2 + 4096) {
		n += read(out[0], bytes, sizeof(bytes));
		ck_assert(turns());
	}
	ck_assert_uint_eq(agent_reads(VAGENT_CREDIT), sizeof(credit));
	memcpy(&credit, received, sizeof(credit));
	ck_assert_uint_ge(credit.bytes, VAGENT_WINDOW / 2);
	ck_assert_uint_eq(credit.stream, VAGENT_STDOUT);
}
END_TEST

START_TEST(a9_31_bytes_beyond_the_window_end_the_connection)
{
	fill_output();
	agent_writes(1, VAGENT_STDOUT, "x", 1);
	is_distrusted("bytes outside of the window of a stream");
	ck_assert_int_eq(vagent_process_state(p), VAGENT_FINISHED);
}
END_TEST

START_TEST(lost_reader_is_reported)
{
	const struct vagent_stream lost = { 1, VAGENT_STDOUT };

	vsu_fd_close(&out[0]);
	agent_writes(1, VAGENT_STDOUT, "x", 1);
	ck_assert(turns());
	ck_assert_uint_eq(agent_reads(VAGENT_LOST), sizeof(lost));
	ck_assert_mem_eq(received, &lost, sizeof(lost));
}
END_TEST

START_TEST(unwritten_output_replaces_the_status)
{
	struct vagent_end end;
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	const int streams[] = { -1, full, -1 };
	const struct vagent_process_config c = { .size = sizeof(c), .command = command, .streams = streams };

	vagent_process_free(p);
	agent_reads(VAGENT_FORGET);
	ck_assert_int_eq(vagent_process_prepare(g, container, &c, &p, NULL), 0);
	agent_prepared(2, 78);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_start(p, NULL), 0);
	agent_sends(VAGENT_RUNNING, &(uint32_t){ 2 }, 4);
	agent_ends(2, VAGENT_EXITED, 0, 0);
	agent_writes(2, VAGENT_STDOUT, "x", 1);
	agent_writes(2, VAGENT_STDOUT, NULL, 0);
	agent_writes(2, VAGENT_STDERR, NULL, 0);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_end(p, &end, &why), 0);
	ck_assert_int_eq(end.kind, VAGENT_END_STREAM);
	ck_assert_int_eq(end.value, ENOSPC);
	vsu_fd_close(&full);
}
END_TEST

START_TEST(signals_and_sizes_are_sent)
{
	const struct vagent_kill kill = { 1, SIGTERM, 1 };

	ck_assert_int_eq(vagent_process_signal(p, 0, false, NULL), -EINVAL);
	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, true, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_KILL), sizeof(kill));
	ck_assert_mem_eq(received, &kill, sizeof(kill));
	ck_assert_int_eq(vagent_process_resize(p, 10, 20, NULL), -ENOTTY);
}
END_TEST

START_TEST(terminal_has_a_size_and_no_errors)
{
	const struct vagent_resize size = { 1, 10, 20 };

	p = prepare(true);
	agent_prepared(1, 77);
	ck_assert(turns());
	ck_assert_int_eq(vagent_process_resize(p, 10, 65536, NULL), -EINVAL);
	ck_assert_int_eq(vagent_process_resize(p, 10, 20, NULL), 0);
	ck_assert_uint_eq(agent_reads(VAGENT_RESIZE), sizeof(size));
	ck_assert_mem_eq(received, &size, sizeof(size));
	agent_writes(1, VAGENT_STDERR, "x", 1);
	is_distrusted("bytes outside of the window of a stream");
}
END_TEST

START_TEST(freed_process_is_killed_and_its_bytes_are_discarded)
{
	vagent_process_free(p);
	p = NULL;
	ck_assert_uint_eq(agent_reads(VAGENT_FORGET), 4);
	agent_writes(1, VAGENT_STDOUT, "late", 4);
	agent_ends(1, VAGENT_SIGNALLED, SIGKILL, 0);
	ck_assert(turns());
}
END_TEST

START_TEST(signal_waits_until_the_process_is_prepared)
{
	p = prepare(true);
	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	ck_assert_int_eq(vagent_process_resize(p, 10, 20, NULL), 0);
	ck_assert(turns());
	agent_reads_nothing(VAGENT_CONTROL);
	agent_prepared(1, 77);
	ck_assert(turns());
	ck_assert_uint_eq(agent_reads(VAGENT_KILL), sizeof(struct vagent_kill));
	ck_assert_uint_eq(agent_reads(VAGENT_RESIZE), sizeof(struct vagent_resize));
}
END_TEST

static const struct {
	int first, last;
	bool first_all, all;
	bool is_alone;		/* the last one removes the first */
} opposites[] = {
	{ SIGSTOP, SIGCONT, false, false, true }, { SIGSTOP, SIGCONT, true, true, true }, { SIGTSTP, SIGCONT, false, true, true },
	{ SIGCONT, SIGSTOP, false, false, true }, { SIGCONT, SIGTTIN, true, true, true }, { SIGHUP, SIGCONT, false, false, false },
};

/* A process that was continued last would otherwise stop, as signals that wait are sent by their numbers. */
START_TEST(signal_that_waits_ends_by_its_opposite)
{
	p = prepare(true);
	ck_assert_int_eq(vagent_process_signal(p, opposites[_i].first, opposites[_i].first_all, NULL), 0);
	ck_assert_int_eq(vagent_process_signal(p, opposites[_i].last, opposites[_i].all, NULL), 0);
	agent_prepared(1, 77);
	ck_assert(turns());
	if (!opposites[_i].is_alone)
		agent_reads(VAGENT_KILL);
	agent_reads(VAGENT_KILL);
	ck_assert_uint_eq(((const struct vagent_kill *)(const void *)received)->signo, opposites[_i].last);
	agent_reads_nothing(VAGENT_CONTROL);
}
END_TEST

static void ignore_pids(void *opaque, const uint32_t *pids, unsigned int n)
{
	(void)opaque;
	(void)pids;
	(void)n;
}

/* Requests until the agent's queue is full. Returns their number. */
static unsigned int fill_queue(void)
{
	unsigned int n = 0;

	while (vagent_guest_list(g, container, ignore_pids, NULL, &why) >= 0)
		n++;
	return n;
}

START_TEST(a9_33_calls_to_a_deaf_agent_are_refused)
{
	fill_queue();
	ck_assert_int_eq(why.code, -ENOBUFS);
	ck_assert_str_eq(why.msg, "the guest's agent does not read its messages");
	ck_assert(turns());
}
END_TEST

START_TEST(signals_to_a_deaf_agent_wait_once_each)
{
	static const struct vagent_kill kills[] = { { 1, SIGTERM, 0 }, { 1, SIGHUP, 1 } };
	unsigned int n = fill_queue();

	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	ck_assert_int_eq(vagent_process_signal(p, SIGHUP, true, NULL), 0);
	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	for (; n; n--) {
		ck_assert(turns());
		agent_reads(VAGENT_LIST);
	}
	ck_assert(turns());
	agent_reads(VAGENT_KILL);
	ck_assert_mem_eq(received, &kills[0], sizeof(kills[0]));
	agent_reads(VAGENT_KILL);
	ck_assert_mem_eq(received, &kills[1], sizeof(kills[1]));
	agent_reads_nothing(VAGENT_CONTROL);
}
END_TEST

START_TEST(signal_that_waits_for_a_process_that_ended_is_dropped)
{
	unsigned int n = fill_queue();

	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	agent_ends(1, VAGENT_SIGNALLED, SIGKILL, 0);
	for (; n; n--) {
		ck_assert(turns());
		agent_reads(VAGENT_LIST);
	}
	ck_assert(turns());
	agent_reads_nothing(VAGENT_CONTROL);
	ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), -EAGAIN);
}
END_TEST

START_TEST(signals_leave_room_for_the_end_of_a_process)
{
	int i;

	for (i = 0; i < 100000; i++)
		ck_assert_int_eq(vagent_process_signal(p, SIGTERM, false, NULL), 0);
	vagent_process_free(p);
	p = NULL;
	ck_assert(turns());
	ck_assert_int_eq(vagent_guest_failure(g, NULL), 0);
}
END_TEST

/* Ends that the guest reports. */
static const struct {
	uint32_t process, how, status, cause;
	int end;		/* -1: distrusted */
} ends[] = {
	{ 1, VAGENT_EXITED, 255, 0, VAGENT_END_STATUS },
	{ 1, VAGENT_SIGNALLED, 9, 0, VAGENT_END_SIGNAL },
	{ 1, VAGENT_SIGNALLED, 9, VAGENT_CAUSE_MEMORY, VAGENT_END_MEMORY },
	{ 1, VAGENT_SIGNALLED, 11, VAGENT_CAUSE_MEMORY, -1 },
	{ 1, VAGENT_SIGNALLED, 0, 0, -1 },
	{ 1, VAGENT_SIGNALLED, 128, 0, -1 },
	{ 1, VAGENT_EXITED, 256, 0, -1 },
	{ 1, VAGENT_EXITED, 0, 1, -1 },
	{ 1, VAGENT_NOT_FOUND, 0, 0, -1 },
	{ 1, VAGENT_HOWS, 0, 0, -1 },
	{ 2, VAGENT_EXITED, 0, 0, -1 },
	{ 0, VAGENT_EXITED, 0, 0, -1 },
};

START_TEST(a9_34_end_of_a_process_is_checked)
{
	struct vagent_end end;

	agent_writes(1, VAGENT_STDOUT, NULL, 0);
	agent_writes(1, VAGENT_STDERR, NULL, 0);
	agent_ends(ends[_i].process, ends[_i].how, ends[_i].status, ends[_i].cause);
	ck_assert(turns() == (ends[_i].end >= 0));
	ck_assert_int_eq(vagent_process_end(p, &end, NULL), 0);
	ck_assert_int_eq(end.kind, ends[_i].end < 0 ? VAGENT_END_MACHINE : (enum vagent_end_kind)ends[_i].end);
}
END_TEST

/* Messages that no honest agent sends to a guest with one running process. */
static const struct {
	uint32_t type, len;
	uint32_t words[4];
} hostile[] = {
	{ VAGENT_READY, 4, { 2 } },
	{ VAGENT_SERVES, 0, { 0 } },
	{ VAGENT_SERVES, 4, { 0 } },
	{ VAGENT_START, 0, { 0 } },
	{ VAGENT_PREPARED, 8, { 1, 77 } },
	{ VAGENT_PREPARED, 4, { 1 } },
	{ VAGENT_RUNNING, 4, { 1 } },
	{ VAGENT_RUNNING, 4, { 9 } },
	{ VAGENT_CREDITED, 12, { 1, VAGENT_STDIN, 0 } },
	{ VAGENT_CREDITED, 12, { 1, VAGENT_STDIN, 1 } },
	{ VAGENT_CREDITED, 12, { 1, VAGENT_STDOUT, 1 } },
	{ VAGENT_PROCESS_ENDED, 12, { 1, 0, 0 } },
	{ VAGENT_LISTED, 4, { 1 } },
	{ VAGENT_MEASURED, 8, { 1 } },
	{ 1000, 0, { 0 } },
	{ VAGENT_LISTED, VAGENT_MAX_MESSAGE + 1, { 1 } },
};

START_TEST(a9_32_hostile_message_ends_the_connection)
{
	const struct vagent_header h = { hostile[_i].type, hostile[_i].len };
	const size_t len = h.len < sizeof(hostile[_i].words) ? h.len : sizeof(hostile[_i].words);

	ck_assert_int_eq(send(port(VAGENT_CONTROL), &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(send(port(VAGENT_CONTROL), hostile[_i].words, len, 0), (ssize_t)len);
	ck_assert(!turns());
	ck_assert_int_eq(vagent_guest_failure(g, NULL), -EPROTO);
	ck_assert_int_eq(vagent_process_state(p), VAGENT_FINISHED);
}
END_TEST

static Suite *suite(void)
{
	static const char *const names[] = { "guest", "container", "process" };
	void (*const setups[])(void) = { setup, setup_container, setup_process };
	Suite *s = suite_create("guest");
	TCase *tc[3];
	unsigned int i;

	for (i = 0; i < 3; i++) {
		tc[i] = tcase_create(names[i]);
		tcase_add_checked_fixture(tc[i], setups[i], after);
		suite_add_tcase(s, tc[i]);
	}
	tcase_add_test(tc[0], older_agent_is_refused);
	tcase_add_test(tc[0], failure_of_the_agent_is_reported);
	tcase_add_test(tc[0], agent_that_does_not_serve_in_time_fails);
	tcase_add_test(tc[0], closed_port_fails_the_guest);
	tcase_add_test(tc[0], clone_is_greeted);
	tcase_add_test(tc[0], file_systems_and_network_cards_are_records);
	tcase_add_loop_test(tc[0], invalid_guest_is_refused, 0, 4);
	tcase_add_loop_test(tc[0], count_without_an_array_is_refused, 0, (int)(sizeof(counts) / sizeof(counts[0])));
	tcase_add_test(tc[0], empty_records_are_not_added);
	tcase_add_test(tc[0], calls_before_the_agent_serves_are_refused);
	tcase_add_test(tc[0], system_of_a_request_is_records);
	tcase_add_test(tc[0], guest_without_a_system_runs_nothing_itself);
	tcase_add_loop_test(tc[0], invalid_request_of_a_process_is_refused, 0, 3);
	tcase_add_test(tc[0], container_is_records);
	tcase_add_loop_test(tc[0], invalid_container_is_refused, 0, sizeof(odd_containers) / sizeof(odd_containers[0]));
	tcase_add_test(tc[1], removed_container_has_no_processes);
	tcase_add_test(tc[1], list_is_complete_after_its_last_message);
	tcase_add_test(tc[1], list_that_was_not_requested_is_distrusted);
	tcase_add_test(tc[1], measurement_is_that_of_the_agent);
	tcase_add_test(tc[1], measurement_of_another_container_is_distrusted);
	tcase_add_test(tc[1], clock_is_that_of_the_host);
	tcase_add_test(tc[1], process_is_records);
	tcase_add_loop_test(tc[1], invalid_process_is_refused, 0, sizeof(odd_processes) / sizeof(odd_processes[0]));
	tcase_add_test(tc[1], closed_stream_is_refused);
	tcase_add_test(tc[1], process_starts_after_it_is_prepared);
	tcase_add_test(tc[1], signal_waits_until_the_process_is_prepared);
	tcase_add_loop_test(tc[1], signal_that_waits_ends_by_its_opposite, 0, sizeof(opposites) / sizeof(opposites[0]));
	tcase_add_test(tc[1], missing_program_ends_the_preparation);
	tcase_add_test(tc[1], terminal_has_a_size_and_no_errors);
	tcase_add_test(tc[2], process_finishes_after_its_output);
	tcase_add_test(tc[2], closed_ports_fail_the_guest_after_its_output);
	tcase_add_test(tc[2], closed_ports_fail_the_guest_after_a_slow_reader);
	tcase_add_test(tc[2], killed_process_of_closed_ports_awaits_no_reader);
	tcase_add_test(tc[2], kill_of_an_ended_process_of_closed_ports_awaits_no_reader);
	tcase_add_test(tc[2], input_is_frames_and_an_end);
	tcase_add_test(tc[2], input_stops_at_its_window);
	tcase_add_test(tc[2], slow_reader_stops_only_its_stream);
	tcase_add_test(tc[2], read_bytes_are_credited);
	tcase_add_test(tc[2], a9_31_bytes_beyond_the_window_end_the_connection);
	tcase_add_test(tc[2], lost_reader_is_reported);
	tcase_add_test(tc[2], unwritten_output_replaces_the_status);
	tcase_add_test(tc[2], signals_and_sizes_are_sent);
	tcase_add_test(tc[2], freed_process_is_killed_and_its_bytes_are_discarded);
	tcase_add_test(tc[2], a9_33_calls_to_a_deaf_agent_are_refused);
	tcase_add_test(tc[2], signals_to_a_deaf_agent_wait_once_each);
	tcase_add_test(tc[2], signal_that_waits_for_a_process_that_ended_is_dropped);
	tcase_add_test(tc[2], signals_leave_room_for_the_end_of_a_process);
	tcase_add_loop_test(tc[2], a9_34_end_of_a_process_is_checked, 0, sizeof(ends) / sizeof(ends[0]));
	tcase_add_loop_test(tc[2], a9_32_hostile_message_ends_the_connection, 0, sizeof(hostile) / sizeof(hostile[0]));
	return s;
}

int main(void)
{
	return run_suite(suite());
}
