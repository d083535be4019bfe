/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about disks of NBD, against nbdkit and qemu-nbd. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>

#include "suite.h"
#include "nbd/nbd.h"

#define SIZE (16u << 20)
#define DEPTH 64u
#define S UINT64_C(1000000000)

static char folder[32], address[128], socket_arg[64];
static pid_t server;
static struct devkind_priv_disk_made made;
static void *channel;
static struct vsu_error err;
static unsigned char buf[4u << 20], other[4u << 20];

/* ---------------------------------------------------------------- the server */

static bool have(const char *program)
{
	char command[64];

	snprintf(command, sizeof(command), "command -v %s >/dev/null", program);
	return system(command) == 0;
}

/* nbdkit with these words. */
static void server_start(const char *words)
{
	char command[640];

	snprintf(command, sizeof(command),
		 "exec nbdkit -f -U %s --exit-with-parent %s", socket_arg,
		 words);
	server = fork();
	ck_assert_int_ge(server, 0);
	if (server)
		return;
	execl("/bin/sh", "sh", "-c", command, NULL);
	_exit(127);
}

static void server_signal(int signo)
{
	if (server <= 0)
		return;
	kill(server, signo);
	kill(server, SIGCONT);
	waitpid(server, NULL, 0);
	server = 0;
	unlink(socket_arg);
}

static void server_kill(void)
{
	server_signal(SIGKILL);
}

/* Connects as soon as the server listens; returns the result. */
static int ask(const struct devkind_priv_disk_want *want)
{
	uint64_t limit = vsu_now_ns() + 30 * S;
	int rc;

	do
		rc = devkind_priv_disk_module.open(want, &made, &err);
	while ((rc == -ENOENT || rc == -ECONNREFUSED) &&
	       vsu_now_ns() < limit && poll(NULL, 0, 5) == 0);
	return rc;
}

static int ask_plain(void)
{
	const struct devkind_priv_disk_want want = { .address = address, .queues = 1 };

	return ask(&want);
}

/* None of its threads runs any more. */
static void server_stop(void)
{
	int status;

	ck_assert_int_eq(kill(server, SIGSTOP), 0);
	ck_assert_int_eq(waitpid(server, &status, WUNTRACED), server);
	ck_assert(WIFSTOPPED(status));
}

static struct devkind_priv_nbd_disk *disk(void)
{
	return made.self;
}

static void use_disk(void)
{
	ck_assert_msg(ask_plain() == 0, "%s", err.msg);
	ck_assert_int_eq(made.ops->channel_open(made.self, DEPTH, &channel,
						&err), 0);
}

static void serve_image(void)
{
	server_start("file image");
}

