/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about control groups: files in a folder of the test stand for those of the kernel. */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "oci/cgroup.h"
#include "util.h"

static char folder[64], root[64], group[OCI_STATE_PATH];
static struct oci_state state;
static struct oci_spec spec;
static struct oci_scope scope;
static struct vsu_error err;

static void init(void)
{
	strcpy(folder, "/tmp/oci-cgroup.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	strcpy(root, "/tmp/oci-cgroup-root.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(root));
	state = (struct oci_state){ .id = "a" };
	strcpy(state.cgroup, folder);
	memset(&spec, 0, sizeof(spec));
	vsu_error_clear(&err);
}

static void fini(void)
{
	char command[192];

	snprintf(command, sizeof(command), "rm -rf %s %s", folder, root);
	ck_assert_int_eq(system(command), 0);
}

static void make_file(const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	close(creat(path, 0600));
}

static void expect_file(const char *name, const char *wanted)
{
	char path[128], text[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "r");
	ck_assert_ptr_nonnull(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	ck_assert_str_eq(text, wanted);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

/* Its own list does not have those of groups below. */
START_TEST(group_with_processes_is_refused)
{
	char sentence[192];

	make_file("cgroup.procs");
	write_file("cgroup.events", "populated 1\nfrozen 0\n");
	snprintf(sentence, sizeof(sentence), "the control group '%s' has processes of others", folder);
	assert_refused(oci_cgroup_claim(folder, &err), -EBUSY, sentence, err);
}
END_TEST

START_TEST(group_without_processes_is_claimed)
{
	write_file("cgroup.events", "populated 0\nfrozen 0\n");
	ck_assert_int_eq(oci_cgroup_claim(folder, &err), 0);
}
END_TEST

/* The monitor makes it when its state was written. */
START_TEST(missing_group_is_free_and_not_made)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/a", folder);
	ck_assert_int_eq(oci_cgroup_claim(path, &err), 0);
	ck_assert_int_lt(access(path, F_OK), 0);
}
END_TEST

static void make_group(void)
{
	write_file("cgroup.events", "populated 0\nfrozen 0\n");
	make_file("cgroup.max.depth");
	make_file("cgroup.procs");
}

static void enter_and_end(void)
{
	int owned;

	make_group();
	ck_assert_msg(!oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), "%s", err.msg);
	expect_file("cgroup.procs", "0");
	ck_assert_int_eq(fcntl(owned, F_GETFL) & O_ACCMODE, O_RDONLY);	/* a guest may control its process */
	vsu_fd_close(&owned);
}

static bool has_files_of_groups(void)
{
	char command[192];

	snprintf(command, sizeof(command), "ls %s/:groups | grep -q .", root);
	return !system(command);
}

static pid_t add_process_to(const char *list)
{
	const pid_t pid = fork();
	char text[32];

	if (!pid)
		for (;;)
			pause();
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	write_file(list, text);
	return pid;
}

static pid_t add_process(void)
{
	return add_process_to("cgroup.procs");
}

/* Ends it. Returns whether it had been killed before. */
static bool was_killed(pid_t pid)
{
	int status;

	kill(pid, SIGUSR1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WTERMSIG(status) == SIGKILL;
}

/* A daemon of a monitor that was killed */
START_TEST(process_that_began_with_the_machine_is_killed)
{
	pid_t pid;

	enter_and_end();
	pid = add_process();
	state.begun = state.made = oci_state_begun(pid);
	ck_assert_int_lt(oci_cgroup_remove(root, &state, &err), 0);	/* a folder of files */
	ck_assert(was_killed(pid));
}
END_TEST

static void make_group_below(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/below", folder);
	ck_assert_int_eq(mkdir(path, 0700), 0);
}

/* The processes of a group that has controllers for others are below it. */
static pid_t add_process_below(void)
{
	make_file("cgroup.procs");
	make_group_below();
	return add_process_to("below/cgroup.procs");
}

START_TEST(process_in_a_group_below_is_killed)
{
	pid_t pid;

	enter_and_end();
	pid = add_process_below();
	state.begun = state.made = oci_state_begun(pid);
	ck_assert_int_lt(oci_cgroup_remove(root, &state, &err), 0);	/* a folder of files */
	ck_assert(was_killed(pid));
}
END_TEST

START_TEST(process_of_another_in_a_group_below_lives)
{
	pid_t pid;

	enter_and_end();
	pid = add_process_below();
	state.begun = state.made = oci_state_begun(pid) + 1;
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), -EBUSY);
	ck_assert(!was_killed(pid));
}
END_TEST

