/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Reads the annotations of pods. */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/json_read.h>
#include <vmm-sys-util/parse.h>

#include "oci/pod.h"

#define OF_CONTAINERD "io.kubernetes.cri."
#define OF_CRIO "io.kubernetes.cri-o."

/* ------------------------------------------------------------------------- roles */

enum engine { CONTAINERD, CRIO };
static const struct {
	const char *type, *sandbox;
} annotations[] = {
	[CONTAINERD] = { OF_CONTAINERD "container-type", OF_CONTAINERD "sandbox-id" },
	[CRIO] = { OF_CRIO "ContainerType", OF_CRIO "SandboxID" },
};

/* CRI-O passes on annotations of the pod's user, which may be those of containerd. */
static enum engine find_engine(const struct oci_spec *spec)
{
	return oci_spec_annotation(spec, annotations[CRIO].type) ? CRIO : CONTAINERD;
}

static bool has_type(const struct oci_spec *spec, const char *type)
{
	const char *value = spec ? oci_spec_annotation(spec, annotations[find_engine(spec)].type) : NULL;

	return value && !strcmp(value, type);
}

bool oci_pod_is_sandbox(const struct oci_spec *spec)
{
	return has_type(spec, "sandbox");
}

const char *oci_pod_sandbox(const struct oci_spec *spec)
{
	const char *id;

	if (!has_type(spec, "container"))
		return NULL;
	id = oci_spec_annotation(spec, annotations[find_engine(spec)].sandbox);
	return id ? id : "";
}

int oci_pod_connect(const char *root, int folder, const struct oci_state *s, struct oci_message *m,
		    struct vsu_error *err)
{
	const char *sandbox = oci_pod_sandbox(s->spec);
	int sock, other;

	if (!sandbox)
		return oci_wire_connect(folder, err);
	snprintf(m->text, sizeof(m->text), "%s", s->id);
	other = oci_state_open(root, sandbox, err);
	if (other < 0)
		return other;
	sock = oci_wire_connect(other, err);
	vsu_fd_close(&other);
	return sock;
}

/* -------------------------------------------------------------------- namespaces */

static const char *const files[] = {
	[OCI_NAMESPACE_NETWORK] = "net", [OCI_NAMESPACE_IPC] = "ipc", [OCI_NAMESPACE_UTS] = "uts",
};

/* Other kinds cannot have a path. */
static bool is_of_process(const struct oci_namespace *n, pid_t pid)
{
	struct stat joined, own;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, files[n->kind]);
	return !stat(n->path, &joined) && !stat(path, &own) && joined.st_dev == own.st_dev && joined.st_ino == own.st_ino;
}

int oci_pod_check_namespaces(const struct oci_spec *spec, pid_t sandbox, struct vsu_error *err)
{
	static const enum oci_namespace_kind kinds[] = { OCI_NAMESPACE_NETWORK, OCI_NAMESPACE_IPC, OCI_NAMESPACE_UTS };
	const struct oci_namespace *n;
	unsigned int i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n = oci_spec_namespace(spec, kinds[i]);
		if (n && n->path && !is_of_process(n, sandbox))
			return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.namespaces': '%s' is not the %s namespace of the sandbox '%s', whose machine the container joins", n->path, files[kinds[i]], oci_pod_sandbox(spec));
	}
	return 0;
}

/* --------------------------------------------------------------------- resources */

int oci_pod_check_resources(const struct oci_resources *r, struct vsu_error *err)
{
	const struct {
		const char *name;
		bool is_set;
	} members[] = {
		{ "cpu.cpus", r->cpus && *r->cpus },
		{ "cpu.mems", r->mems && *r->mems },
		{ "blockIO.weight", r->block_weight != 0 },
	};
	unsigned int i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		if (members[i].is_set)
			return vsu_error_set(err, -EOPNOTSUPP, "member 'linux.resources.%s' is not supported for a member of a pod, whose limits hold in the guest", members[i].name);
	return 0;
}

static int64_t read_limit(const struct oci_spec *spec, const char *name)
{
	const char *text = oci_spec_annotation(spec, name);
	uint64_t number;

	return text && !vsu_parse_u64(text, &number) && number <= INT64_MAX ? (int64_t)number : 0;
}

/* Reads a member of the JSON object that CRI-O annotates, by the names of Kubernetes. */
static void on_resource(void *opaque, const char *path, const char *value, bool is_string)
{
	struct oci_resources *r = opaque;
	uint64_t number;

	if (is_string || vsu_parse_u64(value, &number) < 0 || number > INT64_MAX || !number)
		return;
	if (!strcmp(path, "memory_limit_in_bytes"))
		r->memory_limit = (int64_t)number;
	else if (!strcmp(path, "cpu_quota"))
		r->cpu_quota = (int64_t)number;
	else if (!strcmp(path, "cpu_period"))
		r->cpu_period = (int64_t)number;
}

/* Text that is no JSON has no limits. */
static void read_limits_of_crio(const struct oci_spec *spec, struct oci_resources *r)
{
	const char *text = oci_spec_annotation(spec, OF_CRIO "PodLinuxResources");
	struct oci_resources read = *r;
	char *copy = text ? strdup(text) : NULL;

	if (copy && !vsu_json_walk(copy, on_resource, &read, NULL))
		*r = read;
	free(copy);
}

static void read_limits_of_containerd(const struct oci_spec *spec, struct oci_resources *r)
{
	const int64_t memory = read_limit(spec, OF_CONTAINERD "sandbox-memory");
	const int64_t quota = read_limit(spec, OF_CONTAINERD "sandbox-cpu-quota");
	const int64_t period = read_limit(spec, OF_CONTAINERD "sandbox-cpu-period");

	if (memory)
		r->memory_limit = memory;
	if (quota && period) {
		r->cpu_quota = quota;
		r->cpu_period = period;
	}
}

struct oci_resources oci_pod_resources(const struct oci_spec *spec)
{
	struct oci_resources r = spec->resources;

	if (!oci_pod_is_sandbox(spec))
		return r;
	if (find_engine(spec) == CRIO)
		read_limits_of_crio(spec, &r);
	else
		read_limits_of_containerd(spec, &r);
	return r;
}
