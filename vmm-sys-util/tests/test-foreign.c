/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <vmm-sys-util/foreign.h>
#include <vmm-sys-util/sock.h>

#include "dead-server.h"
#include "util.h"

/* --- one descriptor of each kind --- */

static int make_event(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static int make_full_event(void)
{
	const uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, 0);

	ck_assert_int_eq(write(fd, &most, sizeof(most)), sizeof(most));
	return fd;
}

static int make_semaphore(void)
{
	return eventfd(3, EFD_SEMAPHORE | EFD_NONBLOCK);
}

static int pipe_end(int i)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	close(ends[!i]);
	return ends[i];
}

static int make_dead_pipe(void)
{
	return pipe_end(0);
}

static int make_pipe_to_write(void)
{
	return pipe_end(1);
}

static int make_fifo(void)
{
	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	return open("fifo", O_RDWR);
}

static int make_memfd(void)
{
	return memfd_create("m", MFD_CLOEXEC);
}

static int make_sealed_memfd(void)
{
	int fd = memfd_create("m", MFD_ALLOW_SEALING);

	ck_assert_int_eq(ftruncate(fd, 4096), 0);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_WRITE), 0);
	return fd;
}

static int make_proc_file(void)
{
	return open("/proc/self/mem", O_RDWR);
}

static int make_proc_text(void)
{
	return open("/proc/self/mountinfo", O_RDONLY);
}

static int make_program(void)
{
	return open("/proc/self/exe", O_RDONLY);
}

static int make_zero(void)
{
	return open("/dev/zero", O_RDWR);
}

static int make_directory(void)
{
	return open(".", O_RDONLY | O_DIRECTORY);
}

static int make_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int make_epoll(void)
{
	return epoll_create1(0);
}

static int make_path(void)
{
	return open("/dev/zero", O_PATH);
}

/* Its name is that of an eventfd, and it can be neither read nor written. */
static int make_path_of_event(void)
{
	int event = make_event(), fd;
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", event);
	fd = open(path, O_PATH);
	close(event);
	return fd;
}

static int make_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int make_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	return signalfd(-1, &none, 0);
}

static int make_inotify(void)
{
	return inotify_init1(0);
}

static const struct sample {
	int (*make)(void);
	int kind;
} samples[] = {
	{ make_event, VSU_FOREIGN_EVENT },
	{ make_full_event, VSU_FOREIGN_EVENT },
	{ make_semaphore, VSU_FOREIGN_EVENT },
	{ make_dead_pipe, VSU_FOREIGN_PIPE },
	{ make_pipe_to_write, VSU_FOREIGN_PIPE },
	{ make_fifo, VSU_FOREIGN_PIPE },
	{ make_memfd, VSU_FOREIGN_SHARED },
	{ make_sealed_memfd, VSU_FOREIGN_SHARED },
	{ make_proc_file, VSU_FOREIGN_OTHER },
	{ make_proc_text, VSU_FOREIGN_OTHER },
	{ make_program, VSU_FOREIGN_FILE },
	{ make_zero, VSU_FOREIGN_CHAR },
	{ make_directory, VSU_FOREIGN_DIRECTORY },
	{ make_socket, VSU_FOREIGN_SOCKET },
	{ make_epoll, VSU_FOREIGN_EPOLL },
	{ make_path, VSU_FOREIGN_PATH },
	{ make_path_of_event, VSU_FOREIGN_PATH },
	{ make_timer, VSU_FOREIGN_OTHER },
	{ make_signals, VSU_FOREIGN_OTHER },
	{ make_inotify, VSU_FOREIGN_OTHER },
};

START_TEST(b1_12_every_kind_of_descriptor_is_recognised)
{
	int fd = samples[_i].make();

	ck_assert_int_ge(fd, 0);
	ck_assert_str_eq(vsu_foreign_name(vsu_foreign_kind(fd)),
			 vsu_foreign_name(samples[_i].kind));
	close(fd);
}
END_TEST

START_TEST(only_an_eventfd_is_recognised_as_one)
{
	int fd = samples[_i].make();

	/* Linux before 5.8 cannot tell them apart */
	if (vsu_foreign_is_event(fd))
		ck_assert_int_eq(samples[_i].kind, VSU_FOREIGN_EVENT);
	close(fd);
	ck_assert(!vsu_foreign_is_event(fd));
}
END_TEST

