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
#if defined(__AVX2__)
    const __m256i byte = _mm256_setr_epi64x(0x0707070707070707, 0x0606060606060606, 0x0505050505050505,
                                           0x0404040404040404);
    const __m256i bit = _mm256_set1_epi64x(0x0102040810204080), one = _mm256_set1_epi8(1);
    for (int i = 0; i < 2; i++) {
        __m256i a = _mm256_shuffle_epi8(_mm256_set1_epi64x((int64_t)(bits << 32 * i)), byte);
        __m256i b = _mm256_shuffle_epi8(_mm256_set1_epi64x((int64_t)(first << 32 * i)), byte);
        __m256i c = _mm256_shuffle_epi8(_mm256_set1_epi64x((int64_t)(second << 32 * i)), byte);
        a = _mm256_cmpeq_epi8(_mm256_and_si256(a, bit), bit);
        b = _mm256_cmpeq_epi8(_mm256_and_si256(b, bit), bit);
        c = _mm256_cmpeq_epi8(_mm256_and_si256(c, bit), bit);
        _mm256_storeu_si256((__m256i *)out + i, _mm256_and_si256(a, one));
        _mm256_storeu_si256((__m256i *)sums + i, _mm256_abs_epi8(_mm256_add_epi8(b, c)));
    }
#else
    for (int i = 0; i < 8; i++) {
        int shift = 56 - 8 * i;
        uint64_t a = radome_eight(bits >> shift & 255);
        uint64_t b = radome_eight(first >> shift & 255) + radome_eight(second >> shift & 255);
        memcpy(out + 8 * i, &a, 8);
        memcpy(sums + 8 * i, &b, 8);
    }
#endif
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
   number: what the symbols that were received otherwise are sure of, 1 to 15. And the hard symbols, a word each. Of n
   pairs, 64 at most; what is written is 64 always. */
static void radome_costs(const float *x, float scale, uint32_t *cost, uint64_t *hard0, uint64_t *hard1, ptrdiff_t n) {
    float padded[128] = {0};
    if (n < 64) {
        memcpy(padded, x, 2 * n * sizeof(float));
        x = padded;
    }
#if defined(__AVX2__)
    const __m256 by = _mm256_set1_ps(scale), most = _mm256_set1_ps(7.5f), least = _mm256_set1_ps(-8.0f);
    const __m256i zero = _mm256_setzero_si256(), order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i four = _mm256_broadcastsi128_si256(_mm_setr_epi32(0, 0x04040404, 0x08080808, 0x0c0c0c0c));
    const __m256i first = _mm256_set1_epi32(0x01000100) | four, second = _mm256_set1_epi32(0x03030202) | four;
    const __m128i odd = _mm_setr_epi8(14, 12, 10, 8, 6, 4, 2, 0, 15, 13, 11, 9, 7, 5, 3, 1);
    const __m256i apart = _mm256_broadcastsi128_si256(odd);
    *hard0 = *hard1 = 0;
    for (int i = 0; i < 64; i += 16) {
        __m256i v[4];
        for (int k = 0; k < 4; k++) {
            __m256 y = _mm256_min_ps(_mm256_mul_ps(_mm256_loadu_ps(x + 2 * i + 8 * k), by), most);
            v[k] = _mm256_cvttps_epi32(_mm256_sub_ps(_mm256_max_ps(y, least), least));
        }
        __m256i all = _mm256_packs_epi16(_mm256_packs_epi32(v[0], v[1]), _mm256_packs_epi32(v[2], v[3]));
        all = _mm256_permutevar8x32_epi32(_mm256_add_epi8(all, all), order);
        all = _mm256_sub_epi8(all, _mm256_set1_epi8(15));
        __m256i up = _mm256_max_epi8(all, zero), down = _mm256_sub_epi8(up, all);
        __m256i low = _mm256_unpacklo_epi8(up, down), high = _mm256_unpackhi_epi8(up, down);
        low = _mm256_add_epi8(_mm256_shuffle_epi8(low, first), _mm256_shuffle_epi8(low, second));
        high = _mm256_add_epi8(_mm256_shuffle_epi8(high, first), _mm256_shuffle_epi8(high, second));
        _mm256_storeu_si256((__m256i *)(cost + i), _mm256_permute2x128_si256(low, high, 0x20));
        _mm256_storeu_si256((__m256i *)(cost + i + 8), _mm256_permute2x128_si256(low, high, 0x31));
        uint32_t signs = ~(uint32_t)_mm256_movemask_epi8(_mm256_shuffle_epi8(all, apart));
        *hard0 = *hard0 << 16 | (signs & 255) << 8 | (signs >> 16 & 255);
        *hard1 = *hard1 << 16 | (signs >> 8 & 255) << 8 | signs >> 24;
    }
#else
    int32_t level[128];
    uint8_t h0[64], h1[64];
    for (int i = 0; i < 128; i++) {
        float y = x[i] * scale;
        y = y < 7.5f ? y : 7.5f;
        level[i] = 2 * (int32_t)((y > -8.0f ? y : -8.0f) + 8.0f) - 15;
    }
    for (int i = 0; i < 64; i++) {
        int32_t a = level[2 * i], b = level[2 * i + 1];
        uint32_t d = (uint32_t)(a < 0 ? -a : a), e = (uint32_t)(b < 0 ? -b : b);
        d |= d << 16;
        e |= e << 8;
        cost[i] = (a < 0 ? d << 8 : d) + (b < 0 ? e << 16 : e);
    }
    for (int i = 0; i < 64; i++) {
        h0[i] = level[2 * i] > 0;
        h1[i] = level[2 * i + 1] > 0;
    }
    *hard0 = radome_pack(h0);
    *hard1 = radome_pack(h1);
#endif
}

