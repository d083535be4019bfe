/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a save that fails or ends with its machine, and about machines that a
 * saved state does not fit, on the fake KVM.
 */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sock.h>
#include <vmm-sys-util/state.h>

#include "../machine/plug_rig.h"
#include "../parse.h"
#include "transfer/save.h"

/* The host's disk. The functions below replace those of the C library. */
static struct {
	int fdatasync_error, fsync_error;	/* atomic; 0: the call succeeds */
	bool holds;		/* atomic: the next ftruncate() waits until its thread is joined */
	bool no_thread;		/* atomic: none can be started */
	unsigned int flushes;	/* atomic: the flush that waits; 0: none */
	unsigned int syncs;	/* likewise, of fsync() */
	int held, go;		/* eventfds */
	int user;		/* a connection of the user */
	pthread_t writer;
} host;

static long call_or_fail(const int *error, long number, int fd)
{
	errno = __atomic_load_n(error, __ATOMIC_ACQUIRE);
	return errno ? -1 : syscall(number, fd);
}

static void wait_for(int event)
{
	struct pollfd p = { .fd = event, .events = POLLIN };

	ck_assert_int_eq(poll(&p, 1, -1), 1);
}

static void hold(unsigned int *which)
{
	if (!__atomic_load_n(which, __ATOMIC_ACQUIRE) ||
	    __atomic_sub_fetch(which, 1, __ATOMIC_ACQ_REL))
		return;
	vsu_event_signal(host.held);
	wait_for(host.go);
}

int fdatasync(int fd)
{
	hold(&host.flushes);
	return (int)call_or_fail(&host.fdatasync_error, SYS_fdatasync, fd);
}

int fsync(int fd)
{
	hold(&host.syncs);
	return (int)call_or_fail(&host.fsync_error, SYS_fsync, fd);
}

int ftruncate(int fd, off_t len)
{
	if (__atomic_exchange_n(&host.holds, false, __ATOMIC_ACQ_REL)) {
		__atomic_store_n(&host.writer, pthread_self(), __ATOMIC_RELEASE);
		vsu_event_signal(host.held);
		wait_for(host.go);
	}
	return (int)syscall(SYS_ftruncate, fd, len);
}

int __real_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id, void *(*fn)(void *),
			    void *arg);
int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id, void *(*fn)(void *),
			    void *arg);

int __wrap_vsu_thread_start(const struct vsu_threads *threads, pthread_t *id, void *(*fn)(void *),
			    void *arg)
{
	return __atomic_load_n(&host.no_thread, __ATOMIC_ACQUIRE) ? -EAGAIN :
	       __real_vsu_thread_start(threads, id, fn, arg);
}

int __real_pthread_join(pthread_t thread, void **result);
int __wrap_pthread_join(pthread_t thread, void **result);

int __wrap_pthread_join(pthread_t thread, void **result)
{
	int rc;

	if (pthread_equal(thread, __atomic_load_n(&host.writer, __ATOMIC_ACQUIRE)))
		vsu_event_signal(host.go);
	rc = __real_pthread_join(thread, result);
	ck_assert_int_eq(rc, 0);
	return rc;
}

static const char host_sectors[65536];

static void setup(void)
{
	rig_init();
	memset(&host, 0, sizeof(host));
	host.held = vsu_event_new();
	host.go = vsu_event_new();
}

static bool exists(const char *path)
{
	return !access(path, F_OK);
}

static void teardown(void)
{
	unlink("saved/memory");
	unlink("saved/state");
	unlink("saved/machine.json");
	rmdir("saved");
	rig_fini();
	close(host.held);
	close(host.go);
}

static void run(const char *device, void (*what)(void))
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
				      device, NULL };

	machine_run_words(words, what);
}

/* ----------------------------------------------------------------- a failed save */

static unsigned int runs(void)
{
	return __atomic_load_n(&fake.cpu[1].runs, __ATOMIC_ACQUIRE);
}

/* Afterwards no folder is left. */
static void refuse_to_save(int *error)
{
	__atomic_store_n(error, EIO, __ATOMIC_RELEASE);
	assert_refusal("save saved\n", "Input/output error");
	__atomic_store_n(error, 0, __ATOMIC_RELEASE);
	ck_assert(!exists("saved") && !exists("saved.incomplete"));
	wait_for_status("\"state\":\"running\"");
}

/* A processor that was paused. */
static void wait_for_guest(unsigned int before)
{
	while (runs() == before)
		poll(NULL, 0, 1);
}

