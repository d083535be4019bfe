/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Superblocks of the file systems that a root can have. */
#include <stdio.h>
#include <string.h>

#include "init/volume.h"

static const struct layout {
	size_t magic_at;
	const char *magic;
	size_t uuid_at, uuid_len; /* 16, or 4 of FAT */
	size_t label_at, label_len;
} layouts[] = {
	{ 0, "XFSB", 32, 16, 108, 12 },
	{ 0x10040, "_BHRfS_M", 0x10020, 16, 0x1012b, 256 },	/* btrfs */
	{ 0x400, "\xe2\xe1\xf5\xe0", 0x430, 16, 0x440, 16 },	/* erofs */
	{ 0x400, "\x10\x20\xf5\xf2", 0x46c, 16, 0, 0 },		/* F2FS, whose label is UTF-16 */
	{ 0x52, "FAT32", 0x43, 4, 0x47, 11 },
	{ 0x36, "FAT", 0x27, 4, 0x2b, 11 },
	{ 0x438, "\x53\xef", 0x468, 16, 0x478, 16 },		/* ext2 to ext4 */
	{ 0x8001, "CD001", 0, 0, 0x8028, 32 },			/* ISO 9660 */
};

static void read_uuid(const uint8_t *p, size_t len, char text[37])
{
	if (len == 4)
		snprintf(text, 37, "%02X%02X-%02X%02X", p[3], p[2], p[1], p[0]);
	else if (len)
		snprintf(text, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", p[0], p[1],
			 p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12], p[13], p[14], p[15]);
}

/* Padded with blanks or zeros. */
static void read_label(const uint8_t *p, size_t len, char label[VOLUME_LABEL])
{
	size_t n = strnlen((const char *)p, len);

	while (n && p[n - 1] == ' ')
		n--;
	memcpy(label, p, n);
	label[n] = '\0';
}

bool vagent_priv_volume_read(const uint8_t bytes[VOLUME_PROBE], struct volume *v)
{
	const struct layout *l;
	unsigned int i;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		l = &layouts[i];
		if (memcmp(bytes + l->magic_at, l->magic, strlen(l->magic)) != 0)
			continue;
		read_uuid(bytes + l->uuid_at, l->uuid_len, v->uuid);
		read_label(bytes + l->label_at, l->label_len, v->label);
		return true;
	}
	return false;
}
