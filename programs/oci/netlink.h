/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests to the kernel's routing (rtnetlink): a message is built from a header, a fixed part and
 * attributes, is sent, and its answer is read.
 *
 * Threads: confined.
 */
#ifndef OCI_NETLINK_H
#define OCI_NETLINK_H

#include <stddef.h>
#include <stdint.h>

struct nlattr;
struct nlmsghdr;

#define OCI_NETLINK_BYTES 4096

/* A message that is built. */
struct oci_netlink_message {
	_Alignas(8) unsigned char bytes[OCI_NETLINK_BYTES];
	size_t len;
	int rc;			/* of the first part that did not fit */
};

/* A socket of the network namespace in which the caller is, or a negative errno. */
int oci_netlink_open(void);

/* Begins a message with a fixed part of size bytes. flags: NLM_F_*. */
void oci_netlink_begin(struct oci_netlink_message *m, uint16_t type, uint16_t flags, const void *part, size_t size);

void oci_netlink_add(struct oci_netlink_message *m, uint16_t type, const void *value, size_t size);

/* An attribute that contains others: returns its place for the end. */
size_t oci_netlink_nest(struct oci_netlink_message *m, uint16_t type);
void oci_netlink_end(struct oci_netlink_message *m, size_t place);

/* Sends a message, and returns the kernel's answer. */
int oci_netlink_call(int fd, struct oci_netlink_message *m);

/*
 * Sends a message for a list, and calls fn for each element until it returns other than 0, which becomes the
 * result. part is its fixed part, of at least size bytes.
 */
int oci_netlink_list(int fd, struct oci_netlink_message *m, size_t size,
		     int (*fn)(void *opaque, struct nlmsghdr *h), void *opaque);

/*
 * Finds an attribute of an element behind its fixed part. Returns its value and *len; NULL: it is absent, or
 * shorter than least.
 */
const void *oci_netlink_find(struct nlmsghdr *h, size_t part, uint16_t type, size_t least, size_t *len);

#endif
