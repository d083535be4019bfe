/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads, writes and combines descriptions of processors. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/parse.h>

#include "advise.h"
#include "arch/x86/cpu_description.h"

#define SEPARATORS " \t\r\n,"
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define MAX_WORD 32

/* Families with a field for further bits of the model. */
#define FAMILY_P6 6u
#define FAMILY_EXTENDED 15u

enum { VENDOR, FAMILY, MODEL, STEPPING, NKEYS };

static const struct key {
	const char *name;
	size_t at;		/* of the number; the vendor is text */
	unsigned int max;
} keys[NKEYS] = {
	[VENDOR] = { "vendor=", 0, 0 },
	[FAMILY] = { "family=", offsetof(struct varch_cpu_description, family), 270 },
	[MODEL] = { "model=", offsetof(struct varch_cpu_description, model), 255 },
	[STEPPING] = { "stepping=", offsetof(struct varch_cpu_description, stepping), 15 },
};

/* --------------------------------------------------------------------- reading */

struct reading {
	struct varch_cpu_description *d;
	unsigned int seen;	/* keys, 1u << index */
	unsigned int line;
	char word[MAX_WORD + 1];
	struct vsu_error *err;
};

static int refuse_word(const struct reading *r, const char *why)
{
	return vsu_error_set(r->err, -EBADMSG, "line %u: '%s' %s", r->line, r->word, why);
}

static int take_vendor(const struct reading *r, const char *value)
{
	if (strlen(value) != VARCH_CPU_VENDOR || strspn(value, LETTERS) != VARCH_CPU_VENDOR)
		return refuse_word(r, "is not a vendor of 12 letters, such as vendor=GenuineIntel");
	memcpy(r->d->vendor, value, VARCH_CPU_VENDOR + 1);
	return 0;
}

static int take_number(const struct reading *r, const struct key *key, const char *value)
{
	uint64_t number;
	unsigned int n;

	if (vsu_parse_u64(value, &number) < 0 || number > key->max)
		return vsu_error_set(r->err, -EBADMSG, "line %u: '%s' is not a number up to %u",
				     r->line, r->word, key->max);
	n = (unsigned int)number;
	memcpy((char *)r->d + key->at, &n, sizeof(n));
	return 0;
}

static int take_feature(const struct reading *r)
{
	const int feature = varch_cpu_feature_find(r->word, strlen(r->word));

	if (feature < 0)
		return refuse_word(r, "is not a feature that this version knows; remove it");
	if (varch_cpu_set_has(&r->d->features, (unsigned int)feature))
		return refuse_word(r, "is given twice");
	varch_cpu_set_add(&r->d->features, (unsigned int)feature);
	return 0;
}

static int take_word(struct reading *r)
{
	const struct key *key = keys;
	size_t len;

	while (key < keys + NKEYS && strncmp(r->word, key->name, strlen(key->name)) != 0)
		key++;
	if (key == keys + NKEYS)
		return take_feature(r);
	if (r->seen & 1u << (key - keys))
		return refuse_word(r, "is given twice");
	r->seen |= 1u << (key - keys);
	len = strlen(key->name);
	return key == keys + VENDOR ? take_vendor(r, r->word + len) : take_number(r, key, r->word + len);
}

/* Bytes that a message may repeat. */
static bool is_printable(const char *word, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (word[i] <= ' ' || word[i] > '~')
			return false;
	return true;
}

/* The word at *text, which moves behind it; 1: the text has no more. */
static int next_word(struct reading *r, const char **text)
{
	const char *at = *text;
	size_t len;

	for (; *at && strchr(SEPARATORS "#", *at); at++) {
		if (*at == '#')
			at += strcspn(at, "\n");
		if (!*at)
			break;
		r->line += *at == '\n';
	}
	len = strcspn(at, SEPARATORS "#");
	if (len > MAX_WORD || !is_printable(at, len))
		return vsu_error_set(r->err, -EBADMSG, "line %u: a word is longer than %d characters, or has others than ASCII",
				     r->line, MAX_WORD);
	memcpy(r->word, at, len);
	r->word[len] = '\0';
	*text = at + len;
	return len ? 0 : 1;
}

/* Leaf 1 cannot express every pair. */
static int check_whole(const struct reading *r)
{
	const struct varch_cpu_description *d = r->d;
	unsigned int i;

	for (i = 0; i < NKEYS; i++)
		if (!(r->seen & 1u << i))
			return varch_advise(r->err, vsu_error_set(r->err, -EBADMSG, "it has no '%s'", keys[i].name),
					    VARCH_ADVICE_CPU_DESCRIPTION);
	if (d->model > 15 && d->family != FAMILY_P6 && d->family < FAMILY_EXTENDED)
		return vsu_error_set(r->err, -EBADMSG, "model=%u is impossible in family=%u, which has models up to 15",
				     d->model, d->family);
	return 0;
}

int varch_cpu_description_parse(struct varch_cpu_description *out, const char *text,
			      struct vsu_error *err)
{
	struct varch_cpu_description d = { .family = 0 };
	struct reading r = { .d = &d, .line = 1, .err = err };
	int rc = next_word(&r, &text);

