/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about pools: their messages, and their processes beside hostile peers. Without KVM. */
#define _GNU_SOURCE
#include <config.h>

#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <vm-agent/protocol.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "exec/pool_client.h"
#include "exec/pool_server.h"
#include "exec/pool_worker.h"
#include "exec/waiting.h"
#include "common/tests/skipping_clock.h"
#include "util.h"

static char folder[] = "/tmp/test-pool-XXXXXX";
static char base[64], path[80];
static int pair[2] = { -1, -1 }, clients[2] = { -1, -1 };
static struct vmm_pool_packet packet;
static struct vmm_pool_worker worker;
static struct vmm_pool_server server;
static struct vmm_pool_command_line line;
static struct vsu_error err;
static char *command[] = { (char[]){ "true" }, NULL };

static void make_template(void)
{
	const struct cvmm_template_config config = {
		.size = sizeof(config), .kernel = "builtin:agent", .root = "/usr", .memory = "1G", .cpus = 1, .folders = 2,
	};
	struct cvmm_template *t;
	int fds[CVMM_TEMPLATE_FILES], i;

	ck_assert_int_eq(cvmm_template_begin(folder, "base", &config, fds, &t, NULL), 0);
	ck_assert_int_eq(dprintf(fds[CVMM_TEMPLATE_FILES - 1], "{ \"arguments\": [] }"), 19);
	ck_assert_int_eq(cvmm_template_publish(t, NULL), 0);
	cvmm_template_close(t);
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&fds[i]);
}

static void open_pair(int fds[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir("/usr"), 0);
	snprintf(base, sizeof(base), "%s/base", folder);
	snprintf(path, sizeof(path), "%s/base/pool", folder);
	make_template();
	line = (struct vmm_pool_command_line){ .size = 1, .machine = { .from = base, .timeout_ms = 120000 } };
	open_pair(pair);
	open_pair(clients);
}

static void after(void)
{
	char text[64];

	snprintf(text, sizeof(text), "rm -rf %s", folder);
	ck_assert_int_eq(system(text), 0);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* ------------------------------------------------------------------- messages */

static const struct invalid {
	uint32_t type;
	size_t len;
	unsigned int nfds;
} invalid[] = {
	{ 0, 0, 0 }, { VMM_POOL_MESSAGES, 0, 0 }, { UINT32_MAX, 0, 0 },
	{ VMM_POOL_HELLO, 3, 0 }, { VMM_POOL_HELLO, VMM_POOL_MAX_PAYLOAD + 1, 0 },
	{ VMM_POOL_HELLO, 100000, 0 }, { VMM_POOL_HELLO, 4, 1 },
	{ VMM_POOL_TAKEN, 0, 0 }, { VMM_POOL_TAKEN, 0, VMM_POOL_FDS - 1 }, { VMM_POOL_TAKEN, 0, VMM_POOL_FDS + 1 },
	{ VMM_POOL_TAKEN, 0, 200 }, { VMM_POOL_TAKEN, 1, VMM_POOL_FDS },
	{ VMM_POOL_TERMINATE, 1, 0 }, { VMM_POOL_TERMINATE, 0, 1 }, { VMM_POOL_TAKE, 0, 0 }, { VMM_POOL_TAKE, 0, 2 },
	{ VMM_POOL_ENDED, 3, 0 }, { VMM_POOL_ENDED, 4, 1 },
	{ VMM_POOL_ENDED, 4 + VMM_POOL_MAX_SENTENCE + 1, 0 }, { VMM_POOL_REFUSED, VMM_POOL_MAX_SENTENCE + 1, 0 },
};

/* Sends a message of len zeros with nfds descriptors. */
static void send_raw(int fd, uint32_t type, size_t len, unsigned int nfds)
{
	char *bytes = calloc(1, len + 1);
	const struct iovec iov[] = { { &type, sizeof(type) }, { bytes, len } };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int i;

	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < nfds; i++)
		fds[i] = STDERR_FILENO;
	ck_assert_int_eq(vsu_sock_send(fd, iov, len ? 2 : 1, fds, nfds), (ssize_t)(len + sizeof(type)));
	free(bytes);
}

START_TEST(invalid_message_is_refused_and_leaves_no_descriptor)
{
	const struct invalid *row = &invalid[_i];
	const int before = vsu_fd_count();

	send_raw(pair[0], row->type, row->len, row->nfds);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), -EBADMSG);
	ck_assert_uint_eq(packet.nfds, 0);
	ck_assert_int_eq(vsu_fd_count(), before);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), -EAGAIN);
}
END_TEST

START_TEST(truncated_header_is_refused)
{
	ck_assert_int_eq(send(pair[0], "abc", 3, 0), 3);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), -EBADMSG);
}
END_TEST

START_TEST(message_arrives_with_its_descriptors)
{
	const int fds[VMM_POOL_FDS] = { 0, 1, 2 };

	ck_assert_int_eq(vmm_pool_send(pair[0], VMM_POOL_TAKEN, NULL, 0, fds, VMM_POOL_FDS), 0);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), 0);
	ck_assert_uint_eq(packet.type, VMM_POOL_TAKEN);
	ck_assert_uint_eq(packet.nfds, VMM_POOL_FDS);
	vmm_pool_packet_close(&packet);
}
END_TEST

