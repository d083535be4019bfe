/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the daemons that the starter permits. */
#include <config.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <vmm-sys-util/sock.h>

#include "util.h"
#include "common/spawn/starter.h"
#include "config/device_option.h"

static struct vmm_starter_setup setup;
static struct vmm_daemon_spec spec;
static struct vsu_error err;
static unsigned int npassed;

/* spec becomes the device of the option that describes it. */
static void read_device(const char *list)
{
	const struct vmm_device_option option = { VMM_DEVICE_ANY, list };
	struct vmm_device_spec device;
	struct cvmm_server server;

	ck_assert_msg(!vmm_device_option_parse(&option, NULL, &device, &err), "%s", err.msg);
	server = (struct cvmm_server){
		.kind = device.kind, .config = device.config,
		.queues = device.queues, .queue_size = device.queue_size,
	};
	ck_assert_int_eq(vmm_daemon_spec_make(&spec, &server), 0);
}

static int check_one(const char *list)
{
	vsu_error_clear(&err);
	read_device(list);
	return vmm_starter_check(&setup, &spec, npassed, &err);
}

static void list_one(const char *list)
{
	read_device(list);
	setup.devices[setup.n++] = spec;
}

/* ------------------------------------------------------------------ properties */

/* The option of the next property. */
static const char *next_option(struct vmm_daemon_value *v)
{
	static char option[VMM_DAEMON_OPTION_MAX];

	return vmm_daemon_next(&spec, v) ? vmm_daemon_option(v, 77, option) : NULL;
}

START_TEST(properties_become_options_of_the_daemon)
{
	struct vmm_daemon_value v = { .next = 0 };

	read_device("blk,a,,b,readonly,cache=none,block-size=4K,queues=2,backend=spawn");
	ck_assert_uint_eq(spec.queues, 2);
	ck_assert_str_eq(next_option(&v), "--blk-file=a,b");
	ck_assert_str_eq(next_option(&v), "--read-only");
	ck_assert_str_eq(next_option(&v), "--cache=none");
	ck_assert_str_eq(next_option(&v), "--block-size=4096");
	ck_assert_ptr_null(next_option(&v));
	v = (struct vmm_daemon_value){ .next = 0 };
	read_device("net,socket=s,reconnect=9,backend=spawn");
	ck_assert_str_eq(next_option(&v), "--stream=s");
	ck_assert_str_eq(next_option(&v), "--reconnect=9ms");
}
END_TEST

START_TEST(each_value_of_a_repeated_key_is_a_property)
{
	struct vmm_daemon_value v = { .next = 0 };

	read_device("console,port=a:pty,port=b:fd:5,backend=spawn");
	ck_assert_str_eq(next_option(&v), "--port=a:pty");
	ck_assert_int_eq(v.fd, -1);
	ck_assert_str_eq(next_option(&v), "--port=b:fd:77");
	ck_assert_int_eq(v.fd, 5);
	ck_assert_ptr_null(next_option(&v));
}
END_TEST

START_TEST(another_number_replaces_that_of_a_descriptor)
{
	struct vmm_daemon_value v = { .next = 0 };

	read_device("blk,path=fd:8:a:b,backend=spawn");
	ck_assert_str_eq(next_option(&v), "--blk-file=fd:77:a:b");
	v = (struct vmm_daemon_value){ .next = 0 };
	read_device("net,fd=5,backend=spawn");
	ck_assert_str_eq(next_option(&v), "--net-fd=77");
	ck_assert_int_eq(v.fd, 5);
}
END_TEST

START_TEST(equal_devices_have_equal_bytes)
{
	struct vmm_daemon_spec other;

	read_device("blk,serial=x,path=/a,backend=spawn");
	other = spec;
	read_device("blk,path=/a,serial=x,backend=spawn");
	ck_assert_mem_eq(&spec, &other, sizeof(spec));
	read_device("blk,path=/a,serial=y,backend=spawn");
	ck_assert_mem_ne(&spec, &other, sizeof(spec));
}
END_TEST