static void setup(void)
{
	int fd;

	strcpy(folder, "/tmp/test-nbd.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
	snprintf(socket_arg, sizeof(socket_arg), "%s/sock", folder);
	snprintf(address, sizeof(address), "nbd+unix:///?socket=%s",
		 socket_arg);
	fd = open("image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_eq(ftruncate(fd, SIZE), 0);
	close(fd);
	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = (unsigned char)(i * 7 + i / 509);
}

/* Only its own: another run of this program may be beside it. */
static void folder_remove(void)
{
	char command[64];

	ck_assert_int_eq(chdir("/"), 0);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static void teardown(void)
{
	if (channel)
		made.ops->channel_close(made.self, channel);
	if (made.self)
		made.ops->free(made.self);
	channel = made.self = NULL;
	server_signal(SIGTERM);	/* it removes its temporary files */
	folder_remove();
}

/* ------------------------------------------------------------------ requests */

static void submit(struct virtdev_disk_request *r)
{
	ck_assert_int_eq(made.ops->submit(made.self, channel, r), 0);
}

/*
 * Waits as the device does, for a completed request or until the time is over.
 */
static struct virtdev_disk_request *wait_ns(uint64_t ns)
{
	struct pollfd p = { .fd = made.ops->channel_fd(made.self, channel),
			    .events = POLLIN };
	uint64_t limit = vsu_now_ns() + ns, budget;
	struct virtdev_disk_request *r;
	int rc;

	for (;;) {
		budget = 8u << 20;
		do {
			r = made.ops->reap(made.self, channel);
			if (r)
				return r;
			rc = made.ops->kick(made.self, channel, &budget);
		} while (rc > 0);
		if (vsu_now_ns() >= limit)
			return NULL;
		poll(&p, 1, rc ? 0 : 100);
	}
}

static int do_request(struct virtdev_disk_request *r)
{
	submit(r);
	ck_assert_ptr_eq(wait_ns(60 * S), r);
	return r->result;
}

static int transfer(uint32_t op, uint64_t at, void *place, uint64_t len)
{
	struct iovec iov = { place, len };
	struct virtdev_disk_request r = {
		.op = op, .iov = &iov, .niov = 1, .offset = at, .len = len,
	};

	return do_request(&r);
}

static int range(uint32_t op, uint64_t at, uint64_t len)
{
	struct virtdev_disk_request r = {
		.op = op, .offset = at, .len = len, .may_unmap = 1,
	};

	return do_request(&r);
}

/* Bytes of the image, past the server. */
static void look(uint64_t at, void *place, size_t len)
{
	int fd = open("image", O_RDONLY | O_CLOEXEC);

	ck_assert_int_eq(pread(fd, place, len, (off_t)at), (ssize_t)len);
	close(fd);
}

START_TEST(disk_has_the_properties_of_the_server)
{
	serve_image();
	use_disk();
	ck_assert_str_eq(made.ops->name, "nbd");
	ck_assert_uint_eq(made.info.capacity, SIZE);
	ck_assert_uint_eq(made.info.block_size, 512);
	ck_assert_uint_eq(made.info.can_discard, 1);
	ck_assert_uint_eq(made.info.can_zero, 1);
	ck_assert_uint_eq(made.info.read_only, 0);
	ck_assert_uint_eq(made.info.blocks, 0);
}
END_TEST

START_TEST(written_bytes_reach_the_server_and_are_read_back)
{
	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 4096, buf, 65536), 0);
	look(4096, other, 65536);
	ck_assert_mem_eq(buf, other, 65536);
	memset(other, 0, 65536);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 4096, other, 65536), 0);
	ck_assert_mem_eq(buf, other, 65536);
}
END_TEST

/* Longer than a message, in pieces of all lengths, odd ones too. */
static uint64_t cut(struct iovec *iov, uint32_t *n, unsigned char *place,
		    uint64_t len)
{
	static const size_t lens[] = { 1, 511, 65536, 3, 4096, 1 << 20, 70001,
				       508 };
	uint64_t at;

	for (*n = 0, at = 0; at < len; at += iov[*n].iov_len, ++*n) {
		iov[*n].iov_base = place + at;
		iov[*n].iov_len = lens[*n % 8] < len - at ? lens[*n % 8] :
				  len - at;
	}
	return at;
}

START_TEST(pieces_are_gathered_and_scattered_over_messages)
{
	struct iovec iov[64];
	struct virtdev_disk_request r = { .iov = iov, .offset = 512 };

	serve_image();
	use_disk();
	r.op = VIRTDEV_DISK_WRITE;
	r.len = cut(iov, &r.niov, buf, 7u << 19);
	ck_assert_int_eq(do_request(&r), 0);
	look(512, other, r.len);
	ck_assert_mem_eq(buf, other, r.len);
	memset(other, 0, sizeof(other));
	r.op = VIRTDEV_DISK_READ;
	cut(iov, &r.niov, other, r.len);
	ck_assert_int_eq(do_request(&r), 0);
	ck_assert_mem_eq(buf, other, r.len);
}
END_TEST

START_TEST(channel_runs_requests_up_to_its_depth)
{
	struct virtdev_disk_request r[DEPTH];
	struct iovec iov[DEPTH];
	unsigned int i;

	server_start("--filter=delay file image delay-write=200ms");
	use_disk();
	uint64_t begun = vsu_now_ns();

	for (i = 0; i < DEPTH; i++) {
		iov[i] = (struct iovec) { buf + i * 512, 512 };
		r[i] = (struct virtdev_disk_request) {
			.op = VIRTDEV_DISK_WRITE, .iov = &iov[i], .niov = 1,
			.offset = i * 512, .len = 512,
		};
		submit(&r[i]);
	}
	for (i = 0; i < DEPTH; i++)
		ck_assert_int_eq(wait_ns(60 * S)->result, 0);
	/* sixteen threads of the server; one after the other takes 13 s */
	ck_assert_uint_lt(vsu_now_ns() - begun, 10 * S);
	look(0, other, DEPTH * 512);
	ck_assert_mem_eq(buf, other, DEPTH * 512);
}
END_TEST