START_TEST(longest_message_arrives)
{
	send_raw(pair[0], VMM_POOL_HELLO, VMM_POOL_MAX_PAYLOAD, 0);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), 0);
	ck_assert_uint_eq(packet.len, VMM_POOL_MAX_PAYLOAD);
}
END_TEST

START_TEST(peer_that_has_gone_is_reported)
{
	vsu_fd_close(&pair[0]);
	ck_assert_int_eq(vmm_pool_receive(pair[1], &packet), -ECONNRESET);
	ck_assert_int_lt(vmm_pool_send(pair[1], VMM_POOL_TERMINATE, NULL, 0, NULL, 0), 0);
}
END_TEST

START_TEST(message_that_is_too_long_is_not_sent)
{
	ck_assert_int_eq(vmm_pool_send(pair[0], VMM_POOL_TERMINATE, folder, 5, NULL, 0), -EMSGSIZE);
}
END_TEST

/* ----------------------------------------------------------- a machine's process */

static bool turn(void)
{
	const struct vmm_beside b = vmm_pool_worker_beside(&worker);

	return b.turn(b.opaque);
}

static void send_agent(uint32_t type, const void *payload, uint32_t len)
{
	const int fd = vagent_session_port(worker.exec.session, VAGENT_CONTROL);
	const struct vagent_header header = { type, len };

	ck_assert_int_eq(send(fd, &header, sizeof(header), 0), sizeof(header));
	if (len)
		ck_assert_int_eq(send(fd, payload, len, 0), (ssize_t)len);
}

/* A guest whose agent waits. pair[0] is the pool's end. */
static void make_worker(void)
{
	const uint32_t version = VAGENT_VERSION;

	ck_assert_int_eq(vmm_pool_worker_make(&worker, &line.machine, pair[1], &err), 0);
	pair[1] = -1;
	send_agent(VAGENT_READY, &version, sizeof(version));
	ck_assert(turn());
	ck_assert_int_eq(vmm_pool_receive(pair[0], &packet), 0);
	ck_assert_uint_eq(packet.type, VMM_POOL_READY);
}

static int ports[VAGENT_PORTS];	/* of the agent, which the client has */

static void take_worker(void)
{
	make_worker();
	ck_assert_int_eq(vmm_pool_send(pair[0], VMM_POOL_TAKE, NULL, 0, &clients[1], 1), 0);
	vsu_fd_close(&clients[1]);
	ck_assert(turn());
	ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), 0);
	ck_assert_uint_eq(packet.type, VMM_POOL_TAKEN);
	memcpy(ports, packet.fds, sizeof(ports));
}

static void finish(int status)
{
	ck_assert_int_eq(vmm_pool_worker_end(&worker, 0, &err), status);
}

static void close_ports(void)
{
	int i;

	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&ports[i]);
}

/* The process of the machine does not read them any more: the end of the command is for the client. */
START_TEST(client_alone_has_the_ports_of_the_agent)
{
	struct vagent_header h;
	char c = 'x';
	int i, guest;

	take_worker();
	send_agent(VAGENT_SERVES, NULL, 0);
	ck_assert(turn());
	ck_assert_int_eq(recv(ports[VAGENT_CONTROL], &h, sizeof(h), 0), sizeof(h));
	ck_assert_uint_eq(h.type, VAGENT_SERVES);
	ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), -EAGAIN);
	for (i = 0; i < VAGENT_PORTS; i++) {
		guest = vagent_session_port(worker.exec.session, i);
		ck_assert_int_eq(send(ports[i], &c, 1, 0), 1);
		ck_assert_int_eq(recv(guest, &c, 1, 0), 1);
		vsu_fd_close(&ports[i]);
		ck_assert_int_lt(send(guest, &c, 1, MSG_NOSIGNAL), 0);
	}
	ck_assert(turn());
	vsu_fd_close(&clients[0]);
	ck_assert(!turn());
	finish(0);
}
END_TEST

START_TEST(guest_that_ends_early_is_reported_to_the_client)
{
	uint32_t status;

	take_worker();
	vsu_error_set(&err, -EIO, "the machine broke");
	ck_assert_int_eq(vmm_pool_worker_end(&worker, 3, &err), 0);
	ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), 0);
	ck_assert_uint_eq(packet.type, VMM_POOL_ENDED);
	memcpy(&status, packet.payload, sizeof(status));
	ck_assert_uint_eq(status, 3);
	ck_assert_str_eq(packet.payload + 4, "the machine broke");
	ck_assert_str_eq(err.msg, "");
	close_ports();
}
END_TEST

static const struct hostile {
	uint32_t type;
	size_t len;
	unsigned int nfds;
} hostile[] = {
	{ VMM_POOL_HELLO, 4, 0 }, { VMM_POOL_TERMINATE, 0, 0 }, { VMM_POOL_TAKE, 0, 1 },
	{ VMM_POOL_TAKEN, 0, VMM_POOL_FDS }, { 99, 4, 3 },
};

START_TEST(hostile_client_ends_its_machine)
{
	int before;

	take_worker();
	before = vsu_fd_count();
	send_raw(clients[0], hostile[_i].type, hostile[_i].len, hostile[_i].nfds);
	ck_assert(!turn());
	finish(0);
	ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), -ECONNRESET);
	ck_assert_int_lt(vsu_fd_count(), before);
	close_ports();
}
END_TEST