static void flush_of_an_overlay(void)
{
	unsigned int before;

	wait_for_guest(0);
	before = runs();
	refuse_to_save(&host.fdatasync_error);
	ck_assert_uint_eq(runs(), before);
}

START_TEST(failed_flush_of_an_overlay_fails_the_save)
{
	rig_file("overlay", "", 0);
	run("--disk=disk,overlay=overlay", flush_of_an_overlay);
}
END_TEST

static void file_of_the_folder(void)
{
	const unsigned int before = runs();

	refuse_to_save(&host.fsync_error);
	wait_for_guest(before);
	assert_told("save saved\n", DONE);
	ck_assert(exists("saved/machine.json"));
}

START_TEST(guest_continues_after_a_failed_save_and_can_be_saved)
{
	run("--disk=disk", file_of_the_folder);
}
END_TEST

/* ------------------------------------------------------------ a flush that hangs */

static void first_flush_hangs(void)
{
	const int user = user_connect();

	__atomic_store_n(&host.flushes, 1, __ATOMIC_RELEASE);
	user_sends(user, "save saved\n");
	wait_for(host.held);
	wait_for_status("\"state\":\"saving\"");
	port_in(VARCH_PORT_SLEEP_STATUS);	/* does not return while the guest is paused */
	vsu_event_signal(host.go);
	ck_assert_str_eq(user_hears(user), DONE);
	close(user);
	ck_assert(exists("saved/machine.json"));
}

START_TEST(guest_runs_until_its_disks_are_flushed)
{
	run("--disk=disk", first_flush_hangs);
}
END_TEST

/* The flush hangs of what was written after the first flush. */
static void second_flush_hangs(void)
{
	const unsigned int before = runs();

	rig.machine.pause.limit.seconds = 0.05;
	__atomic_store_n(&host.flushes, 2, __ATOMIC_RELEASE);
	assert_refusal("save saved\n", "the flush of a disk did not end in time");
	ck_assert(!exists("saved") && !exists("saved.incomplete"));
	wait_for_guest(before);
	wait_for(host.held);
	vsu_event_signal(host.go);
	rig.machine.pause.limit.seconds = 0;
	assert_told("save saved\n", DONE);
}

START_TEST(e2_39_flush_that_hangs_ends_the_pause_of_a_save)
{
	run("--disk=disk", second_flush_hangs);
}
END_TEST

static void quit_while_it_flushes(void)
{
	const int user = user_connect();

	__atomic_store_n(&host.flushes, 1, __ATOMIC_RELEASE);
	user_sends(user, "save saved\n");
	wait_for(host.held);
	assert_told("quit\n", DONE);
	close(user);
}

START_TEST(e2_39_flush_that_hangs_does_not_delay_the_end_of_a_save)
{
	run("--disk=disk", quit_while_it_flushes);
	vsu_event_signal(host.go);
	rig_free();
	ck_assert(!exists("saved") && !exists("saved.incomplete"));
}
END_TEST

/* ---------------------------------------------------------- files that hang */

static void sync_hangs(void)
{
	const int user = user_connect();
	unsigned int before;

	wait_for_guest(0);
	before = runs();
	__atomic_store_n(&host.syncs, 1, __ATOMIC_RELEASE);
	user_sends(user, "save saved\n");
	wait_for(host.held);
	wait_for_guest(before);
	wait_for_status("\"state\":\"saving\"");
	ck_assert(!exists("saved"));
	vsu_event_signal(host.go);
	ck_assert_str_eq(user_hears(user), DONE);
	close(user);
	ck_assert(exists("saved/machine.json"));
}

START_TEST(guest_runs_while_the_files_are_synchronized)
{
	run("--disk=disk", sync_hangs);
}
END_TEST

/* The save is complete, although the guest does not wait for it. */
static void ends_while_it_syncs(void)
{
	const int user = user_connect();

	host.user = user;
	__atomic_store_n(&host.syncs, 1, __ATOMIC_RELEASE);
	user_sends(user, "save saved\n");
	wait_for(host.held);
	wait_for_guest(0);
	assert_told("quit\n", DONE);
	vsu_event_signal(host.go);
}

START_TEST(end_of_the_machine_completes_a_save_that_is_written)
{
	run("--device=rng", ends_while_it_syncs);
	rig_free();
	ck_assert_str_eq(user_hears(host.user), DONE);
	close(host.user);
	ck_assert(exists("saved/machine.json") && !exists("saved.incomplete"));
}
END_TEST

