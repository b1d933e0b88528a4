/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * device/checksum.c - the Internet checksum (RFC 1071).
 *
 * Theory of operation
 *
 * The ones' complement sum of 16-bit words does not depend on how the words are
 * grouped: summing 32-bit words into 64 bits and folding the result gives the
 * same. Nor does it depend on byte order, as long as the sum is stored in the
 * order in which the words were read. A piece that starts after an odd number of
 * bytes contributes its sum with the two bytes swapped (RFC 1071, section 2).
 *
 *	sum of one piece	below 2^32 * (its length / 4 + 1)
 *	struct checksum.sum	below 2^33 between calls
 *
 * sum_words() is the reference; sum_words_avx2() and sum_words_neon() give the
 * same result, and are used where the CPU has AVX2, or NEON, and the piece is
 * long enough to pay off. A build with MANAKIN_SCALAR omits them.
 */
#include "device/checksum.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__) && !defined(MANAKIN_SCALAR)
#define CHECKSUM_AVX2
#include <immintrin.h>
#elif defined(__aarch64__) && !defined(MANAKIN_SCALAR)
#define CHECKSUM_NEON
#include <arm_neon.h>
#endif

/* Offsets and sizes in bytes */
#define IP4_OFF_CHECKSUM  10u
#define IP4_OFF_ADDRESSES 12u
#define IP4_ADDRESSES_LEN 8u
#define IP6_OFF_ADDRESSES 8u
#define IP6_ADDRESSES_LEN 32u
#define UDP_HEADER_LEN    8u
#define UDP_OFF_LEN       4u
#define UDP_OFF_CHECKSUM  6u

/* Inlined where @copy is known, so that it costs nothing */
#define CHECKSUM_BODY     static inline __attribute__((always_inline))

/* One load of @n bytes (a constant, at most 8), also stored if @copy */
CHECKSUM_BODY uint64_t load_word(uint8_t **dst, const uint8_t **src, size_t n, bool copy)
{
	uint64_t word = 0;

	memcpy(&word, *src, n);
	*src += n;
	if (copy) {
		memcpy(*dst, &word, n);
		*dst += n;
	}
	return word;
}

/**
 * sum_words() - sum a piece, optionally copying it
 * @dst:	where to, if @copy
 * @src:	the piece
 * @len:	bytes
 * @copy:	a constant
 *
 * Return: the sum, not folded; a last single byte counts as if a 0 followed it
 */
CHECKSUM_BODY uint64_t sum_words(uint8_t *dst, const uint8_t *src, size_t len, bool copy)
{
	uint64_t low = 0, high = 0, word;

	for (; len >= 8; len -= 8) {
		word = load_word(&dst, &src, 8, copy);
		low += word & UINT32_MAX;
		high += word >> 32;
	}
	if (len & 4)
		low += load_word(&dst, &src, 4, copy);
	if (len & 2)
		high += load_word(&dst, &src, 2, copy);
	if (len & 1) {
		/* The first byte of a 16-bit word in memory, whatever the byte order */
		uint16_t last = 0;

		memcpy(&last, src, 1);
		if (copy)
			memcpy(dst, &last, 1);
		high += last;
	}
	return low + high;
}

#ifdef CHECKSUM_AVX2
#define AVX2_LEN_MIN 96u /* bytes; for less, the setup costs more than it saves */

/** sum_words_avx2() - sum_words(), 64 bytes at a time */
__attribute__((target("avx2"))) CHECKSUM_BODY uint64_t sum_words_avx2(uint8_t *dst,
								      const uint8_t *src,
								      size_t len, bool copy)
{
	const __m256i mask = _mm256_set1_epi64x(UINT32_MAX);
	__m256i low = _mm256_setzero_si256(), high = _mm256_setzero_si256();
	__m128i sum;

	for (; len >= 64; len -= 64, src += 64) {
		__m256i a = _mm256_loadu_si256((const __m256i *)src);
		__m256i b = _mm256_loadu_si256((const __m256i *)(src + 32));

		if (copy) {
			_mm256_storeu_si256((__m256i *)dst, a);
			_mm256_storeu_si256((__m256i *)(dst + 32), b);
			dst += 64;
		}
		low = _mm256_add_epi64(low, _mm256_add_epi64(_mm256_and_si256(a, mask),
							     _mm256_and_si256(b, mask)));
		high = _mm256_add_epi64(
			high, _mm256_add_epi64(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32)));
	}
	low = _mm256_add_epi64(low, high);
	sum = _mm_add_epi64(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
	return (uint64_t)_mm_cvtsi128_si64(sum) + (uint64_t)_mm_extract_epi64(sum, 1) +
	       sum_words(dst, src, len, copy);
}

