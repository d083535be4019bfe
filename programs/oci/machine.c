/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a container, by its kind. */
#include <config.h>

#include "oci/machine.h"
#include "oci/machine_kind.h"

int oci_machine_new(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err)
{
	return c->settings->emulate ? oci_machine_new_emulated(c, out, err) : oci_machine_new_kvm(c, out, err);
}

int oci_machine_start(struct oci_machine *m, struct vsu_error *err)
{
	return m->kind->start(m, err);
}

int oci_machine_fd(const struct oci_machine *m)
{
	return m->kind->get_fd(m);
}

bool oci_machine_dispatch(struct oci_machine *m, struct vsu_error *why)
{
	return m->kind->dispatch(m, why);
}

struct vagent_guest *oci_machine_agent(struct oci_machine *m)
{
	return m->kind->get_agent(m);
}

int oci_machine_pause(struct oci_machine *m, bool paused, struct vsu_error *err)
{
	return m->kind->pause(m, paused, err);
}

void oci_machine_free(struct oci_machine *m)
{
	if (m)
		m->kind->free(m);
}
