/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * roce/icrc.c - CRC-32, polynomial 0x04c11db7, bits reversed.
 *
 * Theory of operation
 *
 * icrc_add_plain() takes eight bytes a step from eight tables ("slicing by 8"). It is the reference.
 *
 * x86-64: a carry-less multiplication (PCLMULQDQ) by a power of x, modulo the polynomial, moves 16
 * bytes over a distance, where they are added to the bytes there. Sixteen bytes at a time are folded
 * over 64, in four streams side by side, then into one, and what is left of that is reduced to 4
 * bytes. Less than 64 bytes are one stream. With VPCLMULQDQ, each of the four streams is 64 bytes
 * wide; with eight of them, no multiplication waits for another. (V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ
 * Instruction", Intel, 2009.) The multipliers are x^n mod P, reversed and shifted by one; they are
 * computed at start.
 *
 * arm64: CRC32X takes eight bytes. Where the CPU has none, the tables.
 */
#include "roce/icrc.h"

#include <string.h>

#if defined(__x86_64__) && !defined(MANAKIN_SCALAR)
#define ICRC_PCLMUL
#include <immintrin.h>
#elif defined(__aarch64__) && !defined(MANAKIN_SCALAR)
#define ICRC_ARM
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0xedb88320u /* reversed */

static uint32_t tables[8][256];

#ifdef ICRC_PCLMUL
/* Multipliers for folding over that many bytes: for the low and the high half of 16 bytes */
struct fold {
	uint64_t low, high;
};
static struct fold fold_16, fold_64, fold_256, fold_512;
static uint64_t fold_8; /* for the low 4 of 8 bytes */
static enum { CPU_PLAIN, CPU_PCLMUL, CPU_WIDE } cpu;

/* x^n mod P, reversed: x^0 is the topmost bit; one more bit is room for the product's shift */
static uint64_t power(unsigned int n)
{
	uint32_t value = 0x80000000u;

	while (n--)
		value = value & 1 ? value >> 1 ^ POLYNOMIAL : value >> 1;
	return (uint64_t)value << 1;
}

/* 64 bits at the low end of 128 are 64 bits further from the end of what is folded over */
static struct fold fold_over(unsigned int bytes)
{
	return (struct fold){ .low = power(bytes * 8 + 32), .high = power(bytes * 8 - 32) };
}
#elif defined(ICRC_ARM)
static int cpu_crc;
#endif

__attribute__((constructor)) static void icrc_prepare(void)
{
	for (uint32_t i = 0; i < 256; i++) {
		uint32_t crc = i;

		for (unsigned int bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		tables[0][i] = crc;
	}
	for (unsigned int n = 1; n < 8; n++)
		for (uint32_t i = 0; i < 256; i++)
			tables[n][i] = tables[n - 1][i] >> 8 ^ tables[0][tables[n - 1][i] & 0xff];
#ifdef ICRC_PCLMUL
	fold_8 = power(64);
	fold_16 = fold_over(16);
	fold_64 = fold_over(64);
	fold_256 = fold_over(256);
	fold_512 = fold_over(512);
	__builtin_cpu_init();
	if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
		cpu = CPU_PCLMUL;
	if (cpu == CPU_PCLMUL && __builtin_cpu_supports("vpclmulqdq") &&
	    __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl"))
		cpu = CPU_WIDE;
#elif defined(ICRC_ARM)
	cpu_crc = (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#endif
}

uint32_t icrc_add_plain(uint32_t crc, const void *data, size_t len)
{
	const uint8_t *bytes = data;

	for (; len >= 8; len -= 8, bytes += 8) {
		uint32_t low, high;

		memcpy(&low, bytes, 4);
		memcpy(&high, bytes + 4, 4);
		low ^= crc; /* every machine that this is for is little-endian */
		crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^
		      tables[5][low >> 16 & 0xff] ^ tables[4][low >> 24] ^ tables[3][high & 0xff] ^
		      tables[2][high >> 8 & 0xff] ^ tables[1][high >> 16 & 0xff] ^
		      tables[0][high >> 24];
	}
	for (; len; len--, bytes++)
		crc = crc >> 8 ^ tables[0][(crc ^ *bytes) & 0xff];
	return crc;
}

#ifdef ICRC_PCLMUL
#define PCLMUL_LEN_MIN 16u  /* bytes: one stream; headers have about 50 */
#define FOUR_LEN_MIN   64u  /* bytes: the four streams */
#define WIDE_LEN_MIN   256u /* bytes: the four wide streams */
#define EIGHT_LEN_MIN  512u /* bytes: eight of them */

__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold_into(__m128i value, __m128i by,
									 __m128i into)
{
	return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(value, by, 0x00),
					   _mm_clmulepi64_si128(value, by, 0x11)),
			     into);
}

__attribute__((target("pclmul,sse4.1"))) static inline __m128i multipliers(struct fold fold)
{
	return _mm_set_epi64x((long long)fold.high, (long long)fold.low);
}

/* The CRC that 16 bytes stand for: folded to 8 bytes, to 4 more, then divided (Barrett) */
__attribute__((target("pclmul,sse4.1"))) static inline uint32_t reduce(__m128i value)
{
	const __m128i low = _mm_setr_epi32(-1, 0, -1, 0);
	const __m128i by = _mm_set_epi64x((long long)fold_16.high, (long long)fold_8);
	/* x^64 / P, and P itself, both reversed, with 33 bits */
	const __m128i divide = _mm_set_epi64x(0x1f7011641, 0x1db710641);
	__m128i quotient;

	value = _mm_xor_si128(_mm_srli_si128(value, 8), _mm_clmulepi64_si128(value, by, 0x10));
	value = _mm_xor_si128(_mm_srli_si128(value, 4),
			      _mm_clmulepi64_si128(_mm_and_si128(value, low), by, 0x00));
	quotient = _mm_clmulepi64_si128(_mm_and_si128(value, low), divide, 0x10);
	quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low), divide, 0x00);
	return (uint32_t)_mm_extract_epi32(_mm_xor_si128(value, quotient), 1);
}

