/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a machine that moves, is cancelled or fails to move, on the fake KVM. The
 * replies of the destination are in its socket before the migration begins.
 */
#define _GNU_SOURCE
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sock.h>

#include "migration/stream.h"
#include "../machine/plug_rig.h"

static struct vmm_stream there;
static int theirs;		/* the end that the machine gets */
static pthread_t late;		/* answers for the disk's server at the end; or 0 */
static pthread_t destination;	/* receives all that the machine sends */
static bool receives;
static unsigned char received[1 << 20];
static size_t nreceived;

/* The server of the disk's file, which may not answer. Replaces the C library's function. */
static struct {
	bool hangs;		/* atomic */
	int held, go;		/* eventfds: a flush hangs; it continues */
} server = { .held = -1, .go = -1 };

int fdatasync(int fd)
{
	struct pollfd p = { .fd = server.go, .events = POLLIN };

	if (__atomic_load_n(&server.hangs, __ATOMIC_ACQUIRE)) {
		vsu_event_signal(server.held);
		ck_assert_int_eq(poll(&p, 1, -1), 1);
	}
	return (int)syscall(SYS_fdatasync, fd);
}

static void server_hangs(void)
{
	server.held = vsu_event_new();
	server.go = vsu_event_new();
	ck_assert(server.held >= 0 && server.go >= 0);
	__atomic_store_n(&server.hangs, true, __ATOMIC_RELEASE);
}

static void server_answers(void)
{
	__atomic_store_n(&server.hangs, false, __ATOMIC_RELEASE);
	vsu_event_signal(server.go);
}

static void wait_for_flush(void)
{
	struct pollfd p = { .fd = server.held, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

static void *destination_main(void *arg)
{
	struct pollfd p = { .fd = there.fd, .events = POLLIN };
	size_t at = 0;
	ssize_t n = 1;

	(void)arg;
	while (n > 0 && at < sizeof(received)) {
		ck_assert_int_eq(poll(&p, 1, -1), 1);
		n = recv(there.fd, received + at, sizeof(received) - at, 0);
		at += n > 0 ? (size_t)n : 0;
		/* Pairs with the load in was_sent(). */
		__atomic_store_n(&nreceived, at, __ATOMIC_RELEASE);
	}
	return NULL;
}

static unsigned int log_ends;	/* how often the devices were told that their log ends */

void __real_vmm_sharing_end_log(struct vmm_machine *m, struct vhost_dirty_log *log);
void __wrap_vmm_sharing_end_log(struct vmm_machine *m, struct vhost_dirty_log *log);

void __wrap_vmm_sharing_end_log(struct vmm_machine *m, struct vhost_dirty_log *log)
{
	log_ends++;
	__real_vmm_sharing_end_log(m, log);
}

static bool locked;		/* atomic: another process uses a disk */

int __real_vmm_locks_get(const struct vmm_machine *m, struct vsu_error *err);
int __wrap_vmm_locks_get(const struct vmm_machine *m, struct vsu_error *err);

int __wrap_vmm_locks_get(const struct vmm_machine *m, struct vsu_error *err)
{
	return __atomic_load_n(&locked, __ATOMIC_ACQUIRE) ?
	       vsu_error_set(err, -EBUSY, "the disk is in use") : __real_vmm_locks_get(m, err);
}

static void connect_both(int own, int other)
{
	vmm_stream_init(&there);
	there.fd = own;
	theirs = other;
	ck_assert_int_eq(pthread_create(&destination, NULL, destination_main, NULL), 0);
	receives = true;
}

static void setup(void)
{
	int pair[2];

	rig_init();
	log_ends = 0;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	connect_both(pair[0], pair[1]);
}

/* Whether the machine has sent a section of that name. */
static bool was_sent(const char *name)
{
	char padded[VSU_STATE_NAME] = "";

	memcpy(padded, name, strlen(name));
	return memmem(received, __atomic_load_n(&nreceived, __ATOMIC_ACQUIRE), padded, sizeof(padded)) != NULL;
}

/* Waits until the destination has all that the machine sent before. */
static void receive_rest(void)
{
	(void)shutdown(theirs, SHUT_RDWR);
	if (receives)
		pthread_join(destination, NULL);
	receives = false;
}

static void disconnect_both(void)
{
	receive_rest();
	close(theirs);
	vmm_stream_close(&there);
}

static void teardown(void)
{
	rig_fini();
	if (late)
		pthread_join(late, NULL);
	disconnect_both();
}

static void run_to(int status, void (*what)(void))
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
					     "--device=rng", NULL };

	machine_run_to(status, words, what);
}

