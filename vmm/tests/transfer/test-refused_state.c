/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a KVM that refuses a part of a machine's state. Each call fails in turn: a
 * save is refused and leaves nothing, and no machine continues with a part of its state.
 */
#include <config.h>

#include <unistd.h>

#include <vmm-sys-util/exit.h>

#include "../machine/plug_rig.h"

#define MAX_CALLS 200

static int left = -1;		/* atomic: calls that succeed before one fails; negative: none fails */
static unsigned long failed;	/* atomic: the request that failed; 0: none */

/* A machine works without these; MSRs are tried one by one, see x86/test-msrs. */
static bool is_optional(unsigned long request)
{
	return request == KVM_GET_MSRS || request == KVM_SET_MSRS || request == KVM_GET_TSC_KHZ ||
	       request == KVM_X86_GET_MCE_CAP_SUPPORTED || request == KVM_X86_SETUP_MCE;
}

static bool fails_once(int code)
{
	(void)code;
	if (is_optional(fake_request) || __atomic_load_n(&left, __ATOMIC_ACQUIRE) < 0 ||
	    __atomic_fetch_sub(&left, 1, __ATOMIC_ACQ_REL))
		return false;
	__atomic_store_n(&failed, fake_request, __ATOMIC_RELEASE);
	return true;
}

/* Threads of processors start during a save: only calls that read fail. */
static bool read_fails_once(int code)
{
	return _IOC_DIR(fake_request) & _IOC_READ && fails_once(code);
}

static void arm(int n)
{
	__atomic_store_n(&failed, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&left, n, __ATOMIC_RELEASE);
}

/* The request that failed, or 0. */
static unsigned long disarm(void)
{
	__atomic_store_n(&left, -1, __ATOMIC_RELEASE);
	return __atomic_load_n(&failed, __ATOMIC_ACQUIRE);
}

static void remove_saved(void)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	rmdir("saved");
}

static void setup(void)
{
	rig_init();
	disarm();
}

static void teardown(void)
{
	remove_saved();
	rig_fini();
}

static void run(void (*what)(void))
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
				      "--device=rng", NULL };

	machine_run_words(words, what);
}

static void save_with_failures(void)
{
	unsigned long request;
	bool done;
	int n;

	for (n = 0; n < MAX_CALLS; n++) {
		arm(n);
		done = !strcmp(user_says("save saved\n"), DONE);
		request = disarm();
		ck_assert_msg(!request == done, "call %d: %#lx: %s", n, request, said);
		ck_assert_int_eq(access("saved", F_OK), done ? 0 : -1);
		if (done)
			break;
		wait_for_status("\"state\":\"running\"");
	}
	ck_assert_int_gt(n, 10);
	ck_assert_int_lt(n, MAX_CALLS);
}

START_TEST(any_failing_call_refuses_a_save)
{
	fake.lacks = read_fails_once;	/* before threads of processors read it */
	run(save_with_failures);
}
END_TEST

static void save(void)
{
	assert_told("save saved\n", DONE);
}

/* The status of a new machine whose n-th call fails; *request is that call. */
static int load(int n, unsigned long *request)
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--from=saved", "--cpus=2", "--serial=null",
				      "--device=rng", NULL };
	int status;

	rig_free();	/* the former one */
	fake_kvm_init();
	fake.has_msi = true;
	fake.lacks = fails_once;
	rig_options(words);
	vsu_error_clear(&rig.err);
	arm(n);
	status = rig_try(NULL);
	*request = disarm();
	return status;
}

START_TEST(any_failing_call_refuses_a_saved_machine)
{
	unsigned long request;
	int n, status;

	run(save);
	for (n = 0; n < MAX_CALLS; n++) {
		status = load(n, &request);
		if (!request)
			break;
		ck_assert_msg(status == VSU_EXIT_HOST && rig.err.msg[0],
			      "call %d, %#lx: status %d: %s", n, request, status, rig.err.msg);
	}
	ck_assert_msg(!status, "%s", rig.err.msg);
	ck_assert_int_gt(n, 30);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("transfer");
	TCase *tc = tcase_create("refused state");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, any_failing_call_refuses_a_save);
	tcase_add_test(tc, any_failing_call_refuses_a_saved_machine);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
