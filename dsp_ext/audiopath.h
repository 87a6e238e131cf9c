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

/* Midway between the means of what is above it and what is not, some rounds over; sum is that of all. */
static inline float radome_middle(const float *v, ptrdiff_t n, float sum) {
    const radome_v8 zero = {0};
    float middle = 0, before = -1;
    for (int i = 0; i < RADOME_ROUNDS; i++) {
        radome_v8 high = zero;
        radome_i8 many = {0};
        for (ptrdiff_t k = 0; k < n; k += 8) {
            const radome_i8 above = RADOME_V8(v + k) > zero + middle;
            high += (radome_v8)(above & (radome_i8)RADOME_V8(v + k));
            many -= above;
        }
        const float count = radome_v8_sum(__builtin_convertvector(many, radome_v8)), top = radome_v8_sum(high);
        /* the sets are nested, so as many are the same */
        if (count == before || count == 0 || count == n) break;
        middle = (top / count + (sum - top) / (n - count)) / 2;
        before = count;
    }
    return middle;
}

typedef struct {
    float power;  /* mean square about the middle */
    float misfit; /* mean square of what the fit leaves, over that of what the symbol itself brings; at most 9 */
    float turns;  /* mean product of neighbouring decisions */
} radome_told;

/* Of v[k] = u[k] - r u[k-1], k = 0 to n-1, n a multiple of 8 up to 128, u[-1] is there: least squares for (before, at,
   behind, constant) by the decisions. */
static inline void radome_misfit(const float *u, ptrdiff_t n, float r, radome_told *told) {
    float v[RADOME_BLOCK];
    float padded[RADOME_BLOCK + 16];
    float *const s = padded + 8;
    const radome_v8 zero = {0}, one = zero + 1;
    const radome_i8 sign = (radome_i8)(-zero);
    radome_v8 total = zero, square = zero, own = zero, before = zero, behind = zero, ones = zero, pair = zero, over = zero;
    double g[4][5], h[4], f, left;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(u + k) - r * RADOME_V8(u + k - 1);
        RADOME_V8(v + k) = w;
        total += w;
    }
    const float middle = radome_middle(v, n, radome_v8_sum(total));
    total = zero;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(v + k) - middle;
        RADOME_V8(v + k) = w;
        RADOME_V8(s + k) = (radome_v8)(((radome_i8)w & sign) | (radome_i8)one);
        total += w;
        square += w * w;
    }
    RADOME_V8(padded) = RADOME_V8(s + n) = zero;
    for (ptrdiff_t k = 0; k < n; k += 8) {
        const radome_v8 w = RADOME_V8(v + k), a = RADOME_V8(s + k), p = RADOME_V8(s + k - 1), q = RADOME_V8(s + k + 1);
        ones += a;
        pair += p * a;
        over += p * q;
        before += w * p;
        own += w * a;
        behind += w * q;
    }
    /* less those at the ends, which have a neighbour only on one side */
    const float v0 = v[0], v1 = v[n - 1], s0 = s[0], s1 = s[1], e1 = s[n - 2], e0 = s[n - 1];
    const double m = n - 2, a = radome_v8_sum(ones) - s0 - e0, pa = radome_v8_sum(pair) - e1 * e0;
    const double p = a + s0 - e1, q = a - s1 + e0, aq = pa - s0 * s1 + e1 * e0, pq = radome_v8_sum(over);
    const double c[4] = {radome_v8_sum(before) - v1 * e1, radome_v8_sum(own) - v0 * s0 - v1 * e0,
                         radome_v8_sum(behind) - v0 * s1, radome_v8_sum(total) - v0 - v1};
    /* a little is added to the diagonal: a steady pattern does not tell the coefficients apart */
    const double more[4] = {0.02 * m, 0.001 * m, 0.02 * m, 0.02 * m};
    const double start[4][4] = {{m, pa, pq, p}, {pa, m, aq, a}, {pq, aq, m, q}, {p, a, q, m}};
    for (int i = 0; i < 4; i++) {
        for (int j = 0; j < 4; j++) g[i][j] = start[i][j];
        g[i][i] += more[i];
        g[i][4] = c[i];
    }
    for (int i = 0; i < 4; i++)
        for (int j = i + 1; j < 4; j++) {
            f = g[i][j] / g[i][i]; /* symmetric */
            for (int k = j; k < 5; k++) g[j][k] -= f * g[i][k];
        }
    for (int i = 3; i >= 0; i--) {
        f = g[i][4];
        for (int k = i + 1; k < 4; k++) f -= g[i][k] * h[k];
        h[i] = f / g[i][i];
    }
    left = radome_v8_sum(square) - v0 * v0 - v1 * v1;
    for (int i = 0; i < 4; i++) left -= h[i] * (c[i] + more[i] * h[i]);
    f = m * h[1] * h[1];
    told->power = radome_v8_sum(square) / n;
    told->misfit = h[1] > 0 && left < 9 * f ? (left > 0 ? left / f : 0) : 9;
    told->turns = pa / m;
}
#endif
