/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Texts for cloud-init: user-data, meta-data and network-config. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/text.h>

#include "boot/cloud_init.h"
#include "boot/seed_disk.h"

enum { USER, PASSWORD, SSH_KEY, HOSTNAME, INSTANCE_ID, USER_DATA, NETWORK_CONFIG, DISK_FILE, KEYS };

static const struct vsu_option keys[] = {
	[USER] = { .name = "user", .kind = VSU_OPTION_STRING, .arg = "NAME" },
	[PASSWORD] = { .name = "password", .kind = VSU_OPTION_STRING, .arg = "TEXT" },
	[SSH_KEY] = { .name = "ssh-key", .kind = VSU_OPTION_STRING, .arg = "FILE|TEXT" },
	[HOSTNAME] = { .name = "hostname", .kind = VSU_OPTION_STRING, .arg = "NAME" },
	[INSTANCE_ID] = { .name = "instance-id", .kind = VSU_OPTION_STRING, .arg = "TEXT" },
	[USER_DATA] = { .name = "user-data", .kind = VSU_OPTION_STRING, .arg = "FILE" },
	[NETWORK_CONFIG] = { .name = "network-config", .kind = VSU_OPTION_STRING, .arg = "FILE" },
	[DISK_FILE] = { .name = "file", .kind = VSU_OPTION_STRING, .arg = "FILE" },
	[KEYS] = { .name = NULL },
};

static int keep_value(struct vmm_cloud_init *c, unsigned int key, const char *text, struct vsu_error *err)
{
	if (c->values[key])
		return vsu_error_set(err, -EINVAL, "option --cloud-init: '%s' is given twice", keys[key].name);
	c->values[key] = strdup(text);
	return c->values[key] ? 0 : vsu_error_set(err, -ENOMEM, "no memory for options");
}

static int take_key(void *opaque, unsigned int index, const struct vsu_option_value *value,
		    struct vsu_error *err)
{
	return keep_value(opaque, index, value->text, err);
}

int vmm_cloud_init_read(struct vmm_cloud_init *c, const char *text, struct vsu_error *err)
{
	const size_t size = strlen(text) + 1;
	char *scratch;
	int rc;

	c->is_given = true;
	if (!strchr(text, '='))
		return keep_value(c, USER_DATA, text, err);
	scratch = malloc(size);
	if (!scratch)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	rc = vsu_option_parse_list(keys, "--cloud-init", text, scratch, size, take_key, c, err);
	free(scratch);
	return rc;
}

void vmm_cloud_init_free(struct vmm_cloud_init *c)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		free(c->values[i]);
}

/* ------------------------------------------------------------------- files */

/* Allocated and terminated. */
static int read_file(const char *path, const char *key, char **text, size_t *len, struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n = fd < 0 ? -errno : 0;

	*text = malloc(VMM_SEED_MAX_FILE + 2);
	if (fd >= 0 && *text)
		n = vsu_fd_read_full(fd, *text, VMM_SEED_MAX_FILE + 1);
	vsu_fd_close(&fd);
	if (!*text)
		return vsu_error_set(err, -ENOMEM, "no memory for options");
	if (n < 0)
		return vsu_error_sys(err, (int)n, "option --cloud-init: %s '%s'", key, path);
	if (n > (ssize_t)VMM_SEED_MAX_FILE)
		return vsu_error_set(err, -EFBIG, "option --cloud-init: %s '%s' exceeds 1 MiB", key, path);
	*len = (size_t)n;
	(*text)[n] = '\0';
	return 0;
}

/* -------------------------------------------------------------------- YAML */

/* A text between double quotes, as JSON writes it. */
static void print_text(FILE *f, const char *text)
{
	putc('"', f);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			fprintf(f, "\\u%04x", (unsigned char)*text);
		else
			fprintf(f, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
	}
	fputs("\"\n", f);
}

static void print_pair(FILE *f, const char *name, const char *text)
{
	if (!text)
		return;
	fprintf(f, "%s: ", name);
	print_text(f, text);
}

/* The type, a blank, and the key: names of files may begin as types do. */
static bool is_key(const char *text)
{
	return text[strcspn(text, " \t")] &&
	       (!strncmp(text, "ssh-", 4) || !strncmp(text, "ecdsa-", 6) || !strncmp(text, "sk-", 3));
}

static unsigned int print_key_lines(FILE *f, char *text)
{
	unsigned int n = 0;
	char *line;

	while ((line = strsep(&text, "\r\n"))) {
		if (!is_key(line))
			continue;
		fputs(n++ ? "  - " : "ssh_authorized_keys:\n  - ", f);
		print_text(f, line);
	}
	return n;
}

/* Lines of a file of public keys. */
static int print_keys(FILE *f, const char *value, struct vsu_error *err)
{
	char *text = NULL;
	size_t len;
	int rc = is_key(value) ? 0 : read_file(value, "ssh-key", &text, &len, err);

	if (is_key(value) && !(text = strdup(value)))
		rc = vsu_error_set(err, -ENOMEM, "no memory for options");
	if (!rc && strstr(text, "PRIVATE KEY"))
		rc = vsu_error_set(err, -EINVAL, "option --cloud-init: ssh-key '%s' is a private key; name the public one, such as '%s.pub'", value, value);
	if (!rc && !print_key_lines(f, text))
		rc = vsu_error_set(err, -EINVAL, "option --cloud-init: ssh-key '%s' has no public key, a line as 'ssh-ed25519 AAAA...'", value);
	free(text);
	return rc;
}