	while (!rc) {
		rc = take_word(&r);
		if (!rc)
			rc = next_word(&r, &text);
	}
	if (rc > 0)
		rc = check_whole(&r);
	if (!rc)
		*out = d;
	return rc;
}

static int read_text(int fd, char text[VARCH_CPU_MAX_TEXT], struct vsu_error *err)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, VARCH_CPU_MAX_TEXT - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < VARCH_CPU_MAX_TEXT) || (n < 0 && errno == EINTR));
	if (n < 0)
		return vsu_error_sys(err, -errno, "cannot read it");
	if (len == VARCH_CPU_MAX_TEXT)
		return vsu_error_set(err, -E2BIG, "it has more than %d bytes", VARCH_CPU_MAX_TEXT - 1);
	text[len] = '\0';
	return strlen(text) == len ? 0 :
	       vsu_error_set(err, -EBADMSG, "byte %zu is 0", strlen(text));
}

int varch_cpu_description_read(struct varch_cpu_description *out, int fd, struct vsu_error *err)
{
	char *text;
	int rc;

	if (fd < 0)
		return vsu_error_sys(err, fd, "cannot open it");
	text = malloc(VARCH_CPU_MAX_TEXT);
	rc = text ? read_text(fd, text, err) : vsu_error_set(err, -ENOMEM, "no memory");
	vsu_fd_close(&fd);
	if (!rc)
		rc = varch_cpu_description_parse(out, text, err);
	free(text);
	return rc;
}

/* --------------------------------------------------------------------- writing */

int varch_cpu_description_write(const struct varch_cpu_description *d, char separator, char *text,
			      size_t room)
{
	int len = snprintf(text, room, "vendor=%s%cfamily=%u%cmodel=%u%cstepping=%u", d->vendor,
			   separator, d->family, separator, d->model, separator, d->stepping);
	unsigned int i;

	for (i = 0; varch_cpu_features[i].name && len >= 0 && (size_t)len < room; i++)
		if (varch_cpu_set_has(&d->features, i))
			len += snprintf(text + len, room - (size_t)len, "%c%s", separator,
					varch_cpu_features[i].name);
	return len >= 0 && (size_t)len < room ? len : -ENOSPC;
}

/* -------------------------------------------------------- processors of hosts */

static void read_signature(struct varch_cpu_description *d, uint32_t eax)
{
	const unsigned int family = eax >> 8 & 0xf;

	d->family = family;
	if (family == FAMILY_EXTENDED)
		d->family += eax >> 20 & 0xff;
	d->model = eax >> 4 & 0xf;
	if (family == FAMILY_P6 || family == FAMILY_EXTENDED)
		d->model |= eax >> 12 & 0xf0;
	d->stepping = eax & 0xf;
}

uint32_t varch_cpu_description_signature(const struct varch_cpu_description *d)
{
	const unsigned int base = d->family < FAMILY_EXTENDED ? d->family : FAMILY_EXTENDED;

	return (d->family - base) << 20 | (d->model & 0xf0) << 12 | base << 8 |
	       (d->model & 0xf) << 4 | d->stepping;
}

int varch_cpu_description_of(struct varch_cpu_description *out, struct kvm_cpuid2 *table,
			   struct vsu_error *err)
{
	const struct kvm_cpuid_entry2 *e = varch_cpuid_find(table, 0, VARCH_CPUID_ANY);
	struct varch_cpu_description d = { .features = varch_cpu_set_of_table(table) };

	if (e) {
		memcpy(d.vendor, &e->ebx, 4);
		memcpy(d.vendor + 4, &e->edx, 4);
		memcpy(d.vendor + 8, &e->ecx, 4);
	}
	if (strlen(d.vendor) != VARCH_CPU_VENDOR || strspn(d.vendor, LETTERS) != VARCH_CPU_VENDOR)
		return vsu_error_set(err, -EOPNOTSUPP, "this host's KVM reports no vendor of processors that can be described; use a level such as x86-64-v2");
	e = varch_cpuid_find(table, 1, VARCH_CPUID_ANY);
	if (e)
		read_signature(&d, e->eax);
	*out = d;
	return 0;
}

/* Family, model and stepping in the order of their age. */
static unsigned int age_of(const struct varch_cpu_description *d)
{
	return d->family << 16 | d->model << 8 | d->stepping;
}

int varch_cpu_description_limit(struct varch_cpu_description *d,
			      const struct varch_cpu_description *other, struct vsu_error *err)
{
	size_t i;

	if (strcmp(d->vendor, other->vendor) != 0)
		return vsu_error_set(err, -EOPNOTSUPP, "processors of %s and %s have no common description; a guest cannot move between vendors",
				     d->vendor, other->vendor);
	if (age_of(other) < age_of(d)) {
		d->family = other->family;
		d->model = other->model;
		d->stepping = other->stepping;
	}
	for (i = 0; i < sizeof(d->features.bits) / sizeof(d->features.bits[0]); i++)
		d->features.bits[i] &= other->features.bits[i];
	return 0;
}