START_TEST(b1_12_file_named_like_an_eventfd_is_a_file)
{
	int fd = open("anon_inode:[eventfd]", O_RDWR | O_CREAT, 0600);
	int kind = vsu_foreign_kind(fd);

	/* by the file system of the test's folder */
	ck_assert(kind == VSU_FOREIGN_SHARED || kind == VSU_FOREIGN_FILE ||
		  kind == VSU_FOREIGN_SERVED);
	close(fd);
}
END_TEST

START_TEST(a_descriptor_that_is_not_open_has_no_kind)
{
	int fd = make_event();

	close(fd);
	ck_assert_int_eq(vsu_foreign_kind(fd), -EBADF);
	ck_assert_int_eq(vsu_foreign_kind(-1), -EBADF);
	ck_assert_str_eq(vsu_foreign_name(-1), "unknown");
}
END_TEST

START_TEST(recognition_does_not_change_the_descriptor)
{
	int fd = make_full_event();
	uint64_t count = 0;

	vsu_foreign_kind(fd);
	if (!vsu_foreign_is_event(fd))
		ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_EVENT);
	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
	ck_assert(count == UINT64_MAX - 1);
	close(fd);
}
END_TEST

static int make_expired_timer(void)
{
	const struct itimerspec at_once = { .it_value.tv_nsec = 1 };
	int fd = make_timer();
	struct pollfd p = { .fd = fd, .events = POLLIN };

	ck_assert_int_eq(timerfd_settime(fd, 0, &at_once, NULL), 0);
	ck_assert_int_eq(poll(&p, 1, -1), 1);
	return fd;
}

static int make_news(void)
{
	int fd = make_inotify();

	ck_assert_int_ge(inotify_add_watch(fd, ".", IN_OPEN | IN_ONESHOT), 0);
	close(open("news", O_WRONLY | O_CREAT, 0600));
	return fd;
}

static int make_filled_pipe(void)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(write(ends[1], "12345678", 8), 8);
	close(ends[1]);
	return ends[0];
}

static int make_filled_socket(void)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(write(ends[1], "12345678", 8), 8);
	close(ends[1]);
	return ends[0];
}

static int (*const filled[])(void) = {
	make_semaphore, make_expired_timer, make_news, make_filled_pipe,
	make_filled_socket,
};

START_TEST(recognition_reads_no_byte)
{
	int fd = filled[_i](), twin = filled[_i]();
	char bytes[256], same[256];
	ssize_t n;

	vsu_foreign_kind(fd);
	if (vsu_foreign_is_event(fd))
		ck_assert_int_eq(_i, 0);
	n = read(fd, bytes, sizeof(bytes));
	ck_assert_int_ge(n, 8);
	ck_assert_int_eq(read(twin, same, sizeof(same)), n);
	ck_assert_mem_eq(bytes, same, (size_t)n);
	close(fd);
	close(twin);
}
END_TEST

static bool leave_proc(void)
{
	return (!geteuid() || unshare(CLONE_NEWUSER) == 0) && chroot(".") == 0;
}

/* A full one, a stranger and memory, and as which they are known then. */
static int kinds_without_proc(void)
{
	const int event = make_full_event(), timer = make_timer(),
		  epoll = make_epoll(), memory = make_memfd(), end = pipe_end(1);

	if (!leave_proc())
		return 2;
	return vsu_foreign_kind(event) != VSU_FOREIGN_EVENT ||
	       vsu_foreign_kind(timer) != VSU_FOREIGN_OTHER ||
	       vsu_foreign_kind(epoll) != VSU_FOREIGN_OTHER ||
	       vsu_foreign_kind(memory) != VSU_FOREIGN_SHARED ||
	       vsu_foreign_kind(end) != VSU_FOREIGN_PIPE;
}

