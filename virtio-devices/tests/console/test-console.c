/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the bytes of a console: both directions, and slow readers. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <virtio-devices/ids.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "../console-rig.h"
#include "../suite.h"

#define RX 0u
#define TX 1u
#define DATA_RX 4u
#define DATA_TX 5u

static const uint64_t formats[] = { 0, VQ_F_RING_PACKED, VQ_F_EVENT_IDX };

static char bytes[CONSOLE_BUFFER + 1];

/* The text of the next used buffer of a queue; "" if no buffer was used. */
static const char *text_of(uint32_t queue)
{
	int64_t n = console_used(queue, bytes, CONSOLE_BUFFER);

	bytes[n < 0 ? 0 : n] = '\0';
	return bytes;
}

START_TEST(device_has_its_id_and_queues)
{
	unsigned char config[12] = { 0 };

	console_init_one(0);
	ck_assert_uint_eq(virtdev_get_info(con.dev)->id, VIRTDEV_ID_CONSOLE);
	ck_assert_uint_eq(virtdev_get_info(con.dev)->nqueues, 2);
	ck_assert(!(virtdev_get_info(con.dev)->features & F_MULTIPORT));
	virtdev_config_read(con.dev, 0, config, sizeof(config));
	ck_assert_uint_eq(config[4], 1);
	console_fini();
	console_init_many(0);
	ck_assert_uint_eq(virtdev_get_info(con.dev)->nqueues, 8);
	ck_assert(virtdev_get_info(con.dev)->features & F_MULTIPORT);
	virtdev_config_read(con.dev, 4, config, 4);
	ck_assert_uint_eq(config[0], 3);
	console_fini();
}
END_TEST

START_TEST(bytes_are_transferred_in_both_directions)
{
	struct virtdev_stat stats[2];

	console_init_one(formats[_i]);
	console_write(TX, "login: ", 7);
	ck_assert_str_eq(console_host_read(0), "login: ");
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_uint_eq(con.notified[TX], 1);
	console_offer(RX, 2, 64);
	console_settle();
	ck_assert_uint_eq(con.notified[RX], 0);
	console_host_write(0, "root\r");
	ck_assert_str_eq(text_of(RX), "root\r");
	ck_assert_uint_eq(con.notified[RX], 1);
	ck_assert_uint_eq(console_counts(0).to_guest, 5);
	ck_assert_uint_eq(console_counts(0).from_guest, 7);
	ck_assert_uint_eq(virtdev_stats(con.dev, stats, 2), 5);
	ck_assert_str_eq(stats[0].name, "bytes-to-guest");
	ck_assert_uint_eq(stats[0].value, 5);
	ck_assert_uint_eq(stats[1].value, 7);
	console_fini();
}
END_TEST

