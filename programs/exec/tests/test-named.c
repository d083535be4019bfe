/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about machines with names: their sockets, and clients of a guest whose agent is a script of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cvmm/exec_plan.h>
#include <vm-agent/guest.h>
#include <vm-agent/request.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/exec_options.h"
#include "exec/named.h"
#include "exec/named_place.h"
#include "exec/pool_wire.h"
#include "util.h"

static char folder[64], path[96];
static struct vagent_request command;
static struct cvmm_exec_parts parts;
static const int standard[] = { STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO };
static struct vmm_exec_options options;
static struct vmm_named *named;
static struct vsu_error err;
static struct vmm_pool_packet packet;
static int client, streams[3], ours[3];

/* ----------------------------------------------------------------- the agent */

static int control_port(void)
{
	return vagent_guest_port(parts.guest, VAGENT_CONTROL);
}

static void agent_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };

	ck_assert_int_eq(send(control_port(), &h, sizeof(h), 0), sizeof(h));
	if (len)
		ck_assert_int_eq(send(control_port(), payload, len, 0), (ssize_t)len);
}

static char received[VAGENT_MAX_REQUEST];	/* of the last message */

/* Reads messages up to one of a type. */
static void agent_reads(uint32_t type)
{
	struct vagent_header h;

	do {
		ck_assert_int_eq(recv(control_port(), &h, sizeof(h), MSG_WAITALL | MSG_DONTWAIT), sizeof(h));
		if (h.len)
			ck_assert_int_eq(recv(control_port(), received, h.len, MSG_WAITALL | MSG_DONTWAIT), (ssize_t)h.len);
	} while (h.type != type);
}

static bool turns(void)
{
	struct pollfd ready = { vmm_named_fd(named), POLLIN, 0 };
	bool lives = vmm_named_turn(named);
	int i;

	for (i = 0; lives && i < 100 && poll(&ready, 1, 0) > 0; i++)
		lives = vmm_named_turn(named);
	return lives;
}

/* The number of a process, which is prepared and executed. */
static void agent_executes(uint32_t process)
{
	const struct vagent_prepared m = { process, 100 + process };

	agent_reads(VAGENT_PREPARE);
	agent_sends(VAGENT_PREPARED, &m, sizeof(m));
	ck_assert(turns());
	agent_reads(VAGENT_START);
	agent_sends(VAGENT_RUNNING, &process, sizeof(process));
	ck_assert(turns());
}

static void agent_ends(uint32_t process, uint32_t status)
{
	const struct vagent_process_ended m = { process, VAGENT_EXITED, status, 0 };
	uint32_t i;

	for (i = VAGENT_STDOUT; i <= VAGENT_STDERR; i++) {
		const struct vagent_frame f = { process, i, 0 };

		ck_assert_int_eq(send(vagent_guest_port(parts.guest, VAGENT_OUT), &f, sizeof(f), 0), sizeof(f));
	}
	agent_sends(VAGENT_PROCESS_ENDED, &m, sizeof(m));
}

/* ---------------------------------------------------------------- the machine */

static void make_guest(void)
{
	static const char *const words[] = { "true", NULL };
	const struct vagent_command c = { .size = sizeof(c), .words = words };
	struct vagent_request system = { NULL, 0, 0 };
	const struct vagent_guest_config config = { .size = sizeof(config), .system = &system };

	vagent_request_add(&system, 'R', "ro");
	ck_assert_int_eq(vagent_guest_new(&parts.guest, &config, NULL), 0);
	vagent_request_free(&system);
	ck_assert_int_eq(vagent_request_add_command(&command, &c, NULL), 0);
}

