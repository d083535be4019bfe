/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about disks, devices and servers on a host without free memory or
 * descriptors: a failure at any step returns an error and leaks nothing.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/console.h>
#include <virtio-devices/fs.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/mmio.h>
#include <virtio-devices/net.h>
#include <virtio-devices/pmem.h>
#include <virtio-devices/rng.h>
#include <virtio-devices/vhost_user.h>
#include <virtio-devices/vhost_user_server.h>
#include <virtio-devices/vsock.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "guest.h"
#include "image.h"
#include "suite.h"

/* Number of calls that succeed before one fails; negative: none fails. */
static int succeeding_calls = -1;

static bool lacks(int code)
{
	if (succeeding_calls < 0 || succeeding_calls--)
		return false;
	errno = code;
	return true;
}

/*
 * Wrapped functions must be visible to other objects: the runtime of a
 * sanitizer refers to them.
 */
#pragma GCC visibility push(default)
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
int __real_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event);
int __real_vsu_event_new(void);
int __wrap_vsu_event_new(void);
int __real_vsu_timer_new(void);
int __wrap_vsu_timer_new(void);
int __real_vsu_fd_dup(int fd);
int __wrap_vsu_fd_dup(int fd);
#pragma GCC visibility pop

void *__wrap_calloc(size_t n, size_t size)
{
	return lacks(ENOMEM) ? NULL : __real_calloc(n, size);
}

void *__wrap_malloc(size_t size)
{
	return lacks(ENOMEM) ? NULL : __real_malloc(size);
}

char *__wrap_strdup(const char *text)
{
	return lacks(ENOMEM) ? NULL : __real_strdup(text);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return lacks(ENOMEM) ? MAP_FAILED :
	       __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_epoll_create1(int flags)
{
	return lacks(EMFILE) ? -1 : __real_epoll_create1(flags);
}

int __wrap_epoll_ctl(int epfd, int op, int fd, struct epoll_event *event)
{
	return lacks(ENOSPC) ? -1 : __real_epoll_ctl(epfd, op, fd, event);
}

int __wrap_vsu_event_new(void)
{
	return lacks(EMFILE) ? -EMFILE : __real_vsu_event_new();
}

int __wrap_vsu_timer_new(void)
{
	return lacks(EMFILE) ? -EMFILE : __real_vsu_timer_new();
}

int __wrap_vsu_fd_dup(int fd)
{
	return lacks(EMFILE) ? -EMFILE : __real_vsu_fd_dup(fd);
}

static struct vsu_error err;
static struct baseline before;

static void setup(void)
{
	folder_init("/tmp");
	image_make("image", 1 << 20);
	err = (struct vsu_error)VSU_ERROR_INIT;
}

static void teardown(void)
{
	folder_fini();
}

/* The failure has a message and leaked nothing. */
static void ck_clean(int rc)
{
	succeeding_calls = -1;
	ck_assert(rc == -ENOMEM || rc == -EMFILE || rc == -ENOSPC);
	ck_assert_str_ne(err.msg, "");
	baseline_check(before);
}

/* After success: a call that failed would have been ignored. */
static void ck_none_failed(void)
{
	const int rest = succeeding_calls;

	succeeding_calls = -1;
	ck_assert_int_ge(rest, 0);
}

static int open_disk(struct virtdev_disk **out)
{
	const struct virtdev_disk_file file = {
		.size = sizeof(file), .path = "image",
		.engine = VIRTDEV_DISK_ENGINE_SYNC,
	};

	return virtdev_disk_file_open(&file, out, &err);
}

START_TEST(e1_05_failed_open_of_a_disk_leaks_nothing)
{
	struct virtdev_disk *disk = NULL;
	unsigned int n;
	int rc = -1;

	before = baseline_take();
	for (n = 0; rc; n++) {
		ck_assert_uint_lt(n, 100);
		succeeding_calls = (int)n;
		rc = open_disk(&disk);
		if (rc < 0)
			ck_clean(rc);
	}
	ck_none_failed();
	ck_assert_uint_gt(n, 2);
	virtdev_disk_free(disk);
}
END_TEST

START_TEST(e1_05_failed_block_device_leaves_the_disk_to_its_owner)
{
	struct virtdev_blk_config config = { .size = sizeof(config) };
	struct virtdev *dev = NULL;
	unsigned int n;
	int rc = -1;

	ck_assert_int_eq(open_disk(&config.disk), 0);
	before = baseline_take();
	for (n = 0; rc; n++) {
		ck_assert_uint_lt(n, 100);
		succeeding_calls = (int)n;
		rc = virtdev_blk_new(&config, &dev, &err);
		if (rc < 0)
			ck_clean(rc);
	}
	ck_none_failed();
	ck_assert_uint_gt(n, 2);
	virtdev_free(dev);
}
END_TEST

static struct virtdev *make_blk(void)
{
	struct virtdev_blk_config config = { .size = sizeof(config),
					     .nqueues = 2 };
	struct virtdev *dev;

	ck_assert_int_eq(open_disk(&config.disk), 0);
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, &err), 0);
	return dev;
}

