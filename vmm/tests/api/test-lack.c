/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about machines that continue from a folder or from the stream of a migration, on a
 * host that lacks memory, descriptors, mappings, threads or a part of KVM. Each call fails
 * in turn: the machine fails with a sentence, and releases everything.
 */
#include <config.h>

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../machine/kernels.h"
#include "../machine/lack.h"
#include "../machine/rig.h"
#include "peer.h"

#define WORDS_OF_ALL "kernel", "--serial=null", "--memory=size=16M,backend=memfd", "--cpus=2", \
		     "--device=rng", "--disk=path=disk,engine=sync", "--device=balloon"

static void setup(void)
{
	static const char sectors[65536];

	peer_setup();
	kernel_pvh();
	rig_file("disk", sectors, sizeof(sectors));
	fake.has_msi = false;
	MAKE(&one, WORDS_OF_ALL);
}

static void save(enum cvmm_then then)
{
	const struct cvmm_save target = { .size = sizeof(target), .folder = "saved", .then = then };

	start(&one);
	OK(cvmm_machine_save(one.m, &target, on_answer, &one, &err));
	wait_for_answer(&one);
	cvmm_machine_free(one.m);
	peer_close();
}

/* Takes turns until the guest has arrived, or will not arrive. 0, or a negative errno. */
static int wait_for_guest(void)
{
	struct cvmm_statistics s = { .size = sizeof(s), .state = CVMM_STATE_WAITING };
	struct pollfd turn = { .fd = cvmm_machine_fd(one.m), .events = POLLIN };

	while (cvmm_machine_dispatch(one.m)) {
		if (!cvmm_machine_get_statistics(one.m, &s, NULL) && s.state != CVMM_STATE_WAITING)
			return 0;
		poll(&turn, 1, -1);
	}
	return cvmm_machine_status(one.m, &err) ? err.code : 0;
}

/* Without Check, whose own calls would fail. */
static int make_with_option(const char *option)
{
	const struct cvmm_host host = { .size = sizeof(host) };
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, &err);

	one.m = NULL;
	if (rc < 0)
		return rc;
	rc = cvmm_options_add_words(o, WORDS(option), &err);
	if (!rc)
		rc = cvmm_machine_new(o, &host, &one.m, &err);
	cvmm_options_free(o);
	return rc;
}

/* Makes and starts a machine with this option, whose n-th call fails. */
static int continue_with(const char *option, int n)
{
	int rc;

	fake_kvm_init();
	vsu_error_clear(&err);
	lack_begin(n);
	rc = make_with_option(option);
	if (!rc)
		rc = cvmm_machine_start(one.m, &err);
	if (!rc)
		rc = wait_for_guest();
	lack_end();
	cvmm_machine_free(one.m);
	return rc;
}

static int from_folder(int n)
{
	return continue_with("--from=saved", n);
}

static int from_stream(int n)
{
	char incoming[32];
	int pair[2], rc;

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	ck_assert_int_eq(send(pair[0], peer.bytes, peer.nbytes, 0), (ssize_t)peer.nbytes);
	ck_assert_int_eq(shutdown(pair[0], SHUT_WR), 0);
	snprintf(incoming, sizeof(incoming), "--incoming=fd:%d", pair[1]);
	rc = continue_with(incoming, n);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

/*
 * Each call of those that a success makes fails, alone or with all later ones. The source of a
 * post-copy is lost after the switch: its machine ends in any case, without waiting for pages.
 */
static void fail_each_call(int (*make)(int n), bool is_lost)
{
	unsigned int maps;
	int n, rc, fds;

	rc = make(-1);		/* opens what libraries open once */
	ck_assert_msg(!rc || is_lost, "%s", err.msg);
	fds = vsu_fd_count();
	maps = lack_file_maps();
	for (n = 0; n < 5000; n++) {
		rc = make(n);
		if (!lack.failures)
			break;
		ck_assert_msg(rc < 0 || lack.for_good || lack_is_optional(), "call %d: %s() %#lx failed unnoticed",
			      n, lack.failed, lack.request);
		ck_assert_msg(!rc || err.msg[0], "call %d (%s): no sentence", n, lack.failed);
		ck_assert_msg(vsu_fd_count() == fds, "call %d (%s, %s): %d descriptors, not %d", n,
			      lack.failed, err.msg, vsu_fd_count(), fds);
		ck_assert_msg(lack_file_maps() == maps, "call %d (%s, %s): mappings remain", n,
			      lack.failed, err.msg);
	}
	ck_assert_int_gt(n, 60);
	ck_assert_msg(!rc || is_lost, "%s", err.msg);
}

START_TEST(folder_is_left_by_any_failing_call)
{
	save(CVMM_THEN_PAUSE);
	lack.for_good = _i;
	fail_each_call(from_folder, false);
}
END_TEST

START_TEST(stream_is_left_by_any_failing_call)
{
	peer_record(_i / 2);
	lack.for_good = _i % 2;
	lack.in_first_thread = true;
	fail_each_call(from_stream, _i / 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lack");
	TCase *tc = tcase_create("lack");

	tcase_set_timeout(tc, 240);
	tcase_add_checked_fixture(tc, setup, peer_teardown);
	tcase_add_loop_test(tc, folder_is_left_by_any_failing_call, 0, 2);
	tcase_add_loop_test(tc, stream_is_left_by_any_failing_call, 0, peer_has_userfault() ? 4 : 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
