/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of the owner: commands by words, and as functions. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/sized.h>

#include "api/machine_private.h"
#include "commands/requests.h"
#include "cvmm/requests.h"

static int check_runs(const struct cvmm_machine *m, struct vsu_error *err)
{
	return m->state == RUNS ? 0 : vsu_error_set(err, -EAGAIN, "the machine does not run");
}

/* The end that its owner has requested, which cvmm_exec reports. */
static void note_stop(struct cvmm_machine *m, const char *command)
{
	if (!strcmp(command, "quit"))
		m->stopped = true;
}

int cvmm_machine_command(struct cvmm_machine *m, const char *const *words, const int *fds,
			 unsigned int nfds, cvmm_answer_fn answer, void *opaque,
			 struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = words ? vsu_check_array(fds, nfds, "fds", &why) :
			 vsu_error_set(&why, -EINVAL, "words is NULL; name a command");

	if (!rc)
		rc = check_runs(m, &why);
	if (!rc)
		rc = vmm_control_call(m->machine.control, words, fds, nfds, answer, opaque, &why);
	if (!rc && words[0])
		note_stop(m, words[0]);
	if (rc < 0 && err)
		*err = why;
	return rc;
}

static int request_begin(struct cvmm_machine *m, const struct vmm_typed_command *request,
			 cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	int rc = vsu_check_array(request->fds, request->nfds, "fds", &why);

	if (!rc)
		rc = check_runs(m, &why);
	if (!rc)
		rc = vmm_control_call_typed(m->machine.control, request, answer, opaque, &why);
	if (!rc)
		note_stop(m, request->command);
	if (rc < 0 && err)
		*err = why;
	return rc;
}

static int check_properties(const char *properties, struct vsu_error *err)
{
	return properties ? 0 :
	       vsu_error_set(err, -EINVAL, "properties is NULL; expected a list such as \"blk,path=disk.img\"");
}

static int request_send(struct cvmm_machine *m, const char *command, const void *argument,
			struct vsu_error *err)
{
	const struct vmm_typed_command r = { .command = command, .argument = argument };

	return request_begin(m, &r, NULL, NULL, err);
}

/* -------------------------------------------------------------- whole machine */

int cvmm_machine_pause(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "pause", NULL, err);
}

int cvmm_machine_resume(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "resume", NULL, err);
}

int cvmm_machine_press_power(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "power-button", NULL, err);
}

int cvmm_machine_reset(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "reset", NULL, err);
}

int cvmm_machine_add_cpus(struct cvmm_machine *m, unsigned int cpus, struct vsu_error *err)
{
	return request_send(m, "cpus", &cpus, err);
}

int cvmm_machine_stop(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "quit", NULL, err);
}

int cvmm_machine_save(struct cvmm_machine *m, const struct cvmm_save *save,
		      cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_save copy;
	const struct vmm_typed_command r = { .command = "save", .argument = &copy };
	int rc = vsu_copy_sized(&copy, sizeof(copy), save, "struct cvmm_save", err);

	return rc ? rc : request_begin(m, &r, answer, opaque, err);
}

int cvmm_machine_write_core(struct cvmm_machine *m, const struct cvmm_core *core,
			    cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_core copy;
	const struct vmm_typed_command r = { .command = "core", .argument = &copy };
	int rc = vsu_copy_sized(&copy, sizeof(copy), core, "struct cvmm_core", err);

	return rc ? rc : request_begin(m, &r, answer, opaque, err);
}

int cvmm_machine_migrate(struct cvmm_machine *m, const struct cvmm_migration *migration,
			 cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_migration copy;
	const struct vmm_typed_command r = { .command = "migrate", .argument = &copy };
	int rc = vsu_copy_sized(&copy, sizeof(copy), migration, "struct cvmm_migration", err);

	return rc ? rc : request_begin(m, &r, answer, opaque, err);
}

int cvmm_machine_cancel_migration(struct cvmm_machine *m, struct vsu_error *err)
{
	return request_send(m, "migrate-cancel", NULL, err);
}

/* -------------------------------------------------------------------- devices */

int cvmm_machine_add_device(struct cvmm_machine *m, const char *properties, const int *fds,
			    unsigned int nfds, unsigned int *number, cvmm_answer_fn answer,
			    void *opaque, struct vsu_error *err)
{
	const struct vmm_device_addition addition = {
		.properties = properties, .number = number,
	};
	const struct vmm_typed_command r = {
		.command = "device-add", .argument = &addition, .fds = fds, .nfds = nfds,
	};
	const int rc = check_properties(properties, err);

	return rc < 0 ? rc : request_begin(m, &r, answer, opaque, err);
}

int cvmm_machine_add_own_device(struct cvmm_machine *m, const struct cvmm_own_device *own,
				unsigned int *number, cvmm_answer_fn answer, void *opaque,
				struct vsu_error *err)
{
	struct vmm_device_addition addition = { .number = number };
	const struct vmm_typed_command r = { .command = "device-add", .argument = &addition };
	int rc = cvmm_priv_check_own(own, err);
	char *list;

	if (rc < 0)
		return rc;
	addition.own = own->dev;
	if (asprintf(&list, "own:%s", own->name) < 0)
		return vsu_error_set(err, -ENOMEM, "no memory for a device");
	addition.properties = list;
	rc = request_begin(m, &r, answer, opaque, err);
	free(list);
	return rc;
}

int cvmm_machine_remove_device(struct cvmm_machine *m, unsigned int number, bool force,
			       cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	const struct vmm_device_change change = { .number = number, .force = force, .wait = true };
	const struct vmm_typed_command r = { .command = "device-del", .argument = &change };

	return request_begin(m, &r, answer, opaque, err);
}

int cvmm_machine_resize_device(struct cvmm_machine *m, unsigned int number, uint64_t bytes,
			       struct vsu_error *err)
{
	const struct vmm_device_change change = { .number = number, .bytes = bytes };

	return request_send(m, "resize", &change, err);
}

int cvmm_machine_limit_device(struct cvmm_machine *m, unsigned int number, const char *properties,
			      struct vsu_error *err)
{
	const struct vmm_device_change change = { .number = number, .properties = properties };
	const int rc = check_properties(properties, err);

	return rc < 0 ? rc : request_send(m, "limit", &change, err);
}
