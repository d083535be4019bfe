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
 * and some that fail: poweroff, lie (an invalid message), fail WORD (as the agent), missing (it does
 * not exist). Others print their words, one on a line; the status is that of the word "status=N".
 * With "mute" on the kernel command line, it sends nothing.
 */
#include <vm-agent/protocol.h>

#include "lib.h"
#include "ports.h"

#define SIGPIPE 13
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
static uint64_t written[VAGENT_PORTS];
static bool lost[VAGENT_PORTS];
static uint64_t input_len = UINT64_MAX, input_read;
static uint32_t signo;		/* that was received; 0: none */
static uint16_t size[2];	/* that was received; 0: none */
static char request[VAGENT_MAX_REQUEST + 1];
static uint32_t request_len;

/* ------------------------------------------------------------------ messages */

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

static void read_all(void *to, uint32_t len)
{
	char *at = to;
	uint32_t n;

	while (len) {
		n = port_read(&ports[VAGENT_CONTROL], at, len);
		at += n;
		len -= n;
		ports_wait();
	}
}

static void send_ready(void)
{
	static const uint32_t version = VAGENT_VERSION_COMMAND;

	send_message(VAGENT_READY, &version, sizeof(version));
}

/* A saved guest waits here, and its clones continue. It has neither clock nor random numbers. */
static void read_request(void)
{
	struct vagent_header header;

	do {
		read_all(&header, sizeof(header));
		if (header.len > VAGENT_MAX_REQUEST)
			power_off(1);
		read_all(request, header.len);
		if (header.type == VAGENT_HELLO)
			send_ready();
	} while (header.type != VAGENT_REQUEST);
	request_len = header.len;
}

static void take_lost(uint32_t port)
{
	if (port < VAGENT_PORTS)
		lost[port] = true;
}

/* Messages that the host sends while a command runs. */
static void serve_control(void)
{
	static struct vagent_header header;
	uint8_t *first = (uint8_t *)&header;
	uint32_t port;

	if (!port_read(&ports[VAGENT_CONTROL], first, 1))
		return;
	read_all(first + 1, sizeof(header) - 1);
	if (header.type == VAGENT_SIGNAL && header.len == sizeof(signo)) {
		read_all(&signo, sizeof(signo));
	} else if (header.type == VAGENT_SIZE && header.len == sizeof(size)) {
		read_all(size, sizeof(size));
	} else if (header.type == VAGENT_INPUT_END && header.len == sizeof(input_len)) {
		read_all(&input_len, sizeof(input_len));
	} else if (header.type == VAGENT_OUTPUT_LOST && header.len == sizeof(port)) {
		read_all(&port, sizeof(port));
		take_lost(port);
	} else {
		power_off(1);
	}
}

/* ------------------------------------------------------------------- request */

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

	for (at = 0; at < request_len; at += text_length(request + at) + 1)
		if (request[at] == letter && !n--)
			return request + at + 1;
	return NULL;
}

static uint32_t read_number(const char *text)
{
	uint32_t n = 0;

	while (text && *text >= '0' && *text <= '9')
		n = 10 * n + (uint32_t)(*text++ - '0');
	return n;
}

/* ------------------------------------------------------------------ commands */

/* False: a signal was received, or the reader has closed its end. */
static bool write_stream(enum vagent_port port, const char *text, uint32_t len)
{
	uint32_t n;

	while (len) {
		serve_control();
		if (signo || lost[port])
			return false;
		n = port_write(&ports[port], text, len);
		text += n;
		len -= n;
		written[port] += n;
		ports_wait();
	}
	return true;
}

static struct end end_of_write(bool done)
{
	return done ? EXITED(0) : SIGNALLED(signo ? signo : SIGPIPE);
}

/* Records of a letter from the n-th on, with a text after each, and after the last one. */
static struct end write_records(enum vagent_port port, char letter, unsigned int n,
				const char *between, const char *last)
{
	bool done = true;
	const char *text;

	while (done && (text = find_record(letter, n++)))
		done = write_stream(port, text, text_length(text)) &&
		       (!find_record(letter, n) || write_stream(port, between, text_length(between)));
	return end_of_write(done && write_stream(port, last, text_length(last)));
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
	return write_records(VAGENT_OUT, 'A', 1, " ", "\n");
}

