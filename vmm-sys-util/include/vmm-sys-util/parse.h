/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Numbers, sizes, addresses and names in text that a person typed.
 *
 * Threads: pure functions.
 */
#ifndef VMM_SYS_UTIL_PARSE_H
#define VMM_SYS_UTIL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vmm-sys-util/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/*
 * Parses the whole text as an unsigned number, decimal or hexadecimal after 0x, without
 * sign and blanks. -EINVAL: not such a number; -ERANGE: it exceeds 64 bits.
 */
VSU_API int vsu_parse_u64(const char *text, uint64_t *value) VSU_NODISCARD;

/*
 * Parses a size: a number with an optional suffix. k, M, G, T, P and E, in upper or
 * lower case and alone or with B or iB behind them, are powers of 1024: "256M", "256MB"
 * and "256MiB" are 2^28. B is bytes. A decimal number before a suffix other than B may have
 * a fraction, as in "1.5G"; the result is rounded to the nearest byte. Errors as
 * vsu_parse_u64().
 */
VSU_API int vsu_parse_size(const char *text, uint64_t *value) VSU_NODISCARD;

/*
 * Parses a time: decimal numbers with units, as in "90s", "1.5m" or "1h30m". Units are ms, s
 * (sec), m (min), h and d. A single number may have no unit: it counts units of unit_ms
 * milliseconds. *ms is rounded to the nearest millisecond. Errors as vsu_parse_u64().
 */
VSU_API int vsu_parse_time(const char *text, uint64_t unit_ms, uint64_t *ms) VSU_NODISCARD;

/* Writes milliseconds as "90m", "90s" or "1500ms", in the largest exact unit; returns buf. */
VSU_API const char *vsu_format_time(uint64_t ms, char *buf, size_t size);

/* Parses on|off, yes|no, true|false, y|n. -EINVAL: any other text. */
VSU_API int vsu_parse_bool(const char *text, bool *value) VSU_NODISCARD;

/* Writes "256M", "1G" or plain bytes, the shortest exact form; returns buf. */
VSU_API const char *vsu_format_size(uint64_t value, char *buf, size_t size);

/* Whether the whole text is an IPv4 address, as "192.0.2.2". */
VSU_API bool vsu_is_ipv4(const char *text);

/* Whether it is one with the length of its prefix, from 1 to 32, as "192.0.2.2/24". */
VSU_API bool vsu_is_ipv4_prefixed(const char *text);

/*
 * Returns the name of the NULL-terminated list that is most similar to a mistyped word,
 * for "did you mean ...?". NULL: no name is similar.
 */
VSU_API const char *vsu_nearest(const char *word, const char *const *names);

VSU_END_DECLS

#endif
