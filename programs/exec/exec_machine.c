/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes the machine of "cvmm exec" from its options and this process. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vm-arch/kernel.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/text.h>

#include "common/helpers.h"
#include "exec/environment.h"
#include "exec/exec_machine.h"
#include "exec/named.h"
#include "exec/template_command.h"

/* A configuration, and the texts that it refers to. */
struct draft {
	struct cvmm_exec_config config;
	struct cvmm_exec_folder folders[VMM_EXEC_MAX_FOLDERS];
	char *texts[VMM_EXEC_MAX_FOLDERS + VMM_EXEC_MAX_PIECES + 1]; /* allocated */
	unsigned int ntexts;
	struct vmm_exec_environment environment;
	char root[PATH_MAX], here[PATH_MAX], folder[PATH_MAX];
	const char *options[VMM_EXEC_MAX_PIECES + 1];
	unsigned int noptions;
	struct cvmm_exec_network network;
	char card[VMM_PASST_CARD];
	int streams[3];
};

/* Takes a text, which may be NULL for lack of memory. */
static const char *keep_text(struct draft *d, char *text)
{
	if (text)
		d->texts[d->ntexts++] = text;
	return text;
}

/* ------------------------------------------------------------------ folders */

/* Words behind a folder, whose name may have commas. */
static const struct folder_word {
	const char *text;
	size_t at;		/* of a member */
} folder_words[] = {
	{ "rw", offsetof(struct cvmm_exec_folder, writable) },
	{ "suid", offsetof(struct cvmm_exec_folder, suid) },
	{ "dev", offsetof(struct cvmm_exec_folder, dev) },
};

/* The member of the last word, which is not set yet; NULL: the text is a path. */
static bool *word_member(struct cvmm_exec_folder *f, const char *comma)
{
	bool *member;
	size_t i;

	for (i = 0; comma && i < sizeof(folder_words) / sizeof(folder_words[0]); i++) {
		member = (bool *)(void *)((char *)f + folder_words[i].at);
		if (!strcmp(comma + 1, folder_words[i].text) && !*member)
			return member;
	}
	return NULL;
}

