/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Starts QEMU, and daemons for each folder and the network card. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/guest.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option_list.h>
#include <vmm-sys-util/sock.h>

#include "child/child.h"
#include "exec/emulation.h"
#include "common/passt.h"
#include "common/unnamed_socket.h"

#define QEMU "qemu-system-x86_64"
#define FS_DAEMON "cvmm-vhost-user-fs"
#define NET_DAEMON "cvmm-vhost-user-net"
/* The emulated timer is late on a busy host; a kernel that counts its first interrupts would panic. */
#define LATE_TIMER "no_timer_check"
#define MAX_FOLDERS (CVMM_EXEC_MAX_FOLDERS + 1)
/* Connections to daemons: of each folder, and of the card. */
#define MAX_DAEMONS (MAX_FOLDERS + 1)

/* --------------------------------------------------------------------- daemons */

/* Its end of a connection, or a listening socket. */
static void pass_socket(struct prog_program *p, int fd)
{
	prog_program_add(p, "--fd=%d", fd);
	prog_program_pass(p, fd);
}

/* *fd is the front-end's end of the connection. */
static int share_folder(const struct vmm_emulation *e, const struct vmm_emulation_config *c,
			const struct cvmm_exec_share *f, int *fd, struct vsu_error *err)
{
	struct prog_program p = { .argc = 0 };
	struct prog_child child;
	int pair[2];
	int rc = vsu_sock_pair(pair);

	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make a socket");
	prog_program_add(&p, "%s/" FS_DAEMON, c->daemons);
	prog_program_add(&p, "--shared-dir=%s", f->path);
	prog_program_add(&p, "--tag=%s", f->tag);
	if (!f->writable)
		prog_program_add(&p, "--read-only");
	if (f->nosuid)
		prog_program_add(&p, "--nosuid");
	if (f->nodev)
		prog_program_add(&p, "--nodev");
	if (f->submounts)
		prog_program_add(&p, "--announce-submounts");
	if (f->hides_private)
		prog_program_add(&p, "--hide-private");
	if (f->hidden)
		prog_program_add(&p, "--hide=%s", f->hidden);
	pass_socket(&p, pair[1]);
	rc = prog_program_start(&p, e->messages, &child, err);
	prog_program_free(&p);
	vsu_fd_close(&pair[1]);
	*fd = pair[0];
	return rc;
}

static bool has_card(const struct vmm_emulation_config *c)
{
	return c->tap || c->net >= 0;
}

/*
 * QEMU's own card would not drop frames. QEMU uses no inherited socket for a
 * vhost-user card: it connects to the address of the listener. *fd is this address. The daemon
 * would wait for another front-end after QEMU.
 */
static int serve_card(struct vmm_emulation *e, const struct vmm_emulation_config *c, int *fd,
		      struct vsu_error *err)
{
	struct vmm_unnamed_socket s = VMM_UNNAMED_SOCKET_INIT;
	struct prog_program p = { .argc = 0 };
	int rc = vmm_unnamed_socket_make(&s, err);

	if (rc < 0)
		return rc;
	prog_program_add(&p, "%s/" NET_DAEMON, c->daemons);
	prog_program_add(&p, "--block=%s", c->block);
	if (c->tap) {
		prog_program_add(&p, "--tap=%s", c->tap);
	} else {
		prog_program_add(&p, "--net-fd=%d", c->net);
		prog_program_pass(&p, c->net);
	}
	pass_socket(&p, s.listener);
	rc = prog_leash_start(&e->card, &p, e->messages, 0, err);
	prog_program_free(&p);
	vsu_fd_close(&s.listener);
	*fd = s.address;
	return rc;
}

/* ------------------------------------------------------------------------ QEMU */

static void add_log(struct prog_program *p, const char *log)
{
	char *value = log ? vsu_list_escape(log) : NULL;

	if (log && !value)
		p->rc = -ENOMEM;
	else if (log)
		prog_program_add(p, "file,id=log,path=%s", value);
	else
		prog_program_add(p, "null,id=log");
	free(value);
}

