/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about guests that QEMU emulates; QEMU and the daemons are scripts of the test. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "exec/emulation.h"
#include "exec/exec_emulated.h"
#include "common/tests/scripts.h"
#include "util.h"

#define PROGRAM "qemu-system-x86_64"
#define DAEMON "cvmm-vhost-user-fs"
#define NET_DAEMON "cvmm-vhost-user-net"

static char folder[] = "/tmp/test-emulation-XXXXXX";
static struct vagent_session *session;
static char cmdline[] = "quiet cvmm.exec", shared[] = "/a,b", secrets[] = "key:*.pem";
static struct cvmm_exec_share share;
static struct cvmm_exec_parts parts;
static struct vmm_emulation_config config;
static struct vmm_emulation e;
static struct vsu_error err;

static void setup(void)
{
	const struct vagent_session_config c = {
		.size = sizeof(c), .request = "Atrue", .request_len = 6, .in = -1, .out = -1, .err = -1,
	};

	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("PATH", folder, 1);
	script_write(folder, DAEMON, "");
	script_write(folder, NET_DAEMON, "");
	ck_assert_int_eq(vagent_session_new(&session, &c, NULL), 0);
	e = (struct vmm_emulation)VMM_EMULATION_INIT;
	parts = (struct cvmm_exec_parts){
		.kernel = "bzImage", .initrd_fd = STDERR_FILENO, .cmdline = cmdline, .session = session, .shares = &share,
	};
	config = (struct vmm_emulation_config){
		.parts = &parts, .memory = UINT64_C(3) << 30, .cpus = 2, .daemons = folder, .net = -1, .mac = "", .block = "local",
	};
}

static void after(void)
{
	vmm_emulation_free(&e);
	vagent_session_free(session);
	script_remove(folder, PROGRAM);
	script_remove(folder, DAEMON);
	script_remove(folder, NET_DAEMON);
	rmdir(folder);
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
}

/* The sentence at the end of a program of these lines. */
static int run(const char *lines)
{
	struct pollfd p = { .events = POLLIN };

	script_write(folder, PROGRAM, lines);
	ck_assert_msg(!vmm_emulation_start(&e, &config, &err), "%s", err.msg);
	p.fd = e.end_fd;
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	return vmm_emulation_end(&e, "--log=FILE", &err);
}

static void expect_words(const char *name, const char *const *wanted)
{
	const char *words = script_words(folder, name);

	for (; *wanted; wanted++)
		ck_assert_msg(strstr(words, *wanted), "%s is not in\n%s", *wanted, words);
}

START_TEST(qemu_has_the_machine_and_nothing_of_the_users)
{
	static const char *const wanted[] = {
		"-nodefaults\n-no-user-config\n", "-sandbox\non,", "spawn=deny", "-device\nvirtio-rng-pci\n", "-smp\n2\n",
		"-m\n3145728K\n", "share=on,size=3145728K\n", "-kernel\nbzImage\n",
		"-append\nno_timer_check quiet cvmm.exec\n", "null,id=log\n", "nr=1,name=cvmm.control,chardev=port0\n",
		"nr=3,name=cvmm.out,chardev=port2\n", NULL,
	};

	ck_assert_int_eq(run(""), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(err.msg, "the guest ended before its command did"));
	expect_words(PROGRAM, wanted);
	ck_assert_ptr_null(strstr(script_words(folder, PROGRAM), "vhost-user-fs"));
	ck_assert_ptr_null(strstr(script_words(folder, PROGRAM), "-netdev"));
}
END_TEST

START_TEST(log_is_one_file_whatever_its_name)
{
	static const char *const wanted[] = { "file,id=log,path=a,,logappend=on\n", NULL };

	config.log = "a,logappend=on";
	ck_assert_int_eq(run(""), -ECONNRESET);
	expect_words(PROGRAM, wanted);
}
END_TEST