/* Its texts are longer than those of any list. */
START_TEST(texts_that_do_not_fit_are_refused)
{
	static char text[VMM_DAEMON_TEXT_MAX + 1];
	const struct vsu_option_value value = { .text = text };
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG] = { 0 };
	const struct cvmm_server server = { .kind = devkind_blk(), .config = config };

	memset(text, 'x', VMM_DAEMON_TEXT_MAX);
	ck_assert_int_eq(devkind_set(devkind_blk(), 0, "path", &value, config, NULL), 0);
	ck_assert_int_eq(vmm_daemon_spec_make(&spec, &server), -E2BIG);
	text[VMM_DAEMON_TEXT_MAX - 1] = '\0';
	ck_assert_int_eq(vmm_daemon_spec_make(&spec, &server), 0);
	ck_assert(vmm_daemon_spec_is_valid(&spec, vmm_daemon_spec_size(&spec)));
}
END_TEST

/* A compromised cvmm sends any bytes. */
START_TEST(only_complete_texts_and_known_words_are_valid)
{
	const struct devkind_key *keys = devkind_blk()->keys;
	uint64_t number = 3;
	size_t size;

	read_device("blk,/a,backend=spawn");
	size = vmm_daemon_spec_size(&spec);
	ck_assert(vmm_daemon_spec_is_valid(&spec, size) && !vmm_daemon_spec_is_valid(&spec, size - 1));
	memcpy(spec.config + keys[0].offset, &number, sizeof(number));
	ck_assert(vmm_daemon_spec_is_valid(&spec, size));
	number++;
	memcpy(spec.config + keys[0].offset, &number, sizeof(number));
	ck_assert(!vmm_daemon_spec_is_valid(&spec, size));
	memset(spec.config, 0, sizeof(spec.config));
	memcpy(spec.config + keys[devkind_key_index(devkind_blk(), "cache")].offset, &number, sizeof(number));
	ck_assert(!vmm_daemon_spec_is_valid(&spec, size));
	memset(spec.config, 0, sizeof(spec.config));
	spec.text[spec.len - 1] = 'x';
	ck_assert(!vmm_daemon_spec_is_valid(&spec, size));
	spec.len = UINT32_MAX;
	ck_assert(!vmm_daemon_spec_is_valid(&spec, vmm_daemon_spec_size(&spec)));
}
END_TEST

START_TEST(kinds_that_do_not_exist_are_not_valid)
{
	read_device("blk,/a,backend=spawn");
	spec.kind = 1000;
	ck_assert(!vmm_daemon_spec_is_valid(&spec, vmm_daemon_spec_size(&spec)));
}
END_TEST

/* --------------------------------------------------------------------- checks */

START_TEST(properties_of_the_device_are_permitted)
{
	ck_assert_int_eq(check_one("blk,/a,backend=spawn"), 0);
	ck_assert_int_eq(check_one("blk,/a,readonly,queues=2,backend=spawn"), 0);
	ck_assert_int_eq(check_one("net,tap=t0,backend=spawn"), 0);
}
END_TEST

START_TEST(kinds_without_a_daemon_are_refused)
{
	const unsigned char config[DEVKIND_MAX_CONFIG] = { 0 };
	const struct cvmm_server server = { .kind = devkind_balloon(), .config = config };

	ck_assert_int_eq(vmm_daemon_spec_make(&spec, &server), 0);
	ck_assert_int_eq(vmm_starter_check(&setup, &spec, 0, &err), -EPERM);
	ck_assert_int_eq(check_one("rng,backend=spawn"), 0);
}
END_TEST

