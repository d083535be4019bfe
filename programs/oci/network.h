/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The network of a container: a network plug-in of the engine has prepared interfaces in a namespace. For
 * each, a tap interface is made there, and all frames are redirected between the two (tc, u32 and mirred).
 * The machine has a card on the tap, to which the guest gives the name, the addresses and the routes of
 * the interface. So the interface remains as it is, and rules of the host hold. The tap disappears with the
 * last process that has its descriptor, however it ends.
 *
 * Threads: before any thread is started.
 */
#ifndef OCI_NETWORK_H
#define OCI_NETWORK_H

#include <net/if.h>

#include <vm-agent/guest.h>

#define OCI_NETWORK_CARDS 8
#define OCI_NETWORK_TEXTS 32	/* addresses or routes of a card */
#define OCI_NETWORK_TEXT 128

struct oci_card {
	int index;		/* of the interface */
	char name[IF_NAMESIZE];
	char tap[IF_NAMESIZE];
	int fd;			/* of the tap; -1: none */
	char mac[18];
	unsigned int mtu;
	char addresses[OCI_NETWORK_TEXTS][OCI_NETWORK_TEXT];
	char routes[OCI_NETWORK_TEXTS][OCI_NETWORK_TEXT];
	unsigned int naddresses, nroutes;
	/* for the guest's agent; NULLs end them */
	const char *address_list[OCI_NETWORK_TEXTS + 1], *route_list[OCI_NETWORK_TEXTS + 1];
	struct vagent_interface interface;
};

struct oci_network {
	struct oci_card cards[OCI_NETWORK_CARDS];
	unsigned int ncards;
};

/* Enters the namespace at path. flag: its kind, of clone(2). */
int oci_namespace_enter(const char *path, int flag, struct vsu_error *err);

/*
 * Reads the interfaces of the namespace, of which those of Ethernet that are up become cards. -E2BIG: more than
 * OCI_NETWORK_CARDS, or than OCI_NETWORK_TEXTS addresses or routes of one.
 */
int oci_network_read(struct oci_network *n, struct vsu_error *err);

/*
 * Makes a tap for each card, and redirects frames, in place of a former redirection. oci_network_close() closes the
 * taps, also after a failure.
 */
int oci_network_redirect(struct oci_network *n, struct vsu_error *err);
void oci_network_close(struct oci_network *n);

#endif