/* The machine ended, and another process has started a unit of the same name. */
START_TEST(scope_with_a_process_of_another_in_a_group_below_remains)
{
	pid_t pid = add_process_below();

	strcpy(state.unit, "cvmm-test-of-groups.scope");
	state.begun = state.made = oci_state_begun(pid) + 1;
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), -EBUSY);
	ck_assert(!was_killed(pid));
}
END_TEST

START_TEST(empty_groups_below_are_removed_as_well)
{
	char command[192];

	enter_and_end();
	make_group_below();
	/* the kernel removes its files together with their folder */
	snprintf(command, sizeof(command), "rm %s/cgroup.*", folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_msg(!oci_cgroup_remove(root, &state, &err), "%s", err.msg);
	ck_assert_int_lt(access(folder, F_OK), 0);
}
END_TEST

/* Another runtime has used the group since the machine ended. */
START_TEST(process_that_began_at_another_time_lives)
{
	uint64_t begun;
	pid_t pid;

	enter_and_end();
	pid = add_process();
	begun = oci_state_begun(pid);
	state.begun = _i ? begun + 1 : begun - 2;
	state.made = _i ? begun + 2 : begun - 1;
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "remains, because it has processes of others"));
	ck_assert(!has_files_of_groups());
	ck_assert(!was_killed(pid));
}
END_TEST

START_TEST(processes_in_a_group_that_was_not_entered_live)
{
	int owned;
	pid_t pid;

	make_group();
	write_file("cgroup.events", "populated 1\nfrozen 0\n");
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
	ck_assert_int_eq(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), -EBUSY);
	ck_assert(!has_files_of_groups());
	pid = add_process();
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
	ck_assert(!was_killed(pid));
}
END_TEST

START_TEST(processes_in_a_group_that_another_entered_later_live)
{
	pid_t pid;

	enter_and_end();
	strcpy(state.id, "b");
	enter_and_end();
	strcpy(state.id, "a");
	pid = add_process();
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
	ck_assert(!was_killed(pid));
}
END_TEST

START_TEST(refused_ownership_kills_nothing)
{
	pid_t pid;

	enter_and_end();
	pid = add_process();
	ck_assert_int_eq(chmod(root, 0777), 0);
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), -EPERM);
	ck_assert(!was_killed(pid));
}
END_TEST

/* Any user can open those of the kernel for reading, and lock them. */
START_TEST(locked_files_of_the_group_protect_nothing)
{
	struct flock lock = { .l_type = F_RDLCK, .l_whence = SEEK_SET };
	char path[128];
	int fd, status;
	pid_t pid, member;

	enter_and_end();
	member = add_process();
	snprintf(path, sizeof(path), "%s/cgroup.max.depth", folder);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_SETLK, &lock), 0);
	pid = fork();
	if (!pid)
		_exit(oci_cgroup_remove(root, &state, &err) >= 0);	/* a folder of files */
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(was_killed(member));
	close(fd);
}
END_TEST

START_TEST(removed_group_leaves_no_file)
{
	char command[192];

	enter_and_end();
	ck_assert(has_files_of_groups());
	snprintf(command, sizeof(command), "rm -r %s", folder);
	ck_assert_int_eq(system(command), 0);
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
	ck_assert(!has_files_of_groups());
}
END_TEST