START_TEST(a6_02_every_byte_value_is_passed_unchanged)
{
	unsigned char all[256], seen[256];
	int i;

	console_init_one(0);
	for (i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	console_write(TX, all, sizeof(all));
	console_settle();
	ck_assert_int_eq(recv(con.host[0], seen, sizeof(seen), MSG_DONTWAIT),
			 256);
	ck_assert_mem_eq(seen, all, sizeof(all));
	console_offer(RX, 1, 256);
	ck_assert_int_eq(write(con.host[0], all, sizeof(all)), 256);
	console_settle();
	ck_assert_int_eq(console_used(RX, seen, sizeof(seen)), 256);
	ck_assert_mem_eq(seen, all, sizeof(all));
	console_fini();
}
END_TEST

START_TEST(a6_04_bytes_without_a_guest_buffer_remain_in_the_socket)
{
	int waits = 0;

	console_init_one(0);
	console_host_write(0, "abcdef");
	ck_assert_int_eq(console_used(RX, NULL, 0), -1);
	ck_assert_int_eq(poll(&(struct pollfd) {
			virtdev_queue_host_fd(con.dev, RX), POLLIN, 0 }, 1, 0),
			 0);	/* and no thread spins meanwhile */
	console_offer(RX, 1, 4);
	console_settle();
	ck_assert_str_eq(text_of(RX), "abcd");
	while (send(con.host[0], bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		console_settle();
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(console_counts(0).to_guest, 4);
	console_offer(RX, 1, 64);
	console_settle();
	waits = (int)console_used(RX, bytes, 64);
	ck_assert_int_eq(waits, 64);
	ck_assert_int_eq(memcmp(bytes, "ef", 2), 0);
	console_fini();
}
END_TEST

/* Writes until the socket is full; returns the number of used buffers. */
static unsigned int fill(uint32_t queue)
{
	static char line[CONSOLE_BUFFER];
	unsigned int n = 0;

	do {
		memset(line, 'a' + (int)(n % 26), sizeof(line));
		console_write(queue, line, sizeof(line));
		console_settle();
		n++;
	} while (console_used(queue, NULL, 0) == 0);
	return n;
}

/*
 * Reads everything that the host end of a port receives, and checks that it is
 * complete.
 */
static uint64_t read_filled(unsigned int port)
{
	unsigned char piece[777];
	bool wrong = false;
	uint64_t at = 0;
	ssize_t n, i;

	/*
	 * One assertion per byte would take longer than the time-out of the
	 * console.
	 */
	do {
		console_settle();
		n = recv(con.host[port], piece, sizeof(piece), MSG_DONTWAIT);
		for (i = 0; i < n; i++, at++)
			wrong |= piece[i] != 'a' + (int)(at / CONSOLE_BUFFER % 26);
	} while (n > 0);
	ck_assert(!wrong);
	return at;
}

START_TEST(stream_with_a_slow_reader_waits_and_loses_nothing)
{
	unsigned int n;

	console_init_many(0);
	console_start_driver();
	n = fill(DATA_TX);
	ck_assert_int_eq(virtdev_queue_serve(con.dev, DATA_TX), 0);
	ck_assert_uint_eq(read_filled(1), (uint64_t)n * CONSOLE_BUFFER);
	ck_assert_int_eq(console_used(DATA_TX, NULL, 0), 0);
	ck_assert_uint_eq(console_counts(1).dropped, 0);
	console_fini();
}
END_TEST

START_TEST(stopped_queue_of_a_slow_host_continues_at_its_position)
{
	unsigned int n;

	console_init_one(0);
	n = fill(TX);
	virtdev_queue_stop(con.dev, TX);
	ck_assert_uint_eq(vq_inflight(con.queues[TX].q), 0);
	ck_assert_int_eq(virtdev_queue_start(con.dev, TX, con.queues[TX].q,
					     NULL), 0);
	ck_assert_uint_eq(read_filled(0), (uint64_t)n * CONSOLE_BUFFER);
	console_fini();
}
END_TEST

/* Waits for the real timer of one second, without a turn of the queue. */
static void wait_for_timer(void)
{
	struct pollfd p = { virtdev_queue_host_fd(con.dev, TX), POLLIN, 0 };

	ck_assert_int_eq(poll(&p, 1, 10000), 1);
}

static void wait_for_patience(void)
{
	wait_for_timer();
	console_settle();
}

START_TEST(a6_01_console_unread_for_a_second_drops_and_counts)
{
	unsigned int n;

	console_init_one(0);
	n = fill(TX);
	ck_assert_uint_eq(console_counts(0).dropped, 0);
	wait_for_patience();
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_uint_gt(console_counts(0).dropped, 0);
	ck_assert_uint_eq(console_counts(0).dropped + console_counts(0).from_guest,
			  (uint64_t)n * CONSOLE_BUFFER);
	console_write(TX, bytes, 100);
	console_settle();	/* from here on no request waits */
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	console_fini();
}
END_TEST

START_TEST(console_that_is_read_again_is_written_again)
{
	console_init_one(0);
	fill(TX);
	wait_for_patience();
	console_used(TX, NULL, 0);
	read_filled(0);
	console_write(TX, "back", 4);
	ck_assert_str_eq(console_host_read(0), "back");
	console_fini();
}
END_TEST

START_TEST(reader_that_returned_is_waited_for_again)
{
	uint64_t dropped;
	unsigned int n = 0;

	console_init_one(0);
	fill(TX);
	wait_for_patience();
	console_used(TX, NULL, 0);
	read_filled(0);
	dropped = console_counts(0).dropped;
	do {
		console_write(TX, bytes, CONSOLE_BUFFER);
		console_settle();
	} while (console_used(TX, NULL, 0) == 0 && n++ < 10000);
	ck_assert_uint_lt(n, 10000);	/* a full socket delays the driver again */
	ck_assert_uint_eq(console_counts(0).dropped, dropped);
	console_fini();
}
END_TEST

/* A host end that accepts nothing while full is set, or at most room bytes, and can hang up. */
static struct { bool is_open, full; uint64_t bytes; size_t room; } slow_end;

static bool slow_is_open(void *self)
{
	(void)self;
	return slow_end.is_open;
}

static ssize_t slow_write(void *self, const struct iovec *iov, int n)
{
	(void)self;
	if (slow_end.room) {
		const size_t len = iov->iov_len < slow_end.room ? iov->iov_len : slow_end.room;

		slow_end.full = len == slow_end.room;
		slow_end.room -= len;
		return (ssize_t)len;
	}
	if (slow_end.full)
		return -EAGAIN;
	while (n--)
		slow_end.bytes += iov++->iov_len;
	return slow_end.bytes ? (ssize_t)iov[-1].iov_len : -EAGAIN;
}

static ssize_t slow_read(void *self, const struct iovec *iov, int n)
{
	(void)self;
	(void)iov;
	(void)n;
	return -EAGAIN;
}

static int slow_attach(void *self, int in_epfd, int out_epfd)
{
	(void)self;
	(void)in_epfd;
	(void)out_epfd;
	return 0;
}

/* Initially the host end accepts room bytes. */
static void slow_init(size_t room)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "slow", .attach = slow_attach,
		.is_open = slow_is_open, .read = slow_read, .write = slow_write,
	};
	struct virtdev_port *port;

	memset(&con, 0, sizeof(con));
	memset(con.host, -1, sizeof(con.host));
	slow_end.is_open = slow_end.full = true;
	slow_end.room = room;
	ck_assert_int_eq(virtdev_port_new(&ops, NULL, &port), 0);
	console_init_on(port, NULL, 1, 0);
	console_write(TX, bytes, 100);
	console_settle();
}

/* The rest of its first chain is lost, and nothing of the next one. */
START_TEST(a3_18_queue_that_was_reset_begins_with_whole_chains)
{
	slow_init(40);
	console_write(TX, bytes, 100);
	console_settle();
	ck_assert_int_eq(console_used(TX, NULL, 0), -1);
	ck_assert_uint_eq(console_counts(0).from_guest, 40);
	virtdev_queue_stop(con.dev, TX);
	virtdev_queue_reset(con.dev, TX);
	virtdev_queue_reset(con.dev, RX);
	slow_end.room = 1000;
	ck_assert_int_eq(virtdev_queue_start(con.dev, TX, con.queues[TX].q, NULL), 0);
	console_settle();
	ck_assert_uint_eq(console_counts(0).from_guest, 40 + 200);
	console_fini();
}
END_TEST

/* An emergency write checks the host end, and drops a byte. */
static void replace_reader(void)
{
	unsigned char word[4] = { 'P' };

	slow_end.is_open = false;
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, word, 1), 0);
	slow_end.is_open = true;
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, word, 1), 0);
}