/* "-" is the end of the connection. */
static void reply_all(const char *const *names)
{
	for (; *names; names++) {
		if (!strcmp(*names, "-")) {
			ck_assert_int_eq(shutdown(there.fd, SHUT_WR), 0);
			continue;
		}
		vmm_stream_begin(&there, *names);
		if (!strcmp(*names, "failed"))
			vsu_state_put(&there.w, "no room", 7);
		if (!strcmp(*names, "postcopy"))
			vsu_state_put_u64(&there.w, 4096);
		ck_assert_int_eq(vmm_stream_send(&there, NULL), 0);
	}
}

#define REPLY(...) reply_all((const char *const []){ __VA_ARGS__, NULL })

/* Over a connection of its own, whose reply comes at the end. */
static int begin(const char *line)
{
	const int user = user_connect();
	const struct iovec iov = { (void *)(uintptr_t)line, strlen(line) };

	ck_assert_int_eq(vsu_sock_send(user, &iov, 1, &theirs, 1), (ssize_t)iov.iov_len);
	return user;
}

static void end_with(int user, const char *words)
{
	ck_assert_msg(strstr(user_hears(user), words) != NULL, "%s", said);
	close(user);
}

/* ----------------------------------------------------------------------- it moves */

static void moves(void)
{
	REPLY("ready", "loaded", "running");
	end_with(begin("migrate fd:0\n"), "{\"ok\":true,\"sent\":");
}

START_TEST(machine_that_moved_ends_with_status_4)
{
	run_to(VSU_EXIT_MIGRATED, moves);
	receive_rest();
	ck_assert(was_sent("arguments") && was_sent("state") && was_sent("go"));
	ck_assert_str_eq(rig.err.msg, "the guest moved to the other end of the client's connection");
}
END_TEST

/* The descriptor that was passed is closed while the connection is in use. */
START_TEST(machine_moves_over_a_tcp_socket_that_was_passed)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(at);
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int own = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	disconnect_both();
	ck_assert_int_eq(bind(listener, (const struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
	ck_assert_int_eq(connect(own, (const struct sockaddr *)&at, len), 0);
	nreceived = 0;
	connect_both(own, accept(listener, NULL, NULL));
	close(listener);
	run_to(VSU_EXIT_MIGRATED, moves);
}
END_TEST

static void moves_by_postcopy(void)
{
	REPLY("postcopy", "ready", "loaded", "running", "complete");
	end_with(begin("migrate postcopy=0 rate=1G fd:0\n"), "\"downtime_us\":");
}

START_TEST(machine_whose_pages_follow_ends_with_status_4)
{
	run_to(VSU_EXIT_MIGRATED, moves_by_postcopy);
}
END_TEST

static void is_lost(void)
{
	REPLY("postcopy", "ready", "loaded", "running", "-");
	end_with(begin("migrate postcopy=0 fd:0\n"), "and the guest is lost");
}

START_TEST(e2_33_machine_whose_destination_ends_during_postcopy_is_lost)
{
	run_to(VSU_EXIT_HOST, is_lost);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "bytes of the guest's memory had not been sent"));
}
END_TEST

/* -------------------------------------------------------------- it continues here */

static unsigned int runs(void)
{
	return __atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE);
}

