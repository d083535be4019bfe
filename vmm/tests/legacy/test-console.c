/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the console between the serial port and a descriptor. */
#include <config.h>

#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <termios.h>

#include <device-kinds/port_log.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "legacy/console.h"
#include "../util.h"

enum { DATA = 0, IER = 1, IIR = 2, FCR = 2, LSR = 5 };

static struct vmm_console *console;
static unsigned int left, told, interrupts;

/* The console's clock, which a loaded host does not advance. */
static uint64_t now_ns;

uint64_t __attribute__((used)) __wrap_vsu_now_ns(void);
uint64_t __wrap_vsu_now_ns(void)
{
	return now_ns;
}

static void on_leave(void *opaque)
{
	(void)opaque;
	left++;
}

static void on_tell(void *opaque)
{
	(void)opaque;
	told++;
}

static void on_interrupt(void *opaque)
{
	(void)opaque;
	interrupts++;
}

/* Claims use the counters of a new console; without fork they start here. */
static void make(int in_fd, int out_fd)
{
	const struct vmm_console_config config = {
		.in_fd = in_fd, .out_fd = out_fd, .leave = on_leave,
		.tell = on_tell, .interrupt = on_interrupt,
	};

	left = told = interrupts = 0;
	ck_assert_int_eq(vmm_console_new(&config, &console, NULL), 0);
}

static void set(uint64_t offset, unsigned char value)
{
	struct varch_access access = { .offset = offset, .value = value,
				     .len = 1, .write = true };

	vmm_console_access(console, &access);
}

static void put(unsigned char byte)
{
	set(DATA, byte);
}

static void put_many(char byte, size_t n)
{
	while (n--)
		put((unsigned char)byte);
}

static unsigned char get(uint64_t offset)
{
	struct varch_access access = { .offset = offset, .len = 1 };

	vmm_console_access(console, &access);
	return (unsigned char)access.value;
}