START_TEST(b1_12_kinds_are_recognised_without_proc)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(kinds_without_proc());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFEXITED(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static bool can_leave_proc(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(!leave_proc());
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* --- memory of the kernel --- */

/* Results of the two calls for every descriptor, unless NULL or 0. */
static const char *shown_name;
static uint32_t shown_type;

ssize_t readlink(const char *path, char *name, size_t size)
{
	if (!shown_name)
		return syscall(SYS_readlinkat, AT_FDCWD, path, name, size);
	size = size < strlen(shown_name) ? size : strlen(shown_name);
	memcpy(name, shown_name, size);
	return (ssize_t)size;
}

#if __SIZEOF_LONG__ == 8
int fstatfs(int fd, struct statfs *fs)
{
	int rc = (int)syscall(SYS_fstatfs, fd, fs);

	if (shown_type)
		fs->f_type = (__typeof__(fs->f_type))shown_type;
	return rc;
}
#endif

/* A guest_memfd that can be mapped (flags 3), or -1: no KVM, or Linux before 6.18. */
static int make_guest_memfd(void)
{
	struct { uint64_t size, flags, rest[6]; } args = { 1 << 20, 3, { 0 } };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = kvm < 0 ? -1 : ioctl(kvm, _IO(0xAE, 0x01), 0);
	int fd = vm < 0 ? -1 : ioctl(vm, _IOWR(0xAE, 0xd4, args), &args);

	close(vm);
	close(kvm);
	return fd;
}

static bool has_guest_memfd(void)
{
	int fd = make_guest_memfd();

	return fd >= 0 && close(fd) == 0;
}

START_TEST(guest_memfd_is_shared_memory)
{
	int fd = make_guest_memfd();

	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SHARED);
	close(fd);
}
END_TEST

/* By the name and the type that Linux 6.19 gives its file system. */
START_TEST(guest_memfd_of_its_own_file_system_is_shared_memory)
{
	int fd = make_guest_memfd();

	shown_name = "/[kvm-gmem]";
	shown_type = 0x474d454d;
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SHARED);
	close(fd);
}
END_TEST

/* A guest_memfd in its place: neither can be read, both can be mapped. */
START_TEST(dma_buf_is_shared_memory)
{
	int fd = make_guest_memfd();

	shown_name = "/dmabuf:";
	shown_type = 0x444d4142;
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SHARED);
	close(fd);
}
END_TEST

START_TEST(object_of_an_unknown_file_system_is_not_memory)
{
	int fd = make_guest_memfd();

	shown_name = "/[kvm-gmem]";
	shown_type = 0x12345678;
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
	close(fd);
}
END_TEST

/* --- closing --- */

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static struct vsu_closer *closer_new(void)
{
	struct vsu_closer *closer = NULL;

	ck_assert_int_eq(vsu_closer_new(&closer, NULL), 0);
	return closer;
}

static const int at_once[] = { VSU_FOREIGN_EVENT, VSU_FOREIGN_PIPE,
			       VSU_FOREIGN_PATH };

static bool is_closed_at_once(int kind)
{
	size_t i;

	for (i = 0; i < sizeof(at_once) / sizeof(*at_once); i++)
		if (at_once[i] == kind)
			return true;
	return false;
}

START_TEST(b5_13_close_that_may_block_runs_in_the_closer_thread)
{
	struct vsu_closer *closer = closer_new();
	int fd = samples[_i].make(), number = fd;
	bool now = is_closed_at_once(samples[_i].kind);

	vsu_foreign_close(closer, &fd);
	ck_assert_int_eq(fd, -1);
	ck_assert(is_open(number) == !now);
	ck_assert_uint_eq(vsu_closer_waiting(closer), !now);
	if (!now)
		ck_assert_int_eq(vsu_closer_turn(closer), 1);
	ck_assert(!is_open(number));
	ck_assert_uint_eq(vsu_closer_waiting(closer), 0);
	vsu_closer_free(closer);
}
END_TEST

START_TEST(without_a_closer_descriptors_are_closed_immediately)
{
	int fd = samples[_i].make(), number = fd;

	errno = 12345;
	vsu_foreign_close(NULL, &fd);
	ck_assert_int_eq(errno, 12345);
	ck_assert_int_eq(fd, -1);
	ck_assert(!is_open(number));
	vsu_foreign_close(NULL, &fd);
}
END_TEST

/* A connection whose close would wait an hour for unread data. */
static int lingering_socket(int *peer)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct linger hour = { 1, 3600 };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd;
	socklen_t len = sizeof(at);
	char bytes[65536] = { 0 };

	fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	getsockname(listener, (struct sockaddr *)&at, &len);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, len), 0);
	*peer = accept(listener, NULL, NULL);
	close(listener);
	while (send(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour, sizeof(hour));
	return fd;
}

