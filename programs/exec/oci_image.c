/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Unpacks an OCI image, and reads its configuration. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json_read.h>

#include "child/child.h"
#include "confine/keeper.h"
#include "exec/exec_options.h"
#include "exec/oci_image.h"

#define STORAGE "containers-storage:"
#define PULL "'podman pull NAME' fetches an image, and --oci=" STORAGE "NAME runs it"
#define MAX_TEXT (1u << 20)	/* of a configuration */
#define MAX_WORDS 256
#define NS_PER_MS UINT64_C(1000000)

struct words {
	char *list[MAX_WORDS + 1];
	unsigned int n;
};

struct vmm_oci_image {
	char folder[32], root[48]; /* folder is "" until it exists */
	char *source;		/* LAYOUT:TAG */
	int alive;		/* open while this process or a program is */
	uint64_t limit_ms, until_ns; /* of programs; 0: none */
	struct words entrypoint, command, environment, all;
	char *working;		/* folder; or NULL */
	char *user;		/* USER[:GROUP]; or NULL */
	int rc;			/* of reading */
};

/* -------------------------------------------------------------------- programs */

/*
 * Runs in a new process. The program holds out open until it ends. It also inherits a descriptor of
 * alive: its last writer would make the folder again if that were removed before the writer ends.
 */
static void __attribute__((noreturn)) execute_program(const struct vmm_oci_image *i, char *const *words, int out, bool prints)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if ((i->alive >= 0 && dup(i->alive) < 0) || (!prints && dup(out) < 0))
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(prints ? out : null, STDOUT_FILENO);
	execvp(words[0], words);
	_exit(127);
}

static int await_program(pid_t pid, const char *name, struct vsu_error *err)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return vsu_error_sys(err, -errno, "cannot wait for %s", name);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return vsu_error_set(err, -ENOENT, "option --oci requires the program %s; 'apt install %s' installs it", name, name);
	return status ? vsu_error_set(err, -ECANCELED, "option --oci: %s did not succeed", name) : 0;
}

/* Reads up to MAX_TEXT bytes; the caller frees *text. */
static int read_all(int fd, uint64_t until_ns, char **text, struct vsu_error *err)
{
	char *bytes = malloc(MAX_TEXT + 1);
	size_t len = 0;
	ssize_t n = 1;
	int rc = 0;

	if (!bytes)
		return vsu_error_set(err, -ENOMEM, "no memory for the configuration of an image");
	while (len < MAX_TEXT && n) {
		rc = vsu_wait(fd, POLLIN, -1, until_ns, err);
		if (rc < 0)
			break;
		n = read(fd, bytes + len, MAX_TEXT - len);
		if (n < 0 && errno != EINTR)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	bytes[len] = '\0';
	*text = bytes;
	if (rc < 0)
		return rc;
	return n ? vsu_error_set(err, -EBADMSG, "option --oci: the configuration of the image is too long") : 0;
}

/* text: NULL, or receives the output. */
static int await_output(const struct vmm_oci_image *i, const char *name, int fd, char **text, struct vsu_error *err)
{
	const int rc = text ? read_all(fd, i->until_ns, text, err) : vsu_wait(fd, POLLIN, -1, i->until_ns, err);

	return rc == -ETIMEDOUT ? vsu_error_set(err, rc, "option --oci: %s did not end within %g seconds", name, (double)i->limit_ms / 1000) : rc;
}

/* text: NULL, or receives the output. */
static int run_program(const struct vmm_oci_image *i, char *const *words, char **text, struct vsu_error *err)
{
	struct prog_child child = { .pid = -1 };
	int pair[2], rc, ended;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	rc = prog_child_fork(&child, err);
	if (rc > 0)
		execute_program(i, words, pair[1], text != NULL);
	vsu_fd_close(&pair[1]);
	if (!rc)
		rc = await_output(i, words[0], pair[0], text, err);
	vsu_fd_close(&pair[0]);
	if (child.pid < 0)
		return rc;
	if (rc < 0)
		kill(child.pid, SIGKILL);
	ended = await_program(child.pid, words[0], rc < 0 ? NULL : err);
	return rc < 0 ? rc : ended;
}

/* ---------------------------------------------------------------------- folder */

/* Waits for the end of the process and its programs, and removes the folder. Other descriptors would delay the ends of output. */
static void __attribute__((noreturn)) remove_folder(struct vmm_oci_image *i, int alive)
{
	char *const writable[] = { (char *)(uintptr_t)"chmod", (char *)(uintptr_t)"-R", (char *)(uintptr_t)"u+rwX", i->folder, NULL };
	char byte;

	setsid();
	dup2(alive, STDIN_FILENO);
	confine_close_range(STDOUT_FILENO, ~0u);
	i->alive = -1;
	i->until_ns = 0;
	while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR)
		;
	(void)!run_program(i, writable, NULL, NULL);
	execlp("rm", "rm", "-rf", i->folder, (char *)NULL);
	_exit(1);
}

