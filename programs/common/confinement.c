/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The plan of a process that runs guests. */
#include <config.h>

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>

#include <device-kinds/disk.h>

#include "common/confinement.h"
#include "common/helpers.h"

#define BIT(capability) (UINT64_C(1) << (capability))

/* Every machine opens files of any user and locks memory; options add other capabilities. */
#define COMMON_CAPABILITIES (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_IPC_LOCK))
#define FOLDER_CAPABILITIES							\
	(BIT(CAP_CHOWN) | BIT(CAP_FOWNER) | BIT(CAP_FSETID) | BIT(CAP_SETGID) |		\
	 BIT(CAP_SETUID))

/*
 * Room for 32 devices that are added later: a back-end with 64 queues needs 200, its
 * memory and session a few more.
 */
#define MORE_FDS 8192u

/* Requirements of devices that this process serves. */
struct device_needs {
	bool net, folder;
	uint32_t makes;		/* enum cvmm_makes */
};

/* Temporary files of a device are no folder of the guest. */
static struct device_needs device_needs_of(const struct cvmm_configuration *c)
{
	struct device_needs needs = { .net = false };
	struct cvmm_reference r = { .size = sizeof(r) };
	unsigned int i;

	for (i = 0; !cvmm_configuration_get_reference(c, i, &r, NULL); i++) {
		needs.net |= r.kind == CVMM_REFERENCE_INTERFACE;
		needs.folder |= r.kind == CVMM_REFERENCE_FOLDER && r.device >= 0 && r.access != CVMM_ACCESS_CREATE;
		needs.makes |= r.makes;
	}
	return needs;
}

/* -------------------------------------------------------------------- the jail */

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, 0 };
static const int ignored[] = { 0 };
static const struct confine_keeping keeping = { .forwarded = forwarded, .ignored = ignored };

static int plan_jail(struct confine_plan *plan, const struct vmm_program_options *o, bool runs_command,
		     struct vsu_error *err)
{
	if (!o->jail)
		return 0;
	if (runs_command)
		return vsu_error_set(err, -EOPNOTSUPP, "--jail: --incoming exec: would run its command outside the jail; use unix:, tcp: or fd:");
	if (o->confinement.how != VMM_SANDBOX_ON)
		return vsu_error_set(err, -EINVAL, "--jail needs --sandbox=on: a process that keeps its capabilities could leave the jail");
	plan->root = CONFINE_ROOT_FILES;
	plan->keeping = &keeping;
	plan->option = "--jail";
	plan->remedy = "run cvmm as root with CAP_SYS_ADMIN, permit user namespaces (sysctl user.max_user_namespaces, seccomp and AppArmor of a container), or leave --jail out";
	return 0;
}

const char *vmm_confinement_without_network(const struct vmm_program_options *options)
{
	return options->jail ? "this machine is in a jail without a network (--jail); use 'cvmm ctl SOCKET migrate exec:COMMAND', which starts the command outside, or unix: or fd:" : NULL;
}

/* ------------------------------------------------------------------- the rights */

static void plan_sandbox(struct confine_plan *plan, enum vmm_sandbox_how how)
{
	static const struct {
		unsigned int drops;
		enum call_filter_action action;
	} sandboxes[] = {
		[VMM_SANDBOX_ON] = { CONFINE_DROP_RIGHTS | CONFINE_DROP_TRACING, CALL_FILTER_FAIL },
		[VMM_SANDBOX_LOG] = { 0, CALL_FILTER_LOG },
		[VMM_SANDBOX_OFF] = { 0, CALL_FILTER_NONE },
	};

	plan->drops = sandboxes[how].drops;
	plan->action = sandboxes[how].action;
}

static uint64_t capabilities_of(const struct vmm_program_options *o, const struct device_needs *needs)
{
	uint64_t kept = COMMON_CAPABILITIES | (needs->folder ? FOLDER_CAPABILITIES : 0) |
			(needs->makes & CVMM_MAKES_NODES ? BIT(CAP_MKNOD) : 0) |
			(needs->makes & CVMM_MAKES_CAPABILITIES ? BIT(CAP_SETFCAP) : 0);

	/* those of the user until it changes */
	if (o->user)
		kept |= BIT(CAP_SETUID) | BIT(CAP_SETGID);
	return kept | (o->sockets.group ? BIT(CAP_CHOWN) : 0);
}

/* A build that lacks something by design complains only if the user gave the option. */
static enum vsu_log_level complaint_level(const struct vmm_program_options *o)
{
#if defined(UNDER_SANITIZER) || defined(UNDER_COVERAGE)
	return o->sandbox ? VSU_LOG_WARNING : VSU_LOG_INFO;
#else
	(void)o;
	return VSU_LOG_WARNING;
#endif
}

