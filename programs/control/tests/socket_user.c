/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Serves the user of a machine by its control socket. */
#include <config.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <vmm-sys-util/log_level.h>

#include "owner.h"
#include "machine/user.h"
#include "control/commands.h"
#include "control/machine_socket.h"

static struct vmm_machine_socket machine_socket;

static const char *log_level(const char *name)
{
	static unsigned int level = VSU_LOG_WARNING;
	unsigned int i;

	for (i = 0; name && vsu_log_level_name(i) && strcmp(vsu_log_level_name(i), name); i++)
		;
	if (name && !vsu_log_level_name(i))
		return NULL;
	level = name ? i : level;
	return vsu_log_level_name(level);
}

static void on_line(void *opaque, enum cvmm_log_level level, const char *cause, const char *text)
{
	(void)level;
	tests_line(opaque, CVMM_LOG_WARNING, cause, text);
}

static struct vsu_closer *closer(void *opaque)
{
	return tests_closer_get(opaque, NULL);
}

static int begin(struct vsu_error *err)
{
	const struct vmm_machine_socket_config config = {
		.loop = rig.machine.loop, .log = on_line, .closer = closer, .path = "control",
		.commands = vmm_machine_commands,
	};

	machine_socket = (struct vmm_machine_socket){ .machine = &rig.owned, .log_level = log_level };
	return vmm_machine_socket_open(&machine_socket, &config, err);
}

static void end(void)
{
	vmm_machine_socket_close(&machine_socket);
}

static void event(const struct cvmm_event *e)
{
	vmm_machine_socket_event(&machine_socket, e);
}

static int connect_user(void)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "control" };
	int user = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(user, 0);
	ck_assert_int_eq(connect(user, (const struct sockaddr *)&addr, sizeof(addr)), 0);
	return user;
}

const struct rig_user usual_user = { .begin = begin, .end = end, .connect = connect_user, .event = event };