static int make_folder(struct vmm_oci_image *i, struct vsu_error *err)
{
	int pair[2];
	pid_t pid;

	strcpy(i->folder, "/var/tmp/cvmm-image.XXXXXX");
	if (!mkdtemp(i->folder)) {
		i->folder[0] = '\0';
		return vsu_error_sys(err, -errno, "cannot make a folder in /var/tmp");
	}
	snprintf(i->root, sizeof(i->root), "%s/b/rootfs", i->folder);
	if (pipe2(pair, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot make a pipe");
	i->alive = pair[1];
	pid = fork();
	if (!pid)
		remove_folder(i, pair[0]);
	vsu_fd_close(&pair[0]);
	return pid < 0 ? vsu_error_sys(err, -errno, "cannot start a process") : 0;
}

/* ----------------------------------------------------------------------- image */

static char *as_word(const char *text)
{
	return (char *)(uintptr_t)text;
}

/* An image of the storage of podman becomes a layout in the folder. */
static int copy_stored(struct vmm_oci_image *i, const char *name, struct vsu_error *err)
{
	char *to = NULL;
	int rc;

	if (asprintf(&i->source, "%s/layout:image", i->folder) < 0 || asprintf(&to, "oci:%s", i->source) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for the name of an image");
	rc = run_program(i, (char *const[]){ as_word("skopeo"), as_word("copy"), as_word("--quiet"), as_word(name), to, NULL }, NULL, err);
	free(to);
	return rc == -ECANCELED ? vsu_error_set(err, rc, "option --oci '%s': skopeo cannot read it; " PULL, name) : rc;
}

static int check_layout(const char *text, size_t len, struct vsu_error *err)
{
	char *index = NULL;
	int rc;

	if (asprintf(&index, "%.*s/index.json", (int)len, text) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for the name of an image");
	rc = access(index, F_OK);
	free(index);
	return rc < 0 ? vsu_error_set(err, -ENOENT, "option --oci '%s': the folder '%.*s' of an OCI image has no index.json; " PULL, text, (int)len, text) : 0;
}

/* The tag is behind the last colon, unless the whole text is a folder. */
static int name_layout(struct vmm_oci_image *i, const char *text, struct vsu_error *err)
{
	struct stat st;
	const bool is_whole = !stat(text, &st) && S_ISDIR(st.st_mode);
	const char *colon = is_whole ? NULL : strrchr(text, ':');

	if (!*text || (!is_whole && (!colon || !colon[1])))
		return vsu_error_set(err, -ENOENT, "option --oci '%s': no such folder; write LAYOUT[:TAG], or " STORAGE "NAME for an image of podman", text);
	if (strchr(text, ':') != colon)
		return vsu_error_set(err, -EINVAL, "option --oci '%s': skopeo and umoci cannot read a folder with a colon in its name; rename it, or link to it", text);
	if (asprintf(&i->source, "%s%s", text, colon ? "" : ":latest") < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for the name of an image");
	return check_layout(text, colon ? (size_t)(colon - text) : strlen(text), err);
}

static int unpack_image(const struct vmm_oci_image *i, struct vsu_error *err)
{
	char *image = NULL, *bundle = NULL;
	int rc = -ENOMEM;

	if (asprintf(&image, "--image=%s", i->source) >= 0 && asprintf(&bundle, "%s/b", i->folder) >= 0)
		rc = run_program(i, (char *const[]){ as_word("umoci"), as_word("--log=error"), as_word("unpack"), image, geteuid() ? as_word("--rootless") : bundle,
						  geteuid() ? bundle : NULL, NULL }, NULL, err);
	else
		vsu_error_set(err, rc, "no memory for the name of an image");
	free(image);
	free(bundle);
	return rc;
}

/* --------------------------------------------------------------- configuration */

static void keep_word(struct vmm_oci_image *i, struct words *w, const char *value)
{
	char *copy = w->n < MAX_WORDS ? strdup(value) : NULL;

	if (copy)
		w->list[w->n++] = copy;
	else
		i->rc = -E2BIG;
}

static void on_image(void *opaque, const char *path, const char *value, bool is_string)
{
	struct vmm_oci_image *i = opaque;

	if (!is_string)
		return;
	if (vsu_json_match(path, "config.Entrypoint.#", NULL, NULL))
		keep_word(i, &i->entrypoint, value);
	else if (vsu_json_match(path, "config.Cmd.#", NULL, NULL))
		keep_word(i, &i->command, value);
	else if (vsu_json_match(path, "config.Env.#", NULL, NULL) && strchr(value, '='))
		keep_word(i, &i->environment, value);
	else if (!strcmp(path, "config.WorkingDir") && *value == '/' && !i->working)
		i->working = strdup(value);
	else if (!strcmp(path, "config.User") && *value && !i->user)
		i->user = strdup(value);
}

static int read_config(struct vmm_oci_image *i, char *text, struct vsu_error *err)
{
	const int rc = vsu_json_walk(text, on_image, i, err);

	free(text);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --oci: the configuration of the image");
	return i->rc < 0 ? vsu_error_set(err, -E2BIG, "option --oci: the configuration of the image has too many words") : 0;
}

static int read_image(struct vmm_oci_image *i, struct vsu_error *err)
{
	char *from = NULL, *text = NULL;
	int rc;

	if (asprintf(&from, "oci:%s", i->source) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for the name of an image");
	rc = run_program(i, (char *const[]){ as_word("skopeo"), as_word("inspect"), as_word("--config"), from, NULL }, &text, err);
	free(from);
	if (rc < 0)
		free(text);
	return rc < 0 ? rc : read_config(i, text, err);
}

/* ---------------------------------------------------------------------- options */

/* A given command replaces that of the image, behind the entrypoint. */
static int set_command(struct vmm_oci_image *i, struct vmm_exec_options *o, struct vsu_error *err)
{
	char *const *rest = *o->command ? o->command : i->command.list;
	unsigned int n;

	for (n = 0; n < i->entrypoint.n; n++)
		i->all.list[i->all.n++] = i->entrypoint.list[n];
	for (; *rest && i->all.n < MAX_WORDS; rest++)
		i->all.list[i->all.n++] = *rest;
	if (*rest)
		return vsu_error_set(err, -E2BIG, "the command has more than %d words", MAX_WORDS);
	if (!i->all.n)
		return vsu_error_set(err, -ENOENT, "the image has no command; write one behind the options");
	o->command = i->all.list;
	return 0;
}

/* Settings of --env follow those of the image, and prevail. */
static int set_variables(const struct vmm_oci_image *i, struct vmm_exec_options *o, struct vsu_error *err)
{
	unsigned int n;

	if (o->nsettings + i->environment.n > VMM_EXEC_MAX_SETTINGS)
		return vsu_error_set(err, -E2BIG, "the image and --env have more than %d variables", VMM_EXEC_MAX_SETTINGS);
	memmove(o->settings + i->environment.n, o->settings, o->nsettings * sizeof(o->settings[0]));
	for (n = 0; n < i->environment.n; n++)
		o->settings[n] = i->environment.list[n];
	o->nsettings += i->environment.n;
	return 0;
}

static int open_image(struct vmm_oci_image *i, struct vmm_exec_options *o, struct vsu_error *err)
{
	int rc = make_folder(i, err);

	i->limit_ms = o->timeout_ms;
	i->until_ns = o->timeout_ms ? vsu_now_ns() + o->timeout_ms * NS_PER_MS : 0;
	if (!rc)
		rc = !strncmp(o->oci, STORAGE, strlen(STORAGE)) ? copy_stored(i, o->oci, err) : name_layout(i, o->oci, err);
	rc = rc < 0 ? rc : read_image(i, err);
	rc = rc < 0 ? rc : unpack_image(i, err);
	rc = rc < 0 ? rc : set_command(i, o, err);
	rc = rc < 0 ? rc : set_variables(i, o, err);
	if (rc < 0)
		return rc;
	o->root = i->root;
	o->folder = o->folder ? o->folder : i->working ? i->working : "/";
	o->user = o->user ? o->user : i->user;
	return 0;
}

int vmm_oci_image_open(struct vmm_oci_image **out, struct vmm_exec_options *o, struct vsu_error *err)
{
	struct vmm_oci_image *i = calloc(1, sizeof(*i));
	int rc;

	if (!i)
		return vsu_error_set(err, -ENOMEM, "no memory for an image");
	i->alive = -1;
	rc = open_image(i, o, err);
	if (rc < 0)
		vmm_oci_image_close(i);
	else
		*out = i;
	return rc;
}

static void free_words(struct words *w)
{
	while (w->n)
		free(w->list[--w->n]);
}

void vmm_oci_image_close(struct vmm_oci_image *i)
{
	if (!i)
		return;
	free_words(&i->entrypoint);
	free_words(&i->command);
	free_words(&i->environment);
	free(i->working);
	free(i->user);
	free(i->source);
	vsu_fd_close(&i->alive);
	free(i);
}
