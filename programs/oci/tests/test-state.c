/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the folders and files of containers. */
#include <config.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "oci/state.h"
#include "util.h"

static char folder[] = "/tmp/oci-state.XXXXXX";
static char root[OCI_STATE_PATH];
static struct oci_state state;
static struct vsu_error err;

static void init(void)
{
	strcpy(folder, "/tmp/oci-state.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(root, sizeof(root), "%s/above/containers", folder);
	memset(&state, 0, sizeof(state));
}

static void fini(void)
{
	char command[128];

	oci_state_fini(&state);
	vsu_error_clear(&err);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static int create(const char *id)
{
	const int fd = oci_state_create(root, id, &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	return fd;
}

/* A container whose monitor is this process. */
static int create_running(const char *id)
{
	struct oci_state s = {
		.pid = getpid(), .begun = oci_state_begun(getpid()), .bundle = "/b \"quoted\"",
		.root = "/r", .cgroup = "/c", .created = 1735689600, .owner = 7,
	};
	struct oci_status_page *page = NULL;
	const int fd = create(id);

	strcpy(s.id, id);
	ck_assert_int_eq(oci_state_write(root, fd, &s, &err), 0);
	ck_assert_int_eq(oci_status_open(fd, &page, &err), 0);
	oci_status_write(page, OCI_RUNNING);
	oci_status_close(page);
	return fd;
}

START_TEST(folder_of_root_is_in_run)
{
	setenv("XDG_RUNTIME_DIR", "/run/user/0", 1);
	ck_assert_int_eq(oci_state_root(NULL, root, &err), 0);
	ck_assert_str_eq(root, "/run/cvmm-oci");
}
END_TEST

START_TEST(folder_of_a_user_is_its_own)
{
	if (!geteuid())
		ck_assert_int_eq(seteuid(65534), 0);
	setenv("XDG_RUNTIME_DIR", "/run/user/9", 1);
	ck_assert_int_eq(oci_state_root(NULL, root, &err), 0);
	ck_assert_str_eq(root, "/run/user/9/cvmm-oci");
	unsetenv("XDG_RUNTIME_DIR");
	assert_refused(oci_state_root(NULL, root, &err), -ENOENT,
		       "no folder for the state of containers: XDG_RUNTIME_DIR is not set; set it, or name a folder by --root", err);
	if (!getuid())
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(given_folder_is_absolute)
{
	ck_assert_int_eq(oci_state_root("/x", root, &err), 0);
	ck_assert_str_eq(root, "/x");
	assert_refused(oci_state_root("x", root, &err), -EINVAL, "option --root: 'x' is not an absolute path", err);
}
END_TEST

static void add_name(void *opaque, const struct oci_state *s)
{
	strcat(opaque, s->id);
	strcat(opaque, s->status == OCI_RUNNING ? "+" : "-");
}

/* Another user could prepare what commands of root trust. */
START_TEST(folder_that_others_can_write_is_refused)
{
	const mode_t modes[] = { 0720, 0702, 01777 };
	char sentence[OCI_STATE_PATH + 128], names[32] = "";
	const int fd = create("a");
	unsigned int i;

	snprintf(sentence, sizeof(sentence), "other users can write to the folder of the state of containers, '%s'; name one that only its owner can write to", root);
	for (i = 0; i < COUNT(modes); i++) {
		ck_assert_int_eq(chmod(root, modes[i]), 0);
		assert_refused(oci_state_create(root, "b", &err), -EPERM, sentence, err);
		assert_refused(oci_state_open(root, "a", &err), -EPERM, sentence, err);
		assert_refused(oci_state_each(root, add_name, names, &err), -EPERM, sentence, err);
		assert_refused(oci_state_write(root, fd, &state, &err), -EPERM, sentence, err);
		assert_refused(oci_state_remove(root, "a", fd, &err), -EPERM, sentence, err);
		ck_assert_int_lt(oci_state_read(root, fd, "a", &state, NULL), 0);
	}
	close(fd);
	ck_assert_str_eq(names, "");
}
END_TEST

START_TEST(folder_that_others_can_replace_is_refused)
{
	char above[OCI_STATE_PATH];

	close(create("a"));
	snprintf(above, sizeof(above), "%s/above", folder);
	ck_assert_int_eq(chmod(above, 0777), 0);
	ck_assert_int_eq(oci_state_open(root, "a", &err), -EPERM);
	ck_assert_ptr_nonnull(strstr(err.msg, "the folder of the state of containers: other users may write to the folder '"));
	ck_assert_int_eq(oci_state_create(root, "b", &err), -EPERM);
	ck_assert_int_eq(chmod(above, 0711), 0);
	close(create("b"));
}
END_TEST

START_TEST(refused_folder_is_not_made)
{
	char absent[128], link[128];

	snprintf(absent, sizeof(absent), "%s/above", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	ck_assert_int_eq(chmod(folder, 0777), 0);
	ck_assert_int_eq(oci_state_create(root, "a", &err), -EPERM);
	ck_assert_int_lt(access(absent, F_OK), 0);
	ck_assert_int_eq(symlink(folder, link), 0);
	snprintf(root, sizeof(root), "%s/above/containers", link);
	ck_assert_int_eq(oci_state_create(root, "a", &err), -EPERM);
	ck_assert_int_lt(access(absent, F_OK), 0);
	ck_assert_int_eq(chmod(folder, 0700), 0);
	close(create("a"));
}
END_TEST

START_TEST(link_of_another_user_leads_to_no_new_folder)
{
	char absent[128], link[128];

	snprintf(absent, sizeof(absent), "%s/above", folder);
	snprintf(link, sizeof(link), "%s/link", folder);
	ck_assert_int_eq(symlink(folder, link), 0);
	ck_assert_int_eq(lchown(link, 65534, 65534), 0);
	snprintf(root, sizeof(root), "%s/above/containers", link);
	ck_assert_int_eq(oci_state_create(root, "a", &err), -EPERM);
	ck_assert_int_lt(access(absent, F_OK), 0);
}
END_TEST

START_TEST(folder_of_another_user_is_refused)
{
	char sentence[OCI_STATE_PATH + 128];

	close(create("a"));
	snprintf(sentence, sizeof(sentence), "the folder of the state of containers, '%s', belongs to another user", root);
	ck_assert_int_eq(chown(root, 65534, (gid_t)-1), 0);
	assert_refused(oci_state_open(root, "a", &err), -EPERM, sentence, err);
}
END_TEST

START_TEST(container_exists_once)
{
	const int fd = create("a");

	assert_refused(oci_state_create(root, "a", &err), -EEXIST, "container 'a' exists", err);
	close(fd);
}
END_TEST

/* Two commands may make and lock one folder, if a removal was between them. */
START_TEST(folder_of_another_create_is_refused)
{
	char path[OCI_STATE_PATH + 8];
	const int fd = create_running("a");

	ck_assert_int_eq(unlinkat(fd, "status", 0), 0);
	snprintf(path, sizeof(path), "%s/a", root);
	ck_assert_int_eq(rmdir(path), 0);
	assert_refused(oci_state_create(root, "a", &err), -EEXIST, "container 'a' exists", err);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_str_eq(state.root, "/r");
	close(fd);
}
END_TEST

static const char *const bad_ids[] = { "", ".", "..", "a/b", "a b", "\xc3\xa9" };

START_TEST(id_is_a_name)
{
	char sentence[64];

	snprintf(sentence, sizeof(sentence), "'%s' is not the id of a container", bad_ids[_i]);
	assert_refused(oci_state_create(root, bad_ids[_i], &err), -EINVAL, sentence, err);
	assert_refused(oci_state_open(root, bad_ids[_i], &err), -EINVAL, sentence, err);
}
END_TEST

START_TEST(state_is_read_as_it_was_written)
{
	const int fd = create_running("a");

	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.status, OCI_RUNNING);
	ck_assert_int_eq(state.pid, getpid());
	ck_assert_str_eq(state.bundle, "/b \"quoted\"");
	ck_assert_str_eq(state.root, "/r");
	ck_assert_str_eq(state.cgroup, "/c");
	ck_assert_int_eq(state.created, 1735689600);
	ck_assert_uint_eq(state.owner, 7);
	close(fd);
}
END_TEST

START_TEST(annotations_are_kept)
{
	char text[] = "{\"annotations\":{\"a.b/c\":\"d \\\"e\"}}";
	const int fd = create("a");

	strcpy(state.id, "a");
	ck_assert_int_eq(oci_spec_read_annotations(text, &state.spec, &err), 0);
	ck_assert_int_eq(oci_state_write(root, fd, &state, &err), 0);
	oci_state_fini(&state);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_str_eq(oci_spec_annotation(state.spec, "a.b/c"), "d \"e");
	close(fd);
}
END_TEST

START_TEST(container_has_stopped_without_its_monitor)
{
	const int fd = create_running("a");

	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	state.begun++;	/* another process has its number */
	ck_assert_int_eq(oci_state_write(root, fd, &state, &err), 0);
	oci_state_fini(&state);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.status, OCI_STOPPED);
	ck_assert_int_eq(state.pid, 0);
	close(fd);
}
END_TEST

START_TEST(ended_process_has_no_begin)
{
	const pid_t pid = fork();

	if (!pid)
		_exit(0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &(siginfo_t){ .si_pid = 0 }, WEXITED | WNOWAIT), 0);
	ck_assert_uint_eq(oci_state_begun(pid), 0);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_uint_eq(oci_state_begun(pid), 0);
	ck_assert_uint_ne(oci_state_begun(getpid()), 0);
}
END_TEST

START_TEST(process_that_has_the_number_of_a_monitor_is_no_monitor)
{
	struct oci_state s = { .pid = getpid(), .begun = oci_state_begun(getpid()) };
	const int fd = oci_state_open_monitor(&s);

	ck_assert_int_ge(fd, 0);
	close(fd);
	s.begun++;
	ck_assert_int_eq(oci_state_open_monitor(&s), -ESRCH);
}
END_TEST

START_TEST(container_without_a_file_has_stopped)
{
	const int fd = create("a");

	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.status, OCI_STOPPED);
	close(fd);
}
END_TEST

static void write_status(int fd, const char *text)
{
	const int file = openat(fd, "status", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_eq(write(file, text, strlen(text)), (int)strlen(text));
	close(file);
}

static const struct {
	const char *text;
	enum oci_status status;
} statuses[] = {
	{ "", OCI_CREATING }, { "c", OCI_CREATED }, { "r", OCI_RUNNING }, { "p", OCI_PAUSED },
	/* a guest that controls the monitor cannot hide it */
	{ "stopped", OCI_CREATING }, { "{\"pid\":1,\"cgroup\":\"/x\"}", OCI_CREATING },
};

START_TEST(monitor_can_write_its_status_only)
{
	const int fd = create_running("a");

	write_status(fd, statuses[_i].text);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.status, statuses[_i].status);
	ck_assert_int_eq(state.pid, getpid());
	ck_assert_str_eq(state.cgroup, "/c");
	close(fd);
}
END_TEST

START_TEST(fifo_is_no_status)
{
	const int fd = create_running("a");

	ck_assert_int_eq(unlinkat(fd, "status", 0), 0);
	ck_assert_int_eq(mkfifoat(fd, "status", 0600), 0);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.status, OCI_CREATING);
	ck_assert_int_eq(unlinkat(fd, "status", 0), 0);
	close(fd);
}
END_TEST

