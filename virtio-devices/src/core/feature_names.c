/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Names of feature bits (VIRTIO 1.3, sections 5 and 6; vhost-user). */
#include <config.h>

#include <stddef.h>
#include <stdio.h>

#include <virtio-devices/ids.h>

#include "core/feature_names.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define FIRST_COMMON 24u
/* From here on, all bits are those of a network card. */
#define FIRST_NET 48u

static const char *const net_bits[] = {
	[0] = "VIRTIO_NET_F_CSUM",
	[1] = "VIRTIO_NET_F_GUEST_CSUM",
	[2] = "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS",
	[3] = "VIRTIO_NET_F_MTU",
	[5] = "VIRTIO_NET_F_MAC",
	[6] = "VIRTIO_NET_F_GSO",
	[7] = "VIRTIO_NET_F_GUEST_TSO4",
	[8] = "VIRTIO_NET_F_GUEST_TSO6",
	[9] = "VIRTIO_NET_F_GUEST_ECN",
	[10] = "VIRTIO_NET_F_GUEST_UFO",
	[11] = "VIRTIO_NET_F_HOST_TSO4",
	[12] = "VIRTIO_NET_F_HOST_TSO6",
	[13] = "VIRTIO_NET_F_HOST_ECN",
	[14] = "VIRTIO_NET_F_HOST_UFO",
	[15] = "VIRTIO_NET_F_MRG_RXBUF",
	[16] = "VIRTIO_NET_F_STATUS",
	[17] = "VIRTIO_NET_F_CTRL_VQ",
	[18] = "VIRTIO_NET_F_CTRL_RX",
	[19] = "VIRTIO_NET_F_CTRL_VLAN",
	[20] = "VIRTIO_NET_F_CTRL_RX_EXTRA",
	[21] = "VIRTIO_NET_F_GUEST_ANNOUNCE",
	[22] = "VIRTIO_NET_F_MQ",
	[23] = "VIRTIO_NET_F_CTRL_MAC_ADDR",
};

static const char *const blk_bits[] = {
	[0] = "VIRTIO_BLK_F_BARRIER",
	[1] = "VIRTIO_BLK_F_SIZE_MAX",
	[2] = "VIRTIO_BLK_F_SEG_MAX",
	[4] = "VIRTIO_BLK_F_GEOMETRY",
	[5] = "VIRTIO_BLK_F_RO",
	[6] = "VIRTIO_BLK_F_BLK_SIZE",
	[7] = "VIRTIO_BLK_F_SCSI",
	[9] = "VIRTIO_BLK_F_FLUSH",
	[10] = "VIRTIO_BLK_F_TOPOLOGY",
	[11] = "VIRTIO_BLK_F_CONFIG_WCE",
	[12] = "VIRTIO_BLK_F_MQ",
	[13] = "VIRTIO_BLK_F_DISCARD",
	[14] = "VIRTIO_BLK_F_WRITE_ZEROES",
	[15] = "VIRTIO_BLK_F_LIFETIME",
	[16] = "VIRTIO_BLK_F_SECURE_ERASE",
	[17] = "VIRTIO_BLK_F_ZONED",
};

static const char *const console_bits[] = {
	[0] = "VIRTIO_CONSOLE_F_SIZE",
	[1] = "VIRTIO_CONSOLE_F_MULTIPORT",
	[2] = "VIRTIO_CONSOLE_F_EMERG_WRITE",
};

static const char *const balloon_bits[] = {
	[0] = "VIRTIO_BALLOON_F_MUST_TELL_HOST",
	[1] = "VIRTIO_BALLOON_F_STATS_VQ",
	[2] = "VIRTIO_BALLOON_F_DEFLATE_ON_OOM",
	[3] = "VIRTIO_BALLOON_F_FREE_PAGE_HINT",
	[4] = "VIRTIO_BALLOON_F_PAGE_POISON",
	[5] = "VIRTIO_BALLOON_F_PAGE_REPORTING",
};

static const char *const scsi_bits[] = {
	[0] = "VIRTIO_SCSI_F_INOUT",
	[1] = "VIRTIO_SCSI_F_HOTPLUG",
	[2] = "VIRTIO_SCSI_F_CHANGE",
	[3] = "VIRTIO_SCSI_F_T10_PI",
};

static const char *const gpu_bits[] = {
	[0] = "VIRTIO_GPU_F_VIRGL",
	[1] = "VIRTIO_GPU_F_EDID",
	[2] = "VIRTIO_GPU_F_RESOURCE_UUID",
	[3] = "VIRTIO_GPU_F_RESOURCE_BLOB",
	[4] = "VIRTIO_GPU_F_CONTEXT_INIT",
};

static const char *const vsock_bits[] = {
	[0] = "VIRTIO_VSOCK_F_STREAM",
	[1] = "VIRTIO_VSOCK_F_SEQPACKET",
	[2] = "VIRTIO_VSOCK_F_NO_IMPLIED_STREAM",
};

