/* Sums of multiples of rows of bytes in GF(256). Of each factor there are products: where a vector's bytes can be
   looked up in 16 others, those with 0 to 15 and with 16 times 0 to 15, otherwise those with all bytes. */
#ifndef RADOME_REEDSOLOMON_H
#define RADOME_REEDSOLOMON_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
typedef __m256i radome_gf;
static inline radome_gf radome_gf_table(const uint8_t *p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)p));
}
static inline radome_gf radome_gf_times(radome_gf low, radome_gf high, radome_gf x) {
    const radome_gf nibble = _mm256_set1_epi8(15);
    return _mm256_shuffle_epi8(low, x & nibble) ^ _mm256_shuffle_epi8(high, _mm256_srli_epi16(x, 4) & nibble);
}
#define RADOME_GF_SHUFFLES 1
#elif defined(__aarch64__)
#include <arm_neon.h>
typedef uint8x16_t radome_gf;
static inline radome_gf radome_gf_table(const uint8_t *p) { return vld1q_u8(p); }
static inline radome_gf radome_gf_times(radome_gf low, radome_gf high, radome_gf x) {
    return vqtbl1q_u8(low, x & 15) ^ vqtbl1q_u8(high, x >> 4);
}
#define RADOME_GF_SHUFFLES 1
#else
#define RADOME_GF_SHUFFLES 0
#endif

#define RADOME_GF_PRODUCTS (RADOME_GF_SHUFFLES ? 32 : 256)

/* With what the i-th product of a factor is. */
static inline int radome_gf_with(int i) { return RADOME_GF_SHUFFLES && i >= 16 ? (i - 16) << 4 : i; }

/* y += factor x, of n bytes; up to the next multiple of 32 may be read and written. */
static inline void radome_gf_add(uint8_t *y, const uint8_t *x, ptrdiff_t n, const uint8_t *products, int factor) {
    const uint8_t *row = products + RADOME_GF_PRODUCTS * factor;
#if RADOME_GF_SHUFFLES
    const radome_gf low = radome_gf_table(row), high = radome_gf_table(row + 16);
    radome_gf a, b;
    for (ptrdiff_t i = 0; i < n; i += sizeof a) {
        memcpy(&a, x + i, sizeof a);
        memcpy(&b, y + i, sizeof b);
        b ^= radome_gf_times(low, high, a);
        memcpy(y + i, &b, sizeof b);
    }
#else
    for (ptrdiff_t i = 0; i < n; i++) y[i] ^= row[x[i]];
#endif
}

/* y = sum of factors times rows of `stride` bytes, of which the first n are wanted; the last factor has the first
   row. */
static inline void radome_gf_sum(uint8_t *y, const uint8_t *rows, ptrdiff_t stride, ptrdiff_t n,
                                 const uint8_t *products, const uint8_t *factors, ptrdiff_t count) {
#if RADOME_GF_SHUFFLES
    for (ptrdiff_t j = 0; j < n; j += sizeof(radome_gf)) {
        radome_gf sum = {0}, x;
        const uint8_t *at = rows + (count - 1) * stride + j;
        for (ptrdiff_t i = 0; i < count; i++, at -= stride) {
            const uint8_t *row = products + RADOME_GF_PRODUCTS * factors[i];
            memcpy(&x, at, sizeof x);
            sum ^= radome_gf_times(radome_gf_table(row), radome_gf_table(row + 16), x);
        }
        memcpy(y + j, &sum, sizeof sum);
    }
#else
    memset(y, 0, n);
    for (ptrdiff_t i = 0; i < count; i++) radome_gf_add(y, rows + (count - 1 - i) * stride, n, products, factors[i]);
#endif
}

/* Places below n where two rows are equal, `most` at most; how many there are. Bytes up to the next multiple of eight
   are read. */
static inline int radome_gf_equal(const uint8_t *a, const uint8_t *b, ptrdiff_t n, int *places, int most) {
    uint64_t x, y;
    int found = 0;
    for (ptrdiff_t i = 0; i < n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        x ^= y;
        if (((x - 0x0101010101010101u) & ~x & 0x8080808080808080u) == 0) continue;
        for (ptrdiff_t k = i; k < i + 8 && k < n; k++)
            if (a[k] == b[k]) {
                if (found == most) return most + 1;
                places[found++] = (int)k;
            }
    }
    return found;
}
#endif
