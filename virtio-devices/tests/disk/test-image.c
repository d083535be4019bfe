/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about opening images: which files are accepted, and sharing with other
 * users.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "../guest.h"
#include "../image.h"
#include "../suite.h"
#include "disk/priv.h"

#define AUTO VIRTDEV_DISK_ENGINE_AUTO

static struct vsu_error err;
static struct virtdev_disk *disk;

static void setup(void)
{
	folder_init("/tmp");
	memset(&err, 0, sizeof(err));
	disk = NULL;
}

static void teardown(void)
{
	virtdev_disk_free(disk);
	folder_fini();
}

/* A block device of the host, which the file of the test represents. */
static struct {
	bool present;
	int read_only, code;	/* BLKROGET stores read_only and returns code */
} block;

int __real_vsu_fd_kind(int fd);
int __wrap_vsu_fd_kind(int fd);
int __wrap_vsu_fd_kind(int fd)
{
	return block.present ? VSU_FD_BLOCK : __real_vsu_fd_kind(fd);
}

int __real_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...);
int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!block.present || request != BLKROGET)
		return __real_ioctl(fd, request, arg);
	*(int *)arg = block.read_only;
	return block.code;
}

static void make_socket(void)
{
	struct sockaddr_un addr = { AF_UNIX, "thing" };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
}

static void make_fifo(void)
{
	ck_assert_int_eq(mkfifo("thing", 0600), 0);
}

static void make_folder(void)
{
	ck_assert_int_eq(mkdir("thing", 0700), 0);
}

static void make_odd(void)
{
	image_make("thing", 1000);
}

static void make_empty(void)
{
	image_make("thing", 0);
}

static void make_null(void)
{
	ck_assert_int_eq(symlink("/dev/null", "thing"), 0);
}

static void make_nothing(void)
{
}

/* Paths that are not disks, the error code, and part of the message. */
static const struct {
	void (*make)(void);
	int code;
	const char *message;
} not_disks[] = {
	{ make_nothing, -ENOENT, "no such file: 'thing'; create it first" },
	{ make_folder, -EISDIR, "'thing' is a directory" },
	{ make_fifo, -ENODEV, "name a raw image file or a block device" },
	{ make_socket, -ENODEV, "'thing' is a socket" },
	{ make_null, -ENODEV, "'thing' is a character device" },
	{ make_odd, -EINVAL, "1000 bytes, not a multiple of 512: it is damaged, compressed or of another format; use a raw image of whole sectors" },
	{ make_empty, -EINVAL, "'thing' is empty" },
};

/* Opening a FIFO must not block; this test would time out. */
START_TEST(path_that_is_not_a_disk_is_refused_by_name)
{
	struct baseline before = baseline_take();

	not_disks[_i / 2].make();
	ck_assert_int_eq(disk_open("thing", _i % 2, AUTO, &disk, &err),
			 not_disks[_i / 2].code);
	ck_assert_msg(strstr(err.msg, not_disks[_i / 2].message) != NULL, "%s",
		      err.msg);
	baseline_check(before);
}
END_TEST

/* Root passes permission checks, so the test changes its user. */
START_TEST(missing_permission_is_named)
{
	image_make("thing", 512);
	ck_assert_int_eq(chmod("thing", _i ? 0400 : 0), 0);
	ck_assert_int_eq(chmod(".", 0755), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(disk_open("thing", !_i, AUTO, &disk, &err), -EACCES);
	ck_assert_msg(strstr(err.msg, "no permission to read") != NULL, "%s",
		      err.msg);
	ck_assert(!_i == !strstr(err.msg, "read-only"));
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
}
END_TEST

START_TEST(read_only_disk_opens_a_read_only_file)
{
	int fd;

	image_make("thing", 512);
	fd = open("thing", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(chmod("thing", 0444), 0);
	ck_assert_int_eq(disk_open("thing", true, AUTO, &disk, &err), 0);
	ck_assert_uint_eq(virtdev_priv_disk_info(disk)->read_only, 1);
	ck_assert_uint_eq(virtdev_priv_disk_info(disk)->can_discard, 0);
	ck_assert_uint_eq(virtdev_priv_disk_info(disk)->can_zero, 0);
	close(fd);
}
END_TEST

static const struct {
	int read_only, code;
	bool refused;
} devices[] = {
	{ 0, 0, false },
	{ 1, 0, true },
	{ 1, -1, false },	/* the host does not report it */
};

START_TEST(block_device_is_opened_for_writing_unless_it_is_read_only)
{
	image_make("thing", 4096);
	block.present = true;
	block.read_only = devices[_i].read_only;
	block.code = devices[_i].code;
	ck_assert_int_eq(disk_open("thing", false, VIRTDEV_DISK_ENGINE_SYNC, &disk, &err),
			 devices[_i].refused ? -EACCES : 0);
	if (devices[_i].refused) {
		ck_assert_str_eq(err.msg, "'thing' is a read-only device; serve it read-only");
		ck_assert_int_eq(disk_open("thing", true, VIRTDEV_DISK_ENGINE_SYNC, &disk, &err), 0);
	}
	block.present = false;
}
END_TEST

START_TEST(a4_16_format_is_never_probed)
{
	int fd = open("thing", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

	/* a guest may write the header of another format */
	ck_assert_int_eq(pwrite(fd, "QFI\xfb\0\0\0\3", 8, 0), 8);
	ck_assert_int_eq(ftruncate(fd, 1 << 20), 0);
	close(fd);
	ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err), 0);
	ck_assert_uint_eq(virtdev_priv_disk_info(disk)->capacity, 1 << 20);
}
END_TEST

START_TEST(open_neither_creates_nor_changes_an_image)
{
	struct stat before, after;

	image_make("thing", 4096);
	ck_assert_int_eq(stat("thing", &before), 0);
	ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err), 0);
	ck_assert_int_eq(stat("thing", &after), 0);
	ck_assert_int_eq(before.st_size, after.st_size);
	ck_assert_int_eq(before.st_blocks, after.st_blocks);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(disk_open("other", false, AUTO, &disk, NULL),
			 -ENOENT);
	ck_assert_int_lt(access("other", F_OK), 0);
}
END_TEST

