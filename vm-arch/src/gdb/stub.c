/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A table of commands, and what each does. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "gdb/stub_private.h"

/* ------------------------------------------------------------------------ replies */

static void write_thread(struct varch_gdb_stub *s, unsigned int cpu)
{
	varch_gdb_write_number(&s->writer, cpu + 1);
}

static void reply_stop(struct varch_gdb_stub *s)
{
	static const char *const names[] = {
		[VARCH_GDB_WRITE] = "watch:", [VARCH_GDB_READ] = "rwatch:", [VARCH_GDB_ACCESS] = "awatch:",
	};

	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_text(&s->writer, s->last.interrupted ? "T02thread:" : "T05thread:");
	write_thread(s, s->last.cpu);
	varch_gdb_write_text(&s->writer, ";");
	if (s->last.watched) {
		varch_gdb_write_text(&s->writer, names[s->last.kind]);
		varch_gdb_write_number(&s->writer, s->last.address);
		varch_gdb_write_text(&s->writer, ";");
	}
	varch_gdb_reply_end(s);
}

/* ---------------------------------------------------------------------- registers */

struct place {
	size_t offset;
	unsigned int bytes;
};

static bool find_register(const struct varch_gdb_target *t, uint64_t number, struct place *out)
{
	const struct varch_gdb_register_row *row;

	out->offset = 0;
	for (row = t->rows; row < t->rows + t->nrows; row++) {
		if (number < row->n) {
			out->offset += (size_t)number * row->bytes;
			out->bytes = row->bytes;
			return true;
		}
		number -= row->n;
		out->offset += (size_t)row->n * row->bytes;
	}
	return false;
}

static void on_get_all(struct varch_gdb_stub *s, const char *at)
{
	struct varch_gdb_registers regs = { { 0 } };
	int rc = s->ops.get_registers(s->opaque, s->cpu, &regs);

	(void)at;
	if (rc < 0) {
		varch_gdb_reply_result(s, rc);
		return;
	}
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_hex(&s->writer, regs.bytes, s->register_bytes);
	varch_gdb_reply_end(s);
}

static void on_set_all(struct varch_gdb_stub *s, const char *at)
{
	struct varch_gdb_registers regs = { { 0 } };
	const bool ok = varch_gdb_bytes(&at, regs.bytes, s->register_bytes) && !*at;

	varch_gdb_reply_result(s, ok ? s->ops.set_registers(s->opaque, s->cpu, &regs) : -EINVAL);
}

static void on_get(struct varch_gdb_stub *s, const char *at)
{
	struct varch_gdb_registers regs = { { 0 } };
	struct place place;
	uint64_t number;

	if (!varch_gdb_number(&at, &number) || *at || !find_register(&s->target, number, &place) ||
	    s->ops.get_registers(s->opaque, s->cpu, &regs) < 0) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_hex(&s->writer, regs.bytes + place.offset, place.bytes);
	varch_gdb_reply_end(s);
}

static int set_register(struct varch_gdb_stub *s, const struct place *place, const void *bytes)
{
	struct varch_gdb_registers regs = { { 0 } };
	int rc = s->ops.get_registers(s->opaque, s->cpu, &regs);

	memcpy(regs.bytes + place->offset, bytes, place->bytes);
	return rc ? rc : s->ops.set_registers(s->opaque, s->cpu, &regs);
}

static void on_set(struct varch_gdb_stub *s, const char *at)
{
	unsigned char bytes[VARCH_GDB_MAX_REGISTERS];
	struct place place;
	uint64_t number;

	if (!varch_gdb_number(&at, &number) || *at++ != '=' || !find_register(&s->target, number, &place) ||
	    !varch_gdb_bytes(&at, bytes, place.bytes) || *at)
		varch_gdb_reply_result(s, -EINVAL);
	else
		varch_gdb_reply_result(s, set_register(s, &place, bytes));
}

/* ------------------------------------------------------------------------ threads */

/* A thread's number, -1 (all) or 0 (any). Returns false if there is none. */
static bool read_thread(const struct varch_gdb_stub *s, const char **at, unsigned int *cpu, bool *all)
{
	uint64_t number;

	*all = !strncmp(*at, "-1", 2);
	*cpu = s->cpu;
	if (*all) {
		*at += 2;
		return true;
	}
	if (!varch_gdb_number(at, &number) || number > s->cpus)
		return false;
	if (number)
		*cpu = (unsigned int)number - 1;
	return true;
}

