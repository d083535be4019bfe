/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Collects samples of metrics, sorts and prints them. */
#include <config.h>

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "prometheus.h"

struct prog_sample {
	char *line;
	size_t name_len;	/* without the suffix of a histogram */
	bool histogram;
	unsigned int order;
};

static bool samples_grow(struct prog_prometheus *p)
{
	const unsigned int size = p->size ? 2 * p->size : 64;
	struct prog_sample *all;

	if (p->n < p->size)
		return true;
	all = realloc(p->all, size * sizeof(*all));
	if (!all)
		return false;
	p->all = all;
	p->size = size;
	return true;
}

static void add_sample(struct prog_prometheus *p, const char *name, const char *suffix,
		       const char *labels, const char *value)
{
	const size_t len = strlen("cvmm_") + strlen(name);
	char *line, *c;

	if (!samples_grow(p) || asprintf(&line, "cvmm_%s%s%s %s", name, suffix, labels, value) < 0) {
		p->rc = -ENOMEM;
		return;
	}
	for (c = line; c < line + len; c++)
		if (!isalnum((unsigned char)*c))
			*c = '_';
	p->all[p->n] = (struct prog_sample){ line, len, *suffix, p->n };
	p->n++;
}

void prog_prometheus_add(struct prog_prometheus *p, const char *name, const char *labels,
			 const char *value)
{
	add_sample(p, name, "", labels, value);
}

void prog_prometheus_add_histogram(struct prog_prometheus *p, const char *name,
				   const char *suffix, const char *labels, const char *value)
{
	add_sample(p, name, suffix, labels, value);
}

static bool is_same_metric(const struct prog_sample *a, const struct prog_sample *b)
{
	return a->name_len == b->name_len && !memcmp(a->line, b->line, a->name_len);
}

static int samples_compare(const void *a, const void *b)
{
	const struct prog_sample *x = a, *y = b;
	const size_t len = x->name_len < y->name_len ? x->name_len : y->name_len;
	const int order = memcmp(x->line, y->line, len);

	if (order)
		return order;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

void prog_prometheus_print(struct prog_prometheus *p, FILE *to)
{
	const struct prog_sample *s;

	if (p->n)
		qsort(p->all, p->n, sizeof(*p->all), samples_compare);
	for (s = p->all; s < p->all + p->n; s++) {
		if (s == p->all || !is_same_metric(s - 1, s))
			fprintf(to, "# TYPE %.*s %s\n", (int)s->name_len, s->line,
				s->histogram ? "histogram" : "untyped");
		fprintf(to, "%s\n", s->line);
	}
}

void prog_prometheus_free(struct prog_prometheus *p)
{
	while (p->n)
		free(p->all[--p->n].line);
	free(p->all);
	memset(p, 0, sizeof(*p));
}