START_TEST(ranges_become_zeros)
{
	const uint32_t op = _i ? VIRTDEV_DISK_ZERO : VIRTDEV_DISK_DISCARD;

	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 1 << 20), 0);
	ck_assert_int_eq(range(op, 65536, 131072), 0);
	look(0, other, 1 << 20);
	memset(buf + 65536, 0, 131072);
	ck_assert_mem_eq(buf, other, 1 << 20);
}
END_TEST

START_TEST(flush_is_sent_to_the_server)
{
	server_start("--filter=log file image logfile=log");
	use_disk();
	ck_assert_int_ne(system("grep -q Flush log"), 0);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(system("grep -q Flush log"), 0);
}
END_TEST

START_TEST(error_of_the_server_fails_the_request)
{
	server_start("--filter=error file image error-pwrite=ENOSPC error-pwrite-rate=100%");
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 4096), -ENOSPC);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, buf, 4096), 0);
}
END_TEST

START_TEST(requests_in_flight_fail_when_the_server_is_lost)
{
	struct iovec iov = { buf, 4096 };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_READ, .iov = &iov, .niov = 1, .len = 4096,
	};

	server_start("--filter=delay file image rdelay=100");
	use_disk();
	submit(&r);
	ck_assert_ptr_null(wait_ns(S / 5));
	server_kill();
	ck_assert_ptr_eq(wait_ns(60 * S), &r);
	ck_assert_int_eq(r.result, -EIO);
}
END_TEST

START_TEST(request_waits_for_a_reconnection)
{
	struct iovec iov = { other, 4096 };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_READ, .iov = &iov, .niov = 1, .len = 4096,
	};

	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 4096), 0);
	server_kill();
	ck_assert_ptr_null(wait_ns(S / 10));	/* it is found out here */
	submit(&r);
	ck_assert_ptr_null(wait_ns(S / 2));
	serve_image();
	ck_assert_ptr_eq(wait_ns(60 * S), &r);
	ck_assert_int_eq(r.result, 0);
	ck_assert_mem_eq(other, buf, 4096);
}
END_TEST

/* The path of the address leads to its successor, which has bound another name. */
START_TEST(successor_of_the_server_is_found_by_the_path_of_the_address)
{
	snprintf(address, sizeof(address), "nbd+unix:///?socket=%s/link", folder);
	ck_assert_int_eq(symlink("sock", "link"), 0);
	serve_image();
	use_disk();
	disk()->hold_ns = 60 * S;
	server_kill();
	ck_assert_int_eq(unlink("link"), 0);
	ck_assert_int_eq(symlink("next", "link"), 0);
	snprintf(socket_arg, sizeof(socket_arg), "%s/next", folder);
	serve_image();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), 0);
}
END_TEST

START_TEST(e1_43_request_waits_for_a_bounded_time)
{
	serve_image();
	use_disk();
	disk()->hold_ns = S / 2;
	server_kill();
	ck_assert_ptr_null(wait_ns(S / 10));
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), -EIO);
	serve_image();
	disk()->hold_ns = 60 * S;
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), 0);
}
END_TEST

START_TEST(e1_43_silent_server_counts_as_lost)
{
	serve_image();
	use_disk();
	disk()->answer_ns = S;
	server_stop();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), -EIO);
	/* a machine under load takes longer than that to come back */
	disk()->answer_ns = 60 * S;
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), 0);
}
END_TEST

/* An hour without a request, and then one that takes more than a look. */
START_TEST(idle_connection_is_not_lost)
{
	struct iovec iov = { other, 512 };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_READ, .iov = &iov, .niov = 1, .len = 512,
	};
	struct devkind_priv_nbd_channel *c;

	serve_image();
	use_disk();
	c = channel;
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), 0);
	while (c->ticking)
		ck_assert_ptr_null(wait_ns(S / 10));
	c->since_ns -= 3600 * S;
	server_stop();
	submit(&r);
	ck_assert_ptr_null(wait_ns(S * 3 / 2));
	ck_assert_int_eq(kill(server, SIGCONT), 0);
	ck_assert_ptr_eq(wait_ns(60 * S), &r);
	ck_assert_int_eq(r.result, 0);
}
END_TEST

