/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Results of "check" in the Test Anything Protocol and in the format of JUnit. */
#include <config.h>

#include <string.h>

#include "check_case.h"
#include "xml.h"

static void tap_log(const char *log)
{
	const char *end;

	for (; *log; log = *end ? end + 1 : end) {
		end = strchrnul(log, '\n');
		printf("# %.*s\n", (int)(end - log), log);
	}
}

void check_report_tap(unsigned int n, const struct check_case *k,
		      const struct check *c, const char *log)
{
	bool skipped = c->verdict == CHECK_SKIP;

	printf("%sok %u - %s: %s%s%s\n", c->verdict == CHECK_FAIL ? "not " : "", n,
	       k->name, k->rule, skipped ? " # SKIP " : "", skipped ? c->why : "");
	if (c->verdict == CHECK_FAIL) {
		printf("# %s\n# specification: %s\n", c->why, k->section);
		tap_log(log);
	}
	fflush(stdout);
}

static void junit_failure(FILE *to, const struct check_case *k,
			  const struct check *c, const char *log)
{
	fputs("<failure message=\"", to);
	xml_text(to, c->why);
	fputs("\">", to);
	xml_text(to, k->rule);
	fputc('\n', to);
	xml_text(to, log);
	fputs("</failure>", to);
}

/* A name is "group.name". */
void check_report_junit(FILE *to, const struct check_case *k,
			const struct check *c, const char *log)
{
	int group = (int)strcspn(k->name, ".");

	fprintf(to, "<testcase classname=\"%.*s\" name=\"%s\">", group, k->name,
		k->name + group + 1);
	if (c->verdict == CHECK_FAIL)
		junit_failure(to, k, c, log);
	else if (c->verdict == CHECK_SKIP)
		fputs("<skipped/>", to);
	fputs("</testcase>\n", to);
}
