/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Control commands of the machine: a function and a table row each. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <virtio-devices/transport.h>
#include <vmm-sys-util/parse.h>

#include "machine/commands.h"
#include "machine/migrate.h"
#include "machine/plug.h"
#include "machine/save.h"

#define MAX_STATS 64u

static struct virtdev *virtdev_of(const struct vmm_device *d)
{
	return virtdev_transport_device(vmm_virtio_transport(d->virtio));
}

/* The device has the kind's type only if it is in-process. */
static bool is_local(const struct vmm_device *d)
{
	return d->virtio && !d->spec.remote && !d->spec.kernel;
}

static void write_numbers(const struct vmm_device *d, FILE *to)
{
	struct virtdev_stat stats[MAX_STATS];
	uint32_t i, n = vmm_virtio_stats(d->virtio, stats, MAX_STATS);

	fputs(",\"numbers\":{", to);
	for (i = 0; i < n && i < MAX_STATS; i++)
		fprintf(to, "%s\"%s\":%" PRIu64, i ? "," : "", stats[i].name,
			stats[i].value);
	fputc('}', to);
}

/* Newer statistics arrive later and are part of the next reply. */
static void numbers_refresh(struct vmm_device *d)
{
	const struct vmm_device_kind *kind = d->spec.kind;

	if (!is_local(d) || !kind->refresh)
		return;
	vmm_virtio_lock(d->virtio);
	kind->refresh(virtdev_of(d));
	vmm_virtio_unlock(d->virtio);
}

static bool is_there(const struct vmm_device *d)
{
	return d->virtio || d->coming;
}

static void write_device(const struct vmm_machine *m, const struct vmm_device *d,
			 FILE *to)
{
	fprintf(to, "{\"device\":%u,\"id\":%" PRIu32,
		(unsigned int)(d - m->devices), d->spec.id);
	if (d->spec.kind)
		fprintf(to, ",\"kind\":\"%s\"", d->spec.kind->name);
	if (d->slot)
		fprintf(to, ",\"slot\":%u", d->slot);
	if (vmm_machine_is_leaving(m, d))
		fputs(",\"leaving\":true", to);
	if (d->coming)
		fputs(",\"coming\":true", to);
	else
		write_numbers(d, to);
	fputc('}', to);
}

static int command_status(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	struct vmm_device *d;
	uint64_t done, total;
	unsigned int i, n = 0;

	(void)words;
	(void)err;
	fprintf(answer, ",\"cpus\":%u,\"paused\":%s",
		m->options->cpus,
		m->pause.for_good || m->pause.by_user ||
		vmm_migrate_is_undecided(m) ? "true" : "false");
	if (vmm_save_progress(m, &done, &total))
		fprintf(answer, ",\"saving\":{\"done\":%" PRIu64 ",\"total\":%" PRIu64 "}",
			done, total);
	fputs(",\"devices\":[", answer);
	for (i = 0; i < m->ndevices; i++) {
		d = &m->devices[i];
		if (!is_there(d))
			continue;
		if (n++)
			fputc(',', answer);
		write_device(m, d, answer);
		numbers_refresh(d);
	}
	fputc(']', answer);
	vmm_migrate_report(m, answer);
	return 0;
}

static bool is_of_kind(const struct vmm_device *d,
		       const struct vmm_device_kind *kind)
{
	return is_there(d) && d->spec.kind == kind;
}

static int refuse_device(char *const *words, struct vsu_error *err)
{
	return vsu_error_set(err, -ENOENT, "%s: no device '%s'; 'status' names them",
			     words[0], words[1]);
}

/* Two devices of a kind are distinguished by their numbers only. */
static int refuse_kind(const struct vmm_machine *m,
		       const struct vmm_device_kind *kind, char *const *words,
		       struct vsu_error *err)
{
	char numbers[4 * VMM_DEVICE_PLACES + 1] = "";
	size_t used = 0;
	unsigned int i;

