/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Conversion of memory, and pages with contents that can be checked. */
#ifndef GUEST_CONVERT_H
#define GUEST_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE UINT64_C(4096)
#define LARGE (UINT64_C(2) << 20)

/* KVM offers the hypercall of conversions to this guest. */
bool convert_offered(void);

/* KVM_HC_MAP_GPA_RANGE: 0 or a negative errno of KVM. */
int64_t convert(uint64_t gpa, uint64_t len, bool to_private);

/* Converts; a refusal is a fault, and returns false. */
bool convert_must(uint64_t gpa, uint64_t len, bool to_private);

/* Stores words that depend on their address and on seed to each page. */
void fill(uint64_t gpa, uint64_t len, uint64_t seed);

/* Stores words that depend on a key instead of the address. */
void fill_as(uint64_t gpa, uint64_t len, uint64_t key, uint64_t seed);
void expect_filled_as(uint64_t gpa, uint64_t len, uint64_t key, uint64_t seed,
		      const char *what);

/* Checks that fill() has stored the words; otherwise what is a fault. */
void expect_filled(uint64_t gpa, uint64_t len, uint64_t seed, const char *what);

/* Checks that each page reads as zeros; otherwise what is a fault. */
void expect_zeros(uint64_t gpa, uint64_t len, const char *what);

/* Numbers of conversions and of converted pages, of all CPUs. */
uint32_t convert_count(void);
uint64_t convert_pages(void);

#endif