static bool readable_within(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static bool readable(int fd)
{
	return readable_within(fd, 0);
}

START_TEST(output_is_flushed_at_its_event)
{
	char text[8] = "";
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make(-1, fds[1]);
	ck_assert(!readable(vmm_console_event_fd(console)));
	put('h');
	ck_assert(readable(vmm_console_event_fd(console)));
	put('i');
	ck_assert(readable(vmm_console_event_fd(console)));
	ck_assert(vmm_console_flush(console));
	ck_assert(!readable(vmm_console_event_fd(console)));
	ck_assert_int_eq(read(fds[0], text, sizeof(text)), 2);
	ck_assert_str_eq(text, "hi");
	vmm_console_free(console);
}
END_TEST

/* --------------------------------------------------------------------- the log */

static char log_path[32];

/* The log has no limit that these claims reach. */
static void make_recorded(int out_fd)
{
	struct vmm_console_config config = { .in_fd = -1, .out_fd = out_fd };
	struct devkind_port_log_config log = { .path = log_path };
	int fd;

	strcpy(log_path, "/tmp/test-console.XXXXXX");
	fd = mkstemp(log_path);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert_int_eq(devkind_port_log_open(&log, &config.log, NULL), 0);
	ck_assert_int_eq(vmm_console_new(&config, &console, NULL), 0);
}

/* Ends the console; returns the length of the log, whose bytes are all the same. */
static size_t end_recorded(char byte)
{
	char *former = devkind_port_log_former(log_path);
	FILE *f;
	size_t n = 0;
	int c;

	vmm_console_free(console);
	f = fopen(log_path, "r");
	ck_assert_ptr_nonnull(f);
	for (; (c = fgetc(f)) != EOF; n++)
		ck_assert_int_eq(c, byte);
	fclose(f);
	unlink(log_path);
	unlink(former);
	free(former);
	return n;
}

START_TEST(log_has_what_a_port_without_a_reader_prints)
{
	make_recorded(-1);
	put_many('x', 5);
	ck_assert(readable(vmm_console_event_fd(console)));
	ck_assert(vmm_console_flush(console));
	ck_assert(!readable(vmm_console_event_fd(console)));
	put_many('x', 7);
	ck_assert_uint_eq(end_recorded('x'), 12);
}
END_TEST

/* The reader has stopped: its bytes are dropped, but the log gets all of them. */
START_TEST(log_has_everything_if_the_reader_stops)
{
	const size_t all = 1000000;
	size_t n;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make_recorded(fds[1]);
	for (n = 0; n < all; n += 1000) {
		now_ns += 2000000000;
		put_many('x', 1000);
		vmm_console_flush(console);
	}
	ck_assert_uint_gt(vmm_console_dropped(console), 0);
	ck_assert_uint_eq(vmm_console_unrecorded(console), 0);
	ck_assert_uint_eq(end_recorded('x'), all);
	close(fds[0]);
	close(fds[1]);
}
END_TEST

/* A guest that prints faster than the log is written waits for it, also without a reader. */
START_TEST(guest_waits_for_the_log)
{
	size_t n = 0;

	make_recorded(-1);
	for (; get(LSR) & 0x20; n++) {
		put('x');
		ck_assert_uint_le(n, 65536);
	}
	now_ns += 5000000000;
	ck_assert(!(get(LSR) & 0x20));
	while (!(get(LSR) & 0x20))
		vmm_console_flush(console);
	put('x');
	ck_assert_uint_eq(vmm_console_unrecorded(console), 0);
	ck_assert_uint_eq(end_recorded('x'), n + 1);
}
END_TEST

/* CPUs are stopped, and no turn follows. */
START_TEST(log_has_everything_before_it_is_unlocked)
{
	make_recorded(-1);
	put_many('x', 5000);
	ck_assert_int_eq(vmm_console_set_log_locked(console, false, NULL), 0);
	ck_assert_int_eq(vmm_console_set_log_locked(console, true, NULL), 0);
	put_many('x', 3);
	ck_assert_int_eq(vmm_console_set_log_locked(console, false, NULL), 0);
	put_many('x', 20);
	ck_assert_uint_eq(end_recorded('x'), 5003);
}
END_TEST

/* The driver ignores that the port is busy. */
START_TEST(excess_of_a_driver_that_does_not_wait_is_counted)
{
	make_recorded(-1);
	put_many('x', 65536 + 10);
	ck_assert_uint_eq(vmm_console_unrecorded(console), 10);
	ck_assert_uint_eq(end_recorded('x'), 65536);
}
END_TEST

/* Reads everything available; returns the number of bytes. */
static size_t take_all(int fd)
{
	static char text[65536];
	size_t n = 0;

	while (readable(fd))
		n += (size_t)read(fd, text, sizeof(text));
	return n;
}

static void fill_until_slow(int out)
{
	make(-1, out);
	do
		put_many('x', 4096);
	while (vmm_console_flush(console));
}

START_TEST(a6_01_slow_reader_costs_a_bounded_buffer_and_a_count)
{
	size_t more = 0;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	fill_until_slow(fds[1]);
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	put_many('y', 1000000);
	ck_assert(!vmm_console_flush(console));
	ck_assert_uint_gt(vmm_console_dropped(console), 1000000 - 65536 - 1);
	ck_assert_uint_lt(vmm_console_dropped(console), 1000000);
	do	/* a later read returns the stored bytes */
		more += take_all(fds[0]);
	while (!vmm_console_flush(console));
	ck_assert_uint_gt(more + take_all(fds[0]), 65536);
	vmm_console_free(console);
}
END_TEST

static bool is_ready(void)
{
	return get(LSR) & 0x20;
}

/* A driver that polls the port first loses no byte to a slow reader. */
START_TEST(a6_01_reader_that_is_only_slow_loses_nothing)
{
	size_t sent = 0, got = 0;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make(-1, fds[1]);
	while (sent < 2000000) {
		for (; sent < 2000000 && is_ready(); sent++)
			put('x');
		vmm_console_flush(console);
		got += take_all(fds[0]);
	}
	vmm_console_flush(console);
	while (got < sent) {
		vmm_console_flush(console);
		got += take_all(fds[0]);
	}
	ck_assert_uint_eq(got, sent);
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	vmm_console_free(console);
}
END_TEST

START_TEST(a6_01_driver_waits_one_second_for_a_stopped_reader)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make(-1, fds[1]);
	do {
		while (is_ready())
			put('x');
	} while (vmm_console_flush(console) || is_ready());
	now_ns += UINT64_C(1000000000);
	ck_assert(!is_ready());
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	now_ns++;
	ck_assert(is_ready());
	put_many('y', 1000);
	ck_assert_uint_gt(vmm_console_dropped(console), 0);
	ck_assert(is_ready());
	vmm_console_free(console);
}
END_TEST