START_TEST(client_that_has_gone_ends_its_machine)
{
	take_worker();
	if (_i)
		close_ports();
	vsu_fd_close(&clients[0]);
	ck_assert(!turn());
	finish(0);
	close_ports();
}
END_TEST

/* Its socket is closed before the ports are sent. */
START_TEST(client_that_went_early_ends_its_machine)
{
	make_worker();
	ck_assert_int_eq(vmm_pool_send(pair[0], VMM_POOL_TAKE, NULL, 0, &clients[1], 1), 0);
	vsu_fd_close(&clients[0]);
	vsu_fd_close(&clients[1]);
	ck_assert(!turn());
	finish(0);
}
END_TEST

START_TEST(machine_ends_with_its_pool)
{
	if (_i)
		take_worker();
	else
		make_worker();
	vsu_fd_close(&pair[0]);
	ck_assert(!turn());
	finish(0);
	if (_i)
		ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), 0);
	close_ports();
}
END_TEST

START_TEST(signal_of_the_pool_is_for_the_command)
{
	const struct vmm_beside b = vmm_pool_worker_beside(&worker);

	take_worker();
	ck_assert(b.signal(b.opaque, SIGTERM));
	ck_assert(turn());
	ck_assert_int_eq(vmm_pool_receive(clients[0], &packet), 0);
	ck_assert_uint_eq(packet.type, VMM_POOL_TERMINATE);
	ck_assert(!b.signal(b.opaque, SIGINT));
	finish(0);
	close_ports();
}
END_TEST

START_TEST(signal_of_the_pool_ends_a_machine_without_a_client)
{
	const struct vmm_beside b = vmm_pool_worker_beside(&worker);

	make_worker();
	ck_assert(b.signal(b.opaque, SIGTERM));
	ck_assert(!turn());
	finish(0);
}
END_TEST

/* ------------------------------------------------------------------- machines */

static char *describe(const struct vmm_exec_options *o, size_t *len)
{
	struct vmm_exec_machine m;
	char *text;

	ck_assert_int_eq(vmm_exec_machine_make(&m, o, &err), 0);
	ck_assert_int_eq(vmm_exec_machine_describe(&m, &text, len), 0);
	vmm_exec_machine_free(&m);
	return text;
}

static struct vmm_exec_options exec_options(void)
{
	return (struct vmm_exec_options){
		.from = base, .memory = "1G", .cpus = 1, .terminal = VMM_EXEC_TERMINAL_OFF, .command = command,
	};
}

/* Compares as the pool does. */
static bool is_alike(const struct vmm_exec_options *o)
{
	struct vmm_pool_machine *m = &server.machines[0];
	size_t len;
	char *text = describe(o, &len);
	bool others, found;

	make_worker();
	*m = (struct vmm_pool_machine){ .fd = pair[0], .state = VMM_POOL_WAITS, .text = packet.payload, .len = packet.len };
	server.nmachines = 1;
	found = vmm_pool_server_find(&server, text, len, &others) == 0;
	ck_assert_int_eq(others, !found);
	free(text);
	finish(VAGENT_STATUS_FAILED);
	return found;
}

START_TEST(command_of_the_same_machine_is_alike)
{
	struct vmm_exec_options o = exec_options();

	o.hostname = "other";
	o.timeout_ms = 9000;
	o.terminal = VMM_EXEC_TERMINAL_ON;
	o.folder = "/";
	o.settings[o.nsettings++] = "A=b";
	ck_assert(is_alike(&o));
}
END_TEST

/* Its process has closed its socket, and its end is not reported yet. */
START_TEST(machine_that_ends_is_not_given_to_a_client)
{
	char text[] = "text";
	bool others;

	server.machines[0] = (struct vmm_pool_machine){ .fd = -1, .state = VMM_POOL_WAITS, .text = text, .len = 4 };
	server.machines[1] = (struct vmm_pool_machine){ .fd = pair[0], .state = VMM_POOL_WAITS, .text = text, .len = 4 };
	server.nmachines = 2;
	ck_assert_int_eq(vmm_pool_server_find(&server, text, 4, &others), 1);
	server.nmachines = 1;
	ck_assert_int_eq(vmm_pool_server_find(&server, text, 4, &others), -1);
	ck_assert(!others);
}
END_TEST

START_TEST(template_is_the_same_by_another_path)
{
	struct vmm_exec_options o = exec_options();
	char other[80];

	snprintf(other, sizeof(other), "%s/./base/", folder);
	o.from = other;
	ck_assert(is_alike(&o));
}
END_TEST

START_TEST(command_of_another_machine_is_not_alike)
{
	struct vmm_exec_options o = exec_options();

	switch (_i) {
	case 0: o.root = "/usr/lib"; break;
	case 1: o.writable_root = true; break;
	case 2: o.folders[o.nfolders++] = "/usr/lib,rw"; break;
	case 3: o.hide[o.nhide++] = "/usr/lib/x"; break;
	case 4: o.sandbox = "off"; break;
	case 5: o.jail = true; break;
	case 6: o.log = "/tmp/log"; break;
	case 7:	/* the way through /tmp, which is hidden, to the working folder of the pool is shown */
		ck_assert_int_eq(chdir(folder), 0);
		line.machine.root = o.root = o.folder = "/";
		break;
	default: ck_assert_int_eq(chdir("/usr/lib"), 0); line.machine.folders[line.machine.nfolders++] = "/usr/lib,rw";
	}
	ck_assert(!is_alike(&o));
}
END_TEST

