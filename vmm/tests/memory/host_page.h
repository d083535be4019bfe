/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Tests that are linked with -Wl,--wrap=sysconf choose the size of the host's pages. */
#ifndef VMM_TESTS_HOST_PAGE_H
#define VMM_TESTS_HOST_PAGE_H

#include <unistd.h>

/* ThreadSanitizer calls it before instrumented functions work. */
#if defined(__has_attribute) && __has_attribute(disable_sanitizer_instrumentation)
#define NOT_INSTRUMENTED __attribute__((disable_sanitizer_instrumentation))
#else
#define NOT_INSTRUMENTED __attribute__((no_sanitize_thread))
#endif

static long host_page;		/* 0: the true one */

long __real_sysconf(int name);
long __wrap_sysconf(int name);
NOT_INSTRUMENTED long __attribute__((used)) __wrap_sysconf(int name)
{
	return name == _SC_PAGESIZE && host_page ? host_page : __real_sysconf(name);
}

#endif
