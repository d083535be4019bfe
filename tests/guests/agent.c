/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * builtin:agent: the guest's side of "cvmm exec" (<vm-agent/protocol.h>) on any KVM, without Linux. It
 * halts while it waits, but polls where KVM does not run level 0 natively. Its
 * commands are functions of this file, by the names of those that they resemble:
 *
 *	true, false, exit STATUS, kill SIGNAL [CAUSE]
 *	echo WORD..., warn WORD... (to the third stream), cat, yes
 *	pwd, printenv NAME, mounts, size (prints each size of the terminal)
 *	sleep (until a signal)
 *
 * and some that fail: poweroff WORD... (prints its words before), lie (an invalid message), fail WORD (as
 * the agent), missing (it does not exist). There is one command, in a container or not. Others print their
 * words, one on a line; the status is that of the word "status=N".
 * With "mute" on the kernel command line, it sends nothing.
 */
#include <vm-agent/protocol.h>

#include "lib.h"
#include "ports.h"

#define SIGPIPE 13
#define FRAME_BYTES (PORT_BYTES - (uint32_t)sizeof(struct vagent_frame)) /* of one write */
#define EXITED(status) ((struct end){ VAGENT_EXITED, (status), 0, NULL })
#define SIGNALLED(signo) ((struct end){ VAGENT_SIGNALLED, (signo), 0, NULL })
#define RUNS ((struct end){ VAGENT_HOWS, 0, 0, NULL })

struct end {
	uint32_t how, status;
	uint32_t cause;		/* of a signal: enum vagent_cause */
	const char *why;
};

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

static struct port ports[VAGENT_PORTS];
static uint32_t process;	/* its number; 0: none was prepared */
static bool is_started;
static bool lost[VAGENT_STREAMS];
static uint32_t room[VAGENT_STREAMS] = { 0, VAGENT_WINDOW, VAGENT_WINDOW }; /* bytes that may be sent */
static bool input_ended;
static uint32_t signo;		/* that was received; 0: none */
static uint16_t size[2];	/* that was received; 0: none */
static char records[VAGENT_MAX_REQUEST + 4097u];
static uint32_t records_len;

/* --------------------------------------------------------------------- ports */

static void write_all(enum vagent_port port, const void *bytes, uint32_t len)
{
	const char *at = bytes;
	uint32_t n;

	while (len) {
		n = port_write(&ports[port], at, len);
		at += n;
		len -= n;
		ports_wait();
	}
}

static void send_message(enum vagent_message type, const void *payload, uint32_t len)
{
	const struct vagent_header header = { type, len };

	write_all(VAGENT_CONTROL, &header, sizeof(header));
	write_all(VAGENT_CONTROL, payload, len);
}

static void read_all(enum vagent_port port, void *to, uint32_t len)
{
	char *at = to;
	uint32_t n;

	while (len) {
		n = port_read(&ports[port], at, len);
		at += n;
		len -= n;
		ports_wait();
	}
}

/* Reads a struct whose first byte has arrived. False: it has not. */
static bool read_struct(enum vagent_port port, void *to, uint32_t len)
{
	uint8_t *first = to;

	if (!port_read(&ports[port], first, 1))
		return false;
	read_all(port, first + 1, len - 1);
	return true;
}

/* ------------------------------------------------------------------- records */

static uint32_t text_length(const char *text)
{
	uint32_t n = 0;

	while (text[n])
		n++;
	return n;
}

static bool begins_with(const char *text, const char *with)
{
	while (*with)
		if (*text++ != *with++)
			return false;
	return true;
}

static bool is_equal(const char *a, const char *b)
{
	return begins_with(a, b) && text_length(a) == text_length(b);
}

/* The text of the n-th record of a letter, or NULL. */
static const char *find_record(char letter, unsigned int n)
{
	uint32_t at;

	for (at = 0; at < records_len; at += text_length(records + at) + 1)
		if (records[at] == letter && !n--)
			return records + at + 1;
	return NULL;
}

static uint32_t read_number(const char *text)
{
	uint32_t n = 0;

	while (text && *text >= '0' && *text <= '9')
		n = 10 * n + (uint32_t)(*text++ - '0');
	return n;
}