/* A service manager starts the pool in the user's home, and the command runs elsewhere. */
START_TEST(command_in_a_folder_of_the_pool_is_alike)
{
	struct vmm_exec_options o = exec_options();
	char shared[80];

	snprintf(shared, sizeof(shared), "%s/base,rw", folder);
	line.machine.root = o.root = "/";
	line.machine.folders[line.machine.nfolders++] = o.folders[o.nfolders++] = shared;
	o.folder = base;
	ck_assert_int_eq(chdir(folder), 0);
	ck_assert(is_alike(&o));
}
END_TEST

/* One command starts in the shared folder: it would show its files, which are hidden from the other one. */
START_TEST(command_in_another_folder_is_not_alike)
{
	struct vmm_exec_options o = exec_options();
	char shared[80];

	snprintf(shared, sizeof(shared), "%s/base,rw", folder);
	line.machine.root = o.root = "/";
	line.machine.folders[line.machine.nfolders++] = o.folders[o.nfolders++] = shared;
	if (_i)
		o.folder = folder;
	else
		line.machine.folder = folder;
	ck_assert_int_eq(chdir("/"), 0);
	ck_assert(!is_alike(&o));
}
END_TEST

/* --------------------------------------------------------------------- the pool */

static pid_t pool;
static unsigned int leave;	/* 1: the first machine closes its socket and stays; 2: before READY */

/* The line is first: the pool's clock skips, so that it kills a machine that has closed its socket at once. */
_Noreturn static void stay(int fd)
{
	(void)!write(STDOUT_FILENO, "closes\n", 7);
	vsu_fd_close(&fd);
	for (;;)
		pause();
}

static bool is_first(void)
{
	char name[64];

	snprintf(name, sizeof(name), "%s/first", folder);
	return !mkdir(name, 0700);
}

/* In place of a machine: READY, then the client's status is 9. */
_Noreturn static void run_fake(int fd)
{
	const int fds[VMM_POOL_FDS] = { 0, 1, 2 };
	const uint32_t status = 9;
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (leave == 2)
		stay(fd);
	if (vmm_pool_send(fd, VMM_POOL_READY, "text", 4, NULL, 0) < 0)
		_exit(1);
	if (leave && is_first())
		stay(fd);
	poll(&p, 1, -1);
	if (vmm_pool_receive(fd, &packet) < 0)
		_exit(0);
	if (!vmm_pool_send(packet.fds[0], VMM_POOL_TAKEN, NULL, 0, fds, VMM_POOL_FDS) &&
	    !vmm_pool_send(packet.fds[0], VMM_POOL_ENDED, &status, sizeof(status), NULL, 0))
		_exit(0);
	_exit(1);
}

/* Its outputs end when it and all its machines have ended. */
static int start_pool(bool fails)
{
	int output[2], fd, status;

	ck_assert_int_eq(pipe(output), 0);
	pool = fork();
	ck_assert_int_ge(pool, 0);
	if (!pool) {
		signal(SIGTERM, SIG_DFL);	/* Check's handler ends the group */
		dup2(output[1], STDOUT_FILENO);
		vsu_fd_close(&output[0]);
		vsu_fd_close(&output[1]);
		if (vmm_pool_server_open(&server, &line, &err) < 0)
			_exit(99);
		status = vmm_pool_server_run(&server, &fd, &err);
		if (fd >= 0 && fails)
			_exit(1);
		if (fd >= 0)
			run_fake(fd);
		vmm_pool_server_close(&server);
		_exit(status);
	}
	vsu_fd_close(&output[1]);
	return output[0];
}

static void await_line(int output)
{
	char c = '\0';

	while (c != '\n')
		ck_assert_int_eq(read(output, &c, 1), 1);
}

static int end_pool(int signo, int output)
{
	char bytes[64];
	int how;

	if (signo)
		ck_assert_int_eq(kill(pool, signo), 0);
	ck_assert_int_eq(waitpid(pool, &how, 0), pool);
	while (read(output, bytes, sizeof(bytes)) > 0)
		;
	vsu_fd_close(&output);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

static int connect_pool(void)
{
	const int fd = vsu_sock_connect_type(path, SOCK_SEQPACKET, &err);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The type of the next message, or 0: the pool has closed the socket. */
static uint32_t next_type(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
	return vmm_pool_receive(fd, &packet) ? 0 : packet.type;
}

static void greet(int fd, uint32_t version, const char *text)
{
	char bytes[64];

	memcpy(bytes, &version, sizeof(version));
	strcpy(bytes + sizeof(version), text);
	ck_assert_int_eq(vmm_pool_send(fd, VMM_POOL_HELLO, bytes, sizeof(version) + strlen(text), NULL, 0), 0);
}

/* A machine is made in place of one that was taken, and of one that leaves, which may be given to a client before. */
static void run_one(void)
{
	int fd;
	uint32_t type;

	do {
		fd = connect_pool();
		greet(fd, VMM_POOL_VERSION, "text");
		type = next_type(fd);
		if (type == VMM_POOL_TAKEN) {
			vmm_pool_packet_close(&packet);
			ck_assert_uint_eq(next_type(fd), VMM_POOL_ENDED);
		}
		vsu_fd_close(&fd);
	} while (type == VMM_POOL_REFUSED || (leave && !type));
	ck_assert_uint_eq(type, VMM_POOL_TAKEN);
}

START_TEST(pool_gives_clients_to_machines_and_refills)
{
	struct stat st;
	int output = start_pool(false), i;

	await_line(output);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	for (i = 0; i < 5; i++)
		run_one();
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), -EBUSY);
	ck_assert_int_eq(end_pool(_i ? SIGTERM : SIGINT, output), 0);
	ck_assert_int_lt(stat(path, &st), 0);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), 0);
}
END_TEST