START_TEST(ports_may_be_of_another_connection)
{
	static const char *const wanted[] = { "socket,id=port2,fd=2\n", NULL };
	const int ports[VAGENT_PORTS] = { STDERR_FILENO, STDERR_FILENO, STDERR_FILENO };

	parts.session = NULL;
	config.ports = ports;
	ck_assert_int_eq(run(""), -ECONNRESET);
	expect_words(PROGRAM, wanted);
}
END_TEST

START_TEST(a_daemon_shares_a_folder)
{
	static const char *const of_qemu[] = { "vhost-user-fs-pci,chardev=folder0,tag=dir7\n", NULL };
	static const char *const of_daemon[] = { "--shared-dir=/a,b\n", "--tag=dir7\n", "--read-only\n", "--hide=key:*.pem\n", NULL };

	share = (struct cvmm_exec_share){ .path = shared, .tag = "dir7", .hidden = secrets };
	parts.nshares = 1;
	ck_assert_int_eq(run(""), -ECONNRESET);
	expect_words(PROGRAM, of_qemu);
	while (wait(NULL) > 0)
		;
	expect_words(DAEMON, of_daemon);
}
END_TEST

START_TEST(a_daemon_restricts_a_writable_folder)
{
	static const char *const of_daemon[] = { "--shared-dir=/a,b\n", "--nosuid\n", "--nodev\n", "--announce-submounts\n", NULL };

	share = (struct cvmm_exec_share){
		.path = shared, .tag = "dir7", .writable = true, .nosuid = true, .nodev = true, .submounts = true,
	};
	parts.nshares = 1;
	ck_assert_int_eq(run(""), -ECONNRESET);
	while (wait(NULL) > 0)
		;
	expect_words(DAEMON, of_daemon);
}
END_TEST

static const struct {
	const char *tap;
	int fd;
	const char *const of_qemu[2], *const of_daemon[3];
} cards[] = {
	{ "tap7", -1, { "-device\nvirtio-net-pci,netdev=net,vectors=0\n", NULL }, { "--block=local\n", "--tap=tap7\n", NULL } },
	{ NULL, STDERR_FILENO, { "virtio-net-pci,netdev=net,vectors=0,mac=52:54:00:12:34:56\n", NULL }, { "--block=local\n", "--net-fd=2\n", NULL } },
};

/* QEMU's own card would drop no frames. */
START_TEST(a_daemon_serves_the_network_card)
{
	int status;

	config.tap = cards[_i].tap;
	config.net = cards[_i].fd;
	config.mac = cards[_i].tap ? "" : "52:54:00:12:34:56";
	ck_assert_int_eq(run(""), -ECONNRESET);
	expect_words(PROGRAM, cards[_i].of_qemu);
	ck_assert_ptr_nonnull(strstr(script_words(folder, PROGRAM), "-netdev\nvhost-user,id=net,chardev=card\n"));
	ck_assert_ptr_null(strstr(script_words(folder, PROGRAM), "ifname="));
	ck_assert(prog_leash_await(&e.card, 30000, &status));
	expect_words(NET_DAEMON, cards[_i].of_daemon);
}
END_TEST

START_TEST(a_writable_folder_is_not_read_only)
{
	share = (struct cvmm_exec_share){ .path = shared, .tag = "root", .writable = true };
	parts.nshares = 1;
	ck_assert_int_eq(run(""), -ECONNRESET);
	while (wait(NULL) > 0)
		;
	ck_assert_ptr_null(strstr(script_words(folder, DAEMON), "--read-only"));
	ck_assert_ptr_null(strstr(script_words(folder, DAEMON), "--nosuid"));
	ck_assert_ptr_null(strstr(script_words(folder, DAEMON), "--nodev"));
}
END_TEST