static void setup(void)
{
	strcpy(folder, "/tmp/test-named-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("XDG_RUNTIME_DIR", folder, 1);
	make_guest();
	parts.command = &command;
	options = (struct vmm_exec_options){ .name = "box" };
	client = -1;
	ck_assert_int_eq(vmm_named_new(&named, &parts, standard, &options, &err), 0);
}

static void teardown(void)
{
	char line[128];

	vsu_fd_close(&client);
	vmm_named_free(named);
	vagent_guest_free(parts.guest);
	vagent_request_free(&command);
	snprintf(line, sizeof(line), "rm -rf %s", folder);
	ck_assert_int_eq(system(line), 0);
}

static void start_first(void)
{
	const uint32_t version = VAGENT_VERSION;

	agent_sends(VAGENT_READY, &version, sizeof(version));
	ck_assert(turns());
	agent_reads(VAGENT_GUEST);
	agent_sends(VAGENT_SERVES, NULL, 0);
	ck_assert(turns());
	agent_executes(1);
	ck_assert(vmm_named_is_started(named));
}

static void connects(void)
{
	client = vmm_named_connect("box", &err);
	ck_assert_int_ge(client, 0);
}

static void sends(enum vmm_pool_message type, const void *payload, size_t len, const int *fds, unsigned int n)
{
	ck_assert_int_eq(vmm_pool_send(client, type, payload, len, fds, n), 0);
}

static void sends_command(const int *fds)
{
	const uint32_t version = VMM_POOL_VERSION;

	sends(VMM_POOL_REQUEST, command.records, command.len, NULL, 0);
	sends(VMM_POOL_EXECUTE, &version, sizeof(version), fds, 3);
	ck_assert(turns());
}

static void open_streams(void)
{
	int i, pair[2];

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(vsu_sock_pair(pair), 0);
		streams[i] = pair[0];
		ours[i] = pair[1];
	}
}

static void close_streams(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		vsu_fd_close(&streams[i]);
		vsu_fd_close(&ours[i]);
	}
}

static void client_receives(uint32_t type)
{
	ck_assert_int_eq(vmm_pool_receive(client, &packet), 0);
	ck_assert_uint_eq(packet.type, type);
}

#define is_refused(why) do {							\
	client_receives(VMM_POOL_REFUSED);					\
	ck_assert_str_eq(packet.payload, why);					\
	ck_assert_int_eq(vmm_pool_receive(client, &packet), -ECONNRESET);	\
	ck_assert(turns());							\
} while (0)

/* --------------------------------------------------------------------- sockets */

START_TEST(odd_name_is_refused)
{
	static const char *const names[] = { "", ".", "-a", "a/b", "a b" };

	ck_assert_int_eq(vmm_named_listen(names[_i], &err), -EINVAL);
	ck_assert_int_eq(vmm_named_connect(names[_i], &err), -EINVAL);
}
END_TEST

START_TEST(second_machine_of_a_name_is_refused)
{
	ck_assert_int_eq(vmm_named_listen("box", &err), -EADDRINUSE);
	ck_assert_str_eq(err.msg, "a machine with the name 'box' runs; choose another name");
}
END_TEST

START_TEST(absent_machine_is_no_other_failure)
{
	ck_assert_int_eq(vmm_named_connect("other", &err), -ENOENT);
	ck_assert_str_eq(err.msg, "no machine with the name 'other' runs; 'cvmm exec --name=other -- COMMAND' starts one");
}
END_TEST

START_TEST(folder_that_others_can_enter_is_refused)
{
	snprintf(path, sizeof(path), "%s/cvmm/exec", folder);
	ck_assert_int_eq(chmod(path, 0711), 0);
	ck_assert_int_eq(vmm_named_listen("other", &err), -EPERM);
	ck_assert_int_eq(chmod(path, 0700), 0);
}
END_TEST