/* ------------------------------------------------------------------ messages */

static void send_ready(void)
{
	static const uint32_t version = VAGENT_VERSION;

	send_message(VAGENT_READY, &version, sizeof(version));
}

/* The guest has neither clock nor random numbers, nor containers. */
static void skip(uint32_t len)
{
	static char bytes[PORT_BYTES];
	uint32_t n;

	for (; len; len -= n) {
		n = len < sizeof(bytes) ? len : (uint32_t)sizeof(bytes);
		read_all(VAGENT_CONTROL, bytes, n);
	}
}

/* Adds the records of the system, and those of the process. */
static void read_records(uint32_t len)
{
	if (len > sizeof(records) - 1 - records_len)
		power_off(1);
	read_all(VAGENT_CONTROL, records + records_len, len);
	records_len += len;
}

static void report_end(struct end e)
{
	static struct {
		struct vagent_process_ended ended;
		char why[VAGENT_MAX_MESSAGE - sizeof(struct vagent_process_ended)];
	} m;
	uint32_t len = e.why ? text_length(e.why) : 0;

	m.ended = (struct vagent_process_ended){ process, e.how, e.status, e.cause };
	len = len < sizeof(m.why) ? len : (uint32_t)sizeof(m.why);
	memcpy(m.why, e.why, len);
	send_message(VAGENT_PROCESS_ENDED, &m, (uint32_t)sizeof(m.ended) + len);
}

/* There is one process: further ones fail. */
static void prepare(uint32_t len)
{
	const uint32_t first = process;
	struct vagent_prepare head;
	struct vagent_prepared prepared = { 0, 1 };
	const char *name;

	read_all(VAGENT_CONTROL, &head, sizeof(head));
	process = prepared.process = head.process;
	if (first) {
		skip(len - (uint32_t)sizeof(head));
		report_end((struct end){ VAGENT_FAILED, 0, 0, "this guest has one process" });
		process = first;
		return;
	}
	read_records(len - (uint32_t)sizeof(head));
	name = find_record('A', 0);
	if (name && is_equal(name, "missing"))
		report_end((struct end){ VAGENT_NOT_FOUND, 0, 0, "no such command" });
	else
		send_message(VAGENT_PREPARED, &prepared, sizeof(prepared));
}

/* Messages that begin with the number of a process. */
static bool serve_process(uint32_t type)
{
	struct vagent_kill kill;
	struct vagent_resize resize;
	struct vagent_stream stream;
	struct vagent_credit credit;

	if (type == VAGENT_START) {
		read_all(VAGENT_CONTROL, &credit.process, sizeof(credit.process));
		is_started = true;
	} else if (type == VAGENT_KILL) {
		read_all(VAGENT_CONTROL, &kill, sizeof(kill));
		signo = kill.signo;
	} else if (type == VAGENT_RESIZE) {
		read_all(VAGENT_CONTROL, &resize, sizeof(resize));
		size[0] = resize.rows;
		size[1] = resize.columns;
	} else if (type == VAGENT_LOST) {
		read_all(VAGENT_CONTROL, &stream, sizeof(stream));
		lost[stream.stream % VAGENT_STREAMS] = true;
	} else if (type == VAGENT_CREDIT) {
		read_all(VAGENT_CONTROL, &credit, sizeof(credit));
		room[credit.stream % VAGENT_STREAMS] += credit.bytes;
	} else {
		return false;
	}
	return true;
}

/* A saved guest waits here, and its clones continue. */
static void serve_control(void)
{
	static struct vagent_header header;

	if (!read_struct(VAGENT_CONTROL, &header, sizeof(header)) || serve_process(header.type))
		return;
	if (header.type == VAGENT_HELLO) {
		send_ready();
	} else if (header.type == VAGENT_GUEST) {
		read_records(header.len);
		send_message(VAGENT_SERVES, NULL, 0);
	} else if (header.type == VAGENT_PREPARE) {
		prepare(header.len);
	} else {
		skip(header.len);
	}
}

/* ------------------------------------------------------------------- streams */

/* False: a signal was received, or the reader has closed its end. */
static bool await_room(enum vagent_standard stream)
{
	for (;;) {
		serve_control();
		if (signo || lost[stream])
			return false;
		if (room[stream])
			return true;
		ports_wait();
	}
}