/* By a client that does not wait any longer. */
static void files_are_removed(void)
{
	static const char *const names[] = { "m", "s", "w" };
	char line[] = "save fd:0 fd:1 fd:2 then=quit\n";
	const struct iovec iov = { line, strlen(line) };
	const int user = user_connect();
	unsigned int i;
	int fds[3];

	for (i = 0; i < 3; i++) {
		fds[i] = open(names[i], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		ck_assert_int_ge(fds[i], 0);
	}
	__atomic_store_n(&host.syncs, 1, __ATOMIC_RELEASE);
	ck_assert_int_eq(vsu_sock_send(user, &iov, 1, fds, 3), (int)strlen(line));
	wait_for(host.held);
	for (i = 0; i < 3; i++) {
		unlink(names[i]);
		close(fds[i]);
	}
	vsu_event_signal(host.go);
	ck_assert_ptr_nonnull(strstr(user_hears(user), "was removed before the save was complete"));
	close(user);
	wait_for_status("\"state\":\"running\"");
}

START_TEST(e3_28_guest_does_not_end_for_a_save_that_was_removed)
{
	run("--device=rng", files_are_removed);
}
END_TEST

static void fails_while_the_guest_is_paused(void)
{
	assert_told("pause\n", DONE);
	__atomic_store_n(&host.fsync_error, EIO, __ATOMIC_RELEASE);
	assert_refusal("save saved\n", "Input/output error");
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_NONE);
	__atomic_store_n(&host.fsync_error, 0, __ATOMIC_RELEASE);
	assert_told("save kept\n", DONE);
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_HELD);
	assert_refusal("device-add rng,color=red\n", "color");
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_HELD);
	__atomic_store_n(&host.holds, true, __ATOMIC_RELEASE);
	rig.machine.pause.limit.seconds = 0.5;
	assert_refusal("save saved\n", "nothing was written");
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_HELD);
	vsu_event_signal(host.go);
	wait_for_status("\"state\":\"paused\"");
	assert_told("resume\n", DONE);
}

static void plugs_are_refused(void)
{
	static const struct { const char *line, *why; } refusals[] = {
		{ "device-del 0\n", "the device is memory of the guest" },
		{ "device-add blk,path=nowhere\n", "nowhere" },
	};
	unsigned int i;

	assert_told("save saved then=pause\n", DONE);
	for_rows(i, COUNT(refusals)) {
		assert_refusal(refusals[i].line, refusals[i].why);
		ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_HELD);
	}
	assert_told("device-add rng\n", ADDED(1));
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_NONE);
	assert_told("resume\n", DONE);
}

/* A request in a queue would change a disk that the user copies. */
START_TEST(devices_of_a_saved_guest_stay_stopped_if_none_comes_or_goes)
{
	run("--mem=size=128M", plugs_are_refused);
}
END_TEST

static void migration_does_not_begin(void)
{
	assert_told("save saved then=pause\n", DONE);
	__atomic_store_n(&host.no_thread, true, __ATOMIC_RELEASE);
	assert_refusal("migrate unix:nowhere\n", "cannot start a thread");
	__atomic_store_n(&host.no_thread, false, __ATOMIC_RELEASE);
	ck_assert_int_eq(rig.machine.pause.stop.phase, VMM_STOP_HELD);
	assert_told("resume\n", DONE);
}

START_TEST(devices_of_a_saved_guest_stay_stopped_if_a_migration_does_not_begin)
{
	run("--device=rng", migration_does_not_begin);
}
END_TEST

/* They are only stopped while the disks are those of a saved machine. */
START_TEST(devices_of_a_paused_guest_run_after_a_failed_save)
{
	run("--device=rng", fails_while_the_guest_is_paused);
	ck_assert_int_eq(rename("kept", "saved"), 0);
}
END_TEST

static void write_hangs(void)
{
	unsigned int before;

	wait_for_guest(0);
	before = runs();
	rig.machine.pause.limit.seconds = 0.5;
	__atomic_store_n(&host.holds, true, __ATOMIC_RELEASE);
	assert_refusal("save saved\n", "nothing was written for 1.5 seconds");
	wait_for_guest(before);
	assert_refusal("save other\n", "another save is in progress");
	vsu_event_signal(host.go);
	wait_for_status("\"state\":\"running\"");
	ck_assert(!exists("saved") && !exists("saved.incomplete"));
	rig.machine.pause.limit.seconds = 0;
	assert_told("save saved\n", DONE);
}

START_TEST(e2_39_write_that_hangs_ends_the_pause_of_a_save)
{
	run("--device=rng", write_hangs);
}
END_TEST

/* ------------------------------------------------------- the end of its machine */

