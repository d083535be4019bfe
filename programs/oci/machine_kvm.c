/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a container on KVM, in the process of its monitor. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <cvmm/guest.h>
#include <cvmm/requests.h>

#include "oci/layout.h"
#include "oci/machine.h"
#include "oci/machine_kind.h"
#include "oci/template.h"
#include "process.h"

/* Room in the table of SIGBUS: memory, the shared folder and the kernel */
#define MAPPINGS 64
#define CARD_BYTES 64

struct kvm {
	struct oci_machine base;
	struct cvmm_guest *guest;
};

static int start_machine(struct oci_machine *m, struct vsu_error *err)
{
	return cvmm_guest_start(((struct kvm *)m)->guest, err);
}

static int get_fd(const struct oci_machine *m)
{
	return cvmm_guest_fd(((const struct kvm *)m)->guest);
}

static bool dispatch_machine(struct oci_machine *m, struct vsu_error *why)
{
	struct cvmm_guest *g = ((struct kvm *)m)->guest;
	int status;

	if (cvmm_guest_dispatch(g))
		return true;
	status = cvmm_guest_status(g, why);
	if (!why->msg[0])
		vsu_error_set(why, -ECONNRESET, "the machine has ended with status %d", status);
	return false;
}

static struct vagent_guest *get_agent(struct oci_machine *m)
{
	return cvmm_guest_agent(((struct kvm *)m)->guest);
}

static int pause_machine(struct oci_machine *m, bool paused, struct vsu_error *err)
{
	struct cvmm_machine *machine = cvmm_guest_machine(((struct kvm *)m)->guest);

	return paused ? cvmm_machine_pause(machine, err) : cvmm_machine_resume(machine, err);
}

static void free_machine(struct oci_machine *m)
{
	cvmm_guest_free(((struct kvm *)m)->guest);
	free(m);
}

static const struct oci_machine_kind kvm_kind = {
	.start = start_machine, .get_fd = get_fd, .dispatch = dispatch_machine, .get_agent = get_agent, .pause = pause_machine, .free = free_machine,
};

static void describe_cards(const struct oci_network *n, char words[][CARD_BYTES], struct cvmm_guest_card *cards)
{
	unsigned int i;

	for (i = 0; i < n->ncards; i++) {
		snprintf(words[i], CARD_BYTES, "fd=%d,mac=%s", n->cards[i].fd, n->cards[i].mac);
		cards[i] = (struct cvmm_guest_card){ words[i], n->cards[i].interface };
	}
}

/* A clone has the kernel, the agent and the size of its template. */
static int find_template(struct cvmm_guest_config *config, const struct oci_machine_config *c, char path[PATH_MAX],
			 struct vsu_error *err)
{
	const struct oci_shape shape = { .memory = c->memory, .cpus = c->cpus, .cards = c->network->ncards };
	const int rc = oci_template_find(c->settings, &shape, c->report, path, err);

	if (rc > 0) {
		config->from = path;
		config->kernel = config->modules = config->init = config->append = config->memory = NULL;
		config->cpus = 0;
	}
	return rc < 0 ? rc : 0;
}

static int make_guest(struct kvm *m, const struct oci_machine_config *c, struct vsu_error *err)
{
	const struct cvmm_exec_folder folder = {
		.path = c->share, .at = OCI_LAYOUT_SHARE, .writable = true, .suid = true, .dev = true,
	};
	const struct oci_settings *s = c->settings;
	char words[OCI_NETWORK_CARDS][CARD_BYTES], memory[32], template[PATH_MAX];
	struct cvmm_guest_card cards[OCI_NETWORK_CARDS];
	struct cvmm_guest_config config = {
		.size = sizeof(config), .folders = &folder, .nfolders = 1, .cards = cards, .ncards = c->network->ncards,
		.kernel = s->kernel, .modules = s->modules, .init = s->init, .append = s->append, .log = s->log,
		.memory = memory, .cpus = c->cpus, .timeout_ms = s->start_ms,
	};
	struct cvmm_host host = { .size = sizeof(host) };
	int rc = prog_handle_signals(MAPPINGS, &host.sigbus, err);

	snprintf(memory, sizeof(memory), "%" PRIu64, c->memory);
	describe_cards(c->network, words, cards);
	rc = rc < 0 ? rc : find_template(&config, c, template, err);
	return rc < 0 ? rc : cvmm_guest_new(&config, &host, &m->guest, err);
}

int oci_machine_new_kvm(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err)
{
	struct kvm *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	m->base.kind = &kvm_kind;
	rc = make_guest(m, c, err);
	if (rc < 0)
		free_machine(&m->base);
	else
		*out = &m->base;
	return rc;
}
