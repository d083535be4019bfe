/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Command lines from a file. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>

#include "api/configuration.h"
#include "config/descriptors.h"
#include "config/option_words.h"
#include "log/log.h"
#include "machine/exit_status.h"
#include "migration/address.h"

#define MAX_BYTES (1u << 20)
#define MAX_WORDS 1024
#define HEADER_NS UINT64_C(5000000000)	/* for a peer to send the header */

/* The whole file, which may be a pipe, and a 0 behind it. */
static int read_all(int fd, char *text, struct vsu_error *err)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, MAX_BYTES - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < MAX_BYTES) || (n < 0 && errno == EINTR));
	if (n < 0)
		return vsu_error_sys(err, -errno, "cannot read it");
	if (len == MAX_BYTES)
		return vsu_error_set(err, -E2BIG, "more than %u bytes", MAX_BYTES);
	text[len] = '\0';
	if (strlen(text) < len)
		return vsu_error_set(err, -EBADMSG, "byte %zu is 0", strlen(text));
	return 0;
}

/* The words point into *text. fd is closed; negative: why the file could not be opened. */
static int read_words(char **text, int fd, char **words, struct vsu_error *err)
{
	int rc, i, n;

	if (fd < 0)
		return vsu_error_sys(err, fd, "cannot open it");
	*text = malloc(MAX_BYTES + 1);
	rc = *text ? read_all(fd, *text, err) :
		     vsu_error_set(err, -ENOMEM, "no memory");
	vsu_fd_close(&fd);
	if (rc < 0)
		return rc;
	n = vsu_json_read_strings(*text, "arguments", words, MAX_WORDS, err);
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "'--' cannot be in a configuration; write ./ before a name that begins with '-'");
	return n;
}

/* The index of the option with its value; argc: absent. argv[0] is the command. */
static int find_option(const char *name, int argc, char *const *argv,
		       const char **value, int *used)
{
	const struct vmm_option_row *row = vmm_option_named(name, strlen(name));
	struct vmm_option_word word = { .value = NULL };
	int at = vmm_option_words_find(argv + 1, argc - 1, row, &word) + 1;

	*value = word.value;
	*used = word.used;
	return word.value ? at : argc;
}

static bool has_option(char *const *words, int n, const struct vmm_option_row *row)
{
	struct vmm_option_word word;

	return vmm_option_words_find(words, n, row, &word) < n;
}

/* The words [at, at + n) are those of the file. */
static int check_repeated(const struct vmm_words *w, int at, int n, struct vsu_error *err)
{
	struct vmm_option_word word;
	int i;

	for (i = at; i < at + n; i += word.used) {
		word = vmm_option_word_at(w->words + i, at + n - i);
		if (!word.row || word.row->option.repeat)
			continue;
		if (has_option(w->words + 1, at - 1, word.row) ||
		    has_option(w->words + at + n, w->n - at - n, word.row))
			return vsu_error_set(err, -EINVAL, "--%s is in the file and on the command line; leave it out of one of them",
					     word.row->option.name);
	}
	return 0;
}

/* Nothing was opened so far. Words that cannot be parsed are refused later. */
static int check_descriptors(int argc, char *const *argv, struct vsu_error *err)
{
	struct vmm_arguments a;
	int i = 1, rc = 0;

	while (i < argc && !strstr(argv[i], "fd"))
		i++;
	if (i >= argc)
		return 0;
	rc = vmm_arguments_parse(&a, argc, argv, NULL);
	if (!rc)
		rc = vmm_descriptors_check(&a, err);
	else if (rc == -ENOMEM)
		vsu_error_set(err, rc, "no memory for options");
	else
		rc = 0;
	vmm_arguments_free(&a);
	return rc;
}

/* Replaces "--config FILE" by the words of the file. */
static int read_config(struct vmm_configuration *c, int argc,
		       char *const *argv, struct vsu_error *err)
{
	const char *path = NULL;
	int used = 0, n = 0;
	int at = find_option("config", argc, argv, &path, &used);
	int rest = path ? argc - at - used : 0;

	memcpy(c->given.words, argv, (size_t)at * sizeof(*argv));
	if (path)
		n = read_words(&c->given.text, vsu_file_value_open(path, O_RDONLY | O_NOCTTY),
			       c->given.words + at, err);
	if (n < 0)
		return vsu_error_prefix(err, n, "--config '%s'", path);
	memcpy(c->given.words + at + n, argv + argc - rest, (size_t)rest * sizeof(*argv));
	c->given.n = at + n + rest;
	return check_repeated(&c->given, at, n, err) < 0 ?
	       vsu_error_prefix(err, -EINVAL, "--config '%s'", path) : 0;
}