START_TEST(a6_01_output_without_a_reader_does_not_block)
{
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	ck_assert_int_eq(pipe(fds), 0);
	close(fds[0]);
	make(-1, fds[1]);
	put_many('x', 100000);
	ck_assert(vmm_console_flush(console));
	put_many('x', 100000);
	ck_assert(vmm_console_flush(console));
	ck_assert_uint_eq(vmm_console_dropped(console), 200000);
	vmm_console_free(console);
}
END_TEST

/* The descriptor becomes a pipe, as a file whose file system has space again. */
START_TEST(output_to_a_full_file_system_is_lost_and_later_one_is_not)
{
	char text[8] = "";
	int fds[2], full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(full, 0);
	make(-1, full);
	put_many('x', 5);
	ck_assert(vmm_console_flush(console));
	ck_assert_uint_eq(vmm_console_dropped(console), 5);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[1], full), full);
	put('h');
	ck_assert(vmm_console_flush(console));
	ck_assert_int_eq(read(fds[0], text, sizeof(text)), 1);
	ck_assert_str_eq(text, "h");
	ck_assert_uint_eq(vmm_console_dropped(console), 5);
	vmm_console_free(console);
}
END_TEST

/* A terminal accepts a part of a write and blocks for the rest. */
START_TEST(a6_01_stopped_terminal_does_not_block_the_main_loop)
{
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	fill_until_slow(slave);
	ck_assert(!vmm_console_flush(console));
	vmm_console_free(console);
	ck_assert_int_eq(fcntl(slave, F_GETFL) & O_NONBLOCK, 0);
}
END_TEST

START_TEST(a6_01_last_output_reaches_a_slow_reader)
{
	size_t n;
	int fds[2];
	pid_t child;

	ck_assert_int_eq(pipe(fds), 0);
	child = fork();
	if (!child) {
		make(-1, fds[1]);
		close(fds[0]);
		put_many('x', 65536);
		vmm_console_flush(console);
		put_many('y', 65536);
		vmm_console_free(console);
		_exit(0);
	}
	close(fds[1]);
	for (n = 0; n < 2 * 65536;) {
		char text[1000];
		ssize_t got = read(fds[0], text, sizeof(text));

		ck_assert_int_gt(got, 0);
		n += (size_t)got;
	}
}
END_TEST

START_TEST(a6_02_every_byte_goes_out_as_it_is)
{
	unsigned char bytes[256];
	unsigned int i;
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make(-1, fds[1]);
	for (i = 0; i < 256; i++)
		put((unsigned char)i);
	ck_assert(vmm_console_flush(console));
	ck_assert_int_eq(read(fds[0], bytes, sizeof(bytes)), 256);
	for (i = 0; i < 256; i++)
		ck_assert_uint_eq(bytes[i], i);
	vmm_console_free(console);
}
END_TEST

START_TEST(input_reaches_the_port_and_its_end_is_reported)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	make(fds[0], -1);
	ck_assert_int_eq(write(fds[1], "a\001x\0z", 5), 5);
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(get(DATA), 'a');
	ck_assert_uint_eq(get(DATA), 1);	/* a pipe has no way out */
	ck_assert_uint_eq(get(DATA), 'x');
	ck_assert_uint_eq(get(DATA), 0);
	ck_assert_uint_eq(get(DATA), 'z');
	ck_assert_uint_eq(left, 0);
	close(fds[1]);
	ck_assert(!vmm_console_input(console));
	vmm_console_free(console);
}
END_TEST