static void on_select(struct varch_gdb_stub *s, const char *at)
{
	const bool known = *at == 'g' || *at == 'c';
	unsigned int cpu;
	bool all;

	at += known;
	if (!known || !read_thread(s, &at, &cpu, &all) || *at) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	s->cpu = cpu;
	varch_gdb_reply_result(s, 0);
}

static void on_is_alive(struct varch_gdb_stub *s, const char *at)
{
	unsigned int cpu;
	bool all;

	varch_gdb_reply_result(s, read_thread(s, &at, &cpu, &all) && !all && !*at ? 0 : -EINVAL);
}

/* --------------------------------------------------------------- stops and resumption */

static void resume_cpus(struct varch_gdb_stub *s, const enum varch_gdb_action *actions)
{
	int rc;

	s->state = VARCH_GDB_RUNNING;
	rc = s->ops.resume(s->opaque, actions);
	if (!rc)
		return;
	s->state = VARCH_GDB_STOPPED;
	varch_gdb_reply_result(s, rc);
}

/* c and s, of one thread; the others run. */
static void resume_one(struct varch_gdb_stub *s, enum varch_gdb_action action)
{
	enum varch_gdb_action actions[VARCH_GDB_MAX_CPUS];
	unsigned int i;

	for (i = 0; i < s->cpus; i++)
		actions[i] = VARCH_GDB_RUNS;
	actions[s->cpu] = action;
	resume_cpus(s, actions);
}

/* Sets the program counter, in the byte order of the target. */
static int set_counter(struct varch_gdb_stub *s, uint64_t address)
{
	struct place place;
	unsigned char bytes[8];
	unsigned int i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(address >> (8 * i));
	return find_register(&s->target, s->target.counter, &place) ? set_register(s, &place, bytes) : -EINVAL;
}

/* "[ADDRESS]" */
static void resume_at(struct varch_gdb_stub *s, const char *at, enum varch_gdb_action action)
{
	uint64_t address;

	if (*at && (!varch_gdb_number(&at, &address) || *at || set_counter(s, address) < 0))
		varch_gdb_reply_result(s, -EINVAL);
	else
		resume_one(s, action);
}

static void on_continue(struct varch_gdb_stub *s, const char *at)
{
	resume_at(s, at, VARCH_GDB_RUNS);
}

static void on_step(struct varch_gdb_stub *s, const char *at)
{
	resume_at(s, at, VARCH_GDB_STEPS);
}

/* ";ACTION[:THREAD]", of which the first that fits a thread counts. A signal is ignored. */
static bool read_action(const struct varch_gdb_stub *s, const char **at, enum varch_gdb_action *actions, bool *set)
{
	enum varch_gdb_action action;
	unsigned int cpu = 0, i;
	uint64_t signal;
	bool all = true;

	if (*(*at)++ != ';' || !**at || !strchr("cCsS", **at))
		return false;
	action = **at == 'c' || **at == 'C' ? VARCH_GDB_RUNS : VARCH_GDB_STEPS;
	if ((*(*at)++ & 0x20) == 0 && !varch_gdb_number(at, &signal))
		return false;
	if (**at == ':') {
		(*at)++;
		if (!read_thread(s, at, &cpu, &all))
			return false;
	}
	for (i = 0; i < s->cpus; i++) {
		if (set[i] || (!all && i != cpu))
			continue;
		actions[i] = action;
		set[i] = true;
	}
	return true;
}

static void on_resume_each(struct varch_gdb_stub *s, const char *at)
{
	enum varch_gdb_action actions[VARCH_GDB_MAX_CPUS] = { VARCH_GDB_HOLDS };
	bool set[VARCH_GDB_MAX_CPUS] = { false }, ok;
	unsigned int i, n = 0;

	do
		ok = read_action(s, &at, actions, set);
	while (ok && *at);
	for (i = 0; i < s->cpus; i++)
		n += set[i];
	if (ok && n)
		resume_cpus(s, actions);
	else
		varch_gdb_reply_result(s, -EINVAL);
}

static void on_why(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	reply_stop(s);
}

