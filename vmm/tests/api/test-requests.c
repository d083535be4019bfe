/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about requests of an owner, as functions. */
#include <config.h>

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../guests.h"
#include "owner.h"

static struct one one;

static void expect_running(struct one *o)
{
	ck_assert_int_eq(state_of(o), CVMM_STATE_RUNNING);
	o->answered = false;
}

static void make_folder(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", folder, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

static int open_in(const char *path, const char *name)
{
	char file[160];
	int fd;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	return fd;
}

/* -------------------------------------------------------------- whole machine */

START_TEST(pause_and_resume_are_complete_when_they_return)
{
	MAKE(&one, LOOPS);
	ck_assert_int_eq(cvmm_machine_pause(one.m, &err), -EAGAIN);
	start(&one);
	OK(cvmm_machine_pause(one.m, &err));
	OK(cvmm_machine_pause(one.m, &err));
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 1);
	OK(cvmm_machine_resume(one.m, &err));
	ck_assert_uint_eq(one.seen[CVMM_EVENT_RESUMED], 1);
	expect_running(&one);
	cvmm_machine_free(one.m);
}
END_TEST

static const struct {
	int (*end)(struct cvmm_machine *m, struct vsu_error *err);
	int status;
} ends[] = {
	{ cvmm_machine_stop, VSU_EXIT_OK },
	{ cvmm_machine_reset, VSU_EXIT_REBOOT },
};

START_TEST(end_has_the_status_of_its_request)
{
	MAKE(&one, LOOPS);
	start(&one);
	OK(ends[_i].end(one.m, &err));
	ck_assert_int_eq(run_to_end(&one), ends[_i].status);
	ck_assert_int_eq(ends[_i].end(one.m, &err), -EAGAIN);
	cvmm_machine_free(one.m);
}
END_TEST

/* ----------------------------------------------------------------------- save */

static void save(const struct cvmm_save *target)
{
	one.answered = false;
	OK(cvmm_machine_save(one.m, target, on_answer, &one, &err));
	wait_for_answer(&one);
}

/* The saved machine runs. */
static void expect_saved(const char *path)
{
	char from[160];
	struct one clone;

	snprintf(from, sizeof(from), "--from=%s", path);
	MAKE(&clone, from, "--clone");
	start(&clone);
	expect_running(&clone);
	cvmm_machine_free(clone.m);
}

