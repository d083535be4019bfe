/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The first process of a guest, from its begin to the host that it serves, or the system that it executes. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "init/guest.h"

/* Children are reaped by reading a descriptor; a command that ends early is no failure. */
static void prepare_signals(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	signal(SIGPIPE, SIG_IGN);
}

static void send_ready(void)
{
	static const uint32_t version = VAGENT_VERSION;

	vagent_priv_send(VAGENT_READY, &version, sizeof(version));
}

/* Returns the records of GUEST. A saved guest waits here, and its clones continue. */
static char *await_guest(size_t *len)
{
	struct vagent_header header;
	bool cloned = false;
	char *payload;

	for (;;) {
		payload = vagent_priv_receive(&header);
		if (header.type == VAGENT_GUEST) {
			*len = header.len;
			return payload;
		}
		if (header.type == VAGENT_HELLO) {
			cloned = true;
			send_ready();
		} else if (header.type == VAGENT_MOMENT) {
			vagent_priv_enter_moment(payload, header.len, cloned);
		} else {
			vagent_init_fail("the host sent message %u before GUEST", header.type);
		}
		free(payload);
	}
}

static const char *mount_image(const struct vagent_init_images *images, bool writable)
{
	if (!images)
		vagent_init_fail("this first program does not read disk images; cvmm-boot-init does");
	return images->mount(writable);
}

static void enter_system(const struct vagent_init_images *images, const struct agent_request *r)
{
	vagent_priv_enter_root(r, r->image ? mount_image(images, r->writable_root) : NULL);
	vagent_priv_raise_loopback();
	if (r->network)
		vagent_priv_raise_network(r->network);
	vagent_priv_name_guest(r);
	vagent_priv_make_accounts();
}

static void serve_processes(const struct vagent_init_images *images, char *records, size_t len)
{
	struct agent_request system;

	vagent_priv_read_system(&system, records, len);
	enter_system(images, &system);
	free(system.argv);
	free(system.envp);
	free(system.presets);
	free(records);
	vagent_priv_serve_guest(true);
}

static void serve_host(const struct vagent_init_images *images)
{
	char *records;
	size_t len;

	vagent_priv_open_ports();
	send_ready();
	records = await_guest(&len);
	if (vagent_priv_has_root(records, len))
		serve_processes(images, records, len);
	vagent_priv_enter_guest(records, len);
	free(records);
	vagent_priv_serve_guest(false);
}

int vagent_init_run(const struct vagent_init_images *images)
{
	if (getpid() != 1) {
		fputs("cvmm-init: this program is the first process of a guest; see cvmm-initrd(1)\n", stderr);
		return 64;
	}
	prepare_signals();
	vagent_priv_mount_early();
	vagent_priv_load_modules();
	if (vagent_priv_has_word(VAGENT_IMAGE_WORD) && !images)
		vagent_init_fail("this first program does not boot disk images; cvmm-boot-init does");
	if (vagent_priv_has_word(VAGENT_IMAGE_WORD))
		images->boot();
	if (!vagent_priv_has_word(VAGENT_WORD))
		vagent_priv_boot();
	if (images && vagent_priv_has_word(VAGENT_KERNEL_WORD))
		images->start_kernel();
	serve_host(images);
	return 0;
}
