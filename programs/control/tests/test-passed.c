/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about descriptors that come with commands of a running machine. */
#include <config.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>

#include "machine/plug_rig.h"

static void close_all(const int *fds, unsigned int n)
{
	while (n)
		close(fds[--n]);
}

static void assert_passed_refusal(const char *line, const int *fds, unsigned int n, const char *why)
{
	user_passes(line, fds, n);
	ck_assert_msg(strstr(said, "\"ok\":false") && strstr(said, why), "%s: %s", line, said);
}

/* A file of the name in the test's folder, or a memfd without one. */
static int disk_of(const char *name, int flags)
{
	int fd = name ? open(name, flags | O_CREAT | O_CLOEXEC, 0600) :
			memfd_create("disk", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void adding(void)
{
	int fd = disk_of(NULL, 0);

	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	ck_assert_str_eq(user_passes("device-add blk,path=fd:0:/a/disk.img\n", &fd, 1), ADDED(0));
	ck_assert_ptr_nonnull(strstr(user_says("status\n"), "\"kind\":\"blk\""));
	close(fd);
	assert_refusal("device-add blk,path=fd:0\n", "'path=fd:0': 0 descriptors were sent with the command");
	ck_assert_uint_eq(port_in(CAME), SLOT1);
	ck_assert_uint_eq(config_in(1, 0), 0x10421af4);
}

START_TEST(device_is_added_over_a_descriptor)
{
	machine_run("--transport=pci", OWN_MEMORY, adding);
}
END_TEST

static void adding_wrongly(void)
{
	int file = open("disk", O_RDONLY | O_CLOEXEC), folder = open(".", O_RDONLY | O_CLOEXEC);
	int path = open("disk", O_PATH | O_CLOEXEC), pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_passed_refusal("device-add blk,path=fd:0\n", &file, 1, "not open for writing; open it for both, or serve it read-only");
	assert_passed_refusal("device-add blk,path=fd:0\n", &path, 1, "not open for reading");
	assert_passed_refusal("device-add blk,path=fd:0\n", &folder, 1, "not open for writing");
	assert_passed_refusal("device-add blk,readonly,path=fd:0\n", &folder, 1, "is a directory");
	assert_passed_refusal("device-add pmem,path=fd:0\n", pair, 1, "is a socket");
	assert_passed_refusal("device-add blk,readonly,path=fd:0\n", pair, 2, "descriptor 1 of the message is not used");
	assert_passed_refusal("status\n", &file, 1, "this command uses none");
	ck_assert_str_eq(user_passes("device-add blk,readonly,path=fd:0\n", &file, 1), ADDED(0));
	close(file);
	close(folder);
	close(path);
	close_all(pair, 2);
}

START_TEST(d3_09_access_mode_and_kind_of_a_descriptor_are_checked)
{
	machine_run("--transport=pci", OWN_MEMORY, adding_wrongly);
}
END_TEST

static void adding_twice(void)
{
	int file = disk_of("disk", O_RDWR), copy = vsu_fd_dup(file), same = disk_of("disk", O_RDONLY);
	int other = disk_of("other", O_RDWR);

	ck_assert_int_eq(ftruncate(other, 1 << 20), 0);
	ck_assert_str_eq(user_passes("device-add blk,path=fd:0:one\n", &file, 1), ADDED(0));
	close(file);
	assert_passed_refusal("device-add blk,path=fd:0:two\n", &copy, 1, "'two' is specified twice; only one");
	assert_passed_refusal("device-add pmem,path=fd:0\n", &copy, 1, "is specified twice");
	assert_passed_refusal("device-add blk,readonly,path=fd:0\n", &same, 1, "is specified twice");
	assert_refusal("device-add blk,path=disk\n", "'disk' is specified twice");
	ck_assert_str_eq(user_passes("device-add blk,path=fd:0:disk\n", &other, 1), ADDED(1));
	assert_passed_refusal("device-add blk,path=fd:0:one\n", &other, 1, "'one' is specified twice");
	close(copy);
	close(same);
	close(other);
}

START_TEST(file_of_a_disk_is_refused_by_any_descriptor_and_name)
{
	machine_run("--transport=pci", OWN_MEMORY, adding_twice);
}
END_TEST

static void adding_readers(void)
{
	int file = disk_of("disk", O_RDONLY);

	ck_assert_str_eq(user_passes("device-add blk,readonly,path=fd:0:one\n", &file, 1), ADDED(0));
	ck_assert_str_eq(user_passes("device-add blk,readonly,path=fd:0:two\n", &file, 1), ADDED(1));
	close(file);
}

START_TEST(descriptor_serves_two_disks_that_only_read)
{
	machine_run("--transport=pci", OWN_MEMORY, adding_readers);
}
END_TEST

static void adding_memory(void)
{
	int file = disk_of("disk", O_RDWR), other = disk_of("other", O_RDWR);

	ck_assert_int_eq(ftruncate(other, 1 << 20), 0);
	assert_passed_refusal("device-add blk,path=fd:0:image\n", &file, 1, "disk 'image' is also the file of");
	assert_passed_refusal("device-add blk,locking=off,path=fd:0\n", &file, 1, "is also the file of");
	ck_assert_str_eq(user_passes("device-add blk,path=fd:0:disk\n", &other, 1), ADDED(0));
	close(file);
	close(other);
}

START_TEST(file_of_memory_is_refused_by_any_descriptor)
{
	machine_run("--memory=size=32K,backend=file,mem-path=disk,offset=32K,share=on,at=16M",
		    "--memory=size=4M", adding_memory);
}
END_TEST

#define FILES "save fd:0 fd:1 fd:2\n"

static void saving_wrongly(void)
{
	int fds[] = { disk_of("m", O_RDWR), disk_of("s", O_RDWR), disk_of("w", O_WRONLY) };
	int read_only[] = { fds[0], fds[1], disk_of("r", O_RDONLY) };
	int same[] = { fds[0], fds[1], fds[0] };
	int appends[] = { fds[0], fds[1], disk_of("a", O_WRONLY | O_APPEND) };
	int full[] = { fds[0], fds[1], open("disk", O_RDWR | O_CLOEXEC) };

	assert_passed_refusal("save fd:0\n", fds, 1, "1 files; expected those of memory, state and machine.json");
	assert_passed_refusal(FILES, fds, 2, "'fd:2': 2 descriptors were sent");
	assert_passed_refusal(FILES, read_only, 3, "'machine.json' is not open for writing");
	assert_passed_refusal(FILES, appends, 3, "without O_APPEND");
	assert_passed_refusal(FILES, same, 3, "'memory' and 'machine.json' are the same file; pass three");
	assert_passed_refusal(FILES, full, 3, "'machine.json' is not empty");
	assert_passed_refusal("save folder\n", fds, 1, "descriptor 0 of the message is not used");
	assert_passed_refusal("save folder fd:0\n", fds, 1, "expected only the folder");
	assert_passed_refusal("core file\n", fds, 1, "descriptor 0 of the message is not used");
	assert_passed_refusal("migrate fd:0\n", fds, 1, "is not a socket; a pipe has one direction only");
	assert_passed_refusal("migrate connections=2 fd:0\n", fds, 1, "fd: use only one connection");
	ck_assert_int_lt(access("folder.incomplete", F_OK), 0);
	close_all(fds, 3);
	close(read_only[2]);
	close(appends[2]);
	close(full[2]);
}

START_TEST(d3_09_files_of_a_save_and_sockets_are_checked)
{
	static const char *const files[] = { "m", "s", "w", "r", "a" };
	unsigned int i;

	machine_run("--transport=pci", OWN_MEMORY, saving_wrongly);
	for (i = 0; i < sizeof(files) / sizeof(*files); i++)
		unlink(files[i]);
}
END_TEST

static void migrating(void)
{
	int pair[2], dgram[2], alone = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, dgram), 0);
	assert_passed_refusal("migrate fd:0\n", dgram, 1, "not of type SOCK_STREAM");
	assert_passed_refusal("migrate unix:fd:0\n", &alone, 1, "not connected");
	close(pair[0]);
	assert_passed_refusal("migrate fd:0\n", &pair[1], 1, "the other side closed the connection");
	close(pair[1]);
	close_all(dgram, 2);
	close(alone);
}

START_TEST(migration_uses_a_connected_socket)
{
	machine_run("--transport=pci", OWN_MEMORY, migrating);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("passed");
	Suite *s = suite_create("passed");

	tcase_add_checked_fixture(tc, rig_init, rig_fini);
	tcase_add_test(tc, device_is_added_over_a_descriptor);
	tcase_add_test(tc, d3_09_access_mode_and_kind_of_a_descriptor_are_checked);
	tcase_add_test(tc, file_of_a_disk_is_refused_by_any_descriptor_and_name);
	tcase_add_test(tc, descriptor_serves_two_disks_that_only_read);
	tcase_add_test(tc, file_of_memory_is_refused_by_any_descriptor);
	tcase_add_test(tc, d3_09_files_of_a_save_and_sockets_are_checked);
	tcase_add_test(tc, migration_uses_a_connected_socket);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