START_TEST(b5_13_socket_with_linger_is_closed_without_it)
{
	int peer, fd = lingering_socket(&peer), number = fd;

	vsu_foreign_close(NULL, &fd);
	ck_assert(!is_open(number));
	close(peer);
}
END_TEST

/* The peer has a descriptor of the socket, too, and asks again. */
START_TEST(b5_13_linger_set_again_has_no_connection_left)
{
	struct vsu_closer *closer = closer_new();
	const struct linger hour = { 1, 3600 };
	int peer, fd = lingering_socket(&peer), number = fd;

	vsu_foreign_close(closer, &fd);
	ck_assert_int_eq(setsockopt(number, SOL_SOCKET, SO_LINGER, &hour,
				    sizeof(hour)), 0);
	ck_assert_int_eq(vsu_closer_turn(closer), 1);
	ck_assert(!is_open(number));
	vsu_closer_free(closer);
	close(peer);
}
END_TEST

/* Netlink in place of vsock, which not every host has. */
START_TEST(b5_13_linger_is_off_whatever_the_family_is)
{
	const struct linger hour = { 1, 3600 };
	int fd = socket(AF_NETLINK, SOCK_RAW, 0), peer = dup(fd);
	struct linger now = { 1, 1 };
	socklen_t len = sizeof(now);

	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hour,
				    sizeof(hour)), 0);
	vsu_foreign_close(NULL, &fd);
	ck_assert_int_eq(getsockopt(peer, SOL_SOCKET, SO_LINGER, &now, &len), 0);
	ck_assert_int_eq(now.l_onoff, 0);
	close(peer);
}
END_TEST

/* Socket of a pair in which a socket that lingers waits to be received. */
static int socket_with_lingering_one(int *peer)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} control = { .align = { .cmsg_len = CMSG_LEN(sizeof(int)),
				 .cmsg_level = SOL_SOCKET,
				 .cmsg_type = SCM_RIGHTS } };
	struct iovec iov = { (char []){ 'x' }, 1 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = sizeof(control.buf) };
	int pair[2], fd = lingering_socket(peer);

	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_eq(sendmsg(pair[0], &msg, 0), 1);
	close(fd);
	close(pair[0]);
	return pair[1];
}

START_TEST(b5_13_descriptors_queued_in_a_socket_are_closed_without_linger)
{
	struct vsu_closer *closer = _i ? closer_new() : NULL;
	int peer, fd = socket_with_lingering_one(&peer), number = fd;

	vsu_foreign_close(closer, &fd);
	while (closer && vsu_closer_waiting(closer))
		ck_assert_int_eq(vsu_closer_turn(closer), 1);
	ck_assert(!is_open(number));
	vsu_closer_free(closer);
	close(peer);
}
END_TEST

/* A socket in whose queue another one waits, in whose queue another one, ... */
static int nested_sockets(unsigned int n)
{
	const struct iovec iov = { (char []){ 'x' }, 1 };
	int fd = make_memfd(), pair[2];

	for (; n; n--) {
		ck_assert_int_eq(vsu_sock_pair(pair), 0);
		ck_assert_int_eq(vsu_sock_send(pair[0], &iov, 1, &fd, 1), 1);
		close(pair[0]);
		close(fd);
		fd = pair[1];
	}
	return fd;
}

static void *close_here(void *fd)
{
	vsu_foreign_close(NULL, fd);
	return NULL;
}

/* Far more levels than fit the stack of the thread. */
START_TEST(b5_13_sockets_within_sockets_are_closed_on_a_small_stack)
{
	int fd = nested_sockets(200), number = fd;
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, 256u << 10), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, close_here, &fd), 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	ck_assert_int_eq(fd, -1);
	ck_assert(!is_open(number));
}
END_TEST

static void *close_all(void *closer)
{
	while (vsu_closer_turn(closer) > 0)
		;
	return NULL;
}