static void quit_while_it_writes(void)
{
	const int user = user_connect();

	__atomic_store_n(&host.holds, true, __ATOMIC_RELEASE);
	user_sends(user, "save saved\n");
	wait_for(host.held);
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"saving\":{"));
	assert_told("quit\n", DONE);
	close(user);
}

START_TEST(end_of_the_machine_cancels_a_save_and_removes_its_files)
{
	run("--device=rng", quit_while_it_writes);
	ck_assert(exists("saved.incomplete/memory"));
	rig_free();
	ck_assert(!exists("saved") && !exists("saved.incomplete"));
}
END_TEST

/* ------------------------------------------------------------- another machine */

static void save(void)
{
	assert_told("save saved\n", DONE);
}

static int load(const char *cpus, const char *device)
{
	const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--from=saved",
				      cpus, device, NULL };

	rig_free();
	fake_kvm_init();
	fake.has_msi = true;
	rig_options(words);
	return rig_try(NULL);
}

static const struct other {
	const char *cpus, *device, *says;	/* says NULL: it continues */
} others[] = {
	{ "--cpus=2", "--device=rng", NULL },
	{ "--cpus=2", "--disk=disk", "device 0 of the saved machine differs from the specified one" },
	{ "--cpus=2", "--cpu=plain", "the saved machine has 1 devices, but 0 are specified" },
	{ "--cpus=1", "--device=rng", "the saved machine has 2 CPUs, but 1 are specified" },
};

START_TEST(state_is_loaded_into_the_same_machine_only)
{
	const struct other *other = &others[_i];
	int status;

	run("--device=rng", save);
	status = load(other->cpus, other->device);
	ck_assert_msg((status == VSU_EXIT_OK) == !other->says, "%u: %s", _i, rig.err.msg);
	ck_assert_msg(!other->says || strstr(rig.err.msg, other->says), "%u: %s", _i, rig.err.msg);
	ck_assert(fake.cpu[0].has_regs == !other->says);
}
END_TEST

static size_t read_file(const char *path, void *bytes, size_t size)
{
	FILE *f = fopen(path, "r");
	size_t len;

	ck_assert_ptr_nonnull(f);
	len = fread(bytes, 1, size, f);
	fclose(f);
	return len;
}

