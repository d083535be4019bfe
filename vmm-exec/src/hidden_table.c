/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The files of this host that no command needs, and that others must not read. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <glob.h>
#include <linux/magic.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>

#include <vmm-sys-util/fd.h>

#include "hidden_rows.h"

#define SECRET(path) { (path), NULL, CVMM_PRIV_HIDDEN_SECRET }
#define SYSTEM(path) { (path), NULL, CVMM_PRIV_HIDDEN_SYSTEM }
#define OWN(path) { (path), NULL, CVMM_PRIV_HIDDEN_OWN }
#define TEMPORARY(path) { (path), NULL, CVMM_PRIV_HIDDEN_TEMPORARY }
#define DATA(path, except) { (path), (except), CVMM_PRIV_HIDDEN_DATA }

/* A read-only root also hides private files by their mode. */
static const struct {
	const char *path, *except;
	enum cvmm_priv_hidden_kind kind;
} table[] = {
	SYSTEM("/proc/*"), SYSTEM("/sys/*"), SYSTEM("/dev/*"), SYSTEM("/run/*"),
	{ "/home/*", NULL, CVMM_PRIV_HIDDEN_HOMES }, SECRET("/root"),
	TEMPORARY("/tmp/*"), TEMPORARY("/var/tmp/*"), OWN("/media/*"), OWN("/mnt/*"), OWN("/srv/*"),
	SECRET("/swap*"), SECRET("/.snapshots"),
	SECRET("/etc/shadow*"), SECRET("/etc/gshadow*"), SECRET("/etc/sudoers*"),
	SECRET("/etc/security/opasswd*"), SECRET("/etc/ssh/ssh_host_*_key"), SECRET("/etc/krb5.keytab"),
	SECRET("/etc/ssl/private"), SECRET("/etc/pki/*/private"), SECRET("/etc/letsencrypt"),
	SECRET("/etc/credstore*"), SECRET("/etc/cryptsetup-keys.d"),
	SECRET("/etc/ipsec.secrets"), SECRET("/etc/ipsec.d/private"), SECRET("/etc/swanctl"),
	SECRET("/etc/openvpn"), SECRET("/etc/wireguard"), SECRET("/etc/ppp/*-secrets"),
	SECRET("/etc/NetworkManager/system-connections"), SECRET("/etc/netplan"),
	SECRET("/etc/wpa_supplicant"), SECRET("/etc/samba"), SECRET("/etc/kubernetes"), SECRET("/etc/rancher"),
	SECRET("/var/backups"), SECRET("/var/mail"), SECRET("/var/spool"), SECRET("/var/crash"),
	SECRET("/var/log/journal"), SECRET("/var/log/audit"), SECRET("/var/log/auth.log*"), SECRET("/var/log/secure*"),
	SECRET("/var/cache/debconf/passwords.dat*"),
	SECRET("/var/lib/systemd/coredump"), SECRET("/var/lib/systemd/credential.secret"),
	SECRET("/var/lib/NetworkManager"), SECRET("/var/lib/sss"),
	SECRET("/var/lib/private"), SECRET("/var/lib/cloud"), SECRET("/var/lib/kubelet"), SECRET("/var/lib/rancher"),
	SECRET("/var/lib/etcd"), SECRET("/var/lib/bluetooth"), SECRET("/var/lib/iwd"), SECRET("/var/lib/samba"),
	SECRET("/var/lib/krb5kdc"), SECRET("/var/lib/lx[cd]"), SECRET("/var/lib/incus"), SECRET("/var/lib/redis"),
	SECRET("/var/lib/ldap"), SECRET("/var/lib/jenkins"),
	SECRET("/var/lib/container*"), SECRET("/var/lib/docker"), SECRET("/var/lib/libvirt"), SECRET("/var/lib/machines"),
	SECRET("/var/lib/mysql"), SECRET("/var/lib/postgresql"),
	DATA("/var/*", "cache db empty guix lib local lock log opt run tmp"),
	DATA("/var/log/*", NULL), DATA("/var/local/*", NULL), DATA("/var/opt/*", NULL),
	DATA("/var/db/*", "Makefile pkg repos"),
	DATA("/var/cache/*", "apk apt debconf dnf fontconfig ldconfig libdnf5 man pacman yum zypp"),
	DATA("/var/lib/*", "alpm alternatives app-info apk apt aptitude aspell binfmts ca-certificates-java command-not-found dbus dictionaries-common dkms dnf dpkg emacsen-common flatpak gcc gems ghc ispell locales man-db misc pacman pciutils portage python rpm sgml-base swcatalog texmf tex-common texlive ucf usbutils vim xfonts xkb xml-core yum zypp"),
};