START_TEST(stop_closes_queued_descriptors)
{
	struct vsu_closer *closer = closer_new();
	int fds[100], before = vsu_fd_count(), i;
	pthread_t threads[2];

	for (i = 0; i < 100; i++)
		fds[i] = make_memfd();
	for (i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, close_all, closer);
	for (i = 0; i < 100; i++)
		vsu_foreign_close(closer, &fds[i]);
	vsu_closer_stop(closer);
	for (i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	ck_assert_int_eq(vsu_fd_count(), before - 2);
	vsu_closer_free(closer);
}
END_TEST

/* --- a file server that does not answer --- */

START_TEST(b5_13_unresponsive_file_server_is_not_called)
{
	struct vsu_closer *closer = closer_new();
	struct dead_server server;
	int fd, number;

	ck_assert(dead_server_start(&server));
	number = fd = dead_server_open(&server);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
	ck_assert(!vsu_foreign_is_event(fd));
	vsu_foreign_close(closer, &fd);
	ck_assert(is_open(number));
	ck_assert_uint_eq(vsu_closer_waiting(closer), 0);
	ck_assert_uint_eq(vsu_closer_kept(closer), 1);
	dead_server_end(&server);
	close(number);
	vsu_closer_free(closer);
}
END_TEST

START_TEST(kept_files_are_queued_at_the_end_of_a_program)
{
	struct vsu_closer *closer = closer_new();
	struct dead_server server;
	int fds[70], first, i;

	ck_assert(dead_server_start(&server));
	for (i = 0; i < 70; i++)
		fds[i] = dead_server_open(&server);
	first = fds[0];
	for (i = 0; i < 70; i++)
		vsu_foreign_close(closer, &fds[i]);
	ck_assert_uint_eq(vsu_closer_kept(closer), 64);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 6);
	vsu_closer_set_keep(closer, 0);
	ck_assert_uint_eq(vsu_closer_kept(closer), 0);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 70);
	vsu_closer_set_keep(closer, 0);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 70);
	dead_server_end(&server);
	for (i = 0; i < 70; i++)
		ck_assert_int_eq(vsu_closer_turn(closer), 1);
	ck_assert(!is_open(first));
	vsu_closer_free(closer);
}
END_TEST

/* Only the first are remembered for the end; the others stay open. */
START_TEST(more_files_than_are_remembered_may_be_kept)
{
	struct vsu_closer *closer = closer_new();
	struct dead_server server;
	int fds[66], first, last, i;

	ck_assert(dead_server_start(&server));
	for (i = 0; i < 66; i++)
		fds[i] = dead_server_open(&server);
	first = fds[0];
	last = fds[65];
	vsu_closer_set_keep(closer, 66);
	for (i = 0; i < 66; i++)
		vsu_foreign_close(closer, &fds[i]);
	ck_assert_uint_eq(vsu_closer_kept(closer), 66);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 0);
	vsu_closer_set_keep(closer, 0);
	ck_assert_uint_eq(vsu_closer_kept(closer), 2);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 64);
	dead_server_end(&server);
	for (i = 0; i < 64; i++)
		ck_assert_int_eq(vsu_closer_turn(closer), 1);
	ck_assert(!is_open(first) && is_open(last));
	close(last - 1);
	close(last);
	vsu_closer_free(closer);
}
END_TEST

START_TEST(file_of_a_dead_server_is_not_guest_memory)
{
	struct dead_server server;
	int fd;

	ck_assert(dead_server_start(&server));
	fd = dead_server_open(&server);
	ck_assert_int_ge(fd, 0);
	shown_name = "/[kvm-gmem]";
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
	shown_name = "anon_inode:[kvm-gmem]";
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
	shown_name = NULL;
	dead_server_end(&server);
	close(fd);
}
END_TEST

/* Opening it again would ask for its attributes. */
START_TEST(fifo_of_a_dead_server_is_not_a_pipe)
{
	struct dead_server server;
	int fd;

	ck_assert(dead_server_start(&server));
	fd = dead_server_open_fifo(&server);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vsu_foreign_kind(fd), VSU_FOREIGN_SERVED);
	close(fd);
	dead_server_end(&server);
}
END_TEST

START_TEST(closer_waits_for_dead_files_if_configured)
{
	struct vsu_closer *closer = closer_new();
	struct dead_server server;
	int fd;

	ck_assert(dead_server_start(&server));
	fd = dead_server_open(&server);
	vsu_closer_set_keep(closer, 0);
	vsu_foreign_close(closer, &fd);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 1);
	ck_assert_uint_eq(vsu_closer_kept(closer), 0);
	dead_server_end(&server);
	ck_assert_int_eq(vsu_closer_turn(closer), 1);
	vsu_closer_free(closer);
}
END_TEST

#define NTHREADS 3