static void write_frame(enum vagent_standard stream, const void *bytes, uint32_t len)
{
	static struct {
		struct vagent_frame header;
		uint8_t bytes[FRAME_BYTES];
	} frame;

	frame.header = (struct vagent_frame){ process, stream, len };
	memcpy(frame.bytes, bytes, len);
	write_all(VAGENT_OUT, &frame, (uint32_t)sizeof(frame.header) + len);
}

/* False: as of await_room(). */
static bool write_stream(enum vagent_standard stream, const char *text, uint32_t len)
{
	uint32_t n;

	while (len) {
		if (!await_room(stream))
			return false;
		n = len < FRAME_BYTES ? len : FRAME_BYTES;
		n = n < room[stream] ? n : room[stream];
		write_frame(stream, text, n);
		text += n;
		len -= n;
		room[stream] -= n;
	}
	return true;
}

static void credit_input(uint32_t n)
{
	static struct vagent_credit credit;

	credit.process = process;
	credit.bytes += n;
	if (credit.bytes < VAGENT_WINDOW / 2)
		return;
	send_message(VAGENT_CREDITED, &credit, sizeof(credit));
	credit.bytes = 0;
}

/* Returns a number of bytes; 0: none now, or the input has ended. */
static uint32_t read_input(void *bytes, uint32_t len)
{
	static struct vagent_frame frame; /* that is being read; its len: bytes that follow */
	uint32_t n;

	if (!frame.len && !input_ended && read_struct(VAGENT_IN, &frame, sizeof(frame)))
		input_ended = !frame.len;
	if (!frame.len)
		return 0;
	n = port_read(&ports[VAGENT_IN], bytes, frame.len < len ? frame.len : len);
	frame.len -= n;
	credit_input(n);
	return n;
}

/* ------------------------------------------------------------------ commands */

static struct end end_of_write(bool done)
{
	return done ? EXITED(0) : SIGNALLED(signo ? signo : SIGPIPE);
}

/* Records of a letter from the n-th on, with a text after each, and after the last one. */
static struct end write_records(enum vagent_standard stream, char letter, unsigned int n,
				const char *between, const char *last)
{
	bool done = true;
	const char *text;

	while (done && (text = find_record(letter, n++)))
		done = write_stream(stream, text, text_length(text)) &&
		       (!find_record(letter, n) || write_stream(stream, between, text_length(between)));
	return end_of_write(done && write_stream(stream, last, text_length(last)));
}

static struct end do_true(void)
{
	return EXITED(0);
}

static struct end do_false(void)
{
	return EXITED(1);
}

static struct end do_exit(void)
{
	return EXITED(read_number(find_record('A', 1)));
}

static struct end do_kill(void)
{
	return (struct end){ VAGENT_SIGNALLED, read_number(find_record('A', 1)), read_number(find_record('A', 2)), NULL };
}

static struct end do_echo(void)
{
	return write_records(VAGENT_STDOUT, 'A', 1, " ", "\n");
}

static struct end do_warn(void)
{
	return write_records(VAGENT_STDERR, 'A', 1, " ", "\n");
}

static struct end do_cat(void)
{
	static char bytes[PORT_BYTES];
	uint32_t n;

	n = read_input(bytes, sizeof(bytes));
	if (input_ended)
		return EXITED(0);
	return write_stream(VAGENT_STDOUT, bytes, n) ? RUNS : end_of_write(false);
}

static struct end do_yes(void)
{
	return write_stream(VAGENT_STDOUT, "y\n", 2) ? RUNS : end_of_write(false);
}

static struct end do_pwd(void)
{
	return write_records(VAGENT_STDOUT, 'C', 0, "", "\n");
}

/* Set by the request, or preset. */
static const char *find_setting(unsigned int n)
{
	const char *text;
	unsigned int set;

	for (set = 0; set < n && find_record('E', set); set++)
		;
	text = find_record('E', n);
	return text ? text : find_record('e', n - set);
}

static struct end do_printenv(void)
{
	const char *name = find_record('A', 1), *text;
	unsigned int i;