START_TEST(machine_is_saved_by_path)
{
	const int before = vsu_fd_count();
	struct cvmm_save target = { .size = sizeof(target), .then = CVMM_THEN_STOP };
	char path[128];

	snprintf(path, sizeof(path), "%s/saved", folder);
	target.folder = path;
	MAKE(&one, LOOPS);
	start(&one);
	save(&target);
	ck_assert_int_eq(run_to_end(&one), VSU_EXIT_OK);
	expect_saved(path);
	cvmm_machine_free(one.m);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

/* A command, whose answer begins a save. */
static struct cvmm_save second;

static void on_first_answer(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	(void)opaque;
	(void)why;
	(void)answer;
	OK(cvmm_machine_save(one.m, &second, on_answer, &one, &err));
}

static void save_first(void)
{
	struct cvmm_save first = { .size = sizeof(first) };
	char path[128];

	snprintf(path, sizeof(path), "%s/first", folder);
	first.folder = path;
	OK(cvmm_machine_save(one.m, &first, on_first_answer, NULL, &err));
}

static void write_core_first(void)
{
	struct cvmm_core core = { .size = sizeof(core), .fd = open_in(folder, "core") };

	OK(cvmm_machine_write_core(one.m, &core, on_first_answer, NULL, &err));
	vsu_fd_close(&core.fd);
}

static void fail_to_move_first(void)
{
	struct cvmm_migration g = { .size = sizeof(g) };
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	g.sock = socks[0];
	OK(cvmm_machine_migrate(one.m, &g, on_first_answer, NULL, &err));
	vsu_fd_close(&socks[0]);
	vsu_fd_close(&socks[1]);
}

static void (*const firsts[])(void) = { save_first, write_core_first, fail_to_move_first };

START_TEST(answer_may_begin_another_command)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/second", folder);
	second = (struct cvmm_save){ .size = sizeof(second), .folder = path };
	MAKE(&one, LOOPS);
	start(&one);
	one.answered = false;
	firsts[_i]();
	wait_for_answer(&one);
	expect_saved(path);
	expect_running(&one);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(owner_refuses_saves_and_migrations)
{
	const struct cvmm_migration migration = { .size = sizeof(migration), .address = "unix:/nonexistent" };
	char path[128];
	const struct cvmm_save target = { .size = sizeof(target), .folder = path };

	make_folder(path, "refused");
	ck_assert_int_eq(rmdir(path), 0);
	MAKE(&one, LOOPS);
	start(&one);
	cvmm_machine_refuse_copies(one.m, "the owner's sentence");
	assert_refused(cvmm_machine_save(one.m, &target, on_answer, &one, &err), -EOPNOTSUPP, "save: the owner's sentence", err);
	assert_refused(cvmm_machine_migrate(one.m, &migration, on_answer, &one, &err), -EOPNOTSUPP, "migrate: the owner's sentence", err);
	ck_assert_int_ne(access(path, F_OK), 0);
	cvmm_machine_refuse_copies(one.m, NULL);
	save(&target);
	expect_saved(path);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(machine_is_saved_to_an_open_folder)
{
	const int before = vsu_fd_count();
	struct cvmm_save target = { .size = sizeof(target), .nfds = 1 };
	char path[128];
	int fd;

	make_folder(path, "open");
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	target.fds = &fd;
	MAKE(&one, LOOPS);
	start(&one);
	save(&target);
	expect_saved(path);
	ck_assert_int_eq(cvmm_machine_save(one.m, &target, on_answer, &one, &err), -EEXIST);
	expect_saved(path);
	cvmm_machine_free(one.m);
	vsu_fd_close(&fd);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(machine_is_saved_to_open_files)
{
	struct cvmm_save target = { .size = sizeof(target), .nfds = 3, .then = CVMM_THEN_PAUSE };
	char path[128];
	int fds[3];

	make_folder(path, "files");
	fds[0] = open_in(path, "memory");
	fds[1] = open_in(path, "state");
	fds[2] = open_in(path, "machine.json");
	target.fds = fds;
	MAKE(&one, LOOPS);
	start(&one);
	save(&target);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_PAUSED], 1);
	expect_saved(path);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(cancelled_save_leaves_an_open_folder_empty)
{
	struct cvmm_save target = { .size = sizeof(target), .nfds = 1 };
	char path[128];
	int fd;

	make_folder(path, "empty");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	target.fds = &fd;
	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_save(one.m, &target, on_answer, &one, &err));
	cvmm_machine_free(one.m);
	ck_assert(one.answered && one.why.code < 0);
	ck_assert_int_eq(rmdir(path), 0);
}
END_TEST

static bool is_core(const char *path)
{
	char magic[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is = fd >= 0 && read(fd, magic, 4) == 4 && !memcmp(magic, "\177ELF", 4);

	if (fd >= 0)
		close(fd);
	return is;
}

START_TEST(core_is_written_by_path_and_by_descriptor)
{
	struct cvmm_core core = { .size = sizeof(core) };
	char path[128];

	snprintf(path, sizeof(path), "%s/core", folder);
	MAKE(&one, LOOPS);
	start(&one);
	core.fd = open_in(folder, "core");
	OK(cvmm_machine_write_core(one.m, &core, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert(is_core(path));
	vsu_fd_close(&core.fd);
	core.file = path;
	ck_assert_int_eq(cvmm_machine_write_core(one.m, &core, on_answer, &one, &err), -EEXIST);
	ck_assert_int_eq(unlink(path), 0);
	one.answered = false;
	OK(cvmm_machine_write_core(one.m, &core, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert(is_core(path));
	expect_running(&one);
	cvmm_machine_free(one.m);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(cancelled_core_leaves_no_file)
{
	struct cvmm_core core = { .size = sizeof(core) };
	char path[128];

	snprintf(path, sizeof(path), "%s/core", folder);
	core.file = path;
	MAKE(&one, LOOPS);
	start(&one);
	one.answered = false;
	OK(cvmm_machine_write_core(one.m, &core, on_answer, &one, &err));
	cvmm_machine_free(one.m);
	ck_assert(one.answered && one.why.code < 0);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

static const struct {
	size_t size;
	unsigned int nfds;
	int code;
} targets[] = {
	{ 0, 0, -EINVAL },
	{ sizeof(struct cvmm_save), 0, -EINVAL },
	{ sizeof(struct cvmm_save), 1, -ENOTDIR },
	{ sizeof(struct cvmm_save), 2, -EINVAL },
	{ sizeof(struct cvmm_save), 3, -EINVAL },	/* the same file three times */
	{ sizeof(struct cvmm_save), 4, -EINVAL },
};

START_TEST(target_that_cannot_be_used_is_refused)
{
	struct cvmm_save target = { .size = targets[_i].size, .nfds = targets[_i].nfds };
	const int fd = open_in(folder, "file"), fds[4] = { fd, fd, fd, fd };
	int before;

	target.fds = fds;
	MAKE(&one, LOOPS);
	start(&one);
	before = vsu_fd_count();
	ck_assert_int_eq(cvmm_machine_save(one.m, &target, on_answer, &one, &err), targets[_i].code);
	ck_assert(!one.answered && err.msg[0]);
	ck_assert_int_eq(vsu_fd_count(), before);
	cvmm_machine_free(one.m);
}
END_TEST

static const int two_fds[2];

static const struct {
	struct cvmm_save save;
	const char *why;
} odd_saves[] = {
	{ { .folder = "" }, "the name of the folder is empty" },
	{ { .folder = "/nonexistent/a", .then = (enum cvmm_then)77 }, "then is 77" },
	{ { .folder = "/nonexistent/a", .then = (enum cvmm_then)-1 }, "then is -1" },
	{ { .folder = "/nonexistent/a", .fds = two_fds, .nfds = 2 }, "a save has one target" },
	{ { .nfds = 3 }, "fds is NULL" },
};

START_TEST(save_with_a_member_of_no_effect_is_refused)
{
	struct cvmm_save target = odd_saves[_i].save;

	target.size = sizeof(target);
	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(cvmm_machine_save(one.m, &target, on_answer, &one, &err), -EINVAL);
	ck_assert_msg(strstr(err.msg, odd_saves[_i].why), "%s", err.msg);
	ck_assert(!one.answered);
	expect_running(&one);
	cvmm_machine_free(one.m);
}
END_TEST

/* ------------------------------------------------------------------- migration */

static void begin_migration(int sock)
{
	const struct cvmm_migration g = { .size = sizeof(g), .sock = sock };

	MAKE(&one, LOOPS);
	start(&one);
	OK(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err));
}

static void expect_failure(int code)
{
	while (!one.answered)
		turn((struct one *const []){ &one }, 1);
	ck_assert_msg(one.why.code == code, "%d: %s", one.why.code, one.why.msg);
	expect_running(&one);
	cvmm_machine_free(one.m);
}

START_TEST(guest_stays_if_the_destination_is_lost)
{
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	begin_migration(socks[0]);
	vsu_fd_close(&socks[1]);
	while (!one.answered)
		turn((struct one *const []){ &one }, 1);
	ck_assert_int_lt(one.why.code, 0);
	ck_assert_uint_eq(one.seen[CVMM_EVENT_MIGRATION_FAILED], 1);
	ck_assert_str_eq(one.cause, one.why.msg);
	expect_running(&one);
	cvmm_machine_free(one.m);
	vsu_fd_close(&socks[0]);
}
END_TEST

START_TEST(migration_is_cancelled)
{
	int socks[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks), 0);
	begin_migration(socks[0]);
	OK(cvmm_machine_cancel_migration(one.m, &err));
	expect_failure(-ECANCELED);
	vsu_fd_close(&socks[0]);
	vsu_fd_close(&socks[1]);
}
END_TEST

static const struct {
	struct cvmm_migration g;
	int code;
} migrations[] = {
	{ { .size = 0 }, -EINVAL },
	{ { .address = "nowhere" }, -EINVAL },
	{ { .address = "unix:/x", .downtime_ms = 60001 }, -EINVAL },
	{ { .address = "unix:/x", .connections = 1000 }, -EINVAL },
	{ { .address = "unix:/x", .postcopy = true, .rounds = 1001 }, -EINVAL },
	{ { .address = "exec:cat", .connections = 2 }, -EINVAL },
	{ { .sock = -1 }, -ENOTSOCK },
	{ { .address = "unix:/x", .rounds = 2 }, -EINVAL },
	{ { .address = "unix:/x", .passes_memory = true }, -EINVAL },
};

START_TEST(migration_that_cannot_be_done_is_refused)
{
	struct cvmm_migration g = migrations[_i].g;

	g.size = _i ? sizeof(g) : 0;
	MAKE(&one, LOOPS);
	start(&one);
	ck_assert_int_eq(cvmm_machine_migrate(one.m, &g, on_answer, &one, &err), migrations[_i].code);
	ck_assert_int_eq(cvmm_machine_cancel_migration(one.m, &err), -ENOENT);
	ck_assert(!one.answered);
	expect_running(&one);
	cvmm_machine_free(one.m);
}
END_TEST

/* -------------------------------------------------------------------- devices */

#define ON_BUS LOOPS, "--transport=pci"

START_TEST(device_is_added_by_descriptor_and_removed)
{
	const int fd = open_in(folder, "disk");
	unsigned int number;

	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	MAKE(&one, ON_BUS, "--rng=");
	start(&one);
	OK(cvmm_machine_add_device(one.m, "blk,path=fd:0", &fd, 1, &number, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert_uint_eq(one.answer.device, 1);
	ck_assert_uint_eq(number, 1);
	OK(cvmm_machine_limit_device(one.m, number, "rate=1M", &err));
	OK(cvmm_machine_resize_device(one.m, number, 1 << 20, &err));
	one.answered = false;
	OK(cvmm_machine_remove_device(one.m, number, true, on_answer, &one, &err));
	wait_for_answer(&one);
	ck_assert_int_eq(cvmm_machine_remove_device(one.m, number, true, NULL, NULL, &err), -ENOENT);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(device_that_cannot_be_changed_is_refused)
{
	const int fd = open_in(folder, "disk");

	MAKE(&one, ON_BUS, "--rng=");
	start(&one);
	ck_assert_int_eq(cvmm_machine_resize_device(one.m, 0, 1 << 20, &err), -EOPNOTSUPP);
	ck_assert_str_eq(err.msg, "resize: device '0' cannot be resized");
	ck_assert_int_eq(cvmm_machine_resize_device(one.m, 1, 1 << 20, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_limit_device(one.m, 77, "rate=1M", &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_remove_device(one.m, ~0u, false, NULL, NULL, &err), -ENOENT);
	ck_assert_int_eq(cvmm_machine_add_device(one.m, "rng", &fd, 1, NULL, NULL, NULL, &err), -EINVAL);
	ck_assert_int_eq(cvmm_machine_add_device(one.m, "blk,path=fd:1", &fd, 1, NULL, NULL, NULL,
						 &err), -EBADF);
	cvmm_machine_free(one.m);
}
END_TEST

static const struct {
	unsigned int cpus;
	int rc;
	const char *why;
} numbers[] = {
	{ 1, -EOPNOTSUPP, "cpus: the machine has 2 CPUs and cannot lose any" },
	{ 3, -EOPNOTSUPP, "cpus: a built-in guest has no ACPI and cannot find a new CPU" },
	{ 5, -EINVAL, "cpus: 5 CPUs are more than the maximum of this machine, 4" },
};

START_TEST(cpus_that_the_guest_cannot_have_are_refused)
{
	MAKE(&one, LOOPS, "--cpus=2,max=4");
	ck_assert_int_eq(cvmm_machine_add_cpus(one.m, 2, &err), -EAGAIN);
	start(&one);
	OK(cvmm_machine_add_cpus(one.m, 2, &err));
	ck_assert_int_eq(cvmm_machine_add_cpus(one.m, numbers[_i].cpus, &err), numbers[_i].rc);
	ck_assert_msg(!strncmp(err.msg, numbers[_i].why, strlen(numbers[_i].why)), "%s", err.msg);
	cvmm_machine_free(one.m);
}
END_TEST

START_TEST(forgotten_answer_is_not_given)
{
	const struct cvmm_save save = { .size = sizeof(save), .folder = "saved" };
	char path[128];

	MAKE(&one, LOOPS);
	start(&one);
	ck_assert(!cvmm_machine_forget_answer(one.m, on_answer, &one));
	make_folder(path, "saves");
	ck_assert_int_eq(chdir(path), 0);
	OK(cvmm_machine_save(one.m, &save, on_answer, &one, &err));
	ck_assert(!cvmm_machine_forget_answer(one.m, on_answer, NULL));
	ck_assert(cvmm_machine_forget_answer(one.m, on_answer, &one));
	ck_assert(!cvmm_machine_forget_answer(one.m, on_answer, &one));
	while (state_of(&one) == CVMM_STATE_SAVING)
		turn((struct one *const []){ &one }, 1);
	ck_assert_int_eq(access("saved/machine.json", F_OK), 0);
	expect_running(&one);
	cvmm_machine_free(one.m);
	ck_assert(!one.answered);
	ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("requests");
	TCase *tc = tcase_create("requests");
	const char *why = no_guest();

	tcase_add_checked_fixture(tc, owner_setup, owner_teardown);
	tcase_set_timeout(tc, 0);
	tcase_add_test_unless(tc, why, forgotten_answer_is_not_given);
	tcase_add_test_unless(tc, why, pause_and_resume_are_complete_when_they_return);
	tcase_add_loop_test_unless(tc, why, end_has_the_status_of_its_request, 0, COUNT(ends));
	tcase_add_test_unless(tc, why, machine_is_saved_by_path);
	tcase_add_test_unless(tc, why, owner_refuses_saves_and_migrations);
	tcase_add_loop_test_unless(tc, why, answer_may_begin_another_command, 0, COUNT(firsts));
	tcase_add_test_unless(tc, why, machine_is_saved_to_an_open_folder);
	tcase_add_test_unless(tc, why, machine_is_saved_to_open_files);
	tcase_add_test_unless(tc, why, core_is_written_by_path_and_by_descriptor);
	tcase_add_test_unless(tc, why, cancelled_core_leaves_no_file);
	tcase_add_test_unless(tc, why, cancelled_save_leaves_an_open_folder_empty);
	tcase_add_loop_test_unless(tc, why, target_that_cannot_be_used_is_refused, 0,
				   COUNT(targets));
	tcase_add_loop_test_unless(tc, why, save_with_a_member_of_no_effect_is_refused, 0,
				   COUNT(odd_saves));
	tcase_add_test_unless(tc, why, guest_stays_if_the_destination_is_lost);
	tcase_add_test_unless(tc, why, migration_is_cancelled);
	tcase_add_loop_test_unless(tc, why, migration_that_cannot_be_done_is_refused, 0,
				   COUNT(migrations));
	tcase_add_test_unless(tc, why, device_is_added_by_descriptor_and_removed);
	tcase_add_test_unless(tc, why, device_that_cannot_be_changed_is_refused);
	tcase_add_loop_test_unless(tc, why, cpus_that_the_guest_cannot_have_are_refused, 0,
				   COUNT(numbers));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
