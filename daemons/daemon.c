/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Command line, help and errors of the vhost-user daemons. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <device-kinds/kind.h>
#include <device-kinds/latency.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/option_place.h>

#include "closer.h"
#include "daemon.h"
#include "process.h"
#include "table_wait.h"
#include "virtiofsd_line.h"

/* Mappings of one front-end: all of its memory slots, and a reserve. */
#define MAX_MAPPINGS 1024u
/*
 * Minimum of open files for a daemon that shares a folder, as its device
 * requires.
 */
#define MIN_FILES 128u

/* ----------------------- the device; functions return the exit status of the program */

/* The name of a kind's key as an option of its daemon. */
static const char *option_name(const struct devkind_key *key)
{
	return key->daemon_name ? key->daemon_name : key->option.name;
}

/* The exit status if a resource of the device is unavailable. */
static int open_status(int rc)
{
	switch (-rc) {
	case EINVAL:
	case EBADMSG:
	case ENAMETOOLONG:
		return VSU_EXIT_DATA;
	case EADDRINUSE:
	case EBUSY:
		return VSU_EXIT_BUSY;
	case EAGAIN:
	case EOPNOTSUPP:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
		return VSU_EXIT_HOST;
	}
	return VSU_EXIT_INPUT;
}

/* A message of the model names the rejected value; do not add the first option. */
static bool is_of_model(const struct devkind *kind, const struct vsu_error *err)
{
	const size_t len = strlen(kind->name);

	return !strncmp(err->msg, kind->name, len) && err->msg[len] == ':';
}

static int device_status(const struct devkind *kind, int rc, struct vsu_error *err)
{
	if (rc < 0 && kind->keys[0].required && !is_of_model(kind, err))
		vsu_error_prefix(err, rc, "--%s", option_name(&kind->keys[0]));
	return rc < 0 ? open_status(rc) : VSU_EXIT_OK;
}

/* measured: as of devkind_latency_measure(), or NULL to measure nothing. */
static int open_device(const struct devkind *kind, const void *config,
		       const struct devkind_common *common,
		       struct virtdev_measured **measured,
		       struct virtdev **out, struct vsu_error *err)
{
	struct virtdev *dev;
	int rc = devkind_make(kind, config, common, &dev, err);

	if (rc < 0)
		return device_status(kind, rc, err);
	rc = measured ? devkind_latency_measure(dev, measured) : 0;
	if (rc < 0) {
		virtdev_free(dev);
		vsu_error_sys(err, rc, "--metrics");
		return VSU_EXIT_HOST;
	}
	*out = dev;
	return VSU_EXIT_OK;
}

/*
 * Checks the configuration without opening anything, before the daemon enters a sandbox,
 * whose failure would hide a mistake in the options.
 */
static int judge_device(const struct devkind *kind, const void *config,
			const struct devkind_common *common,
			struct vsu_error *err)
{
	return kind->judge ? device_status(kind, kind->judge(config, common, err), err) :
			     VSU_EXIT_OK;
}

/* --------------------------------------------------------------- the options */

/* Options of a daemon that shares a folder, after the keys of its kind. */
enum folder_option {
	FOLDER_SANDBOX,
	FOLDER_RLIMIT_NOFILE,
	FOLDER_RECOVER,
	FOLDER_SYSLOG,
	FOLDER_OPTIONS,
};

static const struct vsu_option folder_options[] = {
	[FOLDER_SANDBOX] = {
		.name = "sandbox", .kind = VSU_OPTION_CHOICE,
		.choices = daemon_sandbox_names, .preset = "namespace",
		.help = "how the program is isolated from other folders" },
	[FOLDER_RLIMIT_NOFILE] = {
		.name = "rlimit-nofile", .kind = VSU_OPTION_U64, .arg = "N",
		.help = "limit of descriptors, and so of files that a guest can use",
		.preset = "what the host allows", .min = 256,
		.max = UINT32_MAX },
	[FOLDER_RECOVER] = {
		.name = "recover", .kind = VSU_OPTION_STRING, .arg = "FILE",
		.help = "keep the session in this file, so that the guest's mounts survive a restart" },
	[FOLDER_SYSLOG] = {
		.name = "syslog", .kind = VSU_OPTION_FLAG,
		.help = "write lines of the log to syslog instead of standard error" },
};

#define ROWS (DAEMON_OWN + DEVKIND_MAX_KEYS + FOLDER_OPTIONS + \
	      DEVKIND_ALIAS_ROWS)

struct command_line {
	const struct daemon *daemon;
	struct serving serve;
	struct confine_plan plan;
	uint64_t files;		/* --rlimit-nofile, or 0 */
	bool capabilities, help, version, syslog;
	struct virtiofsd_line words; /* replaces argv; may be empty */
	struct devkind_common common;
	struct devkind_reporter reporter;
	_Alignas(8) unsigned char config[DEVKIND_MAX_CONFIG];
	struct vsu_option rows[ROWS];
	unsigned int nkeys;	/* number of the kind's keys */
};