/* The previous reader's time-out does not apply to the next reader. */
START_TEST(next_reader_is_waited_for_after_a_time_out)
{
	slow_init(0);
	wait_for_patience();
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_uint_eq(console_counts(0).dropped, 100);
	replace_reader();
	console_write(TX, bytes, 50);
	console_settle();
	ck_assert_int_eq(console_used(TX, NULL, 0), -1);
	ck_assert_uint_eq(console_counts(0).dropped, 102);
	console_fini();
}
END_TEST

/* The time-out and the reader reach the queue in one turn. */
START_TEST(reader_that_arrives_with_the_time_out_is_waited_for_a_second)
{
	slow_init(0);
	wait_for_timer();
	replace_reader();
	console_settle();
	ck_assert_int_eq(console_used(TX, NULL, 0), -1);
	wait_for_patience();
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_uint_eq(console_counts(0).dropped, 102);
	console_fini();
}
END_TEST

START_TEST(hang_up_of_the_host_does_not_block_the_guest)
{
	console_init_one(0);
	console_settle();
	ck_assert(console_counts(0).host_open);
	vsu_fd_close(&con.host[0]);
	console_settle();
	ck_assert(!console_counts(0).host_open);
	console_write(TX, "anybody?", 8);
	console_settle();
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	ck_assert_uint_eq(console_counts(0).dropped, 0);
	console_fini();
}
END_TEST

