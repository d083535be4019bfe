/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A command in a guest of QEMU, by libvm-agent alone: with the three streams of this program. Ends with its
 * status. The root of the guest is the folder that a back-end of vhost-user-fs shares, such as virtiofsd; its
 * writes stay in the guest's memory.
 *
 *	qemu-exec KERNEL MODULES INIT SOCKET COMMAND [WORD...]
 *
 *	KERNEL	a file, or "host" for that of this host
 *	MODULES	the folder of its modules, or "none" if all are built in
 *	INIT	the installed cvmm-init
 *	SOCKET	of the back-end
 *
 * QEMU runs with KVM, or without it if ACCEL=tcg is in the environment.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/initrd.h>
#include <vm-agent/request.h>
#include <vm-agent/session.h>

#define QEMU "qemu-system-x86_64"
#define MEMORY "512M"
#define MAX_WORDS 64
#define CMDLINE "console=ttyS0 quiet panic=-1 " VAGENT_WORD

/* QEMU, and the end of a pipe that QEMU keeps open. */
struct qemu {
	pid_t pid;
	int alive;
};

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

static int make_initrd(const char *modules, const char *init, int *fd, struct vsu_error *err)
{
	static const char *const required[] = { "virtio_pci", "virtio_console", "virtiofs", "overlay", NULL };
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd), .init = init, .modules = modules, .names = required, .boot = "/boot",
	};

	return vagent_initrd_make(&initrd, fd, err);
}

static int make_session(const char *const *words, struct vagent_session **session, struct vsu_error *err)
{
	const struct vagent_command command = { .size = sizeof(command), .words = words };
	struct vagent_session_config config = {
		.size = sizeof(config), .in = 0, .out = 1, .err = 2, .timeout_ms = 120000,
	};
	struct vagent_request request = { NULL, 0, 0 };
	int rc = vagent_request_add_command(&request, &command, err);

	vagent_request_add(&request, 'R', "ro");
	if (!rc)
		rc = vagent_request_check(&request, err);
	config.request = request.records;
	config.request_len = request.len;
	if (!rc)
		rc = vagent_session_new(session, &config, err);
	vagent_request_free(&request);
	return rc;
}

/* The guest's ends of the session are ports of a console device, in the order of their names. */
static void add_ports(struct words *w, const struct vagent_session *session)
{
	static const char *const names[] = { VAGENT_PORT_NAMES };
	int i, fd;

	add(w, "-device");
	add(w, "virtio-serial-pci,max_ports=%d", VAGENT_PORTS + 1);
	for (i = 0; i < VAGENT_PORTS; i++) {
		fd = vagent_session_port(session, (enum vagent_port)i);
		fcntl(fd, F_SETFD, 0);
		add(w, "-chardev");
		add(w, "socket,id=port%d,fd=%d", i, fd);
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

static int start_qemu(struct qemu *q, struct words *w)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return -1;
	q->pid = fork();
	if (!q->pid) {
		fcntl(pair[1], F_SETFD, 0);
		execvp(QEMU, w->word);
		perror("qemu-exec: " QEMU);
		_exit(VAGENT_STATUS_FAILED);
	}
	close(pair[1]);
	q->alive = pair[0];
	return q->pid < 0 ? -1 : 0;
}

/* The command's status. A machine that ends before it does is a failure. */
static int run_session(struct vagent_session *session, const struct qemu *q, struct vsu_error *why)
{
	struct pollfd ready[] = {
		{ .fd = vagent_session_fd(session), .events = POLLIN }, { .fd = q->alive, .events = POLLIN },
	};

	vagent_session_close_ports(session);
	while (vagent_session_dispatch(session)) {
		if (ready[1].revents) {
			vsu_error_set(why, -ECANCELED, "the machine ended before its command");
			return VAGENT_STATUS_FAILED;
		}
		poll(ready, 2, -1);
	}
	return vagent_session_status(session, why);
}

static int run(const char *kernel, char **argv, struct vsu_error *err)
{
	struct vagent_session *session = NULL;
	struct words w = { .n = 0 };
	struct qemu q = { -1, -1 };
	int initrd = -1, status = VAGENT_STATUS_FAILED;

	if (make_initrd(argv[2], argv[3], &initrd, err) < 0 ||
	    make_session((const char *const *)argv + 5, &session, err) < 0)
		return status;
	add_machine(&w, kernel, initrd);
	add_ports(&w, session);
	add_root(&w, argv[4]);
	if (start_qemu(&q, &w) == 0)
		status = run_session(session, &q, err);
	else
		vsu_error_set(err, -EAGAIN, "cannot start " QEMU);
	if (q.pid > 0) {
		kill(q.pid, SIGKILL);	/* a guest that has sent everything has nothing to save */
		waitpid(q.pid, NULL, 0);
	}
	vagent_session_free(session);
	return status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	char host[VAGENT_KERNEL_PATH];
	const char *kernel = argc > 1 ? argv[1] : "";
	int status = VAGENT_STATUS_FAILED;

	if (argc < 6) {
		fprintf(stderr, "usage: qemu-exec KERNEL|host MODULES|none INIT SOCKET COMMAND [WORD...]\n");
		return status;
	}
	signal(SIGPIPE, SIG_IGN);
	if (strcmp(kernel, "host") != 0)
		status = run(kernel, argv, &err);
	else if (vagent_host_kernel("/boot", "/lib/modules", host, &err) == 0)
		status = run(host, argv, &err);
	if (err.msg[0])
		fprintf(stderr, "qemu-exec: %s\n", err.msg);
	return status;
}