/* One stream takes what is left, 16 bytes at a time; the tables take the last few */
__attribute__((target("pclmul,sse4.1"))) static inline uint32_t
fold_last(__m128i stream, const uint8_t *bytes, size_t len)
{
	const __m128i by = multipliers(fold_16);
	uint32_t crc;

	for (; len >= 16; len -= 16, bytes += 16)
		stream = fold_into(stream, by, _mm_loadu_si128((const __m128i *)bytes));
	crc = reduce(stream);
	return len ? icrc_add_plain(crc, bytes, len) : crc;
}

/* Four streams into one */
__attribute__((target("pclmul,sse4.1"))) static inline __m128i fold_four(const __m128i stream[4])
{
	const __m128i by = multipliers(fold_16);
	__m128i sum = stream[0];

	for (unsigned int i = 1; i < 4; i++)
		sum = fold_into(sum, by, stream[i]);
	return sum;
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t add_short(uint32_t crc,
								   const uint8_t *bytes, size_t len)
{
	const __m128i stream =
		_mm_xor_si128(_mm_loadu_si128((const __m128i *)bytes), _mm_cvtsi32_si128((int)crc));

	return fold_last(stream, bytes + 16, len - 16);
}

__attribute__((target("pclmul,sse4.1"))) static uint32_t
add_pclmul(uint32_t crc, const uint8_t *bytes, size_t len)
{
	const __m128i by = multipliers(fold_64);
	__m128i stream[4];

	for (unsigned int i = 0; i < 4; i++)
		stream[i] = _mm_loadu_si128((const __m128i *)bytes + i);
	stream[0] = _mm_xor_si128(stream[0], _mm_cvtsi32_si128((int)crc));
	for (bytes += 64, len -= 64; len >= 64; bytes += 64, len -= 64)
		for (unsigned int i = 0; i < 4; i++)
			stream[i] = fold_into(stream[i], by,
					      _mm_loadu_si128((const __m128i *)bytes + i));
	return fold_last(fold_four(stream), bytes, len);
}

#define WIDE __attribute__((target("vpclmulqdq,avx512f,avx512vl,pclmul,sse4.1")))

WIDE static inline __m512i fold_wide(__m512i value, __m512i by, __m512i into)
{
	/* 0x96: the sum of all three */
	return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(value, by, 0x00),
					 _mm512_clmulepi64_epi128(value, by, 0x11), into, 0x96);
}

