/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a debugger of a machine; the test plays its client, on a thread, and the guest,
 * which stops as KVM's guest debugging would stop it.
 */
#include <config.h>

#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vmm-sys-util/fd.h>

#include "../machine/kernels.h"
#include "api/rules.h"
#include "../machine/user.h"

#define SOFTWARE 0x300000u	/* where the guest executes int3 if a debugger has put it there */
#define OWN 0x300100u		/* an int3 of the guest */
#define STEPS (UINT64_C(1) << 14)

static int client = -1;
static char got[8192];
static bool has_own;			/* the guest executes its int3 first */
static unsigned int injected;		/* how often that reached it */
static bool shares;			/* both CPUs write to the data that is watched, at a time */
static unsigned int writers;		/* atomic: CPUs that did */

/* ----------------------------------------------------------------------- the guest */

static int stops(struct kvm_run *run, uint32_t exception, uint64_t pc, uint64_t dr6)
{
	run->exit_reason = KVM_EXIT_DEBUG;
	run->debug.arch = (struct kvm_debug_exit_arch){ .exception = exception, .pc = pc, .dr6 = dr6 };
	return 0;
}

static unsigned char byte_at(uint64_t gpa)
{
	unsigned char byte;

	rig_read(gpa, &byte, 1);
	return byte;
}

static int guest(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	const struct kvm_guest_debug *debug = &fake.cpu[cpu].debug;

	if (shares && !n && debug->control & KVM_GUESTDBG_USE_HW_BP) {
		__atomic_fetch_add(&writers, 1, __ATOMIC_SEQ_CST);
		while (__atomic_load_n(&writers, __ATOMIC_SEQ_CST) < 2)
			sched_yield();
		return stops(run, 1, 0, 1);
	}
	if (cpu || shares)
		return FAKE_COMPUTES;
	if (debug->control & KVM_GUESTDBG_INJECT_BP) {
		injected++;
		has_own = false;
	}
	if (has_own && debug->control)
		return stops(run, 3, OWN, 0);
	if (debug->control & KVM_GUESTDBG_SINGLESTEP)
		return stops(run, 1, ++fake.cpu[0].regs.rip, STEPS);
	if (debug->control & KVM_GUESTDBG_USE_HW_BP)
		return stops(run, 1, 0, 1);
	return byte_at(SOFTWARE) == 0xcc ? stops(run, 3, SOFTWARE, 0) : FAKE_COMPUTES;
}

/* ---------------------------------------------------------------------- the client */


static void connect_client(void)
{
	const struct sockaddr_un to = { AF_UNIX, "gdb" };

	client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(client, 0);
	ck_assert_int_eq(connect(client, (const struct sockaddr *)&to, sizeof(to)), 0);
}

static void send_packet(const char *data)
{
	char packet[300];
	unsigned char sum = 0;
	const char *at;
	int n;

	for (at = data; *at; at++)
		sum = (unsigned char)(sum + (unsigned char)*at);
	n = snprintf(packet, sizeof(packet), "$%s#%02x", data, sum);
	ck_assert_int_eq(write(client, packet, (size_t)n), n);
}

/* The data of the next packet. */
static const char *next_packet(void)
{
	size_t n = 0;
	char sum[2];

	do
		ck_assert_int_eq(read(client, got, 1), 1);
	while (got[0] != '$');
	do
		ck_assert_int_eq(read(client, got + n, 1), 1);
	while (got[n++] != '#' && n < sizeof(got));
	got[n - 1] = '\0';
	ck_assert_int_eq(read(client, sum, 2), 2);
	return got;
}

static const char *ask(const char *data)
{
	send_packet(data);
	return next_packet();
}

/* The reply to a request of the guest's user. */
static const char *tell_machine(const char *line)
{
	const int user = user_connect();

	user_sends(user, line);
	user_hears(user);
	close(user);
	return said;
}

/* Runs a machine of two CPUs with the client's script, which ends it. */
static void debug_machine(void *(*script)(void *))
{
	pthread_t thread;

	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--cpus=2", "--gdb=gdb", "--gdb-wait");
	rig.user = &usual_user;
	rig_make();
	fake.guest = guest;
	ck_assert_int_eq(pthread_create(&thread, NULL, script, NULL), 0);
	rig_run_made();
	pthread_join(thread, NULL);
	ck_assert_int_eq(rig.status, 0);
	vsu_fd_close(&client);
}

