/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connects a client of gdb's protocol with the machine. */
#include <config.h>

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vm-arch/debug_cpu.h>
#include <vm-arch/gdb.h>
#include <vm-memory/access.h>
#include <vm-memory/space.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "machine/stop.h"
#include "owner/owner.h"
#include "run/debugger.h"

/* Packets that are handled in a turn, and bytes that are read at once. */
#define MAX_PACKETS 32u
#define INPUT 4096u

struct vmm_debugger {
	struct vmm_machine *m;
	int listener, sock;	/* sock: the client, or -1 */
	struct vsu_sock_path path;
	bool has_path;
	struct vsu_io connecting, readable, writable;
	struct varch_gdb_stub *stub;	/* of the client, or NULL */
	bool was_paused;	/* by the user, before the client connected */
	unsigned char input[INPUT];
	size_t at, len;		/* of input: handled, and received */
	struct varch_gdb_breakpoint hardware[VARCH_GDB_MAX_HARDWARE];
	unsigned int nhardware;
	enum varch_gdb_action actions[VARCH_GDB_MAX_CPUS];
	/* Accesses of CPUs that stopped while another one was reported; watched: there is one. */
	struct varch_gdb_stop later[VARCH_GDB_MAX_CPUS];
};

/* --------------------------------------------------------------------- the machine */

static int get_registers(void *opaque, unsigned int cpu, struct varch_gdb_registers *regs)
{
	const struct vmm_debugger *d = opaque;

	(void)!varch_cpus_settle(d->m->cpus);
	return varch_debug()->get_registers(d->m->cpus, cpu, regs);
}

/* KVM would otherwise store the results of accesses over what the client writes. */
static int set_registers(void *opaque, unsigned int cpu, const struct varch_gdb_registers *regs)
{
	const struct vmm_debugger *d = opaque;
	int rc = varch_cpus_settle(d->m->cpus);

	return rc ? rc : varch_debug()->set_registers(d->m->cpus, cpu, regs);
}

static int find_memory(void *opaque, unsigned int cpu, uint64_t address, uint64_t *gpa)
{
	const struct vmm_debugger *d = opaque;

	return varch_debug()->find(d->m->cpus, cpu, address, gpa);
}

static const struct vmem_view *view_of(const struct vmm_debugger *d)
{
	return vmem_map_view(vmem_space_current(d->m->memory.space));
}

static int read_memory(void *opaque, uint64_t gpa, void *to, size_t n)
{
	return vmem_read_exact(view_of(opaque), gpa, to, n);
}

static int write_memory(void *opaque, uint64_t gpa, const void *from, size_t n)
{
	return vmem_write_exact(view_of(opaque), gpa, from, n);
}

static int set_control(const struct vmm_debugger *d, unsigned int cpu, bool on, bool injects)
{
	const struct varch_debug_control control = {
		.on = on, .steps = d->actions[cpu] == VARCH_GDB_STEPS, .injects = injects,
		.list = d->hardware, .n = d->nhardware,
	};

	return varch_debug()->control(d->m->cpus, cpu, &control);
}

static int set_all(const struct vmm_debugger *d, bool on)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < varch_cpus_number(d->m->cpus); i++)
		rc = set_control(d, i, on, false);
	return rc;
}

/* In force when the CPUs continue. */
static int set_breakpoints(void *opaque, const struct varch_gdb_breakpoint *list, unsigned int n)
{
	struct vmm_debugger *d = opaque;

	memcpy(d->hardware, list, n * sizeof(*list));
	d->nhardware = n;
	return set_all(d, true);
}

static void hold_cpus(const struct vmm_debugger *d)
{
	unsigned int i;

	for (i = 0; i < varch_cpus_number(d->m->cpus); i++)
		d->m->cpus->cpu[i].held = d->actions[i] == VARCH_GDB_HOLDS;
}

static void act_all(struct vmm_debugger *d, enum varch_gdb_action action)
{
	unsigned int i;

	for (i = 0; i < varch_cpus_number(d->m->cpus); i++)
		d->actions[i] = action;
}

static bool is_watched(const struct vmm_debugger *d, const struct varch_gdb_stop *why)
{
	unsigned int i;

	for (i = 0; i < d->nhardware; i++)
		if (d->hardware[i].kind == why->kind && d->hardware[i].address == why->address)
			return true;
	return false;
}

/* Reports a stop that the first CPU which shall continue still has. False: none has one. */
static bool report_later(struct vmm_debugger *d, const enum varch_gdb_action *actions)
{
	struct varch_gdb_stop why;
	unsigned int i;

	for (i = 0; i < varch_cpus_number(d->m->cpus); i++) {
		why = d->later[i];
		if (!why.watched || actions[i] == VARCH_GDB_HOLDS)
			continue;
		d->later[i].watched = false;
		if (!is_watched(d, &why))
			continue;
		return varch_gdb_stopped(d->stub, &why);
	}
	return false;
}

