/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Connecting to the server, and properties of the export. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vmm-sys-util/event.h>

#include "nbd/nbd.h"

#define SECTOR 512u
/* Guests support blocks up to one page. */
#define MAX_BLOCK 4096u
/* Maximum payload if the server specifies none, from the protocol. */
#define USUAL_MOST (32u << 20)
/* Larger messages gain nothing and delay others. */
#define PART_MOST (1u << 20)

#define NS_PER_MS UINT64_C(1000000)

/* The message of the last libnbd call on this thread. */
static int nbd_failed(const char *address, struct vsu_error *err)
{
	const char *why = nbd_get_error();
	int code = nbd_get_errno();

	return vsu_error_set(err, code > 0 ? -code : -EIO,
			     "cannot use '%s': %s", address,
			     why ? why : "its server ended the connection");
}

static int wait_ready(struct nbd_handle *nbd, const char *address,
		      struct vsu_error *err)
{
	const uint64_t limit = vsu_now_ns() + DEVKIND_PRIV_NBD_CONNECT_NS;

	while (nbd_aio_is_connecting(nbd) > 0) {
		if (vsu_now_ns() >= limit)
			return vsu_error_set(err, -ETIMEDOUT,
					     "cannot use '%s': no answer in %u s",
					     address, (unsigned int)
					     (DEVKIND_PRIV_NBD_CONNECT_NS / NS_PER_MS / 1000));
		if (nbd_poll(nbd, 100) < 0)
			return nbd_failed(address, err);
	}
	return nbd_aio_is_ready(nbd) > 0 ? 0 : nbd_failed(address, err);
}

/* The operator supplies the address, which must not name a file or program. */
static bool connect_address(struct nbd_handle *nbd, const char *address)
{
	return nbd_set_uri_allow_tls(nbd, LIBNBD_TLS_DISABLE) == 0 &&
	       nbd_set_uri_allow_transports(nbd, LIBNBD_ALLOW_TRANSPORT_TCP |
					    LIBNBD_ALLOW_TRANSPORT_UNIX) == 0 &&
	       nbd_aio_connect_uri(nbd, address) == 0;
}

static int connect_first(struct nbd_handle *nbd, const char *address,
			 struct vsu_error *err)
{
	return connect_address(nbd, address) ? wait_ready(nbd, address, err) : nbd_failed(address, err);
}

static uint32_t power_of_two(int64_t said, uint32_t least, uint32_t most)
{
	bool sane = said >= least && said <= most && !(said & (said - 1));

	return sane ? (uint32_t)said : least;
}

static int ask_blocks(struct devkind_priv_nbd_disk *d, struct nbd_handle *nbd,
		      const char *address, struct vsu_error *err)
{
	int64_t least = nbd_get_block_size(nbd, LIBNBD_SIZE_MINIMUM);
	int64_t most = nbd_get_block_size(nbd, LIBNBD_SIZE_MAXIMUM);

	if (least > MAX_BLOCK)
		return vsu_error_set(err, -EINVAL,
				     "'%s' has blocks of %" PRId64 " bytes, more than the %u that guests support; nbdkit's filter blocksize divides them",
				     address, least, MAX_BLOCK);
	d->info.block_size = power_of_two(least, SECTOR, MAX_BLOCK);
	d->info.physical_block_size = power_of_two(
		nbd_get_block_size(nbd, LIBNBD_SIZE_PREFERRED),
		d->info.block_size, 65536);
	if (most <= 0)
		most = USUAL_MOST;
	if (most < MAX_BLOCK)
		return vsu_error_set(err, -EINVAL,
				     "'%s' accepts at most %" PRId64 " bytes per request",
				     address, most);
	d->most = most < PART_MOST ? (uint32_t)most / MAX_BLOCK * MAX_BLOCK :
		  PART_MOST;
	return 0;
}