static void *breaks(void *arg)
{
	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("?"), "T02thread:1;");
	ck_assert_uint_eq(fake.cpu[0].runs, 0);
	ck_assert_str_eq(ask("M300000,1:90"), "OK");
	ck_assert_str_eq(ask("Z0,300000,1"), "OK");
	ck_assert_str_eq(ask("vCont;c"), "T05thread:1;");
	ck_assert_str_eq(ask("m300000,1"), "90");
	ck_assert_uint_eq(byte_at(SOFTWARE), 0xcc);
	ck_assert_str_eq(ask("z0,300000,1"), "OK");
	ck_assert_uint_eq(byte_at(SOFTWARE), 0x90);
	send_packet("k");
	return NULL;
}

START_TEST(breakpoint_in_memory_stops_the_machine)
{
	debug_machine(breaks);
}
END_TEST

/* The bits of an execution, a write of 8 bytes and an access of 2; G of each. */
static void *uses_registers(void *arg)
{
	const struct kvm_guest_debug *debug = &fake.cpu[1].debug;

	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("Z2,1008,8"), "OK");
	ck_assert_str_eq(ask("Z1,2000,1"), "OK");
	ck_assert_str_eq(ask("Z4,3000,2"), "OK");
	ck_assert_uint_eq(debug->arch.debugreg[0], 0x1008);
	ck_assert_uint_eq(debug->arch.debugreg[2], 0x3000);
	ck_assert_uint_eq(debug->arch.debugreg[7], 0x07090600u | 0x2a);
	ck_assert_str_eq(ask("c"), "T05thread:1;watch:1008;");
	ck_assert_str_eq(ask("z2,1008,8"), "OK");
	ck_assert_str_eq(ask("z4,3000,2"), "OK");
	ck_assert_str_eq(ask("c"), "T05thread:1;");
	send_packet("k");
	return NULL;
}

START_TEST(breakpoints_of_the_processor_are_in_its_registers)
{
	debug_machine(uses_registers);
}
END_TEST

static void *steps(void *arg)
{
	unsigned int runs;

	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("P10=0010000000000000"), "OK");
	runs = __atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE);
	ck_assert_str_eq(ask("vCont;s:1"), "T05thread:1;");
	ck_assert_str_eq(ask("p10"), "0110000000000000");
	ck_assert_uint_eq(__atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE), runs);
	ck_assert_uint_eq(fake.cpu[1].debug.control & KVM_GUESTDBG_SINGLESTEP, 0);
	send_packet("k");
	return NULL;
}

START_TEST(step_of_a_cpu_leaves_the_others_where_they_are)
{
	debug_machine(steps);
}
END_TEST

static void *has_its_own(void *arg)
{
	(void)arg;
	connect_client();
	has_own = true;
	ck_assert_str_eq(ask("Z0,300000,1"), "OK");
	ck_assert_str_eq(ask("c"), "T05thread:1;");
	ck_assert_uint_eq(injected, 1);
	send_packet("k");
	return NULL;
}

START_TEST(breakpoint_of_the_guest_is_the_guests)
{
	injected = 0;
	debug_machine(has_its_own);
}
END_TEST

/* Also one that has gone without a word, while the guest runs. */
static void *leaves(void *arg)
{
	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("M300000,1:55"), "OK");
	ck_assert_str_eq(ask("Z0,300000,1"), "OK");
	ck_assert_str_eq(ask("D"), "OK");
	ck_assert_int_eq(read(client, got, 1), 0);
	vsu_fd_close(&client);
	ck_assert_uint_eq(byte_at(SOFTWARE), 0x55);
	connect_client();
	send_packet("c");
	ck_assert_int_eq(write(client, "\x03", 1), 1);
	ck_assert_str_eq(next_packet(), "T02thread:1;");
	send_packet("c");
	vsu_fd_close(&client);
	connect_client();
	ck_assert_str_eq(ask("?"), "T02thread:1;");
	send_packet("k");
	return NULL;
}

START_TEST(client_that_leaves_takes_its_breakpoints_along)
{
	debug_machine(leaves);
}
END_TEST

/* The thread whose write is reported. */
static int write_of_one(const char *stop)
{
	int thread;

	ck_assert_int_eq(sscanf(stop, "T05thread:%d;", &thread), 1);
	ck_assert_ptr_nonnull(strstr(stop, ";watch:1008;"));
	return thread;
}