/* File systems of the host's kernel, wherever they are mounted. */
static const char *const system_types[] = {
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "debugfs", "tracefs",
	"securityfs", "bpf", "configfs", "efivarfs", "pstore", "mqueue", "fusectl", "nsfs", NULL,
};

/* -------------------------------------------------------------------- paths */

/* The part of a path that follows a folder, or NULL: the path is not in the folder. */
const char *cvmm_priv_hidden_path_below(const char *folder, const char *path)
{
	const size_t len = strcmp(folder, "/") ? strlen(folder) : 0;

	if (strncmp(path, folder, len) != 0 || (path[len] && path[len] != '/'))
		return NULL;
	return path + len + (path[len] == '/');
}

/* Without links, as far as it exists: the last name may be a pattern. */
int cvmm_priv_hidden_path_split(const char *path, char folder[PATH_MAX], const char **last)
{
	const char *slash = strrchr(path, '/');
	char *above = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup(".");
	int rc = !above ? -ENOMEM : realpath(above, folder) ? 0 : -errno;

	free(above);
	*last = slash ? slash + 1 : path;
	return rc;
}

/* ---------------------------------------------------------------- the table */

static bool has_word(const char *words, const char *name)
{
	const size_t len = strlen(name);
	const char *at;

	for (at = words; at && *at; at += strcspn(at, " "), at += *at == ' ')
		if (!strncmp(at, name, len) && (!at[len] || at[len] == ' '))
			return true;
	return false;
}

bool cvmm_priv_hidden_row_has(const struct cvmm_priv_hidden_row *row, const char *name)
{
	return !fnmatch(row->pattern, name, 0) && !has_word(row->except, name);
}

/* Whether the folder is, or is in, one of which everything is hidden. */
static bool is_in_system(const struct cvmm_priv_hidden *h, const char *folder)
{
	unsigned int i;

	for (i = 0; i < h->nrows; i++)
		if (h->rows[i].kind == CVMM_PRIV_HIDDEN_SYSTEM && cvmm_priv_hidden_path_below(h->rows[i].folder, folder))
			return true;
	return false;
}

static char *copy_of(const char *text, bool *failed)
{
	char *copy = strdup(text);

	*failed |= !copy;
	return copy;
}