/* An hour without the server, whose first reply takes more than a look. */
START_TEST(server_that_has_come_back_has_time_for_its_first_reply)
{
	struct iovec iov = { other, 512 };
	struct virtdev_disk_request r = {
		.op = VIRTDEV_DISK_READ, .iov = &iov, .niov = 1, .len = 512,
	};

	serve_image();
	use_disk();
	disk()->answer_ns = 60 * S;
	disk()->hold_ns = 7200 * S;
	server_kill();
	ck_assert_ptr_null(wait_ns(S / 10));
	((struct devkind_priv_nbd_channel *)channel)->since_ns -= 3600 * S;
	submit(&r);
	server_start("--filter=delay file image rdelay=1");
	ck_assert_ptr_eq(wait_ns(60 * S), &r);
	ck_assert_int_eq(r.result, 0);
}
END_TEST

/* The client cannot know whether the server still has the writes. */
START_TEST(a_flush_fails_once_after_writes_were_lost)
{
	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	if (_i)
		ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
	server_kill();
	ck_assert_ptr_null(wait_ns(S / 10));
	serve_image();
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), _i ? 0 : -EIO);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
}
END_TEST

/* --------------------------------------------------- before a channel is closed */

/* Until the flush of the channel has ended; returns how often the server's replies arrived. */
static unsigned int flush_channel(void)
{
	struct pollfd p = { .fd = made.ops->channel_fd(made.self, channel),
			    .events = POLLIN };
	const uint64_t limit = vsu_now_ns() + 60 * S;
	unsigned int n = 0;

	while (made.ops->channel_flush(made.self, channel)) {
		ck_assert_uint_lt(vsu_now_ns(), limit);
		n += poll(&p, 1, 100) > 0;
		ck_assert_ptr_null(made.ops->reap(made.self, channel));
	}
	return n;
}

static void open_again(void)
{
	made.ops->channel_close(made.self, channel);
	ck_assert_int_eq(made.ops->channel_open(made.self, DEPTH, &channel,
						&err), 0);
}

/* A server whose flushes fail while the file "full" exists. */
static void serve_failing(const char *many)
{
	char words[512];

	snprintf(words, sizeof(words),
		 "eval get_size='echo 1M' pread='head -c $3 /dev/zero' "
		 "pwrite='cat >/dev/null' can_write='exit 0' can_flush='exit 0' "
		 "can_multi_conn='exit %s' flush='echo x >>%s/flushes; test ! -e %s/full'",
		 many, folder, folder);
	server_start(words);
}

START_TEST(channel_flush_covers_completed_writes)
{
	server_start("--filter=log file image logfile=log");
	use_disk();
	ck_assert_uint_eq(flush_channel(), 0);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	ck_assert_int_ne(system("grep -q Flush log"), 0);
	ck_assert_uint_gt(flush_channel(), 0);
	ck_assert_int_eq(system("test $(grep -c ' Flush id' log) = 1"), 0);
	ck_assert_uint_eq(flush_channel(), 0);
	ck_assert_int_eq(made.ops->flush_result(made.self, &err), 0);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 512), 0);
	ck_assert_mem_eq(buf, other, 512);
}
END_TEST

/* As many requests as the channel is deep, and its flush beside them. */
START_TEST(channel_flush_needs_no_request_of_the_depth)
{
	struct virtdev_disk_request r[DEPTH];
	struct iovec iov = { other, 512 };
	unsigned int i;

	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	ck_assert_int_eq(made.ops->channel_flush(made.self, channel), 1);
	for (i = 0; i < DEPTH; i++) {
		r[i] = (struct virtdev_disk_request) {
			.op = VIRTDEV_DISK_READ, .iov = &iov, .niov = 1, .len = 512,
		};
		submit(&r[i]);
	}
	for (i = 0; i < DEPTH; i++)
		ck_assert_int_eq(wait_ns(60 * S)->result, 0);
	ck_assert_uint_le(flush_channel(), 1);
}
END_TEST

/* A server whose flushes wait until the file "go" exists. */
static void serve_waiting(void)
{
	char words[512];

	snprintf(words, sizeof(words),
		 "eval thread_model='echo parallel' get_size='echo 1M' pread='head -c $3 /dev/zero' "
		 "pwrite='cat >/dev/null' can_write='exit 0' can_flush='exit 0' "
		 "flush='echo x >>%s/flushes; until test -e %s/go; do sleep .01; done'", folder, folder);
	server_start(words);
}