static void interrupt_guest(void)
{
	ck_assert_int_eq(write(client, "\x03", 1), 1);
	ck_assert_int_eq(strncmp(next_packet(), "T02", 3), 0);
}

static void *watches_both(void *arg)
{
	char one_continues[32];
	int first;

	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("Z2,1008,8"), "OK");
	first = write_of_one(ask("c"));
	snprintf(one_continues, sizeof(one_continues), "vCont;c:%d", first);
	send_packet(one_continues);	/* the other one waits with its report */
	interrupt_guest();
	ck_assert_int_eq(write_of_one(ask("c")), 3 - first);
	send_packet("c");
	interrupt_guest();
	send_packet("k");
	return NULL;
}

START_TEST(writes_of_two_cpus_at_a_time_are_both_reported)
{
	shares = true;
	debug_machine(watches_both);
}
END_TEST

static void *watches_one(void *arg)
{
	(void)arg;
	connect_client();
	ck_assert_str_eq(ask("Z2,1008,8"), "OK");
	write_of_one(ask("c"));
	ck_assert_str_eq(ask("z2,1008,8"), "OK");
	send_packet("c");
	interrupt_guest();
	send_packet("k");
	return NULL;
}

START_TEST(write_is_not_reported_when_it_is_no_longer_watched)
{
	shares = true;
	debug_machine(watches_one);
}
END_TEST

/* ----------------------------------------------------------- what is not allowed meanwhile */

static const enum vmm_rule refused[] = {
	VMM_RULE_PAUSE, VMM_RULE_RESUME, VMM_RULE_SAVE, VMM_RULE_CORE, VMM_RULE_MIGRATE, VMM_RULE_CPUS,
};

static void *asks_others(void *arg)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned int i;

	(void)arg;
	connect_client();
	ask("?");
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		ck_assert_int_eq(vmm_rule_check(&rig.machine, refused[i], &err), -EBUSY);
		ck_assert_ptr_nonnull(strstr(err.msg, "a debugger is connected (--gdb)"));
	}
	ck_assert_int_eq(vmm_rule_check(&rig.machine, VMM_RULE_DEVICE_ADD, &err), 0);
	send_packet("k");
	return NULL;
}

START_TEST(machine_is_neither_saved_nor_continued_by_others)
{
	debug_machine(asks_others);
}
END_TEST

static void setup(void)
{
	rig_init();
	kernel_pvh();
	shares = false;
	writers = 0;
}

/* The pause of --gdb-wait has ended before, and another one is the user's. */
static void *leaves_paused(void *arg)
{
	(void)arg;
	ck_assert_ptr_nonnull(strstr(tell_machine("resume\n"), "\"ok\":true"));
	ck_assert_ptr_nonnull(strstr(tell_machine("pause\n"), "\"ok\":true"));
	connect_client();
	ck_assert_str_eq(ask("D"), "OK");
	ck_assert_int_eq(read(client, got, 1), 0);
	ck_assert_ptr_nonnull(strstr(tell_machine("status\n"), "\"paused\":true"));
	ck_assert_ptr_nonnull(strstr(tell_machine("quit\n"), "\"ok\":true"));
	return NULL;
}

START_TEST(guest_that_its_user_paused_stays_paused)
{
	debug_machine(leaves_paused);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("debugger");
	TCase *tc = tcase_create("debugger");

	tcase_add_checked_fixture(tc, setup, rig_fini);
	tcase_add_test(tc, breakpoint_in_memory_stops_the_machine);
	tcase_add_test(tc, breakpoints_of_the_processor_are_in_its_registers);
	tcase_add_test(tc, step_of_a_cpu_leaves_the_others_where_they_are);
	tcase_add_test(tc, breakpoint_of_the_guest_is_the_guests);
	tcase_add_test(tc, client_that_leaves_takes_its_breakpoints_along);
	tcase_add_test(tc, writes_of_two_cpus_at_a_time_are_both_reported);
	tcase_add_test(tc, write_is_not_reported_when_it_is_no_longer_watched);
	tcase_add_test(tc, guest_that_its_user_paused_stays_paused);
	tcase_add_test(tc, machine_is_neither_saved_nor_continued_by_others);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
