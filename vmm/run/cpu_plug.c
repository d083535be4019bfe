/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Hot plug of CPUs: adds them and notifies the guest. */
#include <config.h>

#include <errno.h>

#include <vmm-sys-util/event.h>

#include "run/cpu_plug.h"

int vmm_machine_check_cpus(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_cpus_option *c = &m->config->cpus;
	const unsigned int most = m->kvm.max_cpus;

	if (c->max > c->n && !VARCH_CPU_PLUG_LEN)
		return vsu_error_set(err, -EOPNOTSUPP, "--cpus '%s': CPUs cannot be added to a machine of this architecture; start it with all of them",
				     c->text);
	if (c->max > c->n && most && c->max > most)
		return vsu_error_set(err, -EINVAL, "--cpus '%s': KVM supports %u CPUs on this host; use max=%u or less",
				     c->text, most, most);
	return 0;
}

static int check_number(const struct vmm_machine *m, unsigned int n, struct vsu_error *err)
{
	const unsigned int now = varch_cpus_number(m->cpus), max = m->config->cpus.max;

	if (n < now)
		return vsu_error_set(err, -EOPNOTSUPP, "the machine has %u CPUs and cannot lose any; the guest may put some offline",
				     now);
	if (n > max)
		return vsu_error_set(err, -EINVAL, "%u CPUs are more than the maximum of this machine, %u, which is the key 'max' of the option cpus",
				     n, max);
	if (n > now && !varch_guest_finds(m->loaded.protocol, VARCH_FINDS_CPUS))
		return vsu_error_set(err, -EOPNOTSUPP, "a built-in guest has no ACPI and cannot find a new CPU; start it with all of them");
	return 0;
}

int vmm_machine_add_cpus(struct vmm_machine *m, unsigned int n, struct vsu_error *err)
{
	const unsigned int before = varch_cpus_number(m->cpus);
	unsigned int i;
	int rc = check_number(m, n, err);

	if (!rc && n > before)
		rc = varch_cpus_add(m->cpus, n, err);
	for (i = before; i < varch_cpus_number(m->cpus); i++)
		varch_plug_note(&m->plug, VARCH_PLUG_CPU, i);
	if (varch_cpus_number(m->cpus) > before)
		vsu_event_signal(m->event_irq_fd);
	return rc < 0 && varch_cpus_number(m->cpus) > before ?
	       vsu_error_prefix(err, rc, "the machine has %u CPUs now", varch_cpus_number(m->cpus)) : rc;
}
