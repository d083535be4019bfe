/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about machines that are freed in the middle of an activity, on the fake KVM. The
 * activity is held where the test wants it: by a peer that neither replies nor reads, or
 * by a guest that never responds.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/kvm_para.h>
#include <linux/sockios.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../machine/kernels.h"
#include "../machine/rig.h"
#include "peer.h"

#define MEMORY "--memory=size=16M,backend=memfd"
#define DUMB "kernel", "--initrd=initrd", "--serial=null", "--device=rng"

static int fds;			/* of the process, before the test */

static void setup(void)
{
	static char initrd[2 << 20];	/* exceeds the buffers of sockets */

	fds = vsu_fd_count();
	peer_setup();
	kernel_pvh();
	memset(initrd, 'x', sizeof(initrd));
	rig_file("initrd", initrd, sizeof(initrd));
}

static void assert_freed(void)
{
	cvmm_machine_free(one.m);
	peer_close();
	ck_assert_int_eq(vsu_fd_count(), fds);
}

/* ------------------------------------------------------------------ it migrates */

static void migrate(bool postcopy)
{
	MAKE(&one, DUMB, MEMORY);
	peer_migrate(postcopy);
}

/* The machine's thread waits for room in its socket. */
static void wait_until_full(void)
{
	struct pollfd room = { .fd = peer.sock, .events = POLLOUT };

	while (poll(&room, 1, 0))
		cvmm_machine_dispatch(one.m);
}

static void waits_for_the_destination(void)
{
	migrate(false);
	peer_read_until("head");
}

static void sends_to_one_that_reads_nothing(void)
{
	REPLY("ready");
	migrate(false);
	wait_until_full();
}

static void is_stopped(void)
{
	REPLY("ready");
	migrate(false);
	peer_read_until("state");
}

static void has_switched(void)
{
	REPLY("postcopy", "ready", "loaded", "running");
	migrate(true);
	peer_read_until("go");
	wait_until_full();
}

/* ------------------------------------------------------------ devices and memory */

static void removes_a_device(void)
{
	MAKE(&one, DUMB, MEMORY, "--transport=pci");
	start(&one);
	OK(cvmm_machine_remove_device(one.m, 0, false, on_answer, &one, &err));
}

/* The handshake has begun. */
static void adds_a_silent_device(void)
{
	struct pollfd request = { .fd = peer.stream.fd, .events = POLLIN };
	unsigned int number;

	MAKE(&one, DUMB, MEMORY, "--transport=pci");
	start(&one);
	OK(cvmm_machine_add_device(one.m, "id=4,backend=user:fd:0", &peer.sock, 1, &number, on_answer, &one,
				   &err));
	ck_assert_int_eq(poll(&request, 1, -1), 1);
}

static int converts(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	(void)cpu;
	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.args[0] = 0x800000;
	run->hypercall.args[1] = 256;
	run->hypercall.args[2] = n % 2 ? 0 : KVM_MAP_GPA_RANGE_ENCRYPTED;
	return 0;
}

static void converts_memory(void)
{
	fake.guest = converts;
	MAKE(&one, DUMB, "--memory=size=16M,private=on");
	start(&one);
	while (__atomic_load_n(&fake.cpu[0].runs, __ATOMIC_ACQUIRE) < 16)
		cvmm_machine_dispatch(one.m);
}

static const struct {
	void (*enter)(void);
	bool has_answer;	/* which is a failure */
} activities[] = {
	{ waits_for_the_destination, true },
	{ sends_to_one_that_reads_nothing, true },
	{ is_stopped, true },
	{ has_switched, true },
	{ removes_a_device, true },
	{ adds_a_silent_device, true },
	{ converts_memory, false },
};

START_TEST(machine_is_freed_during_an_activity)
{
	activities[_i].enter();
	ck_assert(!one.answered);
	assert_freed();
	ck_assert(one.answered == activities[_i].has_answer);
	ck_assert(!one.answered || one.why.code < 0);
}
END_TEST

/* ----------------------------------------------------------------- it is written */

static void save(void)
{
	const struct cvmm_save target = { .size = sizeof(target), .folder = "saved" };

	OK(cvmm_machine_save(one.m, &target, on_answer, &one, &err));
}

static void write_core(void)
{
	const struct cvmm_core target = { .size = sizeof(target), .file = "core", .fd = -1 };

	OK(cvmm_machine_write_core(one.m, &target, on_answer, &one, &err));
}

static void remove_all(const char *target)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	remove(target);
}

/*
 * After each number of turns, to that of the answer. The files may be complete without it: the
 * answer then comes from the call that frees the machine.
 */
static void free_after_turns(void (*begin)(void), const char *target)
{
	unsigned int n, i;
	bool complete = false;

	for (n = 0; !complete; n++) {
		MAKE(&one, DUMB, MEMORY);
		start(&one);
		begin();
		for (i = 0; i < n && !one.answered; i++)
			turn((struct one *const []){ &one }, 1);
		complete = one.answered;
		cvmm_machine_free(one.m);
		ck_assert(one.answered && (!complete || !one.why.code));
		ck_assert_int_eq(access(target, F_OK), one.why.code ? -1 : 0);
		remove_all(target);
		fake_kvm_init();
	}
	ck_assert_uint_gt(n, 1);
	one.m = NULL;
	assert_freed();
}

START_TEST(machine_is_freed_during_a_save)
{
	free_after_turns(save, "saved");
	ck_assert_int_lt(access("saved.incomplete", F_OK), 0);
}
END_TEST

START_TEST(machine_is_freed_while_its_core_is_written)
{
	free_after_turns(write_core, "core");
}
END_TEST

/* ------------------------------------------------------------------- it receives */

/* Until the machine has read all that was sent. */
static void wait_until_read(int end)
{
	int unread;

	do {
		cvmm_machine_dispatch(one.m);
		ck_assert_int_eq(ioctl(end, SIOCOUTQ, &unread), 0);
	} while (unread);
}

static void send_part(int end, size_t len)
{
	size_t at = 0;
	ssize_t n;

	while (at < len) {
		n = send(end, peer.bytes + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
		ck_assert(n > 0 || errno == EAGAIN);
		at += n > 0 ? (size_t)n : 0;
		cvmm_machine_dispatch(one.m);
	}
}

/* Also when its guest runs and pages are missing. */
START_TEST(machine_is_freed_while_it_receives)
{
	char incoming[32];
	unsigned int part;
	int pair[2];

	MAKE(&one, DUMB, MEMORY);
	peer_record(_i);
	fake_kvm_init();
	for (part = 0; part < 16; part++) {
		ck_assert_int_eq(vsu_sock_pair(pair), 0);
		snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", pair[1]);
		MAKE(&one, incoming);
		start(&one);
		send_part(pair[0], peer.nbytes * part / 16);
		wait_until_read(pair[0]);
		cvmm_machine_free(one.m);
		vsu_fd_close(&pair[0]);
		vsu_fd_close(&pair[1]);
		ck_assert_int_eq(vsu_fd_count(), fds);
		fake_kvm_init();
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("freed");
	TCase *tc = tcase_create("freed");

	tcase_add_checked_fixture(tc, setup, peer_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, machine_is_freed_during_an_activity, 0, COUNT(activities));
	tcase_add_test(tc, machine_is_freed_during_a_save);
	tcase_add_test(tc, machine_is_freed_while_its_core_is_written);
	tcase_add_loop_test(tc, machine_is_freed_while_it_receives, 0, peer_has_userfault() ? 2 : 1);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