/* A hostile monitor may leave any file in its folder. */
START_TEST(state_is_out_of_the_folder_of_the_monitor)
{
	const int fd = create_running("a");
	int file;

	write_status(fd, "r");
	file = openat(fd, "state.json", O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(file, "{\"pid\":1}", 9), 9);
	close(file);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_int_eq(state.pid, getpid());
	ck_assert_str_eq(state.bundle, "/b \"quoted\"");
	close(fd);
}
END_TEST

START_TEST(configuration_is_out_of_the_folder_of_the_monitor)
{
	const char text[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"}}";
	struct oci_spec *spec = NULL;
	char path[OCI_STATE_PATH + 8], names[32] = "";
	int fd = create("a");
	FILE *f;

	snprintf(path, sizeof(path), "%s/bundle", folder);
	f = fopen(path, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_msg(!oci_state_keep_config(root, "a", path, &err), "%s", err.msg);
	ck_assert_msg(!oci_state_load_config(root, "a", &spec, &err), "%s", err.msg);
	ck_assert_str_eq(spec->root, "r");
	oci_spec_free(spec);
	snprintf(path, sizeof(path), "%s/a", root);
	ck_assert_msg(rmdir(path) == 0, "the folder is not empty");
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(oci_state_each(root, add_name, names, &err), 0);
	ck_assert_str_eq(names, "a-");
	ck_assert_msg(!oci_state_remove(root, "a", fd, &err), "%s", err.msg);
	ck_assert_int_lt(oci_state_load_config(root, "a", &spec, NULL), 0);
	close(fd);
}
END_TEST

START_TEST(removed_container_is_absent)
{
	const int fd = create_running("a"), other = oci_state_open(root, "a", &err);

	ck_assert_int_eq(oci_state_remove(root, "a", fd, &err), 0);
	close(fd);
	assert_refused(oci_state_lock(other, "a", &err), -ENOENT, "container 'a' does not exist", err);
	close(other);
	assert_refused(oci_state_open(root, "a", &err), -ENOENT, "container 'a' does not exist", err);
}
END_TEST

START_TEST(containers_are_listed_by_id)
{
	char names[32] = "";
	int fds[3];

	ck_assert_int_eq(oci_state_each(root, add_name, names, &err), 0);
	ck_assert_str_eq(names, "");
	fds[0] = create("b");
	fds[1] = create_running("a");
	fds[2] = create_running("c");
	ck_assert_int_eq(oci_state_each(root, add_name, names, &err), 0);
	ck_assert_str_eq(names, "a+b-c+");
	close(fds[0]);
	close(fds[1]);
	close(fds[2]);
}
END_TEST

START_TEST(printed_state_has_what_the_specification_requires)
{
	char *text = NULL, *word;
	const int fd = create_running("a");
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	oci_state_print(&state, to);
	fclose(to);
	word = strstr(text, "{\"ociVersion\":\"1.2.1\",\"id\":\"a\",\"status\":\"running\",\"pid\":");
	ck_assert_ptr_eq(word, text);
	ck_assert_ptr_nonnull(strstr(text, "\"bundle\":\"/b \\\"quoted\\\"\""));
	ck_assert_ptr_null(strstr(text, "begun"));
	free(text);
	close(fd);
}
END_TEST

/* A monitor that runs may be one that a guest controls. */
START_TEST(failure_of_a_machine_is_printed_when_it_has_stopped)
{
	char *text = NULL;
	const int fd = create_running("a");
	struct oci_status_page *page;
	size_t len;
	FILE *to;

	ck_assert_int_eq(oci_status_open(fd, &page, &err), 0);
	oci_status_fail(page, "no \"memory\"");
	oci_status_close(page);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	ck_assert_str_eq(state.failure, "");
	state.begun++;
	ck_assert_int_eq(oci_state_write(root, fd, &state, &err), 0);
	oci_state_fini(&state);
	ck_assert_int_eq(oci_state_read(root, fd, "a", &state, &err), 0);
	to = open_memstream(&text, &len);
	oci_state_print(&state, to);
	fclose(to);
	ck_assert_ptr_nonnull(strstr(text, "\"failure\":\"no \\\"memory\\\"\""));
	free(text);
	close(fd);
}
END_TEST

START_TEST(present_is_in_the_unit_of_the_begin_of_a_process)
{
	const uint64_t before = oci_state_now();
	const pid_t pid = fork();
	uint64_t begun;

	if (!pid)
		for (;;)
			pause();
	begun = oci_state_begun(pid);
	ck_assert_uint_le(before, begun);
	ck_assert_uint_le(begun, oci_state_now());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}
END_TEST

static const char *why_no_root(void)
{
	return geteuid() ? "this user is not root" : NULL;
}

int main(void)
{
	Suite *s = suite_create("state");
	TCase *t = tcase_create("state");

	tcase_add_checked_fixture(t, init, fini);
	tcase_add_test_unless(t, why_no_root(), folder_of_root_is_in_run);
	tcase_add_test(t, folder_of_a_user_is_its_own);
	tcase_add_test(t, given_folder_is_absolute);
	tcase_add_test(t, folder_that_others_can_write_is_refused);
	tcase_add_test(t, folder_that_others_can_replace_is_refused);
	tcase_add_test(t, refused_folder_is_not_made);
	tcase_add_test_unless(t, why_no_root(), link_of_another_user_leads_to_no_new_folder);
	tcase_add_test_unless(t, why_no_root(), folder_of_another_user_is_refused);
	tcase_add_test(t, container_exists_once);
	tcase_add_test(t, folder_of_another_create_is_refused);
	tcase_add_loop_test(t, id_is_a_name, 0, COUNT(bad_ids));
	tcase_add_test(t, state_is_read_as_it_was_written);
	tcase_add_test(t, annotations_are_kept);
	tcase_add_test(t, container_has_stopped_without_its_monitor);
	tcase_add_test(t, ended_process_has_no_begin);
	tcase_add_test(t, process_that_has_the_number_of_a_monitor_is_no_monitor);
	tcase_add_test(t, container_without_a_file_has_stopped);
	tcase_add_loop_test(t, monitor_can_write_its_status_only, 0, COUNT(statuses));
	tcase_add_test(t, fifo_is_no_status);
	tcase_add_test(t, state_is_out_of_the_folder_of_the_monitor);
	tcase_add_test(t, configuration_is_out_of_the_folder_of_the_monitor);
	tcase_add_test(t, removed_container_is_absent);
	tcase_add_test(t, containers_are_listed_by_id);
	tcase_add_test(t, failure_of_a_machine_is_printed_when_it_has_stopped);
	tcase_add_test(t, present_is_in_the_unit_of_the_begin_of_a_process);
	tcase_add_test(t, printed_state_has_what_the_specification_requires);
	suite_add_tcase(s, t);
	return run_suite(s);
}