/*
 * The taps are opened by the main thread while the machine is made; a guest that reboots gets a
 * new machine, which opens them again. A folder that is shared needs a descriptor for each
 * inode that the guest has looked up.
 */
static void plan_rights(struct confine_plan *plan, const struct vmm_program_options *o,
			const struct device_needs *needs)
{
	plan_sandbox(plan, o->confinement.how);
	plan->capabilities = plan->own_capabilities = capabilities_of(o, needs);
	plan->making_capabilities = needs->net ? BIT(CAP_NET_ADMIN) : 0;
	plan->made_again = o->restart;
	plan->connects = true;
	plan->landlock = o->sandbox ? CONFINE_LANDLOCK_USED : CONFINE_LANDLOCK_WANTED;
	plan->complaint = complaint_level(o);
	plan->complaint_prefix = "--sandbox: ";
	plan->spare_fds = needs->folder ? 0 : MORE_FDS;
}

int vmm_confinement_make(struct vmm_confinement *c, const struct cvmm_configuration *machine,
			 const struct vmm_program_options *options, bool runs_command,
			 struct vsu_error *err)
{
	const struct vmm_sandbox_option *sandbox = &options->confinement;
	const struct device_needs needs = device_needs_of(machine);
	const struct vmm_call_needs calls = {
		.folder = needs.folder || sandbox->nfolders, .user = options->user,
		.sockets = options->sockets.given ? &options->sockets.access : NULL,
	};
	const struct confine_plan former = c->plan;
	int rc;

	c->plan = (struct confine_plan)CONFINE_PLAN_INIT;
	if (c->separated) {
		c->plan.leash = former.leash;
		c->plan.own_users = former.own_users;
		c->plan.user = former.user;
	}
	plan_rights(&c->plan, options, &needs);
	c->plan.filter_complaint = c->plan.complaint;
	vmm_process_calls(&c->plan, &calls, &c->sockets);
	rc = plan_jail(&c->plan, options, runs_command, err);
	return rc || c->separated ? rc :
	       confine_user_find(&c->plan, options->user, CONFINE_SETTLE, err);
}

int vmm_confinement_separate(struct vmm_confinement *c, struct vsu_error *err)
{
	const int rc = c->separated ? 0 : confine_execute(&c->plan, CONFINE_SEPARATE, err);

	c->separated = true;
	return rc;
}

/* A module that is not installed is missed when it is used. */
static int load_modules(const struct vmm_program_options *o, bool tls, struct vsu_error *err)
{
	(void)!devkind_disk_load("nbd://", NULL);
	return tls || o->confinement.tls ? cvmm_tls_load(err) : 0;
}

/* A jail is made later. */
static void plan_receiving(struct confine_plan *plan, const struct vmm_program_options *o)
{
	plan_sandbox(plan, o->confinement.how);
	plan->capabilities = COMMON_CAPABILITIES | FOLDER_CAPABILITIES | BIT(CAP_MKNOD) |
			     BIT(CAP_SETFCAP) | BIT(CAP_NET_ADMIN) |
			     (o->jail ? BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_CHROOT) : 0);
	plan->own_capabilities = plan->capabilities;
	plan->any_file = "the source of the machine names them";
	plan->complaint = plan->filter_complaint = VSU_LOG_DEBUG;
	plan->complaint_prefix = "--incoming: ";
}

int vmm_confinement_receive(struct vmm_confinement *c, const struct vmm_program_options *options,
			    bool tls, struct vsu_error *err)
{
	const struct vmm_call_needs calls = {
		.folder = true, .user = options->user,
		.sockets = options->sockets.given ? &options->sockets.access : NULL,
	};
	struct confine_plan plan = CONFINE_PLAN_INIT;
	struct vmm_socket_calls sockets;
	int rc;

	if (options->confinement.how == VMM_SANDBOX_OFF)
		return 0;
	vmm_helpers_find();
	plan_receiving(&plan, options);
	plan.own_users = c->plan.own_users;
	vmm_receiving_calls(&plan, &calls, options->jail, &sockets);
	rc = load_modules(options, tls, err);
	rc = rc < 0 ? rc : confine_execute(&plan, CONFINE_CLOSE, err);
	return rc < 0 ? rc : confine_execute(&plan, CONFINE_FILTER, err);
}

int vmm_confinement_close(struct vmm_confinement *c, const struct cvmm_configuration *machine,
			  const struct vmm_program_options *options, struct vsu_error *err)
{
	int rc = confine_execute(&c->plan, CONFINE_STAGE, err);

	rc = rc < 0 ? rc : vmm_confinement_files(&c->plan, machine, options, err);
	rc = rc < 0 ? rc : confine_execute(&c->plan, CONFINE_CLOSE, err);
	if (!rc && !(c->plan.drops & CONFINE_DROP_TRACING))
		confine_permit_tracing();
	return rc < 0 ? rc : confine_execute(&c->plan, CONFINE_FILTER, err);
}
