/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Requests of the owner that concern the whole machine. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/sized.h>

#include "api/requests_private.h"
#include "machine/stop.h"
#include "run/cpu_plug.h"
#include "run/loop.h"
#include "transfer/core.h"
#include "transfer/migrate.h"
#include "transfer/recording.h"
#include "transfer/save.h"

static int check_runs(const struct cvmm_machine *m, struct vsu_error *err)
{
	return cvmm_priv_is_made(m) && vmm_life_is_active(&m->machine->pause.life) ?
	       0 : vsu_error_set(err, -EAGAIN, "the machine does not run");
}

int cvmm_priv_check_request(const struct cvmm_machine *m, enum vmm_rule rule,
			    struct vsu_error *err)
{
	int rc = check_runs(m, err);

	return rc < 0 ? rc : vmm_rule_check(m->machine, rule, err);
}

static int begin_named(struct cvmm_request *r, const char *name, cvmm_answer_fn fn, void *opaque)
{
	r->name = name;
	r->answer = fn ? vmm_answer_new(fn, opaque) : NULL;
	return fn && !r->answer ? vsu_error_set(&r->why, -ENOMEM, "no memory for an answer") : 0;
}

int cvmm_priv_request_begin(struct cvmm_request *r, enum vmm_rule rule, cvmm_answer_fn fn,
			    void *opaque)
{
	int rc = cvmm_priv_check_request(r->m, rule, &r->why);

	return rc < 0 ? rc : begin_named(r, vmm_rule_name(rule), fn, opaque);
}

int cvmm_priv_request_end(struct cvmm_request *r, int rc, struct vsu_error *err)
{
	struct vmm_answer *answer = r->answer;

	if (rc < 0) {
		vmm_answer_free(answer);
		if (r->name)
			vsu_error_prefix(&r->why, rc, "%s", r->name);
		if (err)
			*err = r->why;
		return rc;
	}
	if (answer && r->subject)
		vmm_answer_await(&r->m->machine->answers, answer, r->subject);
	else if (answer)
		vmm_answer_give(answer, &r->result, NULL);
	return 0;
}

bool cvmm_machine_forget_answer(struct cvmm_machine *m, cvmm_answer_fn answer, const void *opaque)
{
	return cvmm_priv_is_made(m) && vmm_answers_forget(&m->machine->answers, answer, opaque);
}

/* -------------------------------------------------------------- pause and end */

int cvmm_machine_pause(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_PAUSE, err);

	if (!rc)
		vmm_stop_for_user(m->machine);
	return rc;
}

int cvmm_machine_resume(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_RESUME, err);

	if (rc < 0)
		return rc;
	rc = vmm_migrate_resume(m->machine, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "resume");
	if (!rc)
		vmm_stop_end_for_user(m->machine);
	return 0;
}

/* Has the effect of SIGTERM, any number of times. */
int cvmm_machine_press_power(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = check_runs(m, err);

	if (!rc && !varch_guest_finds(m->machine->loaded.protocol, VARCH_FINDS_BUTTON))
		rc = vsu_error_set(err, -EOPNOTSUPP, "power-button: a built-in guest has no power button; 'quit' ends it");
	if (!rc)
		vmm_machine_press_button(m->machine);
	return rc;
}

int cvmm_machine_reset(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_RESET, err);

	if (!rc)
		varch_cpus_end(m->machine->cpus, VSU_EXIT_REBOOT, "the command 'reset' ended the guest");
	return rc;
}

/* As a signal, it is possible at any time. */
int cvmm_machine_stop(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = check_runs(m, err);

	if (rc < 0)
		return rc;
	if (vmm_migrate_hand_over(m->machine) == VMM_THEIRS)
		varch_cpus_end(m->machine->cpus, VSU_EXIT_FAIL, "the command 'quit' ended the source during post-copy: the guest is lost");
	varch_cpus_end(m->machine->cpus, VSU_EXIT_OK, "%s", "");
	__atomic_fetch_or(&m->asked, CVMM_ASK_STOP, __ATOMIC_SEQ_CST);
	return 0;
}