START_TEST(e1_05_failed_queue_start_can_be_repeated)
{
	struct virtdev *dev = make_blk();
	struct guest g;
	unsigned int n;
	int rc = -1;

	guest_init(&g, 0, 16, 0, 0);
	before = baseline_take();
	for (n = 0; rc; n++) {
		ck_assert_uint_lt(n, 100);
		succeeding_calls = (int)n;
		rc = virtdev_queue_start(dev, 0, g.q, &err);
		if (rc < 0)
			ck_clean(rc);
	}
	ck_none_failed();
	/*
	 * on 32-bit systems libc calls mmap() by another name, which is not
	 * wrapped
	 */
	ck_assert_uint_gt(n, sizeof(void *) < 8 ? 1 : 2);
	virtdev_queue_stop(dev, 0);
	virtdev_free(dev);
	guest_fini(&g);
}
END_TEST

START_TEST(e1_05_failed_creation_of_a_server_leaks_nothing)
{
	struct virtdev_vhost_user_server_config config = {
		.size = sizeof(config), .dev = make_blk(), .threaded = _i,
	};
	int listener = vsu_sock_listen("socket", 1, &err);
	struct virtdev_vhost_user_server *s = NULL;
	unsigned int n;
	int rc = -1;

	ck_assert_int_ge(listener, 0);
	before = baseline_take();
	for (n = 0; rc; n++) {
		ck_assert_uint_lt(n, 100);
		succeeding_calls = (int)n;
		rc = virtdev_vhost_user_server_new(&config, listener, &s,
							  &err);
		if (rc < 0)
			ck_clean(rc);
	}
	ck_none_failed();
	ck_assert_uint_gt(n, 4);
	virtdev_vhost_user_server_free(s);
	vsu_fd_close(&listener);
	virtdev_free(config.dev);
}
END_TEST

/* Devices and their servers, each created on top of another one. */
static struct virtdev *device;
static struct virtdev_transport *transport;
static struct virtdev_mmio *mmio;
static struct virtdev_server *served;
static struct virtdev_vhost_user *remote;
static struct vmem_space *space;

/* On failure the host end still belongs to the caller. */
static int make_console(void)
{
	struct virtdev_console_port port = { .size = sizeof(port),
					     .name = "p", .console = true };
	const struct virtdev_console_config config = {
		.size = sizeof(config), .port = &port, .max_ports = 2,
	};
	int rc = virtdev_port_fds_new(STDIN_FILENO, -1, &port.host, &err);

	if (rc < 0)
		return rc;
	rc = virtdev_console_new(&config, &device, &err);
	if (rc < 0)
		virtdev_port_free(port.host);
	return rc;
}

static int make_rng(void)
{
	const struct virtdev_rng_config config = { .size = sizeof(config),
						   .rate = 1000 };

	return virtdev_rng_new(&config, &device, &err);
}

static void free_device(void)
{
	virtdev_free(device);
}

static void prepare_space(void)
{
	ck_assert_int_eq(vmem_space_new(&space), 0);
}

static int make_vsock(void)
{
	const struct virtdev_vsock_config config = {
		.size = sizeof(config), .path = "vsock", .cid = 3,
	};

	return virtdev_vsock_new(&config, &device, &err);
}