/* Nothing of a default machine, of the user's files, or of the host; no program is started. */
static void add_machine(struct prog_program *p, const struct vmm_emulation_config *c)
{
	static const char *const words[] = {
		QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-sandbox",
		"on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
		"-action", "panic=exit-failure", "-machine", "q35,accel=tcg,memory-backend=memory",
		"-cpu", "max", "-device", "pvpanic", "-device", "virtio-rng-pci",
	};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		prog_program_add(p, "%s", words[i]);
	prog_program_add(p, "-smp");
	prog_program_add(p, "%u", c->cpus);
	prog_program_add(p, "-m");
	prog_program_add(p, "%" PRIu64 "K", c->memory >> 10);
	prog_program_add(p, "-object");
	prog_program_add(p, "memory-backend-memfd,id=memory,share=on,size=%" PRIu64 "K", c->memory >> 10);
	prog_program_add(p, "-kernel");
	prog_program_add(p, "%s", c->parts->kernel);
	prog_program_add(p, "-initrd");
	prog_program_add(p, "/proc/self/fd/%d", c->parts->initrd_fd);
	prog_program_pass(p, c->parts->initrd_fd);
	prog_program_add(p, "-append");
	prog_program_add(p, LATE_TIMER " %s", c->parts->cmdline);
}

static int add_card(struct prog_program *p, struct vmm_emulation *e,
		    const struct vmm_emulation_config *c, int *fd, struct vsu_error *err)
{
	int rc = has_card(c) ? serve_card(e, c, fd, err) : 0;

	if (rc < 0 || !has_card(c))
		return rc;
	prog_program_pass(p, *fd);
	prog_program_add(p, "-chardev");
	prog_program_add(p, "socket,id=card,path=/proc/self/fd/%d", *fd);
	prog_program_add(p, "-netdev");
	prog_program_add(p, "vhost-user,id=net,chardev=card");
	/* QEMU 7.2 may crash if its card of a vhost-user device has MSI-X */
	prog_program_add(p, "-device");
	prog_program_add(p, "virtio-net-pci,netdev=net,vectors=0%s%s", *c->mac ? ",mac=" : "", c->mac);
	return 0;
}

/* QEMU reports a panic there, among other events. */
static void add_monitor(struct prog_program *p, int monitor)
{
	prog_program_pass(p, monitor);
	prog_program_add(p, "-chardev");
	prog_program_add(p, "socket,id=monitor,fd=%d", monitor);
	prog_program_add(p, "-mon");
	prog_program_add(p, "chardev=monitor,mode=control");
}

static int port_of(const struct vmm_emulation_config *c, enum vagent_port port)
{
	if (c->ports)
		return c->ports[port];
	return c->parts->guest ? vagent_guest_port(c->parts->guest, port) : vagent_session_port(c->parts->session, port);
}

static void add_ports(struct prog_program *p, const struct vmm_emulation_config *c)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	int i, fd;

	prog_program_add(p, "-chardev");
	add_log(p, c->log);
	prog_program_add(p, "-serial");
	prog_program_add(p, "chardev:log");
	prog_program_add(p, "-device");
	prog_program_add(p, "virtio-serial-pci,max_ports=%d", VAGENT_PORTS + 1);
	for (i = 0; i < VAGENT_PORTS; i++) {
		fd = port_of(c, (enum vagent_port)i);
		prog_program_pass(p, fd);
		prog_program_add(p, "-chardev");
		prog_program_add(p, "socket,id=port%d,fd=%d", i, fd);
		prog_program_add(p, "-device");
		prog_program_add(p, "virtserialport,nr=%d,name=%s,chardev=port%d", i + 1, names[i], i);
	}
}

static void add_folder(struct prog_program *p, unsigned int number, const char *tag, int fd)
{
	prog_program_pass(p, fd);
	prog_program_add(p, "-chardev");
	prog_program_add(p, "socket,id=folder%u,fd=%d", number, fd);
	prog_program_add(p, "-device");
	prog_program_add(p, "vhost-user-fs-pci,chardev=folder%u,tag=%s", number, tag);
}

static int add_folders(struct prog_program *p, const struct vmm_emulation *e,
		       const struct vmm_emulation_config *c, int *fds, struct vsu_error *err)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < c->parts->nshares; i++) {
		rc = share_folder(e, c, &c->parts->shares[i], &fds[i], err);
		if (!rc)
			add_folder(p, i, c->parts->shares[i].tag, fds[i]);
	}
	return rc;
}

static int check_daemon(const struct vmm_emulation_config *c, const char *name, struct vsu_error *err)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", c->daemons, name);
	return access(path, X_OK) < 0 ? vsu_error_sys(err, -errno, "--emulate: %s", path) : 0;
}

static int check_programs(const struct vmm_emulation_config *c, struct vsu_error *err)
{
	int rc = check_daemon(c, FS_DAEMON, err);

	return rc < 0 || !has_card(c) ? rc : check_daemon(c, NET_DAEMON, err);
}

/* The other ends, which QEMU inherits. */
struct ends {
	int end, monitor;
};