	for (i = 0; i < m->ndevices && used < sizeof(numbers) - 4; i++)
		if (is_of_kind(&m->devices[i], kind))
			used += (size_t)snprintf(numbers + used,
						 sizeof(numbers) - used, "%s%u",
						 used ? ", " : "", i);
	return vsu_error_set(err, -EINVAL, "%s: '%s' names devices %s; give the number of one",
			     words[0], words[1], numbers);
}

static int find_kind(struct vmm_machine *m, char *const *words,
		     struct vmm_device **out, struct vsu_error *err)
{
	const struct vmm_device_kind *kind =
		vmm_device_kind_named(words[1], strlen(words[1]));
	unsigned int i, n = 0;

	for (i = 0; kind && i < m->ndevices; i++)
		if (is_of_kind(&m->devices[i], kind) && !n++)
			*out = &m->devices[i];
	if (!n)
		return refuse_device(words, err);
	return n > 1 ? refuse_kind(m, kind, words, err) : 0;
}

/* Finds a device by its number in the status, or by its kind. */
static int device_find(struct vmm_machine *m, char *const *words,
		       struct vmm_device **out, struct vsu_error *err)
{
	uint64_t number;

	if (vsu_parse_u64(words[1], &number) < 0)
		return find_kind(m, words, out, err);
	if (number >= m->ndevices || !is_there(&m->devices[number]))
		return refuse_device(words, err);
	*out = &m->devices[number];
	return 0;
}

/* A save has a fixed list of devices. */
static int refuse_during_save(const struct vmm_machine *m, struct vsu_error *err)
{
	if (m->pause.migration)
		return vsu_error_set(err, -EBUSY, "the machine is being migrated");
	return m->pause.save ? vsu_error_set(err, -EBUSY, "the machine is being saved") :
			 0;
}

/*
 * The state for the destination was collected: a change here is lost if the migration
 * succeeds. A disk keeps its size from the begin on, when the destination opens it.
 */
static int refuse_during_hand_over(const struct vmm_machine *m,
				   const struct vmm_device *d, char *const *words,
				   struct vsu_error *err)
{
	if (vmm_migrate_hands_over(m))
		return vsu_error_set(err, -EBUSY, "%s: the guest is about to continue at the destination; repeat it there, or here if the migration fails",
				     words[0]);
	if (d && d->spec.id == VIRTDEV_ID_BLOCK && m->pause.migration)
		return vsu_error_set(err, -EBUSY, "%s: a disk keeps its size while the machine is being migrated",
				     words[0]);
	return 0;
}