static int make_balloon(void)
{
	const struct virtdev_balloon_config config = { .size = sizeof(config),
						       .space = space };

	return virtdev_balloon_new(&config, &device, &err);
}

static int make_mem(void)
{
	const struct virtdev_mem_config config = {
		.size = sizeof(config), .len = VIRTDEV_MEM_PIECE,
	};

	return virtdev_mem_new(&config, &device, &err);
}

/* Shares the current folder. */
static int make_fs(void)
{
	const struct virtdev_fs_config config = {
		.size = sizeof(config), .path = ".", .tag = "t",
		.window = VIRTDEV_FS_WINDOW_ALIGN,
	};

	return virtdev_fs_new(&config, &device, &err);
}

static void prepare_file(void)
{
	image_make("image", VIRTDEV_PMEM_ALIGN);
}

/* On failure the disk still belongs to the caller. */
static int make_pmem(void)
{
	struct virtdev_pmem_config config = {
		.size = sizeof(config), .len = VIRTDEV_PMEM_ALIGN,
	};
	int rc = open_disk(&config.disk);

	if (rc < 0)
		return rc;
	rc = virtdev_pmem_new(&config, &device, &err);
	if (rc < 0)
		virtdev_disk_free(config.disk);
	return rc;
}

static void prepare_device(void)
{
	ck_assert_int_eq(make_rng(), 0);
	ck_assert_int_eq(vmem_space_new(&space), 0);
}

