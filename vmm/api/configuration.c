/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Options of a machine that was saved, or that arrives. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/file_value.h>
#include <vmm-sys-util/json_read.h>

#include "api/configuration.h"
#include "config/descriptors.h"
#include "config/options.h"
#include "config/own_rows.h"
#include "cvmm/exit_status.h"
#include "migration/address.h"
#include "owner/owner.h"

#define MAX_BYTES (1u << 20)
#define MAX_WORDS 1024
#define HEADER_NS UINT64_C(5000000000)	/* for a peer to send the header */

/* The words point into text, which changes. refusal: of the word "--". */
static int read_words(char *text, char **words, const char *refusal, struct vsu_error *err)
{
	const int n = vsu_json_read_strings(text, "arguments", words, MAX_WORDS, err);
	int i;

	for (i = 0; i < n; i++)
		if (!strcmp(words[i], "--"))
			return vsu_error_set(err, -EINVAL, "%s", refusal);
	return n;
}

static int no_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for options");
}

/* All but --incoming, which is not part of the machine's command line. */
static int copy_given(struct vmm_configuration *c, const struct vmm_arguments *given,
		      struct vsu_error *err)
{
	struct vmm_arguments others = { .list = calloc(given->n + 1, sizeof(*others.list)) };
	unsigned int i;
	int rc;

	if (!others.list)
		return no_memory(err);
	for (i = 0; i < given->n; i++)
		if (strcmp(vmm_argument_name(&given->list[i]), "incoming") != 0)
			others.list[others.n++] = given->list[i];
	rc = vmm_arguments_copy(&c->given, &others, err);
	free(others.list);
	return rc;
}

/* Replaces the file of --cpu by its content. */
static int read_cpu(struct vmm_configuration *c, struct vsu_error *err)
{
	struct vmm_argument *a = vmm_arguments_find(&c->given, "cpu");
	int rc = a ? varch_cpu_option_expand(a->value.text, &c->cpu, err) : 0;

	if (rc < 0)
		return vsu_error_prefix(err, rc, "option --cpu");
	if (c->cpu)
		a->value.text = c->cpu;
	return 0;
}

/* ------------------------------------------------------------ a saved machine */

/* Parses the words of c->text, from the file of folder, or from the stream without one. */
static int parse_saved(struct vmm_configuration *c, const char *folder, struct vsu_error *err)
{
	char empty[] = "", **words = calloc(MAX_WORDS + 2, sizeof(*words));
	int rc = words ? read_words(c->text, words + 1, folder ?
				    "'--' cannot be in a configuration; write ./ before a name that begins with '-'" :
				    "the source's command line has '--'", err) : no_memory(err);

	if (rc < 0 && folder) {
		vsu_error_prefix(err, rc, "'%s/machine.json'", folder);
	} else if (rc >= 0) {
		words[0] = empty;
		rc = vmm_own_rows_parse(c->own, rc + 1, words, &c->saved, err);
	}
	free(words);
	return rc;
}

static int read_saved(struct vmm_configuration *c, const char *folder, struct vsu_error *err)
{
	int fd = vsu_file_value_open_in(folder, "machine.json", O_RDONLY | O_NOCTTY | O_NONBLOCK);
	int rc = fd < 0 ? vsu_error_sys(err, fd, "cannot open it") :
			  vsu_file_value_read_text(fd, MAX_BYTES, &c->text, err);

	vsu_fd_close(&fd);
	return rc < 0 ? vsu_error_prefix(err, rc, "'%s/machine.json'", folder) :
			parse_saved(c, folder, err);
}

static void report_ignored(const struct vmm_configuration *c, const struct vmm_ignored *ignored)
{
	unsigned int i;

	for (i = 0; i < ignored->n; i++)
		vmm_log(c->log, CVMM_LOG_WARNING, "ignored option", "'--%s=%s' of the machine's former command line is ignored; add it to this one if you want it",
			 vmm_argument_name(&ignored->list[i]), ignored->list[i].value.text);
}

/* With c->saved, of a machine that was saved or that arrives. */
static int merge_given(struct vmm_configuration *c, enum vmm_origin origin, struct vsu_error *err)
{
	struct vmm_ignored ignored = { .n = 0 };
	const int rc = vmm_arguments_merge(&c->all, &ignored, &c->saved, origin, &c->given, err);

	if (!rc)
		report_ignored(c, &ignored);
	c->merged = !rc;
	return rc;
}