static int command_add(void *opaque, char *const *words, FILE *answer,
		       struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	unsigned int number;
	int rc = refuse_during_save(m, err);

	if (!rc)
		rc = vmm_machine_add_device(m, words[1], &number, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	if (!m->devices[number].virtio)
		return vmm_control_wait(m->control, &m->devices[number]);
	fprintf(answer, ",\"device\":%u", number);
	return 0;
}

static int read_manner(char *const *words, bool *force, bool *wait,
		       struct vsu_error *err)
{
	unsigned int i;

	for (i = 2; words[i]; i++) {
		if (!strcmp(words[i], "force"))
			*force = true;
		else if (!strcmp(words[i], "wait"))
			*wait = true;
		else
			return vsu_error_set(err, -EINVAL, "%s: '%s' after the device; expected is 'force', 'wait', both or nothing",
					     words[0], words[i]);
	}
	return 0;
}

static int command_remove(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	struct vmm_device *d = NULL;
	bool force = false, wait = false;
	int rc = refuse_during_save(m, err);

	(void)answer;
	if (!rc)
		rc = device_find(m, words, &d, err);
	if (!rc)
		rc = read_manner(words, &force, &wait, err);
	if (rc < 0)
		return rc;
	if (!d->retired || force || !wait)
		rc = vmm_machine_remove_device(m, d, force, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	return wait && d->virtio ? vmm_control_wait(m->control, d) : 0;
}

static int command_resize(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	struct vmm_device *d = NULL;
	uint64_t bytes;
	int rc = device_find(opaque, words, &d, err);

	(void)answer;
	if (rc < 0)
		return rc;
	rc = vsu_parse_size(words[2], &bytes);
	if (rc < 0)
		return vsu_error_set(err, rc, "resize: '%s' is no size, as 512M is",
				     words[2]);
	if (!is_local(d) || !d->spec.kind->resize)
		return vsu_error_set(err, -EOPNOTSUPP, "resize: device '%s' has no size that can be changed here",
				     words[1]);
	rc = refuse_during_hand_over(opaque, d, words, err);
	if (rc < 0)
		return rc;
	vmm_virtio_lock(d->virtio);
	rc = d->spec.kind->resize(virtdev_of(d), bytes, err);
	vmm_virtio_unlock(d->virtio);
	return rc;
}

static int command_pause(void *opaque, char *const *words, FILE *answer,
			 struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = refuse_during_hand_over(m, NULL, words, err);

	(void)answer;
	if (rc < 0)
		return rc;
	if (!m->pause.by_user)
		vmm_cpus_pause(m->cpus);
	m->pause.by_user = true;
	return 0;
}

static int command_resume(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc;

	(void)answer;
	if (m->pause.for_good)
		return vsu_error_set(err, -EPERM, "%s: the guest lost a part of its memory and cannot continue; see --on-memory-error",
				     words[0]);
	rc = vmm_migrate_resume(m, err);
	if (rc < 0)
		return vsu_error_prefix(err, rc, "%s", words[0]);
	if (rc > 0)
		return 0;
	rc = refuse_during_hand_over(m, NULL, words, err);
	if (rc < 0 || !m->pause.by_user)
		return rc;
	vmm_cpus_excuse(m->cpus);
	vmm_cpus_resume(m->cpus);
	m->pause.by_user = false;
	return 0;
}

static int command_save(void *opaque, char *const *words, FILE *answer,
			struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_save_begin(m, words[1], err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_control_wait(m->control, m->pause.save);
}

static int command_migrate(void *opaque, char *const *words, FILE *answer,
			   struct vsu_error *err)
{
	struct vmm_machine *m = opaque;
	int rc = vmm_migrate_begin(m, words + 1, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) :
			vmm_control_wait(m->control, m->pause.migration);
}

static int command_cancel(void *opaque, char *const *words, FILE *answer,
			  struct vsu_error *err)
{
	int rc = vmm_migrate_cancel(opaque, err);

	(void)answer;
	return rc < 0 ? vsu_error_prefix(err, rc, "%s", words[0]) : 0;
}

static const struct vmm_control_command commands[] = {
	{ "status", NULL, 0, 0, command_status },
	{ "pause", NULL, 0, 0, command_pause },
	{ "resume", NULL, 0, 0, command_resume },
	{ "save", "FOLDER", 1, 1, command_save },
	{ "migrate", "[downtime=MS] [rate=SIZE] [auto-converge] ADDRESS", 1,
	  VMM_CONTROL_WORDS - 1, command_migrate },
	{ "migrate-cancel", NULL, 0, 0, command_cancel },
	{ "resize", "DEVICE SIZE", 2, 2, command_resize },
	{ "device-add", "KIND,OPTIONS", 1, 1, command_add },
	{ "device-del", "DEVICE [force] [wait]", 1, 3, command_remove },
	{ NULL, NULL, 0, 0, NULL },
};

int vmm_machine_open_control(struct vmm_machine *m, struct vsu_error *err)
{
	const char *path = m->options->control;
	int rc;

	if (!path || m->options->dry_run)
		return 0;
	rc = vmm_control_new(m->loop, path, commands, m, &m->control, err);
	if (rc < 0)
		return rc;
	rc = prog_socket_access_apply(&m->options->sockets, path, err);
	return rc < 0 ? vsu_error_prefix(err, rc, "option --control") : 0;
}