START_TEST(a_locked_starter_opens_no_other_files)
{
	list_one("blk,/a,backend=spawn");
	setup.locked = true;
	ck_assert_int_eq(check_one("blk,/a,backend=spawn"), 0);
	ck_assert_int_eq(check_one("blk,/b,backend=spawn"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "'--blk-file=/b': with --sandbox=on"));
	ck_assert_int_eq(check_one("blk,/a/../b,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("fs,/a,tag=x,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("net,tap=t0,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("console,pty,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("rng,rate=5,backend=spawn"), 0);
	ck_assert_int_eq(check_one("vsock,cid=3,path=/a,backend=spawn"), -EPERM);
}
END_TEST

START_TEST(a_listed_device_with_more_properties_is_another)
{
	list_one("blk,/a,backend=spawn");
	setup.locked = true;
	ck_assert_int_eq(check_one("blk,/a,overlay=/c,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("fs,/a,tag=x,backend=spawn"), -EPERM);
	read_device("blk,/a,backend=spawn");
	spec.kind++;
	ck_assert_int_eq(vmm_starter_check(&setup, &spec, 0, &err), -EPERM);
}
END_TEST

START_TEST(inherited_descriptors_are_for_listed_devices)
{
	ck_assert_int_eq(check_one("net,fd=5,backend=spawn"), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "its options refer to 1"));
	ck_assert_int_eq(check_one("console,fd=5,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("console,port=a:fd:5,backend=spawn"), -EPERM);
	ck_assert_int_eq(check_one("blk,path=fd:5,backend=spawn"), -EPERM);
	list_one("net,fd=5,backend=spawn");
	ck_assert_int_eq(check_one("net,fd=5,backend=spawn"), 0);
}
END_TEST

START_TEST(passed_descriptors_are_counted)
{
	setup.locked = true;
	npassed = 1;
	ck_assert_int_eq(check_one("net,fd=5,backend=spawn"), 0);
	ck_assert_int_eq(check_one("blk,path=fd:5:/etc/shadow,backend=spawn"), 0);
	ck_assert_int_eq(check_one("rng,rate=5,backend=spawn"), -EPERM);
	npassed = 2;
	ck_assert_int_eq(check_one("net,fd=5,backend=spawn"), -EPERM);
}
END_TEST

/* Each of these is a name for the daemon. */
START_TEST(names_that_look_like_descriptors_stay_names)
{
	static const char *const names[] = {
		"console,port=a:socket:/x:fd:5,backend=spawn",
		"console,socket=fd:5,backend=spawn",
		"vsock,cid=3,path=/a:fd:5,backend=spawn",
		"vsock,cid=3,path=fd:5,backend=spawn",
		"fs,path=fd:5,tag=x,backend=spawn",
		"blk,path=./fd:5,backend=spawn",
		"blk,path=/a,overlay=/fd:5,backend=spawn",
		"blk,path=fd:x,backend=spawn",
		"blk,path=fd:,backend=spawn",
		"blk,path=fd:99999999999999,backend=spawn",
	};
	size_t i;

	setup.locked = true;
	for_rows(i, COUNT(names)) {
		ck_assert_int_eq(check_one(names[i]), -EPERM);
		ck_assert_ptr_nonnull(strstr(err.msg, "opens by name only"));
		ck_assert_uint_eq(vmm_daemon_count_fds(&spec), 0);
	}
}
END_TEST

/* ------------------------------------------------------------- a compromised cvmm */

/* A request for a kind that does not exist. */
static void send_malformed(int sock, int connection, int log)
{
	static struct vmm_starter_request request = { .spec.kind = 1000 };
	const struct iovec iov = { &request, offsetof(struct vmm_starter_request, spec.text) };
	const int fds[VMM_STARTER_FDS] = { connection, log };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, VMM_STARTER_FDS), (ssize_t)iov.iov_len);
}

static void fill(int fd)
{
	static const char bytes[4096];

	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Its log is a socket of another process, which does not read. */
START_TEST(e0_05_starter_does_not_wait_for_a_foreign_log)
{
	int requests[2], socket[2], log[2], status;
	struct pollfd answer = { .events = POLLIN };
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, socket), 0);
	ck_assert_int_eq(pipe(log), 0);
	fill(socket[0]);
	starter = fork();
	if (!starter)
		vmm_starter_run(&setup, requests[1]);
	send_malformed(requests[0], STDIN_FILENO, socket[0]);
	send_malformed(requests[0], STDIN_FILENO, log[1]);
	answer.fd = log[0];
	ck_assert_int_eq(poll(&answer, 1, 30000), 1);
	close(requests[0]);
	close(requests[1]);
	ck_assert_int_eq(waitpid(starter, &status, 0), starter);
	ck_assert(WIFEXITED(status));
}
END_TEST

/* The daemon has the connection when the starter closes its descriptor. */
START_TEST(connection_outlives_the_descriptor_of_the_starter)
{
	int requests[2], connection[2], log[2];
	char text[8];
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, connection), 0);
	ck_assert_int_eq(pipe(log), 0);
	starter = fork();
	if (!starter)
		vmm_starter_run(&setup, requests[1]);
	ck_assert_int_eq(send(connection[0], "x", 1, MSG_NOSIGNAL), 1);	/* cvmm's first message */
	send_malformed(requests[0], connection[1], log[1]);
	close(requests[0]);
	close(requests[1]);
	ck_assert_int_eq(waitpid(starter, NULL, 0), starter);
	ck_assert_int_eq(recv(connection[1], text, sizeof(text), MSG_DONTWAIT), 1);
	ck_assert_int_eq(send(connection[0], "x", 1, MSG_NOSIGNAL), 1);
}
END_TEST