static int change_saved(struct vmm_configuration *c, const char *folder, struct vsu_error *err)
{
	int rc = read_saved(c, folder, err);

	if (!rc)
		rc = merge_given(c, VMM_ORIGIN_SAVED, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "--from '%s'", folder) : 0;
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
static int confine_process(struct vmm_configuration *c, const char *address, struct vsu_error *err)
{
	const int rc = c->guard ? c->guard->begin(c->guard->opaque, address, &c->given, &c->stream, &c->stage, err) : 0;

	if (!rc)
		c->stage = CVMM_STEP_STREAM;
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
static int accept_confined(struct vmm_configuration *c, struct vmm_listener *l, struct vsu_error *err)
{
	const bool single = vmm_address_is_single(l->address);
	int rc = single ? vmm_address_accept(l, &c->stream, err) : 0;

	if (!rc)
		rc = confine_process(c, l->address, err);
	if (rc < 0)
		return rc;
	return single ? receive_header(c, true, err) : accept_source(c, l, err);
}

/* The section "arguments", and other connections before it. */
static int receive_arguments(struct vmm_configuration *c, struct vmm_listener *l,
			     struct vsu_state_section *s, struct vsu_error *err)
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

/* The source's command line. */
static int receive_saved(struct vmm_configuration *c, struct vmm_listener *l, struct vsu_error *err)
{
	struct vsu_state_section s;
	int rc = receive_arguments(c, l, &s, err);

	if (rc < 0)
		return rc;
	c->text = strndup((const char *)s.bytes, s.len);
	return c->text ? parse_saved(c, NULL, err) : no_memory(err);
}

static bool is_of_start(const struct vmm_option_row *row)
{
	return row->scope == VMM_SCOPE_START || (row->own && row->change == VMM_CHANGE_START);
}

/* Called before a source connects. */
static int check_given(const struct vmm_arguments *given, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < given->n; i++)
		if (is_of_start(given->list[i].row))
			return vsu_error_set(err, -EINVAL, "'--%s' cannot be combined with --incoming",
					     vmm_argument_name(&given->list[i]));
	return vmm_arguments_check_change(given, err);
}

static int accept_machine(struct vmm_configuration *c, const char *address, struct vsu_error *err)
{
	struct vmm_listener listener;
	int rc = vmm_address_listen(address, &listener, err);

	if (rc < 0)
		return rc;
	rc = accept_confined(c, &listener, err);
	if (!rc)
		rc = receive_saved(c, &listener, err);
	vmm_address_unlisten(&listener, c->stream.closer);
	return rc < 0 ? rc : merge_given(c, VMM_ORIGIN_STREAM, err);
}

static int read_incoming(struct vmm_configuration *c, const char *address, struct vsu_error *err)
{
	int rc;

	vmm_stream_init(&c->stream);
	c->incoming = true;
	c->stage = CVMM_STEP_STREAM;
	rc = check_given(&c->given, err);
	if (!rc)
		rc = accept_machine(c, address, err);
	if (rc < 0)
		vmm_stream_refuse(&c->stream, err);
	return rc < 0 && c->stage == CVMM_STEP_STREAM ?
	       vsu_error_prefix(err, rc, "option --incoming") : rc;
}

int vmm_configuration_read(struct vmm_configuration *c, struct vmm_own_rows *own,
			   const struct vmm_arguments *given, const struct vmm_log *log,
			   const struct vmm_peer_guard *guard, struct vsu_error *err)
{
	const struct vmm_argument *source = vmm_arguments_find(given, "incoming"), *from;
	int rc;

	memset(c, 0, sizeof(*c));
	c->log = log;
	c->guard = guard;
	c->own = vmm_own_rows_ref(own);
	c->stage = CVMM_STEP_CONFIGURATION;
	rc = vmm_descriptors_check(given, err);
	if (!rc)
		rc = copy_given(c, given, err);
	if (rc < 0)
		return rc;
	if (source)
		return read_incoming(c, source->value.text, err);
	from = vmm_arguments_find(&c->given, "from");
	return from ? change_saved(c, from->value.text, err) : read_cpu(c, err);
}

/* The options of the machine of which this one is a clone. */
static int read_cloned(struct vmm_options *options, struct vmm_options *saved,
		       const struct vmm_configuration *c, struct vsu_error *err)
{
	int rc = vmm_options_read(saved, &c->saved, err);

	if (rc < 0)
		return cvmm_exit_status(CVMM_STEP_CONFIGURATION,
				       vsu_error_prefix(err, rc, "option --clone"));
	options->start.saved = &saved->machine;
	return VSU_EXIT_OK;
}

static int read_merged(struct vmm_options *options, const struct vmm_arguments *all, struct vsu_error *err)
{
	int rc = vmm_options_read(options, all, err);

	if (rc < 0)
		return rc;
	rc = vmm_options_continue(options, err);
	if (rc < 0)
		vmm_options_free(options);
	return rc;
}

int vmm_configuration_parse(struct vmm_configuration *c, struct vmm_options *options,
			    struct vmm_options *saved, struct vsu_error *err)
{
	int rc = c->merged ? read_merged(options, &c->all, err) : vmm_options_read(options, &c->given, err);

	if (rc < 0 && c->incoming)
		vmm_stream_refuse(&c->stream, err);
	if (c->incoming)
		options->start.stream = &c->stream;
	options->start.channels = &c->channels;
	if (rc < 0)
		return cvmm_exit_status(CVMM_STEP_OPTIONS, rc);
	return options->start.clone ? read_cloned(options, saved, c, err) : VSU_EXIT_OK;
}

void vmm_configuration_free(struct vmm_configuration *c)
{
	if (c->incoming)
		vmm_stream_close(&c->stream);
	vmm_channels_close(&c->channels);
	vmm_arguments_free(&c->all);
	vmm_arguments_free(&c->saved);
	vmm_arguments_free(&c->given);
	vmm_own_rows_unref(c->own);
	c->own = NULL;
	free(c->text);
	free(c->cpu);
	c->text = c->cpu = NULL;
}