__attribute__((target("avx2"), noinline)) static uint64_t sum_avx2(const uint8_t *src, size_t len)
{
	return sum_words_avx2(NULL, src, len, false);
}

__attribute__((target("avx2"), noinline)) static uint64_t
sum_copy_avx2(uint8_t *dst, const uint8_t *src, size_t len)
{
	return sum_words_avx2(dst, src, len, true);
}
#endif

#ifdef CHECKSUM_NEON
#define NEON_LEN_MIN 64u /* bytes: a step of the loop */

/** sum_words_neon() - sum_words(), 64 bytes at a time; every CPU that this is compiled for has it */
CHECKSUM_BODY uint64_t sum_words_neon(uint8_t *dst, const uint8_t *src, size_t len, bool copy)
{
	uint64x2_t sum[4] = { vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0) };

	for (; len >= 64; len -= 64, src += 64) {
		const uint8x16x4_t bytes = vld1q_u8_x4(src);

		if (copy) {
			vst1q_u8_x4(dst, bytes);
			dst += 64;
		}
		/* Both 32-bit words of each half are added to its 64 bits. */
		for (unsigned int i = 0; i < 4; i++)
			sum[i] = vpadalq_u32(sum[i], vreinterpretq_u32_u8(bytes.val[i]));
	}
	return vaddvq_u64(vaddq_u64(vaddq_u64(sum[0], sum[1]), vaddq_u64(sum[2], sum[3]))) +
	       sum_words(dst, src, len, copy);
}

__attribute__((noinline)) static uint64_t sum_neon(const uint8_t *src, size_t len)
{
	return sum_words_neon(NULL, src, len, false);
}

__attribute__((noinline)) static uint64_t sum_copy_neon(uint8_t *dst, const uint8_t *src,
							size_t len)
{
	return sum_words_neon(dst, src, len, true);
}
#endif

static uint64_t sum_piece(const uint8_t *src, size_t len)
{
#ifdef CHECKSUM_AVX2
	if (len >= AVX2_LEN_MIN && __builtin_cpu_supports("avx2"))
		return sum_avx2(src, len);
#elif defined(CHECKSUM_NEON)
	if (len >= NEON_LEN_MIN)
		return sum_neon(src, len);
#endif
	return sum_words(NULL, src, len, false);
}

static uint64_t sum_copy_piece(uint8_t *dst, const uint8_t *src, size_t len)
{
#ifdef CHECKSUM_AVX2
	if (len >= AVX2_LEN_MIN && __builtin_cpu_supports("avx2"))
		return sum_copy_avx2(dst, src, len);
#elif defined(CHECKSUM_NEON)
	if (len >= NEON_LEN_MIN)
		return sum_copy_neon(dst, src, len);
#endif
	return sum_words(dst, src, len, true);
}

static uint16_t fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* Add the sum of a piece of @len bytes */
static void take(struct checksum *checksum, uint64_t sum, size_t len)
{
	if (checksum->odd)
		sum = __builtin_bswap16(fold(sum));
	checksum->odd ^= len & 1;
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum += checksum->sum;
	checksum->sum = (sum & UINT32_MAX) + (sum >> 32);
}

void checksum_add(struct checksum *checksum, const void *data, size_t len)
{
	take(checksum, sum_piece(data, len), len);
}

void checksum_copy(struct checksum *checksum, void *dst, const void *src, size_t len)
{
	take(checksum, sum_copy_piece(dst, src, len), len);
}

int checksum_add_iov(struct checksum *checksum, const struct iovec *iov, uint32_t iovcnt,
		     size_t offset, size_t len)
{
	for (; iovcnt && len; iov++, iovcnt--) {
		size_t n;

		if (offset >= iov->iov_len) {
			offset -= iov->iov_len;
			continue;
		}
		n = iov->iov_len - offset < len ? iov->iov_len - offset : len;
		checksum_add(checksum, (const uint8_t *)iov->iov_base + offset, n);
		offset = 0;
		len -= n;
	}
	return len ? -EINVAL : 0;
}