START_TEST(a6_04_unread_input_stays_in_its_source)
{
	char many[1000];
	int fds[2], n;

	memset(many, 'm', sizeof(many));
	ck_assert_int_eq(pipe(fds), 0);
	make(fds[0], -1);
	ck_assert_int_eq(write(fds[1], many, sizeof(many)), 1000);
	for (n = 0; n < 10; n++)
		ck_assert(vmm_console_input(console));
	ck_assert(!vmm_console_wants_input(console));
	ck_assert_uint_gt(take_all(fds[0]), 900);
	ck_assert(!readable(vmm_console_event_fd(console)));
	for (n = 0; !readable(vmm_console_event_fd(console)); n++)
		/* space in the FIFO: input continues */
		ck_assert_uint_eq(get(DATA), 'm');
	ck_assert_int_le(n, 50);
	ck_assert(vmm_console_wants_input(console));
	vmm_console_free(console);
}
END_TEST

static int terminal(int *slave)
{
	int master;

	ck_assert_int_eq(openpty(&master, slave, NULL, NULL, NULL), 0);
	make(*slave, -1);
	return master;
}

static void type(int master, const char *text)
{
	ck_assert_int_eq(write(master, text, strlen(text)),
			 (ssize_t)strlen(text));
}

START_TEST(terminal_is_raw_and_restored)
{
	struct termios before, during, after;
	int master, slave;

	ck_assert_int_eq(openpty(&master, &slave, NULL, NULL, NULL), 0);
	ck_assert_int_eq(tcgetattr(slave, &before), 0);
	make(slave, slave);
	ck_assert_int_eq(tcgetattr(slave, &during), 0);
	ck_assert_uint_eq(during.c_lflag & (ICANON | ECHO | ISIG), 0);
	ck_assert_uint_eq(during.c_oflag, before.c_oflag);
	vmm_console_free(console);
	ck_assert_int_eq(tcgetattr(slave, &after), 0);
	ck_assert_uint_eq(after.c_lflag, before.c_lflag);
	ck_assert_uint_eq(after.c_iflag, before.c_iflag);
}
END_TEST

START_TEST(ctrl_a_x_leaves_and_twice_sends_one)
{
	int slave, master = terminal(&slave);

	type(master, "a\001\001b\003");
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(get(DATA), 'a');
	ck_assert_uint_eq(get(DATA), 1);
	ck_assert_uint_eq(get(DATA), 'b');
	ck_assert_uint_eq(get(DATA), 3);	/* Ctrl-C is passed to the guest */
	type(master, "\001");			/* the two bytes may arrive separately */
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(left, 0);
	type(master, "x");
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(left, 1);
	ck_assert_uint_eq(get(LSR) & 1, 0);
	vmm_console_free(console);
}
END_TEST

/* A guest that hangs reads nothing; the user can still leave. */
START_TEST(ctrl_a_x_ends_with_unread_input)
{
	int slave, master = terminal(&slave), n;
	char many[101];

	memset(many, 'm', 100);
	many[100] = 0;
	for (n = 0; n < 100; n++) {
		type(master, many);
		while (readable(slave))
			ck_assert(vmm_console_input(console));
	}
	ck_assert(vmm_console_wants_input(console));
	type(master, "\001x");
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(left, 1);
	vmm_console_free(console);
}
END_TEST

START_TEST(held_input_follows_as_the_guest_reads)
{
	int slave, master = terminal(&slave), n;

	for (n = 0; n < 20; n++)
		type(master, "0123456789");
	while (readable(slave))
		ck_assert(vmm_console_input(console));
	for (n = 0; n < 200; n++) {
		ck_assert_uint_eq(get(LSR) & 1, 1);
		ck_assert_uint_eq(get(DATA), '0' + n % 10);
		vmm_console_flush(console);
	}
	ck_assert_uint_eq(get(LSR) & 1, 0);
	vmm_console_free(console);
}
END_TEST

/* Pasted at once, read byte by byte much later: more than a MiB, in order. */
START_TEST(pasted_input_waits_for_the_guest_whole)
{
	const size_t all = 1200000;
	size_t given = 0, taken = 0;
	int slave, master = terminal(&slave);
	char piece[1000];
	unsigned int i;

	while (given < all) {
		for (i = 0; i < sizeof(piece); i++)
			piece[i] = (char)('A' + (given + i) % 26);
		ck_assert_int_eq(write(master, piece, sizeof(piece)), 1000);
		given += sizeof(piece);
		while (readable(slave))
			ck_assert(vmm_console_input(console));
	}
	while ((get(LSR) & 1) && get(DATA) == 'A' + taken % 26)
		taken++;
	ck_assert_uint_eq(taken, all);
	vmm_console_free(console);
}
END_TEST