START_TEST(socket_is_removed_with_the_machine)
{
	int i;

	snprintf(path, sizeof(path), "%s/cvmm/exec/box", folder);
	ck_assert_int_eq(access(path, F_OK), 0);
	vmm_named_free(named);
	named = NULL;
	for (i = 0; i < 1000 && !access(path, F_OK); i++)
		poll(NULL, 0, 10);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* -------------------------------------------------------------------- commands */

START_TEST(further_command_has_its_streams_and_status)
{
	static const struct vagent_frame f = { 2, VAGENT_STDOUT, 3 };
	const int out = vagent_guest_port(parts.guest, VAGENT_OUT);
	char text[4] = "";
	uint32_t status;

	start_first();
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	client_receives(VMM_POOL_STARTED);
	ck_assert_int_eq(send(out, &f, sizeof(f), 0), sizeof(f));
	ck_assert_int_eq(send(out, "hi\n", 3, 0), 3);
	agent_ends(2, 7);
	ck_assert(turns());
	ck_assert_int_eq(recv(ours[1], text, 3, MSG_DONTWAIT), 3);
	ck_assert_str_eq(text, "hi\n");
	client_receives(VMM_POOL_ENDED);
	memcpy(&status, packet.payload, sizeof(status));
	ck_assert_uint_eq(status, 7);
	ck_assert(!vmm_named_has_ended(named));
	close_streams();
}
END_TEST

START_TEST(lost_client_ends_its_command)
{
	start_first();
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	vsu_fd_close(&client);
	ck_assert(turns());
	agent_reads(VAGENT_FORGET);
	close_streams();
}
END_TEST

START_TEST(end_of_the_first_command_ends_the_machine)
{
	struct vagent_end end;

	start_first();
	connects();
	agent_ends(1, 3);
	ck_assert(!turns());
	ck_assert_int_eq(vmm_named_get_end(named, &end, &err), 0);
	ck_assert_int_eq(vagent_end_status(&end), 3);
}
END_TEST

START_TEST(clients_wait_for_the_first_command)
{
	connects();
	open_streams();
	sends_command(streams);
	ck_assert_int_eq(vmm_pool_receive(client, &packet), -EAGAIN);
	start_first();
	agent_executes(2);
	client_receives(VMM_POOL_STARTED);
	close_streams();
}
END_TEST

START_TEST(stream_that_is_no_socket_is_refused)
{
	int pipes[2];

	start_first();
	connects();
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	sends_command((int[]){ pipes[0], pipes[1], pipes[1] });
	is_refused("a stream of the command is no UNIX socket");
	vsu_fd_close(&pipes[0]);
	vsu_fd_close(&pipes[1]);
}
END_TEST

START_TEST(endless_request_is_refused)
{
	static const char bytes[VMM_POOL_MAX_PAYLOAD];
	int i;

	start_first();
	connects();
	for (i = 0; i <= (int)(VAGENT_MAX_REQUEST / VMM_POOL_MAX_PAYLOAD); i++) {
		sends(VMM_POOL_REQUEST, bytes, sizeof(bytes), NULL, 0);
		ck_assert(turns());
	}
	is_refused("the command and its environment exceed 2097152 bytes");
}
END_TEST

START_TEST(message_in_the_wrong_order_is_refused)
{
	static const enum vmm_pool_message types[] = { VMM_POOL_SIGNAL, VMM_POOL_SIZE, VMM_POOL_STARTED };
	static const uint32_t payload = 15;

	start_first();
	connects();
	sends(types[_i], &payload, types[_i] == VMM_POOL_STARTED ? 0 : sizeof(payload), NULL, 0);
	ck_assert(turns());
	is_refused("the client sent a message in the wrong order");
}
END_TEST

START_TEST(client_of_many_signals_is_refused)
{
	static const uint32_t number = SIGCONT;
	int i;

	start_first();
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	client_receives(VMM_POOL_STARTED);
	for (i = 0; i <= VMM_EXEC_MAX_SIGNALS; i++)
		sends(VMM_POOL_SIGNAL, &number, sizeof(number), NULL, 0);
	ck_assert(turns());
	is_refused("the client sent more than 3 signals");
	agent_reads(VAGENT_FORGET);
	close_streams();
}
END_TEST

START_TEST(odd_signal_is_refused)
{
	static const uint32_t numbers[] = { 0, 65, UINT32_MAX };

	start_first();
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	client_receives(VMM_POOL_STARTED);
	sends(VMM_POOL_SIGNAL, &numbers[_i], sizeof(numbers[_i]), NULL, 0);
	ck_assert(turns());
	is_refused("the client sent an invalid signal");
	close_streams();
}
END_TEST

/* Signals to the first command are sent until the queue of the agent is full. */
static void fill_queue(void)
{
	int i;

	for (i = 0; i < 20000; i++)
		vmm_named_signal(named, SIGCONT);
}

/* Turns until the agent has received a signal of a process. */
static bool agent_receives_signal(uint32_t process, uint32_t signo)
{
	struct { struct vagent_header head; struct vagent_kill kill; } m;

	do {
		while (recv(control_port(), &m, sizeof(m), MSG_DONTWAIT) == (ssize_t)sizeof(m))
			if (m.head.type == VAGENT_KILL && m.kill.process == process && m.kill.signo == signo)
				return true;
		ck_assert(turns());
	} while (recv(control_port(), &m, 1, MSG_DONTWAIT | MSG_PEEK) > 0);
	return false;
}

START_TEST(signal_waits_until_the_agent_reads)
{
	static const uint32_t number = SIGHUP;

	start_first();
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	fill_queue();
	vmm_named_signal(named, SIGTERM);
	sends(VMM_POOL_SIGNAL, &number, sizeof(number), NULL, 0);
	ck_assert(turns());
	if (_i)
		ck_assert(agent_receives_signal(1, SIGTERM));
	else
		ck_assert(agent_receives_signal(2, SIGHUP));
	close_streams();
}
END_TEST

#define PLACES 64

START_TEST(silent_clients_keep_no_other_out)
{
	int silent[PLACES], i;

	start_first();
	for (i = 0; i < PLACES; i++) {
		silent[i] = vmm_named_connect("box", &err);
		ck_assert_int_ge(silent[i], 0);
		ck_assert(turns());
	}
	connects();
	open_streams();
	sends_command(streams);
	agent_executes(2);
	client_receives(VMM_POOL_STARTED);
	ck_assert_int_eq(vmm_pool_receive(silent[0], &packet), 0);
	ck_assert_str_eq(packet.payload, "the client sent no command, and another one needs its place");
	for (i = 0; i < PLACES; i++)
		vsu_fd_close(&silent[i]);
	close_streams();
}
END_TEST

START_TEST(request_without_a_command_is_refused)
{
	const uint32_t version = VMM_POOL_VERSION;

	start_first();
	connects();
	open_streams();
	sends(VMM_POOL_REQUEST, "C/", 3, NULL, 0);
	sends(VMM_POOL_EXECUTE, &version, sizeof(version), streams, 3);
	ck_assert(turns());
	is_refused("the request of a process has no command");
	close_streams();
}
END_TEST

START_TEST(time_limit_is_that_of_the_first_command)
{
	struct pollfd ready = { .events = POLLIN };
	struct vagent_end end;

	vmm_named_free(named);
	options = (struct vmm_exec_options){ .name = "late", .timeout_ms = 1 };
	ck_assert_int_eq(vmm_named_new(&named, &parts, standard, &options, &err), 0);
	ready.fd = vmm_named_fd(named);
	while (vmm_named_turn(named))
		poll(&ready, 1, -1);
	ck_assert_int_eq(vmm_named_get_end(named, &end, &err), 0);
	ck_assert_int_eq(vagent_end_status(&end), VAGENT_STATUS_TIMEOUT);
	ck_assert_str_eq(err.msg, "the command did not end within 0.001 seconds");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("named");
	TCase *tc = tcase_create("named");

	signal(SIGPIPE, SIG_IGN);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, odd_name_is_refused, 0, 5);
	tcase_add_test(tc, second_machine_of_a_name_is_refused);
	tcase_add_test(tc, absent_machine_is_no_other_failure);
	tcase_add_test(tc, folder_that_others_can_enter_is_refused);
	tcase_add_test(tc, socket_is_removed_with_the_machine);
	tcase_add_test(tc, further_command_has_its_streams_and_status);
	tcase_add_test(tc, lost_client_ends_its_command);
	tcase_add_test(tc, end_of_the_first_command_ends_the_machine);
	tcase_add_test(tc, clients_wait_for_the_first_command);
	tcase_add_test(tc, stream_that_is_no_socket_is_refused);
	tcase_add_test(tc, endless_request_is_refused);
	tcase_add_loop_test(tc, message_in_the_wrong_order_is_refused, 0, 3);
	tcase_add_test(tc, client_of_many_signals_is_refused);
	tcase_add_loop_test(tc, odd_signal_is_refused, 0, 3);
	tcase_add_loop_test(tc, signal_waits_until_the_agent_reads, 0, 2);
	tcase_add_test(tc, silent_clients_keep_no_other_out);
	tcase_add_test(tc, request_without_a_command_is_refused);
	tcase_add_test(tc, time_limit_is_that_of_the_first_command);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(suite());
}