static void assert_runs_here(void)
{
	const unsigned int before = runs();

	wait_for_status("\"state\":\"running\"");
	ck_assert_ptr_null(strstr(said, "\"migration\""));
	assert_told("pause\n", DONE);
	assert_told("resume\n", DONE);
	while (runs() == before)
		user_says("status\n");
}

static void is_cancelled(void)
{
	int user;

	REPLY("ready");
	user = begin("migrate fd:0\n");
	wait_for_status("\"phase\":\"stopped\"");
	assert_refusal("save folder\n", "a migration is in progress");
	assert_refusal("migrate-postcopy\n", "was started without 'postcopy'");
	assert_told("migrate-cancel\n", DONE);
	end_with(user, "it was cancelled");
	assert_runs_here();
	assert_refusal("migrate-cancel\n", "no migration is in progress");
}

START_TEST(cancelled_guest_continues)
{
	run_to(VSU_EXIT_OK, is_cancelled);
	ck_assert_int_lt(access("folder.incomplete", F_OK), 0);
}
END_TEST

static void run_with_disk(void (*what)(void))
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
					     "--transport=pci", "--disk=disk", NULL };

	server_hangs();
	machine_run_to(VSU_EXIT_OK, words, what);
}

/* The disk whose flush hangs exists until the flush ends. */
static void hangs_in_a_flush(void)
{
	int user;

	REPLY("ready");
	user = begin("migrate fd:0\n");
	wait_for_flush();
	assert_told("migrate-cancel\n", DONE);
	end_with(user, "it was cancelled");
	assert_runs_here();
	assert_told("device-del 0 force\n", DONE);
	ck_assert(has_device(0) && has_device(0) && has_device(0));
	assert_refusal("device-del 0 force\n", "released the device already");
	server_answers();
	wait_until_gone(0);
}

START_TEST(e2_39_flush_that_hangs_does_not_delay_a_cancellation)
{
	run_with_disk(hangs_in_a_flush);
}
END_TEST

/* The migration has ended before the machine closes the connections of its user. */
static void *answer_at_end(void *user)
{
	struct pollfd end = { .fd = (int)(intptr_t)user, .events = POLLIN };

	poll(&end, 1, -1);
	server_answers();
	close(end.fd);
	return NULL;
}

static void ends_in_a_flush(void)
{
	REPLY("ready");
	close(begin("migrate fd:0\n"));
	wait_for_flush();
	ck_assert_int_eq(pthread_create(&late, NULL, answer_at_end, (void *)(intptr_t)user_connect()), 0);
	assert_told("quit\n", DONE);
}

START_TEST(e2_39_flush_that_hangs_does_not_delay_the_end)
{
	run_with_disk(ends_in_a_flush);
}
END_TEST

static const char *const with_a_disk[] = {
	"kernel", OWN_MEMORY, "--serial=null", "--transport=pci", "--disk=disk", NULL,
};

/* The user of a migration, during which the guest ejects its disk. */
static int begin_and_eject(void)
{
	int user;

	assert_told("device-del 0\n", DONE);
	user = begin("migrate fd:0\n");
	wait_for_status("\"migration\"");
	assert_given(1);
	return user;
}

/* The thread of the source flushes disks, at a time that the guest cannot know. */
static void ejects_a_disk(void)
{
	const int user = begin_and_eject();

	ck_assert(has_device(0) && has_device(0) && has_device(0));
	assert_told("migrate-cancel\n", DONE);
	end_with(user, "it was cancelled");
	wait_until_gone(0);
}

START_TEST(a3_25_disk_that_the_guest_ejects_exists_until_its_migration_ends)
{
	machine_run_to(VSU_EXIT_OK, with_a_disk, ejects_a_disk);
}
END_TEST

/* A saved device would be alive again at the destination, where the guest does not expect it. */
static void ejects_and_stays(void)
{
	const int user = begin_and_eject();

	REPLY("ready", "loaded", "running");
	end_with(user, "device 0 is being removed; try again");
	wait_until_gone(0);
}