/* Eight streams over whole 512 bytes, then four of them */
WIDE static inline void fold_eight(__m512i wide[4], uint32_t crc, const uint8_t *bytes, size_t len)
{
	__m512i by = _mm512_broadcast_i32x4(multipliers(fold_512));
	__m512i all[8];

	for (unsigned int i = 0; i < 8; i++)
		all[i] = _mm512_loadu_si512(bytes + 64 * i);
	all[0] = _mm512_xor_si512(all[0], _mm512_maskz_set1_epi32(1, (int)crc));
	for (size_t at = 512; at < len; at += 512)
		for (unsigned int i = 0; i < 8; i++)
			all[i] = fold_wide(all[i], by, _mm512_loadu_si512(bytes + at + 64 * i));
	by = _mm512_broadcast_i32x4(multipliers(fold_256));
	for (unsigned int i = 0; i < 4; i++)
		wide[i] = fold_wide(all[i], by, all[4 + i]);
}

WIDE static uint32_t add_wide(uint32_t crc, const uint8_t *bytes, size_t len)
{
	__m512i by = _mm512_broadcast_i32x4(multipliers(fold_256));
	size_t first = 256;
	__m128i stream[4];
	__m512i wide[4];

	if (len >= EIGHT_LEN_MIN) {
		first = len & ~(size_t)(EIGHT_LEN_MIN - 1);
		fold_eight(wide, crc, bytes, first);
	} else {
		for (unsigned int i = 0; i < 4; i++)
			wide[i] = _mm512_loadu_si512(bytes + 64 * i);
		wide[0] = _mm512_xor_si512(wide[0], _mm512_maskz_set1_epi32(1, (int)crc));
	}
	for (bytes += first, len -= first; len >= 256; bytes += 256, len -= 256)
		for (unsigned int i = 0; i < 4; i++)
			wide[i] = fold_wide(wide[i], by, _mm512_loadu_si512(bytes + 64 * i));
	by = _mm512_broadcast_i32x4(multipliers(fold_64));
	for (unsigned int i = 1; i < 4; i++)
		wide[i] = fold_wide(wide[i - 1], by, wide[i]);
	for (; len >= 64; bytes += 64, len -= 64)
		wide[3] = fold_wide(wide[3], by, _mm512_loadu_si512(bytes));
	_mm512_storeu_si512(stream, wide[3]);
	return fold_last(fold_four(stream), bytes, len);
}

uint32_t icrc_add(uint32_t crc, const void *data, size_t len)
{
	if (len >= WIDE_LEN_MIN && cpu == CPU_WIDE)
		return add_wide(crc, data, len);
	if (len < PCLMUL_LEN_MIN || cpu == CPU_PLAIN)
		return icrc_add_plain(crc, data, len);
	return len < FOUR_LEN_MIN ? add_short(crc, data, len) : add_pclmul(crc, data, len);
}
#elif defined(ICRC_ARM)
/* By its mnemonic: compilers differ in when they declare __crc32d() */
static uint32_t add_arm(uint32_t crc, const uint8_t *bytes, size_t len)
{
	for (; len >= 8; len -= 8, bytes += 8) {
		uint64_t word;

		memcpy(&word, bytes, 8);
		__asm__(".arch_extension crc\n\tcrc32x %w0, %w0, %x1" : "+r"(crc) : "r"(word));
	}
	for (; len; len--, bytes++)
		__asm__(".arch_extension crc\n\tcrc32b %w0, %w0, %w1"
			: "+r"(crc)
			: "r"((uint32_t)*bytes));
	return crc;
}

uint32_t icrc_add(uint32_t crc, const void *data, size_t len)
{
	return cpu_crc ? add_arm(crc, data, len) : icrc_add_plain(crc, data, len);
}
#else
uint32_t icrc_add(uint32_t crc, const void *data, size_t len)
{
	return icrc_add_plain(crc, data, len);
}
#endif
