/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The options of a migration. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>

#include "migration/channels.h"
#include "transfer/migrate_options.h"

#define DOWNTIME_MS 300u

/* Numbers, with their limits and their names in messages. */
static const struct number {
	const char *name, *what;
	unsigned int min, max;
} downtime = { "downtime", "number of milliseconds", 1, 60000 },
  connections = { "connections", "number", 1, VMM_CHANNELS_MAX },
  rounds = { "postcopy", "number of rounds", 0, 1000 };

static int check_number(const struct number *n, uint64_t value, struct vsu_error *err)
{
	return value >= n->min && value <= n->max ?
	       0 : vsu_error_set(err, -EINVAL, "%s: '%" PRIu64 "' is not a %s from %u to %u", n->name, value,
				 n->what, n->min, n->max);
}

/* The address has the number of an own descriptor. */
static int use_socket(struct vmm_migrate_options *o, const struct cvmm_migration *from,
		      struct vsu_error *err)
{
	int rc = vmm_address_check_socket(from->sock, err);

	if (rc < 0)
		return rc;
	o->fd = vsu_fd_dup(from->sock);
	if (o->fd < 0)
		return vsu_error_sys(err, o->fd, "the socket");
	if (asprintf(&o->address, "%sfd:%d", from->passes_memory ? "unix:" : "", o->fd) >= 0)
		return 0;
	o->address = NULL;
	return vsu_error_set(err, -ENOMEM, "no memory for an address");
}

static int use_address(struct vmm_migrate_options *o, const char *address, struct vsu_error *err)
{
	o->address = strdup(address);
	return o->address ? vmm_address_check(address, err) :
			    vsu_error_set(err, -ENOMEM, "no memory for an address");
}

static int check_numbers(const struct vmm_migrate_options *o, const char *address,
			 struct vsu_error *err)
{
	const bool single = !address || vmm_address_is_single(address);
	int rc = check_number(&downtime, o->downtime_ms, err);

	if (!rc)
		rc = check_number(&connections, o->connections, err);
	if (!rc)
		rc = check_number(&rounds, o->rounds, err);
	if (!rc && o->rounds && !o->postcopy)
		rc = vsu_error_set(err, -EINVAL, "rounds is %u without postcopy, of which they are; leave it out", o->rounds);
	if (!rc && o->connections > 1 && single)
		rc = vsu_error_set(err, -EINVAL, "connections: exec: and fd: use only one connection");
	return rc;
}

int vmm_migrate_options_init(struct vmm_migrate_options *o, const struct cvmm_migration *from,
			     struct vsu_error *err)
{
	int rc;

	*o = (struct vmm_migrate_options){
		.downtime_ms = from->downtime_ms ? from->downtime_ms : DOWNTIME_MS,
		.connections = from->connections ? from->connections : 1,
		.rate = from->rate, .converge = from->auto_converge, .fd = -1,
		.postcopy = from->postcopy, .rounds = from->rounds,
	};
	rc = check_numbers(o, from->address, err);
	if (!rc && from->address && from->passes_memory)
		rc = vsu_error_set(err, -EINVAL, "passes_memory with the address '%s'; it is for sock, and unix:PATH passes memory", from->address);
	if (rc < 0)
		return rc;
	return from->address ? use_address(o, from->address, err) : use_socket(o, from, err);
}

int vmm_migrate_check_path(const struct vmm_migrate_options *o, const char *no_path, struct vsu_error *err)
{
	if (strncmp(o->address, "unix:", 5) != 0 || o->fd >= 0 ||
	    !access(o->address + 5, F_OK))
		return 0;
	return vsu_error_set(err, -ENOENT, "'%s' %s", o->address, no_path);
}

void vmm_migrate_options_free(struct vmm_migrate_options *o)
{
	free(o->address);
	o->address = NULL;
	vsu_fd_close(&o->fd);
}
