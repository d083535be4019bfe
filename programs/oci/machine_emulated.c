/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine of a container, which QEMU emulates. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vm-agent/initrd.h>
#include <vmm-sys-util/fd.h>

#include "common/helpers.h"
#include "exec/emulation.h"
#include "oci/layout.h"
#include "oci/machine.h"
#include "oci/machine_kind.h"

#define CMDLINE "console=ttyS0 quiet panic=-1 " VAGENT_WORD
#define SHARE_TAG "share"
#define PATIENCE_MS 3000

struct emulated {
	struct oci_machine base;
	struct vagent_guest *agent;
	struct vmm_emulation emulation;
	char kernel[VAGENT_KERNEL_PATH];
	char daemons[PATH_MAX];
	char *cmdline;
	int initrd;
};

/* ------------------------------------------------------------------------ files */

static int find_kernel(struct emulated *m, const struct oci_settings *s, struct vsu_error *err)
{
	if (!s->kernel)
		return vagent_host_kernel("/boot", "/lib/modules", m->kernel, err);
	if (strlen(s->kernel) >= sizeof(m->kernel))
		return vsu_error_set(err, -ENAMETOOLONG, "the path of the kernel is too long");
	strcpy(m->kernel, s->kernel);
	return 0;
}

/* vmlinuz-VERSION, or VERSION/vmlinuz */
static int find_modules(const struct emulated *m, const struct oci_settings *s,
			char folder[VAGENT_INITRD_FOLDER], struct vsu_error *err)
{
	char version[VAGENT_KERNEL_PATH], *slash;

	if (s->modules) {
		snprintf(folder, VAGENT_INITRD_FOLDER, "%s", s->modules);
		return 0;
	}
	snprintf(version, sizeof(version), "%s", m->kernel);
	slash = strrchr(version, '/');
	if (slash && !strncmp(slash + 1, "vmlinuz-", 8))
		return vagent_initrd_folder(slash + 9, folder, err);
	if (slash)
		*slash = '\0';
	slash = strrchr(version, '/');
	return vagent_initrd_folder(slash ? slash + 1 : version, folder, err);
}

static int make_initrd(struct emulated *m, const struct oci_machine_config *c, struct vsu_error *err)
{
	const char *const names[] = { "virtio_pci", "virtio_console", "virtiofs", c->network->ncards ? "virtio_net" : NULL, NULL };
	const struct oci_settings *s = c->settings;
	static const char *const others[] = { "virtio_mmio", "pvpanic_mmio", "virtio_rng", NULL };
	char folder[VAGENT_INITRD_FOLDER];
	const struct vagent_initrd initrd = {
		.size = sizeof(initrd),
		.init = s->init ? s->init : vmm_helper_init(false), .modules = folder,
		.names = names, .others = others, .boot = "/boot",
	};
	int rc = find_modules(m, s, folder, err);

	if (!rc && asprintf(&m->cmdline, CMDLINE "%s%s", s->append ? " " : "", s->append ? s->append : "") < 0) {
		m->cmdline = NULL;
		rc = vsu_error_set(err, -ENOMEM, "out of memory");
	}
	return rc < 0 ? rc : vagent_initrd_make(&initrd, &m->initrd, err);
}

/* ----------------------------------------------------------------------- machine */

static int connect_agent(struct emulated *m, const struct oci_machine_config *c, struct vsu_error *err)
{
	static const struct vagent_share share = { SHARE_TAG, OCI_LAYOUT_SHARE, false };
	struct vagent_interface interfaces[OCI_NETWORK_CARDS];
	const struct vagent_guest_config g = {
		.size = sizeof(g), .timeout_ms = c->settings->start_ms, .shares = &share, .nshares = 1,
		.interfaces = interfaces, .ninterfaces = c->network->ncards,
	};
	unsigned int i;

	for (i = 0; i < c->network->ncards; i++)
		interfaces[i] = c->network->cards[i].interface;
	return vagent_guest_new(&m->agent, &g, err);
}