/* Origins. While up to eight steps are made, a byte goes along with each state's metric: 16 * 4 * (s / 16) + s % 16,
   where s is the state in which its survivor was before them, and in the two bits that this leaves free, 5 and 4, the
   survivor's first two bits since. A hop is a row of 256 bytes: state s of window w stands at
   64 * (s / 16) + 16 * w + s % 16, so that a byte found tells the place to look at in the row before. */
#define RADOME_WINDOWS 4
#define RADOME_ROW 256
#define RADOME_PLACE 0xcf

/* Add, compare, select over n steps, eight at most, of one window; `code` are the numbers of the pairs on the branches
   from state i with bit 0. */
static void radome_steps(uint8_t *restrict metric, uint8_t *restrict origin, const uint8_t *restrict code,
                         const uint32_t *cost, ptrdiff_t n) {
    uint8_t even[32], odd[32], from[32], to[32], least = 0;
    for (int i = 0; i < 64; i++) origin[i] = (uint8_t)(i >> 4 << 6 | (i & 15));
    for (ptrdiff_t step = 0; step < n; step++) {
        uint32_t all = cost[step], k0 = all & 255, k1 = all >> 8 & 255, k2 = all >> 16 & 255, k3 = all >> 24;
        uint8_t total = (uint8_t)(k0 + k3);
        for (int i = 0; i < 32; i++) {
            uint8_t one = -(code[i] & 1), two = -(code[i] >> 1);
            uint8_t b = (uint8_t)((~one & ~two & k0) | (one & ~two & k1) | (~one & two & k2) | (one & two & k3));
            uint8_t c = total - b, l = metric[i], u = metric[i + 32], t;
            uint8_t p = (t = l + b) < l ? 255 : t, r = (t = l + c) < l ? 255 : t;
            uint8_t q = (t = u + c) < u ? 255 : t, s = (t = u + b) < u ? 255 : t;
            uint8_t x = origin[i], y = origin[i + 32], first = -(q < p), second = -(s < r);
            even[i] = p < q ? p : q;
            odd[i] = r < s ? r : s;
            from[i] = (uint8_t)((x & ~first) | (y & first));
            to[i] = (uint8_t)((x & ~second) | (y & second));
        }
        for (int i = 0; i < 32; i++) {
            metric[2 * i] = even[i];
            metric[2 * i + 1] = odd[i];
            origin[2 * i] = from[i];
            origin[2 * i + 1] = to[i];
        }
        if (step == 1)
            for (int i = 0; i < 64; i++) origin[i] |= (uint8_t)((i & 3) << 4);
        if (step == 3) {
            least = 255;
            for (int i = 0; i < 64; i++) least = metric[i] < least ? metric[i] : least;
        }
        if (step == 7)
            for (int i = 0; i < 64; i++) metric[i] -= least;
    }
}