/* Replaces the file of --cpu by its content. */
static int read_cpu(struct vmm_configuration *c, struct vsu_error *err)
{
	static const char option[] = "--cpu=";
	char **words = c->given.words, *list;
	const char *text;
	int used, at = find_option("cpu", c->given.n, words, &text, &used);
	int rc = text ? varch_cpu_option_expand(text, &list, err) : 0;

	if (rc < 0 || !text || !list)
		return rc;
	c->cpu = malloc(sizeof(option) + strlen(list));
	if (c->cpu) {
		sprintf(c->cpu, "%s%s", option, list);
		words[at] = c->cpu;
		memmove(words + at + 1, words + at + used, (size_t)(c->given.n - at - used) * sizeof(*words));
		c->given.n -= used - 1;
	}
	free(list);
	return c->cpu ? 0 : vsu_error_set(err, -ENOMEM, "no memory for options");
}

/* ------------------------------------------------------------ a saved machine */

static int read_saved(struct vmm_configuration *c, const char *folder,
		      struct vsu_error *err)
{
	int fd = vsu_file_value_open_in(folder, "machine.json", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int n = read_words(&c->text, fd, c->words.words + 1, err);

	if (n < 0)
		vsu_error_prefix(err, n, "'%s/machine.json'", folder);
	c->words.n = n + 1;
	return n < 0 ? n : 0;
}

static void report_ignored(const struct vmm_configuration *c, const struct vmm_ignored *ignored)
{
	unsigned int i;

	for (i = 0; i < ignored->n; i++)
		vmm_log(c->log, CVMM_LOG_WARNING, "ignored option", "'--%s=%s' of the machine's former command line is ignored; add it to this one if you want it",
			 vmm_argument_name(&ignored->list[i]), ignored->list[i].value.text);
}

/* With c->words, of a machine that was saved or that arrives. */
static int merge_words(struct vmm_configuration *c, enum vmm_words_origin origin, int argc,
		       char *const *argv, struct vsu_error *err)
{
	struct vmm_ignored ignored = { .n = 0 };
	struct vmm_arguments given;
	int rc = vmm_arguments_parse(&given, argc, argv, err);

	if (!rc)
		rc = vmm_arguments_parse(&c->saved, c->words.n, c->words.words, err);
	if (!rc)
		rc = vmm_saved_words_merge(&c->all, &ignored, &c->saved, origin, &given, err);
	if (!rc)
		report_ignored(c, &ignored);
	c->merged = !rc;
	vmm_arguments_free(&given);
	return rc;
}

static int make_words(struct vmm_configuration *c, char *command, struct vsu_error *err)
{
	c->words.words = calloc(MAX_WORDS + 2, sizeof(*c->words.words));
	if (!c->words.words)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	c->words.words[0] = command;
	return 0;
}

static int change_saved(struct vmm_configuration *c, const char *folder,
			struct vsu_error *err)
{
	int rc = make_words(c, c->given.words[0], err);