/* The device may continue before the flush of its pause has ended. */
START_TEST(writes_during_a_channel_flush_are_flushed_by_another)
{
	serve_waiting();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	ck_assert_int_eq(made.ops->channel_flush(made.self, channel), 1);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 512, buf, 512), 0);
	ck_assert_int_eq(system("touch go"), 0);
	ck_assert_uint_gt(flush_channel(), 0);
	ck_assert_int_eq(system("test $(wc -l <flushes) = 2"), 0);
	ck_assert_int_eq(made.ops->flush_result(made.self, &err), 0);
}
END_TEST

/* By another connection, while the flush is in flight: that of the driver, or of a pause. */
START_TEST(lost_writes_fail_one_flush_of_the_driver)
{
	struct virtdev_disk_request r = { .op = VIRTDEV_DISK_FLUSH };
	uint64_t budget = 1;

	serve_waiting();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	if (_i) {
		ck_assert_int_eq(made.ops->channel_flush(made.self, channel), 1);
	} else {
		submit(&r);
		ck_assert_int_eq(made.ops->kick(made.self, channel, &budget), 1);
	}
	__atomic_store_n(&disk()->lost, true, __ATOMIC_RELEASE);
	ck_assert_int_eq(system("touch go"), 0);
	if (_i)
		flush_channel();
	else
		ck_assert_ptr_eq(wait_ns(60 * S), &r);
	ck_assert_int_eq(_i ? made.ops->flush_result(made.self, &err) : r.result, -EIO);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), _i ? -EIO : 0);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
}
END_TEST

/*
 * A flush of the next connection covers the writes if the server advertises that. If not,
 * the driver is notified of lost writes by its next flush, and only once.
 */
START_TEST(failed_channel_flush_is_reported)
{
	serve_failing(_i ? "0" : "3");
	use_disk();
	ck_assert_int_eq(system("touch full"), 0);
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	flush_channel();
	ck_assert_int_lt(made.ops->flush_result(made.self, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "cannot flush 'nbd+unix"));
	ck_assert_int_eq(system("rm full"), 0);
	open_again();
	ck_assert_int_lt(made.ops->flush_result(made.self, &err), 0);
	flush_channel();
	ck_assert_int_eq(system(_i ? "test $(wc -l <flushes) = 2" :
				"test $(wc -l <flushes) = 1"), 0);
	ck_assert_int_eq(made.ops->flush_result(made.self, &err), _i ? 0 : -EIO);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), _i ? 0 : -EIO);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
	ck_assert_int_eq(made.ops->flush_result(made.self, &err), 0);
}
END_TEST

START_TEST(lost_server_ends_the_channel_flush)
{
	serve_image();
	use_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 512), 0);
	server_kill();
	flush_channel();
	ck_assert_int_eq(made.ops->flush_result(made.self, &err), -EIO);
	ck_assert_ptr_nonnull(strstr(err.msg, "the connection was lost"));
}
END_TEST

/* ------------------------------------------------------------------ refusals */

/* ------------------------------------------------------------------ on-stall=wait */

static void use_waiting_disk(void)
{
	const struct devkind_priv_disk_want want = { .address = address, .queues = 1, .waits = true };

	ck_assert_msg(ask(&want) == 0, "%s", err.msg);
	ck_assert_int_eq(made.ops->channel_open(made.self, DEPTH, &channel, &err), 0);
	disk()->answer_ns = disk()->hold_ns = 1;	/* do not apply */
}

START_TEST(waiting_requests_in_flight_are_repeated)
{
	struct iovec out = { buf, 65536 }, in = { other, 65536 };
	struct virtdev_disk_request write = {
		.op = VIRTDEV_DISK_WRITE, .iov = &out, .niov = 1, .len = 65536,
	}, read = {
		.op = VIRTDEV_DISK_READ, .iov = &in, .niov = 1, .offset = 131072, .len = 65536,
	};

	server_start("--filter=delay file image rdelay=60 wdelay=60");
	use_waiting_disk();
	submit(&write);
	submit(&read);
	ck_assert_ptr_null(wait_ns(S / 2));
	server_kill();
	ck_assert_ptr_null(wait_ns(2 * S));
	memset(other, 1, 65536);
	serve_image();
	ck_assert_ptr_nonnull(wait_ns(60 * S));
	ck_assert_ptr_nonnull(wait_ns(60 * S));
	ck_assert_int_eq(write.result, 0);
	ck_assert_int_eq(read.result, 0);
	ck_assert_int_eq(other[0], 0);
	look(0, other, 65536);
	ck_assert_mem_eq(buf, other, 65536);
}
END_TEST