/* A socket link with a card on it. */
/* Without an assertion, which would allocate. */
static void make_pair(int type, int pair[2])
{
	if (socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
}

static int make_net(void)
{
	struct virtdev_net_config config = { .size = sizeof(config) };
	int pair[2], rc;

	make_pair(SOCK_SEQPACKET, pair);
	rc = virtdev_net_link_from_fd(pair[0], &config.link, &err);
	if (!rc)
		rc = virtdev_net_new(&config, &device, &err);
	if (rc < 0)
		virtdev_net_link_free(config.link);
	close(pair[0]);
	close(pair[1]);
	return rc;
}

static int make_transport(void)
{
	static const struct virtdev_transport_ops ops = {
		.size = sizeof(ops),
	};

	return virtdev_transport_new(device, &ops, NULL, &transport, &err);
}

static void free_transport(void)
{
	virtdev_transport_free(transport);
}

static void prepare_transport(void)
{
	prepare_device();
	ck_assert_int_eq(make_transport(), 0);
}

static int make_mmio(void)
{
	return virtdev_mmio_new(transport, &mmio, &err);
}

static void free_mmio(void)
{
	virtdev_mmio_free(mmio);
}

static int make_inline(void)
{
	return virtdev_inline_new(transport, space, NULL, NULL, &served, &err);
}

static void free_inline(void)
{
	virtdev_server_free(served);
}

/* On failure the socket still belongs to the caller. */
static int make_remote(void)
{
	static const struct virtdev_vhost_user_config config = {
		.size = sizeof(config), .id = 4, .nqueues = 1,
	};
	static const struct virtdev_vhost_user_ops ops = {
		.size = sizeof(ops),
	};
	int pair[2], rc;

	make_pair(SOCK_STREAM, pair);
	rc = virtdev_vhost_user_new_take_fd(pair[0], &config, &ops, NULL,
					    &remote, &err);
	if (rc < 0)
		close(pair[0]);
	close(pair[1]);
	return rc;
}

static void free_remote(void)
{
	virtdev_vhost_user_free(remote);
}

static void nothing(void)
{
}

static const struct maker {
	void (*prepare)(void);
	int (*make)(void);
	void (*free)(void);
	unsigned int calls;	/* minimum number of calls that can fail */
} makers[] = {
	{ nothing, make_rng, free_device, 2 },
	{ nothing, make_net, free_device, 4 },
	{ nothing, make_vsock, free_device, 10 },
	{ prepare_space, make_balloon, free_device, 2 },
	{ nothing, make_mem, free_device, 3 },
	{ nothing, make_fs, free_device, 5 },
	{ prepare_file, make_pmem, free_device, 3 },
	{ prepare_device, make_transport, free_transport, 1 },
	{ prepare_transport, make_mmio, free_mmio, 2 },
	{ prepare_transport, make_inline, free_inline, 5 },
	{ nothing, make_remote, free_remote, 1 },
	{ nothing, make_console, free_device, 10 },
};

START_TEST(e1_05_failed_device_or_transport_leaks_nothing)
{
	const struct maker *m = &makers[_i];
	unsigned int n;
	int rc = -1, rest = -1;

	m->prepare();
	before = baseline_take();
	for (n = 0; rc; n++) {
		ck_assert_uint_lt(n, 100);
		succeeding_calls = (int)n;
		vsu_error_clear(&err);
		rc = m->make();
		rest = succeeding_calls;
		succeeding_calls = -1;	/* an assertion allocates */
		ck_assert_msg(err.code == rc && !*err.msg == !rc, "%d: %d '%s'", rc, err.code, err.msg);
		if (rc < 0)
			ck_clean(rc);
	}
	ck_assert_int_ge(rest, 0);	/* otherwise a failure was ignored */
	ck_assert_uint_gt(n, m->calls);
	m->free();
}
END_TEST

static const struct {
	struct virtdev_disk_file file;
	int rc;
	const char *message;
} invalid[] = {
	{ { .size = 0, .path = "image" }, -EINVAL, "virtdev_disk_file" },
	{ { .size = sizeof(struct virtdev_disk_file) }, -EINVAL, "no path" },
	{ { .size = sizeof(struct virtdev_disk_file), .path = "image",
	    .engine = 99 }, -EINVAL, "engine 99" },
	{ { .size = sizeof(struct virtdev_disk_file), .path = "image",
	    .engine = VIRTDEV_DISK_ENGINE_MMAP }, -EOPNOTSUPP, "tmpfs" },
	{ { .size = sizeof(struct virtdev_disk_file), .path = "/" },
	  -EISDIR, "directory" },
	{ { .size = sizeof(struct virtdev_disk_file), .path = "running" },
	  -EBUSY, "in use as a program" },
};

START_TEST(d1_18_invalid_disk_is_refused_with_a_message)
{
	struct virtdev_disk *disk;

	ck_assert_int_eq(symlink("/proc/self/exe", "running"), 0);
	before = baseline_take();
	ck_assert_int_eq(virtdev_disk_file_open(&invalid[_i].file, &disk,
						&err), invalid[_i].rc);
	ck_assert_msg(strstr(err.msg, invalid[_i].message), "%s", err.msg);
	baseline_check(before);
}
END_TEST

START_TEST(d1_18_server_or_block_device_without_a_backend_is_refused)
{
	struct virtdev_vhost_user_server_config server = {
		.size = sizeof(server),
	};
	struct virtdev_blk_config blk = { .size = sizeof(blk) };
	struct virtdev_vhost_user_server *s;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_vhost_user_server_new(&server, 0, &s,
							      &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "no device"));
	ck_assert_int_eq(virtdev_blk_new(&blk, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "no disk"));
	blk.size = 0;
	ck_assert_int_eq(virtdev_blk_new(&blk, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "struct virtdev_blk_config"));
	server.size = 0;
	ck_assert_int_eq(virtdev_vhost_user_server_new(&server, 0, &s,
							      &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "_server_config"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("lack");
	TCase *tc = tcase_create("lack");

	/* cases change the process, so each one runs in a child */
	if (!getenv("TEST_FORK"))
		setenv("CK_FORK", "yes", 1);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, e1_05_failed_open_of_a_disk_leaks_nothing);
	tcase_add_test(tc, e1_05_failed_block_device_leaves_the_disk_to_its_owner);
	tcase_add_test(tc, e1_05_failed_queue_start_can_be_repeated);
	tcase_add_loop_test(tc, e1_05_failed_creation_of_a_server_leaks_nothing, 0, 2);
	tcase_add_loop_test(tc, d1_18_invalid_disk_is_refused_with_a_message,
			    0, 6);
	tcase_add_loop_test(tc, e1_05_failed_device_or_transport_leaks_nothing,
			    0, sizeof(makers) / sizeof(makers[0]));
	tcase_add_test(tc, d1_18_server_or_block_device_without_a_backend_is_refused);
	return run_suite(s);
}