/* Options of every daemon, keys of its kind, options of a folder, and aliases. */
static const struct vsu_option common_options[] = { DAEMON_OPTIONS };

static void build_options(struct command_line *cl)
{
	unsigned int n;
	const struct devkind *kind = cl->daemon->kind();
	const struct devkind_key *key;

	memcpy(cl->rows, common_options, sizeof(common_options));
	cl->rows[DAEMON_NUM_QUEUES].max = kind->own_queues ? kind->own_queues : kind->max_queues;
	cl->rows[DAEMON_QUEUE_SIZE].min = kind->min_queue_size;
	for (key = kind->keys; key->option.name; key++) {
		cl->rows[DAEMON_OWN + cl->nkeys] = key->option;
		cl->rows[DAEMON_OWN + cl->nkeys++].name = option_name(key);
	}
	n = DAEMON_OWN + cl->nkeys;
	if (cl->daemon->shares_folder) {
		memcpy(&cl->rows[n], folder_options, sizeof(folder_options));
		n += FOLDER_OPTIONS;
	}
	devkind_alias_rows(kind, true, &cl->rows[n]);
}

static int take_key(struct command_line *cl, unsigned int index,
		    const struct vsu_option_value *value,
		    struct vsu_error *err)
{
	char what[64];

	snprintf(what, sizeof(what), "option --%s", cl->rows[index].name);
	return devkind_set(cl->daemon->kind(), index - DAEMON_OWN, what,
			   value, cl->config, err);
}

#define PLACE(member) VSU_PLACE(struct command_line, member)

static const struct vsu_place places[DAEMON_OWN] = {
	[DAEMON_SOCKET_PATH] = PLACE(serve.socket_path),
	[DAEMON_FD] = PLACE(serve.fd),
	[DAEMON_SOCKET_MODE] = PLACE(serve.access.mode),
	[DAEMON_SOCKET_GROUP] = PLACE(serve.access.group),
	[DAEMON_PRINT_CAPABILITIES] = PLACE(capabilities),
	[DAEMON_ALLOW_FUSE] = PLACE(serve.served_files),
	[DAEMON_IOMMU_PLATFORM] = PLACE(serve.iommu_platform),
	[DAEMON_USER] = PLACE(serve.rights.user),
	[DAEMON_SECCOMP] = PLACE(serve.rights.filter),
	[DAEMON_ALLOW_POSTCOPY] = PLACE(serve.rights.postcopy),
	[DAEMON_POLL_MAX_NS] = PLACE(serve.poll_max_ns),
	[DAEMON_METRICS] = PLACE(serve.metrics),
	[DAEMON_LOG_LEVEL] = VSU_PLACE_LEVEL,
	[DAEMON_VERBOSE] = VSU_PLACE_VERBOSE,
	[DAEMON_HELP] = PLACE(help),
	[DAEMON_VERSION] = PLACE(version),
	[DAEMON_NUM_QUEUES] = PLACE(common.queues),
	[DAEMON_QUEUE_SIZE] = PLACE(common.queue_size),
};

static const struct vsu_place folder_places[] = {
	[FOLDER_SANDBOX] = PLACE(serve.rights.sandbox),
	[FOLDER_RLIMIT_NOFILE] = PLACE(files),
	[FOLDER_RECOVER] = PLACE(common.recover),
	[FOLDER_SYSLOG] = PLACE(syslog),
};

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct command_line *cl = opaque;
	const unsigned int folder = DAEMON_OWN + cl->nkeys;

	if (index < DAEMON_OWN && (vmm_log_take(&places[index], value) ||
				   vsu_place_store(&places[index], cl, value)))
		return 0;
	if (index >= folder && vsu_place_store(&folder_places[index - folder], cl, value))
		return 0;
	return take_key(cl, index, value, err);
}

static int line_parse(struct command_line *cl, int argc, char **argv,
		      struct vsu_error *err)
{
	int rc = cl->daemon->is_virtiofsd ?
		 virtiofsd_line_make(&cl->words, argc, argv, err) : 0;

	if (rc >= 0)
		rc = vsu_option_parse_argv(cl->rows, cl->words.argv ? cl->words.argc : argc,
					   cl->words.argv ? cl->words.argv : argv,
					   take_option, cl, NULL, err);
	if (rc >= 0)
		return VSU_EXIT_OK;
	return rc == -ENOENT ? VSU_EXIT_USAGE : VSU_EXIT_DATA;
}