static char kept_path[40];

/* A console on a socket without a client. */
static void kept_init(void)
{
	struct virtdev_port *port;

	memset(&con, 0, sizeof(con));
	memset(con.host, -1, sizeof(con.host));
	snprintf(kept_path, sizeof(kept_path), "/tmp/test-kept.%d", (int)getpid());
	ck_assert_int_eq(virtdev_port_socket_new(kept_path, &port, NULL), 0);
	console_init_on(port, NULL, 1, 0);
	console_settle();
}

static int kept_client(void)
{
	const int fd = vsu_sock_connect(kept_path, NULL);

	ck_assert_int_ge(fd, 0);
	console_settle();
	return fd;
}

START_TEST(output_without_a_peer_is_kept_for_the_next)
{
	char text[32] = "";
	int fd;

	kept_init();
	console_write(TX, "one ", 4);
	console_write(TX, "two ", 4);
	console_settle();
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	fd = kept_client();
	console_write(TX, "three", 5);
	console_settle();
	ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 13);
	ck_assert_str_eq(text, "one two three");
	ck_assert_uint_eq(console_counts(0).from_guest, 13);
	ck_assert_uint_eq(console_counts(0).dropped, 0);
	close(fd);
	console_settle();
	console_write(TX, "four", 4);
	console_settle();
	fd = kept_client();
	ck_assert_int_eq(recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT), 4);
	close(fd);
	console_fini();
}
END_TEST

START_TEST(a6_01_output_without_a_peer_is_bounded)
{
	enum { KEPT = 65536 };
	static char text[CONSOLE_BUFFER], received[KEPT + 1];
	size_t sent = 0, last;
	int fd;

	kept_init();
	while (sent < 3 * KEPT + 7 * sizeof(text)) {
		memset(text, 'a' + (int)(sent / sizeof(text) % 26), sizeof(text));
		console_write(TX, text, sizeof(text));
		console_settle();
		ck_assert_int_eq(console_used(TX, NULL, 0), 0);
		sent += sizeof(text);
	}
	ck_assert_uint_eq(console_counts(0).dropped, sent - KEPT);
	fd = kept_client();
	ck_assert_int_eq(recv(fd, received, sizeof(received), MSG_DONTWAIT), KEPT);
	last = sent / sizeof(text) - 1;
	ck_assert_int_eq(received[KEPT - 1], 'a' + (int)(last % 26));
	ck_assert_int_eq(received[0], 'a' + (int)((sent - KEPT) / sizeof(text) % 26));
	close(fd);
	console_fini();
}
END_TEST

START_TEST(bytes_sent_before_a_hang_up_are_received)
{
	console_init_one(0);
	console_offer(RX, 1, 4);
	console_host_write(0, "last words");
	vsu_fd_close(&con.host[0]);
	console_settle();
	ck_assert_str_eq(text_of(RX), "last");
	console_offer(RX, 1, 64);
	console_settle();
	ck_assert_str_eq(text_of(RX), " words");
	ck_assert(!console_counts(0).host_open);
	console_fini();
}
END_TEST

