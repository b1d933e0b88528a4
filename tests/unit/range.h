/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * range.h - assert_range(value, least, most), of unsigned integers. For after <cmocka.h>.
 *
 * cmocka 2 has assert_uint_in_range() and deprecates assert_in_range(), which 1.1 has alone. Its macro
 * (2.0.2) converts to signed integers and back, which compilers warn of: the function is called itself.
 */
#ifndef MANAKIN_TESTS_RANGE_H
#define MANAKIN_TESTS_RANGE_H

#ifdef assert_uint_in_range
#define assert_range(value, least, most)                                                           \
	_assert_uint_in_range((uintmax_t)(value), (uintmax_t)(least), (uintmax_t)(most), __FILE__, \
			      __LINE__)
#else
#define assert_range(value, least, most) assert_in_range(value, least, most)
#endif

#endif