static const struct {
	const char *lines;
	int code;
	const char *sentence;
} ends[] = {
	{ "echo first >&2; echo 'no memory' >&2; exit 1", -EFAULT, "--emulate: no memory" },
	{ "kill -KILL $$", -EFAULT, "--emulate: " PROGRAM " was killed by signal 9" },
	{ "for word; do case $word in socket,id=monitor,fd=*) fd=${word##*=}; esac; done; "
	  "echo '{\"event\": \"GUEST_PANICKED\"}' >&$fd; echo warning >&2; exit 1", -EFAULT,
	  "the guest's kernel panicked; --log=FILE keeps its messages" },
};

/* A guest causes events, as by its ports: more than a socket holds precede the panic. */
START_TEST(panic_behind_many_events_is_reported)
{
	struct pollfd p[2] = { { .events = POLLIN }, { .events = POLLIN } };

	script_write(folder, PROGRAM,
		     "for word; do case $word in socket,id=monitor,fd=*) fd=${word##*=}; esac; done; i=0; "
		     "while [ $i -lt 3000 ]; do until echo '{\"event\": \"VSERPORT_CHANGE\", \"data\": {\"open\": true, \"id\": \"a port of the guest with a long name which is longer than others\"}}'; do :; done; i=$((i + 1)); done >&$fd 2>/dev/null; "
		     "until echo '{\"event\": \"GUEST_PANICKED\"}' >&$fd; do :; done 2>/dev/null; exit 1");
	ck_assert_msg(!vmm_emulation_start(&e, &config, &err), "%s", err.msg);
	do {
		p[0].fd = e.events;
		p[1].fd = e.end_fd;
		ck_assert_int_ge(poll(p, 2, -1), 1);
		if (p[0].revents)
			vmm_emulation_read(&e);
	} while (!p[1].revents);
	ck_assert_int_eq(vmm_emulation_end(&e, "--log=FILE", &err), -EFAULT);
	ck_assert_str_eq(err.msg, "the guest's kernel panicked; --log=FILE keeps its messages");
}
END_TEST

START_TEST(an_end_has_a_sentence)
{
	ck_assert_int_eq(run(ends[_i].lines), ends[_i].code);
	ck_assert_str_eq(err.msg, ends[_i].sentence);
}
END_TEST

/* As one that its guest has taken over: cvmm would wait with its signals blocked. */
START_TEST(qemu_that_pretends_its_end_is_ended)
{
	ck_assert_int_eq(run("for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ $fd -lt 3 ] || eval \"exec $fd>&-\"; done; exec /bin/sleep 1000"), -EFAULT);
	ck_assert_str_eq(err.msg, "--emulate: " PROGRAM " was killed by signal 9");
}
END_TEST

START_TEST(more_output_than_fits_is_lost)
{
	ck_assert_int_eq(run("i=0; while [ $i -lt 3000 ]; do echo 0123456789012345678901234567890123456789; i=$((i + 1)); done 2>/dev/null; exit 1"),
			 -EFAULT);
	ck_assert_ptr_nonnull(strstr(err.msg, "--emulate: 0123456789"));
}
END_TEST

START_TEST(a_missing_qemu_is_named)
{
	struct pollfd p = { .events = POLLIN };

	ck_assert_int_eq(vmm_emulation_start(&e, &config, &err), 0);
	p.fd = e.end_fd;
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	ck_assert_int_eq(vmm_emulation_end(&e, "--log=FILE", &err), -EFAULT);
	ck_assert_str_eq(err.msg, "--emulate: " PROGRAM ": No such file or directory; install QEMU");
}
END_TEST

START_TEST(a_missing_daemon_is_named)
{
	unlink(script_path(folder, DAEMON));
	ck_assert_int_eq(vmm_emulation_start(&e, &config, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, script_path(folder, DAEMON)));
	ck_assert_int_eq(e.qemu.pid, 0);
}
END_TEST

START_TEST(a_missing_daemon_of_the_card_is_named)
{
	config.tap = "tap7";
	unlink(script_path(folder, NET_DAEMON));
	ck_assert_int_eq(vmm_emulation_start(&e, &config, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, script_path(folder, NET_DAEMON)));
}
END_TEST