	if (!rc)
		rc = read_saved(c, folder, err);
	if (!rc)
		rc = merge_words(c, VMM_WORDS_SAVED, c->given.n, c->given.words, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "--from '%s'", folder) : 0;
}

static int change_config(struct vmm_configuration *c, int argc,
			 char *const *argv, struct vsu_error *err)
{
	c->given.words = calloc((size_t)argc + MAX_WORDS + 1, sizeof(*c->given.words));
	return c->given.words ? read_config(c, argc, argv, err) :
				vsu_error_set(err, -ENOMEM, "no memory for options");
}

/* ------------------------------------------------------- a machine that comes */

/* fd: and exec: have no other peer, which may need the time of its user. */
static int receive_header(struct vmm_configuration *c, bool single, struct vsu_error *err)
{
	int rc;

	c->stream.deadline_ns = single ? 0 : vsu_now_ns() + HEADER_NS;
	rc = vmm_stream_receive_header(&c->stream, err);
	c->stream.deadline_ns = 0;
	if (rc < 0 && !single)
		vmm_stream_refuse(&c->stream, err);
	return rc;
}

/* The process that a source's command line cannot change any more. */
static int confine_process(struct vmm_configuration *c, const char *address, int argc,
			   char *const *given, struct vsu_error *err)
{
	struct vmm_arguments arguments;
	int rc;

	if (!c->guard)
		return 0;
	rc = vmm_arguments_parse(&arguments, argc, given, err);
	if (!rc)
		rc = c->guard->begin(c->guard->opaque, address, &arguments, &c->stream, &c->stage, err);
	if (!rc)
		c->stage = VMM_STAGE_STREAM;
	vmm_arguments_free(&arguments);
	return rc;
}

/* Connections of strangers are closed. A failure without one is that of the listener. */
static int accept_source(struct vmm_configuration *c, struct vmm_listener *l,
			 struct vsu_error *err)
{
	int rc;

	for (;;) {
		rc = vmm_address_accept(l, &c->stream, err);
		if (!rc)
			rc = receive_header(c, false, err);
		if (!rc || c->stream.fd < 0)
			return rc;
		vmm_log(c->log, CVMM_LOG_WARNING, "stranger", "--incoming: a connection was closed, and the source is still awaited: %s",
			 err->msg);
		vmm_stream_renew(&c->stream);
	}
}

/* A command is started before this process may start none. */
static int accept_confined(struct vmm_configuration *c, struct vmm_listener *l, int argc,
			   char *const *given, struct vsu_error *err)
{
	const bool single = vmm_address_is_single(l->address);
	int rc = single ? vmm_address_accept(l, &c->stream, err) : 0;

	if (!rc)
		rc = confine_process(c, l->address, argc, given, err);
	if (rc < 0)
		return rc;
	return single ? receive_header(c, true, err) : accept_source(c, l, err);
}

/* The section "arguments", and other connections before it. */
static int receive_arguments(struct vmm_configuration *c, struct vmm_listener *l,
			     struct varch_state_section *s, struct vsu_error *err)
{
	int rc = vmm_stream_receive(&c->stream, s, err);

	if (rc < 0)
		return rc;
	if (!strcmp(s->name, "arguments"))
		return 0;
	if (strcmp(s->name, "channels") != 0)
		return vsu_error_set(err, -EBADMSG, "the stream has section '%s' in place of 'arguments'",
				     s->name);
	rc = vmm_channels_accept(&c->channels, l, &c->stream, s, err);
	return rc ? rc : vmm_stream_expect(&c->stream, "arguments", s, err);
}

/* The source's command line; its number of words. */
static int receive_words(struct vmm_configuration *c, struct vmm_listener *l,
			 char **words, struct vsu_error *err)
{
	struct varch_state_section s;
	int i, n, rc = receive_arguments(c, l, &s, err);

	if (rc < 0)
		return rc;
	c->text = malloc(s.len + 1);
	if (!c->text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	memcpy(c->text, s.bytes, s.len);
	c->text[s.len] = '\0';
	n = vsu_json_read_strings(c->text, "arguments", words, MAX_WORDS, err);
	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "the source's command line has '--'");
	return n;
}

/* Before a source connects. */
static int check_given(int argc, char *const *given, struct vsu_error *err)
{
	struct vmm_option_word word;
	int i;

	for (i = 1; i < argc; i += word.used) {
		word = vmm_option_word_at(given + i, argc - i);
		if (word.row && (word.row->scope == VMM_SCOPE_START || word.row->of_report))
			return vsu_error_set(err, -EINVAL, "'%s' cannot be combined with --incoming",
					     given[i]);
	}
	return vmm_saved_words_check(argc, given, err);
}

static int accept_machine(struct vmm_configuration *c, const char *address,
			  int argc, char **given, struct vsu_error *err)
{
	struct vmm_listener listener;
	int n, rc = make_words(c, given[0], err);

	if (rc < 0)
		return rc;
	rc = vmm_address_listen(address, &listener, err);
	if (!rc)
		rc = accept_confined(c, &listener, argc, given, err);
	n = rc < 0 ? rc : receive_words(c, &listener, c->words.words + 1, err);
	vmm_address_unlisten(&listener, c->stream.closer);
	if (n < 0)
		return n;
	c->words.n = n + 1;
	c->words.words[n + 1] = NULL;
	return merge_words(c, VMM_WORDS_STREAM, argc, given, err);
}

/* The option itself, at argv[at], is not part of the machine's command line. */
static int read_incoming(struct vmm_configuration *c, const char *address,
			 int at, int used, int argc, char *const *argv,
			 struct vsu_error *err)
{
	const int rest = argc - at - used;
	char **given = calloc((size_t)argc + 1, sizeof(*given));
	int rc;

