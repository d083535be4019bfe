/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine of QEMU with the agent of libvm-agent. It has KVM, or not if ACCEL=tcg is in the environment. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/end.h>
#include <vm-agent/initrd.h>

#include "qemu-machine.h"

#define QEMU "qemu-system-x86_64"
#define MEMORY "512M"
#define MAX_WORDS 64
#define CMDLINE "console=ttyS0 quiet panic=-1 " VAGENT_WORD

/* The words of QEMU's command line, which live as long as this process. */
struct words {
	char *word[MAX_WORDS];
	int n;
};

static void add(struct words *w, const char *fmt, ...) VSU_PRINTF(2, 3);
static void add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (w->n < MAX_WORDS - 1 && vasprintf(&w->word[w->n], fmt, ap) >= 0)
		w->n++;
	va_end(ap);
}

static int make_initrd(const struct qemu_config *c, int *fd, struct vsu_error *err)
{
	static const char *const required[] = { "virtio_pci", "virtio_console", "virtiofs", "overlay", NULL };
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd), .init = c->init, .modules = c->modules, .names = required, .boot = "/boot",
	};

	return vagent_initrd_make(&initrd, fd, err);
}

/* The guest's ends are ports of a console device, in the order of their names. */
static void add_ports(struct words *w, const struct qemu_config *c)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	int i;

	add(w, "-device");
	add(w, "virtio-serial-pci,max_ports=%d", VAGENT_PORTS + 1);
	for (i = 0; i < VAGENT_PORTS; i++) {
		fcntl(c->ports[i], F_SETFD, 0);
		add(w, "-chardev");
		add(w, "socket,id=port%d,fd=%d", i, c->ports[i]);
		add(w, "-device");
		add(w, "virtserialport,nr=%d,name=%s,chardev=port%d", i + 1, names[i], i);
	}
}

static void add_machine(struct words *w, const char *kernel, int initrd)
{
	static const char *const words[] = {
		QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-m", MEMORY,
		"-object", "memory-backend-memfd,id=memory,share=on,size=" MEMORY, "-append", CMDLINE,
		"-chardev", "null,id=console", "-serial", "chardev:console",
	};
	const char *accel = getenv("ACCEL") ? getenv("ACCEL") : "kvm";
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add(w, "%s", words[i]);
	add(w, "-machine");
	add(w, "q35,memory-backend=memory,accel=%s", accel);
	add(w, "-cpu");
	add(w, "%s", strcmp(accel, "tcg") ? "host" : "max");
	add(w, "-kernel");
	add(w, "%s", kernel);
	fcntl(initrd, F_SETFD, 0);
	add(w, "-initrd");
	add(w, "/proc/self/fd/%d", initrd);
}

static void add_root(struct words *w, const char *path)
{
	add(w, "-chardev");
	add(w, "socket,id=root,path=%s", path);
	add(w, "-device");
	add(w, "vhost-user-fs-pci,chardev=root,tag=" VAGENT_ROOT_TAG);
}

static int execute(struct qemu *q, struct words *w, struct vsu_error *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot start " QEMU);
	q->pid = fork();
	if (!q->pid) {
		fcntl(pair[1], F_SETFD, 0);
		execvp(QEMU, w->word);
		perror(QEMU);
		_exit(VAGENT_STATUS_FAILED);
	}
	close(pair[1]);
	q->alive = pair[0];
	return q->pid < 0 ? vsu_error_set(err, -EAGAIN, "cannot start " QEMU) : 0;
}

int qemu_start(struct qemu *q, const struct qemu_config *c, struct vsu_error *err)
{
	char host[VAGENT_KERNEL_PATH];
	const char *kernel = c->kernel;
	struct words w = { .n = 0 };
	int initrd = -1, rc = 0;

	if (!strcmp(kernel, "host")) {
		rc = vagent_host_kernel("/boot", "/lib/modules", host, err);
		kernel = host;
	}
	if (!rc)
		rc = make_initrd(c, &initrd, err);
	if (rc < 0)
		return rc;
	add_machine(&w, kernel, initrd);
	add_ports(&w, c);
	add_root(&w, c->socket);
	rc = execute(q, &w, err);
	close(initrd);
	return rc;
}

void qemu_end(struct qemu *q)
{
	if (q->pid <= 0)
		return;
	kill(q->pid, SIGKILL);
	waitpid(q->pid, NULL, 0);
	close(q->alive);
}
