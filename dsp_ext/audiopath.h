/* How well a block of symbols behind a filter of two taps fits two levels whose neighbours reach into each other. Sums
   are in eight parts whatever the instruction set. */
#ifndef RADOME_AUDIOPATH_H
#define RADOME_AUDIOPATH_H
#include "simd.h"

enum { RADOME_BLOCK = 128, RADOME_ROUNDS = 4 };

/* u[k] = scale (y[k] + a sums[k]) less its mean, k = 0 to n-1, and u[-1] by the same; n as below. */
static inline void radome_droop(const float *y, const float *sums, ptrdiff_t n, float a, float scale, float *u) {
    radome_v8 sum = {0};
    float mean;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        radome_v8 v = scale * (RADOME_V8(y + k) + a * RADOME_V8(sums + k));
        RADOME_V8(u + k) = v;
        sum += v;
    }
    mean = radome_v8_sum(sum) / n;
    for (ptrdiff_t k = 0; k < n; k += 8)
        RADOME_V8(u + k) -= mean;
    u[-1] = scale * (y[-1] + a * sums[-1]) - mean;
}

/* The sums of eight vectors. */
static inline radome_v8 radome_sums(radome_v8 a, radome_v8 b, radome_v8 c, radome_v8 d, radome_v8 e, radome_v8 f,
                                    radome_v8 g, radome_v8 h) {
#define RADOME_HALVES(x, y) (RADOME_V8_LANES(x, y, 0, 8, 1, 9, 4, 12, 5, 13) + RADOME_V8_LANES(x, y, 2, 10, 3, 11, 6, 14, 7, 15))
#define RADOME_FOURTHS(x, y) (RADOME_V8_LANES(x, y, 0, 1, 8, 9, 4, 5, 12, 13) + RADOME_V8_LANES(x, y, 2, 3, 10, 11, 6, 7, 14, 15))
    const radome_v8 ab = RADOME_HALVES(a, b), cd = RADOME_HALVES(c, d), ef = RADOME_HALVES(e, f);
    const radome_v8 gh = RADOME_HALVES(g, h), low = RADOME_FOURTHS(ab, cd), high = RADOME_FOURTHS(ef, gh);
    return RADOME_V8_LANES(low, high, 0, 1, 2, 3, 8, 9, 10, 11) + RADOME_V8_LANES(low, high, 4, 5, 6, 7, 12, 13, 14, 15);
#undef RADOME_HALVES
#undef RADOME_FOURTHS
}

typedef struct {
    float power;  /* mean square about the centre */
    float misfit; /* mean square of what the fit leaves, over that of what the symbol itself brings; at most 9 */
    float turns;  /* mean product of neighbouring decisions */
} radome_told;

/* Of v[k] = u[k] - r u[k-1], k = 0 to n-1, n a multiple of 8 up to 128, u[-1] is there, u's mean 0: least squares for
   (before, at, behind, constant) by the decisions. Beyond the ends there are none, which brings little. */
static inline void radome_misfit(const float *u, ptrdiff_t n, float r, radome_told *told) {
    float v[RADOME_BLOCK];
    float padded[RADOME_BLOCK + 16];
    float *const s = padded + 8;
    const radome_v8 zero = {0}, one = zero + 1;
    const radome_i8 sign = (radome_i8)(-zero);
    radome_v8 total = zero, high = zero, square = zero, own = zero, before = zero, behind = zero;
    radome_v8 ones = zero, pair = zero, over = zero;
    radome_i8 many = {0};
    float middle = 0, was = 0;
    const float m = (float)n;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(u + k) - r * RADOME_V8(u + k - 1);
        const radome_i8 above = w > zero;
        RADOME_V8(v + k) = w;
        total += w;
        high += (radome_v8)(above & (radome_i8)w);
        many -= above;
    }
    /* the centre is midway between the means of what is above it and what is not, some rounds over */
    const float sum = radome_v8_sum(total);
    for (int i = 1;; i++) {
        const float count = radome_v8_sum(__builtin_convertvector(many, radome_v8)), top = radome_v8_sum(high);
        if (count == 0 || count == m) break;
        const float upper = top / count, lower = (sum - top) / (m - count);
        was = middle;
        middle = (upper + lower) / 2;
        if (i == RADOME_ROUNDS || fabsf(middle - was) <= 0.05f * (upper - lower)) break;
        high = zero;
        many -= many;
        for (ptrdiff_t k = 0; k < n; k += 8) {
            const radome_i8 above = RADOME_V8(v + k) > zero + middle;
            high += (radome_v8)(above & (radome_i8)RADOME_V8(v + k));
            many -= above;
        }
    }
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(v + k) - middle;
        RADOME_V8(v + k) = w;
        RADOME_V8(s + k) = (radome_v8)(((radome_i8)w & sign) | (radome_i8)one);
    }
    RADOME_V8(padded) = RADOME_V8(s + n) = zero;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(v + k), a = RADOME_V8(s + k), p = RADOME_V8(s + k - 1), q = RADOME_V8(s + k + 1);
        square += w * w;
        own += w * a;
        before += w * p;
        behind += w * q;
        ones += a;
        pair += p * a;
        over += p * q;
    }
    const radome_v8 sums = radome_sums(square, own, before, behind, ones, pair, over, zero);
    /* by sum and difference of the neighbours, of which the difference has nothing to do with the others; a little is
       added to the diagonal: a steady pattern does not tell the coefficients apart */
    const float all = sums[0], c_a = sums[1], c_p = sums[2] + sums[3], c_q = sums[2] - sums[3], c_1 = sum - m * middle;
    const float pp = 2 * (m - 1 + sums[6]), qq = 2 * (m - 1 - sums[6]), pa = 2 * sums[5], a1 = sums[4], p1 = 2 * a1;
    const float more = 0.02f * m, more_a = 0.001f * m;
    const float h_q = c_q / (qq + 2 * more);
    const float each = 1 / (m + more), f_a = a1 * each, f_p = p1 * each;
    const float g_aa = m + more_a - f_a * a1, g_pa = pa - f_p * a1, g_pp = pp + 2 * more - f_p * p1;
    const float d_a = c_a - f_a * c_1, d_p = c_p - f_p * c_1, f = g_pa / g_pp;
    const float h_a = (d_a - f * d_p) / (g_aa - f * g_pa), h_p = (d_p - g_pa * h_a) / g_pp;
    const float h_1 = (c_1 - a1 * h_a - p1 * h_p) * each;
    const float left = all - h_q * (c_q + 2 * more * h_q) - h_p * (c_p + 2 * more * h_p) - h_a * (c_a + more_a * h_a)
                       - h_1 * (c_1 + more * h_1);
    const float brought = m * h_a * h_a;
    told->power = all / m;
    told->misfit = h_a > 0 && left < 9 * brought ? (left > 0 ? left / brought : 0) : 9;
    told->turns = sums[5] / m;
}
#endif
