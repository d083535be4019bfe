/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Checks the configuration of a command before anything is opened. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>

#include <vmm-sys-util/parse.h>
#include <vmm-sys-util/sized.h>

#include "exec_check.h"
#include "plan_command.h"

static int check_folders(const struct cvmm_exec_config *c, struct vsu_error *err)
{
	if (c->nfolders > CVMM_EXEC_MAX_FOLDERS)
		return vsu_error_set(err, -EINVAL, "%u folders; the maximum is %d", c->nfolders, CVMM_EXEC_MAX_FOLDERS);
	return vsu_check_array(c->folders, c->nfolders, "config->folders", err);
}

/* A relative one would depend on the caller's working directory, which the guest does not have. */
static int check_paths(const char *const *paths, const char *member, struct vsu_error *err)
{
	for (; paths && *paths; paths++)
		if (**paths != '/')
			return vsu_error_set(err, -EINVAL, "config->%s: '%s' is not an absolute path of the host", member, *paths);
	return 0;
}

static int check_hidden(const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const char *const home[] = { c->home, NULL };
	int rc = check_paths(c->hide, "hide", err);

	if (!rc)
		rc = check_paths(c->show, "show", err);
	return rc < 0 ? rc : check_paths(home, "home", err);
}

static int check_network(const struct cvmm_exec_network *n, struct vsu_error *err)
{
	if (!n)
		return 0;
	if (!n->card)
		return vsu_error_set(err, -EINVAL, "config->network has no card");
	if (n->address && !vsu_is_ipv4_prefixed(n->address) && !vsu_is_ipv4(n->address))
		return vsu_error_set(err, -EINVAL, "config->network->address: '%s' is not an IPv4 address with the length of its prefix, as 192.0.2.2/24", n->address);
	if (n->gateway && !vsu_is_ipv4(n->gateway))
		return vsu_error_set(err, -EINVAL, "config->network->gateway: '%s' is not an IPv4 address", n->gateway);
	if (n->gateway && !n->address)
		return vsu_error_set(err, -EINVAL, "config->network: a gateway needs an address");
	return n->resolver && !vsu_is_ipv4(n->resolver) ?
	       vsu_error_set(err, -EINVAL, "config->network->resolver: '%s' is not an IPv4 address", n->resolver) : 0;
}

/* Members that become options of the machine. */
static int add_options(struct cvmm_options *o, const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const char *const *word;
	char cpus[16];
	int rc = 0;

	snprintf(cpus, sizeof(cpus), "%u", c->cpus);
	if (c->memory)
		rc = cvmm_options_add(o, "memory", c->memory, err);
	if (!rc && c->cpus)
		rc = cvmm_options_add(o, "cpus", cpus, err);
	if (!rc && c->image)
		rc = cvmm_options_add(o, "disk", c->image, err);
	if (!rc && c->network)
		rc = cvmm_options_add(o, "net", c->network->card, err);
	for (word = c->options; !rc && word && *word; word++)
		rc = cvmm_options_add_words(o, 1, word, err);
	return rc;
}

static int check_options(const struct cvmm_exec_config *c, struct vsu_error *err)
{
	struct cvmm_options *o;
	int rc = cvmm_options_new(&o, err);

	if (rc < 0)
		return rc;
	rc = add_options(o, c, err);
	cvmm_options_free(o);
	return rc;
}

int cvmm_priv_exec_check(const struct cvmm_exec_config *c, const struct cvmm_host *host,
			 struct vsu_error *err)
{
	int rc = cvmm_host_check(host, err);

	if (!rc)
		rc = check_folders(c, err);
	if (!rc)
		rc = check_hidden(c, err);
	if (!rc)
		rc = check_network(c->network, err);
	return rc < 0 ? rc : check_options(c, err);
}

int cvmm_priv_exec_check_command(const struct cvmm_exec_config *c, struct vsu_error *err)
{
	const struct vagent_command command = cvmm_priv_plan_command_of(c);
	int i, rc = vagent_request_check_command(&command, err);

	for (i = 0; !rc && c->streams && i < 3; i++)
		if (c->streams[i] != -1 && fcntl(c->streams[i], F_GETFD) < 0)
			rc = vsu_error_set(err, -EBADF, "config->streams[%d]: descriptor %d is not open; pass -1 for none", i, c->streams[i]);
	return rc;
}

/* ------------------------------------------------------------- parts of a config */

#define MEMBER(name, part) \
	{ #name, offsetof(struct cvmm_exec_config, name), \
	  sizeof(((struct cvmm_exec_config *)NULL)->name), CVMM_PRIV_EXEC_ ## part }
/* All but size and timeout_ms, which each part has. */
static const struct member {
	const char *name;
	size_t at, size;
	enum cvmm_priv_exec_part part;
} members[] = {
	MEMBER(command, COMMAND), MEMBER(environment, COMMAND), MEMBER(folder, COMMAND),
	MEMBER(hostname, COMMAND), MEMBER(terminal, COMMAND), MEMBER(rows, COMMAND),
	MEMBER(columns, COMMAND), MEMBER(streams, COMMAND), MEMBER(user, COMMAND),
	MEMBER(root, MACHINE), MEMBER(writable_root, MACHINE), MEMBER(folders, MACHINE),
	MEMBER(nfolders, MACHINE), MEMBER(from, MACHINE), MEMBER(kernel, MACHINE),
	MEMBER(modules, MACHINE), MEMBER(init, MACHINE), MEMBER(append, MACHINE), MEMBER(log, MACHINE),
	MEMBER(memory, MACHINE), MEMBER(cpus, MACHINE), MEMBER(options, MACHINE),
	MEMBER(hide, MACHINE), MEMBER(show, MACHINE), MEMBER(home, MACHINE),
	MEMBER(network, MACHINE), MEMBER(image, MACHINE),
};

static bool is_given(const struct cvmm_exec_config *c, const struct member *m)
{
	const unsigned char *byte = (const unsigned char *)c + m->at, *end = byte + m->size;

	while (byte < end && !*byte)
		byte++;
	return byte < end;
}

int cvmm_priv_exec_check_part(const struct cvmm_exec_config *c, enum cvmm_priv_exec_part part,
			      struct vsu_error *err)
{
	static const char *const remedies[] = {
		[CVMM_PRIV_EXEC_MACHINE] = "describes the machine; pass it to cvmm_exec_new_waiting()",
		[CVMM_PRIV_EXEC_COMMAND] = "describes the command; pass it to cvmm_exec_request()",
	};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].part != part && is_given(c, &members[i]))
			return vsu_error_set(err, -EINVAL, "the member '%s' %s", members[i].name, remedies[members[i].part]);
	return 0;
}