/* As if the limit of processes were reached. */
static void forbid_processes(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fork, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAGAIN),
	};
	const struct sock_fprog filter = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) < 0)
		_exit(98);
}

static void send_start(int sock, int connection, int log)
{
	struct vmm_starter_request request = { .what = VMM_STARTER_START, .spec = spec };
	const struct iovec iov = {
		&request, offsetof(struct vmm_starter_request, spec) + vmm_daemon_spec_size(&spec),
	};
	const int fds[VMM_STARTER_FDS] = { connection, log };

	ck_assert_int_eq(vsu_sock_send(sock, &iov, 1, fds, VMM_STARTER_FDS), (ssize_t)iov.iov_len);
}

START_TEST(process_that_cannot_be_started_is_reported)
{
	int requests[2], connection[2], log[2];
	char text[256] = "";
	pid_t starter;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, requests), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, connection), 0);
	ck_assert_int_eq(pipe(log), 0);
	starter = fork();
	if (!starter) {
		forbid_processes();
		vmm_starter_run(&setup, requests[1]);
	}
	read_device("rng,rate=5,backend=spawn");
	send_start(requests[0], connection[1], log[1]);
	close(requests[0]);
	close(requests[1]);
	close(log[1]);
	ck_assert_int_eq(waitpid(starter, NULL, 0), starter);
	ck_assert_int_gt(read(log[0], text, sizeof(text) - 1), 0);
	ck_assert_msg(strstr(text, "cannot start a process: Resource temporarily unavailable"), "%s", text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("starter");
	TCase *tcase = tcase_create("starter");

	tcase_add_test(tcase, properties_become_options_of_the_daemon);
	tcase_add_test(tcase, each_value_of_a_repeated_key_is_a_property);
	tcase_add_test(tcase, another_number_replaces_that_of_a_descriptor);
	tcase_add_test(tcase, equal_devices_have_equal_bytes);
	tcase_add_test(tcase, texts_that_do_not_fit_are_refused);
	tcase_add_test(tcase, only_complete_texts_and_known_words_are_valid);
	tcase_add_test(tcase, kinds_that_do_not_exist_are_not_valid);
	tcase_add_test(tcase, properties_of_the_device_are_permitted);
	tcase_add_test(tcase, kinds_without_a_daemon_are_refused);
	tcase_add_test(tcase, a_locked_starter_opens_no_other_files);
	tcase_add_test(tcase, a_listed_device_with_more_properties_is_another);
	tcase_add_test(tcase, inherited_descriptors_are_for_listed_devices);
	tcase_add_test(tcase, passed_descriptors_are_counted);
	tcase_add_test(tcase, names_that_look_like_descriptors_stay_names);
	tcase_add_test(tcase, connection_outlives_the_descriptor_of_the_starter);
	tcase_add_test(tcase, e0_05_starter_does_not_wait_for_a_foreign_log);
	tcase_add_test(tcase, process_that_cannot_be_started_is_reported);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