static int make_files(struct vmm_emulation *e, struct ends *other, struct vsu_error *err)
{
	static const char begin[] = "{\"execute\":\"qmp_capabilities\"}\n";
	int pair[2], rc;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	e->end_fd = pair[0];
	other->end = pair[1];
	rc = vsu_sock_pair(pair);
	if (rc < 0)
		return vsu_error_sys(err, rc, "cannot make a socket");
	e->events = pair[0];
	other->monitor = pair[1];
	if (write(e->events, begin, strlen(begin)) != (ssize_t)strlen(begin))
		return vsu_error_set(err, -EIO, "cannot write to QEMU's monitor");
	return prog_program_messages(&e->messages, err);
}

static int start_all(struct vmm_emulation *e, const struct vmm_emulation_config *c,
		     const struct ends *other, struct vsu_error *err)
{
	struct prog_program p = { .argc = 0 };
	int fds[MAX_DAEMONS], rc;
	unsigned int i;

	for (i = 0; i < MAX_DAEMONS; i++)
		fds[i] = -1;
	add_machine(&p, c);
	add_ports(&p, c);
	add_monitor(&p, other->monitor);
	prog_program_pass(&p, other->end);
	rc = add_folders(&p, e, c, fds, err);
	if (!rc)
		rc = add_card(&p, e, c, &fds[MAX_FOLDERS], err);
	if (!rc)
		rc = prog_leash_start(&e->qemu, &p, e->messages, 0, err);
	for (i = 0; i < MAX_DAEMONS; i++)
		vsu_fd_close(&fds[i]);
	prog_program_free(&p);
	return rc;
}

int vmm_emulation_start(struct vmm_emulation *e, const struct vmm_emulation_config *c,
			struct vsu_error *err)
{
	struct ends other = { -1, -1 };
	int rc = check_programs(c, err);

	rc = rc < 0 ? rc : make_files(e, &other, err);
	rc = rc < 0 ? rc : start_all(e, c, &other, err);
	vsu_fd_close(&other.end);
	vsu_fd_close(&other.monitor);
	return rc;
}

void vmm_emulation_read(struct vmm_emulation *e)
{
	char text[VMM_EMULATION_EVENT + 4096];
	const size_t had = strlen(e->last);
	ssize_t n;
	size_t len;

	memcpy(text, e->last, had);
	n = recv(e->events, text + had, sizeof(text) - 1 - had, MSG_DONTWAIT);
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		vsu_fd_close(&e->events);
	if (n <= 0)
		return;
	len = had + (size_t)n;
	text[len] = '\0';
	e->panicked |= strstr(text, "\"GUEST_PANICKED\"") != NULL;
	snprintf(e->last, sizeof(e->last), "%s", text + (len < sizeof(e->last) ? 0 : len - sizeof(e->last) + 1));
}

/* QEMU has ended, so that its socket has no more than it holds. */
static bool has_panicked(struct vmm_emulation *e)
{
	struct pollfd p = { .events = POLLIN };

	while (!e->panicked && e->events >= 0) {
		p.fd = e->events;
		if (poll(&p, 1, 0) <= 0)
			break;
		vmm_emulation_read(e);
	}
	return e->panicked;
}

int vmm_emulation_end(struct vmm_emulation *e, const char *hint, struct vsu_error *err)
{
	char text[PROG_PROGRAM_MESSAGES];
	int status = 0;

	/* kills one that only closed the pipe; the status of one that ends remains */
	(void)prog_leash_end(&e->qemu, &status);
	if (WIFSIGNALED(status))
		return vsu_error_set(err, -EFAULT, "--emulate: " QEMU " was killed by signal %d", WTERMSIG(status));
	if (WEXITSTATUS(status) == PROG_PROGRAM_NOT_STARTED)
		return vsu_error_set(err, -EFAULT, "--emulate: %s; install QEMU", prog_program_last_line(e->messages, text));
	if (has_panicked(e))
		return vsu_error_set(err, -EFAULT, "the guest's kernel panicked; %s keeps its messages", hint);
	if (WEXITSTATUS(status))
		return vsu_error_set(err, -EFAULT, "--emulate: %s", prog_program_last_line(e->messages, text));
	return vsu_error_set(err, -ECONNRESET, "the guest ended before its command did; %s keeps its kernel's messages", hint);
}

void vmm_emulation_free(struct vmm_emulation *e)
{
	vsu_fd_close(&e->end_fd);
	vsu_fd_close(&e->messages);
	vsu_fd_close(&e->events);
	vsu_fd_close(&e->qemu.fd);
	vsu_fd_close(&e->card.fd);
}
