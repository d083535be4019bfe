/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads a container's configuration by the table of its members. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>

#include "oci/spec.h"
#include "oci/spec_rows.h"

#define DEFAULT_UMASK 022
#define MAX_INDEXES 3

/* ----------------------------------------------------------------------- paths */

enum match {
	MATCH_NONE,
	MATCH_ABOVE,	/* an object or a list that contains the member */
	MATCH_BELOW,	/* a part of a value that has none */
	MATCH_EXACT,
};

struct place {
	unsigned int index[MAX_INDEXES];	/* what each # of the form stands for */
	const char *rest;	/* what * stands for */
};

static const char *read_index(const char *path, unsigned int *index)
{
	const size_t digits = strspn(path, "0123456789");

	if (!digits || digits > 9)
		return NULL;
	*index = (unsigned int)strtoul(path, NULL, 10);
	return path + digits;
}

static enum match match_end(const char *path, const char *form)
{
	if (!*path)
		return !*form ? MATCH_EXACT : *form == '.' ? MATCH_ABOVE : MATCH_NONE;
	return !*form && *path == '.' ? MATCH_BELOW : MATCH_NONE;
}

static enum match match_form(const char *path, const char *form, struct place *p)
{
	unsigned int n = 0;

	for (; *path && *form; form++) {
		if (*form == '*') {
			p->rest = path;
			return MATCH_EXACT;
		}
		if (*form == '#') {
			path = n < MAX_INDEXES ? read_index(path, &p->index[n++]) : NULL;
			if (!path)
				return MATCH_NONE;
		} else if (*path++ != *form) {
			return MATCH_NONE;
		}
	}
	return match_end(path, form);
}

/* The best row for a path, and how it matches. */
static enum match find_row(const char *path, const struct oci_row **row, struct place *p)
{
	enum match best = MATCH_NONE, m;
	const struct oci_row *r;
	struct place place;

	for (r = oci_rows; r->form && best != MATCH_EXACT; r++) {
		m = match_form(path, r->form, &place);
		if (m <= best)
			continue;
		best = m;
		*row = r;
		*p = place;
	}
	return best;
}

/* --------------------------------------------------------------------- storage */

/* Texts and words are parts of the document, so that their storage suffices. */
static char *keep_text(struct oci_spec *s, const char *text)
{
	const size_t len = strlen(text) + 1;
	char *to = s->texts + s->used;

	if (len > s->max_texts - s->used)
		return NULL;
	s->used += len;
	return memcpy(to, text, len);
}

/* A list of the document is in one piece, and is followed by a NULL. */
static int add_word(struct oci_spec *s, struct oci_list *list, unsigned int index, const char *text)
{
	if (!index && !list->words) {
		s->nwords += s->nwords ? 1 : 0;
		list->words = s->words + s->nwords;
	}
	if (index != list->n || list->words + list->n != s->words + s->nwords)
		return -EBADMSG;
	if (s->nwords + 2 > s->max_words)
		return -E2BIG;
	s->words[s->nwords] = keep_text(s, text);
	if (!s->words[s->nwords])
		return -E2BIG;
	s->nwords++;
	list->n++;
	return 0;
}

static int add_pair(struct oci_spec *s, struct oci_pairs *pairs, const char *name, const char *value)
{
	struct oci_pair *pair = &pairs->items[pairs->n];

	if (pairs->n == OCI_MAX_PAIRS)
		return -E2BIG;
	pair->name = keep_text(s, name);
	pair->value = keep_text(s, value);
	if (!pair->name || !pair->value)
		return -E2BIG;
	pairs->n++;
	return 0;
}

/* Objects without members have no paths: those before the element exist, too. */
static void *find_element(struct oci_spec *s, const struct oci_array *a, const unsigned int *index)
{
	char *base = a->outer ? find_element(s, a->outer, index) : (char *)s;
	const unsigned int i = a->outer ? index[1] : index[0];
	unsigned int *n = base ? (unsigned int *)(void *)(base + a->n) : NULL;
	char *items = base ? base + a->items : NULL;

	if (!base || i >= a->max)
		return NULL;
	for (; *n <= i; (*n)++)
		if (a->preset)
			memcpy(items + *n * a->size, a->preset, a->size);
	return items + i * a->size;
}

