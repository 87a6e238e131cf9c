/* The inner loops of viterbi.pyx. A word holds 64 bits in a row, the first in the most significant place. */
#ifndef RADOME_VITERBI_H
#define RADOME_VITERBI_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define RADOME_SPREAD 0x8040201008040201u

/* Bytes of 0 or 1 to a word, and back. */
static inline uint64_t radome_pack(const uint8_t *bytes) {
    uint64_t word = 0, eight;
    for (int i = 0; i < 8; i++) {
        memcpy(&eight, bytes + 8 * i, 8);
        word = word << 8 | eight * RADOME_SPREAD >> 56;
    }
    return word;
}

static inline uint64_t radome_eight(uint64_t byte) { return byte * RADOME_SPREAD >> 7 & 0x0101010101010101u; }

/* Bits and the sums of two words' bits to bytes. */
static void radome_unpack(uint64_t bits, uint64_t first, uint64_t second, uint8_t *out, uint8_t *sums) {
    for (int i = 0; i < 8; i++) {
        int shift = 56 - 8 * i;
        uint64_t a = radome_eight(bits >> shift & 255);
        uint64_t b = radome_eight(first >> shift & 255) + radome_eight(second >> shift & 255);
        memcpy(out + 8 * i, &a, 8);
        memcpy(sums + 8 * i, &b, 8);
    }
}

/* Sum of the magnitudes, in sixteen parts, which are the same in every instruction set. */
static float radome_magnitude(const float *x, ptrdiff_t n) {
    typedef float v8 __attribute__((vector_size(32)));
    typedef int32_t i8 __attribute__((vector_size(32)));
    const i8 mask = (i8){0} + 0x7fffffff;
    v8 a = {0}, b = {0}, v;
    float total = 0;
    ptrdiff_t i = 0;
    for (; i + 16 <= n; i += 16) {
        memcpy(&v, x + i, sizeof v);
        a += (v8)((i8)v & mask);
        memcpy(&v, x + i + 8, sizeof v);
        b += (v8)((i8)v & mask);
    }
    a += b;
    for (; i < n; i++) total += x[i] < 0 ? -x[i] : x[i];
    for (int k = 0; k < 8; k++) total += a[k];
    return total;
}

/* Costs of a step for the four pairs that can have been sent, a byte each, the pair's first symbol in bit 0 of its
   number: what the symbols that were received otherwise are sure of, 1 to 15. And the hard symbols. */
static void radome_costs(const float *x, float scale, uint32_t *cost, uint64_t *hard0, uint64_t *hard1, ptrdiff_t n) {
    int32_t level[128];
    uint8_t h0[64] = {0}, h1[64] = {0};
    for (ptrdiff_t i = 0; i < 2 * n; i++) {
        float y = x[i] * scale + 8.0f;
        y = y > 0.0f ? y : 0.0f;
        level[i] = 2 * (int32_t)(y < 15.5f ? y : 15.5f) - 15;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        int32_t a = level[2 * i], b = level[2 * i + 1];
        uint32_t d = (uint32_t)(a < 0 ? -a : a), e = (uint32_t)(b < 0 ? -b : b);
        d |= d << 16;
        e |= e << 8;
        cost[i] = (a < 0 ? d << 8 : d) + (b < 0 ? e << 16 : e);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        h0[i] = level[2 * i] > 0;
        h1[i] = level[2 * i + 1] > 0;
    }
    *hard0 = radome_pack(h0);
    *hard1 = radome_pack(h1);
}

#if defined(__AVX512BW__)
/* radome_advance where bytes can be permuted across a vector: the metrics of the lower states stand twice each in
   one vector, those of the upper in another, so that one minimum makes all new metrics and its comparison the decision. */