START_TEST(pool_refuses_other_machines_and_versions)
{
	int output = start_pool(false), fd;

	await_line(output);
	fd = connect_pool();
	greet(fd, VMM_POOL_VERSION + (_i == 0), _i == 1 ? "tex" : _i == 2 ? "text2" : "text");
	ck_assert_uint_eq(next_type(fd), VMM_POOL_REFUSED);
	ck_assert_uint_eq(next_type(fd), 0);
	vsu_fd_close(&fd);
	run_one();
	ck_assert_int_eq(end_pool(SIGTERM, output), 0);
}
END_TEST

START_TEST(pool_drops_hostile_clients)
{
	const struct invalid *row = &invalid[_i];
	int output = start_pool(false), fd;

	await_line(output);
	fd = connect_pool();
	send_raw(fd, row->type, row->len, row->nfds);
	ck_assert_uint_eq(next_type(fd), 0);
	vsu_fd_close(&fd);
	run_one();
	ck_assert_int_eq(end_pool(SIGTERM, output), 0);
}
END_TEST

START_TEST(silent_clients_do_not_exclude_others)
{
	int output = start_pool(false), fds[2 * VMM_POOL_MAX_CLIENTS];
	size_t i;

	await_line(output);
	for (i = 0; i < COUNT(fds); i++)
		fds[i] = connect_pool();
	run_one();
	ck_assert_uint_eq(next_type(fds[0]), 0);
	for (i = 0; i < COUNT(fds); i++)
		vsu_fd_close(&fds[i]);
	ck_assert_int_eq(end_pool(SIGTERM, output), 0);
}
END_TEST

START_TEST(pool_ends_if_no_machine_can_be_made)
{
	int output = start_pool(true);

	ck_assert_int_eq(end_pool(0, output), VAGENT_STATUS_FAILED);
}
END_TEST

/* Its process stays, until it is killed. */
START_TEST(machine_that_closes_its_socket_is_replaced)
{
	int output;

	leave = 1;
	skipped_ns = UINT64_C(4000000000);
	output = start_pool(false);
	await_line(output);
	await_line(output);	/* and the line of that machine */
	run_one();
	ck_assert_int_eq(end_pool(SIGTERM, output), 0);
	leave = 0;
	skipped_ns = 0;
}
END_TEST

START_TEST(pool_ends_if_a_machine_closes_its_socket_before_it_is_ready)
{
	int output;

	leave = 2;
	skipped_ns = UINT64_C(4900000000);
	output = start_pool(false);
	ck_assert_int_eq(end_pool(0, output), VAGENT_STATUS_FAILED);
	leave = 0;
	skipped_ns = 0;
}
END_TEST

START_TEST(one_pool_of_a_template_runs)
{
	int output = start_pool(false);

	await_line(output);
	ck_assert_int_eq(vmm_pool_server_open(&server, &line, &err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.msg, "a pool of the template"));
	vmm_pool_server_close(&server);
	ck_assert_int_eq(end_pool(SIGTERM, output), 0);
}
END_TEST

/* Its machines end with it, and the socket remains. */
START_TEST(socket_of_a_killed_pool_is_replaced)
{
	struct stat st;
	int output = start_pool(false);

	await_line(output);
	ck_assert_int_eq(end_pool(SIGKILL, output), -SIGKILL);
	ck_assert_int_eq(stat(path, &st), 0);
	output = start_pool(false);
	await_line(output);
	run_one();
	ck_assert_int_eq(end_pool(SIGKILL, output), -SIGKILL);
	ck_assert_int_eq(cvmm_template_remove(folder, "base", &err), 0);
}
END_TEST

/* Each machine needs one, and 1,024 may run. */
START_TEST(pool_raises_its_limit_of_descriptors)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = 32;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(vmm_pool_server_open(&server, &line, &err), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_uint_eq(limit.rlim_cur, limit.rlim_max);
	vmm_pool_server_close(&server);
}
END_TEST

START_TEST(pool_of_no_template_is_refused)
{
	line.machine.from = "/nonexistent/base";
	ck_assert_int_lt(vmm_pool_server_open(&server, &line, &err), 0);
	vmm_pool_server_close(&server);
}
END_TEST

/* -------------------------------------------------------------------- exec's side */

static int terminal = -1, side = -1;	/* side: standard input and output of the client */

static void use_terminal(struct vmm_exec_options *o)
{
	dup2(side, STDIN_FILENO);
	dup2(side, STDOUT_FILENO);
	o->terminal = VMM_EXEC_TERMINAL_ON;
}