START_TEST(a3_25_disk_that_the_guest_ejects_ends_its_migration)
{
	machine_run_to(VSU_EXIT_OK, with_a_disk, ejects_and_stays);
	receive_rest();
	ck_assert(!was_sent("state"));
}
END_TEST

static const struct {
	const char *replies[5], *says;
} failures[] = {
	{ { "failed" }, "no room" }, { { "ready", "failed" }, "no room" },
	{ { "ready", "-" }, "closed the connection" },
	{ { "ready", "loaded", "failed" }, "no room" },
	{ { "ready", "running" }, "in place of" },
};

static unsigned int failure;	/* the row */

static void fails(void)
{
	reply_all(failures[failure].replies);
	end_with(begin("migrate fd:0\n"), failures[failure].says);
	assert_runs_here();
}

START_TEST(e2_16_guest_of_a_failed_migration_continues)
{
	failure = (unsigned int)_i;
	run_to(VSU_EXIT_OK, fails);
}
END_TEST

/* Both reasons are told: why it did not move, and why it does not continue. */
static void cannot_return(void)
{
	__atomic_store_n(&locked, true, __ATOMIC_RELEASE);
	REPLY("ready", "loaded", "failed");
	end_with(begin("migrate fd:0\n"), "no room; the disk is in use; the guest is paused here, and 'resume' continues it");
	assert_refusal("resume\n", "the disk is in use");
	__atomic_store_n(&locked, false, __ATOMIC_RELEASE);
	assert_told("resume\n", DONE);
	assert_runs_here();
}

START_TEST(guest_of_a_failed_migration_whose_disk_is_in_use_is_paused)
{
	run_to(VSU_EXIT_OK, cannot_return);
}
END_TEST

/* The destination has received "go", and its reply is lost. */
static void is_uncertain(void)
{
	REPLY("ready", "loaded", "-");
	end_with(begin("migrate fd:0\n"), "the guest may run there");
	assert_refusal("save folder\n", "a migration is in progress");
	assert_refusal("migrate-cancel\n", "no migration is in progress");
	assert_told("resume\n", DONE);
	assert_runs_here();
}

START_TEST(e2_16_guest_that_may_run_there_continues_only_by_command)
{
	run_to(VSU_EXIT_OK, is_uncertain);
}
END_TEST

static void ends_meanwhile(void)
{
	REPLY("ready");
	begin("migrate fd:0\n");
	wait_for_status("\"phase\":\"stopped\"");
	assert_told("quit\n", DONE);
}

START_TEST(end_of_the_machine_ends_its_migration)
{
	run_to(VSU_EXIT_OK, ends_meanwhile);
	rig_free();
	receive_rest();
	ck_assert(was_sent("state") && !was_sent("go"));
	ck_assert_uint_eq(log_ends, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("migrate");
	TCase *tc = tcase_create("migrate");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, machine_that_moved_ends_with_status_4);
	tcase_add_test(tc, machine_moves_over_a_tcp_socket_that_was_passed);
	tcase_add_test(tc, machine_whose_pages_follow_ends_with_status_4);
	tcase_add_test(tc, e2_33_machine_whose_destination_ends_during_postcopy_is_lost);
	tcase_add_test(tc, cancelled_guest_continues);
	tcase_add_test(tc, e2_39_flush_that_hangs_does_not_delay_a_cancellation);
	tcase_add_test(tc, e2_39_flush_that_hangs_does_not_delay_the_end);
	tcase_add_test(tc, a3_25_disk_that_the_guest_ejects_exists_until_its_migration_ends);
	tcase_add_test(tc, a3_25_disk_that_the_guest_ejects_ends_its_migration);
	tcase_add_loop_test(tc, e2_16_guest_of_a_failed_migration_continues, 0, COUNT(failures));
	tcase_add_test(tc, guest_of_a_failed_migration_whose_disk_is_in_use_is_paused);
	tcase_add_test(tc, e2_16_guest_that_may_run_there_continues_only_by_command);
	tcase_add_test(tc, end_of_the_machine_ends_its_migration);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
