/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Waits for the end of an emulated guest's command. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <vm-arch/kernel.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "exec/emulation.h"
#include "exec/exec_beside.h"
#include "exec/exec_emulated.h"
#include "exec/waiting.h"
#include "common/spawn/spawn.h"

enum { QEMU_END = VMM_WAITING_OTHERS, EVENTS, WATCHED };

/* ------------------------------------------ files that QEMU refuses in words of its own */

/* The setup header of the Linux/x86 boot protocol. */
#define MAGIC_AT 0x202
#define MAGIC "HdrS"

static int check_kernel(const char *path, struct vsu_error *err)
{
	char head[MAGIC_AT + sizeof(MAGIC)] = "";
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	const ssize_t n = fd < 0 ? -errno : vsu_fd_pread_full(fd, head, sizeof(head) - 1, 0);

	vsu_fd_close(&fd);
	if (n < 0)
		return vsu_error_sys(err, (int)n, "option --kernel: cannot read '%s'", path);
	return memcmp(head + MAGIC_AT, MAGIC, strlen(MAGIC)) && memcmp(head, "\177ELF", 4) ?
	       vsu_error_set(err, -EBADMSG, "option --kernel '%s': not a Linux kernel (neither bzImage nor ELF)", path) : 0;
}

/* QEMU opens it again. A pipe has no reader yet. */
static int check_log(const char *path, struct vsu_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0666);
	const int rc = fd < 0 && errno != ENXIO ? -errno : 0;

	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_sys(err, rc, "option --log: cannot open '%s'", path) : 0;
}

static int check_files(const struct vmm_exec_options *o, struct vsu_error *err)
{
	const int rc = o->kernel ? check_kernel(o->kernel, err) : 0;

	return rc < 0 || !o->log ? rc : check_log(o->log, err);
}

/* ----------------------------------------------------------------- the guest */

static int make_config(struct vmm_emulation_config *c, const struct vmm_exec_machine *m,
		       const struct vmm_exec_options *o, struct vsu_error *err)
{
	if (strcmp(VARCH_NAME, "x86-64") != 0)
		return vsu_error_set(err, -EOPNOTSUPP, "option --emulate is for x86-64, and this is a host of " VARCH_NAME "; use one with /dev/kvm");
	if (vsu_parse_size(o->memory, &c->memory) < 0 || c->memory < 1u << 20)
		return vsu_error_set(err, -EINVAL, "option --memory '%s': with --emulate this is a size of at least 1M", o->memory);
	if (o->npieces)
		return vsu_error_set(err, -EINVAL, "option --memory '%s': with --emulate there is one piece of memory; leave this one out", o->pieces[0]);
	if (o->kernel && varch_kernel_name_is_builtin(o->kernel) > 0)
		return vsu_error_set(err, -EINVAL, "option --kernel '%s': with --emulate this is a Linux kernel; built-in ones need KVM only", o->kernel);
	c->parts = m->parts;
	c->cpus = (unsigned int)o->cpus;
	c->tap = o->network.kind == VMM_EXEC_NET_TAP ? o->network.tap : NULL;
	c->net = m->passt.fd;
	c->mac = o->network.mac;
	c->block = o->network.block;
	c->log = o->log;
	c->daemons = o->daemons ? o->daemons : vmm_spawn_default_folder();
	return 0;
}

/* Output that QEMU had passed on is taken before its end is reported. */
static void wait_for_end(struct vmm_emulation *e, const struct vmm_beside *beside, int signals,
			 struct vsu_error *err)
{
	struct pollfd p[WATCHED] = {
		[VMM_WAITING_SIGNALS] = { .fd = signals },
		[QEMU_END] = { .fd = e->end_fd, .events = POLLIN },
		[EVENTS] = { .events = POLLIN },
	};

	do {
		if (p[EVENTS].revents)
			vmm_emulation_read(e);
		if (p[QEMU_END].revents && !p[VMM_WAITING_SESSION].revents) {
			vmm_emulation_end(e, "--log=FILE", err);
			return;
		}
		p[EVENTS].fd = e->events;	/* -1 is ignored */
	} while (vmm_waiting_turn(beside, p, WATCHED, err));
}

int vmm_exec_emulated_run(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			  struct vsu_error *err)
{
	const struct vmm_beside beside = vmm_exec_machine_beside(m);
	struct vmm_emulation_config c = { .parts = NULL };
	struct vmm_emulation e = VMM_EMULATION_INIT;
	int signals = -1;
	int rc = make_config(&c, m, o, err);

	rc = rc < 0 ? rc : check_files(o, err);
	rc = rc < 0 ? rc : vmm_waiting_signals(&signals, err);
	rc = rc < 0 ? rc : vmm_emulation_start(&e, &c, err);
	rc = rc < 0 ? rc : vmm_waiting_confine(err);
	if (!rc)
		wait_for_end(&e, &beside, signals, err);
	vmm_emulation_free(&e);
	vsu_fd_close(&signals);
	return rc < 0 ? VAGENT_STATUS_FAILED : vmm_exec_machine_status(m, 0, err);
}