static bool starves;	/* the client has no descriptor for signals */

/* Leaves room for the descriptors of the connection and the ports. */
static void leave_descriptors(void)
{
	int fds[1 + VAGENT_PORTS];
	struct rlimit limit;
	size_t i;

	for (i = 0; i < COUNT(fds); i++)
		fds[i] = dup(STDERR_FILENO);
	limit.rlim_cur = limit.rlim_max = (rlim_t)fds[COUNT(fds) - 1] + 1;
	while (i)
		close(fds[--i]);
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool is_logged;
static const char *refusal = "is not used: ";

/* In a child, which confines itself. 200: no pool; 203: one that is not used, with the reason. */
static int run_client(int listener, void (*serve)(int fd))
{
	struct vmm_exec_options o = exec_options();
	struct vmm_exec_machine m;
	struct pollfd p = { .fd = listener, .events = POLLIN };
	int how, status, fd;
	pid_t child = fork();

	if (!child) {
		vsu_fd_close(&listener);
		if (side >= 0)
			use_terminal(&o);
		if (vmm_exec_machine_make(&m, &o, &err) < 0)
			_exit(201);
		if (starves)
			leave_descriptors();
		o.log = is_logged ? "/dev/null" : NULL;
		status = vmm_pool_client_run(&m, &o, &err);
		if (status < 0)
			_exit(!err.msg[0] ? 200 : strstr(err.msg, refusal) ? 203 : 204);
		_exit(status == 125 && !strstr(err.msg, starves ? "cannot wait for signals" : " ") ? 202 : status);
	}
	if (serve) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		fd = vsu_sock_accept(listener);
		ck_assert_int_ge(fd, 0);
		ck_assert_uint_eq(next_type(fd), VMM_POOL_HELLO);
		serve(fd);
		vsu_fd_close(&fd);
	}
	ck_assert_int_eq(waitpid(child, &how, 0), child);
	return WIFEXITED(how) ? WEXITSTATUS(how) : -WTERMSIG(how);
}

static int agent[VAGENT_PORTS];	/* the guest's ends */

static void give_ports(int fd)
{
	int sent[VAGENT_PORTS], both[2], i;

	for (i = 0; i < VAGENT_PORTS; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both), 0);
		sent[i] = both[0];
		agent[i] = both[1];
	}
	ck_assert_int_eq(vmm_pool_send(fd, VMM_POOL_TAKEN, NULL, 0, sent, VMM_POOL_FDS), 0);
	for (i = 0; i < VAGENT_PORTS; i++)
		vsu_fd_close(&sent[i]);
}

static void agent_reads(uint32_t type, char *payload, size_t size)
{
	struct vagent_header h;

	ck_assert_int_eq(recv(agent[VAGENT_CONTROL], &h, sizeof(h), MSG_WAITALL), sizeof(h));
	ck_assert_uint_le(h.len, size);
	ck_assert_int_eq(recv(agent[VAGENT_CONTROL], payload, h.len, MSG_WAITALL), (ssize_t)h.len);
	ck_assert_uint_eq(h.type, type);
}

static void agent_sends(uint32_t type, const void *payload, uint32_t len)
{
	const struct vagent_header h = { type, len };

	ck_assert_int_eq(send(agent[VAGENT_CONTROL], &h, sizeof(h), 0), sizeof(h));
	ck_assert_int_eq(send(agent[VAGENT_CONTROL], payload, len, 0), (ssize_t)len);
}

static void agent_starts(void)
{
	static const struct vagent_prepared prepared = { 1, 77 };
	char number[sizeof(uint32_t)];

	agent_sends(VAGENT_SERVES, NULL, 0);
	agent_sends(VAGENT_PREPARED, &prepared, sizeof(prepared));
	agent_reads(VAGENT_START, number, sizeof(number));
	agent_sends(VAGENT_RUNNING, number, sizeof(number));
}

/* A terminal has no stream of errors. */
static void agent_ends(uint32_t how, uint32_t status, bool on_terminal)
{
	static const struct vagent_frame outputs[] = { { 1, VAGENT_STDOUT, 0 }, { 1, VAGENT_STDERR, 0 } };
	const size_t len = on_terminal ? sizeof(outputs[0]) : sizeof(outputs);
	const struct vagent_process_ended e = { .process = 1, .how = how, .status = status };

	ck_assert_int_eq(send(agent[VAGENT_OUT], outputs, len, 0), (ssize_t)len);
	agent_sends(VAGENT_PROCESS_ENDED, &e, sizeof(e));
}

/* The request is sent at once: the agent has waited for it. */
static void accept_command(int fd)
{
	char bytes[4096];

	give_ports(fd);
	agent_reads(VAGENT_MOMENT, bytes, sizeof(bytes));
	agent_reads(VAGENT_GUEST, bytes, sizeof(bytes));
	agent_reads(VAGENT_PREPARE, bytes, sizeof(bytes));
	ck_assert_ptr_nonnull(memmem(bytes, sizeof(bytes), "Atrue", sizeof("Atrue")));
}

static void serve_status(int fd)
{
	accept_command(fd);
	agent_starts();
	agent_ends(VAGENT_EXITED, 9, false);
}

