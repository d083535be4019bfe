/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Pieces of frames, for links that carry no header in front of them. Ends with
 * what all descriptors have in common.
 */
#ifndef VIRTIO_DEVICES_LINK_PIECES_H
#define VIRTIO_DEVICES_LINK_PIECES_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* As many as one system call takes. */
#define LINK_PIECES 1024

/*
 * The pieces behind the first skip bytes, in out, which has room for
 * LINK_PIECES; how many they are, or -EMSGSIZE when there are too many.
 */
int virtdev_priv_pieces_behind(const struct iovec *iov, int n, uint32_t skip,
			       struct iovec *out);

/*
 * Copies len bytes into the pieces, or zeros where from is NULL. -EMSGSIZE, and
 * nothing is stored, when they have less room behind the first off bytes.
 */
int virtdev_priv_pieces_store(const struct iovec *iov, int n, uint32_t off,
			      const void *from, uint32_t len);

/* Copies out of the pieces; all of them have at least off + len bytes. */
void virtdev_priv_pieces_load(const struct iovec *iov, int n, uint32_t off,
			      void *to, uint32_t len);

uint64_t virtdev_priv_pieces_len(const struct iovec *iov, int n);

/* A failed transfer in the codes of a link: which ones mean that it is gone. */
int virtdev_priv_link_code(int code);

#endif