static int start_emulation(struct emulated *m, const struct oci_machine_config *c, struct vsu_error *err)
{
	const struct oci_card *card = c->network->ncards ? &c->network->cards[0] : NULL;
	const struct cvmm_exec_share share = { .path = (char *)(uintptr_t)c->share, .tag = SHARE_TAG, .writable = true, .submounts = true };
	const struct cvmm_exec_parts parts = {
		.kernel = m->kernel, .initrd_fd = m->initrd, .cmdline = m->cmdline, .shares = &share, .nshares = 1,
	};
	int ports[VAGENT_PORTS];
	const struct vmm_emulation_config e = {
		.parts = &parts, .ports = ports, .memory = c->memory, .cpus = c->cpus,
		.log = c->settings->log, .net = card ? card->fd : -1,
		.mac = card ? card->mac : "", .block = "none", .daemons = m->daemons,
	};
	int i, rc;

	if (c->network->ncards > 1)
		return vsu_error_set(err, -EOPNOTSUPP, "an emulated machine has one network card, and the network namespace %u", c->network->ncards);
	for (i = 0; i < VAGENT_PORTS; i++)
		ports[i] = vagent_guest_port(m->agent, (enum vagent_port)i);
	rc = vmm_emulation_start(&m->emulation, &e, err);
	vagent_guest_close_ports(m->agent);
	return rc;
}

static int begin_machine(struct emulated *m, const struct oci_machine_config *c, struct vsu_error *err)
{
	const struct oci_settings *s = c->settings;
	int rc = find_kernel(m, s, err);

	snprintf(m->daemons, sizeof(m->daemons), "%s", s->daemons ? s->daemons : DAEMON_FOLDER);
	rc = rc < 0 ? rc : make_initrd(m, c, err);
	rc = rc < 0 ? rc : connect_agent(m, c, err);
	return rc < 0 ? rc : start_emulation(m, c, err);
}

/* QEMU runs already, with a confinement of its own. */
static int start_machine(struct oci_machine *m, struct vsu_error *err)
{
	(void)m;
	(void)err;
	return 0;
}

static int get_fd(const struct oci_machine *m)
{
	return vagent_guest_fd(((const struct emulated *)m)->agent);
}

/* The ports of QEMU are closed at its end, perhaps shortly before it. */
static bool emulation_has_ended(const struct vmm_emulation *e)
{
	struct pollfd p = { .fd = e->end_fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) > 0;
}

/* The connection fails after the last output. What QEMU said tells more than that its ports are closed. */
static bool dispatch_machine(struct oci_machine *base, struct vsu_error *why)
{
	struct emulated *m = (struct emulated *)base;

	if (vagent_guest_dispatch(m->agent))
		return true;
	if (vagent_guest_failure(m->agent, why) == -ECONNRESET && emulation_has_ended(&m->emulation))
		vmm_emulation_end(&m->emulation, "the setting log=FILE", why);
	return false;
}

static struct vagent_guest *get_agent(struct oci_machine *m)
{
	return ((struct emulated *)m)->agent;
}

static int pause_machine(struct oci_machine *base, bool paused, struct vsu_error *err)
{
	const char *command = paused ? "{\"execute\":\"stop\"}\n" : "{\"execute\":\"cont\"}\n";
	struct emulated *m = (struct emulated *)base;

	vmm_emulation_read(&m->emulation);	/* replies to former commands */
	if (m->emulation.events < 0 || write(m->emulation.events, command, strlen(command)) < 0)
		return vsu_error_set(err, -EIO, "cannot write to QEMU's monitor");
	return 0;
}

static void free_machine(struct oci_machine *base)
{
	struct emulated *m = (struct emulated *)base;

	vmm_emulation_free(&m->emulation);
	vagent_guest_free(m->agent);
	vsu_fd_close(&m->initrd);
	free(m->cmdline);
	free(m);
}

static const struct oci_machine_kind emulated_kind = {
	.start = start_machine, .get_fd = get_fd, .dispatch = dispatch_machine, .get_agent = get_agent, .pause = pause_machine, .free = free_machine,
};

int oci_machine_new_emulated(const struct oci_machine_config *c, struct oci_machine **out, struct vsu_error *err)
{
	struct emulated *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	m->base.kind = &emulated_kind;
	m->initrd = -1;
	m->emulation = (struct vmm_emulation)VMM_EMULATION_INIT;
	rc = begin_machine(m, c, err);
	if (rc < 0)
		free_machine(&m->base);
	else
		*out = &m->base;
	return rc;
}