/* A run requires a socket: its descriptor, or a path to listen at. */
static int check_socket(const struct command_line *cl, struct vsu_error *err)
{
	bool have_path = cl->serve.socket_path != NULL, have_fd = cl->serve.fd >= 0;

	if (have_path && have_fd) {
		vsu_error_set(err, -EINVAL, "--socket-path and --fd are both specified; use one");
		return VSU_EXIT_DATA;
	}
	if (!have_path && !have_fd) {
		vsu_error_set(err, -EINVAL,
			      "neither --socket-path=PATH nor --fd=N is specified; use one");
		return VSU_EXIT_USAGE;
	}
	return VSU_EXIT_OK;
}

/* Resolve group names now: they are in files of the host. */
static int check_access(struct command_line *cl, struct vsu_error *err)
{
	return devkind_socket_access_read(&cl->serve.access, err) < 0 ? VSU_EXIT_DATA :
	       VSU_EXIT_OK;
}

/* A userfaultfd is created while serving, which a sandbox prevents. */
static int check_postcopy(const struct command_line *cl, struct vsu_error *err)
{
	if (!cl->daemon->shares_folder || !cl->serve.rights.postcopy ||
	    cl->serve.rights.sandbox == DAEMON_SANDBOX_NONE)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EINVAL,
		      "--allow-postcopy is not possible in a sandbox; use --sandbox=none, or leave it out");
	return VSU_EXIT_DATA;
}

static void print_help(const struct command_line *cl)
{
	char text[4096];

	vsu_option_help(cl->rows, text, sizeof(text));
	printf("Usage: %s OPTION...\n%s\n\n%s", cl->daemon->name,
	       cl->daemon->summary, text);
}

/* True for options that only print something. */
static bool prints_only(const struct command_line *cl)
{
	if (cl->help)
		print_help(cl);
	else if (cl->version)
		printf("%s %s\n", cl->daemon->name, PACKAGE_VERSION);
	else if (cl->capabilities)
		puts(cl->daemon->capabilities);
	return cl->help || cl->version || cl->capabilities;
}

static int check_keys(const struct command_line *cl, struct vsu_error *err)
{
	const struct devkind *kind = cl->daemon->kind();
	const struct devkind_key *missing = devkind_missing(kind, cl->config);

	if (missing) {
		vsu_error_set(err, -EINVAL, "--%s=%s is missing; it names %s",
			      option_name(missing), missing->option.arg,
			      missing->option.help);
		return VSU_EXIT_USAGE;
	}
	return VSU_EXIT_OK;
}

static struct devkind_facts facts_of(const struct command_line *cl)
{
	return devkind_facts_of(cl->daemon->kind(), cl->config);
}

/* Additional system calls of this device. */
static const struct call_table *extra_calls(const struct command_line *cl)
{
	return facts_of(cl).connects ? &call_table_connecting : cl->daemon->calls;
}

static int device_run(struct command_line *cl, struct vsu_error *err)
{
	struct vmem_sigbus *sigbus = NULL;
	struct virtdev_measured *measured = NULL;
	struct virtdev *dev = NULL;
	int status;

	if (prog_handle_signals(MAX_MAPPINGS, &sigbus, err) < 0)
		return VSU_EXIT_HOST;
	cl->common.sigbus = sigbus;
	cl->common.reporter = &cl->reporter;
	cl->common.sockets = &cl->serve.access;
	table_wait(cl->common.recover);
	status = open_device(cl->daemon->kind(), cl->config, &cl->common,
			     cl->serve.metrics ? &measured : NULL, &dev, err);
	if (status == VSU_EXIT_OK) {
		cl->serve.kind = cl->daemon->kind();
		if (cl->daemon->grows)
			cl->serve.resize = cl->daemon->kind()->resize;
		status = serve_device(&cl->serve, dev, sigbus, err);
	}
	/* the table is used by the handler until the process ends */
	virtdev_free(dev);
	free(measured);
	return status;
}

/* Called before the device reads the limit: a sandbox opens files too. */
static int limit_files(uint64_t files, struct vsu_error *err)
{
	struct rlimit limit = { files, files };

	if (files && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return vsu_error_sys(err, -errno, "--rlimit-nofile: %" PRIu64 " descriptors exceed the limit of this user (ulimit -Hn) or of a process (fs.nr_open); request fewer", files);
	if (!files)
		prog_raise_fd_limit();
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= MIN_FILES)
		return 0;
	return vsu_error_set(err, -EMFILE, "at most %" PRIu64 " open files; %u are needed (ulimit -n)",
			     (uint64_t)limit.rlim_cur, MIN_FILES);
}

/*
 * The folder's path in the sandbox. The user is looked up first: names of users
 * are outside the sandbox.
 */