	if (!given)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	memcpy(given, argv, (size_t)at * sizeof(*argv));
	memcpy(given + at, argv + at + used, (size_t)rest * sizeof(*argv));
	vmm_stream_init(&c->stream);
	c->incoming = true;
	c->stage = VMM_STAGE_STREAM;
	rc = check_given(at + rest, given, err);
	if (!rc)
		rc = accept_machine(c, address, at + rest, given, err);
	free(given);
	if (rc < 0)
		vmm_stream_refuse(&c->stream, err);
	return rc < 0 && c->stage == VMM_STAGE_STREAM ?
	       vsu_error_prefix(err, rc, "option --incoming") : rc;
}

int vmm_configuration_read(struct vmm_configuration *c, int argc, char *const *argv,
			   const struct vmm_log *log, const struct vmm_peer_guard *guard,
			   struct vsu_error *err)
{
	const char *folder = NULL, *address = NULL;
	int used, at, rc;

	memset(c, 0, sizeof(*c));
	c->log = log;
	c->guard = guard;
	c->stage = VMM_STAGE_CONFIGURATION;
	rc = check_descriptors(argc, argv, err);
	if (rc < 0)
		return rc;
	at = find_option("incoming", argc, argv, &address, &used);
	if (address)
		return read_incoming(c, address, at, used, argc, argv, err);
	rc = change_config(c, argc, argv, err);
	if (!rc)
		rc = check_descriptors(c->given.n, c->given.words, err);
	if (rc < 0)
		return rc;
	find_option("from", c->given.n, c->given.words, &folder, &used);
	return folder ? change_saved(c, folder, err) : read_cpu(c, err);
}

/* The options of the machine of which this one is a clone. */
static int parse_saved(struct vmm_options *options, struct vmm_options *saved,
		       const struct vmm_configuration *c, struct vsu_error *err)
{
	int rc = vmm_options_read(saved, &c->saved, err);

	if (rc < 0)
		return vmm_exit_status(VMM_STAGE_CONFIGURATION,
				       vsu_error_prefix(err, rc, "option --clone"));
	options->start.saved = &saved->machine;
	return VSU_EXIT_OK;
}

int vmm_configuration_parse(struct vmm_configuration *c, struct vmm_options *options,
			    struct vmm_options *saved, struct vsu_error *err)
{
	int rc = c->merged ? vmm_options_read(options, &c->all, err) :
			     vmm_options_parse(options, c->given.n, c->given.words, err);

	if (c->given.n) {
		options->process.given = c->given.words + 1;
		options->process.ngiven = c->given.n - 1;
	}
	if (rc < 0 && c->incoming)
		vmm_stream_refuse(&c->stream, err);
	if (c->incoming)
		options->start.stream = &c->stream;
	options->start.channels = &c->channels;
	if (rc < 0)
		return vmm_exit_status(VMM_STAGE_OPTIONS, rc);
	return options->start.clone ? parse_saved(options, saved, c, err) : VSU_EXIT_OK;
}

void vmm_configuration_free(struct vmm_configuration *c)
{
	if (c->incoming)
		vmm_stream_close(&c->stream);
	vmm_channels_close(&c->channels);
	vmm_arguments_free(&c->all);
	vmm_arguments_free(&c->saved);
	vmm_words_free(&c->words);
	vmm_words_free(&c->given);
	free(c->text);
	free(c->cpu);
	c->text = c->cpu = NULL;
}