START_TEST(waiting_requests_outlast_a_silent_server)
{
	serve_image();
	use_waiting_disk();
	server_stop();
	{
		struct iovec iov = { buf, 4096 };
		struct virtdev_disk_request r = {
			.op = VIRTDEV_DISK_WRITE, .iov = &iov, .niov = 1, .len = 4096,
		};

		submit(&r);
		ck_assert_ptr_null(wait_ns(3 * S));
		ck_assert_int_eq(kill(server, SIGCONT), 0);
		ck_assert_ptr_eq(wait_ns(60 * S), &r);
		ck_assert_int_eq(r.result, 0);
	}
}
END_TEST

/* Waiting hides no loss of data. */
START_TEST(waiting_disk_reports_lost_writes_by_a_flush)
{
	serve_image();
	use_waiting_disk();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_WRITE, 0, buf, 4096), 0);
	server_kill();
	serve_image();
	ck_assert_int_eq(transfer(VIRTDEV_DISK_READ, 0, other, 4096), 0);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), -EIO);
	ck_assert_int_eq(range(VIRTDEV_DISK_FLUSH, 0, 0), 0);
}
END_TEST

START_TEST(absent_server_is_refused)
{
	const struct devkind_priv_disk_want want = { .address = address, .queues = 1 };

	ck_assert_int_eq(devkind_priv_disk_module.open(&want, &made, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, socket_arg));
}
END_TEST

START_TEST(read_only_server_is_refused_for_a_writable_disk)
{
	const struct devkind_priv_disk_want reads = { .address = address, .queues = 2,
					      .read_only = true };

	server_start("-r file image");
	ck_assert_int_eq(ask_plain(), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.msg, "read-only"));
	ck_assert_int_eq(ask(&reads), 0);
	ck_assert_uint_eq(made.info.read_only, 1);
	ck_assert_uint_eq(made.info.can_discard | made.info.can_zero, 0);
}
END_TEST

START_TEST(impossible_disk_size_is_refused)
{
	server_start("memory 1000");
	ck_assert_int_eq(ask_plain(), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "1000 bytes"));
}
END_TEST

START_TEST(several_queues_require_a_flush_of_all_connections)
{
	const struct devkind_priv_disk_want want = { .address = address, .queues = 2 };

	server_start("--filter=multi-conn file image multi-conn-mode=disable");
	ck_assert_int_eq(ask(&want), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "one queue"));
}
END_TEST

START_TEST(malformed_address_is_refused)
{
	const struct devkind_priv_disk_want want = { .address = "nbd://host:port:x/",
					     .queues = 1 };

	ck_assert_int_lt(devkind_priv_disk_module.open(&want, &made, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "nbd://host:port:x/"));
}
END_TEST

/* ---------------------------------------------------------- any order of them */

#define LANES 16u
#define LANE (SIZE / LANES)

struct lane {
	struct virtdev_disk_request r;
	struct iovec iov[64];
	unsigned char *mirror, *place;	/* buffers of the lane and of its request */
	uint64_t at;
};

static void lane_begin(struct lane *l, unsigned int i)
{
	static const uint32_t ops[] = {
		VIRTDEV_DISK_READ, VIRTDEV_DISK_WRITE, VIRTDEV_DISK_WRITE,
		VIRTDEV_DISK_READ, VIRTDEV_DISK_FLUSH, VIRTDEV_DISK_ZERO,
	};
	const uint32_t op = ops[random() % 6];
	uint64_t len = (1 + (uint64_t)random() % 256) * 512;

	l->at = (uint64_t)random() % ((LANE - len) / 512) * 512;
	l->r = (struct virtdev_disk_request) {
		.op = op, .iov = l->iov, .offset = i * LANE + l->at,
		.len = op == VIRTDEV_DISK_FLUSH ? 0 : len, .may_unmap = 1,
	};
	if (op == VIRTDEV_DISK_WRITE)
		for (uint64_t j = 0; j < len; j++)
			l->mirror[l->at + j] = l->place[j] =
				(unsigned char)random();
	else if (op == VIRTDEV_DISK_ZERO)
		memset(l->mirror + l->at, 0, len);
	cut(l->iov, &l->r.niov, l->place, l->r.len);
	submit(&l->r);
}