void checksum_add_pseudo(struct checksum *checksum, const struct packet_headers *headers,
			 const uint8_t *data, uint32_t l4_total_len)
{
	const uint8_t *ip = data + headers->l3_off;
	/* The 32-bit length of IPv6 (RFC 8200, section 8.1) sums up to IPv4's 16-bit one */
	const uint8_t tail[8] = { (uint8_t)(l4_total_len >> 24),
				  (uint8_t)(l4_total_len >> 16),
				  (uint8_t)(l4_total_len >> 8),
				  (uint8_t)l4_total_len,
				  0,
				  0,
				  0,
				  headers->ip_proto };

	if (headers->ip_version == 4)
		checksum_add(checksum, ip + IP4_OFF_ADDRESSES, IP4_ADDRESSES_LEN);
	else
		checksum_add(checksum, ip + IP6_OFF_ADDRESSES, IP6_ADDRESSES_LEN);
	checksum_add(checksum, tail, sizeof(tail));
}

uint16_t checksum_fold(const struct checksum *checksum)
{
	return fold(checksum->sum);
}

uint16_t checksum_finish(const struct checksum *checksum)
{
	return (uint16_t)~fold(checksum->sum);
}

void checksum_ipv4_write(uint8_t *header, size_t len)
{
	uint16_t value = 0;

	memcpy(header + IP4_OFF_CHECKSUM, &value, sizeof(value));
	value = (uint16_t)~fold(sum_piece(header, len));
	memcpy(header + IP4_OFF_CHECKSUM, &value, sizeof(value));
}

bool checksum_ipv4_ok(const uint8_t *header, size_t len)
{
	return fold(sum_piece(header, len)) == UINT16_MAX;
}

enum checksum_result checksum_verify_l4(const struct frame *frame,
					const struct packet_headers *headers, const uint8_t *data)
{
	const uint8_t *l4 = data + headers->l4_off;
	struct checksum checksum = { 0 };
	uint32_t l4_total_len;

	if (headers->l4 == HEADERS_L4_NONE)
		return CHECKSUM_NONE;
	/* Bytes after the IP packet are Ethernet padding */
	if (headers->l3_total_len < (uint32_t)headers->l3_len + headers->l4_len ||
	    headers->l3_off + headers->l3_total_len > frame->len)
		return CHECKSUM_BAD;
	l4_total_len = headers->l3_total_len - headers->l3_len;
	if (headers->l4 == HEADERS_L4_UDP) {
		uint32_t udp_len = (uint32_t)(l4[UDP_OFF_LEN] << 8 | l4[UDP_OFF_LEN + 1]);

		if (!l4[UDP_OFF_CHECKSUM] && !l4[UDP_OFF_CHECKSUM + 1])
			return CHECKSUM_NONE;
		if (udp_len < UDP_HEADER_LEN || udp_len > l4_total_len)
			return CHECKSUM_BAD;
		l4_total_len = udp_len;
	}

	checksum_add_pseudo(&checksum, headers, data, l4_total_len);
	checksum_add(&checksum, l4, headers->l4_len);
	if (checksum_add_iov(&checksum, frame->iov, frame->iovcnt,
			     (size_t)headers->l4_off + headers->l4_len,
			     l4_total_len - headers->l4_len))
		return CHECKSUM_BAD;
	return checksum_finish(&checksum) == 0 ? CHECKSUM_GOOD : CHECKSUM_BAD;
}

static bool partial_fits(size_t len, uint16_t csum_start, uint16_t csum_offset)
{
	return (size_t)csum_start + csum_offset + sizeof(uint16_t) <= len;
}

int checksum_partial(const struct frame *frame, uint16_t *value)
{
	struct checksum checksum = { 0 };
	int err;

	if (!partial_fits(frame->len, frame->csum_start, frame->csum_offset))
		return -EINVAL;
	err = checksum_add_iov(&checksum, frame->iov, frame->iovcnt, frame->csum_start,
			       frame->len - frame->csum_start);
	if (err)
		return err;
	*value = checksum_finish(&checksum);
	if (!*value)
		*value = UINT16_MAX;
	return 0;
}

int checksum_complete(uint8_t *data, size_t len, uint16_t csum_start, uint16_t csum_offset)
{
	uint16_t value;

	if (!partial_fits(len, csum_start, csum_offset))
		return -EINVAL;
	value = (uint16_t)~fold(sum_piece(data + csum_start, len - csum_start));
	if (!value)
		value = UINT16_MAX;
	memcpy(data + csum_start + csum_offset, &value, sizeof(value));
	return 0;
}