/* Both have claimed it before. */
START_TEST(group_that_two_containers_claim_is_that_of_the_first)
{
	int owned, status;
	pid_t pid;

	make_group();
	ck_assert_int_eq(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), 0);
	pid = fork();
	if (!pid)
		_exit(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err) != -EBUSY || !strstr(err.msg, "is that of another container"));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	vsu_fd_close(&owned);
}
END_TEST

START_TEST(group_of_another_container_is_not_removed)
{
	int owned, status;
	pid_t pid, member;

	make_group();
	ck_assert_int_eq(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), 0);
	member = add_process();
	pid = fork();
	if (!pid)
		_exit(oci_cgroup_remove(root, &state, &err) < 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(!was_killed(member));
	vsu_fd_close(&owned);
}
END_TEST

START_TEST(processes_that_came_between_are_not_joined)
{
	int owned;

	make_group();
	write_file("cgroup.events", "populated 1\nfrozen 0\n");
	ck_assert_int_eq(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), -EBUSY);
	ck_assert_int_eq(owned, -1);
	expect_file("cgroup.procs", "");
}
END_TEST

START_TEST(disabled_manager_makes_none)
{
	int owned;

	spec.cgroup = "/a/b";
	spec.resources.cpu_shares = 1024;
	spec.resources.memory_limit = 1 << 20;
	spec.resources.pids_limit = 5;
	ck_assert_int_eq(oci_cgroup_choose(&spec, OCI_CGROUPS_DISABLED, "a", group, &scope, &err), 0);
	ck_assert_str_eq(group, "");
	ck_assert_int_eq(oci_cgroup_claim(group, &err), 0);
	*state.cgroup = '\0';
	ck_assert_int_eq(oci_cgroup_enter(root, &state, &spec.resources, &owned, &err), 0);
	ck_assert_int_eq(owned, -1);
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
}
END_TEST

START_TEST(limit_that_needs_one_is_refused)
{
	spec.resources.cpu_shares = 512;
	assert_refused(oci_cgroup_choose(&spec, OCI_CGROUPS_DISABLED, "a", group, &scope, &err), -EOPNOTSUPP,
		       "member 'linux.resources.cpu.shares' needs a control group of version 2, and they are disabled", err);
}
END_TEST

/* Hosts of tests have none. */
START_TEST(manager_systemd_needs_version_2)
{
	int rc;

	spec.cgroup = (char[]){ "/no/scope" };
	rc = oci_cgroup_choose(&spec, OCI_CGROUPS_SYSTEMD, "a", group, &scope, &err);
	ck_assert(rc == -EOPNOTSUPP || rc == -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, rc == -EINVAL ? "is not SLICE:PREFIX:NAME" : "choose the manager 'cgroupfs' of the engine"));
}
END_TEST

static const char *const foreign[] = { "/", "//", "/a/../../b", ".." };

START_TEST(path_of_no_group_below_the_mount_is_refused)
{
	spec.cgroup = (char *)(uintptr_t)foreign[_i];
	ck_assert_int_eq(oci_cgroup_choose(&spec, OCI_CGROUPS_FILES, "a", group, &scope, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "member 'linux.cgroupsPath'"));
}
END_TEST

START_TEST(limits_are_written_as_version_2_has_them)
{
	const struct oci_resources r = {
		.cpu_shares = 1024, .cpu_quota = 150000, .cpu_period = 100000, .memory_limit = 100, .memory_swap = 300,
		.memory_reservation = 50, .cpus = "0-1", .unified = { .items = { { "io.weight", "7" } }, .n = 1 },
	};

	make_file("cpu.weight");
	make_file("cpu.max");
	make_file("memory.swap.max");
	make_file("memory.low");
	make_file("cpuset.cpus");
	make_file("io.weight");
	ck_assert_msg(!oci_cgroup_limit(folder, &r, &err), "%s", err.msg);
	expect_file("cpu.weight", "39");
	expect_file("cpu.max", "150000 100000");
	expect_file("memory.swap.max", "200");
	expect_file("memory.low", "50");
	expect_file("cpuset.cpus", "0-1");
	expect_file("io.weight", "7");
}
END_TEST

