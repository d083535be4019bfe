/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a program that embeds it. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "api/machine_private.h"
#include "api/options.h"

/* ------------------------------------------------------------------- the owner */

static void on_event(void *opaque, const struct cvmm_event *event)
{
	const struct cvmm_machine *m = opaque;

	if (m->host.event)
		m->host.event(m->host.opaque, event);
}

static void on_line(void *opaque, enum vmm_log_level level, const char *cause, const char *text)
{
	static const enum cvmm_log_level levels[] = {
		[VMM_LOG_ERROR] = CVMM_LOG_ERROR, [VMM_LOG_WARNING] = CVMM_LOG_WARNING,
		[VMM_LOG_INFO] = CVMM_LOG_INFO,
	};
	const struct cvmm_machine *m = opaque;

	if (m->host.log)
		m->host.log(m->host.opaque, levels[level], cause, text);
}

static void on_thread(void *opaque)
{
	const struct cvmm_machine *m = opaque;

	m->host.begin_thread(m->host.opaque);
}

static void on_stuck(void *opaque, int status, const struct vsu_error *why)
{
	const struct cvmm_machine *m = opaque;

	(void)status;
	if (m->host.stuck)
		m->host.stuck(m->host.opaque, why);
}

static struct vsu_closer *closer_of(void *opaque, struct vsu_error *err)
{
	const struct cvmm_machine *m = opaque;

	(void)err;
	return m->host.closer;
}

static struct vmm_owner owner_of(struct cvmm_machine *m)
{
	if (m->host.begin_thread)
		m->threads = (struct prog_threads){ .begin = on_thread, .opaque = m };
	return (struct vmm_owner){
		.opaque = m, .sigbus = m->host.sigbus,
		.log = { .line = on_line, .opaque = m },
		.closer = { .get = closer_of, .opaque = m },
		.event = on_event, .kvm = m->host.kvm, .threads = &m->threads, .pagemap_fd = -1, .abandon = on_stuck,
		.in_fd = m->host.stdio ? m->host.stdio[0] : -1,
		.out_fd = m->host.stdio ? m->host.stdio[1] : -1,
	};
}

/* ---------------------------------------------------------------------- life */

static int read_options(struct cvmm_machine *m, const struct cvmm_options *o,
			const struct vmm_log *log, struct vsu_error *err)
{
	char **argv = calloc(o->n + 2, sizeof(*argv));
	int rc;

	if (!argv)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	argv[0] = (char[]){ "run" };
	if (o->n)
		memcpy(argv + 1, o->words, o->n * sizeof(*argv));
	rc = vmm_configuration_read(&m->configuration, (int)o->n + 1, argv, log, err);
	if (!rc && vmm_configuration_parse(&m->configuration, &m->options, &m->saved, err))
		rc = err->code;
	free(argv);
	return rc;
}

static void machine_discard(struct cvmm_machine *m)
{
	vmm_options_free(&m->options);
	vmm_options_free(&m->saved);
	vmm_configuration_free(&m->configuration);
	free(m);
}

int cvmm_priv_copy(void *to, size_t size, const void *from, const char *name,
		   struct vsu_error *err)
{
	size_t given;

	memcpy(&given, from, sizeof(given));
	if (given < sizeof(given))
		return vsu_error_set(err, -EINVAL, "struct %s without its size", name);
	memset(to, 0, size);
	memcpy(to, from, given < size ? given : size);
	return 0;
}

static int copy_host(struct cvmm_host *to, const struct cvmm_host *host, struct vsu_error *err)
{
	unsigned int i;
	int rc;

	if (!host)
		return 0;
	rc = cvmm_priv_copy(to, sizeof(*to), host, "cvmm_host", err);
	if (rc < 0)
		return rc;
	for (i = 0; to->stdio && i < 2; i++)
		if (fcntl(to->stdio[i], F_GETFD) < 0)
			return vsu_error_set(err, -EBADF, "descriptor %d of stdio is not open",
					     to->stdio[i]);
	return 0;
}

int cvmm_machine_new(const struct cvmm_options *options, const struct cvmm_host *host,
		     struct cvmm_machine **out, struct vsu_error *err)
{
	struct cvmm_machine *m = calloc(1, sizeof(*m));
	struct vsu_error why = VSU_ERROR_INIT;
	struct vmm_owner owner;
	int rc;

	if (!m)
		return vsu_error_set(err, -ENOMEM, "no memory for a machine");
	rc = copy_host(&m->host, host, &why);
	owner = owner_of(m);
	if (!rc)
		rc = read_options(m, options, &owner.log, &why);
	if (!rc && vmm_machine_make(&m->machine, &m->options.machine, &m->options.start, &owner, &why)) {
		rc = why.code;
		vmm_machine_free(&m->machine);
	}
	if (rc < 0) {
		machine_discard(m);
		if (err)
			*err = why;
		return rc;
	}
	*out = m;
	return 0;
}

static void machine_end(struct cvmm_machine *m, int rc)
{
	m->state = ENDS;
	m->status = vmm_machine_end(&m->machine, rc, &m->why);
	m->state = ENDED;
}

int cvmm_machine_start(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc;

	if (m->state != MADE)
		return vsu_error_set(err, -EINVAL, "the machine was started before");
	rc = vmm_machine_start(&m->machine, &m->why);
	m->state = RUNS;
	if (!rc)
		return 0;
	if (err)
		*err = m->why;
	machine_end(m, rc);
	return rc;
}

int cvmm_machine_fd(const struct cvmm_machine *m)
{
	return vmm_loop_fd(m->machine.loop);
}

/* The loop has no turn within a turn, which a callback would begin. */
bool cvmm_machine_dispatch(struct cvmm_machine *m)
{
	if (m->inside || m->state == ENDS || m->state == ENDED)
		return m->state != ENDED;
	m->inside = true;
	if (!vmm_loop_dispatch(m->machine.loop) && m->state == RUNS)
		machine_end(m, 0);
	m->inside = false;
	return m->state != ENDED;
}

int cvmm_machine_status(const struct cvmm_machine *m, struct vsu_error *why)
{
	if (m->state != ENDED)
		return vsu_error_set(why, -EAGAIN, "the machine has not ended");
	if (why)
		*why = m->why;
	return m->status;
}

void cvmm_machine_kill(struct cvmm_machine *m)
{
	vmm_cpus_end(m->machine.cpus, VSU_EXIT_FAIL, "the program ended the machine");
}

void cvmm_machine_free(struct cvmm_machine *m)
{
	if (!m)
		return;
	if (m->state == RUNS) {
		vmm_cpus_end(m->machine.cpus, VSU_EXIT_FAIL, "the program freed the machine");
		machine_end(m, 0);
	}
	vmm_machine_free(&m->machine);
	machine_discard(m);
}