__attribute__((target("avx512vbmi"))) static void radome_advance_vbmi(uint8_t *metric, uint64_t *decision,
                                                                      const uint8_t *code, const uint32_t *cost,
                                                                      ptrdiff_t n) {
    uint8_t place[64];
    for (int i = 0; i < 64; i++) place[i] = (uint8_t)(i >> 1);
    __m512i all = _mm512_loadu_si512(metric), low = _mm512_loadu_si512(place);
    __m512i high = _mm512_or_si512(low, _mm512_set1_epi8(32));
    __m512i first = _mm512_permutexvar_epi8(low, _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)code)));
    first = _mm512_mask_xor_epi32(first, 0xffff, first, _mm512_set1_epi16(0x0300));
    __m512i second = _mm512_xor_si512(first, _mm512_set1_epi8(3));
    __m512i least = _mm512_setzero_si512(), lower = _mm512_permutexvar_epi8(low, all);
    __m512i upper = _mm512_permutexvar_epi8(high, all);
    for (ptrdiff_t step = 0; step < n; step++) {
        __m512i costs = _mm512_set1_epi32((int32_t)cost[step]);
        __m512i p = _mm512_adds_epu8(lower, _mm512_shuffle_epi8(costs, first));
        __m512i q = _mm512_adds_epu8(upper, _mm512_shuffle_epi8(costs, second));
        decision[step] = _mm512_cmplt_epu8_mask(q, p);
        all = _mm512_min_epu8(p, q);
        lower = _mm512_permutexvar_epi8(low, all);
        upper = _mm512_permutexvar_epi8(high, all);
        if (step % 8 == 3) {
            __m256i v = _mm256_min_epu8(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
            __m128i w = _mm_min_epu8(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
            w = _mm_minpos_epu16(_mm_min_epu8(w, _mm_srli_epi16(w, 8)));
            least = _mm512_broadcastb_epi8(w);
        }
        if (step % 8 == 7) {
            all = _mm512_sub_epi8(all, least);
            lower = _mm512_sub_epi8(lower, least);
            upper = _mm512_sub_epi8(upper, least);
        }
    }
    _mm512_storeu_si512(metric, all);
}
#endif

/* Add, compare, select over n steps. A decision has bit s set where the survivor into state s came from the upper half.
   `code` are the numbers of the pairs on the branches from state i with bit 0. */
static void radome_advance(uint8_t *metric, uint64_t *decision, const uint8_t *code, const uint32_t *cost,
                           ptrdiff_t n) {
#if defined(__AVX512BW__)
    if (__builtin_cpu_supports("avx512vbmi")) {
        radome_advance_vbmi(metric, decision, code, cost, n);
        return;
    }
#endif
#if defined(__AVX2__)
    __m256i lower = _mm256_loadu_si256((const __m256i *)metric), upper = _mm256_loadu_si256((const __m256i *)metric + 1);
    __m256i same = _mm256_loadu_si256((const __m256i *)code), other = _mm256_xor_si256(same, _mm256_set1_epi8(3));
    __m256i least = _mm256_setzero_si256();
    for (ptrdiff_t step = 0; step < n; step++) {
        __m256i all = _mm256_set1_epi32((int32_t)cost[step]);
        __m256i b = _mm256_shuffle_epi8(all, same), c = _mm256_shuffle_epi8(all, other);
        __m256i p = _mm256_adds_epu8(lower, b), r = _mm256_adds_epu8(lower, c);
        __m256i even = _mm256_min_epu8(p, _mm256_adds_epu8(upper, c));
        __m256i odd = _mm256_min_epu8(r, _mm256_adds_epu8(upper, b));
        __m256i e = _mm256_cmpeq_epi8(even, p), o = _mm256_cmpeq_epi8(odd, r);
        __m256i l = _mm256_unpacklo_epi8(e, o), h = _mm256_unpackhi_epi8(e, o);
        uint64_t late = (uint32_t)_mm256_movemask_epi8(_mm256_permute2x128_si256(l, h, 0x31));
        decision[step] = ~((uint32_t)_mm256_movemask_epi8(_mm256_permute2x128_si256(l, h, 0x20)) | late << 32);
        __m256i low = _mm256_unpacklo_epi8(even, odd), high = _mm256_unpackhi_epi8(even, odd);
        lower = _mm256_permute2x128_si256(low, high, 0x20);
        upper = _mm256_permute2x128_si256(low, high, 0x31);
        if (step % 8 == 3) {
            __m256i v = _mm256_min_epu8(lower, upper);
            __m128i w = _mm_min_epu8(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
            w = _mm_minpos_epu16(_mm_min_epu8(w, _mm_srli_epi16(w, 8)));
            least = _mm256_broadcastb_epi8(w);
        }
        if (step % 8 == 7) {
            lower = _mm256_sub_epi8(lower, least);
            upper = _mm256_sub_epi8(upper, least);
        }
    }
    _mm256_storeu_si256((__m256i *)metric, lower);
    _mm256_storeu_si256((__m256i *)metric + 1, upper);
#else
    uint8_t even[32], odd[32], bits[64], least = 0;
    for (ptrdiff_t step = 0; step < n; step++) {
        uint32_t all = cost[step], k0 = all & 255, k1 = all >> 8 & 255, k2 = all >> 16 & 255, k3 = all >> 24;
        uint8_t total = (uint8_t)(k0 + k3);
        uint64_t word = 0, eight;
        for (int i = 0; i < 32; i++) {
            uint8_t one = -(code[i] & 1), two = -(code[i] >> 1);
            uint8_t b = (uint8_t)((~one & ~two & k0) | (one & ~two & k1) | (~one & two & k2) | (one & two & k3));
            uint8_t c = total - b, l = metric[i], u = metric[i + 32], t;
            uint8_t p = (t = l + b) < l ? 255 : t, r = (t = l + c) < l ? 255 : t;
            uint8_t q = (t = u + c) < u ? 255 : t, s = (t = u + b) < u ? 255 : t;
            even[i] = p < q ? p : q;
            odd[i] = r < s ? r : s;
            bits[2 * i] = q < p;
            bits[2 * i + 1] = s < r;
        }
        for (int i = 0; i < 8; i++) { /* the first byte's bit in the least significant place */
            memcpy(&eight, bits + 8 * i, 8);
            word |= (eight * 0x0102040810204080u >> 56) << 8 * i;
        }
        decision[step] = word;
        for (int i = 0; i < 32; i++) {
            metric[2 * i] = even[i];
            metric[2 * i + 1] = odd[i];
        }
        if (step % 8 == 3) {
            least = 255;
            for (int i = 0; i < 64; i++) least = metric[i] < least ? metric[i] : least;
        }
        if (step % 8 == 7)
            for (int i = 0; i < 64; i++) metric[i] -= least;
    }
#endif
}

/* Follow a survivor back over n steps. `path` begins with the six bits of a state, then come the bits behind it. */
static inline uint64_t radome_back(const uint64_t *decision, ptrdiff_t n, uint64_t path) {
    while (n-- > 0) path = path >> 1 | decision[n] >> (path >> 58) << 63;
    return path;
}

/* 64 steps of two survivors side by side. */
static inline void radome_back_twice(const uint64_t *decision0, const uint64_t *decision1, uint64_t *path0,
                                     uint64_t *path1) {
    uint64_t a = *path0, b = *path1;
    for (int n = 63; n >= 0; n--) {
        a = a >> 1 | decision0[n] >> (a >> 58) << 63;
        b = b >> 1 | decision1[n] >> (b >> 58) << 63;
    }
    *path0 = a;
    *path1 = b;
}
#endif