/*
 * Whether the first and the second user are read-only, and whether the second
 * may open.
 */
static const struct {
	bool first, second, fine;
} users[] = {
	{ false, false, false },
	{ false, true, false },
	{ true, false, false },
	{ true, true, true },
};

START_TEST(d1_15_one_writer_or_many_readers)
{
	struct virtdev_disk *second;
	int rc;

	image_make("thing", 4096);
	ck_assert_int_eq(disk_open("thing", users[_i].first, AUTO, &disk, &err),
			 0);
	rc = disk_open("thing", users[_i].second, AUTO, &second, &err);
	ck_assert_int_eq(rc, users[_i].fine ? 0 : -EBUSY);
	if (!rc)
		virtdev_disk_free(second);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "'thing' is in use"));
}
END_TEST

/* An unlocked disk ignores locks of other users, and holds none itself. */
START_TEST(unlocked_disk_ignores_locks)
{
	const struct virtdev_disk_file how = {
		.size = sizeof(how), .path = "thing", .unlocked = true,
	};
	struct virtdev_disk *second, *third;

	image_make("thing", 4096);
	ck_assert_int_eq(virtdev_disk_file_open(&how, &second, &err), 0);
	ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err), 0);
	ck_assert_int_eq(virtdev_disk_file_open(&how, &third, &err), 0);
	virtdev_disk_free(third);
	virtdev_disk_free(second);
}
END_TEST

START_TEST(d1_15_refused_user_leaves_no_lock)
{
	struct virtdev_disk *second;

	image_make("thing", 4096);
	ck_assert_int_eq(disk_open("thing", true, AUTO, &disk, &err), 0);
	ck_assert_int_eq(disk_open("thing", false, AUTO, &second, &err),
			 -EBUSY);
	ck_assert_int_eq(disk_open("thing", true, AUTO, &second, &err), 0);
	virtdev_disk_free(second);
	/* nor does a user that fails after it took its lock */
	image_make("thing2", 1000);
	ck_assert_int_eq(disk_open("thing2", false, AUTO, &second, &err),
			 -EINVAL);
	ck_assert_int_eq(truncate("thing2", 1024), 0);
	ck_assert_int_eq(disk_open("thing2", false, AUTO, &second, &err), 0);
	virtdev_disk_free(second);
}
END_TEST

START_TEST(image_is_unlocked_when_its_disk_is_freed)
{
	int i;

	image_make("thing", 4096);
	for (i = 0; i < 20; i++) {
		struct test_disk d;
		char buf[512] = "";

		test_disk_init(&d, "thing", AUTO, 8);
		ck_assert_int_eq(test_disk_do(&d, VIRTDEV_DISK_WRITE, 0, buf,
					      512), 0);
		test_disk_fini(&d);
	}
}
END_TEST

/*
 * Runs QEMU with the image as a guest's disk; QEMU exits at once if it can open
 * it.
 */
#define QEMU_GUEST(read_only)						\
	"echo quit | qemu-system-x86_64 -S -nodefaults -display none "	\
	"-monitor stdio -blockdev file,node-name=d,filename=thing,"	\
	"read-only=" read_only " -device virtio-blk-pci,drive=d "	\
	">qemu.log 2>&1"

START_TEST(d1_15_our_lock_excludes_qemu_as_expected)
{
	image_make("thing", 4096);
	ck_assert_int_eq(disk_open("thing", _i, AUTO, &disk, &err), 0);
	ck_assert_int_ne(system(QEMU_GUEST("off")), 0);
	ck_assert((system(QEMU_GUEST("on")) == 0) == (_i == 1));
	virtdev_disk_free(disk);
	disk = NULL;
	ck_assert_int_eq(system(QEMU_GUEST("off")), 0);
}
END_TEST