static struct end do_warn(void)
{
	return write_records(VAGENT_ERR, 'A', 1, " ", "\n");
}

static struct end do_cat(void)
{
	static char bytes[PORT_BYTES];
	uint32_t n;

	if (input_read == input_len)
		return EXITED(0);
	n = port_read(&ports[VAGENT_IN], bytes, sizeof(bytes));
	input_read += n;
	return write_stream(VAGENT_OUT, bytes, n) ? RUNS : end_of_write(false);
}

static struct end do_yes(void)
{
	return write_stream(VAGENT_OUT, "y\n", 2) ? RUNS : end_of_write(false);
}

static struct end do_pwd(void)
{
	return write_records(VAGENT_OUT, 'C', 0, "", "\n");
}

static struct end do_printenv(void)
{
	const char *name = find_record('A', 1), *text;
	unsigned int i;

	for (i = 0; name && (text = find_record('E', i)); i++)
		if (begins_with(text, name) && text[text_length(name)] == '=')
			return end_of_write(write_stream(VAGENT_OUT, text, text_length(text)) &&
					    write_stream(VAGENT_OUT, "\n", 1));
	return EXITED(1);
}

static struct end do_mounts(void)
{
	const struct end e = write_records(VAGENT_OUT, 'R', 0, "", "\n");

	return e.how == VAGENT_EXITED ? write_records(VAGENT_OUT, 'D', 0, "\n", "\n") : e;
}

static bool write_number(uint32_t value, char after)
{
	char text[12];
	uint32_t at = sizeof(text);

	text[--at] = after;
	do
		text[--at] = (char)('0' + value % 10);
	while (value /= 10);
	return write_stream(VAGENT_OUT, text + at, (uint32_t)sizeof(text) - at);
}

static struct end do_size(void)
{
	static bool begun;

	if (!begun)
		begun = write_records(VAGENT_OUT, 'T', 0, "", "\n").how == VAGENT_EXITED;
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
	power_off(0);
}

static struct end do_lie(void)
{
	send_message(VAGENT_READY, NULL, 0);
	return RUNS;
}

static struct end do_fail(void)
{
	return (struct end){ VAGENT_FAILED, 0, 0, find_record('A', 1) };
}

/* The command in place of all that are not in the table. */
static struct end print_words(void)
{
	const struct end e = write_records(VAGENT_OUT, 'A', 0, "\n", "\n");
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

	send_message(VAGENT_STARTED, NULL, 0);
	while (e.how == VAGENT_HOWS) {
		serve_control();
		e = signo ? SIGNALLED(signo) : step();
		if (e.how == VAGENT_HOWS)
			ports_wait();
	}
	return e;
}

static void report_end(struct end e)
{
	static struct {
		struct vagent_ended ended;
		char why[VAGENT_MAX_MESSAGE - sizeof(struct vagent_ended)];
	} m;
	uint32_t len = e.why ? text_length(e.why) : 0;

	m.ended = (struct vagent_ended){ e.how, e.status, written[VAGENT_OUT], written[VAGENT_ERR] };
	len = len < sizeof(m.why) ? len : (uint32_t)sizeof(m.why);
	memcpy(m.why, e.why, len);
	if (e.how == VAGENT_SIGNALLED) {
		len = sizeof(e.cause);
		memcpy(m.why, &e.cause, len);
	}
	send_message(VAGENT_ENDED, &m, (uint32_t)sizeof(m.ended) + len);
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	const char *name;

	if (cpu)
		return;
	if (!ports_open(boot, names, ports, VAGENT_PORTS)) {
		print("the machine has no ports for the streams of a command\n");
		power_off(1);
	}
	if (has_word((const char *)(uintptr_t)boot->cmdline_gpa, "mute"))
		return;
	send_ready();
	read_request();
	name = find_record('A', 0);
	report_end(name && is_equal(name, "missing") ?
		   (struct end){ VAGENT_NOT_FOUND, 0, 0, "no such command" } : run_command(find_step(name)));
}
