/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Makes a template. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vm-agent/initrd.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>

#include "child/child.h"
#include "exec/exec_beside.h"
#include "exec/template_maker.h"
#include "confine/denied_calls.h"
#include "cvmm/requests.h"

/* -------------------------------------------------------------------- prepare */

static int find_kernel(const char *given, char path[PATH_MAX], struct vsu_error *err)
{
	char found[VAGENT_KERNEL_PATH];
	int rc = given ? 0 : vagent_host_kernel("/boot", "/lib/modules", found, err);

	if (rc < 0)
		return rc;
	return realpath(given ? given : found, path) ? 0 : vsu_error_sys(err, -errno, "kernel '%s'", given ? given : found);
}

static int begin_template(struct vmm_template_maker *t, const struct vmm_template_command *c,
			  const char *kernel, struct vsu_error *err)
{
	char root[PATH_MAX];
	const struct cvmm_template_config config = {
		.size = sizeof(config), .kernel = kernel, .root = root, .memory = c->machine.memory,
		.cpus = (uint32_t)c->machine.cpus, .folders = (uint32_t)c->nfolders, .cards = c->net,
	};

	if (!realpath(c->machine.root, root))
		return vsu_error_sys(err, -errno, "option --root: '%s'", c->machine.root);
	return cvmm_template_begin(c->folder, c->name, &config, t->fds, &t->template, err);
}

int vmm_template_maker_prepare(struct vmm_template_maker *t, const struct vmm_template_command *c,
			       struct vsu_error *err)
{
	struct vmm_exec_options machine = c->machine;
	char kernel[PATH_MAX];
	int rc = find_kernel(machine.kernel, kernel, err);

	*t = (struct vmm_template_maker){ .state = VMM_MAKER_BOOTS, .fds = { -1, -1, -1 } };
	vmm_exec_machine_init(&t->exec);
	if (!rc)
		rc = begin_template(t, c, kernel, err);
	if (rc < 0)
		return rc;
	machine.kernel = kernel;
	return vmm_exec_machine_make_template(&t->exec, &machine, t->template, err);
}

/* ------------------------------------------------------------------ processes */

static const int forwarded[] = { SIGTERM, SIGINT, SIGHUP, SIGQUIT };

/* The guest does not know a power button, which SIGTERM would press. */
static int await_child(const struct prog_child *child, const sigset_t *set, struct vsu_error *err)
{
	int how, signo;

	while (waitpid(child->pid, &how, WNOHANG) == 0) {
		signo = sigwaitinfo(set, NULL);
		if (signo > 0 && signo != SIGCHLD)
			kill(child->pid, SIGINT);
	}
	if (WIFEXITED(how))
		return WEXITSTATUS(how);
	vsu_error_set(err, -ECANCELED, "the process of the guest was ended by signal %d", WTERMSIG(how));
	return VAGENT_STATUS_FAILED;
}

int vmm_template_maker_fork(bool *in_child, int *status, struct vsu_error *err)
{
	struct prog_child child;
	sigset_t set, former;
	unsigned int i;
	int rc;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (i = 0; i < sizeof(forwarded) / sizeof(forwarded[0]); i++)
		sigaddset(&set, forwarded[i]);
	sigprocmask(SIG_BLOCK, &set, &former);
	rc = prog_child_fork(&child, err);
	if (!rc) {
		confine_restrict_parent();
		*status = await_child(&child, &set, err);
	} else if (rc > 0) {
		signal(SIGINT, SIG_DFL); /* which a command in the background of a script ignores */
	}
	sigprocmask(SIG_SETMASK, &former, NULL);
	*in_child = rc > 0;
	return rc < 0 ? rc : 0;
}

/* ----------------------------------------------------------------------- save */

static void on_begin(void *opaque, struct cvmm_machine *machine)
{
	struct vmm_template_maker *t = opaque;

	t->machine = machine;
}

/* After success the machine ends by itself. */
static void on_saved(void *opaque, const struct vsu_error *why, const struct cvmm_answer *answer)
{
	struct vmm_template_maker *t = opaque;

	(void)answer;
	t->state = why ? VMM_MAKER_FAILED : VMM_MAKER_SAVED;
	if (!why)
		return;
	t->why = *why;
	cvmm_machine_kill(t->machine);
}

static bool begin_save(struct vmm_template_maker *t)
{
	const struct cvmm_save save = {
		.size = sizeof(save), .fds = t->fds, .nfds = CVMM_TEMPLATE_FILES, .then = CVMM_THEN_STOP,
	};

	if (vagent_session_status(t->exec.session, NULL) != 0)
		return false;
	t->state = VMM_MAKER_SAVES;
	if (cvmm_machine_save(t->machine, &save, on_saved, t, &t->why) < 0)
		t->state = VMM_MAKER_FAILED;
	return t->state == VMM_MAKER_SAVES;
}

/* The session has ended when the agent waits. */
static bool on_turn(void *opaque)
{
	struct vmm_template_maker *t = opaque;
	const bool lives = vagent_session_dispatch(t->exec.session);

	return lives || t->state != VMM_MAKER_BOOTS || begin_save(t);
}

static bool on_signal(void *opaque, int signo)
{
	(void)opaque;
	(void)signo;
	return false;
}

static void on_resize(void *opaque)
{
	(void)opaque;
}

struct vmm_beside vmm_template_maker_beside(struct vmm_template_maker *t)
{
	return (struct vmm_beside){
		.opaque = t, .fd = vagent_session_fd(t->exec.session), .begin = on_begin, .turn = on_turn,
		.signal = on_signal, .resize = on_resize,
	};
}

/* ------------------------------------------------------------------------ end */

int vmm_template_maker_status(const struct vmm_template_maker *t, int status,
			      struct vsu_error *err)
{
	static const char *const moments[] = {
		[VMM_MAKER_BOOTS] = "before the agent was ready", [VMM_MAKER_SAVES] = "before it was saved",
		[VMM_MAKER_SAVED] = "after it was saved", [VMM_MAKER_FAILED] = "as its save failed without a reason",
	};
	int own = VAGENT_STATUS_FAILED;

	if (t->state == VMM_MAKER_SAVED && !status)
		return 0;
	if (t->state == VMM_MAKER_BOOTS)
		own = vmm_exec_machine_status(&t->exec, status, err);
	else if (t->state == VMM_MAKER_FAILED)
		*err = t->why;
	if (own && !err->msg[0])
		vsu_error_set(err, -ECANCELED, "the machine ended with status %d %s", status, moments[t->state]);
	return own;
}

int vmm_template_maker_end(struct vmm_template_maker *t, int status, struct vsu_error *err)
{
	unsigned int i;

	if (!status && cvmm_template_publish(t->template, err) < 0)
		status = VAGENT_STATUS_FAILED;
	cvmm_template_close(t->template);
	for (i = 0; i < CVMM_TEMPLATE_FILES; i++)
		vsu_fd_close(&t->fds[i]);
	vmm_exec_machine_free(&t->exec);
	return status;
}