/*
 * A driver that moves bytes only on interrupts, like a kernel's: reads all
 * received bytes, writes up to 16 to an empty transmitter, and so echoes its
 * input.
 */
struct driver {
	unsigned char waiting[4096];
	size_t head, count;
	uint64_t accesses, received;
};

static unsigned char driver_get(struct driver *d, uint64_t offset)
{
	d->accesses++;
	return get(offset);
}

static void driver_receive(struct driver *d)
{
	while (d->count < sizeof(d->waiting) && (driver_get(d, LSR) & 1)) {
		d->waiting[(d->head + d->count++) % sizeof(d->waiting)] =
			driver_get(d, DATA);
		d->received++;
	}
}

static void driver_send(struct driver *d)
{
	unsigned int n;

	if (!(driver_get(d, LSR) & 0x20))
		return;
	for (n = 0; n < 16 && d->count; n++, d->count--, d->accesses++) {
		put(d->waiting[d->head]);
		d->head = (d->head + 1) % sizeof(d->waiting);
	}
}

/* Disables the transmitter interrupt when there is nothing to send. */
static void driver_interrupt(struct driver *d)
{
	while (!(driver_get(d, IIR) & 1)) {
		driver_receive(d);
		driver_send(d);
		set(IER, d->count ? 3 : 1);
		d->accesses++;
	}
}

#define BOTH_WAYS (1u << 20)

static unsigned char byte_at(size_t at)
{
	return (unsigned char)(at * 7 + at / 251);
}

static size_t check_back(int fd, size_t at)
{
	unsigned char piece[4096];
	ssize_t n = readable(fd) ? read(fd, piece, sizeof(piece)) : 0, i;

	ck_assert_int_ge(n, 0);
	for (i = 0; i < n && piece[i] == byte_at(at + (size_t)i); i++)
		;
	ck_assert_int_eq(i, n);
	return at + (size_t)n;
}

static size_t give(int fd, size_t at)
{
	unsigned char piece[1000];
	size_t n = 0;

	for (; n < sizeof(piece) && at + n < BOTH_WAYS; n++)
		piece[n] = byte_at(at + n);
	return at + (n ? (size_t)write(fd, piece, n) : 0);
}

START_TEST(driver_with_interrupts_moves_a_mib_both_ways_without_loss)
{
	struct driver d = { .received = 0 };
	size_t given = 0, back = 0;
	unsigned int seen = 0;
	int in[2], out[2];

	ck_assert_int_eq(pipe(in), 0);
	ck_assert_int_eq(pipe(out), 0);
	make(in[0], out[1]);
	set(FCR, 0x81);
	set(IER, 1);
	while (back < BOTH_WAYS) {
		if (!readable(in[0]))
			given = give(in[1], given);
		ck_assert(vmm_console_input(console));
		for (; seen != interrupts; seen = interrupts)
			driver_interrupt(&d);
		vmm_console_flush(console);
		back = check_back(out[0], back);
	}
	ck_assert_uint_eq(d.received, BOTH_WAYS);
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	/* look and byte in, byte out, and little for a batch */
	ck_assert_uint_lt(d.accesses, BOTH_WAYS * UINT64_C(4));
	ck_assert_uint_lt(interrupts, BOTH_WAYS / 8);
	vmm_console_free(console);
}
END_TEST

START_TEST(ctrl_a_c_prints_statistics_and_sends_nothing)
{
	int slave, master = terminal(&slave);

	type(master, "\001cb");
	ck_assert(vmm_console_input(console));
	ck_assert_uint_eq(told, 1);
	ck_assert_uint_eq(get(DATA), 'b');
	ck_assert_uint_eq(left, 0);
	vmm_console_free(console);
}
END_TEST

/* ---------------------------------------------- clients of a socket or terminal */

static char socket_path[40];