	for (i = 0; name && (text = find_setting(i)); i++)
		if (begins_with(text, name) && text[text_length(name)] == '=')
			return end_of_write(write_stream(VAGENT_STDOUT, text, text_length(text)) &&
					    write_stream(VAGENT_STDOUT, "\n", 1));
	return EXITED(1);
}

static struct end do_mounts(void)
{
	const struct end e = write_records(VAGENT_STDOUT, 'R', 0, "", "\n");

	return e.how == VAGENT_EXITED ? write_records(VAGENT_STDOUT, 'D', 0, "\n", "\n") : e;
}

static bool write_number(uint32_t value, char after)
{
	char text[12];
	uint32_t at = sizeof(text);

	text[--at] = after;
	do
		text[--at] = (char)('0' + value % 10);
	while (value /= 10);
	return write_stream(VAGENT_STDOUT, text + at, (uint32_t)sizeof(text) - at);
}

static struct end do_size(void)
{
	static bool begun;

	if (!begun)
		begun = write_records(VAGENT_STDOUT, 'T', 0, "", "\n").how == VAGENT_EXITED;
	if (!size[0])
		return RUNS;
	return end_of_write(write_number(size[0], 'x') && write_number(size[1], '\n'));
}

static struct end do_sleep(void)
{
	return RUNS;
}

static struct end do_poweroff(void)
{
	(void)write_records(VAGENT_STDOUT, 'A', 1, " ", "");
	power_off(0);
}

static struct end do_lie(void)
{
	send_message(VAGENT_READY, NULL, 0);
	return RUNS;
}

static struct end do_fail(void)
{
	const char *why = find_record('A', 1);

	send_message(VAGENT_FAILURE, why, why ? text_length(why) : 0);
	return RUNS;
}

/* The command in place of all that are not in the table. */
static struct end print_words(void)
{
	const struct end e = write_records(VAGENT_STDOUT, 'A', 0, "\n", "\n");
	unsigned int i;
	const char *word;

	for (i = 1; e.how == VAGENT_EXITED && (word = find_record('A', i)); i++)
		if (begins_with(word, "status="))
			return EXITED(read_number(word + 7));
	return e;
}

static const struct command {
	const char *name;
	struct end (*step)(void); /* until its end is not RUNS */
} commands[] = {
	{ "true", do_true }, { "false", do_false }, { "exit", do_exit }, { "kill", do_kill },
	{ "echo", do_echo }, { "warn", do_warn }, { "cat", do_cat }, { "yes", do_yes },
	{ "pwd", do_pwd }, { "printenv", do_printenv }, { "mounts", do_mounts },
	{ "size", do_size }, { "sleep", do_sleep }, { "poweroff", do_poweroff },
	{ "lie", do_lie }, { "fail", do_fail },
};

/* ---------------------------------------------------------------------- life */

static struct end (*find_step(const char *name))(void)
{
	unsigned int i;

	for (i = 0; name && i < sizeof(commands) / sizeof(commands[0]); i++)
		if (is_equal(name, commands[i].name))
			return commands[i].step;
	return print_words;
}

static struct end run_command(struct end (*step)(void))
{
	struct end e = RUNS;

	send_message(VAGENT_RUNNING, &process, sizeof(process));
	while (e.how == VAGENT_HOWS) {
		serve_control();
		e = signo ? SIGNALLED(signo) : step();
		if (e.how == VAGENT_HOWS)
			ports_wait();
	}
	return e;
}

/* A terminal has no stream of errors. */
static void end_streams(void)
{
	write_frame(VAGENT_STDOUT, NULL, 0);
	if (!find_record('T', 0))
		write_frame(VAGENT_STDERR, NULL, 0);
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };

	if (cpu)
		return;
	if (!ports_open(boot, names, ports, VAGENT_PORTS)) {
		print("the machine has no ports for the streams of a command\n");
		power_off(1);
	}
	if (has_word((const char *)(uintptr_t)boot->cmdline_gpa, "mute"))
		return;
	send_ready();
	for (;;) {
		serve_control();
		if (is_started) {
			report_end(run_command(find_step(find_record('A', 0))));
			end_streams();
			is_started = false;
		}
		ports_wait();
	}
}
