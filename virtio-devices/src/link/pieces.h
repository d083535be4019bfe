/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Operations on frames in several pieces, for links without headers, and error codes
 * common to all descriptors.
 */
#ifndef VIRTIO_DEVICES_LINK_PIECES_H
#define VIRTIO_DEVICES_LINK_PIECES_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Maximum pieces of one system call. */
#define LINK_PIECES 1024

/*
 * Stores the pieces after the first skip bytes in out, which has room for
 * LINK_PIECES. Returns their number, or -EMSGSIZE.
 */
int virtdev_priv_pieces_behind(const struct iovec *iov, int n, uint32_t skip,
			       struct iovec *out);

/*
 * Copies len bytes, or zeros if from is NULL, into the pieces at offset off.
 * -EMSGSIZE: not enough room; nothing is stored.
 */
int virtdev_priv_pieces_store(const struct iovec *iov, int n, uint32_t off,
			      const void *from, uint32_t len);

/* Copies from the pieces, which contain at least off + len bytes. */
void virtdev_priv_pieces_load(const struct iovec *iov, int n, uint32_t off,
			      void *to, uint32_t len);

uint64_t virtdev_priv_pieces_len(const struct iovec *iov, int n);

/* Converts errno of a failed transfer to a link's code; -EPIPE: peer gone. */
int virtdev_priv_link_code(int code);

#endif
