/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A machine before it is made. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/configured.h"
#include "api/options.h"

int cvmm_priv_configuration_read(struct cvmm_configuration *c, const struct cvmm_options *o,
				 const struct vmm_log *log, const struct vmm_peer_guard *guard,
				 struct vsu_error *err)
{
	int rc = vmm_arguments_write(&o->arguments, &c->words, err);
	char **argv = rc < 0 ? NULL : calloc((size_t)c->words.n + 2, sizeof(*argv));

	c->read.stage = VMM_STAGE_CONFIGURATION;
	if (!rc && !argv)
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (rc < 0)
		return vmm_exit_status(c->read.stage, rc);
	argv[0] = (char[]){ "run" };
	memcpy(argv + 1, c->words.words, (size_t)c->words.n * sizeof(*argv));
	rc = vmm_configuration_read(&c->read, c->words.n + 1, argv, log, guard, err);
	free(argv);
	return rc < 0 ? vmm_exit_status(c->read.stage, rc) :
			vmm_configuration_parse(&c->read, &c->options, &c->saved, err);
}

void cvmm_priv_configuration_fini(struct cvmm_configuration *c)
{
	vmm_options_free(&c->options);
	vmm_options_free(&c->saved);
	vmm_configuration_free(&c->read);
	vmm_words_free(&c->words);
}

int cvmm_configuration_new(const struct cvmm_options *options, const struct cvmm_reader *given,
			   struct cvmm_configuration **out, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct cvmm_reader reader = { .size = 0 };
	struct cvmm_configuration *c;
	int status, rc = given ? vsu_copy_sized(&reader, sizeof(reader), given, "struct cvmm_reader", err) : 0;

	if (!rc && !options)
		rc = vsu_error_set(err, -EINVAL, "options is NULL; make them by cvmm_options_new()");
	if (rc < 0)
		return rc;
	c = calloc(1, sizeof(*c));
	if (!c)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	c->log = (struct vmm_log){ reader.log, reader.opaque };
	status = cvmm_priv_configuration_read(c, options, &c->log, NULL, &why);
	if (!status) {
		*out = c;
		return 0;
	}
	if (reader.status)
		*reader.status = status;
	if (err)
		*err = why;
	cvmm_configuration_free(c);
	return why.code;
}

void cvmm_configuration_free(struct cvmm_configuration *c)
{
	if (!c)
		return;
	cvmm_priv_configuration_fini(c);
	free(c);
}