int cvmm_priv_hidden_add(struct cvmm_priv_hidden *h, const struct cvmm_priv_hidden_row *row)
{
	struct cvmm_priv_hidden_row *rows;
	bool failed = false;

	if (is_in_system(h, row->folder))
		return 0;
	rows = realloc(h->rows, (h->nrows + 1) * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	h->rows = rows;
	rows[h->nrows++] = (struct cvmm_priv_hidden_row){ copy_of(row->folder, &failed), copy_of(row->pattern, &failed),
						    row->except, row->kind };
	return failed ? -ENOMEM : 0;
}

static int add_row(struct cvmm_priv_hidden *h, char *folder, char *pattern, enum cvmm_priv_hidden_kind kind)
{
	return cvmm_priv_hidden_add(h, &(struct cvmm_priv_hidden_row){ folder, pattern, NULL, kind });
}

/* A path whose folder does not exist has nothing to hide. */
static int add_path(struct cvmm_priv_hidden *h, const char *path, const char *except, enum cvmm_priv_hidden_kind kind)
{
	char folder[PATH_MAX], pattern[NAME_MAX + 1];
	const char *last;
	int rc = cvmm_priv_hidden_path_split(path, folder, &last);

	if (rc == -ENOENT || rc == -ENOTDIR || rc == -EACCES)
		return 0;
	if (rc < 0)
		return rc;
	snprintf(pattern, sizeof(pattern), "%s", last);
	return cvmm_priv_hidden_add(h, &(struct cvmm_priv_hidden_row){ folder, pattern, except, kind });
}

/* A pattern in the middle stands for each folder that has the last name. */
static int add_paths(struct cvmm_priv_hidden *h, const char *path, const char *except, enum cvmm_priv_hidden_kind kind)
{
	const char *last = strrchr(path, '/');
	glob_t found;
	size_t i;
	int rc = 0;

	if (memchr(path, '*', (size_t)(last - path)) == NULL)
		return add_path(h, path, except, kind);
	if (glob(path, GLOB_NOSORT, NULL, &found))
		return 0;
	for (i = 0; !rc && i < found.gl_pathc; i++)
		rc = add_path(h, found.gl_pathv[i], except, kind);
	globfree(&found);
	return rc;
}

static bool is_system(const char *type)
{
	const char *const *t = system_types;

	while (*t && strcmp(*t, type) != 0)
		t++;
	return *t;
}

/* Nothing else is mounted over it. The calls do not mount the file system of an automount point. */
static bool is_autofs(const char *folder)
{
	struct statfs st = { 0 };
	int fd = open(folder, O_PATH | O_CLOEXEC);
	const bool is = fd >= 0 && !fstatfs(fd, &st) && (unsigned int)st.f_type == AUTOFS_SUPER_MAGIC;

	vsu_fd_close(&fd);
	return is;
}

/* An automounter mounts the homes of others, and hosts. */
static int add_mount(struct cvmm_priv_hidden *h, const struct mntent *m)
{
	if (is_system(m->mnt_type))
		return add_row(h, m->mnt_dir, (char[]){ "*" }, CVMM_PRIV_HIDDEN_SYSTEM);
	if (!strcmp(m->mnt_type, "autofs") && is_autofs(m->mnt_dir))
		return add_row(h, m->mnt_dir, (char[]){ "*" }, CVMM_PRIV_HIDDEN_OWN);
	return 0;
}

static int add_mounts(struct cvmm_priv_hidden *h)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	const struct mntent *m;
	int rc = 0;

	while (!rc && f && (m = getmntent(f)))
		rc = add_mount(h, m);
	if (f)
		endmntent(f);
	return rc;
}

int cvmm_priv_hidden_add_table(struct cvmm_priv_hidden *h)
{
	enum cvmm_priv_hidden_kind kind;
	unsigned int i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(table) / sizeof(table[0]); i++) {
		kind = table[i].kind;
		if (!h->is_writable || (kind != CVMM_PRIV_HIDDEN_TEMPORARY && kind != CVMM_PRIV_HIDDEN_DATA))
			rc = add_paths(h, table[i].path, table[i].except, kind);
	}
	return rc ? rc : add_mounts(h);
}

/* Names that begin with a dot are those of settings, keys and histories. */
int cvmm_priv_hidden_add_home(struct cvmm_priv_hidden *h, const char *home)
{
	char folder[PATH_MAX];
	int rc;

	if (!home || *home != '/' || !realpath(home, folder) || !strcmp(folder, "/"))
		return 0;
	rc = add_row(h, folder, (char[]){ "*" }, CVMM_PRIV_HIDDEN_OWN);
	return rc < 0 ? rc : add_row(h, folder, (char[]){ ".*" }, CVMM_PRIV_HIDDEN_DOTS);
}

int cvmm_priv_hidden_add_other_home(struct cvmm_priv_hidden *h, const char *used)
{
	const char *rest = cvmm_priv_hidden_path_below("/home", used);
	char home[PATH_MAX];

	if (!rest || !*rest)
		return 0;
	snprintf(home, sizeof(home), "/home/%.*s", (int)strcspn(rest, "/"), rest);
	return add_row(h, home, (char[]){ ".*" }, CVMM_PRIV_HIDDEN_DOTS);
}