/* Starts a QEMU tool that keeps the image open until its input ends. */
static FILE *qemu_stays(const char *options)
{
	char command[200], c;
	FILE *f;
	int fd;

	ck_assert_int_eq(mkfifo("ready", 0600), 0);
	snprintf(command, sizeof(command),
		 "qemu-io -f raw %s thing >ready 2>&1", options);
	f = popen(command, "w");
	ck_assert_ptr_nonnull(f);
	/* the first reply shows that the image is open */
	fputs("length\n", f);
	fflush(f);
	fd = open("ready", O_RDONLY | O_CLOEXEC);
	while (read(fd, &c, 1) == 1 && c != '4')
		;
	ck_assert_int_eq(c, '4');
	close(fd);
	return f;
}

START_TEST(d1_15_lock_of_qemu_excludes_us_as_expected)
{
	FILE *f;

	signal(SIGPIPE, SIG_IGN);
	image_make("thing", 4096);
	f = qemu_stays(_i ? "-r" : "");
	if (!_i)
		ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err),
				 -EBUSY);
	ck_assert_int_eq(disk_open("thing", true, AUTO, &disk, &err),
			 _i ? 0 : -EBUSY);
	pclose(f);
	if (!_i)
		ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err),
				 0);
}
END_TEST

START_TEST(mmap_engine_requires_ram_and_a_sigbus_table)
{
	struct virtdev_disk_file how = {
		.size = sizeof(how),
		.path = "thing",
		.engine = VIRTDEV_DISK_ENGINE_MMAP,
	};
	int fd = memfd_create("ram", MFD_CLOEXEC);
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	how.path = path;
	ck_assert_int_eq(virtdev_disk_file_open(&how, &disk, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "SIGBUS"));
	how.path = "/proc/self/exe";
	how.read_only = true;
	ck_assert_int_lt(virtdev_disk_file_open(&how, &disk, &err), 0);
	close(fd);
}
END_TEST

/* As in a sandbox: io_uring_setup() fails with this code. */
static void forbid_uring(int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { 4, filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
			 0);
}

START_TEST(refused_io_uring_falls_back_to_the_sync_engine)
{
	static const int codes[] = { ENOSYS, EPERM, EACCES };

	image_make("thing", 4096);
	forbid_uring(codes[_i]);
	ck_assert_int_eq(disk_open("thing", false, VIRTDEV_DISK_ENGINE_IO_URING,
				   &disk, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, "io_uring"));
	ck_assert_ptr_nonnull(strstr(err.msg, "use the synchronous engine"));
	vsu_error_clear(&err);
	ck_assert_int_eq(disk_open("thing", false, AUTO, &disk, &err), 0);
	ck_assert_str_eq(err.msg, "");
	ck_assert_str_eq(virtdev_priv_disk_engine(disk), "sync");
	ck_assert_uint_eq(virtdev_priv_disk_info(disk)->blocks, 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk open");
	TCase *tc = tcase_create("disk open");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, path_that_is_not_a_disk_is_refused_by_name, 0,
			    2 * sizeof(not_disks) / sizeof(*not_disks));
	tcase_add_loop_test(tc, missing_permission_is_named, 0, 2);
	tcase_add_test(tc, read_only_disk_opens_a_read_only_file);
	tcase_add_loop_test(tc, block_device_is_opened_for_writing_unless_it_is_read_only, 0,
			    sizeof(devices) / sizeof(devices[0]));
	tcase_add_test(tc, a4_16_format_is_never_probed);
	tcase_add_test(tc, open_neither_creates_nor_changes_an_image);
	tcase_add_loop_test(tc, d1_15_one_writer_or_many_readers, 0, 4);
	tcase_add_test(tc, unlocked_disk_ignores_locks);
	tcase_add_test(tc, d1_15_refused_user_leaves_no_lock);
	tcase_add_test(tc, image_is_unlocked_when_its_disk_is_freed);
	tcase_add_test(tc, mmap_engine_requires_ram_and_a_sigbus_table);
	tcase_add_loop_test(tc, refused_io_uring_falls_back_to_the_sync_engine,
			    0, 3);
	/* starting QEMU takes long on a busy machine */
	tcase_set_timeout(tc, 120);
	if (system("{ qemu-io --version && qemu-system-x86_64 --version; } >/dev/null 2>&1") == 0) {
		tcase_add_loop_test(tc, d1_15_our_lock_excludes_qemu_as_expected, 0,
				    2);
		tcase_add_loop_test(tc, d1_15_lock_of_qemu_excludes_us_as_expected,
				    0, 2);
	} else {
		puts("# skipped: locks shared with QEMU require QEMU and its tools");
		fflush(stdout);
	}

	return run_suite(s);
}