static int add_folder(struct draft *d, const char *path, struct vsu_error *err)
{
	struct cvmm_exec_folder *f = &d->folders[d->config.nfolders];

	f->path = keep_text(d, strdup(path));
	if (!f->path)
		return vsu_error_set(err, -ENOMEM, "no memory for a path");
	d->config.nfolders++;
	return 0;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

/* "FOLDER:TARGET", as container engines have it. */
static int refuse_absent(const char *given, int rc, struct vsu_error *err)
{
	const size_t len = strcspn(given, ":");
	char source[PATH_MAX];

	snprintf(source, sizeof(source), "%.*s", (int)len, given);
	return given[len] && is_folder(source) ?
	       vsu_error_set(err, rc, "option --dir: '%s': the command finds a folder at its own path; write --dir=%s", given, source) :
	       vsu_error_sys(err, rc, "option --dir: '%s'", given);
}

static int share_folder(struct draft *d, const char *text, struct vsu_error *err)
{
	char given[PATH_MAX], path[PATH_MAX], *comma;
	struct cvmm_exec_folder *f = &d->folders[d->config.nfolders];
	bool *member;

	snprintf(given, sizeof(given), "%s", text);
	while ((member = word_member(f, comma = strrchr(given, ',')))) {
		*member = true;
		*comma = '\0';
	}
	if (!realpath(given, path))
		return refuse_absent(given, -errno, err);
	if (!is_folder(path))
		return vsu_error_set(err, -ENOTDIR, "option --dir: '%s' is not a folder; share the one that it is in", given);
	return add_folder(d, path, err);
}

/* Whether a folder of the host is this one or in it. */
static bool is_within(const char *path, const char *folder)
{
	const size_t len = strlen(folder);

	return !strncmp(path, folder, len) && (path[len] == '/' || !path[len]);
}

/* Whether the guest has a folder of the host at its own path. */
static bool is_shared(const struct draft *d, const char *path)
{
	unsigned int i;

	if (!strcmp(d->root, "/"))
		return true;
	for (i = 0; i < d->config.nfolders; i++)
		if (is_within(path, d->folders[i].path))
			return true;
	return false;
}

/* A relative path begins at the current folder, as those of other options. */
static int set_folder(struct draft *d, const char *given, bool preset, struct vsu_error *err)
{
	d->config.folder = given ? given : preset ? d->here : "/";
	if (!given || *given == '/')
		return 0;
	if (!realpath(given, d->folder))
		return vsu_error_sys(err, -errno, "option --chdir: '%s'", given);
	d->config.folder = d->folder;
	return is_shared(d, d->folder) ? 0 :
	       vsu_error_set(err, -EINVAL, "option --chdir: '%s' is relative to the current folder, and '%s' is not shared; write an absolute path of the guest, or share it with --dir", given, d->folder);
}

/*
 * The current folder is a part of the root "/". Another root receives it as a shared folder. A machine
 * that waits is for commands in its folders: its own working folder, such as the home of a service's
 * user, would be shown to each of them, and make it another machine than theirs.
 */
static int share_folders(struct draft *d, const struct vmm_exec_options *o, const char *root, bool waits,
			 struct vsu_error *err)
{
	bool part, shared;
	unsigned int i;
	int rc = 0;

	if (root && !realpath(root, d->root))
		return vsu_error_sys(err, -errno, "option --root: '%s'", root);
	if (root && !is_folder(d->root))
		return vsu_error_set(err, -ENOTDIR, "option --root: '%s' is not a folder; --image=FILE is for the root in a disk image", root);
	part = !strcmp(d->root, "/");
	if (part && o->jail)
		return vsu_error_set(err, -EINVAL, "option --jail: a jail cannot have the root / of this host; choose another one with --root, or leave --jail out");
	shared = !part && !o->writable_root && !o->nfolders;
	for (i = 0; !rc && i < o->nfolders; i++)
		rc = share_folder(d, o->folders[i], err);
	if (!getcwd(d->here, sizeof(d->here)))
		strcpy(d->here, "/");
	if (!rc && shared && strcmp(d->here, "/") != 0)
		rc = add_folder(d, d->here, err);	/* as it is: its name may end as an option does */
	d->config.root = o->root ? d->root : NULL;	/* the plan has that of the template */
	d->config.folders = d->folders;
	return rc < 0 ? rc : set_folder(d, o->folder, (part && !(waits && o->nfolders)) || shared, err);
}

/* ------------------------------------------------------------------ streams */

static void set_terminal(struct vmm_exec_machine *m, struct draft *d,
			 const struct vmm_exec_options *o)
{
	struct winsize w = { .ws_row = 24, .ws_col = 80 };

	m->on_terminal = vmm_exec_is_on_terminal(o);
	(void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &w);
	d->config.terminal = m->on_terminal;
	d->config.rows = w.ws_row;
	d->config.columns = w.ws_col;
}

/* A terminal or pipe is opened again, so that only this process does not block. */
static void open_streams(struct vmm_exec_machine *m, struct draft *d)
{
	m->out_fd = vsu_terminal_reopen(STDOUT_FILENO);
	m->err_fd = vsu_terminal_reopen(STDERR_FILENO);
	d->streams[0] = STDIN_FILENO;
	d->streams[1] = m->out_fd < 0 ? STDOUT_FILENO : m->out_fd;
	d->streams[2] = m->err_fd < 0 ? STDERR_FILENO : m->err_fd;
	d->config.streams = d->streams;
}

/* ---------------------------------------------------------------------- all */

static int set_pieces(struct draft *d, const struct vmm_exec_options *o, struct vsu_error *err)
{
	unsigned int i;
	char *word;

	d->config.options = d->options;
	for (i = 0; i < o->npieces; i++) {
		if (asprintf(&word, "--memory=%s", o->pieces[i]) < 0)
			return vsu_error_set(err, -ENOMEM, "no memory for options");
		d->options[d->noptions++] = keep_text(d, word);
	}
	return 0;
}

/* The options of the process, and those of the machine. */
static int set_machine(struct vmm_exec_machine *m, struct draft *d, const struct vmm_exec_options *o,
		       struct vsu_error *err)
{
	struct cvmm_exec_config *c = &d->config;

	m->process = (struct vmm_program_options){
		.log_level = VSU_LOG_WARNING, .sandbox = o->sandbox, .jail = o->jail,
	};
	c->size = sizeof(*c);
	c->from = o->from;
	c->command = (const char *const *)o->command;
	c->writable_root = o->writable_root;
	c->hostname = o->hostname;
	c->kernel = o->kernel;
	c->modules = o->modules;
	c->init = o->init;
	c->append = o->append;
	c->log = o->log;
	c->memory = o->memory;
	c->cpus = (unsigned int)o->cpus;
	c->timeout_ms = o->timeout_ms;
	c->hide = o->hide;
	c->show = o->show;
	c->home = getenv("HOME");
	return vmm_sandbox_option_read(o->sandbox, &m->process.confinement, err);
}

/* The plan's own choice is the folder in which the library is installed, not that of a tree. */
static void set_init(struct draft *d)
{
	const char *kernel = d->config.kernel;

	if (!d->config.init && !d->config.from && !(kernel && varch_kernel_name_is_builtin(kernel) > 0))
		d->config.init = vmm_helper_init(d->config.image);
}

static const char *text_or_null(const char *text)
{
	return *text ? text : NULL;
}

static int check_card(const struct cvmm_template_info *t, struct vsu_error *err)
{
	return !t || t->cards ? 0 :
	       vsu_error_set(err, -EOPNOTSUPP, "option --net: the template '%s' was made without a network card; make it again with 'cvmm template make NAME --net'", t->path);
}

/* passt runs before this process is confined. */
static int set_network(struct vmm_exec_machine *m, struct draft *d, const struct vmm_exec_network *n,
		       const struct cvmm_template_info *t, struct vsu_error *err)
{
	int rc;

	if (n->kind == VMM_EXEC_NET_NONE)
		return 0;
	d->network = (struct cvmm_exec_network){
		.card = d->card, .address = text_or_null(n->address),
		.gateway = text_or_null(n->gateway), .resolver = text_or_null(n->resolver),
	};
	d->config.network = &d->network;
	rc = check_card(t, err);
	if (rc < 0)
		return rc;
	snprintf(d->card, sizeof(d->card), "tap=%s%s%s,block=%s", n->tap, *n->mac ? ",mac=" : "", n->mac, n->block);
	if (n->kind == VMM_EXEC_NET_TAP)
		return 0;
	rc = vmm_passt_start(&m->passt, n, err);
	vmm_passt_card(&m->passt, n, d->card);
	return rc;
}

static int use_image(struct vmm_exec_machine *m, struct draft *d, const struct vmm_exec_options *o,
		     struct vsu_error *err)
{
	char *value;
	int rc = o->image ? vmm_image_server_disk(&m->server, o->image, o->writable_root, &value, err) : 0;

	if (!rc && o->image)
		d->config.image = keep_text(d, value);
	return rc;
}

/* A machine that waits receives these later. */
static int describe_command(struct vmm_exec_machine *m, struct draft *d,
			    const struct vmm_exec_options *o, struct vsu_error *err)
{
	set_terminal(m, d, o);
	d->config.environment = d->environment.settings;
	d->config.user = o->user;
	return vmm_exec_environment_make(&d->environment, o, m->on_terminal, err);
}

/* t: of which the machine is a clone, or NULL. A machine that waits has a command later. */
static int fill_draft(struct vmm_exec_machine *m, struct draft *d, const struct vmm_exec_options *o,
		      const struct cvmm_template_info *t, bool waits, struct vsu_error *err)
{
	int rc = set_machine(m, d, o, err);

	if (!rc)
		rc = set_pieces(d, o, err);
	if (!rc && !waits)
		rc = describe_command(m, d, o, err);
	if (!rc)
		rc = use_image(m, d, o, err);
	if (!rc)
		rc = share_folders(d, o, o->image ? NULL : o->root ? o->root : t ? t->root : NULL, waits, err);
	if (!rc)
		rc = set_network(m, d, &o->network, t, err);
	if (!rc && !waits)
		open_streams(m, d);
	return rc;
}

static void free_draft(struct draft *d)
{
	while (d->ntexts)
		free(d->texts[--d->ntexts]);
	vmm_exec_environment_free(&d->environment);
	free(d);
}

void vmm_exec_machine_init(struct vmm_exec_machine *m)
{
	*m = (struct vmm_exec_machine){ .control_fd = -1, .out_fd = -1, .err_fd = -1, .terminal = { .in_fd = -1 },
					.passt = VMM_PASST_INIT, .server = VMM_IMAGE_SERVER_INIT };
}

static int take_plan(struct vmm_exec_machine *m, int rc)
{
	if (rc < 0)
		return rc;
	m->parts = cvmm_exec_plan_get_parts(m->plan);
	m->session = m->parts->session;
	return 0;
}

static int plan_machine(struct vmm_exec_machine *m, struct draft *d, const struct vmm_exec_options *o, bool waits,
			struct vsu_error *err)
{
	int rc;

	set_init(d);
	if (o->name) {
		const int streams[VAGENT_STREAMS] = {
			[VAGENT_STDIN] = STDIN_FILENO,
			[VAGENT_STDOUT] = m->out_fd < 0 ? STDOUT_FILENO : m->out_fd,
			[VAGENT_STDERR] = m->err_fd < 0 ? STDERR_FILENO : m->err_fd,
		};

		rc = take_plan(m, cvmm_exec_plan_new_shared(&d->config, &m->plan, err));
		return rc < 0 ? rc : vmm_named_new(&m->named, m->parts, streams, o, err);
	}
	return take_plan(m, waits ? cvmm_exec_plan_new_waiting(&d->config, &m->plan, err) :
				    cvmm_exec_plan_new(&d->config, &m->plan, err));
}

/* Opens the template for its root and cards; the plan opens it again. */
static int open_template(const char *name, struct cvmm_template **t, struct vsu_error *err)
{
	int rc = cvmm_template_open(NULL, name, t, err);

	if (rc < 0) {
		vmm_template_explain(name, err);
		vsu_error_prefix(err, rc, "option --from");
	}
	return rc;
}

static int make_machine(struct vmm_exec_machine *m, const struct vmm_exec_options *o, bool waits,
			struct vsu_error *err)
{
	struct draft *d = calloc(1, sizeof(*d));
	struct cvmm_template *t = NULL;
	int rc;

	vmm_exec_machine_init(m);
	if (!d)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = o->from ? open_template(o->from, &t, err) : 0;
	if (!rc)
		rc = fill_draft(m, d, o, t ? cvmm_template_get_info(t) : NULL, waits, err);
	if (!rc)
		rc = plan_machine(m, d, o, waits, err);
	cvmm_template_close(t);
	free_draft(d);
	return rc;
}

int vmm_exec_machine_make(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
			  struct vsu_error *err)
{
	return make_machine(m, o, false, err);
}

int vmm_exec_machine_make_waiting(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
				  struct vsu_error *err)
{
	return make_machine(m, o, true, err);
}

int vmm_exec_machine_make_template(struct vmm_exec_machine *m, const struct vmm_exec_options *o,
				   const struct cvmm_template *t, struct vsu_error *err)
{
	struct draft *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = set_machine(m, d, o, err);
	set_init(d);
	if (!rc)
		rc = take_plan(m, cvmm_exec_plan_new_template(&d->config, t, &m->plan, err));
	free_draft(d);
	return rc;
}

int vmm_exec_machine_describe(const struct vmm_exec_machine *m, char **text, size_t *len)
{
	struct vsu_text t;
	char *plan;
	size_t n;
	int rc = cvmm_exec_plan_describe(m->plan, &plan, &n, NULL);

	if (rc < 0)
		return rc;
	rc = vsu_text_open(&t);
	if (!rc) {
		fwrite(plan, 1, n, t.to);
		fprintf(t.to, "%s%s", m->process.jail ? "jail " : "", m->process.sandbox ? m->process.sandbox : "");
		rc = vsu_text_close(&t);
	}
	free(plan);
	if (rc < 0)
		return rc;
	*text = t.bytes;
	*len = t.len;
	return 0;
}

void vmm_exec_machine_free(struct vmm_exec_machine *m)
{
	vsu_terminal_restore(&m->terminal);
	vmm_named_free(m->named);
	cvmm_exec_plan_free(m->plan);
	m->plan = NULL;
	vmm_program_options_free(&m->process);
	vmm_passt_end(&m->passt);
	vmm_image_server_end(&m->server);
	vsu_fd_close(&m->control_fd);
	vsu_fd_close(&m->out_fd);
	vsu_fd_close(&m->err_fd);
}
