/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The console of the machine: where it goes, its ports and its interrupt. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "legacy/port_numbers.h"
#include "machine/console.h"

static void on_serial_interrupt(void *opaque)
{
	struct vmm_machine *m = opaque;

	vsu_event_signal(m->serial_irq_fd);
}

static void on_leave(void *opaque)
{
	struct vmm_machine *m = opaque;

	vmm_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
}

static void on_tell(void *opaque)
{
	const struct vmm_machine *m = opaque;

	fprintf(stderr, "cvmm: %u CPUs, %u devices, %" PRIu64 " bytes of the console lost; Ctrl-A x ends the machine\n",
		m->options->cpus, m->ndevices,
		vmm_console_dropped(m->console));
}

static bool folder_is_writable(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX] = ".";

	if (slash && (size_t)(slash - path) + 2 > sizeof(folder))
		return false;
	if (slash)
		snprintf(folder, sizeof(folder), "%.*s",
			 (int)(slash - path) + 1, path);
	return !faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS);
}

/* A dry run neither makes the file nor empties it. */
static int open_console_file(struct vmm_machine *m, const char *path,
			     struct vsu_error *err)
{
	const int flags = O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

	m->console_out = open(path, m->options->dry_run ? flags :
			      flags | O_CREAT | O_TRUNC, 0666);
	if (m->console_out < 0 && errno == ENOENT && m->options->dry_run &&
	    folder_is_writable(path))
		return 0;
	if (m->console_out < 0)
		return vsu_error_sys(err, -errno,
			"option --console: cannot open '%s'", path);
	m->close_console = true;
	return 0;
}

static int open_console(struct vmm_machine *m, struct vsu_error *err)
{
	const char *where = m->options->console;

	m->console_in = m->console_out = -1;
	if (!where || !strcmp(where, "stdio")) {
		m->console_in = STDIN_FILENO;
		m->console_out = STDOUT_FILENO;
	} else if (strcmp(where, "null")) {
		return open_console_file(m, where, err);
	}
	return 0;
}

int vmm_machine_open_console(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_console_config config = {
		.interrupt = on_serial_interrupt, .leave = on_leave,
		.tell = on_tell, .opaque = m,
	};
	const struct vmm_range range = {
		VMM_PORT_SERIAL, VMM_PORT_SERIAL_LEN, "serial port", vmm_console_access, NULL,
	};
	struct vmm_range placed = range;
	int rc = open_console(m, err);

	if (rc < 0)
		return rc;
	config.in_fd = m->console_in;
	config.out_fd = m->console_out;
	m->serial_irq_fd = vsu_event_new();
	if (m->serial_irq_fd < 0)
		return vsu_error_sys(err, m->serial_irq_fd, "console");
	rc = vmm_console_new(&config, &m->console, err);
	placed.opaque = m->console;
	if (!rc)
		rc = vmm_bus_add(&m->ports, &placed, err);
	return rc ? rc : vmm_kvm_irqfd(&m->kvm, m->serial_irq_fd,
				       VMM_SERIAL_IRQ, true, err);
}