/* The command has the size of before. */
static void serve_resized(int fd)
{
	const struct winsize size = { .ws_row = 50, .ws_col = 100 };
	const struct vagent_resize expected = { 1, 50, 100 };
	char sent[8];

	accept_command(fd);
	ck_assert_int_eq(ioctl(terminal, TIOCSWINSZ, &size), 0);
	agent_starts();
	agent_reads(VAGENT_RESIZE, sent, sizeof(sent));
	ck_assert_mem_eq(sent, &expected, sizeof(expected));
	agent_ends(VAGENT_EXITED, 9, true);
}

static void serve_refusal(int fd)
{
	ck_assert_int_eq(vmm_pool_send(fd, VMM_POOL_REFUSED, "no", 2, NULL, 0), 0);
}

static void serve_nothing(int fd)
{
	(void)fd;
}

static void serve_end(int fd)
{
	accept_command(fd);
}

static void await_end(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

/* Before the command has been started. */
static void serve_signal(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	accept_command(fd);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len), 0);
	ck_assert_int_eq(kill(peer.pid, SIGTERM), 0);
	await_end(fd);
}

/* The pool's signal waits for the start of the command. */
static void serve_termination(int fd)
{
	char bytes[sizeof(struct vagent_kill)];
	struct vagent_kill kill;

	accept_command(fd);
	ck_assert_int_eq(vmm_pool_send(fd, VMM_POOL_TERMINATE, NULL, 0, NULL, 0), 0);
	agent_starts();
	agent_reads(VAGENT_KILL, bytes, sizeof(bytes));
	memcpy(&kill, bytes, sizeof(kill));
	ck_assert_uint_eq(kill.signo, SIGTERM);
	agent_ends(VAGENT_SIGNALLED, SIGTERM, false);
}

static void end_machine(int fd, uint32_t status)
{
	ck_assert_int_eq(vmm_pool_send(fd, VMM_POOL_ENDED, &status, sizeof(status), NULL, 0), 0);
}

/* The guest has sent the end of its command before, with which the client may have left. */
static void serve_late_end(int fd)
{
	const uint32_t status = 1;

	accept_command(fd);
	agent_starts();
	agent_ends(VAGENT_EXITED, 9, false);
	(void)!vmm_pool_send(fd, VMM_POOL_ENDED, &status, sizeof(status), NULL, 0);
}

static void serve_panic(int fd)
{
	accept_command(fd);
	agent_starts();
	end_machine(fd, VSU_EXIT_PANIC);
	await_end(fd);
}

static void serve_large_status(int fd)
{
	accept_command(fd);
	end_machine(fd, 256);
	await_end(fd);
}

static void serve_two_starts(int fd)
{
	static const uint32_t number = 1;

	accept_command(fd);
	agent_starts();
	agent_sends(VAGENT_RUNNING, &number, sizeof(number));
	await_end(fd);
}

static void serve_descriptors(int fd)
{
	accept_command(fd);
	send_raw(fd, VMM_POOL_ENDED, 4, 3);
	await_end(fd);
}

static const struct {
	void (*serve)(int fd);
	int status;
} services[] = {
	{ serve_status, 9 }, { serve_late_end, 9 }, { serve_panic, 125 }, { serve_termination, 128 + SIGTERM },
	{ serve_refusal, 203 }, { serve_nothing, 203 }, { serve_end, 125 },
	{ serve_signal, 128 + SIGTERM }, { serve_large_status, 125 }, { serve_two_starts, 125 }, { serve_descriptors, 125 },
};

START_TEST(client_has_the_status_or_a_sentence)
{
	int listener = vsu_sock_listen_type(path, SOCK_SEQPACKET, 4, &err);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(run_client(listener, services[_i].serve), services[_i].status);
	vsu_fd_close(&listener);
}
END_TEST