static void write_file(const char *path, const void *bytes, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

/* Writes the state again, with the section of this number longer by some bytes; returns its name. */
static const char *resize_section(const struct vsu_state *state, unsigned int number, int bytes)
{
	static char name[64];
	struct vsu_state_writer w = { 0 };
	struct vsu_state_section s;
	size_t at = 16;

	vsu_state_begin(&w, vmm_state_kinds);
	for (name[0] = '\0'; !vsu_state_next(state, &at, &s, NULL) && strcmp(s.name, "end"); number--) {
		vsu_state_section(&w, s.name, s.instance);
		if (!number)
			snprintf(name, sizeof(name), "%s", s.name);
		if (!number && bytes < 0 && s.len)
			s.len--;
		vsu_state_put(&w, s.bytes, s.len);
		if (!number && bytes > 0)
			vsu_state_put(&w, "", 1);
		vsu_state_section_end(&w);
	}
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	write_file("saved/state", w.out.bytes, w.out.len);
	free(w.out.bytes);
	return name;
}

/* Writes the state again, with a section that names its architecture. */
static void name_architecture(const struct vsu_state *state, const char *text)
{
	struct vsu_state_writer w = { 0 };
	struct vsu_state_section s;
	size_t at = 16;

	vsu_state_begin(&w, vmm_state_kinds);
	vsu_state_section(&w, "architecture", 0);
	vsu_state_put(&w, text, strlen(text));
	vsu_state_section_end(&w);
	while (!vsu_state_next(state, &at, &s, NULL) && strcmp(s.name, "end")) {
		vsu_state_section(&w, s.name, s.instance);
		vsu_state_put(&w, s.bytes, s.len);
		vsu_state_section_end(&w);
	}
	ck_assert_int_eq(vsu_state_finish(&w), 0);
	write_file("saved/state", w.out.bytes, w.out.len);
	free(w.out.bytes);
}

START_TEST(machine_of_another_architecture_is_refused_by_name)
{
	static unsigned char bytes[1 << 20];
	struct vsu_state state = { bytes, 0 };

	run("--device=rng", save);
	state.len = read_file("saved/state", bytes, sizeof(bytes));
	name_architecture(&state, "arm64");
	ck_assert_int_eq(load("--cpus=2", "--device=rng"), VSU_EXIT_DATA);
	ck_assert_msg(strstr(rig.err.msg, "a machine of arm64, which a host of x86-64 cannot continue"), "%s", rig.err.msg);
	name_architecture(&state, "x\n");
	ck_assert_int_eq(load("--cpus=2", "--device=rng"), VSU_EXIT_DATA);
	ck_assert_msg(strstr(rig.err.msg, "a machine of another architecture"), "%s", rig.err.msg);
	name_architecture(&state, "x86-64");
	ck_assert_int_eq(load("--cpus=2", "--device=rng"), VSU_EXIT_OK);
}
END_TEST

/* Facts for people, and what is verified on demand. */
static bool is_skipped(const char *name)
{
	return !strcmp(name, "origin") || !strcmp(name, "checksums");
}

START_TEST(d1_62_section_of_another_length_is_refused_by_name)
{
	static unsigned char bytes[1 << 20];
	struct vsu_state state = { bytes, 0 };
	const char *name;
	unsigned int n;

	run("--device=rng", save);
	state.len = read_file("saved/state", bytes, sizeof(bytes));
	ck_assert_int_eq(vsu_state_check(&state, vmm_state_kinds, &rig.err), 0);
	for (n = 0; (name = resize_section(&state, n, _i ? 1 : -1))[0]; n++) {
		if (is_skipped(name))
			continue;
		ck_assert_int_eq(load("--cpus=2", "--device=rng"), VSU_EXIT_DATA);
		ck_assert_msg(strcasestr(rig.err.msg, name), "%u, %s: %s", n, name, rig.err.msg);
	}
	ck_assert_uint_ge(n, 10);
}
END_TEST

/* The disks have changed places, and another one is the second. */
START_TEST(clone_has_no_file_of_any_device_of_the_saved_machine)
{
	static const char *const words[] = { "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
					     "--disk=disk", "--disk=other", NULL };
	static const char *const run_words[] = { "run", "kernel", OWN_MEMORY, "--serial=null", "--cpus=2",
						 "--disk=disk", "--disk=other", NULL };
	struct vmm_options original;

	rig_file("other", host_sectors, sizeof(host_sectors));
	rig_file("third", host_sectors, sizeof(host_sectors));
	machine_run_words(words, save);
	rig_free();
	fake_kvm_init();
	fake.has_msi = true;
	ck_assert_int_eq(parse_options(&original, COUNT(run_words) - 1, (char **)(uintptr_t)run_words,
					   &rig.err), 0);
	RIG_OPTIONS("kernel", OWN_MEMORY, "--serial=null", "--from=saved", "--cpus=2", "--disk=other",
		    "--disk=third");
	rig.options.start.saved = &original.machine;
	ck_assert_int_ne(rig_try(NULL), VSU_EXIT_OK);
	ck_assert_msg(strstr(rig.err.msg, "option --clone: device 0: 'other' belongs to the saved machine") != NULL,
		      "%s", rig.err.msg);
	vmm_options_free(&original);
	unlink("other");
	unlink("third");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("save");
	TCase *tc = tcase_create("save");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, failed_flush_of_an_overlay_fails_the_save);
	tcase_add_test(tc, guest_continues_after_a_failed_save_and_can_be_saved);
	tcase_add_test(tc, guest_runs_until_its_disks_are_flushed);
	tcase_add_test(tc, e2_39_flush_that_hangs_ends_the_pause_of_a_save);
	tcase_add_test(tc, e2_39_flush_that_hangs_does_not_delay_the_end_of_a_save);
	tcase_add_test(tc, guest_runs_while_the_files_are_synchronized);
	tcase_add_test(tc, end_of_the_machine_completes_a_save_that_is_written);
	tcase_add_test(tc, e3_28_guest_does_not_end_for_a_save_that_was_removed);
	tcase_add_test(tc, devices_of_a_paused_guest_run_after_a_failed_save);
	tcase_add_test(tc, devices_of_a_saved_guest_stay_stopped_if_none_comes_or_goes);
	tcase_add_test(tc, devices_of_a_saved_guest_stay_stopped_if_a_migration_does_not_begin);
	tcase_add_test(tc, e2_39_write_that_hangs_ends_the_pause_of_a_save);
	tcase_add_test(tc, end_of_the_machine_cancels_a_save_and_removes_its_files);
	tcase_add_loop_test(tc, state_is_loaded_into_the_same_machine_only, 0, COUNT(others));
	tcase_add_test(tc, clone_has_no_file_of_any_device_of_the_saved_machine);
	tcase_add_test(tc, machine_of_another_architecture_is_refused_by_name);
	tcase_add_loop_test(tc, d1_62_section_of_another_length_is_refused_by_name, 0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