static void make_with(struct virtdev_port *port)
{
	const struct vmm_console_config config = { .in_fd = -1, .out_fd = -1, .port = port };

	ck_assert_int_eq(vmm_console_new(&config, &console, NULL), 0);
	ck_assert(vmm_console_flush(console));
}

static void make_on_socket(void)
{
	struct virtdev_port *port;

	snprintf(socket_path, sizeof(socket_path), "/tmp/test-console.%d", (int)getpid());
	ck_assert_int_eq(virtdev_port_socket_new(socket_path, &port, NULL), 0);
	make_with(port);
}

static int client_new(void)
{
	const int fd = vsu_sock_connect(socket_path, NULL);

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* The main loop: while a descriptor is ready, its function is called. */
static void serve(void)
{
	bool waits = false;
	int turns = 0;

	while (readable(vmm_console_event_fd(console)) ||
	       (waits && readable(vmm_console_out_fd(console))) ||
	       (vmm_console_wants_input(console) && readable(vmm_console_in_fd(console)))) {
		waits = !vmm_console_flush(console);
		ck_assert(vmm_console_input(console));
		ck_assert_int_lt(++turns, 1000);
	}
}

START_TEST(output_without_a_client_is_kept_for_the_first)
{
	char text[8] = "";
	int fd;

	make_on_socket();
	put_many('x', 2);
	serve();
	put('y');
	serve();
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	fd = client_new();
	serve();
	put('h');
	serve();
	ck_assert_int_eq(read(fd, text, sizeof(text)), 4);
	ck_assert_str_eq(text, "xxyh");
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	close(fd);
	vmm_console_free(console);
	ck_assert_int_lt(access(socket_path, F_OK), 0);
}
END_TEST

/* The guest does not wait, and the oldest output is lost. */
START_TEST(output_without_a_client_is_bounded)
{
	enum { KEPT = 64 * 1024 };
	char *text = malloc(KEPT + 1);
	int fd, i;

	ck_assert_ptr_nonnull(text);
	make_on_socket();
	put('x');
	serve();
	for (i = 0; i < 4; i++) {
		put_many((char)('a' + i), KEPT / 2);
		ck_assert(get(LSR) & 0x20);
		ck_assert(!readable(vmm_console_event_fd(console)));
	}
	ck_assert_uint_eq(vmm_console_dropped(console), KEPT + 1);
	fd = client_new();
	serve();
	ck_assert_int_eq(recv(fd, text, KEPT + 1, MSG_DONTWAIT), KEPT);
	ck_assert_int_eq(text[0], 'c');
	ck_assert_int_eq(text[KEPT / 2 - 1], 'c');
	ck_assert_int_eq(text[KEPT - 1], 'd');
	free(text);
	close(fd);
	vmm_console_free(console);
}
END_TEST

START_TEST(input_of_a_client_reaches_the_guest_whole)
{
	const char *at, *all = "0123456789012345678901234567890123456789012345678901234567890123456789"
			       "0123456789012345678901234567890123456789012345678901234567890123456789";
	int fd;

	make_on_socket();
	fd = client_new();
	ck_assert_int_eq(write(fd, all, strlen(all)), strlen(all));
	serve();
	for (at = all; *at; at++) {
		ck_assert(get(LSR) & 0x01);
		ck_assert_int_eq(get(DATA), *at);
		serve();
	}
	ck_assert(!(get(LSR) & 0x01));
	ck_assert(!readable(vmm_console_in_fd(console)));
	close(fd);
	vmm_console_free(console);
}
END_TEST

/* The second waits until the first has left, and nothing else happens meanwhile. */
START_TEST(clients_are_served_one_after_the_other)
{
	int first, second;

	make_on_socket();
	first = client_new();
	second = client_new();
	ck_assert_int_eq(write(second, "2", 1), 1);
	serve();
	ck_assert_int_eq(write(first, "1", 1), 1);
	serve();
	ck_assert_int_eq(get(DATA), '1');
	ck_assert(!(get(LSR) & 0x01));
	close(first);
	serve();
	ck_assert_int_eq(get(DATA), '2');
	put('x');
	serve();
	ck_assert_uint_eq(take_all(second), 1);
	close(second);
	serve();
	put('y');
	serve();
	first = client_new();
	serve();
	ck_assert_uint_eq(take_all(first), 1);
	close(first);
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	vmm_console_free(console);
}
END_TEST

/* The guest does not read, and has no room for all that the first one typed. */
START_TEST(client_that_left_does_not_keep_others_waiting)
{
	char keys[200];
	size_t n;
	int first, second;

	memset(keys, 'k', sizeof(keys));
	make_on_socket();
	first = client_new();
	ck_assert_int_eq(write(first, keys, sizeof(keys)), sizeof(keys));
	serve();
	close(first);
	second = client_new();
	serve();
	put('x');
	serve();
	ck_assert_uint_eq(take_all(second), 1);
	for (n = 0; get(LSR) & 0x01; n++) {
		ck_assert_int_eq(get(DATA), 'k');
		serve();
	}
	ck_assert_uint_eq(n, sizeof(keys));
	ck_assert_int_eq(write(second, "2", 1), 1);
	serve();
	ck_assert_int_eq(get(DATA), '2');
	close(second);
	vmm_console_free(console);
}
END_TEST

/* The guest waits for a slow client, and no longer for one that has stopped to read. */
START_TEST(slow_client_gets_everything)
{
	size_t sent = 0, got = 0;
	int fd;

	make_on_socket();
	fd = client_new();
	serve();
	while (get(LSR) & 0x20 || readable(fd)) {
		for (; get(LSR) & 0x20 && sent < 1000000; sent++)
			put('x');
		serve();
		got += take_all(fd);
		serve();
		if (got == 1000000)
			break;
	}
	ck_assert_uint_eq(got, sent);
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	while (get(LSR) & 0x20) {
		put('y');
		serve();
	}
	now_ns += 2000000000;
	ck_assert(get(LSR) & 0x20);
	close(fd);
	vmm_console_free(console);
}
END_TEST

START_TEST(terminal_has_clients_as_a_socket_does)
{
	struct virtdev_port *port;
	char where[64], text[8] = "";
	int fd;

	ck_assert_int_eq(virtdev_port_pty_new(&port, where, sizeof(where), NULL), 0);
	make_with(port);
	put_many('x', 3);
	serve();
	fd = open(where, O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	serve();
	put('h');
	serve();
	while (strlen(text) < 4)	/* the kernel may pass each turn's bytes on alone */
		ck_assert_int_gt(read(fd, text + strlen(text), 4 - strlen(text)), 0);
	ck_assert_str_eq(text, "xxxh");
	ck_assert_int_eq(write(fd, "k", 1), 1);
	ck_assert(readable_within(vmm_console_in_fd(console), -1));	/* the kernel passes bytes on later */
	serve();
	ck_assert_int_eq(get(DATA), 'k');
	close(fd);
	serve();
	put_many('x', 3);
	serve();
	ck_assert(!readable(vmm_console_event_fd(console)));
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	vmm_console_free(console);
}
END_TEST

/* ------------------------------------ ends that are never done: a turn is bounded */

static unsigned int calls;
static bool goes_on;

static int endless_attach(void *self, int in_epfd, int out_epfd)
{
	(void)self;
	(void)in_epfd;
	(void)out_epfd;
	return 0;
}

static bool endless_is_open(void *self)
{
	(void)self;
	return true;
}

static ssize_t endless_read(void *self, const struct iovec *iov, int n)
{
	(void)self;
	(void)n;
	if (!goes_on)
		return -EAGAIN;
	ck_assert_uint_lt(++calls, 1000);
	memset(iov->iov_base, 'k', iov->iov_len);
	return (ssize_t)iov->iov_len;
}

/* The guest prints meanwhile. */
static ssize_t write_and_print(void *self, const struct iovec *iov, int n)
{
	(void)self;
	(void)n;
	if (goes_on) {
		ck_assert_uint_lt(++calls, 1000);
		put('y');
	}
	return (ssize_t)iov->iov_len;
}

static ssize_t write_to_none(void *self, const struct iovec *iov, int n)
{
	(void)self;
	(void)iov;
	(void)n;
	return -ENOTCONN;
}

static void make_endless(ssize_t (*fn)(void *self, const struct iovec *iov, int n))
{
	const struct virtdev_port_ops ops = {
		.size = sizeof(ops), .name = "endless", .attach = endless_attach,
		.is_open = endless_is_open, .read = endless_read, .write = fn,
	};
	struct virtdev_port *port;

	calls = 0;
	goes_on = true;
	ck_assert_int_eq(virtdev_port_new(&ops, NULL, &port), 0);
	make_with(port);
}

START_TEST(guest_that_prints_all_the_time_does_not_keep_the_main_loop)
{
	make_endless(write_and_print);
	put_many('x', 100);
	ck_assert(vmm_console_flush(console));
	ck_assert_uint_eq(calls, 1);
	ck_assert(readable(vmm_console_event_fd(console)));
	goes_on = false;
	ck_assert(vmm_console_flush(console));
	ck_assert(!readable(vmm_console_event_fd(console)));
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	vmm_console_free(console);
}
END_TEST

START_TEST(client_that_types_all_the_time_and_does_not_read_does_not_keep_the_main_loop)
{
	make_endless(write_to_none);
	put_many('x', 100);
	ck_assert(vmm_console_flush(console));
	ck_assert(readable(vmm_console_event_fd(console)));
	goes_on = false;
	ck_assert(!vmm_console_flush(console));
	ck_assert(!readable(vmm_console_event_fd(console)));
	ck_assert_uint_eq(vmm_console_dropped(console), 0);
	vmm_console_free(console);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("console");
	TCase *tc = tcase_create("output");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, output_is_flushed_at_its_event);
	tcase_add_test(tc, log_has_what_a_port_without_a_reader_prints);
	tcase_add_test(tc, log_has_everything_if_the_reader_stops);
	tcase_add_test(tc, guest_waits_for_the_log);
	tcase_add_test(tc, log_has_everything_before_it_is_unlocked);
	tcase_add_test(tc, excess_of_a_driver_that_does_not_wait_is_counted);
	tcase_add_test(tc, a6_01_slow_reader_costs_a_bounded_buffer_and_a_count);
	tcase_add_test(tc, a6_01_reader_that_is_only_slow_loses_nothing);
	tcase_add_test(tc, a6_01_driver_waits_one_second_for_a_stopped_reader);
	tcase_add_test(tc, a6_01_output_without_a_reader_does_not_block);
	tcase_add_test(tc, output_to_a_full_file_system_is_lost_and_later_one_is_not);
	tcase_add_test(tc,
		       a6_01_stopped_terminal_does_not_block_the_main_loop);
	tcase_add_test(tc, a6_01_last_output_reaches_a_slow_reader);
	tcase_add_test(tc, a6_02_every_byte_goes_out_as_it_is);
	suite_add_tcase(s, tc);
	tc = tcase_create("clients");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, output_without_a_client_is_kept_for_the_first);
	tcase_add_test(tc, output_without_a_client_is_bounded);
	tcase_add_test(tc, input_of_a_client_reaches_the_guest_whole);
	tcase_add_test(tc, clients_are_served_one_after_the_other);
	tcase_add_test(tc, client_that_left_does_not_keep_others_waiting);
	tcase_add_test(tc, slow_client_gets_everything);
	tcase_add_test(tc, terminal_has_clients_as_a_socket_does);
	tcase_add_test(tc, guest_that_prints_all_the_time_does_not_keep_the_main_loop);
	tcase_add_test(tc, client_that_types_all_the_time_and_does_not_read_does_not_keep_the_main_loop);
	suite_add_tcase(s, tc);
	tc = tcase_create("input");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, input_reaches_the_port_and_its_end_is_reported);
	tcase_add_test(tc,
		a6_04_unread_input_stays_in_its_source);
	tcase_add_test(tc, terminal_is_raw_and_restored);
	tcase_add_test(tc, ctrl_a_x_leaves_and_twice_sends_one);
	tcase_add_test(tc, ctrl_a_x_ends_with_unread_input);
	tcase_add_test(tc, held_input_follows_as_the_guest_reads);
	tcase_add_test(tc, pasted_input_waits_for_the_guest_whole);
	tcase_add_test(tc, ctrl_a_c_prints_statistics_and_sends_nothing);
	tcase_add_test(tc,
		driver_with_interrupts_moves_a_mib_both_ways_without_loss);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