int cvmm_machine_add_cpus(struct cvmm_machine *m, unsigned int cpus, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_CPUS, err);

	if (rc < 0)
		return rc;
	rc = vmm_machine_add_cpus(m->machine, cpus, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "cpus") : 0;
}

/* ---------------------------------------------------------- save and migration */

void cvmm_machine_refuse_copies(struct cvmm_machine *m, const char *why)
{
	m->stays = why;
}

static int check_copies(const struct cvmm_machine *m, struct vsu_error *err)
{
	return m->stays ? vsu_error_set(err, -EOPNOTSUPP, "%s", m->stays) : 0;
}

int cvmm_machine_save(struct cvmm_machine *m, const struct cvmm_save *save,
		      cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_request r = { .m = m };
	struct cvmm_save copy;
	int rc = vsu_copy_sized(&copy, sizeof(copy), save, "struct cvmm_save", &r.why);

	if (!rc)
		rc = cvmm_priv_request_begin(&r, VMM_RULE_SAVE, answer, opaque);
	if (!rc)
		rc = check_copies(m, &r.why);
	if (!rc)
		rc = vmm_save_begin(m->machine, &copy, &r.why);
	r.subject = rc ? NULL : m->machine->pause.save;
	return cvmm_priv_request_end(&r, rc, err);
}

int cvmm_machine_write_core(struct cvmm_machine *m, const struct cvmm_core *core,
			    cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_request r = { .m = m };
	struct cvmm_core copy;
	int rc = vsu_copy_sized(&copy, sizeof(copy), core, "struct cvmm_core", &r.why);

	if (!rc)
		rc = cvmm_priv_request_begin(&r, VMM_RULE_CORE, answer, opaque);
	if (!rc)
		rc = vmm_core_begin(m->machine, &copy, &r.why);
	r.subject = rc ? NULL : m->machine->pause.core;
	return cvmm_priv_request_end(&r, rc, err);
}

int cvmm_machine_migrate(struct cvmm_machine *m, const struct cvmm_migration *migration,
			 cvmm_answer_fn answer, void *opaque, struct vsu_error *err)
{
	struct cvmm_request r = { .m = m };
	struct cvmm_migration copy;
	int rc = vsu_copy_sized(&copy, sizeof(copy), migration, "struct cvmm_migration", &r.why);

	if (!rc)
		rc = cvmm_priv_request_begin(&r, VMM_RULE_MIGRATE, answer, opaque);
	if (!rc)
		rc = check_copies(m, &r.why);
	if (!rc)
		rc = vmm_migrate_begin(m->machine, &copy, &r.why);
	r.subject = rc ? NULL : m->machine->pause.migration;
	return cvmm_priv_request_end(&r, rc, err);
}

int cvmm_machine_cancel_migration(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_CANCEL, err);

	if (!rc)
		vmm_migrate_cancel(m->machine);
	return rc;
}

int cvmm_machine_start_postcopy(struct cvmm_machine *m, struct vsu_error *err)
{
	int rc = cvmm_priv_check_request(m, VMM_RULE_POSTCOPY, err);

	if (rc < 0)
		return rc;
	rc = vmm_migrate_switch(m->machine, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "migrate-postcopy") : 0;
}

int cvmm_machine_record_working_set(struct cvmm_machine *m, cvmm_answer_fn answer, void *opaque,
				    struct vsu_error *err)
{
	struct cvmm_request r = { .m = m };
	int rc = check_runs(m, &r.why);

	if (!rc)
		rc = begin_named(&r, "working-set", answer, opaque);
	if (!rc)
		rc = vmm_recording_begin(m->machine, &r.why);
	r.subject = rc ? NULL : m->machine->restore.recording;
	return cvmm_priv_request_end(&r, rc, err);
}
