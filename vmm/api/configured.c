/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine before it is made. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/configured.h"
#include "api/options.h"
#include "config/options.h"

int cvmm_priv_configuration_read(struct cvmm_configuration *c, const struct cvmm_options *o,
				 const struct vmm_log *log, const struct vmm_peer_guard *guard,
				 struct vsu_error *err)
{
	const int rc = vmm_configuration_read(&c->read, o->own, &o->arguments, log, guard, err);

	return rc < 0 ? cvmm_exit_status(c->read.stage, rc) :
			vmm_configuration_parse(&c->read, &c->options, &c->saved, err);
}

void cvmm_priv_configuration_fini(struct cvmm_configuration *c)
{
	vmm_options_free(&c->options);
	vmm_options_free(&c->saved);
	vmm_configuration_free(&c->read);
}

/* The process is confined before a source can name files. */
static int begin_receiving(void *opaque, const char *address, const struct vmm_arguments *given,
			   struct vmm_stream *stream, enum cvmm_step *stage, struct vsu_error *err)
{
	struct cvmm_configuration *c = opaque;
	struct cvmm_source source = {
		.size = sizeof(source), .address = address, .process = stream->child,
		.process_ms = VMM_STREAM_CHILD_MS, .leash = -1,
	};
	const int rc = c->reader.receive(c->reader.opaque, c, &source, err);

	(void)given;
	*stage = CVMM_STEP_OPTIONS;
	c->refused = source.status;
	if (source.leash >= 0)
		stream->leash = source.leash;
	return rc;
}

/* 0, or an exit status. */
static int read_for(struct cvmm_configuration *c, const struct cvmm_options *options, struct vsu_error *err)
{
	const struct vmm_peer_guard guard = { begin_receiving, c };
	const int status = cvmm_priv_configuration_read(c, options, &c->log, c->reader.receive ? &guard : NULL, err);
	const char *name = c->options.machine.kernel, *path;

	if (status)
		return c->refused ? c->refused : status;
	path = name && c->reader.kernel ? c->reader.kernel(c->reader.opaque, name) : NULL;
	if (path)
		c->options.machine.kernel = path;
	return 0;
}

int cvmm_configuration_new(const struct cvmm_options *options, const struct cvmm_reader *reader,
			   struct cvmm_configuration **out, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_configuration *c;
	int status, rc = options ? 0 :
			 vsu_error_set(err, -EINVAL, "options is NULL; make them by cvmm_options_new()");

	*out = NULL;
	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	if (reader)
		rc = vsu_copy_sized(&c->reader, sizeof(c->reader), reader, "struct cvmm_reader", err);
	if (rc < 0) {
		free(c);
		return rc;
	}
	c->log = (struct vmm_log){ c->reader.log, c->reader.opaque };
	status = read_for(c, options, &why);
	if (!status) {
		*out = c;
		return 0;
	}
	if (c->reader.status)
		*c->reader.status = status;
	if (err)
		*err = why;
	cvmm_configuration_free(c);
	return why.code;
}

int cvmm_configuration_get_option(const struct cvmm_configuration *c, unsigned int i,
				  struct cvmm_option *out, struct vsu_error *err)
{
	return cvmm_priv_option_get(c->read.merged ? &c->read.all : &c->read.given, i, out, err);
}

void cvmm_configuration_reboot(struct cvmm_configuration *c)
{
	c->options.start.from = NULL;
	c->options.start.stream = NULL;
	c->options.start.rebooted = true;
}

void cvmm_configuration_free(struct cvmm_configuration *c)
{
	if (!c)
		return;
	cvmm_priv_configuration_fini(c);
	free(c);
}