static int resume_cpus(void *opaque, const enum varch_gdb_action *actions)
{
	struct vmm_debugger *d = opaque;
	int rc;

	if (report_later(d, actions))
		return 0;
	memcpy(d->actions, actions, varch_cpus_number(d->m->cpus) * sizeof(*actions));
	rc = set_all(d, true);
	if (rc < 0)
		return rc;
	hold_cpus(d);
	vmm_stop_end_for_user(d->m);
	return 0;
}

/* False: the client has stopped the CPUs. */
static bool report_stopped(struct vmm_debugger *d, const struct varch_gdb_stop *why)
{
	const bool ran = varch_gdb_stopped(d->stub, why);

	if (ran)
		vmm_stop_for_user(d->m);
	return ran;
}

static void interrupt_cpus(void *opaque)
{
	struct vmm_debugger *d = opaque;

	(void)report_stopped(d, &(struct varch_gdb_stop){ .interrupted = true });
}

static void kill_machine(void *opaque)
{
	const struct vmm_debugger *d = opaque;

	varch_cpus_end(d->m->cpus, VSU_EXIT_OK, "%s", "");
}

static const struct varch_gdb_ops ops = {
	.size = sizeof(ops), .get_registers = get_registers, .set_registers = set_registers,
	.find_memory = find_memory, .read_memory = read_memory, .write_memory = write_memory,
	.set_breakpoints = set_breakpoints, .resume = resume_cpus,
	.interrupt = interrupt_cpus, .kill = kill_machine,
};

/* ---------------------------------------------------------------------- the client */

bool vmm_debugger_is_connected(const struct vmm_machine *m)
{
	return m->pause.debugger && m->pause.debugger->sock >= 0;
}

/* The guest continues as if there had been no debugger. */
static void client_close(struct vmm_debugger *d)
{
	vmm_stop_for_user(d->m);
	varch_gdb_free(d->stub);
	d->stub = NULL;
	act_all(d, VARCH_GDB_RUNS);
	(void)!set_all(d, false);
	hold_cpus(d);
	vsu_io_stop(&d->readable);
	vsu_io_stop(&d->writable);
	vsu_fd_close(&d->sock);
	vsu_io_start(d->m->loop, &d->connecting);
	if (!d->was_paused)
		vmm_stop_end_for_user(d->m);
}