static int ask_size(struct devkind_priv_nbd_disk *d, struct nbd_handle *nbd,
		    const char *address, struct vsu_error *err)
{
	int64_t size = nbd_get_size(nbd);

	if (size < 0)
		return nbd_failed(address, err);
	if (!size || size % SECTOR)
		return vsu_error_set(err, -EINVAL,
				     "'%s' has %" PRId64 " bytes; a disk has a positive multiple of %u: nbdkit's filter truncate has round-down=%u",
				     address, size, SECTOR, SECTOR);
	d->info.capacity = (uint64_t)size;
	return ask_blocks(d, nbd, address, err);
}

static int ask_abilities(struct devkind_priv_nbd_disk *d, struct nbd_handle *nbd,
			 const struct devkind_priv_disk_want *want,
			 struct vsu_error *err)
{
	const bool read_only = nbd_is_read_only(nbd) > 0;

	if (read_only && !want->read_only)
		return vsu_error_set(err, -EACCES,
				     "'%s' is read-only; serve it read-only",
				     want->address);
	d->many = read_only || nbd_can_multi_conn(nbd) > 0;
	if (want->queues > 1 && !d->many)
		return vsu_error_set(err, -EINVAL,
				     "%u queues: the server of '%s' does not advertise that a flush applies to all connections; use one queue",
				     want->queues, want->address);
	d->can_flush = nbd_can_flush(nbd) > 0;
	d->info.read_only = want->read_only;
	d->info.can_discard = !want->read_only && nbd_can_trim(nbd) > 0;
	d->info.can_zero = !want->read_only && nbd_can_zero(nbd) > 0;
	return 0;
}

/* Keep the resolved address of a host: name resolution would block waiting guests. */
static int keep_place(struct devkind_priv_nbd_disk *d, struct nbd_handle *nbd,
		      const char *address, struct vsu_error *err)
{
	d->peer_len = sizeof(d->peer);
	d->address = strdup(address);
	if (!d->address)
		return vsu_error_sys(err, -ENOMEM, "disk");
	d->export_name = nbd_get_export_name(nbd);
	if (!d->export_name)
		return nbd_failed(address, err);
	if (getpeername(nbd_aio_get_fd(nbd), (struct sockaddr *)&d->peer,
			&d->peer_len) < 0)
		return vsu_error_sys(err, -errno, "cannot use '%s'", address);
	return 0;
}

int devkind_priv_nbd_disk_ask(struct devkind_priv_nbd_disk *d, const struct devkind_priv_disk_want *want,
		 struct vsu_error *err)
{
	int rc;

	d->answer_ns = want->patience_ns ? want->patience_ns : DEVKIND_PRIV_NBD_ANSWER_NS;
	d->hold_ns = want->patience_ns ? want->patience_ns : DEVKIND_PRIV_NBD_HOLD_NS;
	d->waits = want->waits;
	d->first = nbd_create();
	if (!d->first)
		return nbd_failed(want->address, err);
	rc = connect_first(d->first, want->address, err);
	if (rc >= 0)
		rc = ask_size(d, d->first, want->address, err);
	if (rc >= 0)
		rc = ask_abilities(d, d->first, want, err);
	if (rc >= 0)
		rc = keep_place(d, d->first, want->address, err);
	return rc;
}

/*
 * Connects to the operator's path again: the name that a server has bound is of its folder or container,
 * and the path can lead to its successor.
 */
static bool connect_again(const struct devkind_priv_nbd_disk *d, struct nbd_handle *nbd)
{
	if (d->peer.ss_family == AF_UNIX)
		return connect_address(nbd, d->address);
	return nbd_set_export_name(nbd, d->export_name) == 0 &&
	       nbd_aio_connect(nbd, (const struct sockaddr *)&d->peer, d->peer_len) == 0;
}

struct nbd_handle *devkind_priv_nbd_disk_connect(const struct devkind_priv_nbd_disk *d)
{
	struct nbd_handle *nbd = nbd_create();

	if (nbd && connect_again(d, nbd))
		return nbd;
	nbd_close(nbd);
	return NULL;
}
