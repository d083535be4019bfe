/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Measures containers. */
#include <errno.h>
#include <stdlib.h>

#include "host/guest_private.h"

/* A request of the owner. */
struct vagent_priv_measuring {
	struct vagent_priv_measuring *next;
	uint32_t container;
	vagent_usage_fn *f;
	void *opaque;
};

int vagent_guest_measure(struct vagent_guest *g, unsigned int container, vagent_usage_fn *f, void *opaque,
			 struct vsu_error *err)
{
	struct vagent_priv_measuring *added, **last = &g->measurings;
	const uint32_t number = container;
	int rc = container == VAGENT_ITSELF ? vsu_error_set(err, -ENOENT, "the guest itself is no container") :
					      vagent_priv_check_container(g, container, err);

	if (rc < 0)
		return rc;
	added = calloc(1, sizeof(*added));
	if (!added)
		return vsu_error_set(err, -ENOMEM, "no memory to measure a container");
	rc = vagent_priv_request(g, VAGENT_MEASURE, &number, sizeof(number), NULL, err);
	if (rc < 0) {
		free(added);
		return rc;
	}
	*added = (struct vagent_priv_measuring){ .container = number, .f = f, .opaque = opaque };
	while (*last)
		last = &(*last)->next;
	*last = added;
	return 0;
}

/* The request leaves the queue before its owner is called, which may send another one. */
void vagent_priv_serve_measured(struct vagent_guest *g, const struct vagent_measured *m)
{
	struct vagent_priv_measuring *r = g->measurings;
	const struct vagent_usage usage = {
		.memory = m->memory, .max_memory = m->max_memory, .cpu = m->cpu, .user = m->user, .system = m->system,
		.processes = m->processes,
	};

	if (!r || r->container != m->container) {
		vagent_priv_distrust(g, "an invalid measurement");
		return;
	}
	g->measurings = r->next;
	r->f(r->opaque, &usage);
	free(r);
}

void vagent_priv_free_measurings(struct vagent_guest *g)
{
	struct vagent_priv_measuring *r;

	while ((r = g->measurings)) {
		g->measurings = r->next;
		free(r);
	}
}
