/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A client of gdb's protocol, for a machine of three CPUs whose memory is a table. Each action is
 * bytes for the stub, a packet with its checksum, a stop of the machine, or a client that reads.
 *
 * Invariants: an operation that needs stopped CPUs finds them stopped, no access crosses a page,
 * what is to be sent is bounded, and after the client has left no breakpoint is in memory.
 *
 * Finally prints its reach: commands that reached the machine.
 */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <vm-arch/debug_cpu.h>

#include "gdb/stub_private.h"
#include "play.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CPUS 3u
#define BASE 0x1000u
#define MEMORY 0x2000u
#define BYTES 600u

struct machine {
	struct varch_gdb_stub *stub;
	struct varch_gdb_registers regs[CPUS];
	unsigned char memory[MEMORY];
	bool runs;
};

static uint64_t resumed, interrupted, accesses, breakpoints, registers;

static void demand_stopped(const struct machine *m, unsigned int cpu)
{
	CHECK(!m->runs && cpu < CPUS);
}

static int get_registers(void *opaque, unsigned int cpu, struct varch_gdb_registers *regs)
{
	const struct machine *m = opaque;

	demand_stopped(m, cpu);
	*regs = m->regs[cpu];
	return 0;
}

static int set_registers(void *opaque, unsigned int cpu, const struct varch_gdb_registers *regs)
{
	struct machine *m = opaque;

	demand_stopped(m, cpu);
	registers++;
	m->regs[cpu] = *regs;
	return 0;
}

static int find_memory(void *opaque, unsigned int cpu, uint64_t address, uint64_t *gpa)
{
	demand_stopped(opaque, cpu);
	if (address < BASE || address >= BASE + MEMORY)
		return -EFAULT;
	*gpa = address - BASE;
	return 0;
}

static void demand_access(const struct machine *m, uint64_t gpa, size_t n)
{
	demand_stopped(m, 0);
	CHECK(gpa < MEMORY && n && gpa % 4096 + n <= 4096);
	accesses++;
}

static int read_memory(void *opaque, uint64_t gpa, void *to, size_t n)
{
	const struct machine *m = opaque;

	demand_access(m, gpa, n);
	memcpy(to, m->memory + gpa, n);
	return 0;
}

static int write_memory(void *opaque, uint64_t gpa, const void *from, size_t n)
{
	struct machine *m = opaque;

	demand_access(m, gpa, n);
	memcpy(m->memory + gpa, from, n);
	return 0;
}

static int set_breakpoints(void *opaque, const struct varch_gdb_breakpoint *list, unsigned int n)
{
	unsigned int i;

	demand_stopped(opaque, 0);
	CHECK(n <= VARCH_GDB_MAX_HARDWARE);
	for (i = 0; i < n; i++)
		CHECK(list[i].kind != VARCH_GDB_SOFTWARE && list[i].len && list[i].len <= 8);
	breakpoints++;
	return 0;
}

static int resume(void *opaque, const enum varch_gdb_action *actions)
{
	struct machine *m = opaque;

	demand_stopped(m, 0);
	CHECK(actions[0] <= VARCH_GDB_STEPS && actions[CPUS - 1] <= VARCH_GDB_STEPS);
	m->runs = true;
	resumed++;
	return 0;
}

static void stop(struct machine *m, const struct varch_gdb_stop *why)
{
	m->runs = false;
	varch_gdb_stopped(m->stub, why);
}

static void interrupt(void *opaque)
{
	interrupted++;
	stop(opaque, &(struct varch_gdb_stop){ .interrupted = true });
}

static void kill_machine(void *opaque)
{
	(void)opaque;
}

static const struct varch_gdb_ops ops = {
	.size = sizeof(ops), .get_registers = get_registers, .set_registers = set_registers,
	.find_memory = find_memory, .read_memory = read_memory, .write_memory = write_memory,
	.set_breakpoints = set_breakpoints, .resume = resume,
	.interrupt = interrupt, .kill = kill_machine,
};

static void receive(struct machine *m, bool reads)
{
	const char *at;
	const int out = varch_gdb_output(m->stub, 0, &at);

	CHECK(out <= (int)sizeof(m->stub->out));
	if (reads && out > 0)
		(void)!varch_gdb_output(m->stub, (size_t)out, &at);
}

/* Sends everything if the client reads; bytes that it does not read block the rest. */
static void feed(struct machine *m, const unsigned char *bytes, size_t n, bool reads)
{
	size_t done = 0, part = 1;

	for (; done < n && part; done += part) {
		part = varch_gdb_input(m->stub, bytes + done, n - done);
		CHECK(part <= n - done);
		receive(m, reads);
	}
}

static size_t take_bytes(struct input *in, unsigned char *bytes)
{
	const size_t want = take(in, 2) % BYTES, left = (size_t)(in->end - in->p);
	const size_t n = want < left ? want : left;

	memcpy(bytes, in->p, n);
	in->p += n;
	return n;
}

static void send_packet(struct machine *m, struct input *in, bool reads)
{
	unsigned char packet[BYTES + 5] = "$";
	const size_t n = take_bytes(in, packet + 1);
	unsigned char sum = 0;
	size_t i;

	for (i = 1; i <= n; i++)
		sum = (unsigned char)(sum + packet[i]);
	snprintf((char *)packet + 1 + n, 4, "#%02x", sum);
	feed(m, packet, n + 4, reads);
}

static void make(void *machine, struct input *in)
{
	struct machine *m = machine;

	(void)in;
	memset(m->regs, 0, sizeof(m->regs));
	memset(m->memory, 0x90, sizeof(m->memory));
	m->runs = false;
	CHECK(!varch_gdb_new(varch_debug()->target, &ops, m, CPUS, &m->stub, NULL));
}

static void act(void *machine, struct input *in)
{
	struct machine *m = machine;
	const uint32_t what = take(in, 1);
	unsigned char bytes[BYTES];

	if (what % 8 < 5)
		send_packet(m, in, what < 250);
	else if (what % 8 == 5)
		feed(m, bytes, take_bytes(in, bytes), what < 250);
	else if (what % 8 == 6 && m->runs)
		stop(m, &(struct varch_gdb_stop){ .cpu = what / 8 % CPUS, .watched = what > 127, .kind = VARCH_GDB_ACCESS });
	else
		receive(m, true);
}

/* All breakpoints are removed, except those that the client wrote as data. */
static void leave(void *machine)
{
	struct machine *m = machine;

	m->runs = false;
	varch_gdb_end(m->stub);
	CHECK(!m->stub->nsoftware && !m->stub->nhardware);
	varch_gdb_free(m->stub);
}

static void report(void)
{
	printf("reach: %" PRIu64 " resumed, %" PRIu64 " interrupted, %" PRIu64 " accesses, %" PRIu64 " breakpoints, %" PRIu64 " registers\n",
	       resumed, interrupted, accesses, breakpoints, registers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play game = { make, act, leave, report };
	static struct machine machine;

	return play(&game, &machine, data, size);
}