static void lane_end(const struct lane *l)
{
	ck_assert_int_eq(l->r.result, 0);
	if (l->r.op == VIRTDEV_DISK_READ)
		ck_assert_mem_eq(l->place, l->mirror + l->at, l->r.len);
}

static void run_lanes(unsigned int rounds)
{
	static struct lane lanes[LANES];
	unsigned int i, busy = 0;

	for (i = 0; i < LANES; i++) {
		lanes[i].mirror = calloc(1, LANE);
		lanes[i].place = malloc(256 * 512);
		lane_begin(&lanes[i], i);
		busy++;
	}
	while (busy) {
		struct lane *l = (struct lane *)(void *)wait_ns(60 * S);

		lane_end(l);
		if (rounds && rounds--)
			lane_begin(l, (unsigned int)(l - lanes));
		else
			busy--;
	}
	for (i = 0; i < LANES; i++) {
		look(i * LANE, other, LANE);
		ck_assert_mem_eq(other, lanes[i].mirror, LANE);
		free(lanes[i].mirror);
		free(lanes[i].place);
	}
}

START_TEST(random_requests_agree_with_a_model)
{
	if (_i) {
		ck_assert_int_eq(system("qemu-nbd -f raw --discard=unmap -t -k $PWD/sock image & echo $! >pid"), 0);
		ck_assert_int_eq(system("exec test -s pid"), 0);
	} else {
		serve_image();
	}
	use_disk();
	ck_assert_msg(made.info.can_zero, "zeros");
	run_lanes(2000);
	if (_i)
		ck_assert_int_eq(system("kill $(cat pid)"), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("nbd");
	TCase *tc = tcase_create("disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, disk_has_the_properties_of_the_server);
	tcase_add_test(tc, written_bytes_reach_the_server_and_are_read_back);
	tcase_add_test(tc, pieces_are_gathered_and_scattered_over_messages);
	tcase_add_test(tc, channel_runs_requests_up_to_its_depth);
	tcase_add_loop_test(tc, ranges_become_zeros, 0, 2);
	tcase_add_test(tc, flush_is_sent_to_the_server);
	tcase_add_test(tc, error_of_the_server_fails_the_request);
	tcase_add_test(tc, requests_in_flight_fail_when_the_server_is_lost);
	tcase_add_test(tc, request_waits_for_a_reconnection);
	tcase_add_test(tc, successor_of_the_server_is_found_by_the_path_of_the_address);
	tcase_add_test(tc, e1_43_request_waits_for_a_bounded_time);
	tcase_add_test(tc, e1_43_silent_server_counts_as_lost);
	tcase_add_test(tc, idle_connection_is_not_lost);
	tcase_add_test(tc, server_that_has_come_back_has_time_for_its_first_reply);
	tcase_add_loop_test(tc, a_flush_fails_once_after_writes_were_lost, 0, 2);
	tcase_add_test(tc, channel_flush_covers_completed_writes);
	tcase_add_test(tc, channel_flush_needs_no_request_of_the_depth);
	tcase_add_test(tc, writes_during_a_channel_flush_are_flushed_by_another);
	tcase_add_loop_test(tc, lost_writes_fail_one_flush_of_the_driver, 0, 2);
	tcase_add_loop_test(tc, failed_channel_flush_is_reported, 0, 2);
	tcase_add_test(tc, lost_server_ends_the_channel_flush);
	tcase_add_test(tc, waiting_requests_in_flight_are_repeated);
	tcase_add_test(tc, waiting_requests_outlast_a_silent_server);
	tcase_add_test(tc, waiting_disk_reports_lost_writes_by_a_flush);
	tcase_add_test(tc, absent_server_is_refused);
	tcase_add_test(tc, read_only_server_is_refused_for_a_writable_disk);
	tcase_add_test(tc, impossible_disk_size_is_refused);
	tcase_add_test(tc, several_queues_require_a_flush_of_all_connections);
	tcase_add_test(tc, malformed_address_is_refused);
	tcase_add_loop_test(tc, random_requests_agree_with_a_model,
			    0, have("qemu-nbd") ? 2 : 1);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	if (!have("nbdkit")) {
		puts("1..0 # SKIP nbdkit is not installed");
		return 0;
	}
	return run_suite(suite());
}