/* ---------------------------------------------------------------------- values */

struct reading {
	struct oci_spec *spec;
	const char *above;	/* precedes each path: that of an object alone is read */
	struct vsu_error *err;
	int rc;
};

static int read_bool(const char *value, bool *to)
{
	*to = !strcmp(value, "true");
	return *to || !strcmp(value, "false") ? 0 : -EBADMSG;
}

/* The decimal numbers of JSON: vsu_parse_u64() accepts others. */
static int read_unsigned(const char *value, uint64_t max, uint64_t *to)
{
	if (value[strspn(value, "0123456789")] || vsu_parse_u64(value, to) < 0)
		return -EBADMSG;
	return *to > max ? -EBADMSG : 0;
}

static int read_signed(const char *value, int64_t min, int64_t max, int64_t *to)
{
	const bool negative = *value == '-';
	uint64_t number;

	if (read_unsigned(value + negative, negative ? (uint64_t)-(min + 1) + 1 : (uint64_t)max, &number) < 0)
		return -EBADMSG;
	*to = negative ? (int64_t)(0 - number) : (int64_t)number;
	return 0;
}

static int read_number(enum oci_kind kind, const char *value, void *to)
{
	uint64_t number = 0;
	int64_t sign = 0;
	int rc;

	switch (kind) {
	case OCI_BOOL:
		return read_bool(value, to);
	case OCI_U32:
		rc = read_unsigned(value, UINT32_MAX, &number);
		*(uint32_t *)to = (uint32_t)number;
		return rc;
	case OCI_U64:
		return read_unsigned(value, UINT64_MAX, to);
	case OCI_I32:
		rc = read_signed(value, INT32_MIN, INT32_MAX, &sign);
		*(int32_t *)to = (int32_t)sign;
		return rc;
	default:
		return read_signed(value, INT64_MIN, INT64_MAX, to);
	}
}