/* That of the pool, or of an option. */
START_TEST(client_has_the_reason_why_a_pool_is_not_used)
{
	int listener = vsu_sock_listen_type(path, SOCK_SEQPACKET, 4, &err);

	ck_assert_int_ge(listener, 0);
	is_logged = _i;
	refusal = _i ? "is not used: option --log" : "is not used: no";
	ck_assert_int_eq(run_client(listener, _i ? NULL : serve_refusal), 203);
	is_logged = false;
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(client_names_what_it_cannot_have)
{
	int listener = vsu_sock_listen_type(path, SOCK_SEQPACKET, 4, &err);

	ck_assert_int_ge(listener, 0);
	starves = true;
	ck_assert_int_eq(run_client(listener, give_ports), 125);
	starves = false;
	vsu_fd_close(&listener);
}
END_TEST

START_TEST(terminal_of_a_client_has_its_size_when_the_command_starts)
{
	const struct winsize size = { .ws_row = 24, .ws_col = 80 };
	int listener = vsu_sock_listen_type(path, SOCK_SEQPACKET, 4, &err);

	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(openpty(&terminal, &side, NULL, NULL, &size), 0);
	ck_assert_int_eq(run_client(listener, serve_resized), 9);
	vsu_fd_close(&listener);
	vsu_fd_close(&terminal);
	vsu_fd_close(&side);
}
END_TEST

/* TCGETS and others, and those of glibc from 2.42 on: TCGETS2 and others. */
static const unsigned long modes[] = {
	0x5401, 0x5402, 0x5403, 0x5404, 0x802c542a, 0x402c542b, 0x402c542c, 0x402c542d,
	0x540b, 0x540f,
};

/* A filter would fail with EPERM. */
START_TEST(client_sets_the_modes_of_its_terminal_with_each_c_library)
{
	int how;
	pid_t child = fork();

	if (!child) {
		if (vmm_waiting_confine(NULL) < 0)
			_exit(1);
		_exit(ioctl(-1, modes[_i], NULL) < 0 ? errno : 0);
	}
	ck_assert_int_eq(waitpid(child, &how, 0), child);
	ck_assert(WIFEXITED(how));
	ck_assert_int_eq(WEXITSTATUS(how), EBADF);
}
END_TEST

START_TEST(client_without_a_pool_makes_its_own_machine)
{
	int listener = _i ? vsu_sock_listen_type(path, SOCK_SEQPACKET, 4, &err) : -1;

	vsu_fd_close(&listener);	/* the socket remains */
	ck_assert_int_eq(run_client(-1, NULL), 200);
}
END_TEST

/* ----------------------------------------------------------------- command line */

START_TEST(command_line_is_read)
{
	char *words[] = { (char[]){ "pool" }, (char[]){ "base" }, (char[]){ "--size=7" }, (char[]){ "--dir=/usr" }, (char[]){ "--jail" } };

	ck_assert_int_eq(vmm_pool_command_parse(&line, 5, words, &err), 0);
	ck_assert_uint_eq(line.size, 7);
	ck_assert_str_eq(line.machine.from, "base");
	ck_assert_str_eq(line.machine.folders[0], "/usr");
	ck_assert(line.machine.jail);
	ck_assert_int_eq(vmm_pool_command_parse(&line, 1, words, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "pool: no template; example: 'cvmm pool base'");
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("pool");
	TCase *tc = tcase_create("pool");

	tcase_add_checked_fixture(tc, setup, after);
	tcase_add_loop_test(tc, invalid_message_is_refused_and_leaves_no_descriptor, 0, COUNT(invalid));
	tcase_add_test(tc, truncated_header_is_refused);
	tcase_add_test(tc, message_arrives_with_its_descriptors);
	tcase_add_test(tc, longest_message_arrives);
	tcase_add_test(tc, peer_that_has_gone_is_reported);
	tcase_add_test(tc, message_that_is_too_long_is_not_sent);
	tcase_add_test(tc, client_alone_has_the_ports_of_the_agent);
	tcase_add_test(tc, guest_that_ends_early_is_reported_to_the_client);
	tcase_add_loop_test(tc, hostile_client_ends_its_machine, 0, COUNT(hostile));
	tcase_add_loop_test(tc, client_that_has_gone_ends_its_machine, 0, 2);
	tcase_add_test(tc, client_that_went_early_ends_its_machine);
	tcase_add_loop_test(tc, machine_ends_with_its_pool, 0, 2);
	tcase_add_test(tc, signal_of_the_pool_is_for_the_command);
	tcase_add_test(tc, signal_of_the_pool_ends_a_machine_without_a_client);
	tcase_add_test(tc, command_of_the_same_machine_is_alike);
	tcase_add_test(tc, machine_that_ends_is_not_given_to_a_client);
	tcase_add_test(tc, template_is_the_same_by_another_path);
	tcase_add_loop_test(tc, command_of_another_machine_is_not_alike, 0, 9);
	tcase_add_test(tc, command_in_a_folder_of_the_pool_is_alike);
	tcase_add_loop_test(tc, command_in_another_folder_is_not_alike, 0, 2);
	tcase_add_loop_test(tc, pool_gives_clients_to_machines_and_refills, 0, 2);
	tcase_add_loop_test(tc, pool_refuses_other_machines_and_versions, 0, 3);
	tcase_add_loop_test(tc, pool_drops_hostile_clients, 0, COUNT(invalid));
	tcase_add_test(tc, silent_clients_do_not_exclude_others);
	tcase_add_test(tc, pool_ends_if_no_machine_can_be_made);
	tcase_add_test(tc, machine_that_closes_its_socket_is_replaced);
	tcase_add_test(tc, pool_ends_if_a_machine_closes_its_socket_before_it_is_ready);
	tcase_add_test(tc, one_pool_of_a_template_runs);
	tcase_add_test(tc, socket_of_a_killed_pool_is_replaced);
	tcase_add_test(tc, pool_raises_its_limit_of_descriptors);
	tcase_add_test(tc, pool_of_no_template_is_refused);
	tcase_add_loop_test(tc, client_has_the_status_or_a_sentence, 0, COUNT(services));
	tcase_add_loop_test(tc, client_has_the_reason_why_a_pool_is_not_used, 0, 2);
	tcase_add_test(tc, client_names_what_it_cannot_have);
	tcase_add_test(tc, terminal_of_a_client_has_its_size_when_the_command_starts);
	tcase_add_loop_test(tc, client_sets_the_modes_of_its_terminal_with_each_c_library, 0, COUNT(modes));
	tcase_add_loop_test(tc, client_without_a_pool_makes_its_own_machine, 0, 2);
	tcase_add_test(tc, command_line_is_read);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return run_suite(make_suite());
}
