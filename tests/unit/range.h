/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * range.h - assert_range(value, least, most), of unsigned integers. For after <cmocka.h>.
 *
 * cmocka 2 has assert_uint_in_range() and deprecates assert_in_range(), which 1.1 has alone.
 */
#ifndef MANAKIN_TESTS_RANGE_H
#define MANAKIN_TESTS_RANGE_H

#ifdef assert_uint_in_range
#define assert_range(value, least, most) assert_uint_in_range(value, least, most)
#else
#define assert_range(value, least, most) assert_in_range(value, least, most)
#endif

#endif
