/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Opens the control socket of a machine, and passes its events to clients. */
#include <config.h>

#include <stdlib.h>

#include "control/event_line.h"
#include "control/machine_socket.h"
#include "control/waiting.h"
#include <cvmm/requests.h>

static void on_listen(void *opaque, bool listens)
{
	const struct vmm_machine_socket *s = opaque;

	if (s->machine)
		(void)!cvmm_machine_choose_events(s->machine, listens ? CVMM_EVENTS_ALL : 0, NULL);
}

static bool on_forget(void *opaque, const struct vmm_deferred *deferred)
{
	const struct vmm_machine_socket *s = opaque;

	return cvmm_machine_forget_answer(s->machine, vmm_deferred_answer, deferred);
}

int vmm_machine_socket_open(struct vmm_machine_socket *s, const struct vmm_machine_socket_config *config,
			    struct vsu_error *err)
{
	const struct vmm_control_config socket = {
		.loop = config->loop, .owner = config->opaque, .log = config->log,
		.closer = config->closer, .path = config->path, .fd = config->fd,
		.commands = { config->commands, s, &s->machine }, .listen = on_listen,
		.forget = on_forget,
	};
	int rc = vmm_control_new(&socket, &s->control, err);

	if (rc < 0 || !config->path || !config->access)
		return rc;
	rc = devkind_socket_access_apply(config->access, config->path, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --control") : 0;
}

void vmm_machine_socket_close(struct vmm_machine_socket *s)
{
	vmm_control_free(s->control);
	s->control = NULL;
}

void vmm_machine_socket_event(const struct vmm_machine_socket *s, const struct cvmm_event *event)
{
	char *line;

	if (!vmm_control_is_heard(s->control))
		return;
	line = vmm_event_line(event);
	vmm_control_publish(s->control, line);
	free(line);
}