static int enter_sandbox(struct command_line *cl, const char **folder, struct vsu_error *err)
{
	const struct devkind_key *key = &cl->daemon->kind()->keys[0];
	int rc = limit_files(cl->files, err);

	if (rc < 0)
		return VSU_EXIT_HOST;
	rc = confine_execute(&cl->plan, CONFINE_SEPARATE, err);
	rc = rc < 0 ? rc : confine_execute(&cl->plan, CONFINE_STAGE, err);
	*folder = cl->plan.folder;
	if (rc >= 0)
		return VSU_EXIT_OK;
	if (rc == -EPERM)
		return VSU_EXIT_HOST;
	vsu_error_prefix(err, rc, "--%s", option_name(key));
	return open_status(rc);
}

/* Plans the confinement, and begins that of a folder. */
static int begin_confinement(struct command_line *cl, struct vsu_error *err)
{
	const struct devkind_key *key = &cl->daemon->kind()->keys[0];
	const char **folder = (const char **)(void *)(cl->config + key->offset);
	struct daemon_rights *rights = &cl->serve.rights;
	int rc;

	rights->facts = facts_of(cl);
	rights->calls = extra_calls(cl);
	rights->folder = cl->daemon->shares_folder ? *folder : NULL;
	rc = daemon_plan_make(&cl->plan, rights, err);
	if (rc < 0)
		return rc == -ENOENT ? VSU_EXIT_DATA : VSU_EXIT_HOST;
	cl->serve.plan = &cl->plan;
	return rights->folder ? enter_sandbox(cl, folder, err) : VSU_EXIT_OK;
}

/*
 * A guest that can truncate the file would damage what must survive the daemon.
 */
static int check_recover(const struct command_line *cl, struct vsu_error *err)
{
	const struct devkind_facts facts = facts_of(cl);
	const char *file = cl->common.recover;

	if (file && !*file)
		vsu_error_set(err, -EINVAL, "option --recover: the value is empty; name a file");
	else if (file && facts.writes && daemon_folder_has(facts.file, file))
		vsu_error_set(err, -EINVAL, "--recover: '%s' is in the folder that is shared, where the guest may change it; name a file elsewhere", file);
	else
		return VSU_EXIT_OK;
	return VSU_EXIT_DATA;
}

static int line_run(struct command_line *cl, struct vsu_error *err)
{
	int status = check_socket(cl, err);

	if (cl->syslog)
		prog_log_to_syslog();
	if (status == VSU_EXIT_OK)
		status = check_access(cl, err);
	if (status == VSU_EXIT_OK)
		status = check_keys(cl, err);
	if (status == VSU_EXIT_OK)
		status = check_postcopy(cl, err);
	if (status == VSU_EXIT_OK)
		status = check_recover(cl, err);
	if (status == VSU_EXIT_OK)
		status = judge_device(cl->daemon->kind(), cl->config, &cl->common, err);
	if (status == VSU_EXIT_OK)
		status = begin_confinement(cl, err);
	return status == VSU_EXIT_OK ? device_run(cl, err) : status;
}

/* In a sandbox, exit handlers cannot open /proc or other files any more. */
static int program_end(const struct command_line *cl, int status,
		       const struct vsu_error *err)
{
	if (status != VSU_EXIT_OK && err->code)
		prog_complain(err);
	if (cl->plan.closed)
		_exit(status);
	return status;
}

static void on_warning(void *opaque, const char *cause, const char *text)
{
	(void)opaque;
	prog_log(VSU_LOG_WARNING, cause, "%s", text);
}

static struct vsu_closer *file_closer(void *opaque, struct vsu_error *err)
{
	struct vsu_closer *closer;

	(void)opaque;
	return prog_file_closer(&closer, err) < 0 ? NULL : closer;
}

static const struct devkind_host daemon_host = {
	.warn = on_warning, .file_closer = file_closer,
};

int daemon_main(const struct daemon *daemon, int argc, char **argv)
{
	struct command_line cl = {
		.daemon = daemon,
		.serve = { .fd = -1, .rights = { .filter = DAEMON_FILTER_PRESET } },
		.plan = CONFINE_PLAN_INIT,
		.common = { .queue_size = DAEMON_DEFAULT_QUEUE_SIZE,
			    .confined = true, .host = &daemon_host },
	};
	struct vsu_error err = VSU_ERROR_INIT;
	int status;

	prog_begin(daemon->name);
	confine_forbid_tracing();
	build_options(&cl);
	status = line_parse(&cl, argc, argv, &err);
	if (status == VSU_EXIT_OK)
		status = prints_only(&cl) ? prog_end(status) : line_run(&cl, &err);
	status = program_end(&cl, status, &err);
	confine_plan_end(&cl.plan);
	virtiofsd_line_free(&cl.words);
	return status;
}