bool varch_gdb_stopped(struct varch_gdb_stub *s, const struct varch_gdb_stop *why)
{
	if (s->state != VARCH_GDB_RUNNING)
		return false;
	s->state = VARCH_GDB_STOPPED;
	s->last = *why;
	s->cpu = why->cpu;
	reply_stop(s);
	return true;
}

/* ------------------------------------------------------------------------ queries */

static void on_supported(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_text(&s->writer, "PacketSize=");
	varch_gdb_write_number(&s->writer, VARCH_GDB_PACKET);
	varch_gdb_write_text(&s->writer, ";qXfer:features:read+;QStartNoAckMode+;vContSupported+");
	varch_gdb_reply_end(s);
}

/* "OFFSET,LENGTH" */
static void on_features(struct varch_gdb_stub *s, const char *at)
{
	const char *const xml = s->target.xml;
	const size_t all = strlen(xml);
	uint64_t offset, len;

	if (!varch_gdb_range(&at, &offset, &len) || *at || offset > all) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	len = len < VARCH_GDB_PACKET / 2 ? len : VARCH_GDB_PACKET / 2;
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_text(&s->writer, len < all - offset ? "m" : "l");
	varch_gdb_write_binary(&s->writer, xml + offset, (size_t)(len < all - offset ? len : all - offset));
	varch_gdb_reply_end(s);
}

static void on_threads(struct varch_gdb_stub *s, const char *at)
{
	unsigned int i;

	(void)at;
	varch_gdb_write_begin(&s->writer);
	for (i = 0; i < s->cpus; i++) {
		varch_gdb_write_text(&s->writer, i ? "," : "m");
		write_thread(s, i);
	}
	varch_gdb_reply_end(s);
}

static void on_no_more_threads(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_reply_text(s, "l");
}

/* The name that the client prints. */
static void on_thread_name(struct varch_gdb_stub *s, const char *at)
{
	char name[16];
	unsigned int cpu;
	bool all;

	if (!read_thread(s, &at, &cpu, &all) || all || *at) {
		varch_gdb_reply_result(s, -EINVAL);
		return;
	}
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_hex(&s->writer, name, (size_t)snprintf(name, sizeof(name), "CPU %u", cpu));
	varch_gdb_reply_end(s);
}

static void on_current(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_write_begin(&s->writer);
	varch_gdb_write_text(&s->writer, "QC");
	write_thread(s, s->cpu);
	varch_gdb_reply_end(s);
}

/* The client detaches at its end, in place of killing the machine. */
static void on_attached(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_reply_text(s, "1");
}

static void on_no_ack(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	s->no_ack = true;
	varch_gdb_reply_result(s, 0);
}

static void on_actions(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_reply_text(s, "vCont;c;C;s;S");
}

static void on_detach(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	varch_gdb_end(s);
	s->state = VARCH_GDB_DETACHED;
	varch_gdb_reply_result(s, 0);
}

static void on_kill(struct varch_gdb_stub *s, const char *at)
{
	(void)at;
	s->ops.kill(s->opaque);
}

static void on_kill_process(struct varch_gdb_stub *s, const char *at)
{
	on_kill(s, at);
	varch_gdb_reply_result(s, 0);
}

/* ------------------------------------------------------------------------ packets */

static const struct command {
	const char *name;
	bool whole;	/* no arguments */
	void (*fn)(struct varch_gdb_stub *s, const char *at);
} commands[] = {
	{ "?", true, on_why }, { "g", true, on_get_all }, { "G", false, on_set_all },
	{ "p", false, on_get }, { "P", false, on_set }, { "m", false, varch_gdb_on_read },
	{ "M", false, varch_gdb_on_write }, { "X", false, varch_gdb_on_write_binary }, { "H", false, on_select },
	{ "T", false, on_is_alive }, { "c", false, on_continue }, { "s", false, on_step },
	{ "vCont?", true, on_actions }, { "vCont", false, on_resume_each },
	{ "vKill", false, on_kill_process }, { "Z", false, varch_gdb_on_insert }, { "z", false, varch_gdb_on_remove },
	{ "D", false, on_detach }, { "k", true, on_kill },
	{ "qSupported", false, on_supported }, { "qXfer:features:read:target.xml:", false, on_features },
	{ "qfThreadInfo", true, on_threads }, { "qsThreadInfo", true, on_no_more_threads },
	{ "qThreadExtraInfo,", false, on_thread_name }, { "qC", true, on_current },
	{ "qAttached", false, on_attached }, { "QStartNoAckMode", true, on_no_ack },
};