START_TEST(b5_13_many_dead_files_delay_no_other_close)
{
	struct vsu_closer *closer = closer_new();
	pthread_t threads[NTHREADS];
	struct dead_server server;
	int fd, i;

	ck_assert(dead_server_start(&server));
	vsu_closer_set_keep(closer, 0);
	for (i = 0; i < 12; i++) {
		fd = dead_server_open(&server);
		vsu_foreign_close(closer, &fd);
	}
	for (i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, close_all, closer);
	for (i = 0; i < 100; i++) {
		fd = make_memfd();
		vsu_foreign_close(closer, &fd);
	}
	while (vsu_closer_waiting(closer) > 12)
		sched_yield();
	dead_server_end(&server);
	vsu_closer_stop(closer);
	for (i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(vsu_closer_waiting(closer), 0);
	vsu_closer_free(closer);
}
END_TEST

/* The mount is in a namespace of the child. */
static bool can_mount(void)
{
	struct dead_server server;
	const pid_t child = fork();
	int status = -1;

	if (!child) {
		if (!dead_server_start(&server))
			_exit(1);
		dead_server_end(&server);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child && !status;
}

static const char *no_dead_server(void)
{
	const char *preload = getenv("LD_PRELOAD");

	if (preload && strstr(preload, "valgrind"))
		return "valgrind asks the files of a dead server itself";
	if (getenv("TEST_EMULATED"))
		return "the server is of another byte order than the kernel";
	return can_mount() ? NULL : "this user cannot mount a file system of FUSE";
}

int main(void)
{
	const char *no_server, *no_file;
	TCase *tc;
	Suite *s = util_suite("foreign", &tc);

	util_add_rows(tc, b1_12_every_kind_of_descriptor_is_recognised, samples);
	util_add_rows(tc, only_an_eventfd_is_recognised_as_one, samples);
	tcase_add_test(tc, b1_12_file_named_like_an_eventfd_is_a_file);
	tcase_add_test_unless(tc, can_leave_proc() ? NULL : "this user cannot change its root here",
			      b1_12_kinds_are_recognised_without_proc);
	tcase_add_test(tc, a_descriptor_that_is_not_open_has_no_kind);
	tcase_add_test(tc, recognition_does_not_change_the_descriptor);
	tcase_add_loop_test(tc, recognition_reads_no_byte, 0,
			    sizeof(filled) / sizeof(filled[0]));
	util_add_rows(tc, b5_13_close_that_may_block_runs_in_the_closer_thread,
		      samples);
	util_add_rows(tc, without_a_closer_descriptors_are_closed_immediately, samples);
	tcase_add_test(tc, b5_13_socket_with_linger_is_closed_without_it);
	tcase_add_test(tc, b5_13_linger_set_again_has_no_connection_left);
	tcase_add_test(tc, b5_13_linger_is_off_whatever_the_family_is);
	tcase_add_test(tc, b5_13_sockets_within_sockets_are_closed_on_a_small_stack);
	tcase_add_loop_test(tc, b5_13_descriptors_queued_in_a_socket_are_closed_without_linger,
			    0, 2);
	tcase_add_test(tc, stop_closes_queued_descriptors);
	no_file = has_guest_memfd() ? NULL : "no KVM with guest_memfd that can be mapped";
	tcase_add_test_unless(tc, no_file, guest_memfd_is_shared_memory);
	tcase_add_test_unless(tc, no_file, guest_memfd_of_its_own_file_system_is_shared_memory);
	tcase_add_test_unless(tc, no_file, dma_buf_is_shared_memory);
	tcase_add_test_unless(tc, no_file, object_of_an_unknown_file_system_is_not_memory);
	no_server = no_dead_server();
	tcase_add_test_unless(tc, no_server, b5_13_unresponsive_file_server_is_not_called);
	tcase_add_test_unless(tc, no_server, file_of_a_dead_server_is_not_guest_memory);
	tcase_add_test_unless(tc, no_server, fifo_of_a_dead_server_is_not_a_pipe);
	tcase_add_test_unless(tc, no_server, kept_files_are_queued_at_the_end_of_a_program);
	tcase_add_test_unless(tc, no_server, more_files_than_are_remembered_may_be_kept);
	tcase_add_test_unless(tc, no_server, closer_waits_for_dead_files_if_configured);
	tcase_add_test_unless(tc, no_server, b5_13_many_dead_files_delay_no_other_close);
	return run_suite(s);
}