START_TEST(no_limit_is_written_as_a_word)
{
	const struct oci_resources r = { .cpu_quota = -1, .cpu_period = 100000, .memory_swap = -1 };

	make_file("cpu.max");
	make_file("memory.swap.max");
	ck_assert_int_eq(oci_cgroup_limit(folder, &r, &err), 0);
	expect_file("cpu.max", "max 100000");
	expect_file("memory.swap.max", "max");
}
END_TEST

START_TEST(limit_that_cannot_be_written_is_named)
{
	const struct oci_resources r = { .cpu_idle = 1 };
	char sentence[256];

	snprintf(sentence, sizeof(sentence), "member 'linux.resources.cpu.idle': cannot write '1' to '%s/cpu.idle': No such file or directory", folder);
	assert_refused(oci_cgroup_limit(folder, &r, &err), -ENOENT, sentence, err);
}
END_TEST

START_TEST(names_of_files_have_no_folders)
{
	const struct oci_resources r = { .unified = { .items = { { "../x", "7" } }, .n = 1 } };

	ck_assert_int_eq(oci_cgroup_limit(folder, &r, &err), -EINVAL);
}
END_TEST

START_TEST(links_are_not_followed)
{
	const struct oci_resources r = { .cpu_idle = 1 };
	char path[128];

	make_file("other");
	snprintf(path, sizeof(path), "%s/cpu.idle", folder);
	ck_assert_int_eq(symlink("other", path), 0);
	ck_assert_int_eq(oci_cgroup_limit(folder, &r, &err), -ELOOP);
	expect_file("other", "");
}
END_TEST

START_TEST(removal_of_a_missing_group_succeeds)
{
	strcpy(state.cgroup, "/nonexistent/a");
	ck_assert_int_eq(oci_cgroup_remove(root, &state, &err), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cgroup");
	TCase *t = tcase_create("cgroup");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test(t, group_with_processes_is_refused);
	tcase_add_test(t, group_without_processes_is_claimed);
	tcase_add_test(t, missing_group_is_free_and_not_made);
	tcase_add_test(t, process_that_began_with_the_machine_is_killed);
	tcase_add_test(t, process_in_a_group_below_is_killed);
	tcase_add_test(t, process_of_another_in_a_group_below_lives);
	tcase_add_test(t, scope_with_a_process_of_another_in_a_group_below_remains);
	tcase_add_test(t, empty_groups_below_are_removed_as_well);
	tcase_add_loop_test(t, process_that_began_at_another_time_lives, 0, 2);
	tcase_add_test(t, processes_in_a_group_that_was_not_entered_live);
	tcase_add_test(t, processes_in_a_group_that_another_entered_later_live);
	tcase_add_test(t, refused_ownership_kills_nothing);
	tcase_add_test(t, locked_files_of_the_group_protect_nothing);
	tcase_add_test(t, removed_group_leaves_no_file);
	tcase_add_test(t, group_that_two_containers_claim_is_that_of_the_first);
	tcase_add_test(t, group_of_another_container_is_not_removed);
	tcase_add_test(t, processes_that_came_between_are_not_joined);
	tcase_add_test(t, disabled_manager_makes_none);
	tcase_add_test(t, limit_that_needs_one_is_refused);
	tcase_add_test(t, manager_systemd_needs_version_2);
	tcase_add_loop_test(t, path_of_no_group_below_the_mount_is_refused, 0, COUNT(foreign));
	tcase_add_test(t, limits_are_written_as_version_2_has_them);
	tcase_add_test(t, no_limit_is_written_as_a_word);
	tcase_add_test(t, limit_that_cannot_be_written_is_named);
	tcase_add_test(t, names_of_files_have_no_folders);
	tcase_add_test(t, links_are_not_followed);
	tcase_add_test(t, removal_of_a_missing_group_succeeds);
	suite_add_tcase(s, t);
	return run_suite(s);
}