/* False: the client is gone. */
static bool client_write(struct vmm_debugger *d)
{
	const char *at;
	ssize_t rc = 0;
	int n;

	while ((n = varch_gdb_output(d->stub, rc > 0 ? (size_t)rc : 0, &at)) > 0) {
		rc = send(d->sock, at, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (rc < 0 && errno != EINTR)
			return errno == EAGAIN;
	}
	return n == 0;
}

/* False: the client is gone. Without bytes to read, it is not. */
static bool client_read(struct vmm_debugger *d)
{
	ssize_t n;

	if (d->at < d->len)
		return true;
	n = recv(d->sock, d->input, sizeof(d->input), MSG_DONTWAIT);
	d->at = 0;
	d->len = n > 0 ? (size_t)n : 0;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* Replies are sent before the next packet is handled. */
static bool client_serve(struct vmm_debugger *d)
{
	unsigned int turns;
	const char *at;

	for (turns = 0; turns < MAX_PACKETS; turns++) {
		if (!client_write(d))
			return false;
		if (varch_gdb_output(d->stub, 0, &at) > 0 || d->at == d->len)
			break;
		d->at += varch_gdb_input(d->stub, d->input + d->at, d->len - d->at);
	}
	return client_write(d);
}

/* Watches for what the client has to do next. */
static void client_watch(struct vmm_debugger *d)
{
	const char *at;
	const bool waits = varch_gdb_output(d->stub, 0, &at) > 0;

	if (waits || d->at < d->len)
		vsu_io_start(d->m->loop, &d->writable);
	else
		vsu_io_stop(&d->writable);
	if (waits)
		vsu_io_stop(&d->readable);
	else
		vsu_io_start(d->m->loop, &d->readable);
}

static void client_turn(void *opaque)
{
	struct vmm_debugger *d = opaque;

	if (client_serve(d))
		client_watch(d);
	else
		client_close(d);
}

static void on_readable(void *opaque)
{
	struct vmm_debugger *d = opaque;

	if (client_read(d))
		client_turn(d);
	else
		client_close(d);
}

/* A save or a move must not find breakpoints in the memory, and ends before a debugger comes. */
static void on_connecting(void *opaque)
{
	struct vmm_debugger *d = opaque;
	struct vmm_machine *m = d->m;
	const struct vmm_refusal *why = vmm_life_refusal(m->pause.life.now);
	struct vsu_error err = { 0 };

	d->sock = vsu_sock_accept(d->listener);
	if (d->sock < 0)
		return;
	if (why || varch_gdb_new(varch_debug()->target, &ops, d, varch_cpus_number(m->cpus), &d->stub, &err) < 0) {
		vmm_log(&m->process.log, CVMM_LOG_WARNING, "debugger", "a debugger is refused: %s", why ? why->text : err.msg);
		vsu_fd_close(&d->sock);
		return;
	}
	vsu_io_stop(&d->connecting);
	d->was_paused = m->pause.life.guest == VMM_PAUSED && !m->pause.awaits_debugger;
	d->at = d->len = 0;
	d->nhardware = 0;
	memset(d->later, 0, sizeof(d->later));
	act_all(d, VARCH_GDB_RUNS);
	vmm_stop_for_user(m);
	vsu_io_init(&d->readable, on_readable, d, d->sock, VSU_IO_READ);
	vsu_io_init(&d->writable, client_turn, d, d->sock, VSU_IO_WRITE);
	vsu_io_start(m->loop, &d->readable);
}

/* ------------------------------------------------------------------ exits of CPUs */

struct debug_exit {
	struct vmm_machine *m;
	unsigned int cpu;
	struct kvm_debug_exit_arch arch;
};

static void report_stop(struct vmm_debugger *d, const struct debug_exit *x)
{
	const struct varch_gdb_breakpoint *hit = varch_debug()->hit(&x->arch, d->hardware, d->nhardware);
	struct varch_gdb_stop why = { .cpu = x->cpu };

	if (hit && hit->kind != VARCH_GDB_EXECUTION) {
		why.watched = true;
		why.kind = hit->kind;
		why.address = hit->address;
	}
	if (!report_stopped(d, &why) && why.watched)
		d->later[x->cpu] = why;
	client_turn(d);
}

/*
 * If several CPUs stop at a time, one is reported. The others stop again where they are when they
 * continue, unless an access of data, which is complete, was the cause.
 */
static bool exit_on_main(void *opaque, struct varch_main_call *call)
{
	const struct debug_exit *x = opaque;
	struct vmm_debugger *d = x->m->pause.debugger;
	uint64_t address;

	(void)call;
	if (!vmm_debugger_is_connected(x->m))
		return true;
	if (!varch_debug()->is_software(&x->arch, &address) || varch_gdb_has_software(d->stub, address) ||
	    set_control(d, x->cpu, true, true) < 0)
		report_stop(d, x);
	return true;
}

void vmm_debugger_exit(void *opaque, unsigned int cpu, const struct kvm_debug_exit_arch *arch)
{
	struct debug_exit x = { opaque, cpu, *arch };

	varch_cpus_call_main(x.m->cpus, exit_on_main, &x);
}

/* ---------------------------------------------------------------------- the socket */

static int debugger_listen(struct vmm_debugger *d, const char *path, struct vsu_error *err)
{
	int rc = d->listener = vsu_sock_listen(path, 1, err);

	if (rc >= 0) {
		d->has_path = !vsu_sock_path_of(d->listener, &d->path);
		rc = devkind_socket_access_apply(&d->m->process.sockets, path, err);
	}
	return rc < 0 ? vsu_error_prefix(err, rc, "option --gdb") : 0;
}

int vmm_debugger_open(struct vmm_machine *m, struct vsu_error *err)
{
	const char *path = m->config->gdb;
	struct vmm_debugger *d;
	int rc;

	if (!path || m->start->dry_run)
		return 0;
	d = calloc(1, sizeof(*d));
	if (!d)
		return vsu_error_sys(err, -ENOMEM, "option --gdb");
	d->m = m;
	d->sock = d->listener = -1;
	rc = debugger_listen(d, path, err);
	if (rc < 0) {
		vmm_debugger_free(d);
		return rc;
	}
	m->pause.debugger = d;
	return 0;
}

void vmm_debugger_start(struct vmm_machine *m)
{
	struct vmm_debugger *d = m->pause.debugger;

	if (!d)
		return;
	vsu_io_init(&d->connecting, on_connecting, d, d->listener, VSU_IO_READ);
	vsu_io_start(m->loop, &d->connecting);
	m->pause.awaits_debugger = m->start->gdb_wait;
	if (m->start->gdb_wait)
		vmm_stop_for_user(m);
}

void vmm_debugger_stop(struct vmm_machine *m)
{
	struct vmm_debugger *d = m->pause.debugger;

	if (!d)
		return;
	vsu_io_stop(&d->connecting);
	vsu_io_stop(&d->readable);
	vsu_io_stop(&d->writable);
	vsu_fd_close(&d->sock);
}

void vmm_debugger_free(struct vmm_debugger *d)
{
	if (!d)
		return;
	vsu_fd_close(&d->sock);
	if (d->has_path)
		vsu_sock_unlink(&d->path);
	vsu_fd_close(&d->listener);
	varch_gdb_free(d->stub);
	free(d);
}
