/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The daemons of a command line. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "common/daemons.h"
#include "common/spawn/spawn.h"

/* A guest's restart changes no folder, so a relative path stays valid; but not a daemon's. */
static int set_folder(struct vmm_starter_setup *setup, const struct vmm_program_options *o,
		      struct vsu_error *err)
{
	if (!o->daemon_path) {
		snprintf(setup->folder, sizeof(setup->folder), "%s",
			 vmm_spawn_default_folder());
		return 0;
	}
	if (realpath(o->daemon_path, setup->folder))
		return 0;
	return vsu_error_sys(err, -errno, "--daemon-path: '%s'", o->daemon_path);
}

static int set_common(struct vmm_starter_setup *setup, const struct vmm_program_options *o,
		      struct vsu_error *err)
{
	const size_t size = sizeof(setup->common[0]);
	const char *text, *name;
	unsigned int i, n = 0;

	for (i = 0; i < VMM_DAEMON_OPTIONS; i++) {
		text = vmm_option_of_daemons(o, i, &name);
		if (text && n < VMM_STARTER_COMMON &&
		    snprintf(setup->common[n++], size, "--%s=%s", name, text) >= (int)size)
			return vsu_error_set(err, -EINVAL, "--%s '%s' is too long for a daemon", name, text);
	}
	return 0;
}

/* A descriptor that is not open would be one that this program opens later. */
static int check_descriptors(const struct vmm_daemon_spec *spec, struct vsu_error *err)
{
	struct vmm_daemon_value v = { .next = 0 };
	char option[VMM_DAEMON_OPTION_MAX];

	while (vmm_daemon_next_fd(spec, &v))
		if (v.fd <= STDERR_FILENO || fcntl(v.fd, F_GETFD) < 0)
			return vsu_error_set(err, -EBADF, "backend=spawn: '%s': descriptor %d is not open, or is a standard stream; pass one of 3 or above",
					     vmm_daemon_option(&v, v.fd, option), v.fd);
	return 0;
}

static int add_device(struct vmm_starter_setup *setup, const struct cvmm_server *server,
		      struct vsu_error *err)
{
	struct vmm_daemon_spec *out = &setup->devices[setup->n];
	int rc;

	if (setup->n == VMM_STARTER_DEVICES)
		return vsu_error_set(err, -E2BIG, "backend=spawn: more than %d devices", VMM_STARTER_DEVICES);
	setup->n++;
	if (vmm_daemon_spec_make(out, server) < 0)
		return vsu_error_set(err, -E2BIG, "backend=spawn: the options of the daemon are too long");
	rc = vmm_spawn_find(setup->folder, server->kind, err);
	return rc ? rc : check_descriptors(out, err);
}

/* From here only the starter and the daemons have them. */
static void close_descriptors(const struct vmm_starter_setup *setup)
{
	unsigned int i;

	for (i = 0; i < setup->n; i++) {
		struct vmm_daemon_value v = { .next = 0 };

		while (vmm_daemon_next_fd(&setup->devices[i], &v))
			vsu_fd_close(&v.fd);
	}
}

static struct vmm_starter_setup setup;

static int set_process(const struct vmm_program_options *options, struct vsu_error *err)
{
	const int rc = set_folder(&setup, options, err);

	/* the others restrict no files */
	setup.locked = options->confinement.how == VMM_SANDBOX_ON;
	return rc ? rc : set_common(&setup, options, err);
}

int vmm_daemons_begin(const struct vmm_program_options *options, struct vmm_spawner *spawner,
		      struct vsu_error *err)
{
	const int rc = set_process(options, err);

	setup.open = true;
	return rc ? rc : vmm_spawn_prepare(spawner, &setup, err);
}

int vmm_daemons_prepare(const struct cvmm_configuration *machine,
			const struct vmm_program_options *options, struct vmm_spawner *spawner,
			struct vsu_error *err)
{
	struct cvmm_server server;
	unsigned int i;
	int rc = setup.open ? 0 : set_process(options, err);

	for (i = 0; !rc && !cvmm_configuration_get_server(machine, i, &server, NULL); i++)
		rc = add_device(&setup, &server, err);
	if (!rc && !setup.n && !options->daemon_path)
		vmm_spawn_end(spawner);
	else if (!rc)
		rc = setup.open ? vmm_spawn_list(spawner, &setup, err) :
				  vmm_spawn_prepare(spawner, &setup, err);
	if (!rc)
		close_descriptors(&setup);
	return rc;
}