START_TEST(a1_15_a1_20_buffer_outside_memory_fails_alone)
{
	const struct vq_buffer bad[] = {
		{ GUEST_HOLE, 64, 0 }, { GUEST_HOLE, 64, 1 },
		{ GUEST_ROM, 64, 1 }, { GUEST_DATA, 64, 0 },
	};
	int i;

	console_init_one(0);
	ck_assert_int_eq(vq_driver_add(con.queues[TX].driver, &bad[0], 1, 0),
			 0);
	for (i = 1; i < 4; i++)
		ck_assert_int_eq(vq_driver_add(con.queues[RX].driver, &bad[i],
					       1, 0), 0);
	vq_driver_publish(con.queues[TX].driver);
	vq_driver_publish(con.queues[RX].driver);
	console_host_write(0, "x");
	ck_assert_int_eq(console_used(TX, NULL, 0), 0);
	for (i = 1; i < 4; i++)
		ck_assert_int_eq(console_used(RX, NULL, 0), 0);
	console_write(TX, "still here", 10);
	ck_assert_str_eq(console_host_read(0), "still here");
	console_offer(RX, 1, 8);
	console_settle();
	ck_assert_str_eq(text_of(RX), "x");
	console_fini();
}
END_TEST

START_TEST(broken_ring_is_reported_once)
{
	console_init_one(0);
	/* the available index jumps */
	guest_at(&con.g, vq_driver_driver_gpa(con.queues[TX].driver))[3] = 0x40;
	console_settle();
	console_settle();
	ck_assert_uint_eq(con.broken, 1);
	console_fini();
}
END_TEST

START_TEST(emergency_write_requires_no_queue)
{
	const unsigned char word[] = { 'P', 0, 0, 0 };

	console_init_one(0);
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, word, 4), 0);
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, word, 1), 0);
	ck_assert_int_eq(virtdev_config_write(con.dev, 0, word, 2), -EPERM);
	ck_assert_str_eq(console_host_read(0), "PP");
	vsu_fd_close(&con.host[0]);
	ck_assert_int_eq(virtdev_config_write(con.dev, 8, word, 1), 0);
	ck_assert_uint_eq(console_counts(0).dropped, 1);
	console_fini();
}
END_TEST

START_TEST(size_is_in_the_configuration_space)
{
	const unsigned char want[] = { 132, 0, 43, 0 };
	unsigned char config[4];

	console_init_one(F_SIZE);
	ck_assert_int_eq(virtdev_console_resize(con.dev, 0, 132, 43), 0);
	virtdev_config_read(con.dev, 0, config, sizeof(config));
	ck_assert_mem_eq(config, want, sizeof(want));
	ck_assert_uint_eq(con.config_changes, 1);
	ck_assert_int_eq(virtdev_console_resize(con.dev, 1, 1, 1), -ENOENT);
	console_restart(F_SIZE);	/* a new driver is notified, too */
	ck_assert_uint_eq(con.config_changes, 2);
	console_fini();
}
END_TEST

/* A host end that always has bytes and always accepts some. */
static ssize_t endless(void *self, const struct iovec *iov, int n)
{
	uint64_t *moved = self;
	ssize_t len = 0;

	while (n--)
		len += (ssize_t)iov++->iov_len;
	*moved += (uint64_t)len;
	return len;
}

static int attach_nothing(void *self, int in_epfd, int out_epfd)
{
	(void)self;
	(void)in_epfd;
	(void)out_epfd;
	return 0;
}

static bool is_there(void *self)
{
	(void)self;
	return true;
}