static const char *const crypto_bits[] = {
	[0] = "VIRTIO_CRYPTO_F_REVISION_1",
	[1] = "VIRTIO_CRYPTO_F_CIPHER_STATELESS_MODE",
	[2] = "VIRTIO_CRYPTO_F_HASH_STATELESS_MODE",
	[3] = "VIRTIO_CRYPTO_F_MAC_STATELESS_MODE",
	[4] = "VIRTIO_CRYPTO_F_AEAD_STATELESS_MODE",
	[5] = "VIRTIO_CRYPTO_F_AKCIPHER_STATELESS_MODE",
};

static const char *const fs_bits[] = {
	[0] = "VIRTIO_FS_F_NOTIFICATION",
};

/* Bits 24 to 63, common to all devices, without those reserved by vhost-user. */
static const char *const common_bits[] = {
	[24] = "VIRTIO_F_NOTIFY_ON_EMPTY",
	[26] = "VHOST_F_LOG_ALL",
	[27] = "VIRTIO_F_ANY_LAYOUT",
	[28] = "VIRTIO_F_INDIRECT_DESC",
	[29] = "VIRTIO_F_EVENT_IDX",
	[30] = "VHOST_USER_F_PROTOCOL_FEATURES",
	[32] = "VIRTIO_F_VERSION_1",
	[33] = "VIRTIO_F_ACCESS_PLATFORM",
	[34] = "VIRTIO_F_RING_PACKED",
	[35] = "VIRTIO_F_IN_ORDER",
	[36] = "VIRTIO_F_ORDER_PLATFORM",
	[37] = "VIRTIO_F_SR_IOV",
	[38] = "VIRTIO_F_NOTIFICATION_DATA",
	[39] = "VIRTIO_F_NOTIF_CONFIG_DATA",
	[40] = "VIRTIO_F_RING_RESET",
	[41] = "VIRTIO_F_ADMIN_VQ",
	[50] = "VIRTIO_NET_F_DEVICE_STATS",
	[51] = "VIRTIO_NET_F_HASH_TUNNEL",
	[52] = "VIRTIO_NET_F_VQ_NOTF_COAL",
	[53] = "VIRTIO_NET_F_NOTF_COAL",
	[54] = "VIRTIO_NET_F_GUEST_USO4",
	[55] = "VIRTIO_NET_F_GUEST_USO6",
	[56] = "VIRTIO_NET_F_HOST_USO",
	[57] = "VIRTIO_NET_F_HASH_REPORT",
	[59] = "VIRTIO_NET_F_GUEST_HDRLEN",
	[60] = "VIRTIO_NET_F_RSS",
	[61] = "VIRTIO_NET_F_RSC_EXT",
	[62] = "VIRTIO_NET_F_STANDBY",
	[63] = "VIRTIO_NET_F_SPEED_DUPLEX",
};

/* Names of the bits 0 to 23, of devices that have such. */
#define BITS(id, bits) { id, bits, COUNT(bits) }
static const struct {
	uint32_t id;
	const char *const *bits;
	unsigned int nbits;
} device_bits[] = {
	BITS(VIRTDEV_ID_NET, net_bits),
	BITS(VIRTDEV_ID_BLOCK, blk_bits),
	BITS(VIRTDEV_ID_CONSOLE, console_bits),
	BITS(VIRTDEV_ID_BALLOON, balloon_bits),
	BITS(VIRTDEV_ID_SCSI, scsi_bits),
	BITS(VIRTDEV_ID_GPU, gpu_bits),
	BITS(VIRTDEV_ID_SOCKET, vsock_bits),
	BITS(VIRTDEV_ID_CRYPTO, crypto_bits),
	BITS(VIRTDEV_ID_FS, fs_bits),
};

static const char *device_feature(uint32_t id, unsigned int bit)
{
	size_t i;

	for (i = 0; i < COUNT(device_bits); i++)
		if (device_bits[i].id == id)
			return bit < device_bits[i].nbits ? device_bits[i].bits[bit] : NULL;
	return NULL;
}

const char *virtdev_feature_name(uint32_t id, unsigned int bit)
{
	if (bit < FIRST_COMMON)
		return device_feature(id, bit);
	if (bit >= COUNT(common_bits) || (bit >= FIRST_NET && id != VIRTDEV_ID_NET))
		return NULL;
	return common_bits[bit];
}

const char *virtdev_priv_feature_list(uint32_t id, uint64_t bits, char *text, size_t size)
{
	const char *name, *between = "";
	unsigned int bit;
	size_t len = 0;

	text[0] = '\0';
	for (bit = 0; bit < 64 && len < size; bit++) {
		if (!(bits >> bit & 1))
			continue;
		name = virtdev_feature_name(id, bit);
		len += (size_t)(name ? snprintf(text + len, size - len, "%s%s", between, name) :
				snprintf(text + len, size - len, "%sbit %u", between, bit));
		between = ", ";
	}
	return text;
}
