/* Vectors of the width that the instruction set has, by GCC's and clang's vector extensions, and the sums made of them.
   Each sum is over the same partial sums in the same order whatever the alignment, so cutting a stream changes no bit. */
#ifndef RADOME_SIMD_H
#define RADOME_SIMD_H
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define RADOME_LANES 16
#elif defined(__AVX2__)
#define RADOME_LANES 8
#else
#define RADOME_LANES 4
#endif

typedef float radome_vf __attribute__((vector_size(4 * RADOME_LANES)));
typedef float radome_v4 __attribute__((vector_size(16)));
typedef int32_t radome_vi __attribute__((vector_size(4 * RADOME_LANES)));
typedef uint32_t radome_vu __attribute__((vector_size(4 * RADOME_LANES)));
typedef uint64_t radome_vq __attribute__((vector_size(4 * RADOME_LANES)));

/* Eight floats, wherever they stand: read and written whole, since GCC makes halves of what memcpy moves, and a whole read
   soon after would wait for both. */
typedef float radome_v8 __attribute__((vector_size(32), aligned(4), may_alias));
#define RADOME_V8(p) (*(radome_v8 *)(p))
typedef int32_t radome_i8 __attribute__((vector_size(32), aligned(4), may_alias));

/* lanes of two such vectors, or of two of four floats, those of the second behind those of the first */
#if defined(__clang__) || __GNUC__ >= 12
#define RADOME_V4_LANES(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#define RADOME_V8_LANES(x, y, ...) __builtin_shufflevector(x, y, __VA_ARGS__)
#else
typedef int32_t radome_i4 __attribute__((vector_size(16)));
#define RADOME_V4_LANES(x, y, ...) __builtin_shuffle(x, y, (radome_i4){__VA_ARGS__})
#define RADOME_V8_LANES(x, y, ...) __builtin_shuffle(x, y, (radome_i8){__VA_ARGS__})
#endif

static inline radome_v8 radome_v8_choose(radome_i8 mask, radome_v8 a, radome_v8 b) {
    return (radome_v8)((mask & (radome_i8)a) | (~mask & (radome_i8)b));
}

static inline radome_v8 radome_v8_least(radome_v8 a, radome_v8 b) {
#ifdef __AVX__
    return __builtin_ia32_minps256(a, b);
#else
    return radome_v8_choose(a < b, a, b);
#endif
}

static inline radome_v8 radome_v8_most(radome_v8 a, radome_v8 b) {
#ifdef __AVX__
    return __builtin_ia32_maxps256(a, b);
#else
    return radome_v8_choose(a > b, a, b);
#endif
}

/* bit s: whether lane s is true */
static inline unsigned char radome_v8_bits(radome_i8 mask) {
#ifdef __AVX__
    return (unsigned char)__builtin_ia32_movmskps256((radome_v8)mask);
#else
    unsigned char bits = 0;
    for (int s = 0; s < 8; s++) bits |= (unsigned char)((mask[s] & 1) << s);
    return bits;
#endif
}

static inline float radome_v8_sum(radome_v8 v) {
    radome_v4 low, high;
    memcpy(&low, &v, sizeof low);
    memcpy(&high, (const char *)&v + sizeof low, sizeof high);
    low += high;
    return (low[0] + low[2]) + (low[1] + low[3]);
}