#if defined(__AVX2__)
/* Windows side by side, each in 16 bytes of a vector: states 0 to 15, 16 to 31, ... in a vector each, so that the
   states that meet stand at the same place, and interleaving puts the new ones in order again. */
#if defined(__AVX512BW__)
typedef __m512i radome_lanes;
#define RADOME_OP(name) _mm512_##name
#define RADOME_ABREAST 4
#else
typedef __m256i radome_lanes;
#define RADOME_OP(name) _mm256_##name
#define RADOME_ABREAST 2
#endif

static inline radome_lanes radome_lanes_load(const void *p) {
    radome_lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The same 16 bytes for all windows. */
static inline radome_lanes radome_lanes_same(const uint8_t *p) {
    __m128i v = _mm_loadu_si128((const __m128i *)p);
#if defined(__AVX512BW__)
    return _mm512_broadcast_i32x4(v);
#else
    return _mm256_broadcastsi128_si256(v);
#endif
}

/* Costs of four steps of each window. */
static inline radome_lanes radome_lanes_costs(const uint32_t *cost, ptrdiff_t stride) {
    __m128i a = _mm_loadu_si128((const __m128i *)cost), b = _mm_loadu_si128((const __m128i *)(cost + stride));
#if defined(__AVX512BW__)
    __m128i c = _mm_loadu_si128((const __m128i *)(cost + 2 * stride));
    __m128i d = _mm_loadu_si128((const __m128i *)(cost + 3 * stride));
    __m512i v = _mm512_inserti32x4(_mm512_castsi128_si512(a), b, 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(v, c, 2), d, 3);
#else
    return _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
#endif
}

/* Where p <= q: a, otherwise b. `least` is the lesser of p and q. */
static inline radome_lanes radome_lanes_choose(radome_lanes p, radome_lanes q, radome_lanes least, radome_lanes a,
                                               radome_lanes b) {
#if defined(__AVX512BW__)
    return _mm512_mask_blend_epi8(_mm512_cmple_epu8_mask(p, q), b, a);
#else
    return _mm256_blendv_epi8(b, a, _mm256_cmpeq_epi8(least, p));
#endif
}

/* Eight steps; without `origins` nobody will trace back over them. */
static inline __attribute__((always_inline)) void radome_lanes_hop(radome_lanes *m, radome_lanes *h,
                                                                   const uint32_t *cost, ptrdiff_t stride,
                                                                   const radome_lanes *pairs, int origins) {
    radome_lanes costs, least;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 8
#endif
    for (int step = 0; step < 8; step++) {
        if (step % 4 == 0) costs = radome_lanes_costs(cost + step, stride);
        radome_lanes m4[4], h4[4];
        for (int k = 0; k < 2; k++) { /* states 0 to 15 with 32 to 47, 16 to 31 with 48 to 63 */
            radome_lanes b = RADOME_OP(shuffle_epi8)(costs, pairs[4 * (step % 4) + k]);
            radome_lanes c = RADOME_OP(shuffle_epi8)(costs, pairs[4 * (step % 4) + 2 + k]);
            radome_lanes p = RADOME_OP(adds_epu8)(m[k], b), q = RADOME_OP(adds_epu8)(m[k + 2], c);
            radome_lanes r = RADOME_OP(adds_epu8)(m[k], c), s = RADOME_OP(adds_epu8)(m[k + 2], b);
            radome_lanes even = RADOME_OP(min_epu8)(p, q), odd = RADOME_OP(min_epu8)(r, s);
            m4[2 * k] = RADOME_OP(unpacklo_epi8)(even, odd);
            m4[2 * k + 1] = RADOME_OP(unpackhi_epi8)(even, odd);
            if (origins) {
                p = radome_lanes_choose(p, q, even, h[k], h[k + 2]);
                r = radome_lanes_choose(r, s, odd, h[k], h[k + 2]);
                h4[2 * k] = RADOME_OP(unpacklo_epi8)(p, r);
                h4[2 * k + 1] = RADOME_OP(unpackhi_epi8)(p, r);
            }
        }
        for (int k = 0; k < 4; k++) {
            m[k] = m4[k];
            if (origins) h[k] = h4[k];
            if (origins && step == 1) h[k] |= RADOME_OP(set1_epi32)(0x30201000);
        }
        if (step == 3) {
            least = RADOME_OP(min_epu8)(RADOME_OP(min_epu8)(m[0], m[1]), RADOME_OP(min_epu8)(m[2], m[3]));
            least = RADOME_OP(min_epu8)(least, RADOME_OP(shuffle_epi32)(least, 0x4e));
            least = RADOME_OP(min_epu8)(least, RADOME_OP(shuffle_epi32)(least, 0xb1));
            least = RADOME_OP(min_epu8)(least, RADOME_OP(srli_epi32)(least, 16));
            least = RADOME_OP(min_epu8)(least, RADOME_OP(srli_epi32)(least, 8));
            least = RADOME_OP(shuffle_epi8)(least, least ^ least);
        }
        if (step == 7)
            for (int k = 0; k < 4; k++) m[k] = RADOME_OP(sub_epi8)(m[k], least);
    }
}

static void radome_lanes_advance(uint8_t *metric, uint8_t *origins, const uint8_t *code, const uint32_t *cost,
                                 ptrdiff_t stride, const uint8_t *start, ptrdiff_t warm, ptrdiff_t hops) {
    radome_lanes m[4] = {0}, h[4], own[4], pairs[16];
    uint8_t lanes[sizeof(radome_lanes)] = {0};
    for (int k = 0; k < 4; k++) {
        radome_lanes pair = radome_lanes_same(code + 16 * (k & 1)) ^ RADOME_OP(set1_epi8)(k < 2 ? 0 : 3);
        for (int step = 0; step < 4; step++) pairs[4 * step + k] = pair | RADOME_OP(set1_epi8)((char)(4 * step));
        for (int i = 0; i < 16; i++) lanes[i] = (uint8_t)(k << 6 | i);
        own[k] = radome_lanes_same(lanes);
    }
    for (ptrdiff_t i = 0; i < warm; i += 8) radome_lanes_hop(m, h, cost + i, stride, pairs, 0);
    memset(lanes, 0, sizeof lanes);
    for (int k = 0; start && k < 4; k++) {
        memcpy(lanes, start + 16 * k, 16);
        m[k] = RADOME_OP(adds_epu8)(m[k], radome_lanes_load(lanes));
    }
    cost += warm;
    for (; hops > 0; hops--, cost += 8, origins += RADOME_ROW) {
        for (int k = 0; k < 4; k++) h[k] = own[k];
        radome_lanes_hop(m, h, cost, stride, pairs, 1);
        for (int k = 0; k < 4; k++) memcpy(origins + 64 * k, &h[k], sizeof h[k]);
    }
    for (int k = 0; k < 4; k++) {
        memcpy(lanes, &m[k], sizeof lanes);
        for (int w = 0; w < RADOME_ABREAST; w++) memcpy(metric + 64 * w + 16 * k, lanes + 16 * w, 16);
    }
}
#endif

static void radome_row(uint8_t *row, const uint8_t *origin) {
    for (int k = 0; k < 4; k++) memcpy(row + 64 * k, origin + 16 * k, 16);
}

/* Windows of warm + n steps, at `stride` steps from each other: 1, 2 or 4 of them. The first `warm` steps, a multiple
   of eight, only make metrics of what is nothing yet; after them `start` is added to the first window's. Gives the
   windows' metrics, 64 each, and rows of origins, a last one of fewer steps included. */
static void radome_advance(uint8_t *metric, uint8_t *origins, const uint8_t *code, const uint32_t *cost,
                           ptrdiff_t stride, int windows, const uint8_t *start, ptrdiff_t warm, ptrdiff_t n) {
    ptrdiff_t done = 0;
    uint8_t origin[64];
#if defined(__AVX2__)
    done = n & ~7;
    for (int w = 0; w < windows; w += RADOME_ABREAST)
        radome_lanes_advance(metric + 64 * w, origins + 16 * w, code, cost + w * stride, stride, w ? NULL : start, warm,
                             n / 8);
#else
    for (int w = 0; w < windows; w++) {
        uint8_t *own = metric + 64 * w;
        memset(own, 0, 64);
        for (ptrdiff_t i = 0; i < warm; i += 8) radome_steps(own, origin, code, cost + w * stride + i, 8);
        for (int i = 0; w == 0 && i < 64; i++) own[i] = own[i] + start[i] < 255 ? own[i] + start[i] : 255;
    }
#endif
    for (; done < n; done += 8)
        for (int w = 0; w < windows; w++) {
            radome_steps(metric + 64 * w, origin, code, cost + w * stride + warm + done, n - done < 8 ? n - done : 8);
            radome_row(origins + done / 8 * RADOME_ROW + 16 * w, origin);
        }
}

/* The place of the best of 64 states. */
static uint8_t radome_best(const uint8_t *metric) {
    int best = 0;
    for (int i = 1; i < 64; i++)
        if (metric[i] < metric[best]) best = i;
    return (uint8_t)(best >> 4 << 6 | (best & 15));
}

/* Follow the survivors of some windows back over rows, side by side, so that they do not wait for one another. */
static inline __attribute__((always_inline)) void radome_follow(const uint8_t *origins, ptrdiff_t rows, int windows,
                                                                const uint8_t *places, uint8_t *bytes,
                                                                ptrdiff_t stride) {
    uint8_t at[RADOME_WINDOWS];
    for (int w = 0; w < windows; w++) at[w] = places[w];
    for (ptrdiff_t i = rows - 1; i >= 0; i--)
        for (int w = 0; w < windows; w++) {
            uint8_t found = origins[RADOME_ROW * i + 16 * w + at[w]];
            bytes[stride * w + i] = at[w] | (found & (uint8_t)~RADOME_PLACE);
            at[w] = found & RADOME_PLACE;
        }
}

/* Trace 1, 2 or 4 windows back from the places of their last states. Makes a byte a row: bits 3 to 0 are the last bits
   of the row's, 7 and 6 those before them, 5 and 4 the first. */
static void radome_trace(const uint8_t *origins, ptrdiff_t rows, int windows, const uint8_t *places, uint8_t *bytes,
                         ptrdiff_t stride) {
    if (windows == 4)
        radome_follow(origins, rows, 4, places, bytes, stride);
    else if (windows == 2)
        radome_follow(origins, rows, 2, places, bytes, stride);
    else
        radome_follow(origins, rows, 1, places, bytes, stride);
}

/* Eight such bytes to a word. */
static inline uint64_t radome_word(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) word = word << 8 | bytes[i];
    return (word & 0xc0c0c0c0c0c0c0c0u) >> 2 | (word & 0x3030303030303030u) << 2 | (word & 0x0f0f0f0f0f0f0f0fu);
}

/* The byte of a row that has only n steps, as if eight were made: its bits stand first. */
static inline uint8_t radome_last(uint8_t byte, ptrdiff_t n) {
    unsigned bits = (byte & 0xc0u) >> 2 | (byte & 15u); /* the last six */
    if (n == 7) bits |= (byte & 0x20u) << 1;
    bits <<= 8 - n;
    return (uint8_t)((bits & 0xc0) >> 2 | (bits & 0x30) << 2 | (bits & 15));
}
#endif