static int print_user_data(FILE *f, const struct vmm_cloud_init *c, struct vsu_error *err)
{
	fputs("#cloud-config\n", f);
	print_pair(f, "hostname", c->values[HOSTNAME]);
	print_pair(f, "user", c->values[USER]);
	print_pair(f, "password", c->values[PASSWORD]);
	if (c->values[PASSWORD])
		fputs("chpasswd: { expire: false }\nssh_pwauth: true\n", f);
	return c->values[SSH_KEY] ? print_keys(f, c->values[SSH_KEY], err) : 0;
}

/* Equal settings are the same instance, which cloud-init configures only once (FNV-1a). */
static uint64_t hash_text(const char *text, size_t len)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	while (len--)
		h = (h ^ (unsigned char)*text++) * UINT64_C(0x100000001b3);
	return h;
}

static void print_meta_data(FILE *f, const struct vmm_cloud_init *c, const char *data, size_t len)
{
	char id[32];

	snprintf(id, sizeof(id), "cvmm-%016" PRIx64, hash_text(data, len));
	print_pair(f, "instance-id", c->values[INSTANCE_ID] ? c->values[INSTANCE_ID] : id);
	print_pair(f, "local-hostname", c->values[HOSTNAME]);
}

/* --------------------------------------------------------------------- seed */

struct texts {
	char *user, *meta, *network;
	size_t user_len, meta_len, network_len;
};

static int fail_memory(struct vsu_error *err)
{
	return vsu_error_set(err, -ENOMEM, "no memory for options");
}

static int make_user_data(const struct vmm_cloud_init *c, struct texts *t, struct vsu_error *err)
{
	const char *path = c->values[USER_DATA];
	struct vsu_text text;
	int rc;

	if (path && (c->values[USER] || c->values[PASSWORD] || c->values[SSH_KEY]))
		return vsu_error_set(err, -EINVAL, "option --cloud-init: user, password and ssh-key have no effect beside a file with user data; set them in '%s'", path);
	if (path)
		return read_file(path, "user-data", &t->user, &t->user_len, err);
	if (vsu_text_open(&text) < 0)
		return fail_memory(err);
	rc = print_user_data(text.to, c, err);
	if (vsu_text_close(&text) < 0)
		return rc < 0 ? rc : fail_memory(err);
	t->user = text.bytes;
	t->user_len = text.len;
	return rc;
}

static int make_meta_data(const struct vmm_cloud_init *c, struct texts *t, struct vsu_error *err)
{
	struct vsu_text text;

	if (vsu_text_open(&text) < 0)
		return fail_memory(err);
	print_meta_data(text.to, c, t->user, t->user_len);
	if (vsu_text_close(&text) < 0)
		return fail_memory(err);
	t->meta = text.bytes;
	t->meta_len = text.len;
	return 0;
}

static int make_disk(const struct texts *t, int *fd, struct vsu_error *err)
{
	const struct vmm_seed_file files[] = {
		{ "user-data", t->user, t->user_len },
		{ "meta-data", t->meta, t->meta_len },
		{ "network-config", t->network, t->network_len },
	};

	*fd = vmm_seed_disk_make("cidata", files, t->network ? 3 : 2);
	return *fd < 0 ? vsu_error_sys(err, *fd, "cannot make the disk for cloud-init") : 0;
}

int vmm_cloud_init_make(const struct vmm_cloud_init *c, int *fd, struct vsu_error *err)
{
	const char *network = c->values[NETWORK_CONFIG];
	struct texts t = { .user = NULL };
	int rc = make_user_data(c, &t, err);

	if (!rc)
		rc = make_meta_data(c, &t, err);
	if (!rc && network)
		rc = read_file(network, "network-config", &t.network, &t.network_len, err);
	if (!rc)
		rc = make_disk(&t, fd, err);
	free(t.user);
	free(t.meta);
	free(t.network);
	return rc;
}

/* ------------------------------------------------------------- a file of it */

/* Whether the file has exactly the content of the disk, in which case it remains. */
static bool is_same(const uint8_t *disk, size_t size, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	void *now = MAP_FAILED;
	bool same;

	if (fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size == (off_t)size)
		now = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	same = now != MAP_FAILED && !memcmp(now, disk, size);
	if (now != MAP_FAILED)
		munmap(now, size);
	vsu_fd_close(&fd);
	return same;
}

static int write_disk(const uint8_t *disk, size_t size, const char *path, struct vsu_error *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), rc;

	if (fd < 0 && errno == EEXIST)
		return is_same(disk, size, path) ? 0 :
		       vsu_error_set(err, -EEXIST, "option --cloud-init: file '%s' exists with another content; remove it, or name another one", path);
	if (fd < 0)
		return vsu_error_sys(err, -errno, "option --cloud-init: file '%s'", path);
	rc = (int)vsu_fd_write_full(fd, disk, size);
	vsu_fd_close(&fd);
	if (rc < 0)
		unlink(path);
	return rc < 0 ? vsu_error_sys(err, rc, "option --cloud-init: file '%s'", path) : 0;
}

int vmm_cloud_init_keep(const struct vmm_cloud_init *c, int fd, struct vsu_error *err)
{
	struct stat st;
	void *disk = fstat(fd, &st) < 0 ? MAP_FAILED : mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	int rc;

	if (disk == MAP_FAILED)
		return vsu_error_set(err, -ENOMEM, "cannot map the disk for cloud-init");
	rc = write_disk(disk, (size_t)st.st_size, c->values[DISK_FILE], err);
	munmap(disk, (size_t)st.st_size);
	return rc;
}

const char *vmm_cloud_init_file(const struct vmm_cloud_init *c)
{
	return c->values[DISK_FILE];
}
