/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The serial console: its destination, ports and interrupt. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <device-kinds/port_log.h>
#include <device-kinds/socket_access.h>
#include <virtio-devices/console.h>
#include <virtio-devices/port.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/file_value.h>

#include "owner/owner.h"
#include "run/console.h"
#include "transfer/incoming.h"

static void on_serial_interrupt(void *opaque)
{
	struct vmm_machine *m = opaque;

	vsu_event_signal(m->serial_irq_fd);
}

static void on_leave(void *opaque)
{
	struct vmm_machine *m = opaque;

	varch_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
}

/* Counts devices, without free slots. */
static unsigned int count_devices(const struct vmm_machine *m)
{
	unsigned int i, n = 0;

	for (i = 0; i < m->ndevices; i++)
		n += m->devices[i].virtio != NULL;
	return n;
}

static void on_tell(void *opaque)
{
	const struct vmm_machine *m = opaque;
	char line[128];

	if (!m->owner.tell)
		return;
	snprintf(line, sizeof(line), "%u CPUs, %u devices, %" PRIu64 " bytes of the console lost; Ctrl-A x ends the machine",
		 varch_cpus_number(m->cpus), count_devices(m), vmm_console_dropped(m->console));
	m->owner.tell(m->owner.opaque, line);
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

/* A descriptor that was passed; a guest's output would be lost. */
static int check_writable(int fd, const char *text, struct vsu_error *err)
{
	const int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY && !(flags & O_PATH) ? 0 :
	       vsu_error_set(err, -EBADF, "option --serial: '%s' is not open for writing", text);
}

/* A dry run neither creates nor truncates the file. */
static int open_console_file(struct vmm_machine *m, const char *path,
			     struct vsu_error *err)
{
	const int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY;
	int fd = vsu_file_value_open(path, m->start->dry_run ? flags : flags | O_CREAT | O_TRUNC);

	if (fd == -ENOENT && m->start->dry_run && folder_is_writable(path))
		return 0;
	if (fd < 0)
		return vsu_error_sys(err, fd, "option --serial: cannot open '%s'", path);
	m->console_out = fd;
	m->close_console = true;
	return check_writable(fd, path, err);
}

static int open_socket(const struct vmm_machine *m, const char *path,
		       struct virtdev_port **out, struct vsu_error *err)
{
	struct virtdev_port *port;
	int rc = virtdev_port_socket_new(path, &port, err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --serial");
	rc = devkind_socket_access_apply(&m->process.sockets, path, err);
	if (rc < 0)
		virtdev_port_free(port);
	else
		*out = port;
	return rc;
}

static int open_pty(const struct vmm_machine *m, struct virtdev_port **out, struct vsu_error *err)
{
	char where[64];
	int rc = virtdev_port_pty_new(out, where, sizeof(where), err);

	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --serial");
	vmm_log(&m->process.log, CVMM_LOG_WARNING, NULL, "serial port is on %s", where);
	return 0;
}

static int open_console(struct vmm_machine *m, struct virtdev_port **port, struct vsu_error *err)
{
	const struct vmm_serial_end *end = &m->config->serial;

	m->console_in = m->console_out = -1;
	if (m->stdio && end->how == VMM_SERIAL_STDIO)
		return vsu_error_set(err, -EINVAL,
				     "option --serial: a console uses standard input and output; leave --serial out, or put one of them elsewhere");
	if (end->how == VMM_SERIAL_FILE)
		return open_console_file(m, end->path, err);
	if (end->how == VMM_SERIAL_SOCKET)
		return open_socket(m, end->path, port, err);
	if (end->how == VMM_SERIAL_PTY)
		return open_pty(m, port, err);
	if (end->how == VMM_SERIAL_STDIO || (end->how == VMM_SERIAL_DEFAULT && !m->stdio)) {
		m->console_in = m->process.in_fd;
		m->console_out = m->process.out_fd;
	}
	return 0;
}

int vmm_machine_check_serial(struct vmm_machine *m, struct vsu_error *err)
{
	if (m->process.out_fd >= 0 || m->config->serial.how != VMM_SERIAL_STDIO)
		return 0;
	return vsu_error_set(err, -EINVAL,
			     "option --serial: the program of this machine gives it no standard input and output; name a file, or null");
}

static void on_log_failure(void *opaque, const char *text)
{
	const struct vmm_machine *m = opaque;

	vmm_log(&m->process.log, CVMM_LOG_WARNING, "serial log", "%s", text);
}

/* NULL: none. The source of a migration has the file locked until it ends. */
static int open_log(struct vmm_machine *m, struct devkind_port_log **out, struct vsu_error *err)
{
	const struct devkind_port_log_config config = {
		.path = m->config->serial.log, .size = m->config->serial.log_size,
		.shared = vmm_incoming_is_open(m), .trial = m->start->dry_run,
		.warn = on_log_failure, .opaque = m,
	};
	int rc = config.path ? devkind_port_log_open(&config, out, err) : 0;

	return rc < 0 ? vsu_error_prefix(err, rc, "option --serial-log") : 0;
}

/* Frees its port and log if it fails. */
static int make_console(struct vmm_machine *m, struct vmm_console_config *config,
			struct vsu_error *err)
{
	int rc = m->serial_irq_fd = vsu_event_new();

	if (rc < 0)
		vsu_error_sys(err, rc, "console");
	else
		rc = open_log(m, &config->log, err);
	rc = rc < 0 ? rc : vmm_console_new(config, &m->console, err);
	if (rc < 0) {
		devkind_port_log_close(config->log);
		virtdev_port_free(config->port);
		return rc;
	}
	m->console_in = vmm_console_in_fd(m->console);
	return 0;
}

int vmm_machine_open_console(struct vmm_machine *m, struct vsu_error *err)
{
	struct vmm_console_config config = {
		.interrupt = on_serial_interrupt, .leave = on_leave,
		.tell = on_tell, .opaque = m,
	};
	const struct varch_range range = {
		VARCH_SERIAL_AT, VARCH_SERIAL_REGISTERS_LEN, "serial port", vmm_console_access, NULL,
	};
	struct varch_range placed = range;
	int rc = open_console(m, &config.port, err);

	if (rc < 0)
		return rc;
	config.in_fd = m->console_in;
	config.out_fd = m->console_out;
	rc = make_console(m, &config, err);
	placed.opaque = m->console;
	if (!rc)
		rc = varch_bus_add(vmm_machine_registers(m), &placed, err);
	return rc ? rc : varch_vm_irqfd(&m->kvm, m->serial_irq_fd,
				       VARCH_SERIAL_IRQ, true, err);
}

/* --------------------------------------------------- a console device on stdio */

static void on_want(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (m->watch.keys.fn)
		vsu_io_start(m->loop, &m->watch.keys);
}

int vmm_machine_open_stdio(void *machine, struct virtdev_port **out,
			   struct vsu_error *err)
{
	struct vmm_machine *m = machine;
	const struct vsu_terminal terminal = {
		.quit = on_leave, .info = on_tell, .opaque = m,
	};
	int rc;

	if (m->process.out_fd < 0)
		return vsu_error_set(err, -EINVAL,
				     "option --console: the program of this machine gives it no standard input and output; name a socket or a file");
	if (m->stdio)
		return vsu_error_set(err, -EINVAL,
				     "option --console: two consoles use standard input and output; put one of them elsewhere");
	rc = devkind_stdio_new(m->process.in_fd, m->process.out_fd, &terminal, on_want,
			   &m->stdio, err);
	return rc ? rc : devkind_stdio_port(m->stdio, out, err);
}

/* The guest receives the terminal's size as soon as its driver is ready. */
void vmm_machine_resize_stdio(struct vmm_machine *m)
{
	struct vmm_virtio *v = m->stdio_device ? m->stdio_device->virtio : NULL;
	uint16_t cols, rows;

	if (!v || !devkind_stdio_size(m->stdio, &cols, &rows))
		return;
	vmm_virtio_lock(v);
	if (virtdev_console_resize(virtdev_transport_device(
					   vmm_virtio_transport(v)),
				   0, cols, rows) < 0)
		vmm_log(&m->process.log, CVMM_LOG_WARNING, "size", "no console to resize");
	vmm_virtio_unlock(v);
}

void vmm_machine_suspend_terminal(struct vmm_machine *m)
{
	if (m->console)
		vmm_console_suspend(m->console);
	devkind_stdio_suspend(m->stdio);
}

static void watch_input(struct vmm_machine *m)
{
	if (m->watch.input.fn && m->console_in >= 0 && vmm_console_wants_input(m->console))
		vsu_io_start(m->loop, &m->watch.input);
	if (m->watch.keys.fn && devkind_stdio_wants(m->stdio))
		vsu_io_start(m->loop, &m->watch.keys);
}

void vmm_machine_resume_terminal(struct vmm_machine *m)
{
	if (m->console)
		vmm_console_resume(m->console);
	devkind_stdio_resume(m->stdio);
	vmm_machine_resize_stdio(m);
	watch_input(m);
}

static void on_keys(void *opaque)
{
	struct vmm_machine *m = opaque;

	if (!devkind_stdio_input(m->stdio) || !devkind_stdio_wants(m->stdio))
		vsu_io_stop(&m->watch.keys);
}

void vmm_machine_watch_stdio(struct vmm_machine *m)
{
	if (!m->stdio_device)
		return;
	vsu_io_init(&m->watch.keys, on_keys, m, m->process.in_fd, VSU_IO_READ);
	vsu_io_start(m->loop, &m->watch.keys);
	vmm_machine_resize_stdio(m);
}

void vmm_machine_unwatch_stdio(struct vmm_machine *m)
{
	if (!m->stdio_device)
		return;
	vsu_io_stop(&m->watch.keys);
}