static inline radome_vf radome_load(const float *p) {
    radome_vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* sum + x*y. Where the compiler must not fuse (see CMakeLists.txt), sums of filters are. */
#if defined(__aarch64__)
#define RADOME_ADD(sum, x, y) \
    ((radome_vf)vfmaq_f32((float32x4_t)(sum), (float32x4_t)(x), (float32x4_t)(y)))
#else
#define RADOME_ADD(sum, x, y) ((sum) + (x) * (y))
#endif

/* Lanes a, b, c, d of two vectors, those of the second from RADOME_LANES on; the same in each 16 bytes. */
#if RADOME_LANES == 16
#define RADOME_EACH(a, b, c, d)                                                                               \
    a, b, c, d, a + 4, b + 4, c + 4, d + 4, a + 8, b + 8, c + 8, d + 8, a + 12, b + 12, c + 12, d + 12
#elif RADOME_LANES == 8
#define RADOME_EACH(a, b, c, d) a, b, c, d, a + 4, b + 4, c + 4, d + 4
#else
#define RADOME_EACH(a, b, c, d) a, b, c, d
#endif
#if defined(__clang__) || __GNUC__ >= 12
#define RADOME_SHUFFLE(x, y, ...) __builtin_shufflevector(x, y, RADOME_EACH(__VA_ARGS__))
#else
#define RADOME_SHUFFLE(x, y, ...) __builtin_shuffle(x, y, (radome_vi){RADOME_EACH(__VA_ARGS__)})
#endif

/* Places of n taps that make whole vectors: the last vector of x overlaps the one before it when n is no multiple of
   the lanes, and its taps are zero where that one has been. Gives how many floats that takes. */
static inline ptrdiff_t radome_room(ptrdiff_t n) { return (n + RADOME_LANES - 1) / RADOME_LANES * RADOME_LANES; }

static inline void radome_lay(const float *taps, ptrdiff_t n, float *h) {
    ptrdiff_t whole = n < RADOME_LANES ? n : n - n % RADOME_LANES, room = radome_room(n);
    memset(h, 0, room * sizeof(float));
    memcpy(h, taps, whole * sizeof(float));
    memcpy(h + room - (n - whole), taps + whole, (n - whole) * sizeof(float));
}

/* Sum of the lanes, or with pairs two sums: of the even and of the odd ones. By halves, as radome_folds does. */
static inline void radome_fold(radome_vf v, int pairs, float *y) {
    radome_v4 s, part[RADOME_LANES / 4];
    memcpy(part, &v, sizeof part);
    for (int n = RADOME_LANES / 8; n; n /= 2)
        for (int k = 0; k < n; k++) part[k] += part[k + n];
    s = part[0];
    if (pairs) {
        y[0] = s[0] + s[2];
        y[1] = s[1] + s[3];
    } else
        y[0] = (s[0] + s[2]) + (s[1] + s[3]);
}

/* Eight lanes, to which the others are added. */
static inline radome_v8 radome_half(radome_vf v) {
#if RADOME_LANES == 16 && (defined(__clang__) || __GNUC__ >= 12)
    /* not by memcpy, for which GCC keeps a sum in memory while it grows */
    return __builtin_shufflevector(v, v, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    radome_v8 half = {0}, part;
    memcpy(&half, &v, RADOME_LANES < 8 ? sizeof v : sizeof half);
    if (RADOME_LANES > 8) {
        memcpy(&part, (const char *)&v + sizeof v - sizeof part, sizeof part);
        half += part;
    }
    return half;
#endif
}

/* the same of four vectors */
static inline void radome_folds(radome_vf a, radome_vf b, radome_vf c, radome_vf d, int pairs, float *y) {
#if RADOME_LANES >= 8
    const radome_v8 a8 = radome_half(a), b8 = radome_half(b), c8 = radome_half(c), d8 = radome_half(d);
    const radome_v8 ab = RADOME_V8_LANES(a8, b8, 0, 1, 2, 3, 8, 9, 10, 11)
                         + RADOME_V8_LANES(a8, b8, 4, 5, 6, 7, 12, 13, 14, 15);
    const radome_v8 cd = RADOME_V8_LANES(c8, d8, 0, 1, 2, 3, 8, 9, 10, 11)
                         + RADOME_V8_LANES(c8, d8, 4, 5, 6, 7, 12, 13, 14, 15);
    const radome_v8 s = RADOME_V8_LANES(ab, cd, 0, 1, 8, 9, 4, 5, 12, 13)
                        + RADOME_V8_LANES(ab, cd, 2, 3, 10, 11, 6, 7, 14, 15);
    if (pairs)
        RADOME_V8(y) = RADOME_V8_LANES(s, s, 0, 1, 4, 5, 2, 3, 6, 7);
    else {
        y[0] = s[0] + s[1];
        y[1] = s[4] + s[5];
        y[2] = s[2] + s[3];
        y[3] = s[6] + s[7];
    }
#else
    radome_fold(a, pairs, y);
    radome_fold(b, pairs, y + 1 + pairs);
    radome_fold(c, pairs, y + 2 + 2 * pairs);
    radome_fold(d, pairs, y + 3 + 3 * pairs);
#endif
}

/* so many bytes more let what is allocated begin with a line of the cache, which whole vectors then do not straddle */
enum { RADOME_LINE = 64 };
static inline float *radome_aligned(void *p) { return (float *)(((uintptr_t)p + RADOME_LINE - 1) / RADOME_LINE * RADOME_LINE); }

/* Sum of x[i]*h[i] over n floats, taps as laid by radome_lay; two sums for even and odd i where pairs. */
static inline __attribute__((always_inline)) void radome_dot(const float *x, const float *h, ptrdiff_t n, int pairs,
                                                             float *y) {
    radome_vf a = {0}, b = {0};
    ptrdiff_t i = 0;
    for (; i + 2 * RADOME_LANES <= n; i += 2 * RADOME_LANES) {
        a = RADOME_ADD(a, radome_load(x + i), radome_load(h + i));
        b = RADOME_ADD(b, radome_load(x + i + RADOME_LANES), radome_load(h + i + RADOME_LANES));
    }
    if (i + RADOME_LANES <= n) {
        a = RADOME_ADD(a, radome_load(x + i), radome_load(h + i));
        i += RADOME_LANES;
    }
    if (i < n && n > RADOME_LANES)
        b = RADOME_ADD(b, radome_load(x + n - RADOME_LANES), radome_load(h + i));
    else
        for (; i < n; i++) b[i] = x[i] * h[i];
    radome_fold(a + b, pairs, y);
}

/* The same for four rows of RADOME_LANES floats or more side by side, so that no addition waits for the one before;
   each is summed as radome_dot does. */
static inline __attribute__((always_inline)) void radome_dots(const float *x0, const float *x1, const float *x2,
                                                              const float *x3, const float *h0, const float *h1,
                                                              const float *h2, const float *h3, ptrdiff_t n, int pairs,
                                                              float *y) {
    radome_vf a0 = {0}, a1 = {0}, a2 = {0}, a3 = {0}, b0 = {0}, b1 = {0}, b2 = {0}, b3 = {0};
    ptrdiff_t i = 0, j;
    for (; i + 2 * RADOME_LANES <= n; i += 2 * RADOME_LANES) {
        j = i + RADOME_LANES;
        a0 = RADOME_ADD(a0, radome_load(x0 + i), radome_load(h0 + i));
        a1 = RADOME_ADD(a1, radome_load(x1 + i), radome_load(h1 + i));
        a2 = RADOME_ADD(a2, radome_load(x2 + i), radome_load(h2 + i));
        a3 = RADOME_ADD(a3, radome_load(x3 + i), radome_load(h3 + i));
        b0 = RADOME_ADD(b0, radome_load(x0 + j), radome_load(h0 + j));
        b1 = RADOME_ADD(b1, radome_load(x1 + j), radome_load(h1 + j));
        b2 = RADOME_ADD(b2, radome_load(x2 + j), radome_load(h2 + j));
        b3 = RADOME_ADD(b3, radome_load(x3 + j), radome_load(h3 + j));
    }
    if (i + RADOME_LANES <= n) {
        a0 = RADOME_ADD(a0, radome_load(x0 + i), radome_load(h0 + i));
        a1 = RADOME_ADD(a1, radome_load(x1 + i), radome_load(h1 + i));
        a2 = RADOME_ADD(a2, radome_load(x2 + i), radome_load(h2 + i));
        a3 = RADOME_ADD(a3, radome_load(x3 + i), radome_load(h3 + i));
        i += RADOME_LANES;
    }
    if (i < n) {
        j = n - RADOME_LANES;
        b0 = RADOME_ADD(b0, radome_load(x0 + j), radome_load(h0 + i));
        b1 = RADOME_ADD(b1, radome_load(x1 + j), radome_load(h1 + i));
        b2 = RADOME_ADD(b2, radome_load(x2 + j), radome_load(h2 + i));
        b3 = RADOME_ADD(b3, radome_load(x3 + j), radome_load(h3 + i));
    }
    radome_folds(a0 + b0, a1 + b1, a2 + b2, a3 + b3, pairs, y);
}

/* (y0, y1) = sums of x[2i]*h2[2i] and x[2i+1]*h2[2i+1], each tap standing twice in h2; n complex items, any number */
static inline void radome_dot_complex(const float *x, const float *h2, ptrdiff_t n, float *y) {
    ptrdiff_t whole = 2 * n / RADOME_LANES * RADOME_LANES;
    radome_dot(x, h2, whole, 1, y);
    for (ptrdiff_t i = whole; i < 2 * n; i++) y[i % 2] += x[i] * h2[i];
}

/* One float, or with pairs two, in all places of a vector. As whole numbers, to which adding zero is nothing. */
static inline radome_vf radome_splat(const float *x, int pairs) {
    uint32_t one;
    uint64_t two;
    if (pairs) {
        memcpy(&two, x, sizeof two);
        return (radome_vf)((radome_vq){0} + two);
    }
    memcpy(&one, x, sizeof one);
    return (radome_vf)((radome_vu){0} + one);
}

/* Outputs of a filter, a vector of them at a time: vector r is the sum of x[r*hop + k] h[k], where x counts floats, or
   pairs of them, and the rows h[k] are whole vectors. In y they are so many floats apart. Each output is summed in the
   order of k whatever is done side by side. */
static inline __attribute__((always_inline)) void radome_beside(const float *x, ptrdiff_t hop, const float *h, ptrdiff_t n,
                                                                int pairs, ptrdiff_t count, float *y, ptrdiff_t apart) {
    enum { SIDE = 8 };
    hop <<= pairs;
    for (; count >= SIDE; count -= SIDE, x += SIDE * hop, y += SIDE * apart) {
        radome_vf sum[SIDE];
        for (int r = 0; r < SIDE; r++) sum[r] = (radome_vf){0};
        for (ptrdiff_t k = 0; k < n; k++) {
            const radome_vf row = radome_load(h + k * RADOME_LANES);
            for (int r = 0; r < SIDE; r++)
                sum[r] = RADOME_ADD(sum[r], radome_splat(x + r * hop + (k << pairs), pairs), row);
        }
        for (int r = 0; r < SIDE; r++) memcpy(y + r * apart, &sum[r], sizeof sum[r]);
    }
    for (; count > 0; count--, x += hop, y += apart) {
        radome_vf sum = {0};
        for (ptrdiff_t k = 0; k < n; k++)
            sum = RADOME_ADD(sum, radome_splat(x + (k << pairs), pairs), radome_load(h + k * RADOME_LANES));
        memcpy(y, &sum, sizeof sum);
    }
}

/* Outputs of a decimating filter: row m begins at x[m*step]; n taps, twice each where pairs */
static inline __attribute__((always_inline)) void radome_decimate(const float *x, ptrdiff_t step, const float *h,
                                                                  ptrdiff_t n, ptrdiff_t outputs, int pairs, float *y) {
    ptrdiff_t m = 0;
    for (; m + 4 <= outputs && n >= RADOME_LANES; m += 4, x += 4 * step, y += 4 << pairs)
        radome_dots(x, x + step, x + 2 * step, x + 3 * step, h, h, h, h, n, pairs, y);
    for (; m < outputs; m++, x += step, y += 1 << pairs) radome_dot(x, h, n, pairs, y);
}

/* Outputs of a filter at each float, or pair of them: y[i] is the sum of h[k] x[i + k], where x and h count as y does; h has
   n single taps. Vectors of outputs, each summed in the order of k. */
static inline __attribute__((always_inline)) void radome_slide(const float *x, const float *h, ptrdiff_t n, int pairs,
                                                               ptrdiff_t outputs, float *y) {
    enum { SIDE = 8 };
    ptrdiff_t i = 0;
    outputs <<= pairs;
    for (; i + SIDE * RADOME_LANES <= outputs; i += SIDE * RADOME_LANES) {
        radome_vf sum[SIDE];
        for (int r = 0; r < SIDE; r++) sum[r] = (radome_vf){0};
        for (ptrdiff_t k = 0; k < n; k++) {
            const radome_vf tap = radome_splat(h + k, 0);
            for (int r = 0; r < SIDE; r++)
                sum[r] = RADOME_ADD(sum[r], radome_load(x + i + (k << pairs) + r * RADOME_LANES), tap);
        }
        for (int r = 0; r < SIDE; r++) memcpy(y + i + r * RADOME_LANES, &sum[r], sizeof sum[r]);
    }
    for (; i < outputs; i += RADOME_LANES) {
        /* the last ones may be fewer */
        const size_t size = (outputs - i < RADOME_LANES ? outputs - i : RADOME_LANES) * sizeof(float);
        radome_vf sum = {0}, part = {0};
        for (ptrdiff_t k = 0; k < n; k++) {
            memcpy(&part, x + i + (k << pairs), size);
            sum = RADOME_ADD(sum, part, radome_splat(h + k, 0));
        }
        memcpy(y + i, &sum, size);
    }
}

/* cos(2 pi phase), phase in units of 2^-32 cycle: sin(pi/2 z), z = 1 - 4 |phase|, by the odd minimax polynomial of
   degree 9 on [-1, 1] */
static inline radome_vf radome_cosine(radome_vi phase) {
    radome_vi distance = 0x40000000 - (phase ^ phase >> 31); /* of negative phases it is 2^-32 cycle off */
    radome_vf z = __builtin_convertvector(distance, radome_vf) * 9.31322574615478515625e-10f; /* 2^-30 */
    radome_vf u = z * z, p = u * 0.00015081784744662595f - 0.0046722223270736695f;
    p = p * u + 0.07968847697364226f;
    p = p * u - 0.6459633592555618f;
    p = p * u + 1.5707962900843875f;
    return p * z;
}

/* y = x exp(j 2 pi phase) for RADOME_LANES complex items; phases in units of 2^-64 cycle, those of the first half of
   the items in `early`. Pairs of cosines and sines are laid out as the items are. */
static inline void radome_turn(const float *x, float *y, radome_vq early, radome_vq late) {
    radome_vi phase = RADOME_SHUFFLE((radome_vi)early, (radome_vi)late, 1, 3, RADOME_LANES + 1, RADOME_LANES + 3);
    radome_vf c = radome_cosine(phase), s = radome_cosine((radome_vi)((radome_vu)phase - 0x40000000)), x0 = radome_load(x),
              x1 = radome_load(x + RADOME_LANES);
    radome_vf c0 = RADOME_SHUFFLE(c, c, 0, 0, 1, 1), c1 = RADOME_SHUFFLE(c, c, 2, 2, 3, 3);
    radome_vf s0 = RADOME_SHUFFLE(-s, s, 0, RADOME_LANES, 1, RADOME_LANES + 1);
    radome_vf s1 = RADOME_SHUFFLE(-s, s, 2, RADOME_LANES + 2, 3, RADOME_LANES + 3);
    radome_vf y0 = x0 * c0 + RADOME_SHUFFLE(x0, x0, 1, 0, 3, 2) * s0;
    radome_vf y1 = x1 * c1 + RADOME_SHUFFLE(x1, x1, 1, 0, 3, 2) * s1;
    memcpy(y, &y0, sizeof y0);
    memcpy(y + RADOME_LANES, &y1, sizeof y1);
}

/* Cycles mod 1 in units of 2^-64; the halves meet, so that 1/2 does not overflow. */
static inline uint64_t radome_fixed(double cycles) {
    const double turn = 18446744073709551616.0, scaled = (cycles - rint(cycles)) * turn;
    return (uint64_t)(int64_t)(scaled < turn / 2 ? scaled : -turn / 2);
}

/* Items k = 0 .. n-1 turned by phase + k step + k (k - 1) / 2 rate */
static inline void radome_mix(const float *x, float *y, ptrdiff_t n, uint64_t phase, uint64_t step, uint64_t rate) {
    enum { HALF = RADOME_LANES / 2 };
    const uint64_t lanes = RADOME_LANES;
    radome_vq early, late, hop_early, hop_late, hop_rate = (radome_vq){0} + lanes * lanes * rate;
    float rest[2 * RADOME_LANES] = {0};
    for (uint64_t k = 0; k < lanes; k++) {
        uint64_t at = phase + k * step + k * (k - 1) / 2 * rate, hop = lanes * step + (lanes * k + lanes * (lanes - 1) / 2) * rate;
        if (k < HALF) {
            early[k] = at;
            hop_early[k] = hop;
        } else {
            late[k - HALF] = at;
            hop_late[k - HALF] = hop;
        }
    }
    for (; n >= RADOME_LANES; n -= RADOME_LANES, x += 2 * RADOME_LANES, y += 2 * RADOME_LANES) {
        radome_turn(x, y, early, late);
        early += hop_early;
        late += hop_late;
        hop_early += hop_rate;
        hop_late += hop_rate;
    }
    memcpy(rest, x, 2 * n * sizeof(float));
    radome_turn(rest, rest, early, late);
    memcpy(y, rest, 2 * n * sizeof(float));
}
#endif