static int find_word(const char *word, const char *const *words)
{
	int i;

	for (i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -ENOENT;
}

/* A capability of a newer kernel cannot be granted, which is no error (version 1.1). */
static int add_capability(struct oci_spec *s, const char *name, uint64_t *set)
{
	const int bit = strncmp(name, "CAP_", 4) ? -ENOENT : find_word(name + 4, oci_capability_names);

	if (bit >= 0)
		*set |= UINT64_C(1) << bit;
	else if (!s->remark[0])
		snprintf(s->remark, sizeof(s->remark), "capability '%.60s' is unknown and is not granted", name);
	return 0;
}

/* The encoders of engines write these values for a member that is not set. */
static bool is_unset(const char *value, bool is_string)
{
	return is_string ? !*value : !strcmp(value, "false") || !strcmp(value, "0");
}

static int store_text(struct reading *r, const struct oci_row *row, const struct place *p,
		      const char *path, const char *value, char *to)
{
	struct oci_spec *s = r->spec;
	const unsigned int last = row->array ? p->index[1] : p->index[0];
	int rc;

	switch (row->kind) {
	case OCI_TEXT:
		*(const char **)(void *)to = keep_text(s, value);
		return *(const char **)(void *)to ? 0 : -E2BIG;
	case OCI_LIST:
		return add_word(s, (struct oci_list *)(void *)to, last, value);
	case OCI_PAIR:
		return add_pair(s, (struct oci_pairs *)(void *)to, p->rest, value);
	case OCI_CAPABILITY:
		return add_capability(s, value, (uint64_t *)(void *)to);
	default:
		rc = find_word(value, row->choices);
		if (rc < 0)
			return vsu_error_set(r->err, -EBADMSG, "member '%s': '%s' is unknown", path, value);
		*(int *)(void *)to = rc;
		return 0;
	}
}

static bool is_of_texts(enum oci_kind kind)
{
	return kind == OCI_TEXT || kind == OCI_CHOICE || kind == OCI_LIST || kind == OCI_PAIR || kind == OCI_CAPABILITY;
}

static int refuse_type(struct reading *r, const char *path, const char *value)
{
	return vsu_error_set(r->err, -EBADMSG, "member '%s': '%s' is a value of another type, or out of range", path, value);
}

static int store_value(struct reading *r, const struct oci_row *row, const struct place *p,
		       const char *path, const char *value, bool is_string)
{
	char *base = row->array ? find_element(r->spec, row->array, p->index) : (char *)r->spec;
	int rc;

	if (!base)
		return vsu_error_set(r->err, -E2BIG, "member '%s': more than %u elements", path, row->array->max);
	if (is_string != is_of_texts(row->kind))
		return refuse_type(r, path, value);
	rc = is_string ? store_text(r, row, p, path, value, base + row->at) :
			 read_number(row->kind, value, base + row->at);
	if (rc < 0 && r->err->code != rc)
		return rc == -E2BIG ? vsu_error_set(r->err, rc, "member '%s': too many elements", path) :
				      refuse_type(r, path, value);
	return rc;
}

static int take_member(struct reading *r, const char *path, const char *value, bool is_string)
{
	const bool is_null = !is_string && !strcmp(value, "null");
	const struct oci_row *row = NULL;
	struct place p = { { 0 }, NULL };
	const enum match m = find_row(path, &row, &p);

	if (m == MATCH_NONE) {
		if (!r->spec->remark[0])
			snprintf(r->spec->remark, sizeof(r->spec->remark), "member '%.100s' is unknown and has no effect", path);
		return 0;
	}
	if (is_null || (m == MATCH_EXACT && row->kind == OCI_SATISFIED))
		return 0;
	if (m != MATCH_EXACT)
		return refuse_type(r, path, value);
	if (row->kind == OCI_REFUSED)
		return is_unset(value, is_string) ? 0 : vsu_error_set(r->err, -EOPNOTSUPP, "member '%s' %s", path, row->why);
	return store_value(r, row, &p, path, value, is_string);
}

static void on_value(void *opaque, const char *path, const char *value, bool is_string)
{
	char whole[VSU_JSON_PATH + 32];
	struct reading *r = opaque;

	if (r->rc < 0)
		return;
	snprintf(whole, sizeof(whole), "%s%s", r->above, path);
	r->rc = take_member(r, whole, value, is_string);
}

/* ------------------------------------------------------------------- documents */

static struct oci_spec *make_spec(size_t len)
{
	struct oci_spec *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->process.umask = DEFAULT_UMASK;
	s->process.oom_score = OCI_NO_OOM_SCORE;
	s->seccomp.action = -1;
	s->seccomp.errnum = EPERM;
	/* a word is at least 2 quotes and a comma or a bracket, and the NULL behind a list its brackets */
	s->max_words = len / 2 + 2;
	s->words = calloc(s->max_words, sizeof(*s->words));
	s->max_texts = len + 1;
	s->texts = malloc(s->max_texts);
	if (s->words && s->texts)
		return s;
	oci_spec_free(s);
	return NULL;
}

static int read_document(char *text, const char *above, vsu_json_fn fn, struct oci_spec **out,
			 struct vsu_error *err)
{
	struct vsu_error why = VSU_ERROR_INIT;
	struct reading r = { .spec = make_spec(strlen(text)), .above = above, .err = &why };
	int rc;

	if (!r.spec)
		return vsu_error_set(err, -ENOMEM, "out of memory");
	rc = vsu_json_walk(text, fn, &r, &why);
	rc = r.rc < 0 ? r.rc : rc;
	if (rc < 0) {
		oci_spec_free(r.spec);
		return vsu_error_set(err, rc, "%s", why.msg);
	}
	*out = r.spec;
	return 0;
}

static int refuse_missing(const char *name, struct vsu_error *err)
{
	return vsu_error_set(err, -EBADMSG, "member '%s' is missing or invalid", name);
}

static int check_process(const struct oci_process *p, struct vsu_error *err)
{
	if (!p->args.n || !p->args.words[0][0])
		return refuse_missing("process.args", err);
	if (!p->folder || *p->folder != '/')
		return refuse_missing("process.cwd", err);
	return p->umask > 0777 ? refuse_missing("process.user.umask", err) : 0;
}

static int check_mounts(const struct oci_spec *s, struct vsu_error *err)
{
	unsigned int i;

	for (i = 0; i < s->nmounts; i++)
		if (!s->mounts[i].destination || *s->mounts[i].destination != '/')
			return vsu_error_set(err, -EBADMSG, "member 'mounts.%u.destination' is missing or not absolute", i);
	return 0;
}

static int check_hooks(const struct oci_spec *s, struct vsu_error *err)
{
	unsigned int i, moment;

	for (moment = 0; moment < OCI_MOMENTS; moment++)
		for (i = 0; i < s->hooks[moment].n; i++)
			if (!s->hooks[moment].items[i].path || *s->hooks[moment].items[i].path != '/')
				return vsu_error_set(err, -EBADMSG, "member 'hooks': the path of a hook is missing or not absolute");
	return 0;
}

static int check_rules(const struct oci_seccomp *f, struct vsu_error *err)
{
	unsigned int i, j;

	if (f->nrules && f->action < 0)
		return refuse_missing("linux.seccomp.defaultAction", err);
	for (i = 0; i < f->nrules; i++) {
		if (f->rules[i].action < 0 || !f->rules[i].names.n)
			return vsu_error_set(err, -EBADMSG, "member 'linux.seccomp.syscalls.%u' has no names or no action", i);
		for (j = 0; j < f->rules[i].nconditions; j++)
			if (f->rules[i].conditions[j].op < 0 || f->rules[i].conditions[j].index >= OCI_RULE_ARGS)
				return vsu_error_set(err, -EBADMSG, "member 'linux.seccomp.syscalls.%u.args.%u' has no operator, or an invalid index", i, j);
	}
	return 0;
}

static int check_config(const struct oci_spec *s, struct vsu_error *err)
{
	int rc;

	if (!s->version || strncmp(s->version, "1.", 2) != 0)
		return vsu_error_set(err, -EBADMSG, "member 'ociVersion': '%s' is not a version from " OCI_VERSION_MIN " to " OCI_VERSION_MAX, s->version ? s->version : "");
	if (!s->root || !*s->root)
		return refuse_missing("root.path", err);
	rc = check_process(&s->process, err);
	rc = rc < 0 ? rc : check_mounts(s, err);
	rc = rc < 0 ? rc : check_hooks(s, err);
	return rc < 0 ? rc : check_rules(&s->seccomp, err);
}

/* The kernel refuses a set that exceeds others. Engines ask for such ones, and expect a process with the rest. */
static void limit_set(struct oci_spec *s, enum oci_capability_set set, uint64_t maximum, const char *why)
{
	uint64_t *granted = &s->process.capabilities[set];
	const uint64_t beyond = *granted & ~maximum;

	*granted &= maximum;
	if (beyond && !s->remark[0])
		snprintf(s->remark, sizeof(s->remark), "capability 'CAP_%s' is not granted as %s",
			 oci_capability_names[__builtin_ctzll(beyond)], why);
}

static void limit_capabilities(struct oci_spec *s)
{
	const uint64_t *sets = s->process.capabilities;

	limit_set(s, OCI_EFFECTIVE, sets[OCI_PERMITTED], "'effective', because 'permitted' lacks it");
	limit_set(s, OCI_INHERITABLE, sets[OCI_BOUNDING], "'inheritable', because 'bounding' lacks it");
	limit_set(s, OCI_AMBIENT, sets[OCI_PERMITTED] & sets[OCI_INHERITABLE],
		  "'ambient', because 'permitted' or 'inheritable' lacks it");
}

static int finish_read(int rc, struct oci_spec **out, struct oci_spec *spec)
{
	if (rc < 0) {
		oci_spec_free(spec);
		return rc;
	}
	limit_capabilities(spec);
	*out = spec;
	return 0;
}

int oci_spec_read(char *text, struct oci_spec **out, struct vsu_error *err)
{
	struct oci_spec *spec;
	int rc = read_document(text, "", on_value, &spec, err);

	return rc < 0 ? rc : finish_read(check_config(spec, err), out, spec);
}

int oci_spec_read_process(char *text, struct oci_spec **out, struct vsu_error *err)
{
	struct oci_spec *spec;
	int rc = read_document(text, "process.", on_value, &spec, err);

	return rc < 0 ? rc : finish_read(check_process(&spec->process, err), out, spec);
}

int oci_spec_read_resources(char *text, struct oci_spec **out, struct vsu_error *err)
{
	return read_document(text, "linux.resources.", on_value, out, err);
}

/* Other members are those of another document. */
static void on_annotation(void *opaque, const char *path, const char *value, bool is_string)
{
	if (!strncmp(path, "annotations.", strlen("annotations.")))
		on_value(opaque, path, value, is_string);
}

int oci_spec_read_annotations(char *text, struct oci_spec **out, struct vsu_error *err)
{
	return read_document(text, "", on_annotation, out, err);
}

/* Reads up to OCI_SPEC_BYTES, and ends them by a zero. A stream may never end. */
static int read_file(int fd, bool is_stream, const char *name, char **text, struct vsu_error *err)
{
	const size_t len = OCI_SPEC_BYTES + 1;
	char *bytes = malloc(len);
	ssize_t n = -ENOMEM;

	if (bytes)
		n = is_stream ? vsu_fd_read_full(fd, bytes, len) : vsu_fd_pread_full(fd, bytes, len, 0);
	if (n >= 0 && n <= (ssize_t)OCI_SPEC_BYTES) {
		bytes[n] = '\0';
		*text = bytes;
		return strlen(bytes) == (size_t)n ? 0 : vsu_error_set(err, -EBADMSG, "%s: not a JSON object", name);
	}
	free(bytes);
	return n < 0 ? vsu_error_sys(err, (int)n, "cannot read '%s'", name) :
		       vsu_error_set(err, -E2BIG, "%s: more than %u bytes", name, OCI_SPEC_BYTES);
}

static int load_document(int fd, bool is_stream, const char *name, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err)
{
	char *text = NULL;
	int rc = read_file(fd, is_stream, name, &text, err);

	if (!rc) {
		rc = fn(text, out, err);
		if (rc < 0)
			vsu_error_prefix(err, rc, "%s", name);
	}
	free(text);
	return rc;
}

int oci_spec_load_fd(int fd, const char *name, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err)
{
	return load_document(fd, false, name, fn, out, err);
}

int oci_spec_load_stream(int fd, const char *name, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err)
{
	return load_document(fd, true, name, fn, out, err);
}

/* The path may be that of a pipe. */
int oci_spec_load(const char *path, oci_spec_fn *fn, struct oci_spec **out, struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const int rc = fd < 0 ? vsu_error_sys(err, -errno, "cannot read '%s'", path) :
				oci_spec_load_stream(fd, path, fn, out, err);

	vsu_fd_close(&fd);
	return rc;
}

void oci_spec_free(struct oci_spec *spec)
{
	if (!spec)
		return;
	free(spec->words);
	free(spec->texts);
	free(spec);
}

const char *oci_spec_annotation(const struct oci_spec *spec, const char *name)
{
	unsigned int i;

	for (i = 0; i < spec->annotations.n; i++)
		if (!strcmp(spec->annotations.items[i].name, name))
			return spec->annotations.items[i].value;
	return NULL;
}

const struct oci_namespace *oci_spec_namespace(const struct oci_spec *spec, enum oci_namespace_kind kind)
{
	unsigned int i;

	for (i = 0; i < spec->nnamespaces; i++)
		if (spec->namespaces[i].kind == (int)kind)
			return &spec->namespaces[i];
	return NULL;
}