START_TEST(turn_is_bounded_in_bytes)
{
	static const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "endless",
		.attach = attach_nothing, .is_open = is_there,
		.read = endless, .write = endless,
	};
	const struct vq_buffer huge[] = { { 0, 2 * GUEST_HALF, 0 },
					  { 0, 2 * GUEST_HALF, 0 } };
	struct virtdev_port *port;
	uint64_t moved = 0;

	memset(&con, 0, sizeof(con));
	memset(con.host, -1, sizeof(con.host));
	ck_assert_int_eq(virtdev_port_new(&ops, &moved, &port), 0);
	console_init_on(port, NULL, 1, 0);
	ck_assert_int_eq(vq_driver_add(con.queues[TX].driver, huge, 2, 0), 0);
	vq_driver_publish(con.queues[TX].driver);
	ck_assert_int_eq(virtdev_queue_serve(con.dev, TX), 1);
	ck_assert_uint_le(moved, 2 << 20);
	console_settle();
	ck_assert_uint_eq(moved, 4 * GUEST_HALF);
	console_fini();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
{
	struct virtdev_console_port port = { .size = sizeof(port) };
	struct virtdev_console_config config = { .size = sizeof(config),
						 .port = &port };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;
	char name[VIRTDEV_CONSOLE_MAX_NAME + 2];
	int other;

	ck_assert_int_eq(virtdev_console_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg,
			 "console: a port without a host end");
	port.host = console_socket(&other);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	port.name = name;
	ck_assert_int_eq(virtdev_console_new(&config, &dev, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "has 64 bytes, at most 63"));
	port.name = NULL;
	config.max_ports = 32;
	ck_assert_int_eq(virtdev_console_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg,
			 "console: 32 ports; at most 31 are possible");
	config.max_ports = 0;
	config.queue_size_max = 32769;
	ck_assert_int_eq(virtdev_console_new(&config, &dev, &err), -EINVAL);
	config.size = 0;
	ck_assert_int_eq(virtdev_console_new(&config, &dev, &err), -EINVAL);
	virtdev_port_free(port.host);
	close(other);
}
END_TEST

START_TEST(d4_02_host_end_of_a_port_cannot_be_given_to_another)
{
	struct virtdev_console_port port = { .size = sizeof(port) };
	const struct virtdev_console_config config = { .size = sizeof(config),
						       .port = &port };
	struct virtdev *dev, *second = NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	uint32_t id = 9;
	int other;

	port.host = console_socket(&other);
	ck_assert_int_eq(virtdev_console_new(&config, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_console_new(&config, &second, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "belongs to a port already"));
	ck_assert_int_eq(virtdev_console_add(dev, &port, &id, &err), -EBUSY);
	ck_assert(!second && id == 9);
	virtdev_free(dev);
	close(other);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("console");
	TCase *tc = tcase_create("console");

	tcase_add_test(tc, device_has_its_id_and_queues);
	tcase_add_loop_test(tc, bytes_are_transferred_in_both_directions, 0, 3);
	tcase_add_test(tc, a6_02_every_byte_value_is_passed_unchanged);
	tcase_add_test(tc, a6_04_bytes_without_a_guest_buffer_remain_in_the_socket);
	tcase_add_test(tc, stream_with_a_slow_reader_waits_and_loses_nothing);
	tcase_add_test(tc, stopped_queue_of_a_slow_host_continues_at_its_position);
	tcase_add_test(tc, a3_18_queue_that_was_reset_begins_with_whole_chains);
	tcase_add_test(tc, a6_01_console_unread_for_a_second_drops_and_counts);
	tcase_add_test(tc, console_that_is_read_again_is_written_again);
	tcase_add_test(tc, reader_that_returned_is_waited_for_again);
	tcase_add_test(tc, next_reader_is_waited_for_after_a_time_out);
	tcase_add_test(tc, reader_that_arrives_with_the_time_out_is_waited_for_a_second);
	tcase_add_test(tc, hang_up_of_the_host_does_not_block_the_guest);
	tcase_add_test(tc, output_without_a_peer_is_kept_for_the_next);
	tcase_add_test(tc, a6_01_output_without_a_peer_is_bounded);
	tcase_add_test(tc, bytes_sent_before_a_hang_up_are_received);
	tcase_add_test(tc, a1_15_a1_20_buffer_outside_memory_fails_alone);
	tcase_add_test(tc, broken_ring_is_reported_once);
	tcase_add_test(tc, emergency_write_requires_no_queue);
	tcase_add_test(tc, size_is_in_the_configuration_space);
	tcase_add_test(tc, turn_is_bounded_in_bytes);
	tcase_add_test(tc, d4_02_host_end_of_a_port_cannot_be_given_to_another);
	tcase_add_test(tc, invalid_configuration_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
