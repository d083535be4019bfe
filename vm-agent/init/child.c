/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A process from its begin to its program. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "init/guest.h"
#include "files/pack.h"

#define PRESET_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* -------------------------------------------------------------------- terminal */

/* Programs of the first process expect the terminal also as the console. */
static void mount_console(const char *name)
{
	const int fd = open("/dev/console", O_WRONLY | O_CREAT | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return;
	close(fd);
	(void)!mount(name, "/dev/console", NULL, MS_BIND, NULL);
}

/* Returns the descriptor of the program; the agent receives the other end. */
static int make_terminal(const struct guest_order *o)
{
	const struct winsize size = {
		.ws_row = (unsigned short)o->request.rows, .ws_col = (unsigned short)o->request.columns,
	};
	const struct guest_report report = { .kind = REPORT_TERMINAL };
	const int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	char name[64];
	int fd;

	if (master < 0 || unlockpt(master) < 0 || ptsname_r(master, name, sizeof(name)))
		vagent_priv_child_fail(VAGENT_FAILED, "cannot make a terminal: %s", strerror(errno));
	ioctl(master, TIOCSWINSZ, &size);
	fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot open the terminal %s: %s", name, strerror(errno));
	vagent_priv_child_report(&report, master);
	close(master);
	if (o->is_first)
		mount_console(name);
	return fd;
}

static void take_streams(const struct guest_order *o)
{
	const int terminal = o->request.terminal ? make_terminal(o) : -1;
	int fd;

	setsid();
	if (terminal >= 0)
		ioctl(terminal, TIOCSCTTY, 0);
	dup2(terminal >= 0 ? terminal : o->in, STDIN_FILENO);
	dup2(terminal >= 0 ? terminal : o->out, STDOUT_FILENO);
	dup2(terminal >= 0 ? terminal : o->err, STDERR_FILENO);
	/* programs open /dev/stdout */
	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		(void)!fchown(fd, o->rights.user, (gid_t)-1);
}

/* --------------------------------------------------------------------- program */

static const char *value_of(char **environment, const char *name)
{
	const size_t len = strlen(name);

	for (; *environment; environment++)
		if (!strncmp(*environment, name, len) && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

/* 0, or the errno of an attempt to execute a file. */
static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return errno;
	if (!S_ISREG(st.st_mode))
		return EACCES;
	return eaccess(path, X_OK) < 0 ? errno : 0;
}

/* A file that exists but cannot be executed is reported if no other one is found. */
static int search_program(const char *name, const char *folders, char path[PATH_MAX])
{
	int code, found = ENOENT;

	for (;; folders++) {
		const int len = (int)strcspn(folders, ":");

		if (snprintf(path, PATH_MAX, "%.*s%s%s", len, folders, len ? "/" : "./", name) < PATH_MAX) {
			code = check_file(path);
			if (!code)
				return 0;
			found = code == EACCES ? code : found;
		}
		folders += len;
		if (!*folders)
			return found;
	}
}

/* Programs of the agent, which need nothing of the root. */
static const struct {
	const char *name;
	bool reads;
} own_programs[] = { { "pack", false }, { "unpack", true } };

static void run_own(const struct guest_order *o, bool reads) __attribute__((noreturn));
static void run_own(const struct guest_order *o, bool reads)
{
	const char *path = o->request.argv[0];
	struct vagent_priv_pack_failure why;
	const int rc = reads ? vagent_priv_pack_read(STDIN_FILENO, path, NULL, 07777, &why) : vagent_priv_pack_write(STDOUT_FILENO, path, &why);

	if (rc < 0)
		dprintf(STDERR_FILENO, "%s\n", why.text);
	_exit(rc < 0);
}

static unsigned int find_own(const char *name)
{
	unsigned int i;

	for (i = 0; i < sizeof(own_programs) / sizeof(own_programs[0]); i++)
		if (!strcmp(own_programs[i].name, name))
			return i;
	vagent_priv_child_fail(VAGENT_NOT_FOUND, "the agent has no program %.64s", name);
}

/* A path that was cut could be that of another program. */
static int take_path(const char *name, char path[PATH_MAX])
{
	return snprintf(path, PATH_MAX, "%s", name) < PATH_MAX ? check_file(path) : ENAMETOOLONG;
}

/* An interpreter that a file names may be absent as well. */
static enum vagent_how how_of(int code)
{
	return code == ENOENT || code == ENOTDIR ? VAGENT_NOT_FOUND : VAGENT_NOT_EXECUTED;
}

static void find_program(const struct guest_order *o, char path[PATH_MAX])
{
	const char *name = o->request.argv[0], *folders = value_of(o->request.envp, "PATH");
	const bool is_path = strchr(name, '/');
	int code;

	code = is_path ? take_path(name, path) : *name ? search_program(name, folders ? folders : PRESET_PATH, path) : ENOENT;
	if (code == ENOENT && !is_path)
		vagent_priv_child_fail(VAGENT_NOT_FOUND, "%.300s: executable file not found in $PATH", name);
	if (code)
		vagent_priv_child_fail(how_of(code), "%.300s: %s", name, strerror(code));
}

/* The working folder of a container's first process is made, before the root may become read-only. */
static void enter_folder(const struct guest_order *o)
{
	const char *folder = o->request.cwd ? o->request.cwd : "/";

	if (o->is_first && access(folder, F_OK) < 0)
		(void)vagent_priv_child_make_folders(folder);
	if (o->is_first)
		vagent_priv_child_seal_root(o->container);
	if (chdir(folder) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot enter the folder %.300s: %s", folder, strerror(errno));
}

/* The agent sends one byte; without it, it has closed its end. */
static void await_start(int report)
{
	const struct guest_report prepared = { .kind = REPORT_PREPARED };
	ssize_t n = -1;
	char byte;

	vagent_priv_child_report(&prepared, -1);
	while (n < 0) {
		n = recv(report, &byte, 1, 0);
		if (n < 0 && errno != EINTR)
			_exit(127);
	}
	if (!n)
		_exit(127);
}

/*
 * Until it executes the program, this process has memory and descriptors of the agent. Processes of the
 * container that it joins must not trace it.
 */
static void hide_agent(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		vagent_priv_child_fail(VAGENT_FAILED, "cannot set PR_SET_DUMPABLE: %s", strerror(errno));
}

void vagent_priv_child_run(struct guest_order *o, int report)
{
	char program[PATH_MAX], **environment;
	unsigned int own = 0;
	sigset_t none;

	vagent_priv_child_set_report(report);
	hide_agent();
	vagent_priv_child_begin_rights(&o->rights);
	vagent_priv_child_enter_container(o->container);
	vagent_priv_child_find_user(o);
	take_streams(o);
	enter_folder(o);
	environment = vagent_priv_child_environment(&o->request, o->rights.user);
	vagent_priv_child_take_rights(&o->rights);
	if (o->request.own)
		own = find_own(o->request.own);
	else
		find_program(o, program);
	await_start(report);
	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	vagent_priv_child_end_rights(&o->rights);
	if (o->request.own) {
		close(report);	/* as execve() does */
		run_own(o, own_programs[own].reads);
	}
	if (o->container->number == VAGENT_ITSELF)	/* as env(1): a script may lack its "#!" */
		execvpe(program, o->request.argv, environment);
	else
		execve(program, o->request.argv, environment);
	vagent_priv_child_fail(how_of(errno), "%.300s: %s", o->request.argv[0], strerror(errno));
}