static void on_packet(struct varch_gdb_stub *s)
{
	const char *const text = (const char *)s->reader.data;
	const struct command *c;
	size_t n;

	for (c = commands; c < commands + sizeof(commands) / sizeof(commands[0]); c++) {
		n = strlen(c->name);
		if (!strncmp(text, c->name, n) && (!c->whole || s->reader.len == n)) {
			c->fn(s, text + n);
			return;
		}
	}
	varch_gdb_reply_text(s, "");
}

/* While the CPUs run, the client may only interrupt. */
static void on_complete(struct varch_gdb_stub *s)
{
	if (!s->no_ack)
		varch_gdb_out(s, "+", 1);
	if (s->state == VARCH_GDB_STOPPED)
		on_packet(s);
}

static void on_event(struct varch_gdb_stub *s, enum varch_gdb_event event)
{
	if (event == VARCH_GDB_COMPLETE)
		on_complete(s);
	else if (event == VARCH_GDB_REFUSED && !s->no_ack)
		varch_gdb_out(s, "-", 1);
	else if (event == VARCH_GDB_REPEAT && !s->no_ack && s->has_reply)
		varch_gdb_out(s, s->writer.bytes, s->writer.len);
	else if (event == VARCH_GDB_INTERRUPT && s->state == VARCH_GDB_RUNNING)
		s->ops.interrupt(s->opaque);
}

static bool is_target(const struct varch_gdb_target *t)
{
	struct place counter;

	return t->xml && find_register(t, t->counter, &counter) && counter.bytes == 8;
}

int varch_gdb_new(const struct varch_gdb_target *target, const struct varch_gdb_ops *ops, void *opaque,
		  unsigned int cpus, struct varch_gdb_stub **out, struct vsu_error *err)
{
	struct varch_gdb_target t;
	struct varch_gdb_ops copy;
	struct varch_gdb_stub *s;
	size_t bytes = 0;
	unsigned int i;
	int rc = vsu_copy_sized(&copy, sizeof(copy), ops, "struct varch_gdb_ops", err);

	if (!rc)
		rc = vsu_copy_sized(&t, sizeof(t), target, "struct varch_gdb_target", err);
	if (!rc)
		rc = vsu_check_array(t.rows, t.nrows, "target->rows", err);
	if (rc < 0)
		return rc;
	if (!cpus || cpus > VARCH_GDB_MAX_CPUS)
		return vsu_error_set(err, -EINVAL, "debugger: %u CPUs; 1 to %u are possible", cpus, VARCH_GDB_MAX_CPUS);
	if (!is_target(&t))
		return vsu_error_set(err, -EINVAL, "debugger: the table of the processor needs a description and a program counter of 8 bytes");
	for (i = 0; i < t.nrows; i++)
		bytes += (size_t)t.rows[i].n * t.rows[i].bytes;
	if (bytes > VARCH_GDB_MAX_REGISTERS)
		return vsu_error_set(err, -EINVAL, "debugger: the processor has %zu bytes of registers; at most %u are possible", bytes, VARCH_GDB_MAX_REGISTERS);
	s = calloc(1, sizeof(*s));
	if (!s)
		return vsu_error_sys(err, -ENOMEM, "debugger");
	s->target = t;
	s->ops = copy;
	s->opaque = opaque;
	s->cpus = cpus;
	s->register_bytes = bytes;
	s->last.interrupted = true;
	*out = s;
	return 0;
}

void varch_gdb_free(struct varch_gdb_stub *s)
{
	if (s)
		varch_gdb_end(s);
	free(s);
}

size_t varch_gdb_input(struct varch_gdb_stub *s, const unsigned char *bytes, size_t n)
{
	size_t at = 0;

	while (at < n && !s->out_len && s->state != VARCH_GDB_DETACHED)
		on_event(s, varch_gdb_read_byte(&s->reader, bytes[at++]));
	return at;
}

int varch_gdb_output(struct varch_gdb_stub *s, size_t sent, const char **at)
{
	s->out_at += sent;
	if (s->out_at == s->out_len)
		s->out_at = s->out_len = 0;
	*at = s->out + s->out_at;
	if (!s->out_len && s->state == VARCH_GDB_DETACHED)
		return -ECONNRESET;
	return (int)(s->out_len - s->out_at);
}