START_TEST(free_ends_qemu)
{
	struct pollfd end = { .events = POLLIN };

	script_write(folder, PROGRAM, "exec /bin/sleep 1000");
	ck_assert_int_eq(vmm_emulation_start(&e, &config, &err), 0);
	end.fd = (int)syscall(SYS_pidfd_open, e.qemu.pid, 0);
	ck_assert_int_ge(end.fd, 0);
	vmm_emulation_free(&e);
	ck_assert_int_eq(poll(&end, 1, -1), 1);
	close(end.fd);
}
END_TEST

/* Descriptors that were passed to cvmm have no FD_CLOEXEC. */
START_TEST(qemu_inherits_no_other_descriptor)
{
	int passed = fcntl(STDERR_FILENO, F_DUPFD, 100);
	char lines[64];

	snprintf(lines, sizeof(lines), "[ ! -e /proc/$$/fd/%d ] || exit 1", passed);
	ck_assert_int_eq(run(lines), -ECONNRESET);
	close(passed);
}
END_TEST

static const struct {
	const char *memory, *kernel, *named, *piece, *log;
} refused[] = {
	{ "1G", NULL, "--memory '512M'", "512M", NULL },
	{ "1G,backend=memfd", NULL, "--memory", NULL, NULL }, { "1000", NULL, "--memory", NULL, NULL },
	{ "1G", "builtin:agent", "--kernel", NULL, NULL },
	{ "1G", "/proc/self/status", "option --kernel '/proc/self/status': not a Linux kernel", NULL, NULL },
	{ "1G", "/missing", "option --kernel: cannot read '/missing': No such file", NULL, NULL },
	{ "1G", "/proc/self/exe", "option --log: cannot open '/missing/log': No such file", NULL, "/missing/log" },
};

START_TEST(values_without_effect_are_refused)
{
	struct vmm_exec_machine m = { .session = session };
	const struct vmm_exec_options o = {
		.memory = refused[_i].memory, .kernel = refused[_i].kernel, .daemons = folder,
		.pieces = { refused[_i].piece }, .npieces = !!refused[_i].piece, .log = refused[_i].log,
	};

	ck_assert_int_eq(vmm_exec_emulated_run(&m, &o, &err), VAGENT_STATUS_FAILED);
	ck_assert_ptr_nonnull(strstr(err.msg, refused[_i].named));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("emulation");
	TCase *tcase = tcase_create("emulation");

	tcase_add_checked_fixture(tcase, setup, after);
	tcase_add_test(tcase, qemu_has_the_machine_and_nothing_of_the_users);
	tcase_add_test(tcase, log_is_one_file_whatever_its_name);
	tcase_add_test(tcase, ports_may_be_of_another_connection);
	tcase_add_test(tcase, a_daemon_shares_a_folder);
	tcase_add_test(tcase, a_daemon_restricts_a_writable_folder);
	tcase_add_loop_test(tcase, a_daemon_serves_the_network_card, 0, sizeof(cards) / sizeof(*cards));
	tcase_add_test(tcase, a_writable_folder_is_not_read_only);
	tcase_add_loop_test(tcase, an_end_has_a_sentence, 0, sizeof(ends) / sizeof(*ends));
	tcase_add_test(tcase, qemu_that_pretends_its_end_is_ended);
	tcase_add_test(tcase, more_output_than_fits_is_lost);
	tcase_add_test(tcase, panic_behind_many_events_is_reported);
	tcase_add_test(tcase, a_missing_qemu_is_named);
	tcase_add_test(tcase, a_missing_daemon_is_named);
	tcase_add_test(tcase, a_missing_daemon_of_the_card_is_named);
	tcase_add_test(tcase, free_ends_qemu);
	tcase_add_test(tcase, qemu_inherits_no_other_descriptor);
	tcase_add_loop_test(tcase, values_without_effect_are_refused, 0, sizeof(refused) / sizeof(*refused));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
